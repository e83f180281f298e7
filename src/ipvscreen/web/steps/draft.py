"""What the script keeps while the clinician is still on the page: a sealed draft, from the first yes on."""

from dataclasses import replace

from starlette.responses import Response

from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.visit import Step
from ipvscreen.pathway.keep import keep
from ipvscreen.web.answers import entered
from ipvscreen.web.fields import DraftFields, FormFields, Posted, own
from ipvscreen.web.steps.account import keep_account
from ipvscreen.web.turn import Turn

PAGES = (Step.QUESTIONS, Step.RESPOND, Step.FORM, Step.OWN)


async def save(turn: Turn, posted: Posted) -> Response:
    """Keep it and say nothing. The form stays unused: Save still has to come."""
    if turn.step is Step.OWN:
        await keep_account(turn, posted)
        return Response(status_code=204)
    answers, rest = entered(turn, posted)
    draft = replace(_with_fields(turn, rest), entered=answers)
    await keep(turn.rooms.store, turn.visit, draft, pack=turn.pack)
    return Response(status_code=204)


def _with_fields(turn: Turn, rest: Posted) -> Draft:
    """The draft with what else stands on that page."""
    draft = turn.visit.draft
    if turn.step is Step.FORM:
        own(FormFields, rest)
        return draft
    fields = own(DraftFields, rest)
    reason = fields.reason if turn.step is Step.QUESTIONS and turn.pack.reason else draft.reason
    if turn.step is Step.RESPOND:
        concern = fields.concern and turn.visit.plan.allows("Condition")
        draft = replace(draft, known=fields.known, concern=concern)
    return replace(draft, recording=fields.recording, flag=fields.flag, reason=reason)
