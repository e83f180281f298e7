"""Proposals of stewards, and what their agreement does in the same transaction."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.members import Member, Role
from ipvscreen.ipv.proposals import Event, Kind, Proposal, agreed, stopped
from ipvscreen.store.audit import Noting
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.members import Invitation, MemberRows, end_member, of_member, shut_out
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.spent import Once, spend
from ipvscreen.store.tables_inbox import proposals

_MOMENTS = ("proposed_at", "agreed_at")


class Proposals:
    """The table of proposals."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._noting = engine, noting
        self._sealed = SealedTable(ring, proposals.name)
        self._members = MemberRows(ring)

    async def all(self) -> list[Proposal]:
        """Every one, the newest first."""
        query = select(proposals).order_by(proposals.c.proposed_at.desc(), proposals.c.id)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [proposal_of(self._sealed, row) for row in rows]

    async def get(self, proposal_id: str) -> Proposal | None:
        """The proposal; None where there is none."""
        async with reading(self._engine) as connection:
            return await self._stored(connection, proposal_id)

    async def propose(self, by: Member, proposal: Proposal, once: Once) -> None:
        """Keep it; nothing else is done yet."""
        values = {
            "id": proposal.id,
            "proposed_at": proposal.proposed_at,
            "body": self._body(proposal),
        }
        async with writing(self._engine) as connection:
            await spend(connection, once)
            await connection.execute(insert(proposals).values(values))
            await self._noting.note(connection, of_member(by, proposal.id))

    async def agree(self, by: Member, proposal_id: str, once: Once, code: str, expires_at: datetime) -> None:
        """Agree to it; what it does to a member is done with it, by an invitation with that code if need be.

        OutOfOrder from its author, too late or where it is over.
        """
        async with writing(self._engine) as connection:
            await spend(connection, once)
            proposal = await self._change(connection, proposal_id, lambda one: agreed(one, by.id, once.at))
            if proposal.kind is Kind.END:
                await end_member(connection, proposal.about, once.at)
            if proposal.kind is Kind.AGAIN:
                await shut_out(connection, proposal.about, once.at)
            if proposal.kind is Kind.STEWARD:
                await self._members.put(connection, Member(proposal.about, Role.STEWARD, proposal.value))
            if proposal.kind in (Kind.AGAIN, Kind.STEWARD):
                halves = (proposal.by, by.id)
                invitation = Invitation(code, proposal.about, expires_at, halves)
                await self._members.put_invitation(connection, invitation)
            await self._noting.note(connection, of_member(by, proposal.id))

    async def stop(self, by: Member, proposal_id: str, once: Once) -> None:
        """Stop it; OutOfOrder once it is in force or over."""
        async with writing(self._engine) as connection:
            await spend(connection, once)
            await self._change(connection, proposal_id, lambda one: stopped(one, by.id, once.at))
            await self._noting.note(connection, of_member(by, proposal_id))

    async def _change(
        self, connection: AsyncConnection, proposal_id: str, change: Callable[[Proposal], Proposal]
    ) -> Proposal:
        stored = await self._stored(connection, proposal_id)
        if stored is None:
            raise OutOfOrder("not there", Event.AGREE)
        changed = change(stored)
        where = update(proposals).where(proposals.c.id == proposal_id)
        await connection.execute(where.values(body=self._body(changed)))
        return changed

    async def _stored(self, connection: AsyncConnection, proposal_id: str) -> Proposal | None:
        query = select(proposals).where(proposals.c.id == proposal_id)
        row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else proposal_of(self._sealed, row)

    def _body(self, proposal: Proposal) -> bytes:
        body = asdict(proposal)
        body |= {name: body[name] and body[name].isoformat() for name in _MOMENTS}
        return self._sealed.seal("body", proposal.id, body)


def proposal_of(sealed: SealedTable, row: RowMapping) -> Proposal:
    """The proposal that a row holds; SealBroken where it was altered."""
    body: dict[str, Any] = sealed.open("body", row["id"], row["body"])
    moments = {name: body[name] and datetime.fromisoformat(body[name]) for name in _MOMENTS}
    return Proposal(**(body | moments | {"kind": Kind(body["kind"])}))
