"""The journal: what is to be written into a record, on disk before the first of it is sent.

A row is leased to one process at a time. A lease is renewed while its holder lives and runs out when it dies;
whoever tells what became of an entry shows the lease, so that one that was too slow changes nothing.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Unpack

from sqlalchemy import ColumnElement, RowMapping, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.errors import EhrError, OutOfOrder
from ipvscreen.ipv.visit import VisitState
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.frozen import frozen, known_of, merged, pending, thawed
from ipvscreen.store.audit import Noting, of_visit
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.on_its_way import Begun as Begun
from ipvscreen.store.on_its_way import Purpose as Purpose
from ipvscreen.store.on_its_way import Then as Then
from ipvscreen.store.on_its_way import Writing as Writing
from ipvscreen.store.on_its_way import new_writing as new_writing
from ipvscreen.store.sealed import Ring, SealBroken, SealedTable
from ipvscreen.store.tables import journal, visits
from ipvscreen.store.visit import Visit, VisitChanges
from ipvscreen.store.visits import compare_and_set, stored


class Journal:
    """The table of what is on its way; `alive`: the rows that this process is at, one set for its store."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting, alive: set[str]) -> None:
        self._engine, self._noting, self._alive = engine, noting, alive
        self._sealed = SealedTable(ring, journal.name)
        self._sealed_visits = SealedTable(ring, visits.name)

    @contextmanager
    def alive(self, held: Writing) -> Iterator[None]:
        """Meanwhile this process takes nobody's place in that row, however late it is to renew the lease."""
        new = {held.id} - self._alive
        self._alive |= new
        try:
            yield
        finally:
            self._alive -= new

    async def freeze(
        self,
        visit: Visit,
        purpose: Purpose,
        items: tuple[Labelled, ...],
        until: datetime,
        silent: EhrError | None,
        state: VisitState,
    ) -> Begun:
        """The visit in that state, its entries on disk, and nothing known yet of those that are new."""
        told = merged(pending(items), known_of(items, visit.written))
        new = new_writing(visit.id, purpose, items, until)
        return await self.begin(visit, new, silent, state=state, written=told)

    async def begin(
        self, visit: Visit, new: Writing, silent: EhrError | None = None, **changes: Unpack[VisitChanges]
    ) -> Begun:
        """The visit with `changes` and its entries, on disk together and leased.

        Entries that were frozen before stay as they are. OutOfOrder where the visit was changed since it was
        read, or another has the lease.
        """
        async with writing(self._engine) as connection:
            changed = await compare_and_set(connection, self._sealed_visits, visit, changes)
            stands = await put(connection, self._sealed, new)
            await self._noting.note(connection, of_visit(changed))
        before = stands.known(visit)
        return Begun(changed, stands, before if before.items else None, silent)

    async def take(
        self,
        visit: Visit,
        row: str,
        now: datetime,
        lease: timedelta,
        silent: EhrError | None = None,
        **changes: Unpack[VisitChanges],
    ) -> Begun | None:
        """Another try of that row, with `changes` of its visit; None where it is gone or being written."""
        free = or_(journal.c.open.is_(False), journal.c.due.is_(None))
        if row not in self._alive:
            free = or_(free, _over(now, lease))
        async with writing(self._engine) as connection:
            taken = await self._lease(connection, row, free, now + lease)
            if taken is None:
                return None
            changed = await compare_and_set(connection, self._sealed_visits, visit, changes)
        return Begun(changed, taken, taken.known(changed), silent)

    async def take_due(self, now: datetime, lease: timedelta) -> Writing | None:
        """One whose holder has died, leased; None where there is none. What does not open stays untouched."""
        dead = (journal.c.open.is_(True), _over(now, lease))
        async with reading(self._engine) as connection:
            rows = (await connection.scalars(select(journal.c.id).where(*dead).order_by(journal.c.due))).all()
        for row in (one for one in rows if one not in self._alive):
            async with writing(self._engine) as connection:
                try:
                    taken = await self._lease(connection, row, _over(now, lease), now + lease)
                except SealBroken:
                    continue
            if taken is not None:
                return taken
        return None

    async def renew(self, held: Writing, until: datetime) -> bool:
        """Its holder lives; False, and nothing, where it has gone to another."""
        renewed = update(journal).where(*_mine(held)).values(due=until)
        async with writing(self._engine) as connection:
            return (await connection.execute(renewed)).rowcount > 0

    async def tell(self, held: Writing, change: Callable[[Visit], VisitChanges], then: Then) -> Visit | None:
        """The visit with what is known now; None, and nothing changed, where the lease has gone to another.

        Made of the visit as it stands: a telephone call may have been noted meanwhile. That labels were lost
        leaves a row in the log, once in a visit.
        """
        async with writing(self._engine) as connection:
            moved = (await connection.execute(_moved(held, then))).rowcount
            visit = await stored(connection, self._sealed_visits, held.visit_id) if moved else None
            if visit is None:
                return None
            changed = await compare_and_set(connection, self._sealed_visits, visit, change(visit))
            if changed.label_lost and not visit.label_lost:
                await self._noting.note(connection, of_visit(changed))
        return changed

    async def close(self, visit: Visit, **changes: Unpack[VisitChanges]) -> Visit:
        """The visit with `changes`, and nothing of it on its way any more."""
        async with writing(self._engine) as connection:
            closed = await compare_and_set(connection, self._sealed_visits, visit, changes)
            await connection.execute(delete(journal).where(journal.c.visit_id == visit.id))
        return closed

    async def of_visit(self, visit_id: str) -> dict[str, bool]:
        """The rows of a visit, and whether what became of each is still to be told."""
        query = select(journal.c.id, journal.c.open).where(journal.c.visit_id == visit_id)
        async with reading(self._engine) as connection:
            return {row.id: row.open for row in (await connection.execute(query)).all()}

    async def _lease(
        self, connection: AsyncConnection, row: str, free: ColumnElement[bool], until: datetime
    ) -> Writing | None:
        token = {"lease": secrets.token_hex(16), "due": until, "open": True}
        taken = update(journal).where(journal.c.id == row, free).values(token).returning(journal)
        found = (await connection.execute(taken)).mappings().one_or_none()
        return None if found is None else _writing(self._sealed, found)


