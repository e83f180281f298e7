"""Alerts: what waits stands on a list and goes into a mailbox, once each, whichever process finds it."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.ipv.hearing import Cause, Done, Due
from ipvscreen.store.alert_tables import alerts
from ipvscreen.store.audit import Noting, Subject
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.links import new_code, put_link
from ipvscreen.store.sealed import Ring, SealedTable

_Key = tuple[str, str, datetime]
_Known = dict[_Key, RowMapping]


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that waits; `seen_by` and `done` once somebody of the role has seen to it."""

    id: str
    visit_id: str
    ehr: str
    cause: Cause
    about: str
    since: datetime
    raised_at: datetime
    urgent: bool
    shown_at: datetime | None = None
    ended_at: datetime | None = None
    sent_at: datetime | None = None
    seen_by: str | None = None
    done: Done | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice leased for sending: to the practice of `ehr`, or to `service`; `token` says nothing."""

    id: str
    ehr: str
    service: str
    token: str
    attempts: int
    lease: str


class Alerts:
    """The table of alerts."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._noting = engine, noting
        self._sealed = SealedTable(ring, alerts.name)

    async def settle(self, ehr: str, waiting: Iterable[Due], now: datetime) -> int:
        """Put there what waits and is not there yet, and end what waits no more; how many are new.

        What somebody has seen to stays so, for as long as it is the same thing since the same moment.
        """
        wanted = {_key(one): one for one in waiting}
        async with reading(self._engine) as connection:
            known = await self._known(connection, ehr)
        if _plan(wanted, known) == ([], [], []):
            return 0
        async with writing(self._engine) as connection:
            # Again, for another process may have been faster.
            new, again, gone = _plan(wanted, await self._known(connection, ehr))
            for one in new:
                await self._put(connection, ehr, one, now)
            for ident, one in again:
                back = {"ended_at": None, "shown_at": None, "sent_at": None, "raised_at": now}
                back |= {"due": max(one.told, now)}
                await connection.execute(update(alerts).where(alerts.c.id == ident).values(back))
            await connection.execute(update(alerts).where(alerts.c.id.in_(gone)).values(ended_at=now))
        return len(new) + len(again)

    async def open(self, ehr: str) -> list[Alert]:
        """What waits for the practice, the longest first; nobody counts as having seen it."""
        query = select(alerts).where(*_practice(ehr)).order_by(alerts.c.urgent.desc(), alerts.c.raised_at)
        async with reading(self._engine) as connection:
            return [alert_of(self._sealed, row) for row in (await connection.execute(query)).mappings().all()]

    async def show(self, heard: list[str], to: Subject, now: datetime) -> None:
        """The list was opened, which is noted in the log; of these somebody of the role has heard."""
        async with writing(self._engine) as connection:
            unseen = update(alerts).where(alerts.c.id.in_(heard), alerts.c.shown_at.is_(None))
            await connection.execute(unseen.values(shown_at=now))
            await self._noting.note(connection, to)

    async def see_to(self, alert_id: str, ehr: str, by: Subject, done: Done, now: datetime) -> bool:
        """Somebody of the role has done that about it; False where it waits no more."""
        async with writing(self._engine) as connection:
            query = select(alerts).where(alerts.c.id == alert_id, *_practice(ehr))
            row = (await connection.execute(query)).mappings().one_or_none()
            if row is None:
                return False
            body = self._body(row) | {"by": by.user_name or by.user, "done": done}
            seal = self._sealed.seal("body", alert_id, body)
            values = {"ended_at": now, "seen_to_at": now, "lease": None, "body": seal}
            await connection.execute(update(alerts).where(alerts.c.id == alert_id).values(values))
            await self._noting.note(connection, by)
        return True

    async def claim(self, now: datetime, limit: int, lease_seconds: float) -> list[Notice]:
        """Up to `limit` notices that are due, the oldest first, ours until `lease_seconds` from `now`.

        A notice whose alert has ended is not sent any more.
        """
        async with writing(self._engine) as connection:
            query = select(alerts.c.id).where(*_unsent(), alerts.c.due <= now)
            ids = (await connection.scalars(query.order_by(alerts.c.due).limit(limit))).all()
            leased = {
                "lease": secrets.token_hex(16),
                "due": now + timedelta(seconds=lease_seconds),
                "attempts": alerts.c.attempts + 1,
            }
            taken = update(alerts).where(alerts.c.id.in_(ids)).values(leased).returning(alerts)
            rows = (await connection.execute(taken)).mappings().all() if ids else []
        return [self._notice(row) for row in rows]

    async def waits(self, now: datetime) -> bool:
        """Whether a notice is due; asked before `claim`, which makes every other writer wait."""
        query = select(alerts.c.id).where(*_unsent(), alerts.c.due <= now).limit(1)
        async with reading(self._engine) as connection:
            return await connection.scalar(query) is not None

    async def sent(self, notice: Notice, now: datetime) -> bool:
        """A mail server has taken it; False, and nothing changed, where the lease has gone."""
        return await self._settled(notice, sent_at=now)

    async def put_off(self, notice: Notice, due: datetime) -> bool:
        """Not now: try again at `due`. False where the lease has gone."""
        return await self._settled(notice, due=due)

    async def stuck(self, before: datetime) -> int:
        """How many notices have been tried in vain, of what has waited since before that moment."""
        tried = (*_unsent(), alerts.c.attempts > 0, alerts.c.raised_at <= before)
        async with reading(self._engine) as connection:
            return await connection.scalar(select(func.count()).select_from(alerts).where(*tried)) or 0

    async def of_visit(self, visit_id: str) -> list[Alert]:
        """Every alert of a visit, ended or not, in the order in which they were raised."""
        query = select(alerts).where(alerts.c.visit_id == visit_id).order_by(alerts.c.raised_at, alerts.c.id)
        async with reading(self._engine) as connection:
            return [alert_of(self._sealed, row) for row in (await connection.execute(query)).mappings().all()]

    async def _settled(self, notice: Notice, **values: Any) -> bool:
        ours = (alerts.c.id == notice.id, alerts.c.lease == notice.lease)
        async with writing(self._engine) as connection:
            done = await connection.execute(update(alerts).where(*ours).values(lease=None, **values))
        return done.rowcount == 1

    async def _known(self, connection: AsyncConnection, ehr: str) -> _Known:
        named = ("id", "cause", "about", "since", "ended_at", "seen_to_at")
        query = select(*(alerts.c[name] for name in named)).where(alerts.c.ehr == ehr)
        rows = (await connection.execute(query)).mappings().all()
        return {(row["cause"], row["about"], row["since"]): row for row in rows}

    async def _put(self, connection: AsyncConnection, ehr: str, one: Due, now: datetime) -> None:
        """With the link that its notice will hold, where that leads to an inbox here."""
        code = new_code()
        await connection.execute(insert(alerts).values(self._row(ehr, one, code, now)))
        if one.fact.organisation:
            await put_link(connection, code, one.fact.organisation, now)

    def _row(self, ehr: str, one: Due, code: str, now: datetime) -> dict[str, Any]:
        ident, fact = secrets.token_hex(16), one.fact
        body = {"token": code, "service": fact.service}
        return {
            "id": ident,
            "visit_id": fact.visit_id,
            "ehr": ehr,
            "cause": fact.cause,
            "about": fact.about,
            "since": fact.since,
            "raised_at": now,
            "due": max(one.told, now),
            "attempts": 0,
            "urgent": fact.urgent,
            "body": self._sealed.seal("body", ident, body),
        }

    def _body(self, row: RowMapping) -> dict[str, Any]:
        opened: dict[str, Any] = self._sealed.open("body", row["id"], row["body"])
        return opened

    def _notice(self, row: RowMapping) -> Notice:
        body = self._body(row)
        plain = {name: row[name] for name in ("id", "ehr", "attempts", "lease")}
        return Notice(**plain, service=body["service"], token=body["token"])


