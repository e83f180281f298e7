"""A sandbox record system that fails as networks do: refused, cut off, or carried out with the answer lost.

Arguments as for bench/record_system.py. POST /faults sets the share of all FHIR requests that fail, and the
seed. POST /deadly names a request at which it kills a process. GET /held gives what it holds, or what came
since the last mark, and how many requests came and failed, by method.
"""

import json
import os
import random
import signal
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

sys.path.append(str(Path(__file__).resolve().parents[3] / "bench"))

import record_system

SCREEN = ("QuestionnaireResponse", "Observation", "Flag", "Procedure", "Provenance")
KINDS = (*SCREEN, "ServiceRequest", "Task", "Consent")
FAULTS = (500, 503, 429, "reset", "lost", "lost and cut off")


class CutOff(Exception):
    """Ends the connection without a whole answer."""


@dataclass
class Deadly:
    """The request at which the process dies whose id stands in a file: the `at`-th of that method."""

    method: str = ""
    at: int = 0
    done: bool = False  # it dies once the request was carried out, else before
    pid: str = ""

    def due(self, method: str) -> bool:
        self.at -= method == self.method
        return method == self.method and self.at == 0

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(int(Path(self.pid).read_text(encoding="ascii")), signal.SIGKILL)


async def nowhere(_: Message) -> None:
    """An answer that is lost."""


@dataclass
class Faulty:
    """Lets that share of the FHIR requests fail, reads and searches too, each in one of FAULTS' ways."""

    app: ASGIApp
    share: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311  a test
    came: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    deadly: Deadly = field(default_factory=Deadly)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope.get("path", "").startswith("/fhir"):
            await self.app(scope, receive, send)
            return
        method = scope["method"]
        self.came[method] += 1
        if self.deadly.due(method):
            await self.die(scope, receive, send)
        elif self.chance.random() >= self.share:
            await self.app(scope, receive, send)
        else:
            self.failed[method] += 1
            await self.fail(self.chance.choice(FAULTS), scope, receive, send)

    async def die(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.deadly.done:
            await self.app(scope, receive, nowhere)
        self.deadly.kill()
        await self.fail("reset", scope, receive, send)

    async def fail(self, how: int | str, scope: Scope, receive: Receive, send: Send) -> None:
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
    before = set[tuple[str, str]]()

    def all_held() -> list[dict[str, Any]]:
        return [body for kind in KINDS for body in ehr.state.sandbox.memory.all(kind)]

    async def faults(request: Request) -> dict[str, int]:
        given = await request.json()
        faulty.share, faulty.chance = given["share"], random.Random(given["seed"])  # noqa: S311  a test
        if given["mark"]:
            before.update((body["resourceType"], body["id"]) for body in all_held())
        return {}

    async def deadly(request: Request) -> dict[str, int]:
        faulty.deadly = Deadly(**await request.json())
        return {}

    async def held(request: Request) -> Response:
        since = before if "new" in request.query_params else ()
        bodies = [body for body in all_held() if (body["resourceType"], body["id"]) not in since]
        told = {"bodies": bodies, "came": faulty.came, "failed": faulty.failed}
        return Response(json.dumps(told), media_type="application/json")

    ehr.add_api_route("/faults", faults, methods=["POST"])
    ehr.add_api_route("/deadly", deadly, methods=["POST"])
    ehr.add_api_route("/held", held, methods=["GET"])
    return faulty


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    uvicorn.run(make(told), port=told["port"], access_log=False, log_level="critical")
