"""From the record system to a visit: launch, authorization, callback."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from ipvscreen.ehr.client import FhirClient
from ipvscreen.errors import LaunchRefused
from ipvscreen.ipv.visit import Step
from ipvscreen.pathway.open_visit import open_visit
from ipvscreen.smart.authorization import begin, code_of, exchange
from ipvscreen.smart.context import LaunchContext, launch_context
from ipvscreen.smart.discovery import Endpoints, discover
from ipvscreen.smart.identity import identify
from ipvscreen.store.launches import PendingLaunch
from ipvscreen.web import cookies
from ipvscreen.web.errors import PageRefused, Problem
from ipvscreen.web.rooms import EhrEntry, Rooms
from ipvscreen.web.turn import go

router = APIRouter()

_LONGEST = 2048  # of a launch value: opaque to us, and no reason to pass on more
_UNKNOWN = Problem(
    400,
    "This page could not be opened",
    ("Open it from a patient's record.", "If that is what you did, ask your system manager."),
)
_USED = Problem(
    400,
    "This page could not be opened",
    (
        "It was opened before, too long ago, or in another browser.",
        "Open it again from the patient's record.",
    ),
)


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A launch that has come back, and the record system it came from."""

    pending: PendingLaunch
    entry: EhrEntry
    endpoints: Endpoints
    callback: dict[str, str]


@router.get("/launch")
async def launch(request: Request) -> Response:
    """Send the browser to the record system's authorization, if that system is on our list."""
    rooms: Rooms = request.app.state.rooms
    iss, value = _one(request, "iss"), _one(request, "launch")
    entry = _listed(rooms, iss)
    with _refused(502):
        endpoints = await discover(rooms.http, iss)
    url, handshake = begin(
        endpoints,
        iss=iss,
        client_id=entry.client_id,
        redirect_uri=rooms.redirect_uri,
        scope=entry.scope,
        launch=value,
    )
    browser = cookies.fresh()
    pending = PendingLaunch(
        state=handshake.state,
        ehr=entry.name,
        iss=iss,
        verifier=handshake.verifier,
        nonce=handshake.nonce,
        browser=cookies.hashed(browser),
        endpoints=asdict(endpoints),
        created_at=rooms.clock(),
    )
    await rooms.store.launches.put(pending)
    response = RedirectResponse(url, status_code=303)
    cookies.put_launch(response, handshake.state, browser, framed=bool(entry.frame_ancestors))
    return response


@router.get("/callback")
async def callback(request: Request) -> Response:
    """Back from authorization: one use, the same browser; then the visit is opened."""
    rooms: Rooms = request.app.state.rooms
    arrival = await _arrival(rooms, request)
    context = await _context(rooms, arrival)

    async def token() -> str:
        return context.access_token

    value = cookies.fresh()
    visit = await open_visit(
        rooms.store,
        FhirClient(rooms.http, context.iss, token),
        context,
        ehr_name=arrival.entry.name,
        default_setting=arrival.entry.default_setting,
        cookie_hash=cookies.hashed(value),
        now=rooms.clock(),
    )
    response = go(visit, Step.START)
    framed = bool(arrival.entry.frame_ancestors)
    cookies.put_visit(response, visit.id, value, framed=framed)
    cookies.drop(response, cookies.launch_cookie(arrival.pending.state), framed=framed)
    return response


async def _arrival(rooms: Rooms, request: Request) -> _Arrival:
    state = _one(request, "state")
    browser = request.cookies.get(cookies.launch_cookie(state), "")
    pending = await rooms.store.launches.take(state, cookies.hashed(browser), rooms.clock())
    if pending is None or pending.ehr not in rooms.ehrs:
        raise PageRefused(_USED)
    endpoints = Endpoints(**pending.endpoints)
    return _Arrival(pending, rooms.ehrs[pending.ehr], endpoints, dict(request.query_params))


async def _context(rooms: Rooms, arrival: _Arrival) -> LaunchContext:
    """The launch context; `now` is taken before the token is asked for, so that it never seems to live on."""
    pending, entry, endpoints = arrival.pending, arrival.entry, arrival.endpoints
    now = rooms.clock()
    with _refused(403 if "error" in arrival.callback else 400):
        code = code_of(arrival.callback, endpoints, iss=pending.iss)
    with _refused(502):
        response = await exchange(
            rooms.http,
            endpoints,
            client_id=entry.client_id,
            redirect_uri=rooms.redirect_uri,
            code=code,
            verifier=pending.verifier,
        )
        identity = await identify(
            rooms.http,
            endpoints,
            response.id_token,
            client_id=entry.client_id,
            iss=pending.iss,
            nonce=pending.nonce,
            now=now,
        )
    return launch_context(response, identity, pending.iss, now, requested_scope=entry.scope)


def _listed(rooms: Rooms, iss: str) -> EhrEntry:
    """The entry of that address, to the letter but for one trailing slash (some send one, some do not)."""
    for entry in rooms.ehrs.values():
        if iss in (entry.iss, f"{entry.iss}/", entry.iss.removesuffix("/")):
            return entry
    raise PageRefused(_UNKNOWN)


def _one(request: Request, name: str) -> str:
    """A query parameter that comes exactly once."""
    values = request.query_params.getlist(name)
    if len(values) != 1 or not 0 < len(values[0]) <= _LONGEST:
        raise PageRefused(_UNKNOWN)
    return values[0]


@contextmanager
def _refused(status: int) -> Iterator[Any]:
    """The words of a refused launch on a page with that status."""
    try:
        yield
    except LaunchRefused as refused:
        raise PageRefused(Problem(status, "This page could not be opened", (str(refused),))) from None
