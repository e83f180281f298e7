"""Everything that a browser can ask for, joined into one app."""

from pathlib import PurePath

from fastapi import APIRouter, FastAPI, Request
from fastapi.telemetry import TelemetryConfig
from starlette.responses import Response
from starlette.types import Lifespan

from ipvscreen.web import errors, launch, visit
from ipvscreen.web.errors import NOT_HERE, PageRefused
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


def make_web(lifespan: Lifespan[FastAPI], policy: Policy) -> FastAPI:
    """The app with every route, failures as pages, and the headers around all of it.

    `lifespan` puts the rooms on `app.state.rooms`. No generated documentation: it would describe the
    pages to whoever asks.
    """
    app = FastAPI(
        title=TITLE,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
    )
    errors.install(app)
    app.include_router(router)
    app.include_router(launch.router)
    app.include_router(visit.router)
    app.add_middleware(SecureHeaders, policy=policy)
    return app
