"""The pages of a visit under `/v/<visit>/<step>`: shown and posted by one table, out of order by none."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.visit import Step, VisitState, shows
from ipvscreen.web import cookies, tokens
from ipvscreen.web.errors import ENDED, NOT_HERE, NOT_OURS, PageRefused, Problem
from ipvscreen.web.fields import FieldsRefused, Posted, read_form
from ipvscreen.web.rooms import EhrEntry, Rooms
from ipvscreen.web.security import posted_by_us
from ipvscreen.web.steps import ask, closing, danger, draft, respond, sheets, start
from ipvscreen.web.turn import Turn, check, go, home, href, leave, opened

router = APIRouter()

Show = Callable[[Turn], Awaitable[Response]]
Submit = Callable[[Turn, Posted], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """How one step is shown, and what it does with a form; None where it has none."""

    show: Show
    submit: Submit | None


PAGES: dict[Step, Page] = {
    Step.START: Page(start.show, start.submit),
    Step.QUESTIONS: Page(ask.show, ask.submit),
    Step.RESPOND: Page(respond.show, respond.submit),
    Step.DANGER: Page(danger.show, danger.submit),
    Step.REFER: Page(sheets.show_refer, sheets.submit_refer),
    Step.SHARE: Page(sheets.show_share, sheets.submit_share),
    Step.SENT: Page(closing.show_sent, None),
    Step.DONE: Page(closing.show_done, closing.submit),
    Step.NOT_NOW: Page(closing.show_not_now, closing.submit),
    Step.FINISH: Page(closing.show_finish, closing.submit),
}


@router.get("/v/{visit_id}/exit")
async def leave_now(request: Request, visit_id: str) -> Response:
    """Out: the cookie goes, and the browser to the record system's neutral page. Needs no script."""
    entry = await _entry(request, visit_id)
    response = RedirectResponse(entry.exit_url, status_code=303)
    cookies.drop(response, cookies.visit_cookie(visit_id), framed=bool(entry.frame_ancestors))
    return response


@router.get("/v/{visit_id}/cover")
async def cover(request: Request, visit_id: str) -> Response:
    """Somebody came in: a plausible form about nothing; the visit is resumed only by a new launch."""
    rooms: Rooms = request.app.state.rooms
    entry = await _entry(request, visit_id)
    response = HTMLResponse(rooms.templates.get_template("cover.html").render())
    cookies.drop(response, cookies.visit_cookie(visit_id), framed=bool(entry.frame_ancestors))
    return response


@router.post("/v/{visit_id}/draft")
async def keep_draft(request: Request, visit_id: str) -> Response:
    """What the script keeps; the page that it comes from stands in the form's token."""
    return await _posted(request, visit_id, None)


@router.get("/v/{visit_id}/{step}")
async def show(request: Request, visit_id: str, step: str) -> Response:
    """A page of the visit, or why not."""
    turn = await opened(request, visit_id, _step(step))
    if turn.visit.state is VisitState.CLOSED:
        return RedirectResponse(turn.entry.exit_url, status_code=303)
    if not shows(turn.visit.state, turn.step):
        return await _out_of_order(turn)
    return await PAGES[turn.step].show(turn)


@router.post("/v/{visit_id}/{step}")
async def submit(request: Request, visit_id: str, step: str) -> Response:
    """A form of the visit: once, in order, from our own page, for this patient."""
    return await _posted(request, visit_id, _step(step))


async def _posted(request: Request, visit_id: str, step: Step | None) -> Response:
    rooms: Rooms = request.app.state.rooms
    if not posted_by_us(request.headers, rooms.policy.origin):
        raise PageRefused(NOT_OURS)
    posted = dict(await read_form(request))
    token = next(iter(posted.pop("token", ())), "")
    async with rooms.locks.of(visit_id):
        turn = await opened(request, visit_id, step or Step.START)
        try:
            return await _answer(turn, posted, token, step)
        except OutOfOrder:
            return await _out_of_order(turn)


async def _answer(turn: Turn, posted: Posted, token: str, step: Step | None) -> Response:
    claims = tokens.read(turn.rooms.ring, token, turn.visit)
    if turn.visit.state is VisitState.CLOSED:
        return leave(turn.rooms, turn.visit, turn.entry)
    if claims.nonce == turn.visit.last_form:
        return go(turn.visit) if step else Response(status_code=204)
    turn = replace(turn, step=step or _step(claims.step), nonce=claims.nonce)
    check(turn, claims)
    if not shows(turn.visit.state, turn.step):
        raise OutOfOrder(turn.visit.state, turn.step)
    do = _submit(turn.step, draft_only=step is None)
    return await do(turn, posted)


def _submit(step: Step, *, draft_only: bool) -> Submit:
    found = PAGES[step].submit
    if draft_only:
        found = draft.save if step in draft.PAGES else None
    if found is None:
        raise FieldsRefused("This page has no form.")
    return found


def _step(text: str) -> Step:
    try:
        return Step(text)
    except ValueError:
        raise PageRefused(NOT_HERE) from None


async def _entry(request: Request, visit_id: str) -> EhrEntry:
    """The record system of the visit; of one that is not there, the first one: leaving never fails."""
    rooms: Rooms = request.app.state.rooms
    visit = await rooms.store.visits.get(visit_id)
    name = visit.ehr if visit and visit.ehr in rooms.ehrs else next(iter(rooms.ehrs))
    return rooms.ehrs[name]


async def _out_of_order(turn: Turn) -> Response:
    """409, with the way to the page where the visit, as it stands now, is at home."""
    visit = await turn.rooms.store.visits.get(turn.visit.id)
    if visit is None or visit.state is VisitState.CLOSED:
        raise PageRefused(ENDED)
    raise PageRefused(
        Problem(
            409,
            "This step is not possible now",
            ("Nothing was saved or sent by it.",),
            href=href(visit, home(visit)),
            label="Go on where this visit stands",
        )
    )