def alert_of(sealed: SealedTable, row: RowMapping) -> Alert:
    """The alert that a row holds; SealBroken where it does not open."""
    body = sealed.open("body", row["id"], row["body"])
    names = ("id", "visit_id", "ehr", "about", "since", "raised_at", "urgent")
    plain = {name: row[name] for name in (*names, "shown_at", "ended_at", "sent_at")}
    done = Done(body["done"]) if "done" in body else None
    return Alert(**plain, cause=Cause(row["cause"]), seen_by=body.get("by"), done=done)


def _key(one: Due) -> _Key:
    return one.fact.cause.value, one.fact.about, one.fact.since


def _plan(wanted: dict[_Key, Due], known: _Known) -> tuple[list[Due], list[tuple[str, Due]], list[str]]:
    """What is new, what waits again (its row with it), and the rows of what waits no more."""
    new = [one for key, one in wanted.items() if key not in known]
    over = {key: row for key, row in known.items() if row["ended_at"] and not row["seen_to_at"]}
    again = [(row["id"], wanted[key]) for key, row in over.items() if key in wanted]
    gone = [row["id"] for key, row in known.items() if key not in wanted and row["ended_at"] is None]
    return new, again, gone


def _practice(ehr: str) -> tuple[Any, ...]:
    return (alerts.c.ehr == ehr, alerts.c.ended_at.is_(None), alerts.c.cause != Cause.ARRIVED)


def _unsent() -> tuple[Any, ...]:
    return (alerts.c.ended_at.is_(None), alerts.c.sent_at.is_(None))
