"""The danger page: the telephone first; what became of the call opens Send."""

from dataclasses import replace

from starlette.responses import Response

from ipvscreen.ipv.draft import Call
from ipvscreen.ipv.visit import Door, Step, VisitState
from ipvscreen.messages import message
from ipvscreen.pathway.choose import choose
from ipvscreen.pathway.keep import keep
from ipvscreen.pathway.open_earlier import close_earlier
from ipvscreen.store.visits import Visit
from ipvscreen.web.fields import DangerFields, Posted, own
from ipvscreen.web.presenters.danger import danger_page
from ipvscreen.web.turn import Turn, go

_SAY = {"call": message("Say what became of the call.")}


async def show(turn: Turn) -> Response:
    """Numbers, and what to look at."""
    page = danger_page(turn.frame(), turn.visit, turn.assessment(), turn.numbers, turn.mistakes)
    return turn.render(page)


async def submit(turn: Turn, posted: Posted) -> Response:
    """Keep what became of the call; before anything was recorded, go on to respond."""
    fields = own(DangerFields, posted)
    if fields.call is None:
        return await turn.refuse(_SAY)
    visit = await _called(turn, fields.call)
    return go(turn.rooms, visit, Step.REFER if visit.state is VisitState.RECORDED else None)


async def _called(turn: Turn, call: Call) -> Visit:
    visit, store = await turn.claim(), turn.rooms.store
    if visit.state is VisitState.EARLIER:  # nothing of what was read there belongs to this conversation
        visit = await close_earlier(store, visit)
    if visit.state is VisitState.OPENED:
        visit = await choose(
            store,
            visit,
            Door.DANGER,
            pack=turn.pack,
            setting=visit.setting,
            age_confirmed=visit.age_confirmed,
            now=turn.now,
        )
    disclose = visit.state in (VisitState.ASKING, VisitState.DEFERRED)
    draft = replace(visit.draft, call=call)
    return await keep(store, visit, draft, pack=turn.pack, disclose=disclose)
