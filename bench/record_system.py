"""A sandbox record system in a process of its own; POST /control sets its switches while it runs.

GET /seen tells when each FHIR request began and ended since it was last asked, and sets how far away it is.

Its argument is JSON: port, name, app (the app's public URL), and what else `create_ehr` is to be told.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from ipvscreen.sandbox.ehr import create_ehr
from ipvscreen.sandbox.people import CLINICIANS, Clinician

CLIENT_ID = "health-questionnaire"
TOKEN = "reads-everything-here"  # noqa: S105  of made-up patients on loopback


# A clinician who opens a second patient has her first visit stopped, so a load needs many of them.
CLINICIANS.update({f"dr-{n}": Clinician(f"dr-{n}", "Ada", f"Number {n}", "GP") for n in range(100)})


def now() -> datetime:
    """The clock of this process."""
    return datetime.now(UTC)


class Keys:
    """The app's published keys, fetched anew when they are older than `seconds`."""

    def __init__(self, url: str, seconds: float) -> None:
        self.url, self.seconds = url, seconds
        self.had: dict[str, Any] = {}
        self.at = -seconds

    async def __call__(self) -> dict[str, Any]:
        if time.monotonic() - self.at >= self.seconds:
            async with httpx.AsyncClient() as http:
                self.had = (await http.get(self.url)).raise_for_status().json()
            self.at = time.monotonic()
        return self.had


@dataclass(slots=True)
class Far:
    """Seconds that it waits before each FHIR request; when each began and ended, by the machine's clock."""

    latency: float = 0.0
    seen: list[tuple[float, float]] = field(default_factory=list)


def make(port: int, name: str, app: str, keys_for: float | None = None, **more: Any) -> FastAPI:
    """The record system, with its switches at /control; `keys_for`: how many seconds it keeps our JWKS."""
    if keys_for is not None:
        more |= {"jwks_url": f"{app}/jwks.json", "jwks": Keys(f"{app}/jwks.json", keys_for)}
    ehr = create_ehr(
        base_url=f"http://localhost:{port}",
        app_launch_url=f"{app}/launch",
        client_id=CLIENT_ID,
        redirect_uris=(f"{app}/callback/{name}",),
        token=TOKEN,
        clock=now,
        **more,
    )

    async def control(request: Request) -> dict[str, str]:
        for switch, value in (await request.json()).items():
            setattr(ehr.state.sandbox.switches, switch, tuple(value) if isinstance(value, list) else value)
        return {}

    far = Far()

    @ehr.middleware("http")
    async def wait(request: Request, answer: RequestResponseEndpoint) -> Response:
        if request.url.path != "/fhir" and not request.url.path.startswith("/fhir/"):
            return await answer(request)
        began = time.monotonic()
        await asyncio.sleep(far.latency)
        response = await answer(request)
        far.seen.append((began, time.monotonic()))
        return response

    async def seen(request: Request) -> list[tuple[float, float]]:
        far.latency = float(request.query_params.get("latency", far.latency))
        told, far.seen = far.seen, []
        return told

    ehr.add_api_route("/control", control, methods=["POST"])
    ehr.add_api_route("/seen", seen, methods=["GET"])
    return ehr


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    uvicorn.run(make(**told), port=told["port"], access_log=False, log_level="warning")
