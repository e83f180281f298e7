"""A service's system in a process of its own: it takes each message once, and fails as often as it is told.

Half of its failures come after it has taken the message: the sender cannot tell them apart. With a share of
`AWAY` it takes none at all. It notes each effect, so that a second one of the same message is seen.
"""

import json
import random
import sys
from collections import Counter

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

AWAY = 2.0


def outcome(severity: str, code: str, status: int) -> Response:
    issue = {"severity": severity, "code": code}
    return JSONResponse({"resourceType": "OperationOutcome", "issue": [issue]}, status)


class Receiver:
    """Messages by X-Request-ID; `effects` by what the message is about, whatever key it came with."""

    def __init__(self, share: float, seed: int) -> None:
        self.share, self.chance = share, random.Random(seed)  # noqa: S311  no secret
        self.held: dict[str, str] = {}
        self.effects: Counter[str] = Counter()
        self.requests = 0

    async def take(self, request: Request) -> Response:
        key = request.headers["X-Request-ID"]
        about = (await request.json()).get("about", key)
        self.requests += 1
        fails = self.chance.random() < self.share
        if self.share == AWAY or (fails and self.chance.random() < 0.5):
            return outcome("error", "transient", 503)
        if key in self.held:
            return outcome("error", "duplicate", 409)
        self.held[key] = about
        self.effects[about] += 1
        return outcome("error", "transient", 503) if fails else JSONResponse({"resourceType": "Bundle"})

    async def told(self, request: Request) -> Response:
        self.share = float(request.query_params.get("share", self.share))
        return JSONResponse({"held": self.held, "effects": self.effects, "requests": self.requests})


def app(share: float, seed: int) -> Starlette:
    one = Receiver(share, seed)
    return Starlette(
        routes=[
            Route("/{service}/$process-message", one.take, methods=["POST"]),
            Route("/told", one.told, methods=["GET"]),
        ]
    )


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    uvicorn.run(app(given["share"], given["seed"]), port=given["port"], access_log=False, log_level="warning")
