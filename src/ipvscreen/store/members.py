"""Members and their invitations: who may come to have a key, and how long the way to one is open."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import RowMapping, Select, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.members import Member, Role
from ipvscreen.store.audit import Noting, Subject
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.spent import Once, spend
from ipvscreen.store.tables_inbox import invitations, members, passkeys, sessions

FIRST_STEWARDS = 2


@dataclass(frozen=True, slots=True)
class Invitation:
    """One way in, for one member; `code` stands in its link, and is kept so that it can be shown again.

    `holders`: two stewards, each of whom is shown one half: else whoever sees the link alone could take the
    other's place. Nobody: whoever may see the invitation is shown the whole.
    """

    code: str
    member_id: str
    expires_at: datetime
    holders: tuple[str, ...] = ()

    def shown_to(self, who: Member) -> str:
        """The code, the half of it that is for this steward, or nothing."""
        if not self.holders:
            return self.code
        middle = len(self.code) // 2
        return "".join(
            half
            for holder, half in zip(self.holders, (self.code[:middle], self.code[middle:]), strict=True)
            if holder == who.id
        )


def new_id() -> str:
    """The id of a member, an organisation or a proposal: 128 random bits."""
    return secrets.token_hex(16)


def new_invitation(member_id: str, expires_at: datetime) -> Invitation:
    """An invitation with a code of 256 random bits."""
    return Invitation(secrets.token_urlsafe(32), member_id, expires_at)


def of_member(by: Member, about: str | None = None) -> Subject:
    """Who acted, for the audit log; the chain is what it is about: a member or a proposal."""
    return Subject(about or by.id, "", "", None, by.id, by.name)


class Members:
    """The tables of members and invitations."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._noting = engine, noting
        self._rows = MemberRows(ring)

    async def get(self, member_id: str) -> Member | None:
        """The member; None where there is none, or no longer."""
        query = select(members).where(members.c.id == member_id, members.c.ended_at.is_(None))
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else self._rows.member(row)

    async def of(self, organisation: str | None) -> list[Member]:
        """Those of an organisation (None: the stewards) who were not ended, by name."""
        return await self._listed(select(members).where(members.c.organisation_id == organisation))

    async def coordinators(self) -> list[Member]:
        """Those of every organisation, by name."""
        return await self._listed(select(members).where(members.c.role == Role.COORDINATOR))

    async def invitations(self, among: Sequence[Member], now: datetime) -> dict[str, Invitation]:
        """The invitations that may still be used, by member."""
        ids = [member.id for member in among]
        query = select(invitations).where(invitations.c.member_id.in_(ids), invitations.c.expires_at > now)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return {row["member_id"]: self._rows.invitation(row) for row in rows}

    async def invited(self, code: str, now: datetime) -> Member | None:
        """Whom this code invites; None for one that was used, has run out or never was."""
        found = (invitations.c.id == sha256(code.encode()).hexdigest(), invitations.c.expires_at > now)
        query = select(members).join(invitations).where(*found, members.c.ended_at.is_(None))
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else self._rows.member(row)

    async def invite(self, by: Member, member: Member, invitation: Invitation, once: Once) -> None:
        """A new member with a way in; AlreadyUsed for the same form again."""
        async with writing(self._engine) as connection:
            await spend(connection, once)
            await self._rows.put(connection, member)
            await self._rows.put_invitation(connection, invitation)
            await self._noting.note(connection, of_member(by, member.id))

    async def invite_again(self, by: Member, invitation: Invitation, once: Once) -> None:
        """The only way in from now on: the member's keys are shut, and every session is over."""
        async with writing(self._engine) as connection:
            await spend(connection, once)
            await shut_out(connection, invitation.member_id, once.at)
            await self._rows.put_invitation(connection, invitation)
            await self._noting.note(connection, of_member(by, invitation.member_id))

    async def end(self, by: Member, member_id: str, once: Once) -> None:
        """The member no longer signs in; keys, sessions and invitations are over."""
        async with writing(self._engine) as connection:
            await spend(connection, once)
            await end_member(connection, member_id, once.at)
            await self._noting.note(connection, of_member(by, member_id))

    async def first_steward(self, member: Member, invitation: Invitation, now: datetime) -> None:
        """One of the first two stewards; OutOfOrder where two have a key or an invitation already."""
        async with writing(self._engine) as connection:
            if await _stewards(connection, now) >= FIRST_STEWARDS:
                raise OutOfOrder("two stewards", "add")
            await self._rows.put(connection, member)
            await self._rows.put_invitation(connection, invitation)
            operator = Subject(member.id, "", "", None, None, "who operates the app")
            await self._noting.note(connection, operator)

    async def _listed(self, query: Select[tuple[object, ...]]) -> list[Member]:
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query.where(members.c.ended_at.is_(None)))).mappings().all()
        return sorted((self._rows.member(row) for row in rows), key=lambda one: (one.name, one.id))


