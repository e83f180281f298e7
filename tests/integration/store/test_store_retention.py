"""What has been kept long enough goes, out of the files as well; what waits for somebody stays."""

import secrets
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from ipvscreen.errors import NotStored
from ipvscreen.ipv.audit import KEEPING, Act
from ipvscreen.ipv.case import CaseEvent, CaseRole
from ipvscreen.ipv.case_step import Step
from ipvscreen.ipv.hearing import Cause, Due, Fact
from ipvscreen.ipv.lasting import LINK
from ipvscreen.ipv.members import Member, Role
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact
from ipvscreen.ipv.retention import RULES, WAITING_VISITS, Days
from ipvscreen.ipv.visit import VisitState
from ipvscreen.store.engine import writing
from ipvscreen.store.facade import Store
from ipvscreen.store.launches import PendingLaunch
from ipvscreen.store.members import Invitation, MemberRows
from ipvscreen.store.passkeys import Passkey
from ipvscreen.store.retention import EVERY, WITHOUT_LIMIT
from ipvscreen.store.sessions import NewSession, SessionRows
from ipvscreen.store.sittings import Sitting
from ipvscreen.store.spent import Once
from ipvscreen.store.tables import metadata
from ipvscreen.store.tables_inbox import organisations
from ipvscreen.store.visits import _UNFINISHED

DAYS = Days(
    launches=1,
    sittings=1,
    visits=30,
    referrals=90,
    cases=80,
    followups=60,
    accounts=120,
    unfinished=365,
    members=40,
)
NOTHING = dict.fromkeys([rule.table for rule in RULES] + ["outbox", "journal", "case_events"], 0)
REQUEST = ReferralRequest(
    "mentors", SafeContact(ContactWay.SHE_CALLS), agreement=Agreement(True, True, date(2026, 9, 2))
)
MISTAKE = Step(CaseEvent.ERROR, CaseRole.COORDINATOR, "c")


def counts(file: Path) -> dict[str, int]:
    with closing(sqlite3.connect(file)) as connection:
        return {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608  from above
            for name in NOTHING
        }


def test_every_table_has_a_rule_or_a_reason() -> None:
    """A table that is added later goes red here until somebody has decided how long it is kept."""
    ruled = {rule.table for rule in RULES}

    assert ruled | set(WITHOUT_LIMIT) == set(metadata.tables)
    assert not ruled & set(WITHOUT_LIMIT)


def test_the_list_and_the_purge_agree_on_what_waits() -> None:
    assert set(_UNFINISHED) == WAITING_VISITS


@pytest.fixture
async def full(store: Store, at: datetime, new_visit, new_grant, new_referral) -> Store:
    """Something in each table; the visit was closed at 11:00, its referral received."""
    await store.launches.put(PendingLaunch("state", "p", "i", "v", "n", "b" * 64, {}, at))
    until = at + timedelta(hours=1)
    await store.sittings.create(Sitting("s", "p", "i", "u", "k", "n", "c", at, until))
    visit = await store.visits.create(new_visit(state=VisitState.RECORDED), new_grant())
    visit = await store.referrals.add(visit, *new_referral(), state=VisitState.CLOSED)
    (job,) = await store.outbox.claim(at, 1, 30)
    assert await store.outbox.finish(job, "receipt", at)
    case = await store.cases.take_in("key-1", REQUEST, "Anna Example", at)
    await store.cases.move(case.key, "mentors", MISTAKE, seen=0, now=at)
    await store.followups.add(visit, due=at.date(), text="text")
    await store.accounts.keep(visit, "form|1", {"a": ("b",)}, at)
    waited = Due(Fact(Cause.FOLLOW_UP, "f", visit.id, at), at, at, at)
    assert await store.alerts.settle("practice", [waited], at) == 1
    assert await store.alerts.settle("practice", [], at) == 0, "it does not wait any more"
    await left_by_somebody(store, at)
    return store


