"""Everything that a browser can ask for, joined into one app."""

from pathlib import PurePath

from fastapi import APIRouter, FastAPI, Request
from fastapi.telemetry import TelemetryConfig
from starlette.responses import Response
from starlette.types import ASGIApp, Lifespan, Scope

from ipvscreen.web import callback, errors, health, launch, letter, sitting, visit, worklist
from ipvscreen.web.errors import NOT_HERE, PageRefused
from ipvscreen.web.inbox import cases, entrance, notices, own, places, stewards, team
from ipvscreen.web.inbox.apart import Apart
from ipvscreen.web.limits import BodyCap
from ipvscreen.web.observe import Observe
from ipvscreen.web.rooms import Rooms
from ipvscreen.web.security import Policy, SecureHeaders
from ipvscreen.web.templates import MEDIA_TYPES
from ipvscreen.web.words import TITLE

_ICON = "icon.svg"
# FastAPI exports to OpenTelemetry where the environment names a collector; a URL tells of a visit.
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
router = APIRouter()


@router.get("/s/{name}")
async def static(request: Request, name: str) -> Response:
    """A file of the stylesheet folder, from memory."""
    rooms: Rooms = request.app.state.rooms
    body = rooms.static.get(name)
    if body is None:
        raise PageRefused(NOT_HERE)
    return Response(body, media_type=MEDIA_TYPES[PurePath(name).suffix])


@router.get("/favicon.ico")
async def icon(request: Request) -> Response:
    """Browsers ask for it unbidden; the same neutral icon."""
    return await static(request, _ICON)


def make_web(
    lifespan: Lifespan[FastAPI],
    policy: Policy,
    *,
    inbox: Policy | None = None,
    base: str = "",
    metrics_token: str | None = None,
) -> FastAPI:
    """The app with every route, failures as pages, and the headers around all of it.

    `lifespan` puts the rooms on `app.state.rooms`. `inbox` is the policy of the pages below `/i/`, at an
    origin of their own; without it there are none. `base` is the path of the public URL, without a slash at
    its end: a proxy may take it away or leave it. `app.state.stopping` is set by who serves the app. No
    generated documentation: it would describe the pages to whoever asks. No redirect to a path with or
    without a slash: it would be built from the Host header.
    """
    app = FastAPI(
        title=TITLE,
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
    )
    app.root_path = base  # set afterwards: as an argument it is deprecated, and warnings are errors
    app.state.metrics_token = metrics_token
    app.state.stopping = False
    errors.install(app)
    for part in (router, launch.router, callback.router, sitting.router, visit.router, health.router):
        app.include_router(part)
    for page in (letter, worklist, entrance, own, cases, places, notices, team, stewards):
        app.include_router(page.router)
    app.add_middleware(BodyCap, refuse=_too_long)
    app.add_middleware(Apart, policy=inbox, base=base)
    app.add_middleware(SecureHeaders, policy=policy)
    app.add_middleware(Observe)
    return app


def _too_long(scope: Scope) -> ASGIApp:
    return errors.show(Request(scope), errors.TOO_LONG)
