"""The outbox: messages that wait to be sent, each leased to one sender at a time, none given up silently.

A lease is the due time pushed ahead: when a sender dies its jobs come back by themselves. Whoever settles a
job shows the lease's token, so that a sender that was too slow changes nothing.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.referral import TRANSITIONS, ReferralEvent, ReferralState, after
from ipvscreen.store.engine import writing
from ipvscreen.store.sealed import KeyMissing, Ring, SealBroken, SealedTable
from ipvscreen.store.tables import outbox, referrals

UNREADABLE = "The stored message could not be read; it was not sent."


class Status(StrEnum):
    """Where a message stands; one that was refused stays, sealed, until a person decides."""

    READY = "ready"
    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class Cancelled(StrEnum):
    """What came of stopping a referral."""

    STOPPED = "stopped"  # nothing was ever sent
    TRIED = "tried"  # nothing more is sent; an earlier try may have arrived although nobody answered
    ON_ITS_WAY = "on-its-way"  # it is being sent at this moment
    TOO_LATE = "too-late"  # the service has it
    STOPPED_BEFORE = "stopped-before"


@dataclass(frozen=True, slots=True)
class NewJob:
    """A message to send: `key` stays the same at every attempt, `correlation` over the whole referral."""

    key: str
    correlation: str
    endpoint: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """A message leased for sending; `attempts` counts this one, `lease` shows that it is ours to settle."""

    id: str
    referral_id: str
    key: str
    correlation: str
    endpoint: str
    body: dict[str, Any]
    attempts: int
    lease: str
    queued_at: datetime


class Outbox:
    """The table of messages."""

    def __init__(self, engine: AsyncEngine, ring: Ring) -> None:
        self._engine = engine
        self._sealed = SealedTable(ring, outbox.name)
        self._sealed_referrals = SealedTable(ring, referrals.name)

    async def claim(self, now: datetime, limit: int, lease_seconds: float) -> list[Job]:
        """Up to `limit` jobs that are due, oldest first, ours until `lease_seconds` from `now`.

        A message that was tampered with is refused, so that a person hears of it and the others go out.
        One whose key the settings lack waits for the next lease: KeyMissing once there is nothing else to do.
        """
        lease = secrets.token_hex(16)
        due = (
            select(outbox.c.id)
            .where(outbox.c.status == Status.READY, outbox.c.due <= now)
            .order_by(outbox.c.due)
            .limit(limit)
            .with_for_update(skip_locked=True)  # says nothing on SQLite, where BEGIN IMMEDIATE does it
            .cte("due")  # read once: a subquery that Postgres runs again would lease more than the limit
        )
        leased = (
            update(outbox)
            .where(outbox.c.id.in_(select(due.c.id)))
            .values(lease=lease, due=now + timedelta(seconds=lease_seconds), attempts=outbox.c.attempts + 1)
            .returning(outbox)
        )
        async with writing(self._engine, beside=True) as connection:
            rows = (await connection.execute(leased)).mappings().all()
        return await self._readable(sorted(rows, key=lambda row: row["queued_at"]))

    async def finish(self, job: Job, receipt: str | None, now: datetime) -> bool:
        """The service has it: the referral is received, and the message is no longer kept.

        False, and nothing changed, where the lease has gone to another sender.
        """
        settled = {
            "status": Status.DONE,
            "lease": None,
            "message": self._sealed.seal("message", job.id, None),
        }
        received = {"state": _after(ReferralEvent.RECEIVE), "received_at": now}
        return await self._settle(
            job.id, job.lease, settled, received | self._outcome(job.referral_id, receipt)
        )

    async def fail(self, job: Job, due: datetime, words: str) -> bool:
        """Not now: try again at `due`. False, and nothing changed, where the lease has gone."""
        again = {"lease": None, "due": due}
        return await self._settle(job.id, job.lease, again, self._outcome(job.referral_id, None, words))

    async def refuse(self, job: Job, words: str) -> bool:
        """Never: the referral is refused, in the service's `words`. False where the lease has gone."""
        return await self._refuse(job.id, job.lease, job.referral_id, words)

    async def cancel(self, referral_id: str, now: datetime) -> Cancelled:
        """Stop a referral that can still be stopped: its message goes; OutOfOrder where there is none.

        Not while a sender holds it: whether that try arrives, nobody can tell before it has ended.
        """
        mine = outbox.c.referral_id == referral_id
        async with writing(self._engine) as connection:
            held = select(outbox).where(mine).with_for_update()  # senders write beside us
            job = (await connection.execute(held)).mappings().one_or_none()
            found = referrals.c.id == referral_id
            state = await connection.scalar(select(referrals.c.state).where(found))
            if job is None or state is None:
                raise OutOfOrder(str(state), ReferralEvent.CANCEL)
            if (outcome := _stoppable(ReferralState(state), job, now)) is not None:
                return outcome
            values = {"status": Status.CANCELLED, "lease": None}
            gone = {"message": self._sealed.seal("message", job["id"], None)}
            await connection.execute(update(outbox).where(mine).values(values | gone))
            to = after(ReferralState(state), ReferralEvent.CANCEL)
            await connection.execute(update(referrals).where(found).values(state=to))
        return Cancelled.TRIED if job["attempts"] else Cancelled.STOPPED

    async def _refuse(self, job_id: str, lease: str, referral_id: str, words: str) -> bool:
        refused = {"state": _after(ReferralEvent.REFUSE)} | self._outcome(referral_id, None, words)
        return await self._settle(job_id, lease, {"status": Status.REFUSED, "lease": None}, refused)

    async def _settle(
        self, job_id: str, lease: str, values: Mapping[str, Any], referral: Mapping[str, Any]
    ) -> bool:
        """Both rows in one transaction; a referral that was cancelled meanwhile stays as it is."""
        ours = (outbox.c.id == job_id, outbox.c.lease == lease)  # a settled job has no lease
        settled = update(outbox).where(*ours).values(values).returning(outbox.c.referral_id)
        async with writing(self._engine, beside=True) as connection:
            referral_id = await connection.scalar(settled)
            if referral_id is None:
                return False
            queued = (referrals.c.id == referral_id, referrals.c.state == ReferralState.QUEUED)
            await connection.execute(update(referrals).where(*queued).values(referral))
        return True

    async def _readable(self, rows: list[RowMapping]) -> list[Job]:
        jobs, missing = [], None
        for row in rows:
            try:
                jobs.append(self._job(row))
            except KeyMissing as error:
                missing = error
            except SealBroken:
                await self._refuse(row["id"], row["lease"], row["referral_id"], UNREADABLE)
        if missing and not jobs:
            raise missing
        return jobs

    def _job(self, row: RowMapping) -> Job:
        plain = {name: row[name] for name in ("id", "referral_id", "key", "attempts", "lease", "queued_at")}
        return Job(**plain, **self._sealed.open("message", row["id"], row["message"]))

    def _outcome(self, referral_id: str, receipt: str | None, words: str | None = None) -> dict[str, bytes]:
        value = {"receipt": receipt, "words": words}
        return {"outcome": self._sealed_referrals.seal("outcome", referral_id, value)}