async def left_by_somebody(store: Store, at: datetime) -> None:
    """A row in each table of those who sign in here: of a steward who joined and was ended, and two more."""
    by, soon = Member("ab", Role.STEWARD, "Sam"), at + timedelta(hours=1)
    key = Passkey(b"id", b"key", 0, "phone", "ab", at)
    await store.members.first_steward(by, Invitation("code", "ab", soon), at)
    session = NewSession("session", "ab", key.id, at)
    await store.passkeys.join("code", key, by, session, Once("1", at, soon))
    await store.members.end(by, "ab", Once("2", at, soon))
    async with writing(store._engine) as connection:
        rows = MemberRows(store._ring)
        await rows.put(connection, Member("cd", Role.STEWARD, "Sol"))
        await rows.put_invitation(connection, Invitation("x", "cd", soon))
        await SessionRows(store._ring).put(connection, NewSession("other", "cd", "", at))
        await connection.execute(insert(organisations).values(id="o", name_index="o", body=b""))
    await store.links.make("o", soon - LINK)


# What goes with the first of them, and with the second.
FIRST = {"launches": 1, "sittings": 1, "invitations": 1, "spent": 2, "links": 1}
THEN = FIRST | {"sessions": 1}
LATER = THEN | {"passkeys": 1, "members": 1}
CASE = {"cases": 1, "case_events": 1}


@pytest.mark.parametrize(
    ("days", "gone"),
    [
        (0.9, {}),
        (1.1, FIRST),
        (39, THEN),
        (59, LATER),
        (61, LATER | {"followups": 1, "alerts": 1}),
        (91, LATER | {"followups": 1, "alerts": 1} | CASE),  # from the day on which an answer was due
        (93, LATER | {"followups": 1, "alerts": 1, "referrals": 1, "outbox": 1} | CASE),
        # The visit when nothing refers to it any more; the steward who was not ended stays.
        (121, dict.fromkeys(NOTHING, 1) | {"journal": 0, "spent": 2, "child_plans": 0}),
    ],
)
async def test_each_table_goes_at_its_own_time(
    full: Store, file: Path, at: datetime, days: float, gone: dict[str, int]
) -> None:
    now, before = at + timedelta(days=days), counts(file)

    assert await full.retention.purge(DAYS, now, dry_run=True) == NOTHING | gone
    assert counts(file) == before, "a dry run changes nothing"
    assert await full.retention.purge(DAYS, now) == NOTHING | gone
    assert counts(file) == {name: before[name] - (NOTHING | gone)[name] for name in before}
    assert await full.retention.purge(DAYS, now) == NOTHING


@pytest.mark.parametrize("state", VisitState)
@pytest.mark.parametrize("held", [True, False])
async def test_a_visit_on_the_list_goes_by_hand_alone(
    store: Store, at: datetime, new_visit, new_grant, state: VisitState, held: bool
) -> None:
    await store.visits.create(new_visit(state=state, held=held), new_grant())
    waits = held and state in WAITING_VISITS
    late, later = at + timedelta(days=364), at + timedelta(days=366)

    assert (await store.retention.purge(DAYS, late, by_hand=True, dry_run=True))["visits"] == (not waits)
    assert (await store.retention.purge(DAYS, later))["visits"] == (not waits)
    assert (await store.visits.get("visit-1") is not None) is waits
    assert (await store.retention.purge(DAYS, later, by_hand=True))["visits"] == waits
    assert await store.visits.get("visit-1") is None


@pytest.mark.parametrize(
    ("what", "by_job", "by_hand"), [("queued", 0, 0), ("refused", 0, 1), ("received", 1, 0)]
)
async def test_a_referral_goes_when_it_has_ended(
    store: Store, at: datetime, new_visit, new_grant, new_referral, what: str, by_job: int, by_hand: int
) -> None:
    visit = await store.visits.create(new_visit(state=VisitState.RECORDED), new_grant())
    await store.referrals.add(visit, *new_referral(), state=VisitState.REFERRED)
    if what != "queued":
        (job,) = await store.outbox.claim(at, 1, 30)
        await (store.outbox.refuse(job, "no") if what == "refused" else store.outbox.finish(job, None, at))
    years = at + timedelta(days=1000)

    assert (await store.retention.purge(DAYS, years))["referrals"] == by_job
    assert (await store.retention.purge(DAYS, years, by_hand=True))["referrals"] == by_hand
    assert (await store.visits.get(visit.id) is None) is (what != "queued")


