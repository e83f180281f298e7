"""What waits for somebody, as the tables say it: referrals, cases, visits, follow-ups of a record system."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, Select, and_, exists, not_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.ipv.case import CaseState
from ipvscreen.ipv.hearing import Cause, Fact
from ipvscreen.ipv.loop import Told, telling
from ipvscreen.ipv.referral import LATE, ReferralState
from ipvscreen.ipv.retention import WAITING_VISITS
from ipvscreen.ipv.visit import VisitState
from ipvscreen.resources.written import Check
from ipvscreen.store.alert_tables import alerts
from ipvscreen.store.case_rows import case_from_json
from ipvscreen.store.case_tables import cases
from ipvscreen.store.engine import reading
from ipvscreen.store.referrals import Referral, referral_of
from ipvscreen.store.sealed import Ring, SealBroken, SealedTable
from ipvscreen.store.tables import followups, journal, referrals, visits
from ipvscreen.store.visit import Visit, visit_of

_S = ReferralState
_OVER = {_S.REFUSED: Cause.REFUSED, _S.LAPSED: Cause.LAPSED}
_STOPPED = {_S.STOPPING: Cause.STOPPING, _S.UNTOLD: Cause.UNTOLD}
_ON_ITS_WAY = (_S.QUEUED, _S.UNSENT)  # by the app, or by somebody's hand
_THERE = (_S.RECEIVED, _S.SENT)
_UNHEARD = (CaseState.DELIVERED, CaseState.OPENED)
_STUCK = frozenset({VisitState.SAVING, VisitState.INTERRUPTED, VisitState.UNRECORDED})
_CERTAIN = frozenset({Check.VERIFIED, Check.NOT_OFFERED})
# Later nothing of what was written changes any more without somebody who sees it.
_LOOKED_BACK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Left:
    """A visit that has ended at that moment, and why somebody has to look at it; None: it does not open."""

    cause: Cause
    id: str
    ended_at: datetime
    visit: Visit | None


class Waiting:
    """Reads only; of another record system's people nothing."""

    def __init__(self, engine: AsyncEngine, ring: Ring) -> None:
        self._engine = engine
        self._sealed = SealedTable(ring, referrals.name)
        self._sealed_visits = SealedTable(ring, visits.name)
        self._sealed_cases = SealedTable(ring, cases.name)
        self._quiet: dict[str, dict[str, int]] = {}  # visits that have nothing to tell, by record system

    async def referrals(self, ehr: str, now: datetime, hushed: date | None = None) -> list[Fact]:
        """Referrals not received, refused, lapsed, declined or unanswered; and what is new at a service.

        One whose row does not open is told of as urgent: nobody can say that it is not. `hushed`: the day
        there, where nothing of a person may be told without a release. Without one every referral counts as
        unanswered once an answer is due, whatever its service has done: silence must tell nothing either.
        """
        async with reading(self._engine) as connection:
            rows = (await connection.execute(_referrals(ehr, now, hushed is not None))).mappings().all()
        return [fact for row in rows for fact in self._facts(row, now, hushed)]

    async def left(self, ehr: str, now: datetime) -> list[Left]:
        """Visits that have ended with something said, or with something not certain to be recorded."""
        async with reading(self._engine) as connection:
            rows = (await connection.execute(_visits(ehr, now))).mappings().all()
        return list(self._left(ehr, rows))

    async def follow_ups(self, ehr: str, today: date) -> list[tuple[str, str, date]]:
        """Follow-ups that are due: their ids, visits and days."""
        query = select(followups.c.id, followups.c.visit_id, followups.c.due).join(visits)
        due = query.where(visits.c.ehr == ehr, followups.c.due <= today)
        async with reading(self._engine) as connection:
            return [(row.id, row.visit_id, row.due) for row in (await connection.execute(due)).all()]

    async def visits(self, ids: list[str]) -> dict[str, Visit]:
        """These visits, by their ids, as far as they open."""
        async with reading(self._engine) as connection:
            return await self._opened(connection, ids)

    async def _opened(self, connection: AsyncConnection, ids: list[str]) -> dict[str, Visit]:
        rows = (await connection.execute(select(visits).where(visits.c.id.in_(ids)))).mappings().all()
        found = map(self._opened_one, rows)
        return {visit.id: visit for visit in found if visit}

    def _opened_one(self, row: RowMapping) -> Visit | None:
        with suppress(SealBroken):
            return visit_of(self._sealed_visits, row)
        return None

    def _facts(self, row: RowMapping, now: datetime, hushed: date | None) -> Iterator[Fact]:
        referral = self._referral(row)
        urgent = referral is None or referral.urgent
        hush = hushed is not None and self._is_hushed(row, hushed)
        for cause, since in _causes(row, now, hush=hush).items():
            fact = Fact(cause, row["id"], row["visit_id"], since, urgent)
            if referral and cause is Cause.ARRIVED:
                inbox = row["organisation_id"] or ""
                fact = replace(fact, service=referral.service_id, organisation=inbox)
            yield fact

    def _referral(self, row: RowMapping) -> Referral | None:
        try:
            return referral_of(self._sealed, row)
        except SealBroken:
            return None

    def _is_hushed(self, row: RowMapping, day: date) -> bool:
        """Whether what its service has done may not be told; also where there is no saying."""
        if row["case_body"] is None:
            return True
        try:
            stored = self._sealed_cases.open("body", row["case_id"], row["case_body"])
        except SealBroken:
            return True
        return telling(case_from_json(stored), day, release_required=True).told is Told.RECEIPT

    def _left(self, ehr: str, rows: Sequence[RowMapping]) -> Iterator[Left]:
        before, quiet = self._quiet.get(ehr, {}), dict[str, int]()
        self._quiet[ehr] = quiet
        for row in rows:
            if before.get(row["id"]) == row["version"] and not (row["on_its_way"] or row["nothing_goes"]):
                quiet[row["id"]] = row["version"]
                continue
            visit = self._opened_one(row)
            cause = _why(visit, row) if visit else Cause.UNFINISHED
            if cause is None:
                quiet[row["id"]] = row["version"]
            else:
                yield Left(cause, row["id"], row["expires_at"], visit)


