"""Organisations: who a service is, made by a steward together with its first coordinator."""

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ipvscreen.errors import IpvscreenError
from ipvscreen.ipv.members import Member, Organisation
from ipvscreen.store.audit import Noting
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.members import Invitation, MemberRows, of_member
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.spent import Once, spend
from ipvscreen.store.tables_inbox import organisations


class NameTaken(IpvscreenError):
    """An organisation of that name is there; nothing was changed."""


class Organisations:
    """The table of organisations."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._noting = engine, noting
        self._sealed = SealedTable(ring, organisations.name)
        self._members = MemberRows(ring)

    async def add(
        self, by: Member, organisation: Organisation, first: Member, invitation: Invitation, once: Once
    ) -> None:
        """It and its first coordinator, invited; NameTaken, AlreadyUsed."""
        name = organisation.name.casefold()
        indexes = self._sealed.indexes("name_index", name)
        body = {"name": organisation.name, "phone": organisation.phone}
        values = {
            "id": organisation.id,
            "name_index": indexes[0],
            "body": self._sealed.seal("body", organisation.id, body),
        }
        async with writing(self._engine) as connection:
            await spend(connection, once)
            taken = select(organisations.c.id).where(organisations.c.name_index.in_(indexes))
            if await connection.scalar(taken) is not None:
                raise NameTaken("An organisation of that name is there.")
            await connection.execute(insert(organisations).values(values))
            await self._members.put(connection, first)
            await self._members.put_invitation(connection, invitation)
            await self._noting.note(connection, of_member(by, organisation.id))

    async def get(self, organisation_id: str) -> Organisation | None:
        """The organisation; None where there is none."""
        query = select(organisations).where(organisations.c.id == organisation_id)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else self._organisation(row)

    async def all(self) -> list[Organisation]:
        """Every one, by name."""
        async with reading(self._engine) as connection:
            rows = (await connection.execute(select(organisations))).mappings().all()
        return sorted(map(self._organisation, rows), key=lambda one: (one.name, one.id))

    def _organisation(self, row: RowMapping) -> Organisation:
        return Organisation(row["id"], **self._sealed.open("body", row["id"], row["body"]))
