"""What is on its way in somebody's hands: its lease is renewed for as long as that lasts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from ipvscreen.errors import NotStored
from ipvscreen.store.journal import Journal, Writing

_RENEWALS = 4  # in the time of one lease


@asynccontextmanager
async def held(
    journal: Journal, writing: Writing, clock: Callable[[], datetime], lease: timedelta
) -> AsyncIterator[None]:
    """Nobody else takes it meanwhile; free at once for another where this ends in an error."""

    async def renewed() -> None:
        while True:
            await asyncio.sleep(lease.total_seconds() / _RENEWALS)
            with suppress(NotStored):  # the next one may be taken; else the lease runs out
                await journal.renew(writing, clock() + lease)

    renewing = asyncio.create_task(renewed())
    try:
        with journal.alive(writing):
            yield
    except BaseException:
        with suppress(NotStored):
            await journal.renew(writing, clock())
        raise
    finally:
        renewing.cancel()
