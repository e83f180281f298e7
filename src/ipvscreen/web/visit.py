"""The pages of a visit under `/v/<visit>/<step>`: shown and posted by one table, out of order by none."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.audit import POSTED, Act
from ipvscreen.ipv.visit import Step, VisitState, shows
from ipvscreen.messages import message
from ipvscreen.store.visits import Visit
from ipvscreen.web import tokens
from ipvscreen.web.errors import ENDED, NOT_HERE, NOT_OURS, PageRefused, Problem
from ipvscreen.web.fields import FieldsRefused, Posted, read_form
from ipvscreen.web.rooms import EhrEntry, Rooms
from ipvscreen.web.security import posted_by_us
from ipvscreen.web.steps import (
    account,
    ask,
    children,
    closing,
    danger,
    draft,
    earlier,
    form,
    respond,
    sheets,
    start,
    stopped,
)
from ipvscreen.web.turn import FormUsed, Turn, check, found, go, gone, home, href, leave, opened, step_of

router = APIRouter()

_LOOKS, _LOOK_SECONDS = 30, 0.1
_ARRIVAL = timedelta(seconds=30)  # from the callback to the first page

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
    Step.FORM: Page(form.show, form.submit),
    Step.OWN: Page(account.show, account.submit),
    Step.EARLIER: Page(earlier.show, earlier.submit),
    Step.DANGER: Page(danger.show, danger.submit),
    Step.REFER: Page(sheets.show_refer, sheets.submit_refer),
    Step.SHARE: Page(sheets.show_share, sheets.submit_share),
    Step.SENT: Page(closing.show_sent, closing.submit),
    Step.DONE: Page(closing.show_done, closing.submit),
    Step.NOT_NOW: Page(closing.show_not_now, closing.submit),
    Step.FINISH: Page(children.show, children.submit),
}


@router.get("/v/{visit_id}/exit")
async def leave_now(request: Request, visit_id: str) -> Response:
    """Out: the cookie goes, and the browser to the record system's neutral page. Needs no script."""
    entry = await _entry(request, visit_id)
    return gone(RedirectResponse(entry.exit_url, status_code=303), visit_id, entry)


@router.get("/v/{visit_id}/cover")
async def cover(request: Request, visit_id: str) -> Response:
    """Somebody came in: a plausible form about nothing; the visit is resumed only by a new launch."""
    rooms: Rooms = request.app.state.rooms
    entry = await _entry(request, visit_id)
    return gone(HTMLResponse(rooms.page("cover.html", entry.locale)), visit_id, entry)


@router.post("/v/{visit_id}/draft")
async def keep_draft(request: Request, visit_id: str) -> Response:
    """What the script keeps; the page that it comes from stands in the form's token."""
    return await _posted(request, visit_id, _keep, Act.KEPT)


@router.post("/v/{visit_id}/go-on")
async def go_on(request: Request, visit_id: str) -> Response:
    """The clinician goes on with a visit that a newer launch has stopped."""
    return await _posted(request, visit_id, stopped.go_on, Act.WENT_ON)


@router.get("/v/{visit_id}/{step}")
async def show(request: Request, visit_id: str, step: str) -> Response:
    """A page of the visit, or why not."""
    turn = await opened(request, visit_id, step)
    if not _led_here(turn, request.headers.get("sec-fetch-site", "same-origin")):
        raise PageRefused(NOT_HERE)
    if turn.visit.state is VisitState.CLOSED:
        away = RedirectResponse(turn.entry.exit_url, status_code=303)
        return gone(away, visit_id, turn.entry)
    if turn.visit.stopped:
        return stopped.show(turn)
    if not shows(turn.visit.state, turn.step):
        return await _out_of_order(turn)
    return await PAGES[turn.step].show(await turn.taking_up())


@router.post("/v/{visit_id}/{step}")
async def submit(request: Request, visit_id: str, step: str) -> Response:
    """A form of the visit: once, in order, from our own page, for this patient."""

    async def answer(turn: Turn, posted: Posted, claims: tokens.Claims) -> Response:
        return await _submit(replace(turn, step=step_of(step)), posted, claims)

    return await _posted(request, visit_id, answer, Act.SAVED)


Answer = Callable[[Turn, Posted, tokens.Claims], Awaitable[Response]]


