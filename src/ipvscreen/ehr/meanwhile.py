"""Work that goes on beside other work, and never outlives it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

_T = TypeVar("_T")

_TURNS = 24  # of the loop, as many as a request takes to leave by a connection that stands


@asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, _T]) -> AsyncIterator[asyncio.Task[_T]]:
    """`work` as a task to be awaited in the block; broken off where an error ends the block before it."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)  # what it raised is nobody's any more


async def on_its_way() -> None:
    """Let what was begun come as far as it can without waiting, before something long keeps it."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)