class MemberRows:
    """How members and invitations lie in their tables."""

    def __init__(self, ring: Ring) -> None:
        self._members = SealedTable(ring, members.name)
        self._invitations = SealedTable(ring, invitations.name)

    def member(self, row: RowMapping) -> Member:
        """The member of a row."""
        name = self._members.open("body", row["id"], row["body"])["name"]
        return Member(row["id"], Role(row["role"]), name, row["organisation_id"])

    def invitation(self, row: RowMapping) -> Invitation:
        """The invitation of a row."""
        body = self._invitations.open("body", row["id"], row["body"])
        return Invitation(body["code"], row["member_id"], row["expires_at"], tuple(body["holders"]))

    async def put(self, connection: AsyncConnection, member: Member) -> None:
        """Insert the member."""
        values = {
            "id": member.id,
            "organisation_id": member.organisation,
            "role": member.role.value,
            "body": self._members.seal("body", member.id, {"name": member.name}),
        }
        await connection.execute(insert(members).values(values))

    async def put_invitation(self, connection: AsyncConnection, invitation: Invitation) -> None:
        """Insert the invitation; an earlier one of the same member no longer opens."""
        ident = sha256(invitation.code.encode()).hexdigest()
        body = {"code": invitation.code, "holders": invitation.holders}
        values = {
            "id": ident,
            "member_id": invitation.member_id,
            "expires_at": invitation.expires_at,
            "body": self._invitations.seal("body", ident, body),
        }
        await connection.execute(delete(invitations).where(invitations.c.member_id == invitation.member_id))
        await connection.execute(insert(invitations).values(values))


async def shut_out(connection: AsyncConnection, member_id: str, now: datetime) -> None:
    """Shut the member's keys; sessions and invitations are over."""
    open_keys = (passkeys.c.member_id == member_id, passkeys.c.ended_at.is_(None))
    await connection.execute(update(passkeys).where(*open_keys).values(ended_at=now))
    await connection.execute(delete(sessions).where(sessions.c.member_id == member_id))
    await connection.execute(delete(invitations).where(invitations.c.member_id == member_id))


async def end_member(connection: AsyncConnection, member_id: str, now: datetime) -> None:
    """Shut out for good."""
    await shut_out(connection, member_id, now)
    await connection.execute(update(members).where(members.c.id == member_id).values(ended_at=now))


async def _stewards(connection: AsyncConnection, now: datetime) -> int:
    """How many have a key, or can still come to one."""
    has_key = exists().where(passkeys.c.member_id == members.c.id, passkeys.c.ended_at.is_(None))
    may = exists().where(invitations.c.member_id == members.c.id, invitations.c.expires_at > now)
    query = select(func.count()).select_from(members)
    mine = (members.c.role == Role.STEWARD, members.c.ended_at.is_(None), or_(has_key, may))
    return int(await connection.scalar(query.where(*mine)) or 0)
