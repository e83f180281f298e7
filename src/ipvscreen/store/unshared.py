"""What a record system's own log is still to be told of ours: a row each, gone once it was taken."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.ipv.audit import Row
from ipvscreen.ipv.shared import SHARED, TRIES, Fate
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.tables import audit, unshared

_OPEN = or_(
    unshared.c.fate == Fate.DUE,
    and_(unshared.c.fate == Fate.REFUSED, unshared.c.tries < TRIES),
)


class Unshared:
    """The table. Numbers and fates alone: a row of it names a row of the log."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def due(self, visit_id: str) -> list[int]:
        """The rows of this visit, by number, that may be sent now; none once one stood there bare."""
        bare = select(unshared.c.id).where(unshared.c.visit == visit_id, unshared.c.fate == Fate.BARE)
        query = select(unshared.c.number).where(unshared.c.visit == visit_id, _OPEN, ~exists(bare))
        async with reading(self._engine) as connection:
            return [*(await connection.scalars(query.order_by(unshared.c.number))).all()]

    async def begin(self, visit_id: str, number: int) -> bool:
        """Whether the caller is the one to send it; on disk before it is sent, so that it is sent once."""
        async with writing(self._engine) as connection:
            begun = update(unshared).where(_is(visit_id, number), _OPEN).values(fate=Fate.BEGUN)
            return (await connection.execute(begun)).rowcount == 1

    async def refused(self, visit_id: str, number: int) -> None:
        """It was surely not taken, and may be tried again."""
        await self._end(visit_id, number, fate=Fate.REFUSED, tries=unshared.c.tries + 1)

    async def bare(self, visit_id: str, number: int) -> None:
        """It was taken, and the answer shows it without its labels."""
        await self._end(visit_id, number, fate=Fate.BARE)

    async def taken(self, visit_id: str, number: int) -> None:
        """It stands there."""
        async with writing(self._engine) as connection:
            await connection.execute(delete(unshared).where(_is(visit_id, number)))

    async def counts(self) -> dict[Fate, int]:
        """How many rows have not been told of, or perhaps not, by what is known."""
        query = select(unshared.c.fate, func.count()).group_by(unshared.c.fate)
        async with reading(self._engine) as connection:
            return {Fate(fate): count for fate, count in (await connection.execute(query)).all()}

    async def _end(self, visit_id: str, number: int, **values: Any) -> None:
        async with writing(self._engine) as connection:
            await connection.execute(update(unshared).where(_is(visit_id, number)).values(values))


async def owe(connection: AsyncConnection, row: Row, shares: Collection[str]) -> None:
    """Note, in the transaction of the act, that the record system is to be told of this row of the log.

    Nothing where its record system is none of `shares`, or of an act that it is not told of, or was.
    """
    if row.ehr not in shares or row.act not in SHARED:
        return
    before = select(audit.c.seq).where(
        audit.c.chain == row.chain, audit.c.act == row.act, audit.c.number < row.number
    )
    if (await connection.execute(before.limit(1))).first() is None:
        values = {"id": _ident(row.chain, row.number), "visit": row.chain, "number": row.number}
        await connection.execute(insert(unshared).values(**values, fate=Fate.DUE, tries=0))


def _is(visit_id: str, number: int) -> ColumnElement[bool]:
    return unshared.c.id == _ident(visit_id, number)


def _ident(visit_id: str, number: int) -> str:
    return f"{visit_id}/{number}"
