"""Follow-ups: neutral entries of our own that somebody is to be seen again; nothing of it leaves."""

import secrets
from dataclasses import dataclass
from datetime import date

from sqlalchemy import RowMapping, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.store.audit import Noting, of_visit
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.tables import followups, visits
from ipvscreen.store.visit import Visit, clinician_indexes


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One entry: the visit that it comes from, the day, and a neutral text."""

    id: str
    visit_id: str
    due: date
    text: str


class FollowUps:
    """The table of follow-ups, one a visit."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._noting = engine, noting
        self._sealed = SealedTable(ring, followups.name)
        self._sealed_visits = SealedTable(ring, visits.name)

    async def add(self, visit: Visit, *, due: date, text: str) -> FollowUp:
        """The follow-up of this visit; asked again, the later one stands."""
        async with writing(self._engine) as connection:
            entry = await put_follow_up(connection, self._sealed, visit, due, text)
            await self._noting.note(connection, of_visit(visit))
        return entry

    async def of_clinician(self, ehr: str, user_key: str | None) -> list[FollowUp]:
        """This clinician's follow-ups, the earliest first."""
        if user_key is None:
            return []
        mine = visits.c.user_index.in_(clinician_indexes(self._sealed_visits, ehr, user_key))
        query = select(followups).join(visits).where(visits.c.ehr == ehr, mine).order_by(followups.c.due)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [followup_of(self._sealed, row) for row in rows]


async def put_follow_up(
    connection: AsyncConnection, sealed: SealedTable, visit: Visit, due: date, text: str
) -> FollowUp:
    """The follow-up of that visit, in a transaction of the caller's, in place of an earlier one."""
    entry = FollowUp(id=secrets.token_hex(16), visit_id=visit.id, due=due, text=text)
    await connection.execute(delete(followups).where(followups.c.visit_id == visit.id))
    shut = sealed.seal("text", entry.id, text)
    values = {"id": entry.id, "visit_id": visit.id, "due": due, "text": shut}
    await connection.execute(insert(followups).values(values))
    return entry


def followup_of(sealed: SealedTable, row: RowMapping) -> FollowUp:
    """The entry that a row holds; SealBroken where it does not open."""
    text = sealed.open("text", row["id"], row["text"])
    return FollowUp(id=row["id"], visit_id=row["visit_id"], due=row["due"], text=text)
