"""The page that responds: quick items about today; Save records everything said so far."""

from dataclasses import replace

from starlette.responses import Response

from ipvscreen.ipv.visit import Step, VisitState
from ipvscreen.store.visits import Visit
from ipvscreen.web.answers import entered, mistakes_on
from ipvscreen.web.fields import Posted, RespondFields, own
from ipvscreen.web.presenters.respond import respond_page
from ipvscreen.web.steps.form import open_form
from ipvscreen.web.turn import Turn, go
from ipvscreen.web.writing import save_posted


async def show(turn: Turn) -> Response:
    """Lines to say, the quick items, how it is recorded."""
    rooms = turn.rooms
    page = respond_page(
        turn.frame(),
        turn.visit,
        turn.assessment(),
        turn.pack,
        rooms.validity,
        turn.today,
        turn.mistakes,
        seen_by=turn.entry.who_can_see,
    )
    return turn.render(page)


async def submit(turn: Turn, posted: Posted) -> Response:
    """Keep and record; then the telephone where there is danger and no call yet, else a service."""
    answers, rest = entered(turn, posted)
    fields = own(RespondFields, rest)
    draft = replace(
        turn.visit.draft,
        entered=answers,
        recording=fields.recording,
        flag=fields.flag,
        concern=fields.concern and turn.visit.plan.allows("Condition"),
        known=fields.known,
        mistaken=None,
    )
    if fields.open is not None:
        return await open_form(turn, draft, fields.open)
    if wrong := mistakes_on(turn, draft):
        return await turn.refuse(wrong, draft=draft)
    danger = bool(turn.assess(draft).dangers)
    visit = await save_posted(turn, draft)
    return go(turn.rooms, visit, _next(visit, call_first=danger and draft.call is None))


def _next(visit: Visit, *, call_first: bool) -> Step | None:
    """What could not be recorded is told at home; nothing stands between a record and a service."""
    if call_first:
        return Step.DANGER
    return Step.REFER if visit.state is VisitState.RECORDED else None
