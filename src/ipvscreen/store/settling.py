"""How tries ended, written for several messages at once, of each only while its lease is ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ipvscreen.ipv.referral import ReferralEvent, ReferralState, after
from ipvscreen.store.claiming import hurried
from ipvscreen.store.jobs import Status
from ipvscreen.store.tables import outbox, referrals


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a message and of its referral; None leaves a column, or the referral, as it is."""

    id: str
    lease: str
    status: Status
    due: datetime | None = None
    message: bytes | None = None  # sealed
    state: ReferralState | None = None
    received_at: datetime | None = None
    outcome: bytes | None = None  # sealed
    untried: bool = False  # it was claimed, and nothing was tried
    hurry: tuple[str, datetime] | None = None  # its recipient takes messages again: others are due then


_MESSAGE = (
    update(outbox)
    .where(outbox.c.id == bindparam("of"))
    .values(
        status=bindparam("to"),
        lease=None,
        attempts=outbox.c.attempts - bindparam("untried", type_=outbox.c.attempts.type),
        due=func.coalesce(bindparam("then", type_=outbox.c.due.type), outbox.c.due),
        message=func.coalesce(bindparam("left", type_=outbox.c.message.type), outbox.c.message),
    )
)
# To what state of a queued referral which of one that is being stopped corresponds.
_STOPPING: Mapping[ReferralState, ReferralState] = {
    ReferralState.QUEUED: ReferralState.STOPPING,
    ReferralState.RECEIVED: after(ReferralState.STOPPING, ReferralEvent.RECEIVE),
    ReferralState.REFUSED: after(ReferralState.STOPPING, ReferralEvent.REFUSE),
    ReferralState.LAPSED: after(ReferralState.STOPPING, ReferralEvent.REFUSE),
}
_STATE = referrals.c.state.type
_QUEUED = referrals.c.state == ReferralState.QUEUED
_AT = bindparam("at", type_=referrals.c.received_at.type)
_WORDS = func.coalesce(bindparam("words", type_=referrals.c.outcome.type), referrals.c.outcome)
# For several at once, which `in_` does not allow. A referral that was cancelled meanwhile stays as it is. Of
# one that is being stopped the message tells that alone: when it was received, and its receipt, stay.
_REFERRAL = (
    update(referrals)
    .where(referrals.c.id == bindparam("of"))
    .where(or_(_QUEUED, referrals.c.state == ReferralState.STOPPING))
    .values(
        state=case((_QUEUED, bindparam("to", type_=_STATE)), else_=bindparam("stopping", type_=_STATE)),
        received_at=case((_QUEUED, _AT), else_=referrals.c.received_at),
        told_at=case((_QUEUED, referrals.c.told_at), else_=_AT),
        outcome=case((_QUEUED, _WORDS), else_=referrals.c.outcome),
    )
)


async def settle(connection: AsyncConnection, every: Sequence[Settled]) -> list[bool]:
    """For each whether it was still ours, and so is settled; both its rows, or none of them.

    Rows are locked in the order of their ids, as everybody does: so nobody waits in a ring.
    """
    ids = [one.id for one in every]
    held = (
        select(outbox.c.id, outbox.c.lease, outbox.c.referral_id)
        .where(outbox.c.id.in_(ids))
        .order_by(outbox.c.id)
        .with_for_update()
    )
    found = {(row.id, row.lease): row.referral_id for row in (await connection.execute(held)).all()}
    ours = {one.id: one for one in every if (one.id, one.lease) in found}
    if ours:
        await connection.execute(_MESSAGE, [_message(one) for one in ours.values()])
        told = {found[one.id, one.lease]: one for one in ours.values() if one.state is not None}
        if told:
            await connection.execute(_REFERRAL, [_referral(ident, told[ident]) for ident in sorted(told)])
        for recipient, due in sorted({one.hurry for one in ours.values() if one.hurry}):
            await hurried(connection, recipient, due)
    return [ours.get(one.id) is one for one in every]


def _message(one: Settled) -> dict[str, object]:
    told = {"then": one.due, "left": one.message, "untried": int(one.untried)}
    return {"of": one.id, "to": one.status, **told}


def _referral(ident: str, one: Settled) -> dict[str, object]:
    to = one.state or ReferralState.QUEUED
    told = {"at": one.received_at, "words": one.outcome}
    return {"of": ident, "to": to, "stopping": _STOPPING[to], **told}
