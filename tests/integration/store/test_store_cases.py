"""Cases at a service: taken in once, moved on step by step, each with its row in the log; both databases."""

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from ipvscreen.errors import OutOfOrder, StepRefused
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.case import AUDITED, CaseEvent, CaseRole, CaseState
from ipvscreen.ipv.case_codes import Decline, Outcome, PassedOn, Tried
from ipvscreen.ipv.case_step import Case, Release, Step, Whom, case_of
from ipvscreen.ipv.conflict import Answer, Facts
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact
from ipvscreen.ipv.visit import VisitState
from ipvscreen.store.case_rows import case_from_json, case_to_json
from ipvscreen.store.case_tables import case_events, cases
from ipvscreen.store.engine import writing
from ipvscreen.store.facade import Store
from ipvscreen.store.persons import Person
from ipvscreen.store.sealed import SealBroken

CONTACT = SafeContact(ContactWay.PHONE, "07700 900123", times="mornings", text=True)
REQUEST = ReferralRequest(
    "mentors", CONTACT, frozenset({"housing"}), agreement=Agreement(True, True, date(2026, 9, 2)), urgent=True
)
KEY = "key-1"


@pytest.fixture
async def sent(store: Store, at: datetime, new_visit, new_grant, new_referral) -> Store:
    """A visit with a referral to the mentors."""
    visit = await store.visits.create(new_visit(state=VisitState.RECORDED), new_grant())
    await store.referrals.add(visit, *new_referral(), state=VisitState.REFERRED)
    return store


def step(event: str, **said: Any) -> Step:
    return Step(CaseEvent(event), said.pop("role", CaseRole.COORDINATOR), said.pop("member", "c"), **said)


WAY = (
    step("open", role=CaseRole.WORKER, member="w"),
    step("check", facts=Facts(Answer.NO, mentors={"m": Answer.NO})),
    step("accept"),
    step("assign", mentor="m"),
    step("contact", way=ContactWay.TEXT, tried=Tried.NO_ANSWER, role=CaseRole.WORKER, member="m"),
    step("danger", passed_on=PassedOn.ADVOCATE, role=CaseRole.WORKER, member="m"),
    step("engage", role=CaseRole.WORKER, member="m"),
    step("weekly", way=ContactWay.PHONE, role=CaseRole.WORKER, member="m"),
    step("release", release=Release(date(2026, 3, 2), date(2026, 6, 2))),
    step("complete", outcome=Outcome.AS_PLANNED, role=CaseRole.WORKER, member="m"),
)


async def walk(store: Store, at: datetime, steps: tuple[Step, ...] = WAY) -> Case:
    case = await store.cases.take_in(KEY, REQUEST, "Anna Example", at)
    for one in steps:
        case = await store.cases.move(
            KEY, "mentors", one, seen=case.steps, now=at + timedelta(hours=case.steps + 1)
        )
    return case


async def acts(store: Store) -> list[Act]:
    return [row.act async for row in store.audit.entries()]


async def test_the_same_message_is_taken_in_once(sent: Store, at: datetime):
    first = await sent.cases.take_in(KEY, REQUEST, "Anna Example", at)
    moved = await sent.cases.move(KEY, "mentors", WAY[0], seen=0, now=at)
    again = await asyncio.gather(
        *(sent.cases.take_in(KEY, REQUEST, "Another", at + timedelta(days=1)) for _ in range(5))
    )

    assert first == case_of(KEY, REQUEST, at)
    assert again == [moved] * 5, "as it stands by now"
    assert await acts(sent) == [Act.TAKEN_IN, Act.CASE_OPENED]


async def test_at_the_same_moment_it_is_taken_in_once(sent: Store, at: datetime):
    every = await asyncio.gather(*(sent.cases.take_in(KEY, REQUEST, None, at) for _ in range(8)))

    assert every == [case_of(KEY, REQUEST, at)] * 8
    assert await acts(sent) == [Act.TAKEN_IN]


@pytest.mark.parametrize("what", ["no such referral", "another service", "stopped"])
async def test_what_was_not_sent_to_that_service_is_not_taken_in(sent: Store, at: datetime, what: str):
    key, request = KEY, REQUEST
    if what == "no such referral":
        key = "key-2"
    elif what == "another service":
        request = replace(REQUEST, service_id="others")
    else:
        await sent.outbox.cancel(KEY, at)

    with pytest.raises(OutOfOrder):
        await sent.cases.take_in(key, request, None, at)
    assert await acts(sent) == []
    assert await sent.cases.of_referrals([KEY, key]) == {}


