"""How often the app may be opened, and how much may be sent to it: one flood must not drown the others."""

import ipaddress
import math
import time
from collections.abc import Callable

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES = 256_000  # of any request; a form of ours is far smaller
_IPV6_SITE = 64  # bits: whoever has one such address has all of its network


class Limits:
    """Launches per minute and worker: for each record system, and for each address that browsers come from.

    Each worker process counts for itself; the counts are kept nowhere and hold no patient.
    """

    def __init__(self, per_issuer: int, per_address: int) -> None:
        self._issuer = RateLimitItemPerMinute(per_issuer, namespace="issuer")
        self._address = RateLimitItemPerMinute(per_address, namespace="address")
        self._counts = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def allow(self, issuer: str, address: str) -> int | None:
        """Count one launch and answer None, or the seconds to wait before the next.

        The address comes first: a flood from one place must not use up its record system's share.
        """
        for item, key in ((self._address, network_of(address)), (self._issuer, issuer)):
            if not await self._counts.hit(item, key):
                return await self._wait(item, key)
        return None

    async def _wait(self, item: RateLimitItemPerMinute, key: str) -> int:
        stats = await self._counts.get_window_stats(item, key)
        return max(1, math.ceil(min(60.0, stats.reset_time - time.time())))


def network_of(address: str) -> str:
    """What is counted as one place: an IPv4 address, a network of 64 bits in IPv6, else the text itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, _IPV6_SITE), strict=False))


class BodyCap:
    """Pure ASGI middleware: 413 for a request with a body beyond the cap, declared or found."""

    def __init__(self, app: ASGIApp, refuse: Callable[[Scope], ASGIApp], most: int = BODY_BYTES) -> None:
        self.app, self.refuse, self.most = app, refuse, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse at once by what is declared; count what comes for who declares nothing."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _declared(scope) > self.most:
            await self.refuse(scope)(scope, receive, send)
            return
        await self.app(scope, _counted(receive, self.most), send)


def _declared(scope: Scope) -> float:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 16 else math.inf


def _counted(receive: Receive, most: int) -> Receive:
    had = 0

    async def counted() -> Message:
        nonlocal had
        message = await receive()
        had += len(message.get("body", b""))
        if had > most:
            raise HTTPException(413)
        return message

    return counted
