"""From the record system to its authorization: with a patient, by its patient picker, or for the list.

In a frame there is one step more: a cookie that means nothing shows whether the browser keeps any for us
there. Only then is the record system asked, and the launch value used; where it keeps none, the way out is a
window of our own.
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from ipvscreen.messages import message
from ipvscreen.smart.authorization import AuthorizationRequest, begin
from ipvscreen.smart.discovery import Endpoints, discover, endpoints_to_json
from ipvscreen.smart.issuers import listed
from ipvscreen.smart.keys import public_jwks
from ipvscreen.store.launches import PendingLaunch
from ipvscreen.web import cookies
from ipvscreen.web.errors import PageRefused, Problem, show
from ipvscreen.web.handed import UNKNOWN, one, refused
from ipvscreen.web.rooms import EhrEntry, Purpose, Rooms, signing_key

router = APIRouter()

JWKS_AGE = "public, max-age=300"  # far below the hour for which a new key is published before it signs
LONGEST_URL = 2000  # some servers and proxies cut longer ones; where POST is offered nothing is lost
_PATHS: dict[Purpose, str] = {"visit": "/launch", "list": "/list"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A launch as it came in, from a record system on our list; without `launch` it came from elsewhere."""

    entry: EhrEntry
    purpose: Purpose
    iss: str
    launch: str | None

    @property
    def query(self) -> dict[str, str]:
        """The parameters as they came."""
        return {"iss": self.iss} | ({} if self.launch is None else {"launch": self.launch})


@router.get("/launch")
async def launch(request: Request) -> Response:
    """A visit: with `launch` of the patient whose chart is open, without it of one picked over there."""
    return await _came(request, "visit")


@router.get("/list")
async def list_launch(request: Request) -> Response:
    """A clinician without a patient, for the list of what was begun and not finished."""
    return await _came(request, "list")


@router.get("/launch/ready")
async def ready(request: Request) -> Response:
    """Second step in a frame: on where the browser brought the cookie back, else the way out."""
    rooms: Rooms = request.app.state.rooms
    asked = _asked(request, "list" if "list" in request.query_params else "visit")
    name = cookies.trial_cookie(one(request, "state"))
    if name not in request.cookies:
        href = f"{rooms.base}{_PATHS[asked.purpose]}?{urlencode(asked.query)}"
        return HTMLResponse(rooms.page("new-window.html", asked.entry.locale, href=href))
    response = await _begun(request, asked)
    cookies.drop(response, name, framed=True)
    return response


@router.get("/jwks.json")
async def jwks(request: Request) -> Response:
    """The public halves of our keys, for record systems that know us by our signature."""
    rooms: Rooms = request.app.state.rooms
    stored = await rooms.store.signing_keys.published(rooms.clock())
    return JSONResponse(public_jwks(map(signing_key, stored)), headers={"Cache-Control": JWKS_AGE})


async def _came(request: Request, purpose: Purpose) -> Response:
    asked = _asked(request, purpose)
    # Browsers without this header are put through the trial too, which does no harm outside a frame.
    if asked.entry.framed and request.headers.get("sec-fetch-dest") != "document":
        return _trial(request.app.state.rooms, asked)
    return await _begun(request, asked)


def _asked(request: Request, purpose: Purpose) -> Asked:
    """Who asks for what; a page that says 400 for an `iss` that is not on our list, before anything else."""
    rooms: Rooms = request.app.state.rooms
    iss = one(request, "iss")
    name = listed(iss, {entry.name: entry.iss for entry in rooms.ehrs.values()})
    if name is None:
        raise PageRefused(UNKNOWN)
    entry = rooms.ehrs[name]
    entry.mark(request)
    value = one(request, "launch") if "launch" in request.query_params else None
    return Asked(entry, purpose, iss, value)


def _trial(rooms: Rooms, asked: Asked) -> Response:
    mark = cookies.fresh()
    query = {"state": mark, **asked.query, **({"list": "1"} if asked.purpose == "list" else {})}
    response = RedirectResponse(f"{rooms.base}/launch/ready?{urlencode(query)}", status_code=303)
    cookies.put_trial(response, mark)
    return response


async def _begun(request: Request, asked: Asked) -> Response:
    """Send the browser to the record system's authorization, and keep what its callback needs."""
    rooms: Rooms = request.app.state.rooms
    entry = asked.entry
    wait = await rooms.limits.allow(entry.name, request.client.host if request.client else "")
    if wait is not None:
        return _too_many(request, wait)
    with refused(502):
        endpoints = await discover(entry.http, asked.iss)
    scope = entry.asks_for(asked.purpose, standalone=asked.launch is None)
    authorization, handshake = begin(
        endpoints,
        iss=asked.iss,
        client_id=entry.client_id,
        redirect_uri=rooms.redirect_uri(entry),
        scope=scope,
        launch=asked.launch,
    )
    browser = cookies.fresh()
    pending = PendingLaunch(
        state=handshake.state,
        ehr=entry.name,
        iss=asked.iss,
        verifier=handshake.verifier,
        nonce=handshake.nonce,
        browser=cookies.hashed(browser),
        endpoints=endpoints_to_json(endpoints),
        created_at=rooms.clock(),
        purpose=asked.purpose,
        scope=scope,
    )
    await rooms.store.launches.put(pending)
    response = _sent_on(request, entry, endpoints, authorization)
    cookies.put_launch(response, handshake.state, browser, framed=entry.framed)
    return response


def _sent_on(
    request: Request, entry: EhrEntry, endpoints: Endpoints, authorization: AuthorizationRequest
) -> Response:
    """A redirect, or a page that posts itself where the record system or the length calls for it."""
    long = endpoints.authorize_post and len(authorization.url) > LONGEST_URL
    if entry.authorize != "post" and not (entry.authorize == "auto" and long):
        return RedirectResponse(authorization.url, status_code=303)
    parts = urlsplit(authorization.address)
    request.state.posts_to = (f"{parts.scheme}://{parts.netloc}",)
    rooms: Rooms = request.app.state.rooms
    parameters = authorization.parameters.items()
    return HTMLResponse(
        rooms.page("authorize.html", entry.locale, address=authorization.address, parameters=parameters)
    )


def _too_many(request: Request, seconds: int) -> Response:
    sentences = (
        message("It is being opened too often just now. Try again in {seconds} seconds.", seconds=seconds),
    )
    response = show(request, Problem(429, message("This page could not be opened"), sentences))
    response.headers["retry-after"] = str(seconds)
    return response
