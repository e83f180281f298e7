"""Sittings: a clinician who came from the record system without a patient, and the browser she came with."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ipvscreen.ipv.audit import LISTS
from ipvscreen.store.audit import Noting, Subject
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.tables import sittings

_SEALED = ("iss", "user", "user_key", "user_name", "cookie_hash")


@dataclass(frozen=True, slots=True)
class Sitting:
    """One clinician, known by `user_key`, and no patient; `cookie_hash` as in a visit."""

    id: str
    ehr: str
    iss: str
    user: str | None
    user_key: str
    user_name: str | None
    cookie_hash: str
    opened_at: datetime
    expires_at: datetime


class Sittings:
    """The table of sittings. Whether one has run out is for the caller to see, as with visits."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._noting = engine, noting
        self._sealed = SealedTable(ring, sittings.name)

    async def create(self, sitting: Sitting) -> Sitting:
        """Store it; those that have run out go."""
        who = {name: getattr(sitting, name) for name in _SEALED}
        values = {
            "id": sitting.id,
            "ehr": sitting.ehr,
            "opened_at": sitting.opened_at,
            "expires_at": sitting.expires_at,
            "context": self._sealed.seal("context", sitting.id, who),
        }
        async with writing(self._engine) as connection:
            await connection.execute(delete(sittings).where(sittings.c.expires_at <= sitting.opened_at))
            await connection.execute(insert(sittings).values(values))
            await self._noting.note(connection, subject_of(sitting))
        return sitting

    async def get(self, sitting_id: str) -> Sitting | None:
        """The sitting; None where there is none."""
        query = select(sittings).where(sittings.c.id == sitting_id)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        plain = {name: row[name] for name in ("id", "ehr", "opened_at", "expires_at")}
        return Sitting(**plain, **self._sealed.open("context", row["id"], row["context"]))

    async def close(self, sitting: Sitting) -> None:
        """It is over; closing it again changes nothing."""
        async with writing(self._engine) as connection:
            gone = delete(sittings).where(sittings.c.id == sitting.id)
            if (await connection.execute(gone)).rowcount:
                await self._noting.note(connection, subject_of(sitting))


def subject_of(sitting: Sitting) -> Subject:
    """The clinician, for the audit log."""
    return Subject(LISTS, sitting.ehr, sitting.iss, sitting.user, sitting.user_key, sitting.user_name)
