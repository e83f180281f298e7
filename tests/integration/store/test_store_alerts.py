"""Alerts in both databases: each thing once, ended and waiting again, leased, and seen to."""

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from ipvscreen.ipv.audit import LISTS, Act
from ipvscreen.ipv.case import CaseEvent, CaseRole
from ipvscreen.ipv.case_codes import Decline
from ipvscreen.ipv.case_step import Release, Step
from ipvscreen.ipv.hearing import Cause, Done, Due, Fact
from ipvscreen.ipv.members import Member, Organisation, Role
from ipvscreen.ipv.referral import (
    LATE,
    Agreement,
    ContactWay,
    ReferralRequest,
    ReferralState,
    SafeContact,
)
from ipvscreen.ipv.visit import VisitState
from ipvscreen.store.audit import Subject
from ipvscreen.store.case_tables import cases
from ipvscreen.store.engine import writing
from ipvscreen.store.facade import Store
from ipvscreen.store.members import Invitation
from ipvscreen.store.spent import Once

BY = Subject(LISTS, "practice", "https://ehr.test/fhir", "Practitioner/d", "key", "Dr Duty")


@pytest.fixture
async def waits(store: Store, at: datetime, new_visit, new_grant) -> Due:
    visit = await store.visits.create(new_visit(), new_grant())
    return Due(Fact(Cause.UNRECEIVED, "r", visit.id, at), at, at, at + timedelta(hours=4))


async def test_each_thing_is_raised_once_however_many_look(store: Store, at: datetime, waits: Due) -> None:
    new = await asyncio.gather(*(store.alerts.settle("practice", [waits], at) for _ in range(4)))

    assert sum(new) == 1
    assert len(await store.alerts.open("practice")) == 1
    assert await store.alerts.open("another") == []


async def test_what_waits_no_more_is_ended_and_can_wait_again(store: Store, at: datetime, waits: Due) -> None:
    await store.alerts.settle("practice", [waits], at)
    (one,) = await store.alerts.claim(at, 10, 30)
    assert await store.alerts.sent(one, at)
    await store.alerts.settle("practice", [], at)
    assert await store.alerts.open("practice") == []

    later = at + timedelta(hours=1)
    assert await store.alerts.settle("practice", [waits], later) == 1

    (again,) = await store.alerts.open("practice")
    assert (again.raised_at, again.sent_at, again.shown_at) == (later, None, None), (
        "it has to be heard of anew"
    )
    assert await store.alerts.waits(later)


async def test_seen_to_stays_so_for_as_long_as_it_is_the_same_thing(
    store: Store, at: datetime, waits: Due
) -> None:
    await store.alerts.settle("practice", [waits], at)
    (one,) = await store.alerts.open("practice")
    assert not await store.alerts.see_to(one.id, "another", BY, Done.RANG_SERVICE, at)
    doing = store.doing(Act.SEEN_TO, at)
    assert await doing.alerts.see_to(one.id, "practice", BY, Done.RANG_SERVICE, at)

    assert await store.alerts.settle("practice", [waits], at) == 0
    assert await store.alerts.open("practice") == []
    assert not await store.alerts.waits(at), "and nobody is told of it any more"
    (kept,) = await store.alerts.of_visit(one.visit_id)
    assert (kept.seen_by, kept.done, kept.ended_at) == ("Dr Duty", Done.RANG_SERVICE, at)
    assert [row.act async for row in store.audit.entries()] == [Act.SEEN_TO]


async def test_a_notice_is_one_senders_at_a_time(store: Store, at: datetime, waits: Due) -> None:
    await store.alerts.settle("practice", [waits], at)
    both = await asyncio.gather(*(store.alerts.claim(at, 10, 30) for _ in range(2)))
    assert sorted(map(len, both)) == [0, 1]
    (first,) = [one for some in both for one in some]
    (second,) = await store.alerts.claim(at + timedelta(seconds=31), 10, 30)

    assert second.attempts == 2
    assert first.token == second.token, "the same address at every try"
    assert not await store.alerts.sent(first, at)
    assert await store.alerts.put_off(second, at + timedelta(minutes=5))
    assert not await store.alerts.waits(at + timedelta(minutes=4))
    assert await store.alerts.stuck(at) == 1
    (third,) = await store.alerts.claim(at + timedelta(minutes=5), 10, 30)
    assert await store.alerts.sent(third, at + timedelta(minutes=5))
    assert await store.alerts.stuck(at) == 0