async def test_a_case_that_is_open_keeps_its_referral_and_goes_by_hand_alone(
    store: Store, at: datetime, new_visit, new_grant, new_referral
) -> None:
    visit = await store.visits.create(new_visit(state=VisitState.RECORDED), new_grant())
    await store.referrals.add(visit, *new_referral(), state=VisitState.CLOSED)
    (job,) = await store.outbox.claim(at, 1, 30)
    assert await store.outbox.finish(job, "receipt", at)
    await store.cases.take_in("key-1", REQUEST, "Anna Example", at)
    years = at + timedelta(days=1000)

    gone = await store.retention.purge(DAYS, years)
    assert (gone["cases"], gone["referrals"], gone["visits"]) == (0, 0, 0)
    soon = await store.retention.purge(DAYS, at + timedelta(days=364), by_hand=True)
    assert soon["cases"] == 0
    gone = await store.retention.purge(DAYS, years, by_hand=True)
    assert (gone["cases"], gone["referrals"], gone["visits"]) == (1, 1, 1)


async def test_nothing_of_it_stays_in_the_files(
    full: Store, file: Path, at: datetime, new_visit, new_grant
) -> None:
    """Sealed as it is: who comes by the key later must not find it in a page that is free, or in the log."""
    with closing(sqlite3.connect(file)) as connection:
        (draft,) = connection.execute("SELECT draft FROM visits").fetchone()
    sought = draft[10:60]
    logs = [file, file.with_name(f"{file.name}-wal")]
    assert any(sought in path.read_bytes() for path in logs), "it is found while it is there"

    await full.retention.purge(DAYS, at + timedelta(days=200))

    assert not any(sought in path.read_bytes() for path in logs)


async def test_one_process_a_day_takes_the_turn(store: Store) -> None:
    now = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

    assert [await store.retention.take_turn(now) for _ in range(3)] == [True, False, False]
    assert not await store.retention.take_turn(now + EVERY - timedelta(seconds=1))
    assert await store.retention.take_turn(now + EVERY)
    assert await store.retention.take_turn(now - timedelta(days=3)), "a clock that was put back"


async def test_many_go_at_once_and_the_others_stay(store: Store, at: datetime, new_visit, new_grant) -> None:
    for number in range(30):
        opened = at + timedelta(days=number)
        visit = new_visit(id=secrets.token_hex(4), user_key=None, opened_at=opened, expires_at=opened)
        await store.visits.create(replace(visit, state=VisitState.CLOSED), new_grant())

    assert (await store.retention.purge(DAYS, at + timedelta(days=40)))["visits"] == 10


async def test_a_purge_leaves_one_row_and_the_log_outlives_what_went(
    full: Store, file: Path, at: datetime, new_visit, new_grant
) -> None:
    await full.doing(Act.OPENED, at).visits.create(new_visit(id="v"), new_grant())
    now = at + timedelta(days=200)
    job = full.doing(Act.PURGED, now)

    await full.doing(Act.PURGED, now).retention.purge(DAYS, now, dry_run=True)
    rows = [row.act async for row in full.audit.entries()]
    assert rows == [Act.TAKEN_IN, Act.SENT_BY_MISTAKE, Act.OPENED], "a dry run does nothing"
    await job.retention.purge(DAYS, now)
    await full.doing(Act.PURGED, now).retention.purge(DAYS, now)

    assert await full.visits.get("v") is None
    assert await full.audit.verify() == []
    _, _, first, second = [row async for row in full.audit.entries()]
    assert (first.act, first.subject.chain, first.subject.patient_id) == (Act.OPENED, "v", "patient-1")
    assert (second.act, second.subject.chain, second.subject.patient_id) == (Act.PURGED, KEEPING, None)
    with closing(sqlite3.connect(file)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("DELETE FROM audit")  # what guards it is still there


async def test_what_cannot_be_noted_is_not_purged(full: Store, file: Path, at: datetime) -> None:
    now, before = at + timedelta(days=200), counts(file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE audit RENAME TO elsewhere")

    with pytest.raises(NotStored):
        await full.doing(Act.PURGED, now).retention.purge(DAYS, now)

    assert counts(file) == before
