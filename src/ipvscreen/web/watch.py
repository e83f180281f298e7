"""Nothing waits unheard: look at what is due, put it on the practice's list, and tell its mailbox."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

import structlog

from ipvscreen.delivery.notices import Notices
from ipvscreen.ipv.hearing import Cause, Due, Fact, begins, due
from ipvscreen.ipv.hours import Hours
from ipvscreen.ipv.visit import Step
from ipvscreen.store.visits import Visit
from ipvscreen.web.rooms import EhrEntry, Rooms
from ipvscreen.web.turn import Turn

LOOK_SECONDS = 60.0


class Watch:
    """Any number of processes may run it: a thing that waits is one row, whoever finds it first."""

    def __init__(
        self,
        rooms: Rooms,
        notices: Notices | None,
        *,
        on_fault: Callable[[BaseException], None] | None = None,
        seconds: float = LOOK_SECONDS,
    ) -> None:
        """Without `notices` there is no mail server, and the list alone."""
        self._rooms, self._notices, self._seconds = rooms, notices, seconds
        self._on_fault = on_fault or _log

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; what a fault leaves undone is tried again at the next look."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._seconds)
                return
            await self.run_once()

    async def run_once(self) -> None:
        """One look, then what has to be told. A fault with one record system keeps no other from it."""
        now = self._rooms.clock()
        for entry in self._rooms.ehrs.values():
            await self._safely(partial(look, self._rooms, entry, now))
        if self._notices is not None:
            await self._safely(self._notices.run_once)
            await self._safely(self._tell_what_is_stuck)

    async def _tell_what_is_stuck(self) -> None:
        """A line for whoever runs the app: until mail goes out again, somebody has to ring the practice."""
        if self._notices is not None and (number := await self._notices.stuck()):
            structlog.get_logger().warning("notices.stuck", number=number)

    async def _safely(self, do: Callable[[], Awaitable[object]]) -> None:
        try:
            await do()
        except Exception as fault:  # it must not end this for all that comes after
            self._on_fault(fault)


async def look(rooms: Rooms, entry: EhrEntry, now: datetime) -> None:
    """Bring the list of that record system up to what waits there now."""
    if entry.hours is None:
        return
    waiting = rooms.store.waiting
    today = now.astimezone(entry.zone).date()
    sent = await waiting.referrals(entry.name, now, today if rooms.release_required(entry) else None)
    facts = [one for one in sent if one.cause is not Cause.ARRIVED or one.service in rooms.told]
    for left in await waiting.left(entry.name, now):
        urgent = _urgent(rooms, left.visit, now)
        facts.append(Fact(left.cause, left.id, left.id, left.ended_at, urgent))
    facts += [
        Fact(Cause.FOLLOW_UP, ident, visit, begins(day, entry.hours))
        for ident, visit, day in await waiting.follow_ups(entry.name, today)
    ]
    await rooms.store.alerts.settle(entry.name, visible(facts, entry.hours, now), now)


def visible(facts: list[Fact], hours: Hours, now: datetime) -> list[Due]:
    """What of it stands on the list by now."""
    return [one for one in (due(fact, hours) for fact in facts) if one.visible <= now]


def _urgent(rooms: Rooms, visit: Visit | None, now: datetime) -> bool:
    """Whether there is danger, or that cannot be worked out: then nobody can say that there is none."""
    try:
        return visit is None or bool(Turn(rooms, visit, Step.DONE, now, {}).assessment().dangers)
    except Exception as fault:
        _log(fault)
        return True


def _log(fault: BaseException) -> None:
    # its text could quote what was stored
    structlog.get_logger().error("watch.fault", kind=type(fault).__name__)
