"""A sandbox record system that fails as networks do: refused, cut off, or stored with the answer lost.

Arguments as for bench/record_system.py. POST /faults sets the share of writes that fail and the seed;
GET /held gives everything that is held, and how many requests came and failed.
"""

import json
import random
import sys
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

sys.path.append(str(Path(__file__).resolve().parents[3] / "bench"))

import record_system

SCREEN = ("QuestionnaireResponse", "Observation", "Flag", "Procedure", "Provenance")
KINDS = (*SCREEN, "ServiceRequest", "Task", "Consent")
READS = 15
FAULTS = (500, 503, 429, "reset", "lost", "lost and cut off")


class CutOff(Exception):
    """Ends the connection without a whole answer."""


class Faulty:
    """Lets some requests fail, each in one of the ways that FAULTS lists."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.share = 0.0
        self.random = random.Random(0)  # noqa: S311  a test
        self.came = self.failed = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        exempt = not path.startswith("/fhir") or path.endswith(("metadata", "smart-configuration"))
        if exempt or not self.share:
            await self.app(scope, receive, send)
            return
        self.came += scope["method"] == "POST"
        # Of reads few: one write looks a dozen times, and each look must be answered.
        share = self.share if scope["method"] == "POST" else self.share / READS
        if self.random.random() >= share:
            await self.app(scope, receive, send)
            return
        self.failed += scope["method"] == "POST"
        await self.fail(self.random.choice(FAULTS), scope, receive, send)

    async def fail(self, how: int | str, scope: Scope, receive: Receive, send: Send) -> None:
        async def nowhere(_: Message) -> None:
            return

        if isinstance(how, str) and how.startswith("lost"):
            await self.app(scope, receive, nowhere)  # carried out
        if how in ("reset", "lost and cut off"):
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            raise CutOff
        status = how if isinstance(how, int) else 500
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def make(told: dict[str, Any]) -> Faulty:
    ehr = record_system.make(**told)
    faulty = Faulty(ehr)

    async def faults(request: Request) -> dict[str, int]:
        given = await request.json()
        faulty.share, faulty.random = given["share"], random.Random(given["seed"])  # noqa: S311  a test
        return {}

    async def held() -> dict[str, Any]:
        memory = ehr.state.sandbox.memory
        bodies = [body for kind in KINDS for body in memory.all(kind)]
        return {"bodies": bodies, "came": faulty.came, "failed": faulty.failed}

    ehr.add_api_route("/faults", faults, methods=["POST"])
    ehr.add_api_route("/held", held, methods=["GET"])
    return faulty


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    uvicorn.run(make(told), port=told["port"], access_log=False, log_level="critical")
