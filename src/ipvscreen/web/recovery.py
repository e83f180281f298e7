"""Finish what was on its way into a record when a process died; any number of processes may run it."""

import asyncio
from collections.abc import Callable

import structlog

from ipvscreen.errors import IpvscreenError
from ipvscreen.ipv.visit import Step
from ipvscreen.pathway.carry_on import carry_on
from ipvscreen.pathway.write_out import write_out
from ipvscreen.store.journal import Writing
from ipvscreen.web.rooms import Rooms
from ipvscreen.web.turn import Turn

_LOOKS = 4  # in the time of one lease
AT_ONCE = 8  # writes


class Recovery:
    """Looks at the journal now and then; each write is one process's at a time, by its lease."""

    def __init__(self, rooms: Rooms, *, on_fault: Callable[[BaseException], None] | None = None) -> None:
        """`on_fault` hears of what went wrong with the store or a write, which is tried again."""
        self._rooms = rooms
        self._on_fault = on_fault or _log

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set, which breaks off what is under way: it is free for another at once."""
        working = asyncio.create_task(self._work())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)

    async def run_once(self) -> int:
        """One round: finish what is left behind, at most AT_ONCE writes; how many there were."""
        writings = await self._taken()
        results = await asyncio.gather(*map(self._finish, writings), return_exceptions=True)
        for result in results:
            if isinstance(result, IpvscreenError):
                self._on_fault(result)
            elif isinstance(result, BaseException):
                raise result
        return len(writings)

    async def _taken(self) -> list[Writing]:
        care, taken = self._rooms.care, list[Writing]()
        while len(taken) < AT_ONCE:
            one = await self._rooms.store.journal.take_due(care.clock(), care.lease)
            if one is None:
                break
            taken.append(one)
        return taken

    async def _finish(self, writing: Writing) -> None:
        rooms = self._rooms
        visit = await rooms.store.visits.get(writing.visit_id)
        if visit is None:
            return
        turn = Turn(rooms, visit, Step.DONE, rooms.clock(), {})
        client = turn.client if visit.ehr in rooms.ehrs else None
        begun = await carry_on(rooms.store, client, visit, writing)
        if begun is not None and client is not None:
            await write_out(rooms.store, client, begun, rooms.care, turn.entry.on_label_loss)

    async def _work(self) -> None:
        pause = self._rooms.care.lease.total_seconds() / _LOOKS
        while True:
            try:
                await self.run_once()
            except Exception as fault:  # it must not end this for all that comes after
                self._on_fault(fault)
            await asyncio.sleep(pause)


def _log(fault: BaseException) -> None:
    # its text could quote what was stored
    structlog.get_logger().error("recovery.fault", kind=type(fault).__name__)