def _causes(row: RowMapping, now: datetime, *, hush: bool) -> Mapping[Cause, datetime]:
    """Why that referral waits, and since when; with `hush` the same whatever its service has done."""
    state, case = ReferralState(row["state"]), row["case_state"] and CaseState(row["case_state"])
    if state in _OVER:
        return {_OVER[state]: row["queued_at"]}
    if state in _STOPPED:
        return {_STOPPED[state]: row["stopped_at"]}
    if state in _ON_ITS_WAY:
        return {Cause.UNRECEIVED: row["queued_at"]}
    if case is CaseState.DECLINED and not hush:
        return {} if row["another"] else {Cause.DECLINED: row["closed_at"]}
    found = {Cause.ARRIVED: row["taken_in_at"]} if case is CaseState.DELIVERED else {}
    unanswered = row["reply_by"] <= now and (hush or case in (None, *_UNHEARD))
    return found | ({Cause.UNANSWERED: row["reply_by"]} if unanswered else {})


def _why(visit: Visit, row: RowMapping) -> Cause | None:
    """`nothing_goes`: what was sent to a service was stopped again, so nobody else has this person."""
    if (visit.held and visit.state in WAITING_VISITS) or row["nothing_goes"]:
        return Cause.UNFINISHED
    kept = [one for one in (visit.written, visit.referred_in_record) if one]
    uncertain = any(item.check not in _CERTAIN for one in kept for item in one.items)
    return Cause.UNCONFIRMED if row["on_its_way"] or uncertain or visit.state in _STUCK else None


def _referrals(ehr: str, now: datetime, hushed: bool) -> Select[Any]:
    later = referrals.alias()
    another = exists().where(later.c.visit_id == referrals.c.visit_id, later.c.queued_at > cases.c.closed_at)
    settled = exists().where(
        alerts.c.about == referrals.c.id, alerts.c.cause == Cause.UNANSWERED, alerts.c.seen_to_at.is_not(None)
    )
    nobody = true() if hushed else or_(cases.c.state.is_(None), cases.c.state.in_(_UNHEARD))
    waits = or_(
        and_(referrals.c.state.in_(_ON_ITS_WAY), referrals.c.queued_at <= now - LATE),
        referrals.c.state.in_((*_OVER, _S.UNTOLD)),
        and_(referrals.c.state == _S.STOPPING, referrals.c.stopped_at <= now - LATE),
        and_(referrals.c.state == _S.RECEIVED, cases.c.state == CaseState.DELIVERED),
        and_(referrals.c.state == _S.RECEIVED, cases.c.state == CaseState.DECLINED, not_(another)),
        and_(referrals.c.state.in_(_THERE), referrals.c.reply_by <= now, nobody, not_(settled)),
    )
    moments = (cases.c.taken_in_at, cases.c.closed_at)
    told = (cases.c.state.label("case_state"), *moments, cases.c.organisation_id, another.label("another"))
    sealed = (cases.c.id.label("case_id"), cases.c.body.label("case_body"))
    query = select(referrals, *told, *sealed).join(visits, visits.c.id == referrals.c.visit_id)
    return query.outerjoin(cases, cases.c.referral_id == referrals.c.id).where(visits.c.ehr == ehr, waits)


def _visits(ehr: str, now: datetime) -> Select[Any]:
    goes = exists().where(referrals.c.visit_id == visits.c.id, referrals.c.state != _S.CANCELLED)
    stopped = and_(visits.c.state == VisitState.REFERRED, not_(goes))
    on_its_way = exists().where(journal.c.visit_id == visits.c.id, journal.c.open.is_(True))
    lately = and_(visits.c.opened_at > now - _LOOKED_BACK, visits.c.state != VisitState.CLOSED)
    told = and_(visits.c.held.is_(True), visits.c.state.in_(WAITING_VISITS))
    waits = or_(told, on_its_way, visits.c.state.in_(_STUCK), lately)
    query = select(visits, on_its_way.label("on_its_way"), stopped.label("nothing_goes"))
    return query.where(visits.c.ehr == ehr, visits.c.expires_at <= now, waits)