@pytest.mark.parametrize(("organisation", "comes"), [("harbour", True), ("another", False)])
async def test_the_link_of_a_notice_to_an_inbox_here_is_taken_up_by_that_organisation_alone(
    store: Store, at: datetime, waits: Due, organisation: str, comes: bool
) -> None:
    coordinator, days = Member("c", Role.COORDINATOR, "Cora", "harbour"), at + timedelta(days=1)
    place, code = Organisation("harbour", "Harbour", "1"), Invitation("code", "c", days)
    await store.organisations.add(coordinator, place, coordinator, code, Once("first", at, days))
    fact = replace(waits.fact, cause=Cause.ARRIVED, service="mentors", organisation="harbour")
    await store.alerts.settle("practice", [replace(waits, fact=fact)], at)
    (notice,) = await store.alerts.claim(at, 10, 30)
    by = Member("m", Role.WORKER, "Wim", organisation)
    once = Once("form", at, at + timedelta(minutes=5))

    assert await store.doing(Act.NOTICE_TAKEN_UP, at).links.take_up(by, notice.token, once) is comes


async def test_without_a_release_what_waits_tells_nothing_of_what_the_service_does(
    store: Store, at: datetime, new_visit, new_grant, new_referral
) -> None:
    """The same line from the day on which an answer is due, whatever was done; the control is no such law."""
    visit = await store.visits.create(new_visit(state=VisitState.RECORDED), new_grant())
    referral, job = new_referral()
    await store.referrals.add(
        visit, replace(referral, state=ReferralState.RECEIVED), job, state=VisitState.REFERRED
    )
    agreed = Agreement(True, True, date(2027, 1, 1))
    request = ReferralRequest(referral.service_id, SafeContact(ContactWay.SHE_CALLS), agreement=agreed)
    due, release = referral.reply_by, Release(at.date(), referral.reply_by.date())

    async def waits(now: datetime, hushed: date | None) -> list[Cause]:
        found = await store.waiting.referrals(visit.ehr, now, hushed)
        return [one.cause for one in found if one.cause is not Cause.ARRIVED]

    seen, elsewhere = [await waits(due, due.date())], [await waits(due, None)]
    await store.cases.take_in(referral.id, request, "Anna", at)
    steps: tuple[tuple[str, dict[str, Any]], ...] = (
        *(("open", {}), ("release", {"release": release}), ("decline", {"reason": Decline.NO_CAPACITY})),
    )
    for number, (event, said) in enumerate(steps):
        step = Step(CaseEvent(event), CaseRole.COORDINATOR, "c", **said)
        await store.cases.move(referral.id, referral.service_id, step, seen=number, now=at)
        day = due.date() + timedelta(days=1)
        seen.append(await waits(due + timedelta(days=1), day))
        elsewhere.append(await waits(due + timedelta(days=1), None))
        assert await waits(due - timedelta(minutes=1), day) == []

    assert seen == [[Cause.UNANSWERED]] * 4, "the release has ended by then"
    assert elsewhere == [[Cause.UNANSWERED]] * 3 + [[Cause.DECLINED]]
    assert await waits(due, release.until) == [Cause.DECLINED], "as long as it holds"
    async with writing(store._engine) as connection:
        await connection.execute(update(cases).values(body=b"broken"))
    assert await waits(due, release.until) == [Cause.UNANSWERED], "where there is no saying"


@pytest.mark.parametrize(
    ("state", "causes"),
    [
        (ReferralState.QUEUED, [Cause.UNRECEIVED]),
        (ReferralState.UNSENT, [Cause.UNRECEIVED]),
        (ReferralState.SENT, []),
    ],
)
async def test_what_nobody_has_brought_waits_like_what_the_app_has_not_sent(
    store: Store, at: datetime, new_visit, new_grant, new_referral, state: ReferralState, causes: list[Cause]
) -> None:
    visit = await store.visits.create(new_visit(state=VisitState.RECORDED), new_grant())
    referral, job = new_referral()
    await store.referrals.add(visit, replace(referral, state=state), job, state=VisitState.REFERRED)

    assert await store.waiting.referrals(visit.ehr, at) == [], "not before its time"
    found = await store.waiting.referrals(visit.ehr, at + LATE)
    assert [one.cause for one in found] == causes

    late = await store.waiting.referrals(visit.ehr, referral.reply_by)
    assert [one.cause for one in late] == (causes or [Cause.UNANSWERED])
