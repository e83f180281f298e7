"""The named points of a delivery; nobody hears of them but a test that kills there."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import httpx

from ipvscreen.ehr.guard import Through


class Point(StrEnum):
    """Where a process can end between two steps of a delivery; each is reached once its step is over."""

    CLAIMED = "claimed"  # leased, and still to be sent; nothing has left us
    SENT = "sent"  # all of it has left us; nobody here knows what became of it
    ANSWERED = "answered"  # the service has answered; it is not on disk
    SETTLED = "settled"  # on disk


Reached = Callable[[Point], None]


def unheard(_: Point) -> None:
    """Nobody listens."""


def heard(http: httpx.AsyncClient, reached: Reached) -> httpx.AsyncClient:
    """The same client, which tells when a request has left us whole."""
    if reached is unheard:
        return http
    return httpx.AsyncClient(transport=_Telling(http, reached))


class _Telling(Through):
    """httpx's transports tell of their steps to an extension of the request (httpx, "Extensions": trace)."""

    def __init__(self, http: httpx.AsyncClient, reached: Reached) -> None:
        super().__init__(http, close=False)
        self._reached = reached

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async def trace(event: str, _: Any) -> None:
            if event.endswith("send_request_body.complete"):
                self._reached(Point.SENT)

        request.extensions = {**request.extensions, "trace": trace}
        return await super().handle_async_request(request)
