"""Beside the requests: telling a record system's own log, one task at a time for each visit."""

import asyncio
from asyncio import Lock
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

import structlog

Share = Callable[[], Awaitable[None]]


class Sharing:
    """Tasks that no page waits for, and whose faults no page tells of."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._locks: WeakValueDictionary[str, Lock] = WeakValueDictionary()

    def begin(self, visit_id: str, share: Share) -> None:
        """Run it soon, after what runs for the same visit."""
        task = asyncio.create_task(self._run(visit_id, share))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Until nothing is under way any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Break off what is under way; it is known on disk how far each came."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, visit_id: str, share: Share) -> None:
        async with self._locks.setdefault(visit_id, Lock()):
            try:
                await share()
            except Exception as fault:
                # Nobody waits for it; its text could quote what was stored.
                structlog.get_logger().warning("sharing.fault", kind=type(fault).__name__)