async def _posted(request: Request, visit_id: str, answer: Answer, act: Act) -> Response:
    """What every post must prove, then its answer; one at a time for each visit."""
    rooms: Rooms = request.app.state.rooms
    if not posted_by_us(request.headers, rooms.policy.origin):
        raise PageRefused(NOT_OURS)
    try:
        posted = dict(await read_form(request))
    except FieldsRefused:
        await found(request, visit_id)  # for the page that says so
        raise
    token = next(iter(posted.pop("token", ())), "")
    async with rooms.locks.of(visit_id):
        turn = await opened(request, visit_id, Step.START)
        claims = tokens.read(rooms.ring, token, turn.visit)
        turn = replace(turn, nonce=claims.nonce, rooms=rooms.doing(act))
        try:
            return await answer(turn, posted, claims)
        except OutOfOrder:
            return await _out_of_order(turn)
        except FormUsed:
            return go(rooms, await _moved_on(turn))
        finally:
            rooms.share(visit_id, turn.entry)


async def _submit(turn: Turn, posted: Posted, claims: tokens.Claims) -> Response:
    """The submit of the page that was posted."""
    visit = turn.visit
    if visit.state is VisitState.CLOSED:
        return leave(turn.rooms, visit, turn.entry)
    if claims.nonce == visit.last_form:
        return stopped.show(turn) if visit.stopped else go(turn.rooms, visit)
    check(turn, claims)
    if visit.stopped:
        return stopped.show(turn, posted)
    if not shows(visit.state, turn.step):
        raise OutOfOrder(visit.state, turn.step)
    do = PAGES[turn.step].submit
    if do is None:
        raise FieldsRefused(message("This page has no form."))
    turn.rooms.act(POSTED[turn.step])
    return await do(turn, posted)


async def _keep(turn: Turn, posted: Posted, claims: tokens.Claims) -> Response:
    """The draft of the page that the token names; nobody sees the answer."""
    visit = turn.visit
    if visit.stopped:
        return stopped.show(turn)
    if visit.state is VisitState.CLOSED or claims.nonce == visit.last_form:
        return Response(status_code=204)
    turn = replace(turn, step=step_of(claims.step))
    check(turn, claims)
    if not shows(visit.state, turn.step):
        raise OutOfOrder(visit.state, turn.step)
    if turn.step not in draft.PAGES:
        raise FieldsRefused(message("This page has no form."))
    return await draft.save(turn, posted)


def _led_here(turn: Turn, site: str) -> bool:
    """Whether our own page led here, or the launch: an address that was kept or typed shows nothing.

    A launch may itself begin with a typed address: the first page is shown for a moment whatever led to it.
    """
    if site == "same-origin" or turn.step is not Step.START:
        return site == "same-origin"
    return site == "cross-site" or turn.now - turn.visit.opened_at < _ARRIVAL


async def _entry(request: Request, visit_id: str) -> EhrEntry:
    """The record system of the visit; of one that is not there, the first one: leaving never fails."""
    rooms: Rooms = request.app.state.rooms
    _, _, entry = await found(request, visit_id)
    entry = entry or next(iter(rooms.ehrs.values()), None)
    if entry is None:
        raise PageRefused(NOT_HERE)
    entry.mark(request)
    return entry


async def _standing(turn: Turn) -> Visit:
    """The visit as it stands now."""
    visit = await turn.rooms.store.visits.get(turn.visit.id)
    if visit is None or visit.state is VisitState.CLOSED:
        raise PageRefused(ENDED)
    return visit


async def _moved_on(turn: Turn) -> Visit:
    """The visit once the other process has moved it on, so that both answers lead to the same page."""
    for _ in range(_LOOKS):
        visit = await _standing(turn)
        if visit.state not in (turn.visit.state, VisitState.SAVING):
            break
        await asyncio.sleep(_LOOK_SECONDS)
    return visit


async def _out_of_order(turn: Turn) -> Response:
    """409, with the way to the page where the visit, as it stands now, is at home."""
    visit = await _standing(turn)
    raise PageRefused(
        Problem(
            409,
            message("This step is not possible now"),
            (message("Nothing was saved or sent by it."),),
            href=href(turn.rooms, visit, home(visit)),
            label=message("Go on where this visit stands"),
        )
    )
