"""Sessions of members: known by the SHA-256 of a cookie, over when idle, at their end or at sign-out."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.ipv.lasting import ABSOLUTE, SEEN_EVERY, stands
from ipvscreen.ipv.members import Member
from ipvscreen.store.audit import Noting
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.members import MemberRows, of_member
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.spent import Once, spend
from ipvscreen.store.tables_inbox import members, sessions


@dataclass(frozen=True, slots=True)
class NewSession:
    """To be opened: `id` is the SHA-256 of the cookie, `key` the key that opened it.

    `instead` is the session that the browser came with, which is over then.
    """

    id: str
    member_id: str
    key: str
    at: datetime
    instead: str | None = None


class Sessions:
    """The table of sessions."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._noting = engine, noting
        self._members = MemberRows(ring)

    async def member(self, session_id: str, now: datetime) -> Member | None:
        """Whose session it is, if it stands; that it was used is kept, at most once a minute."""
        query = (
            select(members, sessions.c.opened_at, sessions.c.seen_at)
            .join(sessions)
            .where(sessions.c.id == session_id, members.c.ended_at.is_(None))
        )
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None or not stands(row["opened_at"], row["seen_at"], now):
            return None
        if now - row["seen_at"] >= SEEN_EVERY:
            async with writing(self._engine) as connection:
                seen = update(sessions).where(sessions.c.id == session_id).values(seen_at=now)
                await connection.execute(seen)
        return self._members.member(row)

    async def close(self, who: Member, session_id: str, once: Once) -> None:
        """It is over."""
        async with writing(self._engine) as connection:
            await spend(connection, once)
            await connection.execute(delete(sessions).where(sessions.c.id == session_id))
            await self._noting.note(connection, of_member(who))


class SessionRows:
    """How sessions lie in their table."""

    def __init__(self, ring: Ring) -> None:
        self._sealed = SealedTable(ring, sessions.name)

    async def put(self, connection: AsyncConnection, session: NewSession) -> None:
        """Insert it; the one that it takes the place of goes, and those that have run out."""
        over = (sessions.c.expires_at <= session.at) | (sessions.c.id == session.instead)
        values = {
            "id": session.id,
            "member_id": session.member_id,
            "opened_at": session.at,
            "seen_at": session.at,
            "expires_at": session.at + ABSOLUTE,
            "body": self._sealed.seal("body", session.id, {"key": session.key}),
        }
        await connection.execute(delete(sessions).where(over))
        await connection.execute(insert(sessions).values(values))

    async def by(self, connection: AsyncConnection, who: Member, key_id: str) -> list[str]:
        """The ids of the member's sessions that this key has opened."""
        query = select(sessions.c.id, sessions.c.body).where(sessions.c.member_id == who.id)
        rows = (await connection.execute(query)).all()
        return [row.id for row in rows if self._sealed.open("body", row.id, row.body)["key"] == key_id]
