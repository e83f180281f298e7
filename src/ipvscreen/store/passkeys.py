"""Passkeys: the public halves of members' keys, how they come in, and what is done with one."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.errors import IpvscreenError, OutOfOrder
from ipvscreen.ipv.members import Member
from ipvscreen.store.audit import Noting
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.members import of_member
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.sessions import NewSession, SessionRows
from ipvscreen.store.spent import Once, spend
from ipvscreen.store.tables_inbox import invitations, members, passkeys, sessions


class KeyRefused(IpvscreenError):
    """A key, or what it signed, that cannot be taken; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """One key of a member; ids and key as the authenticator gave them, `label` as the member calls it."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    label: str
    member_id: str
    made_at: datetime

    @property
    def id(self) -> str:
        """What it is called here: the SHA-256 of its credential id."""
        return sha256(self.credential_id).hexdigest()


class Passkeys:
    """The table of keys."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._noting = engine, noting
        self._sealed = SealedTable(ring, passkeys.name)
        self._sessions = SessionRows(ring)

    async def find(self, credential_id: bytes) -> Passkey | None:
        """The key, unless it was shut or its member was ended; None where there is none."""
        async with reading(self._engine) as connection:
            return await self._standing(connection, sha256(credential_id).hexdigest())

    async def of(self, member: Member) -> list[Passkey]:
        """The member's keys that open, oldest first."""
        mine = (passkeys.c.member_id == member.id, passkeys.c.ended_at.is_(None))
        query = select(passkeys).where(*mine).order_by(passkeys.c.made_at, passkeys.c.id)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [self._passkey(row) for row in rows]

    async def join(self, code: str, key: Passkey, who: Member, session: NewSession, once: Once) -> None:
        """The first key of whom the code invites, and a session; KeyRefused for a code that was used."""
        found = (
            invitations.c.id == sha256(code.encode()).hexdigest(),
            invitations.c.member_id == who.id,
            invitations.c.expires_at > once.at,
        )
        async with writing(self._engine) as connection:
            await spend(connection, once)
            if not (await connection.execute(delete(invitations).where(*found))).rowcount:
                raise KeyRefused("This invitation was used, or has run out.")
            await self._put(connection, key)
            await self._sessions.put(connection, session)
            await self._noting.note(connection, of_member(who))

    async def add(self, who: Member, key: Passkey, once: Once) -> None:
        """One key more."""
        async with writing(self._engine) as connection:
            await spend(connection, once)
            await self._put(connection, key)
            await self._noting.note(connection, of_member(who))

    async def sign_in(self, who: Member, key: Passkey, session: NewSession, once: Once) -> None:
        """A session for the key's member; `key` with the count that it signed with. The one before is over.

        KeyRefused where the count does not go on: of two copies of one key one is somebody else's.
        """
        async with writing(self._engine) as connection:
            await spend(connection, once)
            stored = await self._standing(connection, key.id)
            if stored is None or not _goes_on(stored.sign_count, key.sign_count):
                raise KeyRefused("This key cannot be used.")
            await connection.execute(
                update(passkeys).where(passkeys.c.id == key.id).values(body=self._body(key))
            )
            await self._sessions.put(connection, session)
            await self._noting.note(connection, of_member(who))

    async def end(self, who: Member, key_id: str, once: Once) -> None:
        """Shut one of the member's own; OutOfOrder for the last one, KeyRefused for another's."""
        mine = (passkeys.c.member_id == who.id, passkeys.c.ended_at.is_(None))
        async with writing(self._engine) as connection:
            await spend(connection, once)
            ids = (await connection.execute(select(passkeys.c.id).where(*mine))).scalars().all()
            if key_id not in ids:
                raise KeyRefused("There is no such key.")
            if len(ids) == 1:
                raise OutOfOrder("one key", "end")
            await connection.execute(update(passkeys).where(passkeys.c.id == key_id).values(ended_at=once.at))
            await connection.execute(
                delete(sessions).where(sessions.c.id.in_(await self._sessions.by(connection, who, key_id)))
            )
            await self._noting.note(connection, of_member(who))

    async def _put(self, connection: AsyncConnection, key: Passkey) -> None:
        if await connection.scalar(select(passkeys.c.id).where(passkeys.c.id == key.id)) is not None:
            raise KeyRefused("This key is known already.")  # WebAuthn level 2, 7.1, step 22
        values = {"id": key.id, "member_id": key.member_id, "made_at": key.made_at, "body": self._body(key)}
        await connection.execute(insert(passkeys).values(values))

    async def _standing(self, connection: AsyncConnection, key_id: str) -> Passkey | None:
        there = (passkeys.c.id == key_id, passkeys.c.ended_at.is_(None), members.c.ended_at.is_(None))
        row = (
            (await connection.execute(select(passkeys).join(members).where(*there))).mappings().one_or_none()
        )
        return None if row is None else self._passkey(row)

    def _passkey(self, row: RowMapping) -> Passkey:
        body = self._sealed.open("body", row["id"], row["body"])
        return Passkey(
            bytes.fromhex(body["credential_id"]),
            bytes.fromhex(body["public_key"]),
            body["sign_count"],
            body["label"],
            row["member_id"],
            row["made_at"],
        )

    def _body(self, key: Passkey) -> bytes:
        body = {
            "credential_id": key.credential_id.hex(),
            "public_key": key.public_key.hex(),
            "sign_count": key.sign_count,
            "label": key.label,
        }
        return self._sealed.seal("body", key.id, body)


def _goes_on(stored: int, given: int) -> bool:
    """WebAuthn level 2, 7.2, step 21: both zero where an authenticator does not count, else greater."""
    return stored == given == 0 or given > stored
