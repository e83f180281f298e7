"""What was missing when nothing fitted: counts by month, which lead to no visit and to nobody."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Unpack

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.ipv.gap import Gap
from ipvscreen.ipv.services import Kind, Rule
from ipvscreen.store.audit import Noting, of_visit
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.followups import put_follow_up
from ipvscreen.store.plan_tables import gaps
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.tables import followups, visits
from ipvscreen.store.visit import Visit, VisitChanges
from ipvscreen.store.visits import compare_and_set

_BETWEEN = " "


@dataclass(frozen=True, slots=True)
class Counted:
    """A gap, and how often it was met in its month."""

    gap: Gap
    count: int


class Gaps:
    """The table of gaps."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._noting = engine, noting
        self._sealed_followups = SealedTable(ring, followups.name)
        self._sealed_visits = SealedTable(ring, visits.name)

    async def keep(
        self, visit: Visit, gap: Gap | None, *, due: date, text: str, **changes: Unpack[VisitChanges]
    ) -> Visit:
        """The visit with `changes` and its follow-up noted, and the gap counted once more: all or nothing.

        OutOfOrder where the visit was changed since it was read.
        """
        async with writing(self._engine) as connection:
            changed = await compare_and_set(connection, self._sealed_visits, visit, changes)
            await put_follow_up(connection, self._sealed_followups, visit, due, text)
            if gap is not None:
                await count_gap(connection, gap)
            await self._noting.note(connection, of_visit(changed))
        return changed

    async def counts(self) -> list[Counted]:
        """Every gap, the earliest month first."""
        query = select(gaps).order_by(gaps.c.month, gaps.c.child, gaps.c.kinds, gaps.c.excluded_by)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [Counted(_gap(row), row["count"]) for row in rows]


async def count_gap(connection: AsyncConnection, gap: Gap) -> None:
    """Once more, in a transaction of the caller's that writes alone."""
    which = {
        "month": gap.month,
        "child": gap.child,
        "kinds": _BETWEEN.join(sorted(gap.kinds)),
        "excluded_by": _BETWEEN.join(sorted(gap.excluded_by)),
        "area": gap.area or "",
    }
    same = [gaps.c[name] == value for name, value in which.items()]
    done = await connection.execute(update(gaps).where(*same).values(count=gaps.c.count + 1))
    if not done.rowcount:
        await connection.execute(insert(gaps).values(which | {"count": 1}))


def _gap(row: RowMapping) -> Gap:
    def codes(column: str, kind: Any) -> frozenset[Any]:
        return frozenset(kind(code) for code in row[column].split())

    return Gap(
        kinds=codes("kinds", Kind),
        excluded_by=codes("excluded_by", Rule),
        area=row["area"] or None,
        month=row["month"],
        child=row["child"],
    )
