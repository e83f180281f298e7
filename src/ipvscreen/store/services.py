"""The directory of services: FHIR HealthcareServices, replaced as a whole."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ipvscreen.store.engine import reading, writing
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.tables import services


class Services:
    """The table of services."""

    def __init__(self, engine: AsyncEngine, ring: Ring) -> None:
        self._engine = engine
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

    async def all(self) -> list[dict[str, Any]]:
        """Every service, in the order of the import."""
        query = select(services.c.id, services.c.body).order_by(services.c.position)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [self._sealed.open("body", row.id, row.body) for row in rows]
