"""Referrals: stored together with their message and the visit's new state, in one transaction."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Unpack

from sqlalchemy import ColumnElement, RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.by_hand import ByHand, Handed
from ipvscreen.ipv.referral import Agreement, ReferralState, Sharing
from ipvscreen.ipv.services import Need
from ipvscreen.store.audit import Noting, of_visit
from ipvscreen.store.by_hand import handed_from_json
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.journal import Writing, put
from ipvscreen.store.outbox import NewJob, enqueue
from ipvscreen.store.referral_details import details_from_json, details_to_json
from ipvscreen.store.sealed import Ring, SealBroken, SealedTable
from ipvscreen.store.tables import journal, outbox, referrals, visits
from ipvscreen.store.visit import Visit, VisitChanges
from ipvscreen.store.visits import compare_and_set, stored


@dataclass(frozen=True, slots=True)
class Referral:
    """One referral; `id` is its stable key. `words` are the service's last ones, when it did not take it.

    `agreement` or `sharing`: on what footing it was sent. `need`: what the service was matched with.
    `by_hand`: how a person can bring it, where nothing is sent; `handed` that somebody has.
    `review`: the last day on which the way to reach the person is believed. `stopped_at`: it was stopped
    although the service had it; `told_at`: and the service's system has heard that.
    """

    id: str
    visit_id: str
    service_id: str
    service_name: str
    phone: str
    state: ReferralState
    queued_at: datetime
    reply_by: datetime
    received_at: datetime | None = None
    receipt: str | None = None
    words: str | None = None
    urgent: bool = False
    agreement: Agreement | None = None
    sharing: Sharing | None = None
    need: Need | None = None
    by_hand: frozenset[ByHand] = frozenset()
    handed: Handed | None = None
    review: date | None = None
    stopped_at: datetime | None = None
    told_at: datetime | None = None

    @property
    def sent_at(self) -> datetime | None:
        """When it was sent or brought; None while somebody still has to bring it."""
        if self.handed is not None:
            return self.handed.at
        return None if self.by_hand else self.queued_at


class Referrals:
    """The table of referrals; the outbox moves them on."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._noting = engine, noting
        self._sealed = SealedTable(ring, referrals.name)
        self._sealed_visits = SealedTable(ring, visits.name)
        self._sealed_journal = SealedTable(ring, journal.name)
        self._sealed_outbox = SealedTable(ring, outbox.name)

    async def add(
        self,
        visit: Visit,
        referral: Referral,
        job: NewJob,
        entries: Writing | None = None,
        **changes: Unpack[VisitChanges],
    ) -> Visit:
        """The visit with `changes`, its referral stored and its message in the outbox: all or nothing.

        `entries` of it for the record go into the journal, leased.
        A referral that is there already is left as it is, and the visit is given back as it stands.
        OutOfOrder where the visit was changed since it was read.
        """
        async with writing(self._engine) as connection:
            if await self._is_there(connection, referral):
                return await self._standing(connection, visit)
            changed = await compare_and_set(connection, self._sealed_visits, visit, changes)
            await connection.execute(insert(referrals).values(self._columns(referral)))
            await enqueue(connection, self._sealed_outbox, job, referral.id, referral.queued_at)
            if entries:
                await put(connection, self._sealed_journal, entries)
            await self._noting.note(connection, of_visit(changed))
        return changed

    async def get(self, referral_id: str) -> Referral | None:
        """The referral as it stands; None where there is none."""
        found = await self._where(referrals.c.id == referral_id)
        return found[0] if found else None

    async def of_visit(self, visit_id: str) -> list[Referral]:
        """The referrals of a visit, oldest first."""
        return await self._where(referrals.c.visit_id == visit_id)

    async def all_of(self, ids: Iterable[str]) -> dict[str, Referral]:
        """These referrals, by their ids, as far as they are there and open."""
        query = select(referrals).where(referrals.c.id.in_(list(ids)))
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
        found: dict[str, Referral] = {}
        for row in rows:
            with suppress(SealBroken):
                found[row["id"]] = referral_of(self._sealed, row)
        return found

    async def _where(self, condition: ColumnElement[bool]) -> list[Referral]:
        query = select(referrals).where(condition).order_by(referrals.c.queued_at, referrals.c.id)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [referral_of(self._sealed, row) for row in rows]

    async def _is_there(self, connection: AsyncConnection, referral: Referral) -> bool:
        mine = (referrals.c.id == referral.id, referrals.c.visit_id == referral.visit_id)
        return await connection.scalar(select(referrals.c.id).where(*mine)) is not None

    async def _standing(self, connection: AsyncConnection, visit: Visit) -> Visit:
        found = await stored(connection, self._sealed_visits, visit.id)
        if found is None:
            raise OutOfOrder(visit.state, "changed meanwhile")
        return found

    def _columns(self, referral: Referral) -> dict[str, Any]:
        outcome = {"receipt": referral.receipt, "words": referral.words}
        return {
            "id": referral.id,
            "visit_id": referral.visit_id,
            "state": referral.state,
            "queued_at": referral.queued_at,
            "reply_by": referral.reply_by,
            "received_at": referral.received_at,
            "details": self._sealed.seal("details", referral.id, details_to_json(referral)),
            "outcome": self._sealed.seal("outcome", referral.id, outcome),
        }


def referral_of(sealed: SealedTable, row: RowMapping) -> Referral:
    """The referral that a row holds; SealBroken where a column does not open."""

    def opened(column: str) -> Any:
        return sealed.open(column, row["id"], row[column])

    moments = ("queued_at", "reply_by", "received_at", "stopped_at", "told_at")
    plain = {name: row[name] for name in ("id", "visit_id", *moments)}
    outcome = opened("outcome")
    typed = {
        "state": ReferralState(row["state"]),
        "handed": handed_from_json(outcome.get("handed")),
    }
    return Referral(**(plain | details_from_json(opened("details")) | outcome | typed))
