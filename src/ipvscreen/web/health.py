"""For machines that watch over the app: is it alive, may it be sent requests, what has it counted."""

import asyncio
import hmac

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from ipvscreen.web.errors import NOT_HERE, PageRefused
from ipvscreen.web.observe import MEDIA_TYPE, exposition
from ipvscreen.web.rooms import Rooms

READY_SECONDS = 3.0  # a store that takes longer is not ready, whatever it will say

router = APIRouter()


@router.get("/healthz")
async def healthz() -> Response:
    """The process answers. It asks nobody else: a restart would not mend the store."""
    return PlainTextResponse("alive\n")


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """200 where requests may be sent here: not stopping, the store answers, its tables are this version's."""
    if request.app.state.stopping:
        return PlainTextResponse("stopping\n", 503)
    rooms: Rooms = request.app.state.rooms
    try:
        async with asyncio.timeout(READY_SECONDS):
            await rooms.store.check()
    except Exception:  # whatever it is, requests are better off elsewhere; its words stay inside
        return PlainTextResponse("store\n", 503)
    return PlainTextResponse("ready\n")


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Counts for Prometheus, to who shows the token of the settings; to all others there is no such page."""
    token: str | None = request.app.state.metrics_token
    shown = request.headers.get("authorization", "")
    if not token or not hmac.compare_digest(shown.encode(), f"Bearer {token}".encode()):
        raise PageRefused(NOT_HERE)
    return Response(await asyncio.to_thread(exposition), media_type=MEDIA_TYPE)