async def put(connection: AsyncConnection, sealed: SealedTable, new: Writing) -> Writing:
    """`new`, or the row that is there already under its lease; OutOfOrder where another has it."""
    query = select(journal).where(journal.c.id == new.id)
    row = (await connection.execute(query)).mappings().one_or_none()
    values = {"open": True, "lease": new.lease, "due": new.until}
    if row is None:
        entries = {"purpose": new.purpose, "items": frozen(new.items)}
        shut = {"entries": sealed.seal("entries", new.id, entries)}
        await connection.execute(insert(journal).values(id=new.id, visit_id=new.visit_id, **values, **shut))
        return new
    if row["open"] and row["due"] is not None:
        raise OutOfOrder("saving", "save")
    await connection.execute(update(journal).where(journal.c.id == new.id).values(values))
    return replace(_writing(sealed, row), lease=new.lease, until=new.until)


def _moved(held: Writing, then: Then) -> Any:
    if then is Then.GOES:
        return delete(journal).where(*_mine(held))
    free: dict[str, Any] = {"lease": None, "due": None}
    goes_on = {"open": True}
    values = {Then.GOES_ON: goes_on, Then.WAITS: free | goes_on, Then.STAYS: free | {"open": False}}
    return update(journal).where(*_mine(held)).values(values[then])


def _mine(held: Writing) -> tuple[ColumnElement[bool], ...]:
    return journal.c.id == held.id, journal.c.lease == held.lease


def _over(now: datetime, lease: timedelta) -> ColumnElement[bool]:
    """A lease that has run out, or ends later than any could: of a clock put back."""
    return or_(journal.c.due <= now, journal.c.due > now + lease)


def _writing(sealed: SealedTable, row: RowMapping) -> Writing:
    entries = sealed.open("entries", row["id"], row["entries"])
    purpose, items = Purpose(entries["purpose"]), thawed(entries["items"])
    return Writing(row["id"], row["visit_id"], purpose, items, row["lease"], row["due"])
