"""The daily purge of what has been kept long enough, by one of all the processes that serve."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog

from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.retention import Days
from ipvscreen.store.facade import Store

LOOK_SECONDS = 600.0  # between two looks whether it is due; the first comes that long after the start


class Purger:
    """Looks now and then whether the day's purge is still to be done; what waits for a person stays."""

    def __init__(
        self, store: Store, days: Days, clock: Callable[[], datetime], *, seconds: float = LOOK_SECONDS
    ) -> None:
        self._store, self._days, self._clock, self._seconds = store, days, clock, seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; what a fault leaves undone is tried again the next day."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._seconds)
                return
            await self._turn()

    async def _turn(self) -> None:
        try:
            await self.run_once()
        except Exception as fault:
            # It must not end the job for good; its text could quote what was stored.
            structlog.get_logger().error("purge.fault", kind=type(fault).__name__)

    async def run_once(self) -> dict[str, int] | None:
        """How many rows went, by table; None where it is not this process's turn."""
        now = self._clock()
        if not await self._store.retention.take_turn(now):
            return None
        gone = await self._store.doing(Act.PURGED, now).retention.purge(self._days, now)
        structlog.get_logger().info("purge.done", rows=sum(gone.values()))
        return gone
