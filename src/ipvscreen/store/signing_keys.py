"""The keys that sign for record systems: published before they sign, and for a day after they stopped."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.store.engine import reading, writing
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.tables import signing_keys

LEAD = timedelta(hours=1)  # a record system may keep our JWKS for so long without missing the new key
KEPT = timedelta(hours=24)  # an assertion lives five minutes; the rest is for one that keeps us too long


@dataclass(frozen=True, slots=True)
class NewKey:
    """A private key as JWK that has not been stored yet."""

    kid: str
    alg: str
    jwk: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A private key as JWK; it signs from `signs_from` until a later one of its `alg` does.

    `published_until` is None as long as it has no successor.
    """

    kid: str
    alg: str
    jwk: Mapping[str, Any] = field(repr=False)
    signs_from: datetime
    published_until: datetime | None = None


class SigningKeys:
    """The table of signing keys, for each algorithm one line of them."""

    def __init__(self, engine: AsyncEngine, ring: Ring) -> None:
        self._engine = engine
        self._sealed = SealedTable(ring, signing_keys.name)

    async def ensure(self, make: Callable[[], Iterable[NewKey]], now: datetime) -> None:
        """Keys of `make`, signing at once, where there are none; of two processes at once one makes them."""
        if await self.published(now):
            return
        made = list(make())
        async with writing(self._engine) as connection:
            if not await self._published(connection, now):
                await self._add(connection, made, now, LEAD)

    async def rotate(self, new: Sequence[NewKey], now: datetime, lead: timedelta = LEAD) -> list[StoredKey]:
        """`new` published now and signing after `lead`, at once where their `alg` has no key yet.

        Those they replace are published until 24 hours after that; those past their time are deleted.
        """
        async with writing(self._engine) as connection:
            return await self._add(connection, new, now, lead)

    async def replace(self, new: Sequence[NewKey], now: datetime) -> list[StoredKey]:
        """`new` and no others, signing at once: for keys that another may hold."""
        async with writing(self._engine) as connection:
            await connection.execute(delete(signing_keys))
            return await self._add(connection, new, now, LEAD)

    async def published(self, now: datetime) -> list[StoredKey]:
        """Every key whose signatures may be met, the one that signs longest first."""
        async with reading(self._engine) as connection:
            return await self._published(connection, now)

    async def current(self, alg: str, now: datetime) -> StoredKey:
        """The key that signs now; LookupError where there is none of this algorithm."""
        keys = [key for key in await self.published(now) if key.alg == alg]
        if not keys:
            raise LookupError(f"there is no signing key for {alg}")
        # The first where none signs yet: another process made it, by a clock a little ahead of ours.
        return next((key for key in reversed(keys) if key.signs_from <= now), keys[0])

    async def _published(self, connection: AsyncConnection, now: datetime) -> list[StoredKey]:
        query = select(signing_keys).order_by(signing_keys.c.signs_from, signing_keys.c.id)
        rows = (await connection.execute(query)).mappings().all()
        return [
            StoredKey(
                kid=row["id"],
                alg=row["alg"],
                jwk=self._sealed.open("jwk", row["id"], row["jwk"]),
                signs_from=row["signs_from"],
                published_until=row["published_until"],
            )
            for row in rows
            if row["published_until"] is None or row["published_until"] > now
        ]

    async def _add(
        self, connection: AsyncConnection, new: Sequence[NewKey], now: datetime, lead: timedelta
    ) -> list[StoredKey]:
        await connection.execute(delete(signing_keys).where(signing_keys.c.published_until <= now))
        there = {key.alg: key.signs_from for key in await self._published(connection, now)}
        added = [
            # Not before its forerunner, which would else take over from it.
            StoredKey(k.kid, k.alg, k.jwk, max(now + lead, there[k.alg]) if k.alg in there else now)
            for k in new
        ]
        for key in added:
            await self._succeed(connection, key)
        return added

    async def _succeed(self, connection: AsyncConnection, key: StoredKey) -> None:
        """Store it; its forerunner, if it has one, gets its end."""
        forerunner = (signing_keys.c.alg == key.alg, signing_keys.c.published_until.is_(None))
        ends = {"published_until": key.signs_from + KEPT}
        await connection.execute(update(signing_keys).where(*forerunner).values(ends))
        values = {
            "id": key.kid,
            "alg": key.alg,
            "signs_from": key.signs_from,
            "published_until": None,
            "jwk": self._sealed.seal("jwk", key.kid, dict(key.jwk)),
        }
        await connection.execute(insert(signing_keys).values(values))
