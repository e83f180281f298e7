"""A visit that a newer launch of the same clinician has stopped: whose it is, and one button to go on."""

from dataclasses import replace

from starlette.responses import Response

from ipvscreen.errors import AnswerNotOffered, OutOfOrder
from ipvscreen.ipv.visit import Step, VisitState, shows
from ipvscreen.web import tokens
from ipvscreen.web.fields import BUTTONS, FieldsRefused, GoOnFields, Posted, own
from ipvscreen.web.presenters.stopped import stopped_page
from ipvscreen.web.steps import draft
from ipvscreen.web.turn import Turn, go, leave

STEP = "stopped"
_LONGEST = 30_000  # characters that a page carries on; with them the next form is still short enough


def show(turn: Turn, posted: Posted | None = None) -> Response:
    """The page instead of any other; of a form that came too late it carries what was entered, sealed.

    It carries it and does not keep it: only who goes on has said whose answers these are.
    """
    ring, visit = turn.rooms.ring, turn.visit
    keeps = bool(posted) and turn.step in draft.PAGES
    entered = tokens.carry(ring, visit, turn.step, posted or {}) if keeps else ""
    token = tokens.issue(ring, tokens.claims_of(visit, STEP, ()))
    carried = entered if len(entered) <= _LONGEST else ""
    page = stopped_page(turn.framed(STEP, token), visit, carried, turn.numbers)
    return turn.render(page, status=409)


async def go_on(turn: Turn, posted: Posted, claims: tokens.Claims) -> Response:
    """Confirmed: this visit goes on, the clinician's other ones are stopped; back to where it is at home."""
    fields = own(GoOnFields, posted)
    if claims.step != STEP:
        raise OutOfOrder(turn.visit.state, claims.step)
    if turn.visit.state is VisitState.CLOSED:
        return leave(turn.rooms, turn.visit, turn.entry)
    carried = tokens.carried(turn.rooms.ring, turn.visit, fields.entered) if fields.entered else None
    visit = await turn.rooms.store.visits.go_on(turn.visit)
    if carried:
        await _keep(replace(turn, visit=visit), *carried)
    return go(turn.rooms, visit)


async def _keep(turn: Turn, step: str, posted: Posted) -> None:
    """Into the draft, where the page that it came from is still the one to show; Save comes anew."""
    if not shows(turn.visit.state, Step(step)):
        return
    answers = {name: values for name, values in posted.items() if name not in BUTTONS}
    try:
        await draft.save(replace(turn, step=Step(step)), answers)
    except (FieldsRefused, AnswerNotOffered):
        return  # not what the page offers: it would have been refused there, too
