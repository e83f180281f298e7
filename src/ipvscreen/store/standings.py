"""Whether a claimed message may be sent, asked right before each try."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.ipv.proposals import Proposal, is_turned
from ipvscreen.ipv.referral import ReferralState
from ipvscreen.resources.agreed import agreed_until
from ipvscreen.store.engine import reading
from ipvscreen.store.jobs import Job, Status
from ipvscreen.store.proposals import proposal_of
from ipvscreen.store.sealed import Ring, SealBroken, SealedTable
from ipvscreen.store.tables import outbox, referrals
from ipvscreen.store.tables_inbox import proposals

_DECIDED = exists(select(proposals.c.id)).label("decided")  # so nearly always there is nothing more to read
_OF_REFERRAL = (referrals.c.state, referrals.c.details, _DECIDED)
_OVER = frozenset({ReferralState.CANCELLED, ReferralState.LAPSED, ReferralState.REFUSED})


class Standing(StrEnum):
    """What is to be done with it now."""

    GO = "go"
    GONE = "gone"  # the lease has gone to another sender
    STOPPED = "stopped"  # its referral was stopped, or a person has to decide on it
    LAPSED = "lapsed"  # what the person agreed to has ended
    HELD = "held"  # where it would go is being changed by stewards, or has been since it was put there


class Standings:
    """Reads outbox, referrals and what stewards have decided, all at one moment."""

    def __init__(self, engine: AsyncEngine, ring: Ring) -> None:
        self._engine = engine
        self._messages = SealedTable(ring, outbox.name)
        self._referrals = SealedTable(ring, referrals.name)
        self._proposals = SealedTable(ring, proposals.name)

    async def of(self, asked: Sequence[tuple[Job, datetime]]) -> list[Standing]:
        """How each of these messages stands."""
        query = (
            select(outbox.c.id, outbox.c.lease, outbox.c.referral_id, *_OF_REFERRAL)
            .join(referrals, referrals.c.id == outbox.c.referral_id)
            .where(outbox.c.id.in_([job.id for job, _ in asked]))
        )
        async with reading(self._engine) as connection:
            rows = {row.id: row for row in (await connection.execute(query)).all()}
            any_decided = any(row.decided for row in rows.values())
            decided = await self._decided(connection) if any_decided else []
        return [self._standing(job, rows.get(job.id), decided, now) for job, now in asked]

    async def held(self, referral_ids: Iterable[str], now: datetime) -> frozenset[str]:
        """Those of these referrals of which a message waits that is held."""
        query = (
            select(
                outbox.c.id, outbox.c.queued_at, outbox.c.message, outbox.c.referral_id, referrals.c.details
            )
            .join(referrals, referrals.c.id == outbox.c.referral_id)
            .where(outbox.c.referral_id.in_(list(referral_ids)), outbox.c.status == Status.READY)
        )
        async with reading(self._engine) as connection:
            decided = await self._decided(connection)
            rows = (await connection.execute(query)).all() if decided else []
        return frozenset(row.referral_id for row in rows if self._waits(row, decided, now))

    async def _decided(self, connection: AsyncConnection) -> list[Proposal]:
        rows = (await connection.execute(select(proposals))).mappings().all()
        return [proposal_of(self._proposals, row) for row in rows]

    def _waits(self, row: Any, decided: Sequence[Proposal], now: datetime) -> bool:
        try:
            message: Mapping[str, Any] = self._messages.open("message", row.id, row.message)
        except SealBroken:  # whoever claims it deals with that
            return False
        return self._turned(row, decided, message["endpoint"], now)

    def _standing(self, job: Job, row: Any | None, decided: Sequence[Proposal], now: datetime) -> Standing:
        if row is None or row.lease != job.lease:
            return Standing.GONE
        if ReferralState(row.state) in _OVER:
            return Standing.STOPPED
        until = agreed_until(job.body)
        if until is not None and now >= until:
            return Standing.LAPSED
        return Standing.HELD if self._turned(row, decided, job.endpoint, now) else Standing.GO

    def _turned(self, row: Any, decided: Sequence[Proposal], address: str, now: datetime) -> bool:
        """Also where nobody can say to whom it was: sent to a wrong address it cannot be brought back."""
        if not decided:
            return False
        try:
            details = self._referrals.open("details", row.referral_id, row.details)
        except SealBroken:
            return True
        return is_turned(decided, details["service_id"], address, now)
