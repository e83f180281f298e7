"""Back from authorization: one use, the same browser, the same record system; then a visit or a list."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.visit import Step
from ipvscreen.pathway.open_sitting import open_sitting
from ipvscreen.pathway.open_visit import open_visit
from ipvscreen.smart.authorization import TokenResponse, code_of, exchange
from ipvscreen.smart.context import launch_context, user_context
from ipvscreen.smart.discovery import Endpoints, endpoints_from_json
from ipvscreen.smart.identity import Identity, identify
from ipvscreen.store.launches import PendingLaunch
from ipvscreen.web import cookies
from ipvscreen.web.errors import NOT_HERE, PageRefused
from ipvscreen.web.handed import USED, each_once, one, refused
from ipvscreen.web.rooms import EhrEntry, Rooms
from ipvscreen.web.turn import go

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A launch that has come back, with the parameters that it brought and the system that it began with."""

    pending: PendingLaunch
    entry: EhrEntry
    endpoints: Endpoints
    given: dict[str, str]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Token and user; `now` is from before the token was asked for, so that it never seems to live on."""

    token: TokenResponse
    identity: Identity
    now: datetime


@router.get("/callback/{ehr}")
async def callback(request: Request, ehr: str) -> Response:
    """A path for each record system: the answer of one can never be taken for that of another."""
    rooms: Rooms = request.app.state.rooms
    arrival = await _arrival(rooms, request, ehr)
    signed_in = await _signed_in(rooms, arrival)
    to = _to_visit if arrival.pending.purpose == "visit" else _to_list
    response = await to(rooms, arrival, signed_in)
    name = cookies.launch_cookie(arrival.pending.state)
    cookies.drop(response, name, framed=arrival.entry.framed)
    return response


async def _arrival(rooms: Rooms, request: Request, ehr: str) -> Arrival:
    """The launch of this browser and this record system; taken, so that whatever follows happens once."""
    entry = rooms.ehrs.get(ehr)
    if entry is None:
        raise PageRefused(NOT_HERE)
    entry.mark(request)
    state, given = one(request, "state"), each_once(request)
    browser = request.cookies.get(cookies.launch_cookie(state), "")
    pending = await rooms.store.launches.take(state, cookies.hashed(browser), rooms.clock())
    if pending is None or pending.ehr != entry.name:
        raise PageRefused(USED)
    return Arrival(pending, entry, endpoints_from_json(pending.endpoints), given)


async def _signed_in(rooms: Rooms, arrival: Arrival) -> SignedIn:
    pending, entry, endpoints = arrival.pending, arrival.entry, arrival.endpoints
    now = rooms.clock()
    with refused(403 if "error" in arrival.given else 400):
        code = code_of(arrival.given, endpoints, iss=pending.iss)
    with refused(502):
        token = await exchange(
            entry.http,
            endpoints,
            await rooms.client_of(entry),
            redirect_uri=rooms.redirect_uri(entry),
            code=code,
            verifier=pending.verifier,
            now=now,
        )
        identity = await identify(
            entry.http,
            endpoints,
            token.id_token,
            client_id=entry.client_id,
            iss=pending.iss,
            nonce=pending.nonce,
            now=now,
        )
    return SignedIn(token, identity, now)


async def _to_visit(rooms: Rooms, arrival: Arrival, signed_in: SignedIn) -> Response:
    pending, entry = arrival.pending, arrival.entry
    context = launch_context(
        signed_in.token, signed_in.identity, pending.iss, signed_in.now, requested_scope=pending.scope
    )

    async def token() -> str:
        return context.access_token

    value = cookies.fresh()
    visit = await open_visit(
        rooms.doing(Act.OPENED).store,
        FhirClient(entry.http, context.iss, token),
        context,
        ehr_name=entry.name,
        default_setting=entry.default_setting,
        lists=entry.labels_in_lists,
        policy=entry.policy,
        carriers=entry.further,
        token_url=arrival.endpoints.token,
        cookie_hash=cookies.hashed(value),
        now=rooms.clock(),
    )
    rooms.share(visit.id, entry)
    response = go(rooms, visit, Step.START)
    cookies.put_visit(response, visit.id, value, framed=entry.framed)
    return response


async def _to_list(rooms: Rooms, arrival: Arrival, signed_in: SignedIn) -> Response:
    """The token is let go: the list shows only what we keep ourselves."""
    entry = arrival.entry
    context = user_context(signed_in.token, signed_in.identity, arrival.pending.iss, signed_in.now)
    value = cookies.fresh()
    sitting = await open_sitting(
        rooms.doing(Act.LIST_OPENED).store,
        context,
        ehr_name=entry.name,
        cookie_hash=cookies.hashed(value),
        now=rooms.clock(),
    )
    response = RedirectResponse(f"{rooms.base}/l/{sitting.id}", status_code=303)
    cookies.put_sitting(response, sitting.id, value, framed=entry.framed)
    return response
