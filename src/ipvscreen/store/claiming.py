"""Which messages a sender gets: those that are due, in their order, and few at a time for one recipient."""

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, Select, and_, exists, func, not_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ipvscreen.store.jobs import Status
from ipvscreen.store.tables import outbox

# Claims are short and go one after the other over all processes: else two that look at the same moment would
# together lease more for one recipient than either may. Any number, but not that of `engine`.
_ONE_CLAIMS = text("SELECT pg_advisory_xact_lock(7210463259)")
_UNKNOWN = ""  # the recipient of what an earlier version has put there, until it has been looked up


async def claimed(
    connection: AsyncConnection, now: datetime, limit: int, lease_seconds: float, each: int
) -> Sequence[RowMapping]:
    """Up to `limit` rows, leased; at most `each` of one recipient are leased at the same time."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_ONE_CLAIMS)
    busy = await _busy(connection, now)
    full = [recipient for recipient, number in busy.items() if number >= each]
    rows = (await connection.execute(_waiting(now, full, limit))).all()
    if not (ids := within(each, busy, ((row.id, row.recipient) for row in rows))):
        return ()
    leased = (
        update(outbox)
        .where(outbox.c.id.in_(ids))
        .values(
            lease=secrets.token_hex(16),
            due=now + timedelta(seconds=lease_seconds),
            attempts=outbox.c.attempts + 1,
        )
        .returning(outbox)
    )
    mine: Sequence[RowMapping] = (await connection.execute(leased)).mappings().all()
    return mine


def within(each: int, busy: Mapping[str, int], waiting: Iterable[tuple[str, str]]) -> list[str]:
    """The ids of those of `waiting` (id, recipient) for whose recipient there is a place left."""
    taken, ids = Counter(busy), []
    for ident, recipient in waiting:
        if taken[recipient] < each:
            taken[recipient] += 1
            ids.append(ident)
    return ids


async def hurried(connection: AsyncConnection, recipient: str, due: datetime) -> None:
    """Messages for that recipient that were put off beyond `due` are due then: it takes messages again.

    Rows that another has in hand are left as they are: nobody waits for anybody here.
    """
    later = (
        select(outbox.c.id)
        .where(outbox.c.status == Status.READY, outbox.c.due > due)
        .where(outbox.c.lease.is_(None), outbox.c.recipient == recipient)
        .with_for_update(skip_locked=True)
        .cte("later")
    )
    await connection.execute(update(outbox).where(outbox.c.id.in_(select(later.c.id))).values(due=due))


_RECIPIENT = func.coalesce(outbox.c.recipient, _UNKNOWN)


async def _busy(connection: AsyncConnection, now: datetime) -> dict[str, int]:
    """How many messages are on their way, by recipient."""
    on_their_way = and_(outbox.c.lease.is_not(None), outbox.c.due > now, outbox.c.status == Status.READY)
    query = select(_RECIPIENT, func.count()).where(on_their_way).group_by(outbox.c.recipient)
    return {row[0]: row[1] for row in (await connection.execute(query)).all()}


def _waiting(now: datetime, full: Sequence[str], limit: int) -> Select[tuple[str, str]]:
    """Those that are due, the longest due first, none whose referral has an earlier one under way."""
    earlier = outbox.alias()
    unsettled = exists().where(
        earlier.c.referral_id == outbox.c.referral_id,
        earlier.c.number < outbox.c.number,
        earlier.c.status == Status.READY,
    )
    return (
        select(outbox.c.id, _RECIPIENT.label("recipient"))
        .where(outbox.c.status == Status.READY, outbox.c.due <= now, not_(unsettled))
        .where(_RECIPIENT.not_in(full))
        .order_by(outbox.c.due, outbox.c.queued_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=outbox)  # nothing on SQLite: BEGIN IMMEDIATE does it there
    )
