"""Referrals that a person brings: the sealed message that is printed or read out, and that it was brought."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.by_hand import EVENTS, ByHand, Handed
from ipvscreen.ipv.referral import ReferralEvent, ReferralState, after
from ipvscreen.resources.agreed import agreed_until
from ipvscreen.store.audit import Noting, of_visit
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.jobs import Status
from ipvscreen.store.sealed import Ring, SealBroken, SealedTable
from ipvscreen.store.tables import outbox, referrals, visits
from ipvscreen.store.visit import Visit, VisitChanges
from ipvscreen.store.visits import compare_and_set

# What of the outbox a person may read out or print: what waits for her, is under way, or was refused.
_THERE = (Status.BY_HAND, Status.HANDED, Status.REFUSED)


class HandedOver:
    """The outbox and the referrals, as far as people move them on."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._noting = engine, noting
        self._sealed = SealedTable(ring, outbox.name)
        self._sealed_referrals = SealedTable(ring, referrals.name)
        self._sealed_visits = SealedTable(ring, visits.name)

    async def message(self, referral_id: str) -> dict[str, Any] | None:
        """The message of a referral that a person may bring; None where there is none, or no more.

        SealBroken where it was altered.
        """
        async with reading(self._engine) as connection:
            row = await self._row(connection, referral_id)
        return None if row is None else self._body(row)

    async def brought(
        self, visit: Visit, referral_id: str, handed: Handed, **changes: Unpack[VisitChanges]
    ) -> Visit:
        """That it was brought, with a change of the visit in which that is said: all or nothing.

        A letter is then sent, and kept until somebody has it; of a call the receipt is who was spoken with.
        OutOfOrder where the referral does not stand so that it can be brought, or the visit was changed.
        """
        event = EVENTS[handed.way]
        async with writing(self._engine) as connection:
            changed = await compare_and_set(connection, self._sealed_visits, visit, changes)
            row = await self._row(connection, referral_id)
            mine = referrals.c.id == referral_id
            state = await connection.scalar(select(referrals.c.state).where(mine))
            if row is None or state is None:
                raise OutOfOrder(str(state), event)
            to = after(ReferralState(state), event)
            received = {"received_at": handed.at} if to is ReferralState.RECEIVED else {}
            values = {"state": to, "outcome": self._outcome(referral_id, handed), **received}
            await connection.execute(update(referrals).where(mine).values(values))
            await self._settle(connection, row["id"], emptied=to is ReferralState.RECEIVED)
            await self._noting.note(connection, of_visit(changed))
        return changed

    async def lapse(self, now: datetime) -> int:
        """Let go of what may not be brought any more, since what was agreed has ended; how many."""
        lapsed = 0
        async with writing(self._engine) as connection:
            waiting = outbox.c.status.in_((Status.BY_HAND, Status.HANDED))
            for row in (await connection.execute(select(outbox).where(waiting))).mappings().all():
                if not self._ended(row, now):
                    continue
                await self._settle(connection, row["id"], emptied=True)
                unsent = (referrals.c.id == row["referral_id"], referrals.c.state == ReferralState.UNSENT)
                to = after(ReferralState.UNSENT, ReferralEvent.LAPSE)
                await connection.execute(update(referrals).where(*unsent).values(state=to))
                lapsed += 1
        return lapsed

    def _ended(self, row: RowMapping, now: datetime) -> bool:
        """What does not open is left alone: whoever wants to print it hears of that."""
        try:
            until = agreed_until(self._body(row))
        except SealBroken:
            return False
        return until is not None and now >= until

    async def _row(self, connection: AsyncConnection, referral_id: str) -> RowMapping | None:
        mine = (outbox.c.referral_id == referral_id, outbox.c.status.in_(_THERE))
        query = select(outbox).where(*mine).order_by(outbox.c.number)
        return (await connection.execute(query)).mappings().first()

    async def _settle(self, connection: AsyncConnection, job: str, *, emptied: bool) -> None:
        gone = {"status": Status.DONE, "message": self._sealed.seal("message", job, None)}
        values = gone if emptied else {"status": Status.HANDED}
        await connection.execute(update(outbox).where(outbox.c.id == job).values(values))

    def _body(self, row: RowMapping) -> dict[str, Any]:
        body: dict[str, Any] = self._sealed.open("message", row["id"], row["message"])["body"]
        return body

    def _outcome(self, referral_id: str, handed: Handed) -> bytes:
        value = {"receipt": None, "words": None, "handed": handed_to_json(handed)}
        return self._sealed_referrals.seal("outcome", referral_id, value)


def handed_to_json(handed: Handed) -> dict[str, str]:
    """As plain JSON."""
    return {"way": handed.way, "who": handed.who, "at": handed.at.isoformat(), "to": handed.to}


def handed_from_json(stored: Mapping[str, str] | None) -> Handed | None:
    """What `handed_to_json` stored."""
    if stored is None:
        return None
    return Handed(ByHand(stored["way"]), stored["who"], datetime.fromisoformat(stored["at"]), stored["to"])
