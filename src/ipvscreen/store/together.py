"""Work on a store that shares a transaction with what comes while another is under way."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from ipvscreen.errors import NotStored

_MOST = 64

Item = TypeVar("Item")
Result = TypeVar("Result")


class Together(Generic[Item, Result]):
    """Gathers what is asked at the same time; `work` gives for each item a result, in their order.

    Nobody waits for others to come: what comes first goes at once, and what comes meanwhile goes next.
    Where the work fails for another reason than that nothing is stored, each is tried alone, so that one
    item does not spoil the others'.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]]) -> None:
        self._work = work
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Result:
        """The result for `item`; the work is done even where the caller stops waiting for it."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._all())
        return await future

    async def _all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                await self._done(group)
            except BaseException:  # this task itself is given up: nobody must wait for it
                for _, future in (*group, *self._waiting):
                    future.cancel()
                self._waiting = []
                raise

    async def _done(self, group: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._work([item for item, _ in group])
        except Exception as failure:
            if len(group) > 1 and not isinstance(failure, NotStored):
                for one in group:
                    await self._done([one])
                return
            for _, future in group:
                if not future.done():
                    future.set_exception(failure)
            return
        for (_, future), result in zip(group, results, strict=True):
            if not future.done():
                future.set_result(result)
