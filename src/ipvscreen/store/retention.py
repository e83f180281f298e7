"""Purging: what has been kept long enough is deleted, and overwritten in the files."""

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Date, Table, and_, delete, exists, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.ipv.retention import ENDED_REFERRALS, WAITING_REFERRALS, WAITING_VISITS, Days, Due, Waits, due
from ipvscreen.store.alert_tables import alerts
from ipvscreen.store.audit import Noting, of_operator
from ipvscreen.store.case_tables import case_events, cases
from ipvscreen.store.engine import writing
from ipvscreen.store.outbox import Status
from ipvscreen.store.sqlite import empty_log
from ipvscreen.store.tables import chores, journal, metadata, outbox, referrals, visits

EVERY = timedelta(days=1)
_PURGE = "purge"

# Tables in which nothing runs out, each with its reason.
WITHOUT_LIMIT = {
    "signing_keys": "of nobody; withdrawn by `keys rotate`",
    "services": "of nobody; replaced by `services import`",
    "gaps": "of nobody: counts by month",
    "outbox": "each message goes with its referral",
    "journal": "each goes with its visit; one that is still open keeps it",
    "case_events": "each goes with its case",
    "chores": "of nobody; one row for each chore",
    "audit": "only added to, and outlives the visit; no purge of it is built",
    "audit_heads": "how long the audit log is, which must stay known",
    "audit_keys": "what the audit log was made with; without them it says nothing",
    "unshared": "numbers of rows of the log that a record system was not told of, as long as those rows",
    "person_keys": "each goes with the last visit of its person, at the next backup",
    "organisations": "of nobody: name and telephone of a service",
    "proposals": "who decided where referrals go; what holds now rests on it",
    "forgotten": "random names, so that no older copy brings a key back",
}


_WITH_THEIRS = (outbox, journal, case_events, alerts)


class _TakeBack(Exception):
    """No error: it ends a transaction that was only tried."""


class Retention:
    """Every table that holds something of somebody, by the rules of `ipv.retention`."""

    def __init__(self, engine: AsyncEngine, noting: Noting) -> None:
        self._engine, self._noting = engine, noting

    async def purge(
        self, days: Days, now: datetime, *, by_hand: bool = False, dry_run: bool = False
    ) -> dict[str, int]:
        """How many rows went, by table; with `dry_run` how many would, and nothing is changed.

        What was deleted is overwritten (secure_delete), and the log is written back, as far as nobody reads
        it just then.
        """
        gone: dict[str, int] = {}
        try:
            async with writing(self._engine) as connection:
                for one in due(days, now, by_hand=by_hand):
                    await _delete(connection, one, gone)
                if dry_run:
                    raise _TakeBack
                if any(gone.values()):
                    await self._noting.note(connection, of_operator())
        except _TakeBack:
            return gone
        if any(gone.values()):
            await self.empty_log()
        return gone

    async def empty_log(self) -> None:
        """Write SQLite's log back into the file, so that nothing deleted stays in it."""
        await asyncio.to_thread(empty_log, self._engine.url.render_as_string(hide_password=False))

    async def take_turn(self, now: datetime) -> bool:
        """Whether the caller is the one to purge; nobody else is for a day, or if the clock was put back."""
        free = or_(chores.c.due <= now, chores.c.due > now + EVERY)
        taken = update(chores).where(chores.c.id == _PURGE, free).values(due=now + EVERY)
        async with writing(self._engine) as connection:
            return (await connection.execute(taken)).rowcount == 1


async def _delete(connection: AsyncConnection, one: Due, gone: dict[str, int]) -> None:
    table = metadata.tables[one.rule.table]
    chosen = _chosen(table, one)
    if table is referrals:
        ids = select(referrals.c.id).where(chosen)
        await _count(connection, outbox, outbox.c.referral_id.in_(ids), gone)
    if table is cases:
        ids = select(cases.c.id).where(chosen)
        await _count(connection, case_events, case_events.c.case_id.in_(ids), gone)
    if table is visits:
        for theirs in (journal, alerts):
            ids = select(visits.c.id).where(chosen)
            await _count(connection, theirs, theirs.c.visit_id.in_(ids), gone)
    await _count(connection, table, chosen, gone)


async def _count(
    connection: AsyncConnection, table: Table, chosen: ColumnElement[bool], gone: dict[str, int]
) -> None:
    done = await connection.execute(delete(table).where(chosen))
    gone[table.name] = gone.get(table.name, 0) + done.rowcount


def _chosen(table: Table, one: Due) -> ColumnElement[bool]:
    since = table.c[one.rule.since]
    before = one.before.date() if isinstance(since.type, Date) else one.before
    return and_(since < before, *_waits(table, one.rule.waits), *_unused(table))


def _waits(table: Table, waits: Waits) -> list[ColumnElement[bool]]:
    if table is visits:
        told = and_(visits.c.held.is_(True), visits.c.state.in_(WAITING_VISITS))
        written = exists().where(journal.c.visit_id == visits.c.id, journal.c.open.is_(True))
        waiting = or_(told, written)
        return [waiting if waits is Waits.YES else not_(waiting)]
    if table is referrals:
        unsent = exists().where(outbox.c.referral_id == referrals.c.id, outbox.c.status == Status.READY)
        states = WAITING_REFERRALS if waits is Waits.YES else ENDED_REFERRALS
        return [referrals.c.state.in_(states), not_(unsent)]
    if table is cases:
        return [cases.c.closed_at.is_(None) if waits is Waits.YES else cases.c.closed_at.is_not(None)]
    return []


def _unused(table: Table) -> list[ColumnElement[bool]]:
    """No row of another table refers to it, but those that go with it."""
    return [
        not_(exists().where(key.parent == key.column))
        for other in metadata.sorted_tables
        for key in other.foreign_keys
        if key.column.table is table and other not in _WITH_THEIRS
    ]
