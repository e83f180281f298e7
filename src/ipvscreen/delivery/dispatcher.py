"""Bring what waits in the outbox to the services, again and again, until it has arrived or a person hears."""

import asyncio
import random
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

import httpx
import structlog

from ipvscreen.delivery.backend import Tokens, signing_key_of
from ipvscreen.delivery.fhir_push import Receipt, push
from ipvscreen.delivery.hosted import take_in
from ipvscreen.delivery.pace import GATHER_SECONDS, Pace
from ipvscreen.delivery.points import Point, Reached, heard, unheard
from ipvscreen.errors import DeliveryLater, DeliveryRefused
from ipvscreen.ipv.proposals import organisation_at
from ipvscreen.ipv.referral import LATE
from ipvscreen.store.facade import Store
from ipvscreen.store.outbox import Job, Standing

_GIVEN_UP = "It could not be delivered for two weeks."


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
        pace: Pace | None = None,
        reached: Reached = unheard,
        jwks_url: str | None = None,
    ) -> None:
        """`clock` gives aware UTC; `spread`, in 0..1, keeps senders from coming back all at once.

        `jwks_url` is where services find our public keys.
        `on_fault` hears of what is no service's doing: the store, a missing key; else it is logged.
        """
        self._outbox, self._by_hand, self._cases = store.outbox, store.by_hand, store.cases
        self._http = heard(http, reached)
        self._tokens = Tokens(http, partial(signing_key_of, store, clock), clock, jwks_url)
        self._clock = clock
        self._spread = spread
        self._on_fault = on_fault or _log
        self._pace = pace or Pace()
        self._reached = reached
        self._kicked = asyncio.Event()
        self._named = False
        self._looked: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Send what is due, until `stop` is set and what is on its way is settled.

        What a fault of the store leaves undone is tried again.
        """
        stopping = asyncio.create_task(stop.wait())
        under_way: set[asyncio.Task[None]] = set()
        try:
            async with asyncio.TaskGroup() as group:
                while not stop.is_set():
                    self._kicked.clear()
                    places = self._pace.at_once - len(under_way)
                    jobs = await self._claim(places)
                    for job in jobs:
                        task = group.create_task(self._told(job))
                        under_way.add(task)
                        task.add_done_callback(under_way.discard)
                    if len(jobs) < places:
                        await self._rest(stopping, under_way)
                    else:
                        await self._until_one_is_back(stopping, under_way)
        finally:
            stopping.cancel()

    def kick(self) -> None:
        """Look at once: something was put into the outbox."""
        self._kicked.set()

    async def run_once(self) -> int:
        """Send what is due now, as many messages as go at once; how many there were."""
        jobs = await self._claimed(self._pace.at_once)
        results = await asyncio.gather(*map(self._deliver, jobs), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result  # only after the others have been settled
        return len(jobs)

    async def _claim(self, places: int) -> list[Job]:
        """What is due; a fault is told, and must not end delivery for all that comes after."""
        try:
            return await self._claimed(places)
        except Exception as fault:
            self._on_fault(fault)
            return []

    async def _claimed(self, places: int) -> list[Job]:
        if not self._named:
            await self._outbox.name_recipients()
            self._named = True
        await self._tell_what_is_late()
        return await self._outbox.claim(self._clock(), places, self._pace.lease, self._pace.each)

    async def _tell_what_is_late(self) -> None:
        """A line for whoever runs the app; the clinician sees it on the page of the referral."""
        now = self._clock()
        if self._looked is not None and now - self._looked < LATE:
            return
        self._looked = now
        await self._by_hand.lapse(now)
        if number := await self._outbox.late(now):
            structlog.get_logger().warning("delivery.late", rows=number)

    async def _rest(self, stopping: asyncio.Task[Literal[True]], under_way: set[asyncio.Task[None]]) -> None:
        kicked = asyncio.create_task(self._kicked.wait())
        try:
            await self._until_one_is_back(stopping, under_way | {kicked}, self._pace.idle)
        finally:
            kicked.cancel()

    async def _until_one_is_back(
        self,
        stopping: asyncio.Task[Literal[True]],
        tasks: AbstractSet[asyncio.Task[Any]],
        seconds: float | None = None,
    ) -> None:
        await asyncio.wait({stopping, *tasks}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            await asyncio.sleep(GATHER_SECONDS)

    async def _told(self, job: Job) -> None:
        try:
            await self._deliver(job)
        except Exception as fault:
            self._on_fault(fault)

    async def _deliver(self, job: Job) -> None:
        standing = await self._outbox.standing(job, self._clock())
        if standing is Standing.GONE:
            return
        if standing is Standing.HELD:
            await self._outbox.hold(job, self._clock() + timedelta(seconds=self._pace.held))
            return
        if standing is not Standing.GO:
            await self._outbox.lapse(job, standing)
            return
        self._reached(Point.CLAIMED)
        outcome = await self._tried(job)
        self._reached(Point.ANSWERED)
        await self._settle(job, outcome)
        self._reached(Point.SETTLED)

    async def _tried(self, job: Job) -> Receipt | DeliveryRefused | DeliveryLater:
        async def send(token: str | None) -> Receipt:
            return await push(
                self._http,
                job.endpoint,
                job.body,
                key=job.key,
                correlation=job.correlation,
                clock=self._clock,
                seconds=self._pace.push,
                token=token,
            )

        try:
            if organisation := organisation_at(job.endpoint):
                return await take_in(self._cases, job, organisation, self._clock())
            return await self._tokens.sent(job.backend, job.endpoint, send)
        except (DeliveryRefused, DeliveryLater) as words:
            return words

    async def _settle(self, job: Job, outcome: Receipt | DeliveryRefused | DeliveryLater) -> None:
        if isinstance(outcome, Receipt):
            again = self._clock() + timedelta(seconds=self._pace.hurry) if job.attempts > 1 else None
            await self._outbox.finish(job, outcome.reference, outcome.at, again)
        elif isinstance(outcome, DeliveryRefused):
            await self._outbox.refuse(job, str(outcome))
        else:
            await self._later(job, outcome)

    async def _later(self, job: Job, later: DeliveryLater) -> None:
        now = self._clock()
        age = now - job.queued_at
        if age >= self._pace.give_up:
            await self._outbox.refuse(job, f"{_GIVEN_UP} {later}")
            return
        asked = min(later.after or 0.0, self._pace.longest_asked)
        seconds = max(asked, self._pace.wait(job.attempts, age, self._spread()))
        await self._outbox.fail(job, now + timedelta(seconds=seconds), str(later))


def _log(fault: BaseException) -> None:
    # its text could quote what was stored
    structlog.get_logger().error("delivery.fault", kind=type(fault).__name__)
