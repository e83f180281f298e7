"""What patients say of their own conduct: kept here alone, and shown to nobody but who wrote it down."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ipvscreen.store.audit import Noting, of_visit
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.tables import accounts
from ipvscreen.store.visit import Visit


@dataclass(frozen=True, slots=True)
class Account:
    """What was entered in one visit, by field of its form (`url|version`), and when it was last kept."""

    visit_id: str
    form: str
    kept_at: datetime
    entered: Mapping[str, tuple[str, ...]]


class Accounts:
    """The table of accounts, one a visit."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._noting = engine, noting
        self._sealed = SealedTable(ring, accounts.name)

    async def keep(
        self, visit: Visit, form: str, entered: Mapping[str, tuple[str, ...]], now: datetime
    ) -> None:
        """The account of this visit; kept again, the later one stands."""
        ident = secrets.token_hex(16)
        given = {field: list(values) for field, values in entered.items()}
        body = {"whose": _whose(visit), "form": form, "entered": given}
        values = {
            "id": ident,
            "visit_id": visit.id,
            "whose_index": self._sealed.indexes("whose_index", _whose(visit))[0],
            "kept_at": now,
            "body": self._sealed.seal("body", ident, body),
        }
        async with writing(self._engine) as connection:
            await connection.execute(delete(accounts).where(accounts.c.visit_id == visit.id))
            await connection.execute(insert(accounts).values(values))
            await self._noting.note(connection, of_visit(visit))

    async def latest(self, visit: Visit) -> Account | None:
        """What this clinician last kept of this patient; of one who is not known, only of this visit."""
        mine = accounts.c.whose_index.in_(self._sealed.indexes("whose_index", _whose(visit)))
        query = select(accounts).where(mine).order_by(accounts.c.kept_at.desc()).limit(1)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else account_of(self._sealed, row)


def account_of(sealed: SealedTable, row: RowMapping) -> Account:
    """The account that a row holds; SealBroken where it does not open."""
    body = sealed.open("body", row["id"], row["body"])
    entered = {field: tuple(values) for field, values in body["entered"].items()}
    return Account(row["visit_id"], body["form"], row["kept_at"], entered)


def _whose(visit: Visit) -> str:
    if visit.user_key is None:
        return f"visit {visit.id}"
    return f"clinician {visit.ehr} {visit.user_key} {visit.iss} {visit.patient_id}"