def _stoppable(state: ReferralState, job: RowMapping, now: datetime) -> Cancelled | None:
    """Why it cannot be stopped now; None where it can."""
    if state is ReferralState.CANCELLED:
        return Cancelled.STOPPED_BEFORE
    if ReferralEvent.CANCEL not in TRANSITIONS[state]:
        return Cancelled.TOO_LATE
    return Cancelled.ON_ITS_WAY if job["lease"] is not None and job["due"] > now else None


async def enqueue(
    connection: AsyncConnection, sealed: SealedTable, job: NewJob, referral_id: str, queued_at: datetime
) -> None:
    """Put a message into the outbox, due at once, within a transaction of the caller's."""
    row = secrets.token_hex(16)
    # The endpoint is sealed with the body: who can write to the file must not redirect a message.
    message = {"correlation": job.correlation, "endpoint": job.endpoint, "body": dict(job.body)}
    values = {
        "id": row,
        "referral_id": referral_id,
        "key": job.key,
        "status": Status.READY,
        "due": queued_at,
        "attempts": 0,
        "queued_at": queued_at,
        "message": sealed.seal("message", row, message),
    }
    await connection.execute(insert(outbox).values(values))


def _after(event: ReferralEvent) -> ReferralState:
    return after(ReferralState.QUEUED, event)
