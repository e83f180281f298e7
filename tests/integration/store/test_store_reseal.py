"""A new field key while the app is serving: everything moves over, and the old key can go."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.ipv.case import CaseEvent
from ipvscreen.ipv.case_step import Step
from ipvscreen.ipv.hearing import Cause, Due, Fact
from ipvscreen.ipv.members import Member, Organisation, Role
from ipvscreen.ipv.proposals import Kind as PKind
from ipvscreen.ipv.proposals import Proposal
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact
from ipvscreen.ipv.visit import VisitState
from ipvscreen.store.engine import writing
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.journal import Purpose, new_writing
from ipvscreen.store.launches import PendingLaunch
from ipvscreen.store.members import Invitation, MemberRows
from ipvscreen.store.organisations import NameTaken
from ipvscreen.store.passkeys import Passkey
from ipvscreen.store.reseal import Resealed, reseal, sealed_columns
from ipvscreen.store.schema import SchemaOutdated
from ipvscreen.store.sealed import KeyMissing, Ring, SealBroken, key_prefix
from ipvscreen.store.sessions import NewSession
from ipvscreen.store.signing_keys import NewKey
from ipvscreen.store.sittings import Sitting
from ipvscreen.store.spent import Once
from ipvscreen.store.tables import metadata
from ipvscreen.store.visits import Visit

OLD, NEW = b"o" * 32, b"n" * 32
OLD_ID, NEW_ID = "key-of-last-year", "key-of-this-year"
BEFORE = Ring({OLD_ID: OLD}, OLD_ID)
DURING = Ring({OLD_ID: OLD, NEW_ID: NEW}, NEW_ID)
REQUEST = ReferralRequest(
    "mentors", SafeContact(ContactWay.SHE_CALLS), agreement=Agreement(True, True, date(2026, 9, 2))
)
OPENED = Step(CaseEvent.OPEN, Role.WORKER, "w")
ROWS = 50  # in each of the bigger tables: three transactions
AFTER = Ring({NEW_ID: NEW}, NEW_ID)


async def fill(store: Store, at: datetime, new_visit, new_grant, new_referral) -> None:
    """A row in each table, and visits enough for several transactions."""
    launch = PendingLaunch("state", "p", "i", "v", "n", "b" * 64, {}, at)
    await store.launches.put(launch)
    until = at + timedelta(hours=1)
    await store.sittings.create(Sitting("s", "practice", "i", None, "u", None, "c", at, until))
    await store.signing_keys.rotate([NewKey("kid", "ES384", {"d": "secret"})], at)
    await store.services.replace([{"id": "mentors"}])
    for number in range(ROWS):
        made = new_visit(id=f"visit-{number}", held=True, state=VisitState.RECORDED)
        visit = await store.visits.create(made, new_grant(f"access {number}", "refresh"))
        entries = new_writing(visit.id, Purpose.REFERRAL, (), until, f"key-{number}")
        visit = await store.referrals.add(
            visit, *new_referral(f"key-{number}", visit_id=visit.id), entries, last_form="f1"
        )
        case = await store.cases.take_in(f"key-{number}", REQUEST, "Anna Example", at)
        await store.cases.move(case.key, "mentors", OPENED, seen=0, now=at)
        await store.followups.add(visit, due=at.date(), text="Routine")
        await store.accounts.keep(visit, "form|1", {"item": (str(number),)}, at + timedelta(seconds=number))
    facts = [Fact(Cause.FOLLOW_UP, f"f{number}", f"visit-{number}", at) for number in range(ROWS)]
    await store.alerts.settle("practice", [Due(fact, at, at, at) for fact in facts], at)
    await people(store, at)


async def people(store: Store, at: datetime) -> None:
    """One row in each table of those who sign in here: a coordinator with a key, invited once more."""
    by, home = Member("ab", Role.COORDINATOR, "Cora", "home"), Organisation("home", "Harbour", "1")
    days = at + timedelta(days=1)
    once = [Once(str(number), at, days) for number in range(4)]
    await store.organisations.add(by, home, by, Invitation("code", "ab", days), once[0])
    key = Passkey(b"id", b"key", 0, "phone", "ab", at)
    await store.passkeys.join("code", key, by, NewSession("session", "ab", key.id, at), once[1])
    proposal = Proposal("p", PKind.ENDPOINT, "mentors", "https://new.test", "cd", at)
    await store.proposals.propose(by, proposal, once[2])
    async with writing(store._engine) as connection:
        again = Invitation("again", "ab", days)
        await MemberRows(store._ring).put_invitation(connection, again)


async def all_there(store: Store, at: datetime, new_visit, new_grant) -> None:
    """Everything that `fill` stored opens, and is found where it is looked up."""
    who = new_visit()
    assert (await store.launches.take("state", "b" * 64, at)) is not None
    assert (await store.sittings.get("s")) is not None
    assert (await store.signing_keys.current("ES384", at)).jwk == {"d": "secret"}
    assert await store.services.all() == [{"id": "mentors"}]
    assert len(await store.visits.unfinished(who.ehr, who.user_key)) == ROWS
    assert len(await store.followups.of_clinician(who.ehr, who.user_key)) == ROWS
    by, other = Member("ab", Role.COORDINATOR, "Cora", "home"), Organisation("other", "HARBOUR", "2")
    assert await store.members.get("ab") == by
    assert await store.members.invited("again", at) == by
    assert await store.sessions.member("session", at) == by
    assert [key.public_key for key in await store.passkeys.of(by)] == [b"key"]
    assert [one.value for one in await store.proposals.all()] == ["https://new.test"]
    with pytest.raises(NameTaken):  # found by its blind index
        await store.organisations.add(by, other, by, Invitation("x", "ab", at), Once("x", at, at))
    assert len(await store.alerts.open("practice")) == ROWS
    latest = await store.accounts.latest(who)
    assert latest is not None
    assert latest.entered == {"item": (str(ROWS - 1),)}
    assert len(await store.cases.of_service("mentors")) == ROWS
    kept = await store.cases.of_referrals(f"key-{number}" for number in range(ROWS))
    assert [one.case.steps for one in kept.values()] == [1] * ROWS
    due = at + timedelta(hours=2)
    assert await store.journal.take_due(due, timedelta(minutes=1)) is not None
    for number in range(ROWS):
        assert await store.visits.grant(f"visit-{number}") == new_grant(f"access {number}", "refresh")
        assert len(await store.referrals.of_visit(f"visit-{number}")) == 1
    assert len(await store.outbox.claim(at, 100, 30, ROWS)) == ROWS


@pytest.fixture(scope="module")
def filled_once() -> list[bytes]:
    """The file that the first test has filled: each later one begins with a copy."""
    return []


@pytest.fixture
async def filled(
    url: str,
    database: str,
    file: Path,
    at: datetime,
    filled_once: list[bytes],
    new_visit,
    new_grant,
    new_referral,
) -> str:
    on_a_file = database == "sqlite"
    if not (on_a_file and filled_once):
        store = await open_store(url, BEFORE)
        await fill(store, at, new_visit, new_grant, new_referral)
        await store.close()
        filled_once += [bytes_of(file)] if on_a_file else []
    if on_a_file:
        fill_in(file, filled_once[0])
    return url


async def test_after_it_the_old_key_is_not_missed(filled: str, at: datetime, new_visit, new_grant):
    done = await reseal(filled, DURING)

    assert done.left == {}
    assert done.rows == {
        **dict.fromkeys(("launches", "sittings", "signing_keys", "services"), 1),
        **dict.fromkeys(("visits", "referrals", "outbox", "followups", "accounts", "journal"), ROWS),
        **dict.fromkeys(("alerts", "cases", "case_events"), ROWS),
        "child_plans": 0,  # see test_store_plans
        "audit_heads": ROWS + 1,  # a chain of each case, and the log's
        "audit_keys": 1,
        "person_keys": 0,  # made by the first backup: see test_store_persons
        **dict.fromkeys(("organisations", "members", "passkeys", "invitations", "sessions", "proposals"), 1),
    }
    store = await open_store(filled, AFTER)
    await all_there(store, at, new_visit, new_grant)
    await store.close()


async def test_without_it_the_old_key_is_missed(filled: str, at: datetime, new_visit):
    store = await open_store(filled, AFTER)
    who = new_visit()

    with pytest.raises(KeyMissing):
        await store.visits.grant("visit-0")
    with pytest.raises(KeyMissing):
        await store.outbox.claim(at, 100, 30, ROWS)
    assert await store.visits.unfinished(who.ehr, who.user_key) == []
    await store.close()


async def test_a_second_run_finds_nothing_to_do(filled: str):
    await reseal(filled, DURING)

    again = await reseal(filled, DURING)

    assert set(again.rows.values()) == {0}
    assert again.left == {}


async def test_nothing_of_the_old_key_stays_in_the_files(filled: str, file: Path):
    old = key_prefix(OLD_ID)
    assert old in bytes_of(file)

    await reseal(filled, DURING)

    assert not any(old in bytes_of(path) for path in file.parent.iterdir())
    assert key_prefix(NEW_ID) in bytes_of(file)


def test_every_table_that_seals_is_known_by_its_columns():
    """A new table with something sealed is found by itself; this list only says what there is today."""
    found = {
        table.name: [column.name for column in sealed_columns(table)] for table in metadata.sorted_tables
    }

    assert {name: len(columns) for name, columns in found.items()} == {
        **dict.fromkeys(
            (
                "launches",
                "sittings",
                "signing_keys",
                "services",
                "outbox",
                "followups",
                "accounts",
                "journal",
                *("organisations", "members", "passkeys", "invitations", "sessions", "proposals"),
            ),
            1,
        ),
        "spent": 0,
        "links": 0,
        **dict.fromkeys(("audit_heads", "audit_keys"), 1),
        "audit": 0,  # its rows are sealed under the keys of the log, and never changed
        "person_keys": 1,
        "forgotten": 0,
        "chores": 0,
        "unshared": 0,  # numbers of rows of the log
        "cases": 2,
        "case_events": 1,
        "alerts": 1,
        "child_plans": 1,
        "gaps": 0,  # counts, of nobody
        "referrals": 2,
        "visits": 7,
    }


async def test_while_others_read_and_write_nothing_fails_and_nothing_is_lost(
    filled: str, at: datetime, new_visit, new_grant
):
    serving = await open_store(filled, DURING)
    traffic = Traffic(serving, asyncio.Event())

    async def run() -> Resealed:
        try:
            await asyncio.sleep(0.05)
            return await reseal(filled, DURING)
        finally:
            traffic.over.set()

    # Any refusal, any lost lock and any value that does not open would end the group with an error.
    async with asyncio.TaskGroup() as group:
        done = group.create_task(run())
        group.create_task(traffic.read(new_visit()))
        for first in range(3):
            group.create_task(traffic.write(first))
    await serving.close()

    assert done.result().left == {}
    assert min(traffic.reads, traffic.writes) > 0
    only_new = await open_store(filled, AFTER)
    for visit_id, form in traffic.last.items():
        standing = await only_new.visits.get(visit_id)
        assert standing is not None
        assert standing.last_form == form
    await all_there(only_new, at, new_visit, new_grant)
    await only_new.close()


@dataclass
class Traffic:
    """Clinicians at work; `last` is what each visit was told last."""

    store: Store
    over: asyncio.Event
    reads: int = 0
    writes: int = 0
    last: dict[str, str | None] = field(default_factory=dict)

    async def read(self, who: Visit) -> None:
        """The list, again and again: every visit is on it at any time."""
        while not self.over.is_set():
            assert len(await self.store.visits.unfinished(who.ehr, who.user_key)) == ROWS
            self.reads += 1

    async def write(self, first: int) -> None:
        """A change of every third visit, in turn."""
        for number in cycle(range(first, ROWS, 3)):
            if self.over.is_set():
                return
            visit = await self.store.visits.get(f"visit-{number}")
            assert visit is not None
            changed = await self.store.visits.change(visit, last_form=f"{self.writes}")
            self.last[visit.id] = changed.last_form
            self.writes += 1
            await asyncio.sleep(0.01)  # SQLite has no queue: who never rests keeps all others out


async def test_a_visit_that_was_changed_under_the_new_key_is_found_by_its_index(
    url: str, new_visit, new_grant
):
    """The token alone is left under the old key then, and it does not tell whose visit it is."""
    before = await open_store(url, BEFORE)
    visit = await before.visits.create(new_visit(held=True), new_grant())
    await before.close()
    during = await open_store(url, DURING)
    await during.visits.change(visit, last_form="f1")
    await during.close()

    done = await reseal(url, DURING)

    after = await open_store(url, AFTER)
    listed = await after.visits.unfinished(visit.ehr, visit.user_key)
    await after.close()
    assert done.rows["visits"] == 1
    assert [each.id for each in listed] == [visit.id]


async def test_what_does_not_open_is_counted_and_left(filled: str, file: Path):
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE visits SET draft = person WHERE id = 'visit-7'")
        connection.execute("UPDATE referrals SET details = x'' WHERE id IN ('key-1', 'key-2')")
    row = value(file, "SELECT draft FROM visits WHERE id = 'visit-7'")

    done = await reseal(filled, DURING)

    assert (done.left, done.rows["visits"], done.rows["referrals"]) == (
        {"visits": 1, "referrals": 2},
        ROWS - 1,
        ROWS - 2,
    )
    assert value(file, "SELECT draft FROM visits WHERE id = 'visit-7'") == row
    store = await open_store(filled, DURING)
    with pytest.raises(SealBroken):
        await store.visits.get("visit-7")
    assert await store.visits.get("visit-8") is not None
    await store.close()


async def test_tables_of_another_version_are_not_touched(url: str, file: Path):
    with pytest.raises(SchemaOutdated):
        await reseal(url, DURING)


def value(file: Path, query: str) -> Any:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchone()[0]


def fill_in(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def bytes_of(file: Path) -> bytes:
    return file.read_bytes()
