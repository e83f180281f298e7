"""The list: what one clinician has begun and not finished, without a patient's record open beside it."""

from dataclasses import dataclass
from datetime import tzinfo

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ipvscreen.ipv.audit import Act
from ipvscreen.messages import message
from ipvscreen.store.sittings import Sitting, subject_of
from ipvscreen.store.visits import Visit
from ipvscreen.web import cookies
from ipvscreen.web.errors import NOT_HERE, NOT_OURS, PageRefused, Problem
from ipvscreen.web.presenters.frame import NO_NAME, moment_words
from ipvscreen.web.presenters.worklist import DONE
from ipvscreen.web.rooms import Rooms
from ipvscreen.web.security import LEAVING, posted_by_us
from ipvscreen.web.worklist import is_of_role, seen_to, shown, work

router = APIRouter()

_OVER = Problem(
    410, message("This list was open for ten minutes"), (message("Open it again from the record system."),)
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One visit on the list, in words; it is gone on with only from that patient's own record."""

    name: str
    begun: str


@router.get("/l/{sitting_id}")
async def show_list(request: Request, sitting_id: str) -> Response:
    """This clinician's unfinished visits, of this record system, oldest first."""
    rooms: Rooms = request.app.state.rooms
    sitting = await _mine(request, sitting_id)
    if rooms.clock() >= sitting.expires_at:
        await rooms.doing(Act.LIST_CLOSED).store.sittings.close(sitting)
        raise PageRefused(_OVER)
    entry = rooms.ehrs[sitting.ehr]
    store = rooms.doing(Act.LIST_SHOWN).store
    visits = await store.visits.unfinished(sitting.ehr, sitting.user_key, shown_to=subject_of(sitting))
    practice = await work(rooms, entry, sitting, request.query_params)
    page = rooms.page(
        "list.html",
        entry.locale,
        who=sitting.user_name,
        waiting=[_waiting(visit, entry.zone) for visit in visits],
        of_role=is_of_role(entry, sitting),
        work=practice,
        done=DONE,
        here=f"{rooms.base}/l/{sitting.id}",
        href=f"{rooms.base}/l/{sitting.id}/seen",
        out=f"{rooms.base}/l/{sitting.id}/exit",
    )
    await shown(rooms, entry, sitting, practice)
    return HTMLResponse(page)


@router.get("/l/{sitting_id}/exit")
async def leave_list(request: Request, sitting_id: str) -> Response:
    """Out, whatever is left of the sitting: its cookie goes, and the browser to a neutral page."""
    rooms: Rooms = request.app.state.rooms
    sitting = await _known(request, sitting_id)
    entry = rooms.ehrs[sitting.ehr] if sitting else next(iter(rooms.ehrs.values()))
    if sitting is not None and _holds(request, sitting):
        await rooms.doing(Act.LIST_CLOSED).store.sittings.close(sitting)
    response = RedirectResponse(entry.exit_url, status_code=303, headers=LEAVING)
    cookies.drop(response, cookies.sitting_cookie(sitting_id), framed=entry.framed)
    return response


@router.post("/l/{sitting_id}/seen")
async def see_to(request: Request, sitting_id: str) -> Response:
    """Something of the practice's list was seen to, by somebody of the role, while the list is open."""
    rooms: Rooms = request.app.state.rooms
    if not posted_by_us(request.headers, rooms.policy.origin):
        raise PageRefused(NOT_OURS)
    sitting = await _mine(request, sitting_id)
    if rooms.clock() >= sitting.expires_at:
        raise PageRefused(_OVER)
    return await seen_to(request, rooms, rooms.ehrs[sitting.ehr], sitting)


async def _mine(request: Request, sitting_id: str) -> Sitting:
    """The sitting of a browser with its cookie, else a neutral page."""
    sitting = await _known(request, sitting_id)
    if sitting is None or not _holds(request, sitting):
        raise PageRefused(NOT_HERE)
    return sitting


async def _known(request: Request, sitting_id: str) -> Sitting | None:
    """The sitting, if it is there and its record system still among the settings."""
    rooms: Rooms = request.app.state.rooms
    sitting = await rooms.store.sittings.get(sitting_id)
    if sitting is None or sitting.ehr not in rooms.ehrs:
        return None
    rooms.ehrs[sitting.ehr].mark(request)
    return sitting


def _holds(request: Request, sitting: Sitting) -> bool:
    return cookies.holds(request.cookies, cookies.sitting_cookie(sitting.id), sitting.cookie_hash)


def _waiting(visit: Visit, zone: tzinfo) -> Waiting:
    return Waiting(visit.person.name or NO_NAME, moment_words(visit.opened_at, zone))
