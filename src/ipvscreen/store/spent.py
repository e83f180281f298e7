"""What may be used once: a form, a challenge; marked in the transaction of what it was used for."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ipvscreen.errors import IpvscreenError
from ipvscreen.store.tables_inbox import spent


class AlreadyUsed(IpvscreenError):
    """It was used before; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Once:
    """Something that may be used once, used at `at`; after `expires_at` nobody takes it anyway."""

    id: str
    at: datetime
    expires_at: datetime


async def spend(connection: AsyncConnection, once: Once) -> None:
    """Mark it as used; AlreadyUsed where it is. The caller's transaction is alone in writing."""
    await connection.execute(delete(spent).where(spent.c.expires_at <= once.at))
    if await connection.scalar(select(spent.c.id).where(spent.c.id == once.id)) is not None:
        raise AlreadyUsed("This form was used before.")
    await connection.execute(insert(spent).values(id=once.id, expires_at=once.expires_at))