async def test_every_step_is_kept_and_noted(sent: Store, at: datetime):
    case = await walk(sent, at)

    kept = await sent.cases.get(KEY, "mentors")
    assert kept is not None
    assert (kept.case, kept.mirrored, kept.at) == (case, 0, at + timedelta(hours=len(WAY)))
    assert [one.step for one in kept.done] == list(WAY)
    assert [one.number for one in kept.done] == list(range(1, len(WAY) + 1))
    assert kept.done[4].state is CaseState.CONTACTED
    assert (case.state, case.outcome, case.mentor) == (CaseState.COMPLETED, Outcome.AS_PLANNED, "m")
    assert case.closed_at == kept.at
    rows = [row async for row in sent.audit.entries()]
    assert [row.act for row in rows] == [Act.TAKEN_IN, *(AUDITED[one.event] for one in WAY)]
    assert {row.subject.chain for row in rows} == {KEY}
    assert {row.subject.patient_id for row in rows} == {"patient-1"}
    assert [row.subject.user_key for row in rows[:3]] == [None, "mentors w", "mentors c"]
    assert {row.subject.user_name for row in rows} == {"Mentors"}, "no name of a member"
    assert await sent.audit.verify() == []


async def test_a_referrers_step_is_in_the_clinicians_name(sent: Store, at: datetime):
    await walk(sent, at, (step("withdraw", role=CaseRole.REFERRER),))

    *_, row = [row async for row in sent.audit.entries()]
    assert (row.act, row.subject.user, row.subject.user_name) == (
        Act.WITHDRAWN,
        "Practitioner/1",
        "Dr Example",
    )


async def test_a_step_that_is_refused_leaves_nothing(sent: Store, at: datetime):
    case = await walk(sent, at, WAY[:3])
    before = await acts(sent)
    for one, error in (
        (step("contact", way=ContactWay.LETTER, tried=Tried.REACHED), StepRefused),
        (step("decline", reason=Decline.DUPLICATE), OutOfOrder),
        (step("decline"), ValueError),
    ):
        with pytest.raises(error):
            await sent.cases.move(KEY, "mentors", one, seen=3, now=at)

    kept = await sent.cases.get(KEY, "mentors")
    assert kept is not None
    assert (kept.case, await acts(sent)) == (case, before)


async def test_of_two_who_saw_the_same_page_the_second_is_told(sent: Store, at: datetime):
    await walk(sent, at, WAY[:1])
    answers = await asyncio.gather(
        *(sent.cases.move(KEY, "mentors", WAY[1], seen=1, now=at) for _ in range(4)),
        return_exceptions=True,
    )

    assert sum(isinstance(one, OutOfOrder) for one in answers) == 3
    assert await acts(sent) == [Act.TAKEN_IN, Act.CASE_OPENED, Act.CHECKED]


async def test_another_service_has_nothing_of_it(sent: Store, at: datetime):
    await walk(sent, at, WAY[:2])

    assert await sent.cases.get(KEY, "others") is None
    assert await sent.cases.of_service("others") == []
    with pytest.raises(OutOfOrder):
        await sent.cases.move(KEY, "others", step("accept"), seen=2, now=at)
    with pytest.raises(StepRefused):
        await sent.cases.whom(KEY, "others", CaseRole.COORDINATOR, "c", at)


async def test_names_open_only_for_who_may_see_them_and_that_is_noted(sent: Store, at: datetime):
    whom = Whom("Anna Example", CONTACT)
    await walk(sent, at, WAY[:1])
    with pytest.raises(StepRefused):
        await sent.cases.whom(KEY, "mentors", CaseRole.COORDINATOR, "c", at)
    await sent.cases.move(KEY, "mentors", WAY[1], seen=1, now=at)
    assert await sent.cases.whom(KEY, "mentors", CaseRole.COORDINATOR, "c", at) == whom
    for number, one in enumerate(WAY[2:4], 2):
        with pytest.raises(StepRefused):
            await sent.cases.whom(KEY, "mentors", CaseRole.WORKER, "m", at)
        await sent.cases.move(KEY, "mentors", one, seen=number, now=at)
    assert await sent.cases.whom(KEY, "mentors", CaseRole.WORKER, "m", at) == whom
    with pytest.raises(StepRefused):
        await sent.cases.whom(KEY, "mentors", CaseRole.WORKER, "another", at)

    rows = [row async for row in sent.audit.entries() if row.act is Act.NAMES_READ]
    assert [row.subject.user_key for row in rows] == ["mentors c", "mentors m"]


