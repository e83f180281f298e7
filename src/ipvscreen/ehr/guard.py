"""A bulkhead and a breaker for one record system: while it hangs, nobody waits who works with another."""

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Literal

import httpx
from circuitbreaker import STATE_HALF_OPEN, CircuitBreaker  # type: ignore[import-untyped]  # it has no types

WAIT_SECONDS = 3.0  # for a place among the requests that are on their way
FAILURES = 5  # one after the other, and it is left alone
REST_SECONDS = 15
MORE = "more"  # extension of a request that is sent again where it fails: so it has not failed yet
GIVEN_UP_SECONDS = 3.0  # whoever stops waiting after so long has met a hanging system

Outcome = Literal["answered", "failed", "busy", "left-alone"]
"""`busy`: no place became free; `left-alone`: the breaker is open, and nothing was sent."""

REPEATED = (httpx.NetworkError, httpx.RemoteProtocolError)  # not made or broken off; never one that is late
_UNWELL = frozenset({502, 503, 504})
_FAILURES = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)


class LeftAlone(httpx.ConnectError):
    """The breaker is open; nothing was sent."""


def guarded(
    inner: httpx.AsyncBaseTransport,
    *,
    at_most: int,
    told: Callable[[Outcome, float], None] = lambda _outcome, _seconds: None,
) -> httpx.AsyncBaseTransport:
    """`inner` for one record system, with at most so many requests at once.

    A request that finds no place in three seconds raises httpx.PoolTimeout. After five failures in a row
    (timeouts, broken connections, 502, 503, 504) all raise LeftAlone at once for 15 seconds; then one is
    let through, and its outcome decides. Both errors say that nothing was sent. `told` hears of every
    outcome with the seconds that it took.
    """
    return _Guard(inner, at_most, told)


class _Guard(httpx.AsyncBaseTransport):
    def __init__(
        self, inner: httpx.AsyncBaseTransport, at_most: int, told: Callable[[Outcome, float], None]
    ) -> None:
        self._inner = inner
        self._places = asyncio.Semaphore(at_most)
        self._breaker = CircuitBreaker(FAILURES, REST_SECONDS, _Failure, name="record system")
        self._trial = False  # the one request that a half-open breaker lets through is on its way
        self._told = told

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer; its place is given back when its body has been read or closed."""
        began = monotonic()
        await self._place(request, began)
        trial = self._admit(request, began)
        passage = _Passage(self, began, trial=trial, more=bool(request.extensions.get(MORE)))
        try:
            response = await self._inner.handle_async_request(request)
        except BaseException as error:
            passage.end(error)
            raise
        passage.unwell = response.status_code in _UNWELL
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101  httpx promises it of a transport
        response.stream = _Body(response.stream, passage)
        return response

    async def aclose(self) -> None:
        """Close what is behind."""
        await self._inner.aclose()

    async def _place(self, request: httpx.Request, began: float) -> None:
        if self._breaker.opened:
            self._leave_alone(request, began)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            self._told("busy", monotonic() - began)
            raise httpx.PoolTimeout("too many requests at once", request=request) from None

    def _admit(self, request: httpx.Request, began: float) -> bool:
        """Whether this is the trial; looked at again, for much may have failed while it waited."""
        half_open: bool = self._breaker.state == STATE_HALF_OPEN
        if self._breaker.opened or (half_open and self._trial):
            self._places.release()
            self._leave_alone(request, began)
        self._trial = self._trial or half_open
        return half_open

    def _leave_alone(self, request: httpx.Request, began: float) -> None:
        self._told("left-alone", monotonic() - began)
        raise LeftAlone("left alone after several failures", request=request)

    def settle(self, began: float, *, trial: bool, outcome: Outcome | None, more: bool = False) -> None:
        """Give the place back and count; None for what says nothing about the record system.

        `more`: it is sent again where it failed, so that only the last try says that it has.
        """
        self._places.release()
        if trial:
            self._trial = False
        if outcome is None:
            return
        self._told(outcome, monotonic() - began)
        if outcome == "answered":
            self._breaker.reset()
        elif not (more or self._breaker.opened):  # what was sent before it opened must not keep it open
            try:
                self._breaker.call(_fail)
            except _Failure:
                return


class _Passage:
    """One request on its way; it ends once, however often that is said."""

    def __init__(self, guard: _Guard, began: float, *, trial: bool, more: bool) -> None:
        self._guard, self._began, self._trial, self._more = guard, began, trial, more
        self._sent = monotonic()
        self.unwell = False
        self._over = False

    def end(self, error: BaseException | None = None) -> None:
        """It was answered, or ended in that error."""
        if self._over:
            return
        self._over = True
        more = self._more and (self.unwell or isinstance(error, REPEATED))
        self._guard.settle(self._began, trial=self._trial, outcome=self._outcome(error), more=more)

    def _outcome(self, error: BaseException | None) -> Outcome | None:
        # The whole exchange has a time limit of its own, which shows here as a cancellation.
        late = isinstance(error, asyncio.CancelledError) and monotonic() - self._sent >= GIVEN_UP_SECONDS
        if self.unwell or late or isinstance(error, _FAILURES):
            return "failed"
        return "answered" if error is None else None


class _Body(httpx.AsyncByteStream):
    """A body that keeps its place until it is closed: a record system can hang in the middle of one."""

    def __init__(self, inner: httpx.AsyncByteStream, passage: _Passage) -> None:
        self._inner, self._passage = inner, passage

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._inner:
                yield chunk
        except (httpx.TransportError, asyncio.CancelledError) as error:
            self._passage.end(error)
            raise

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            self._passage.end()


class _Failure(Exception):
    """What the breaker counts."""


def _fail() -> None:
    raise _Failure


class Through(httpx.AsyncBaseTransport):
    """Another client as a transport: its proxy and certificate settings hold inside the guard, too."""

    def __init__(self, http: httpx.AsyncClient, *, close: bool) -> None:
        self._http, self._close = http, close

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._http.send(request, stream=True, auth=None, follow_redirects=False)

    async def aclose(self) -> None:
        if self._close:
            await self._http.aclose()
