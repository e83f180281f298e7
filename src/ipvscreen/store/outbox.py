"""The outbox: messages that wait to be sent, each leased to one sender at a time, none given up silently.

A lease is the due time pushed ahead: when a sender dies its jobs come back by themselves. Whoever settles a
job shows the lease's token, so that a sender that was too slow changes nothing.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.proposals import organisation_at
from ipvscreen.ipv.referral import LATE, TRANSITIONS, ReferralEvent, ReferralState, after
from ipvscreen.resources.stopping import left_of
from ipvscreen.store.claiming import claimed
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.jobs import Job, NewJob, Status, enqueue, job_of, recipient_of
from ipvscreen.store.sealed import KeyMissing, Ring, SealBroken, SealedTable
from ipvscreen.store.settling import Settled, settle
from ipvscreen.store.standings import Standing, Standings
from ipvscreen.store.tables import outbox, referrals
from ipvscreen.store.together import Together

__all__ = ["Cancelled", "Job", "NewJob", "Outbox", "Standing", "Status", "enqueue"]

EACH = 4  # messages for one recipient on their way at a time: one that hangs leaves room for the others
_BATCH = 100
UNREADABLE = "The stored message could not be read; it was not sent."


class Cancelled(StrEnum):
    """What came of stopping a referral."""

    STOPPED = "stopped"  # nothing was ever sent
    TRIED = "tried"  # nothing more is sent; an earlier try may have arrived although nobody answered
    ON_ITS_WAY = "on-its-way"  # it is being sent at this moment
    TOO_LATE = "too-late"  # the service has it
    STOPPED_BEFORE = "stopped-before"
    ARRIVED = "arrived"  # the service had it, and more is not to be known of what it has done since
    TOLD = "told"  # the service had it, and has been told that it is not wanted any more
    TELLING = "telling"  # the service had it; a message that tells it so is on its way
    RING = "ring"  # the service had it, and no message reaches it


class Outbox:
    """The table of messages."""

    def __init__(self, engine: AsyncEngine, ring: Ring) -> None:
        self._engine = engine
        self._sealed = SealedTable(ring, outbox.name)
        self._sealed_referrals = SealedTable(ring, referrals.name)
        self._settling = Together(self._settled)
        self._standings = Standings(engine, ring)
        self._asking = Together(self._standings.of)

    async def claim(self, now: datetime, limit: int, lease_seconds: float, each: int = EACH) -> list[Job]:
        """Up to `limit` jobs that are due, oldest first, ours until `lease_seconds` from `now`.

        Of one recipient at most `each` are leased at a time, over all senders; of one referral one, in the
        order in which they were put there. A message that was tampered with is refused, so that a person
        hears of it and the others go out. One whose key the settings lack waits for the next lease:
        KeyMissing once there is nothing else to do.
        """
        async with writing(self._engine, beside=True) as connection:
            rows = await claimed(connection, now, limit, lease_seconds, each)
        return await self._readable(sorted(rows, key=lambda row: row["queued_at"]))

    async def standing(self, job: Job, now: datetime) -> Standing:
        """Whether `job` may be sent now: still ours, not stopped, still agreed to, and its way not in doubt.

        Read after it was asked, with those that others ask for at the same moment.
        """
        return await self._asking.add((job, now))

    async def hold(self, job: Job, due: datetime) -> bool:
        """Not sent, which is no try, and asked again at `due`. False where the lease has gone."""
        return await self._settling.add(Settled(job.id, job.lease, Status.READY, due=due, untried=True))

    async def held(self, referral_ids: Iterable[str], now: datetime) -> frozenset[str]:
        """Those of these referrals of which a message waits while stewards change where it goes, or since."""
        return await self._standings.held(referral_ids, now)

    async def lapse(self, job: Job, standing: Standing) -> bool:
        """Not sent any more, and the message is no longer kept; where it lapsed, the referral says so."""
        state = _after(ReferralEvent.LAPSE) if standing is Standing.LAPSED else None
        gone = Settled(job.id, job.lease, Status.CANCELLED, message=self._emptied(job.id), state=state)
        return await self._settling.add(gone)

    async def late(self, now: datetime) -> int:
        """How many messages a person should by now ring for instead of wait."""
        waiting = (outbox.c.status.in_((Status.READY, Status.BY_HAND)), outbox.c.queued_at <= now - LATE)
        async with reading(self._engine) as connection:
            return await connection.scalar(select(func.count()).select_from(outbox).where(*waiting)) or 0

    async def name_recipients(self) -> None:
        """Look up whose the messages are that an earlier version has put there; a few at a time."""
        nameless = (outbox.c.status == Status.READY, outbox.c.recipient.is_(None))
        query, last = select(outbox.c.id, outbox.c.message).where(*nameless).order_by(outbox.c.id), ""
        while True:
            async with writing(self._engine, beside=True) as connection:
                rows = (await connection.execute(query.where(outbox.c.id > last).limit(_BATCH))).all()
                for row in rows:
                    with suppress(SealBroken):  # whoever claims it deals with that
                        opened = self._sealed.open("message", row.id, row.message)
                        named = {"recipient": recipient_of(self._sealed, opened["endpoint"])}
                        await connection.execute(update(outbox).where(outbox.c.id == row.id).values(named))
            if not rows:
                return
            last = rows[-1].id

    async def finish(
        self, job: Job, receipt: str | None, now: datetime, hurry: datetime | None = None
    ) -> bool:
        """The service has it: the referral is received, or the service told, and the message no longer kept.

        What is left of it is where it went and what it was known by, so that it can be stopped there.

        `hurry`: it takes messages again, so what was put off for it beyond that is due then. False, and
        nothing changed, where the lease has gone to another sender.
        """
        settled = Settled(
            job.id,
            job.lease,
            Status.DONE,
            message=self._left(job),
            state=_after(ReferralEvent.RECEIVE),
            received_at=now,
            outcome=self._outcome(job.referral_id, receipt),
            hurry=(recipient_of(self._sealed, job.endpoint), hurry) if hurry else None,
        )
        return await self._settling.add(settled)

    async def fail(self, job: Job, due: datetime, words: str) -> bool:
        """Not now: try again at `due`. False, and nothing changed, where the lease has gone."""
        outcome = self._outcome(job.referral_id, None, words)
        again = Settled(job.id, job.lease, Status.READY, due=due, state=ReferralState.QUEUED, outcome=outcome)
        return await self._settling.add(again)

    async def refuse(self, job: Job, words: str) -> bool:
        """Never: the referral is refused, in the service's `words`. False where the lease has gone."""
        return await self._refuse(job.id, job.lease, job.referral_id, words)

    async def cancel(self, referral_id: str, now: datetime) -> Cancelled:
        """Stop a referral that can still be stopped: its message goes; OutOfOrder where there is none.

        Not while a sender holds it: whether that try arrives, nobody can tell before it has ended.
        """
        mine = outbox.c.referral_id == referral_id
        async with writing(self._engine) as connection:
            # In their order: senders write beside us, each one row.
            held = select(outbox).where(mine).order_by(outbox.c.number).with_for_update()
            jobs = (await connection.execute(held)).mappings().all()
            found = referrals.c.id == referral_id
            state = await connection.scalar(select(referrals.c.state).where(found))
            if not jobs or state is None:
                raise OutOfOrder(str(state), ReferralEvent.CANCEL)
            if (outcome := _stoppable(ReferralState(state), jobs, now)) is not None:
                return outcome
            for job in jobs:
                gone = {"status": Status.CANCELLED, "lease": None, "message": self._emptied(job["id"])}
                await connection.execute(update(outbox).where(outbox.c.id == job["id"]).values(gone))
            to = after(ReferralState(state), ReferralEvent.CANCEL)
            await connection.execute(update(referrals).where(found).values(state=to))
        return Cancelled.TRIED if any(job["attempts"] for job in jobs) else Cancelled.STOPPED

    async def _refuse(self, job_id: str, lease: str, referral_id: str, words: str) -> bool:
        outcome = self._outcome(referral_id, None, words)
        state = _after(ReferralEvent.REFUSE)
        return await self._settling.add(Settled(job_id, lease, Status.REFUSED, state=state, outcome=outcome))

    async def _settled(self, every: Sequence[Settled]) -> list[bool]:
        async with writing(self._engine, beside=True) as connection:
            return await settle(connection, every)

    async def _readable(self, rows: list[RowMapping]) -> list[Job]:
        jobs, missing = [], None
        for row in rows:
            try:
                jobs.append(job_of(self._sealed, row))
            except KeyMissing as error:
                missing = error
            except SealBroken:
                await self._refuse(row["id"], row["lease"], row["referral_id"], UNREADABLE)
        if missing and not jobs:
            raise missing
        return jobs

    def _left(self, job: Job) -> bytes:
        """Nothing of what is in an inbox here, nor of a message that has told of a stop."""
        left = None if organisation_at(job.endpoint) else left_of(job.body)
        if left is None:
            return self._emptied(job.id)
        backend = job.backend and asdict(job.backend)
        kept = {"correlation": job.correlation, "endpoint": job.endpoint, "backend": backend, "body": left}
        return self._sealed.seal("message", job.id, kept)

    def _emptied(self, job_id: str) -> bytes:
        return self._sealed.seal("message", job_id, None)

    def _outcome(self, referral_id: str, receipt: str | None, words: str | None = None) -> bytes:
        value = {"receipt": receipt, "words": words}
        return self._sealed_referrals.seal("outcome", referral_id, value)


def _stoppable(state: ReferralState, jobs: Sequence[RowMapping], now: datetime) -> Cancelled | None:
    """Why it cannot be stopped now; None where it can."""
    if state in (ReferralState.CANCELLED, ReferralState.LAPSED):
        return Cancelled.STOPPED_BEFORE
    if ReferralEvent.CANCEL not in TRANSITIONS[state]:
        return Cancelled.TOO_LATE
    held = any(job["lease"] is not None and job["due"] > now for job in jobs)
    return Cancelled.ON_ITS_WAY if held else None


def _after(event: ReferralEvent) -> ReferralState:
    return after(ReferralState.QUEUED, event)
