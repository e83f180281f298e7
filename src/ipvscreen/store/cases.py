"""Cases: what a service has of a referral, moved on step by step, each with its row in the audit log."""

import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.errors import OutOfOrder, StepRefused
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.case import AUDITED, CLOSED, CaseRole
from ipvscreen.ipv.case_step import Case, Step, Whom, case_of, taken
from ipvscreen.ipv.conflict import sight
from ipvscreen.ipv.referral import ReferralRequest, ReferralState
from ipvscreen.messages import message
from ipvscreen.store.audit import Noting, Subject, of_visit
from ipvscreen.store.case_rows import (
    Kept,
    case_from_json,
    case_to_json,
    kept_of,
    step_to_json,
    whom_from_json,
    whom_to_json,
)
from ipvscreen.store.case_tables import case_events, cases
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.referrals import Referral, referral_of
from ipvscreen.store.sealed import Ring, SealBroken, SealedTable
from ipvscreen.store.spent import Once, spend
from ipvscreen.store.tables import referrals, visits
from ipvscreen.store.visit import Visit
from ipvscreen.store.visits import stored

_NOT_SENT = frozenset({ReferralState.CANCELLED, ReferralState.LAPSED, ReferralState.REFUSED})
_NO_NAMES = message("Names are not open to you here.")


