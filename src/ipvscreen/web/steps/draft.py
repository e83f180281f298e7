"""What the script keeps while the clinician is still on the page: a sealed draft, from the first yes on."""

from dataclasses import replace

from starlette.responses import Response

from ipvscreen.ipv.visit import Step
from ipvscreen.pathway.keep import keep
from ipvscreen.web.fields import DraftFields, Posted, own, split
from ipvscreen.web.turn import Turn

PAGES = (Step.QUESTIONS, Step.RESPOND)


async def save(turn: Turn, posted: Posted) -> Response:
    """Keep it and say nothing. The form stays unused: Save still has to come."""
    entered, rest = split(posted, turn.forms())
    fields = own(DraftFields, rest)
    draft = replace(turn.visit.draft, entered=entered, recording=fields.recording, flag=fields.flag)
    await keep(turn.rooms.store, turn.visit, draft, forms=turn.rooms.forms)
    return Response(status_code=204)
