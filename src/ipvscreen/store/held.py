"""What is on its way in somebody's hands: its lease is renewed for as long as that lasts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from ipvscreen.errors import IpvscreenError, NotStored
from ipvscreen.store.journal import Journal, Writing

_RENEWALS = 4  # in the time of one lease


class TakenOver(IpvscreenError):
    """Another goes on with it."""


@dataclass(slots=True)
class Hold:
    """Until when nobody else takes it, whatever becomes of us."""

    until: datetime


@asynccontextmanager
async def held(
    journal: Journal, writing: Writing, clock: Callable[[], datetime], lease: timedelta
) -> AsyncIterator[Hold]:
    """Nobody else takes it meanwhile; free at once for another where this ends in an error.

    TakenOver where somebody has: a process that stood still for longer than its lease is taken for dead.
    """
    hold = Hold(writing.until)

    async def renew() -> bool:
        until = clock() + lease
        renewed = await journal.renew(writing, until)
        hold.until = until if renewed else hold.until
        return renewed

    async def renewing() -> None:
        while True:
            await asyncio.sleep(lease.total_seconds() / _RENEWALS)
            with suppress(NotStored):  # the next one may be taken; else the lease runs out
                await renew()

    with journal.alive(writing):
        if hold.until - clock() < lease / 2 and not await renew():
            raise TakenOver
        keeping = asyncio.create_task(renewing())
        try:
            yield hold
        except BaseException:
            with suppress(NotStored):
                await journal.renew(writing, clock())
            raise
        finally:
            keeping.cancel()