class Cases:
    """The tables of cases and of their steps. What a service may reach is asked for with its id."""

    def __init__(self, engine: AsyncEngine, ring: Ring) -> None:
        self._engine, self._ring = engine, ring
        self._sealed = SealedTable(ring, cases.name)
        self._sealed_events = SealedTable(ring, case_events.name)
        self._sealed_referrals = SealedTable(ring, referrals.name)
        self._sealed_visits = SealedTable(ring, visits.name)

    async def take_in(
        self,
        key: str,
        request: ReferralRequest,
        name: str | None,
        now: datetime,
        organisation: str | None = None,
    ) -> Case:
        """The case of that message's `key`, which is the referral's; the same again changes nothing.

        `organisation`: whose inbox here has it from now on. OutOfOrder where there is no such referral, it is
        for another service, or nothing of it may be sent any more.
        """
        async with writing(self._engine) as connection:
            if (row := await self._row(connection, cases.c.id == key)) is not None:
                return self._case(row)
            referral = await self._referral(connection, key)
            if referral is None or referral.service_id != request.service_id:
                raise OutOfOrder("not there", "take in")
            if referral.state in _NOT_SENT:
                raise OutOfOrder(referral.state, "take in")
            case = case_of(key, request, now, organisation)
            values = {
                "id": key,
                "referral_id": key,
                "service_index": self._indexes(case.service_id)[0],
                "mirrored": 0,
                "taken_in_at": now,
                "organisation_id": organisation,
                "whom": self._sealed.seal("whom", key, whom_to_json(Whom(name, request.contact))),
            }
            await connection.execute(insert(cases).values(values | self._columns(case)))
            await self._note(connection, Act.TAKEN_IN, now, referral)
        return case

    async def get(self, key: str, service_id: str) -> Kept | None:
        """The case with its steps; None where that service has none of that key."""
        async with reading(self._engine) as connection:
            row = await self._row(connection, *self._mine(key, service_id))
            return None if row is None else (await self._kept(connection, [row]))[0]

    async def of_service(self, service_id: str, *, closed: bool = False) -> list[Case]:
        """Its open cases, or those that are over, the oldest first."""
        ended = cases.c.state.in_(CLOSED)
        mine = cases.c.service_index.in_(self._indexes(service_id))
        return await self._listed(mine, ended if closed else ~ended)

    async def of_organisation(self, organisation: str, *, closed: bool = False) -> list[Case]:
        """Those in its inbox here: the open ones, or those that are over; the oldest first."""
        ended = cases.c.state.in_(CLOSED)
        return await self._listed(cases.c.organisation_id == organisation, ended if closed else ~ended)

    async def in_inbox(self, key: str, organisation: str) -> Kept | None:
        """The case with its steps; None where that organisation has none of that key, whoever else has.

        The same is asked for whether there is one or not: how long it takes tells nobody.
        """
        mine = (cases.c.id == key, cases.c.organisation_id == organisation)
        steps = select(case_events).join(cases).where(*mine).order_by(case_events.c.number)
        async with reading(self._engine) as connection:
            row = await self._row(connection, *mine)
            done = (await connection.execute(steps)).mappings().all()
        return None if row is None else kept_of(self._ring, row, done)

    async def of_referrals(self, referral_ids: Iterable[str]) -> dict[str, Kept]:
        """What became of these referrals, by their ids, as far as there is a case that opens."""
        query = select(cases).where(cases.c.referral_id.in_(list(referral_ids)))
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
            found: dict[str, Kept] = {}
            for row in rows:
                with suppress(SealBroken):
                    found |= {one.case.key: one for one in await self._kept(connection, [row])}
        return found

    async def move(
        self, key: str, service_id: str, step: Step, *, seen: int, now: datetime, once: Once | None = None
    ) -> Case:
        """The case after that step, which is kept with its row in the audit log.

        `seen`: how many steps it had on the page from which it was taken; OutOfOrder where it has others by
        now, or is not there. Else as `ipv.case_step.taken`. `once`: the form that asked for it.
        """
        async with writing(self._engine) as connection:
            row = await self._row(connection, *self._mine(key, service_id))
            before = None if row is None else self._case(row)
            if before is None or before.steps != seen:
                raise OutOfOrder("changed meanwhile" if before else "not there", step.event)
            case = taken(before, step, now)
            if once is not None:
                await spend(connection, once)
            await connection.execute(update(cases).where(cases.c.id == key).values(self._columns(case)))
            await connection.execute(insert(case_events).values(self._event(case, step, now)))
            referral = await self._referral(connection, key)
            await self._note(connection, AUDITED[step.event], now, referral, (step.role, step.member))
        return case

    async def whom(
        self,
        key: str,
        service_id: str,
        role: CaseRole,
        member: str,
        now: datetime,
        once: Once | None = None,
    ) -> Whom:
        """Name and safe contact, for who may see names, with its row in the audit log; else StepRefused."""
        async with writing(self._engine) as connection:
            row = await self._row(connection, *self._mine(key, service_id))
            case = None if row is None else self._case(row)
            if row is None or case is None or not sight(case.facts, role, member, case.mentor).names:
                raise StepRefused(_NO_NAMES)
            if once is not None:
                await spend(connection, once)
            referral = await self._referral(connection, key)
            await self._note(connection, Act.NAMES_READ, now, referral, (role, member))
        return whom_from_json(self._sealed.open("whom", key, row["whom"]))

    async def mirrored(self, key: str, steps: int, visit: Visit, now: datetime) -> None:
        """So many steps stand in the record now, by that clinician's visit; never fewer than before."""
        less = (cases.c.id == key, cases.c.mirrored < steps)
        async with writing(self._engine) as connection:
            done = await connection.execute(update(cases).where(*less).values(mirrored=steps))
            if done.rowcount:
                await Noting(self._ring, Act.ANSWER_RECORDED, now).note(connection, of_visit(visit))

    async def _listed(self, *chosen: ColumnElement[bool]) -> list[Case]:
        query = select(cases).where(*chosen).order_by(cases.c.taken_in_at, cases.c.id)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [self._case(row) for row in rows]

    async def _row(self, connection: AsyncConnection, *chosen: ColumnElement[bool]) -> RowMapping | None:
        return (await connection.execute(select(cases).where(*chosen))).mappings().one_or_none()

    async def _kept(self, connection: AsyncConnection, rows: Sequence[RowMapping]) -> list[Kept]:
        theirs = case_events.c.case_id.in_([row["id"] for row in rows])
        query = select(case_events).where(theirs).order_by(case_events.c.number)
        found = (await connection.execute(query)).mappings().all()
        return [kept_of(self._ring, row, found) for row in rows]

    async def _referral(self, connection: AsyncConnection, key: str) -> Referral | None:
        query = select(referrals).where(referrals.c.id == key)
        row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else referral_of(self._sealed_referrals, row)

    async def _note(
        self,
        connection: AsyncConnection,
        act: Act,
        now: datetime,
        referral: Referral | None,
        by: tuple[CaseRole, str] | None = None,
    ) -> None:
        """The row in the log. That referral and visit are there, the foreign keys say."""
        visit_id = referral.visit_id if referral else ""
        visit = await stored(connection, self._sealed_visits, visit_id)
        if referral is None or visit is None:
            raise OutOfOrder("not there", act)
        await Noting(self._ring, act, now).note(connection, _subject(visit, referral, by))

    def _indexes(self, service_id: str) -> tuple[str, ...]:
        return self._sealed.indexes("service_index", service_id)

    def _mine(self, key: str, service_id: str) -> tuple[ColumnElement[bool], ...]:
        return (cases.c.id == key, cases.c.service_index.in_(self._indexes(service_id)))

    def _case(self, row: RowMapping) -> Case:
        return case_from_json(self._sealed.open("body", row["id"], row["body"]))

    def _columns(self, case: Case) -> dict[str, Any]:
        body = self._sealed.seal("body", case.key, case_to_json(case))
        return {"state": case.state, "closed_at": case.closed_at, "body": body}

    def _event(self, case: Case, step: Step, now: datetime) -> dict[str, Any]:
        ident = secrets.token_hex(16)
        body = self._sealed_events.seal("body", ident, step_to_json(step, case.state))
        return {"id": ident, "case_id": case.key, "number": case.steps, "at": now, "body": body}


def _subject(visit: Visit, referral: Referral, by: tuple[CaseRole, str] | None) -> Subject:
    """In the chain of the case. Of a service its name, and which member by id alone; none at its arrival."""
    own = by is not None and by[0] is CaseRole.REFERRER
    member = by and f"{referral.service_id} {by[1]}"
    return Subject(
        chain=referral.id,
        ehr=visit.ehr,
        iss=visit.iss,
        user=visit.user if own else None,
        user_key=visit.user_key if own else member,
        user_name=visit.user_name if own else referral.service_name,
        patient_id=visit.patient_id,
    )