async def test_open_ones_and_those_that_are_over_are_listed_apart(sent: Store, at: datetime):
    case = await walk(sent, at, WAY[:3])
    assert await sent.cases.of_service("mentors") == [case]
    assert await sent.cases.of_service("mentors", closed=True) == []

    ended = await sent.cases.move(KEY, "mentors", step("error"), seen=3, now=at)
    assert await sent.cases.of_service("mentors") == []
    assert await sent.cases.of_service("mentors", closed=True) == [ended]


async def test_how_far_the_record_has_been_told_only_grows(sent: Store, at: datetime, new_visit):
    await walk(sent, at, WAY[:3])
    for steps in (2, 2, 1, 3):
        await sent.cases.mirrored(KEY, steps, new_visit(), at)

    kept = (await sent.cases.of_referrals([KEY]))[KEY]
    assert kept.mirrored == 3
    assert (await acts(sent)).count(Act.ANSWER_RECORDED) == 2


async def test_a_step_cannot_be_moved_and_one_that_is_gone_is_missed(sent: Store, at: datetime):
    await walk(sent, at, WAY[:3])
    engine = sent._engine
    for values in ({"number": 9}, {"case_id": KEY}, {"at": at}, {"id": "other"}):
        with pytest.raises(DBAPIError, match="stays as it was put"):
            async with writing(engine) as connection:
                await connection.execute(update(case_events).values(values))
    async with writing(engine) as connection:
        await connection.execute(delete(case_events).where(case_events.c.number == 2))

    with pytest.raises(SealBroken, match="missing"):
        await sent.cases.get(KEY, "mentors")


async def test_a_step_opens_in_its_own_row_alone(sent: Store, at: datetime):
    """The seal may be renewed; the content of another row in its place is found."""
    await walk(sent, at, WAY[:2])
    async with writing(sent._engine) as connection:
        bodies = (await connection.scalars(select(case_events.c.body).order_by(case_events.c.number))).all()
        await connection.execute(update(case_events).where(case_events.c.number == 1).values(body=bodies[1]))

    with pytest.raises(SealBroken):
        await sent.cases.get(KEY, "mentors")


async def test_nothing_of_the_person_stands_open(sent: Store, at: datetime):
    await walk(sent, at)
    async with writing(sent._engine) as connection:
        rows = [*(await connection.execute(select(cases))).mappings().all()]
        rows += (await connection.execute(select(case_events))).mappings().all()

    shown = " ".join(str(value) for row in rows for value in row.values())
    assert CaseState.COMPLETED in shown, "what is looked up is there"
    for word in ("Anna", "07700", "mentors", "housing", "assign", "as-planned", "Answer"):
        assert word not in shown


async def test_an_export_finds_it_and_forgetting_takes_it(sent: Store, at: datetime):
    case = await walk(sent, at)
    anna = Person("practice", "https://ehr.test/fhir", "patient-1")

    held = await sent.persons.held(anna)
    assert [(one.case, len(one.done)) for one in held.cases] == [(case, len(WAY))]
    gone = await sent.persons.forget(anna)
    assert (gone["cases"], gone["case_events"]) == (1, len(WAY))
    assert await sent.cases.of_referrals([KEY]) == {}
    assert await sent.audit.verify() == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"agreement": None, "facts": Facts(Answer.NOT_SURE, apart=True, mentors={"m": Answer.YES})},
        {"reason": Decline.NO_CAPACITY, "told_nothing": True, "voicemail": True},
        {"release": Release(date(2026, 3, 2), date(2026, 6, 2)), "outcome": Outcome.MOVED_ON, "mentor": "m"},
    ],
)
def test_a_case_is_stored_as_it_is(at: datetime, changes: dict[str, Any]):
    case = replace(case_of(KEY, REQUEST, at), closed_at=at, **changes)
    assert case_from_json(case_to_json(case)) == case


def test_a_case_from_before_its_safe_way_had_a_last_day_is_read(at: datetime) -> None:
    case = case_of(KEY, REQUEST, at, "h" * 32)
    stored = case_to_json(case)
    assert stored.pop("review") is None

    assert case_from_json(stored) == case
    dated = replace(case, review=date(2026, 3, 30))
    assert case_from_json(case_to_json(dated)) == dated
