"""Bring what waits in the outbox to the services, again and again, until it has arrived or a person hears."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

import httpx
import structlog

from ipvscreen.delivery.fhir_push import push
from ipvscreen.errors import DeliveryLater, DeliveryRefused
from ipvscreen.store.facade import Store
from ipvscreen.store.outbox import Job

AT_ONCE = 8  # messages on their way
LEASE_SECONDS = 30.0
PUSH_SECONDS = 10.0  # under half a lease: a sender that is still alive never outlives its claim
IDLE_SECONDS = 5.0  # between two looks at the outbox, unless kicked
FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 3_600.0
LONGEST_ASKED_SECONDS = 21_600.0  # a service may ask for hours, not for days
GIVE_UP_AFTER = timedelta(hours=72)  # GOV.UK Notify gives up on a message after three days too

_GIVEN_UP = "It could not be delivered for three days."


class Dispatcher:
    """Sends the outbox's messages; any number of them may run, each job is one sender's at a time."""

    def __init__(
        self,
        store: Store,
        http: httpx.AsyncClient,
        clock: Callable[[], datetime],
        *,
        spread: Callable[[], float] = random.random,
        on_fault: Callable[[BaseException], None] | None = None,
    ) -> None:
        """`clock` gives aware UTC; `spread`, in 0..1, keeps senders from coming back all at once.

        `on_fault` hears of what is no service's doing: the store, a missing key; else it is logged.
        """
        self._outbox = store.outbox
        self._http = http
        self._clock = clock
        self._spread = spread
        self._on_fault = on_fault or _log
        self._kicked = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Send what is due, until `stop` is set; what a fault of the store leaves undone is tried again."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                if await self._turn() < AT_ONCE:
                    await self._rest(stopping)
        finally:
            stopping.cancel()

    def kick(self) -> None:
        """Look at once: something was put into the outbox."""
        self._kicked.set()

    async def run_once(self) -> int:
        """Send what is due now, at most AT_ONCE messages; how many there were."""
        self._kicked.clear()
        jobs = await self._outbox.claim(self._clock(), AT_ONCE, LEASE_SECONDS)
        results = await asyncio.gather(*map(self._deliver, jobs), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result  # only after the others have been settled
        return len(jobs)

    async def _turn(self) -> int:
        """One round; a fault in it is told, and must not end delivery for all that comes after."""
        turn = asyncio.create_task(self.run_once())
        try:
            await asyncio.wait({turn})
        finally:
            turn.cancel()
        fault = turn.exception()
        if fault is None:
            return turn.result()
        self._on_fault(fault)
        return 0

    async def _rest(self, stopping: asyncio.Task[Literal[True]]) -> None:
        kicked = asyncio.create_task(self._kicked.wait())
        try:
            await asyncio.wait({kicked, stopping}, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            kicked.cancel()

    async def _deliver(self, job: Job) -> None:
        try:
            receipt = await push(
                self._http,
                job.endpoint,
                job.body,
                key=job.key,
                correlation=job.correlation,
                clock=self._clock,
                seconds=PUSH_SECONDS,
            )
        except DeliveryRefused as refused:
            await self._outbox.refuse(job, str(refused))
        except DeliveryLater as later:
            await self._later(job, later)
        else:
            await self._outbox.finish(job, receipt.reference, receipt.at)

    async def _later(self, job: Job, later: DeliveryLater) -> None:
        now = self._clock()
        if now - job.queued_at >= GIVE_UP_AFTER:
            await self._outbox.refuse(job, f"{_GIVEN_UP} {later}")
            return
        asked = min(later.after or 0.0, LONGEST_ASKED_SECONDS)
        seconds = max(asked, wait_seconds(job.attempts, self._spread()))
        await self._outbox.fail(job, now + timedelta(seconds=seconds), str(later))


def wait_seconds(attempts: int, spread: float) -> float:
    """Seconds to wait after so many attempts: 5, doubling up to an hour; `spread` takes up to half of it."""
    doublings = min(attempts - 1, 20)  # beyond it is an hour anyway, and the power would grow without end
    whole = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0**doublings)
    return whole * (1.0 - spread / 2.0)


def _log(fault: BaseException) -> None:
    # its text could quote what was stored
    structlog.get_logger().error("delivery.fault", kind=type(fault).__name__)
