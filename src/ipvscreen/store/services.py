"""The directory of services: FHIR HealthcareServices, replaced as a whole."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.members import Member
from ipvscreen.store.audit import Noting
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.members import of_member
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.spent import Once, spend
from ipvscreen.store.tables import services


class Services:
    """The table of services."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._noting = engine, noting
        self._sealed = SealedTable(ring, services.name)

    async def replace(self, resources: Sequence[Mapping[str, Any]]) -> None:
        """These and no others, in this order.

        ValueError, and nothing changed, where an `id` is missing or comes twice.
        """
        ids = [str(resource.get("id") or "") for resource in resources]
        if "" in ids or len(set(ids)) != len(ids):
            raise ValueError("every service needs an id of its own")
        rows = [
            {"id": id_, "position": position, "body": self._sealed.seal("body", id_, dict(resource))}
            for position, (id_, resource) in enumerate(zip(ids, resources, strict=True))
        ]
        async with writing(self._engine) as connection:
            await connection.execute(delete(services))
            if rows:
                await connection.execute(insert(services), rows)

    async def change(
        self, by: Member, service_id: str, change: Callable[[dict[str, Any]], dict[str, Any]], once: Once
    ) -> None:
        """One service, as `change` makes it of what is stored; OutOfOrder where it is not there."""
        chosen = services.c.id == service_id
        async with writing(self._engine) as connection:
            await spend(connection, once)
            body = await connection.scalar(select(services.c.body).where(chosen))
            if body is None:
                raise OutOfOrder("not there", "change")
            changed = change(self._sealed.open("body", service_id, body))
            sealed = self._sealed.seal("body", service_id, changed)
            await connection.execute(update(services).where(chosen).values(body=sealed))
            await self._noting.note(connection, of_member(by))

    async def all(self) -> list[dict[str, Any]]:
        """Every service, in the order of the import."""
        return await self._opened(select(services.c.id, services.c.body).order_by(services.c.position))

    async def some(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """Those of these ids, as far as they are there."""
        return await self._opened(select(services.c.id, services.c.body).where(services.c.id.in_(list(ids))))

    async def _opened(self, query: Select[tuple[str, bytes]]) -> list[dict[str, Any]]:
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [self._sealed.open("body", row.id, row.body) for row in rows]
