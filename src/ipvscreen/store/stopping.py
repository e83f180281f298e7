"""A referral that the service has, stopped: a message that says so is queued after it, or a person rings."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.ipv.referral import TRANSITIONS, ReferralEvent, ReferralState, after
from ipvscreen.resources.stopping import stop_key
from ipvscreen.store.engine import writing
from ipvscreen.store.jobs import NewJob, Status, backend_from_json, enqueue
from ipvscreen.store.outbox import Cancelled
from ipvscreen.store.sealed import Ring, SealBroken, SealedTable
from ipvscreen.store.tables import outbox, referrals

_BEFORE: Mapping[ReferralState, Cancelled] = {
    ReferralState.STOPPING: Cancelled.TELLING,
    ReferralState.TOLD: Cancelled.STOPPED_BEFORE,
    ReferralState.UNTOLD: Cancelled.RING,
}

Build = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Stops:
    """The outbox and the referrals, as far as what has arrived is stopped."""

    def __init__(self, engine: AsyncEngine, ring: Ring) -> None:
        self._engine = engine
        self._sealed = SealedTable(ring, outbox.name)

    async def stop(self, referral_id: str, build: Build, now: datetime) -> Cancelled:
        """TELLING once the message is queued that `build` makes of what is left of the referral's; else RING.

        Asked again it queues none. A letter that was posted can be printed no more.
        """
        async with writing(self._engine) as connection:
            held = select(outbox).where(outbox.c.referral_id == referral_id).order_by(outbox.c.number)
            rows = (await connection.execute(held.with_for_update())).mappings().all()
            mine = referrals.c.id == referral_id
            state = ReferralState(str(await connection.scalar(select(referrals.c.state).where(mine))))
            if ReferralEvent.WITHDRAW not in TRANSITIONS[state]:
                return _BEFORE.get(state, Cancelled.TOO_LATE)
            job = self._job(rows, referral_id, build)
            if job is not None:
                await enqueue(connection, self._sealed, job, referral_id, now)
            event = ReferralEvent.WITHDRAW if job is None else ReferralEvent.TELL
            values = {"state": after(state, event), "stopped_at": now}
            await connection.execute(update(referrals).where(mine).values(values))
            await self._let_go(connection, rows)
        return Cancelled.RING if job is None else Cancelled.TELLING

    def _job(self, rows: Sequence[RowMapping], referral_id: str, build: Build) -> NewJob | None:
        """None where no message reached the service, or an earlier version has kept nothing of it."""
        for row in rows:
            left = self._left(row)
            if left:
                named = {"correlation": left["correlation"], "endpoint": left["endpoint"]}
                backend = backend_from_json(left["backend"])
                return NewJob(stop_key(referral_id), body=build(left["body"]), backend=backend, **named)
        return None

    def _left(self, row: RowMapping) -> Mapping[str, Any] | None:
        if row["status"] != Status.DONE:
            return None
        try:
            left: Mapping[str, Any] | None = self._sealed.open("message", row["id"], row["message"])
        except SealBroken:  # somebody rings
            return None
        return left

    async def _let_go(self, connection: AsyncConnection, rows: Sequence[RowMapping]) -> None:
        for row in rows:
            if row["status"] == Status.HANDED:
                gone = {"status": Status.CANCELLED, "message": self._sealed.seal("message", row["id"], None)}
                await connection.execute(update(outbox).where(outbox.c.id == row["id"]).values(gone))
