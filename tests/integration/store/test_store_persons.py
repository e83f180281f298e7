"""One person's rows: found, counted, deleted; and no backup, wherever it lies, opens for her after that."""

import dataclasses
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, String, Table

from ipvscreen.ipv.audit import KEEPING, Act
from ipvscreen.ipv.case import CaseEvent, CaseRole
from ipvscreen.ipv.case_step import Step
from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.hearing import Cause, Due, Fact
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact
from ipvscreen.ipv.visit import VisitState
from ipvscreen.store import persons as persons_module
from ipvscreen.store.backup import BackupRefused, backup, restore
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.person_keys import MARK, Keys, PersonGone, unwrap, wrap
from ipvscreen.store.person_keys_file import read_keys, write_keys
from ipvscreen.store.persons import NOT_HELD, OF_NOBODY, Person, is_about
from ipvscreen.store.reseal import reseal
from ipvscreen.store.sealed import Ring, SealBroken, key_prefix
from ipvscreen.store.tables import metadata

ISS = "https://ehr.test/fhir"
REQUEST = ReferralRequest(
    "mentors", SafeContact(ContactWay.SHE_CALLS), agreement=Agreement(True, True, date(2026, 9, 2))
)
OPENED = Step(CaseEvent.OPEN, CaseRole.WORKER, "w")
ANNA, BEN = Person("practice", ISS, "anna"), Person("practice", ISS, "ben")


@pytest.fixture
async def two(store: Store, at: datetime, new_visit, new_grant, new_referral) -> Store:
    """Two visits of Anna's with something in each table, one of Ben's."""
    waits = list[Due]()
    for ident, patient in (("a1", "anna"), ("b1", "ben"), ("a2", "anna")):
        visit = new_visit(id=ident, patient_id=patient, state=VisitState.RECORDED, held=True)
        visit = replace(visit, draft=Draft(entered={"f": {"i": (f"answer of {patient}",)}}))
        visit = await store.visits.create(visit, new_grant())
        key = f"key-{ident}"
        visit = await store.referrals.add(visit, *new_referral(key, visit_id=ident), state=visit.state)
        await store.cases.take_in(key, REQUEST, f"Name of {patient}", at)
        await store.cases.move(key, "mentors", OPENED, seen=0, now=at)
        await store.followups.add(visit, due=at.date(), text=patient)
        await store.accounts.keep(visit, "form|1", {"a": (patient,)}, at)
        waits.append(Due(Fact(Cause.FOLLOW_UP, ident, ident, at), at, at, at))
    await store.alerts.settle("practice", waits, at)
    return store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "backups"


@pytest.fixture
def elsewhere(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'elsewhere' / 'store.db'}"


async def of(url: str, ring: Ring) -> dict[str, int]:
    """How many visits there are of each, in a store of its own."""
    store = await open_store(url, ring)
    try:
        return {who.patient_id: len((await store.persons.held(who)).visits) for who in (ANNA, BEN)}
    finally:
        await store.close()


async def test_everything_of_one_person_is_found(two: Store) -> None:
    held = await two.persons.held(ANNA)

    assert [visit.id for visit in held.visits] == ["a1", "a2"]
    assert {one.visit_id for one in (*held.referrals, *held.followups, *held.accounts)} == {"a1", "a2"}
    assert [len(x) for x in (held.referrals, held.followups, held.accounts)] == [2, 2, 2]
    assert sorted((one.visit_id, one.cause) for one in held.alerts) == [  # raised at one moment
        ("a1", Cause.FOLLOW_UP),
        ("a2", Cause.FOLLOW_UP),
    ]
    assert (await two.persons.held(replace(ANNA, iss=f"{ISS}/"))).visits == held.visits
    for other in (
        replace(ANNA, ehr="other"),
        replace(ANNA, iss="https://x.test"),
        replace(ANNA, patient_id="a"),
    ):
        assert (await two.persons.held(other)).visits == ()


# A column of this name tells of somebody's visit. Where there is no foreign key, it stands here why not.
TELLING = re.compile(r"visit|referral|case|patient|person|chain|about|followup")
KNOWN = {("audit", "chain"), ("unshared", "visit"), ("person_keys", "person_index")}


def unplaced(tables: MetaData) -> set[str]:
    """Tables that nobody has said of whose they are; or that are said to be nobody's, and name a visit."""
    theirs = {table.name for table, _ in persons_module._tables([])}
    telling = {
        table.name
        for table in tables.sorted_tables
        for column in table.columns
        if TELLING.search(column.name) and (table.name, column.name) not in KNOWN
    }
    return (set(tables.tables) - theirs - set(OF_NOBODY)) | (telling - theirs)


def test_every_table_is_a_persons_or_it_is_said_why_not() -> None:
    theirs = {table.name for table, _ in persons_module._tables([])}

    assert unplaced(metadata) == set()
    assert theirs & set(OF_NOBODY) == set()
    assert set(OF_NOBODY) < set(metadata.tables)
    held = {table.name for table in persons_module._HELD}
    assert held | set(NOT_HELD) == theirs, "what is found is held, or it is said why not"
    assert not held & set(NOT_HELD)
    fields = {one.name for one in dataclasses.fields(persons_module.Held)}
    assert held - fields == {"case_events"}, "which are in the cases"


def test_a_table_that_nobody_has_placed_is_noticed() -> None:
    """Controls: one that is in no list, and one that is said to be nobody's and names a visit."""
    more = MetaData()
    for name, column in (("moods", "day"), ("spent", "visit_id")):
        Table(name, more, Column("id", String, primary_key=True), Column(column, String))

    assert unplaced(more) == {"moods", "spent"}


async def test_forgetting_deletes_that_person_alone(two: Store) -> None:
    own = ("visits", "referrals", "outbox", "followups", "accounts", "cases", "case_events", "alerts")
    everything = dict.fromkeys(own, 2) | {"journal": 0, "child_plans": 0}
    assert await two.persons.count(ANNA) == everything

    assert await two.persons.forget(ANNA) == everything

    assert set((await two.persons.count(ANNA)).values()) == {0}
    assert await two.persons.count(BEN) == dict.fromkeys(everything, 1) | {"journal": 0, "child_plans": 0}


async def test_forgetting_leaves_one_row_and_the_log_whole(
    two: Store, at: datetime, url: str, ring: Ring, folder: Path
) -> None:
    """It says who acted, and that a person was forgotten: kept, sealed, for whoever must account for it."""
    first = (await two.persons.held(ANNA)).visits[0]
    await two.doing(Act.SAVED, at).visits.change(first, last_form="a")
    await backup(url, folder / "monday", ring)

    await two.doing(Act.FORGOTTEN, at).persons.forget(ANNA)

    assert await two.audit.verify() == []
    rows = [row async for row in two.audit.entries() if row.subject.chain in ("a1", KEEPING)]
    assert [(row.act, row.subject.chain) for row in rows] == [
        (Act.SAVED, "a1"),
        (Act.FORGOTTEN, KEEPING),
    ]
    assert [is_about(row.subject, who) for row in rows for who in (ANNA, BEN)] == [True, False] * 2
    assert rows[-1].subject.user is None


async def test_a_restored_log_is_whole_though_a_person_was_left_out(
    two: Store, at: datetime, url: str, ring: Ring, folder: Path, elsewhere: str
) -> None:
    first = (await two.persons.held(ANNA)).visits[0]
    await two.doing(Act.SAVED, at).visits.change(first, last_form="a")
    await backup(url, folder / "monday", ring)
    await two.persons.forget(ANNA)
    await backup(url, folder / "tuesday", ring)

    assert await restore(folder / "monday", elsewhere, ring) == 2

    store = await open_store(elsewhere, ring)
    assert await store.audit.verify() == []
    chains = [row.subject.chain async for row in store.audit.entries()]
    assert chains == ["key-a1", "key-a1", "key-b1", "key-b1", "key-a2", "key-a2", "a1"]
    await store.close()


async def test_no_older_backup_opens_for_one_who_is_forgotten(
    two: Store, url: str, ring: Ring, folder: Path, elsewhere: str
) -> None:
    await backup(url, folder / "monday", ring)
    old_keys = (folder / "persons.keys").read_bytes()
    await two.persons.forget(ANNA)
    await backup(url, folder / "tuesday", ring)

    assert await restore(folder / "monday", elsewhere, ring) == 2
    assert await of(elsewhere, ring) == {"anna": 0, "ben": 1}

    # The control: by a copy of the keys from before, it is all there. So no such copy may be kept.
    (folder / "kept").write_bytes(old_keys)
    assert await restore(folder / "monday", elsewhere, ring, force=True, keys=folder / "kept") == 0
    assert await of(elsewhere, ring) == {"anna": 2, "ben": 1}


async def test_a_restored_store_does_not_bring_the_key_back(
    two: Store, url: str, ring: Ring, folder: Path, elsewhere: str
) -> None:
    await backup(url, folder / "monday", ring)
    await two.persons.forget(ANNA)
    await backup(url, folder / "tuesday", ring)
    await restore(folder / "monday", elsewhere, ring)
    await backup(elsewhere, folder / "wednesday", ring)

    assert await restore(folder / "monday", elsewhere, ring, force=True) == 2
    assert await of(elsewhere, ring) == {"anna": 0, "ben": 1}


async def test_a_person_who_was_purged_opens_in_no_older_backup(
    two: Store, url: str, ring: Ring, folder: Path, elsewhere: str, file: Path
) -> None:
    await backup(url, folder / "monday", ring)
    with closing(sqlite3.connect(file)) as connection, connection:  # as the purge does: the key stays
        for table in (
            "alerts",
            "accounts",
            "followups",
            "outbox",
            "case_events",
            "cases",
            "referrals",
            "visits",
        ):
            ids = {"visits": "id", "cases": "id", "outbox": "key", "case_events": "case_id"}
            of_anna = ids.get(table, "visit_id")
            connection.execute(f"DELETE FROM {table} WHERE {of_anna} IN ('a1','a2','key-a1','key-a2')")  # noqa: S608
    await backup(url, folder / "tuesday", ring)

    assert await restore(folder / "monday", elsewhere, ring) == 2


async def test_a_new_empty_store_does_not_take_the_keys_of_the_old_one_away(
    two: Store, url: str, ring: Ring, folder: Path, elsewhere: str
) -> None:
    """The disk was lost, the app started anew, and the nightly backup ran before anybody restored."""
    await backup(url, folder / "monday", ring)
    await (await open_store(elsewhere, ring)).close()
    await backup(elsewhere, folder / "tuesday", ring)

    assert await restore(folder / "monday", elsewhere, ring, force=True) == 0
    assert await of(elsewhere, ring) == {"anna": 2, "ben": 1}


async def test_without_its_keys_a_backup_is_refused_and_not_restored_in_part(
    two: Store, url: str, ring: Ring, folder: Path, elsewhere: str
) -> None:
    await backup(url, folder / "monday", ring)
    for keys in (folder / "none", folder / "foreign"):
        with pytest.raises(BackupRefused, match=r"missing, or does not hold"):
            await restore(folder / "monday", elsewhere, ring, keys=keys)
        write_keys(folder / "foreign", Keys({"0" * 32: ("x", bytes(32))}), ring)
    (folder / "persons.keys").write_bytes(b"no keys")
    with pytest.raises(BackupRefused, match="does not open"):
        await restore(folder / "monday", elsewhere, ring)
    with pytest.raises(BackupRefused, match="does not open"):
        await backup(url, folder / "tuesday", ring)
    assert (folder / "persons.keys").read_bytes() == b"no keys", "what may be somebody's keys is not replaced"


async def test_after_resealing_the_old_key_opens_no_persons_key(
    two: Store, url: str, ring: Ring, folder: Path, file: Path
) -> None:
    await backup(url, folder / "monday", ring)
    both = Ring(ring.keys | {"k2": bytes(32)}, "k2")

    assert (await reseal(url, both)).rows["person_keys"] == 2

    later = await open_store(url, Ring({"k2": bytes(32)}, "k2"))
    await later.persons.forget(ANNA)
    await later.close()
    with closing(sqlite3.connect(file)) as connection:
        keys = connection.execute("SELECT key FROM person_keys").fetchall()
        gone = connection.execute("SELECT count(*) FROM forgotten").fetchone()
    assert [key.startswith(key_prefix("k2")) for (key,) in keys] == [True]
    assert gone == (1,), "found by the index that was made anew"


def alter(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


async def test_an_altered_visit_is_no_reason_to_take_no_backup_or_to_drop_a_key(
    two: Store, url: str, ring: Ring, folder: Path, elsewhere: str, file: Path
) -> None:
    await backup(url, folder / "monday", ring)
    alter(file, "UPDATE visits SET context = person WHERE id = 'b1'")
    await backup(url, folder / "tuesday", ring)

    assert await restore(folder / "tuesday", elsewhere, ring) == 0
    assert await restore(folder / "monday", elsewhere, ring, force=True) == 0, "Ben's key is still there"
    assert await of(elsewhere, ring) == {"anna": 2, "ben": 1}


async def test_with_a_key_that_does_not_open_there_is_no_backup(
    two: Store, url: str, ring: Ring, folder: Path, file: Path
) -> None:
    await backup(url, folder / "monday", ring)
    alter(file, "UPDATE person_keys SET key = x'00'")
    before = (folder / "persons.keys").read_bytes()

    with pytest.raises(BackupRefused, match="person's key"):
        await backup(url, folder / "tuesday", ring)

    assert (folder / "persons.keys").read_bytes() == before
    assert not (folder / "tuesday").exists()


def test_what_is_wrapped_opens_by_its_key_and_in_its_place_alone() -> None:
    keys = Keys({"0" * 32: ("x", bytes(32)), "1" * 32: ("y", bytes(range(32)))})
    shut = wrap(("0" * 32, bytes(32)), "visits.draft.1", b"\x02k1 sealed")

    assert shut.startswith(MARK)
    assert b"sealed" not in shut
    assert unwrap(keys, "visits.draft.1", shut) == b"\x02k1 sealed"
    assert unwrap(keys, "visits.draft.1", b"\x02k1 sealed") == b"\x02k1 sealed", "as before there were keys"
    for place, value in (
        ("visits.draft.2", shut),
        ("visits.draft.1", shut[:-1]),
        ("visits.draft.1", shut[:20]),
        ("visits.draft.1", MARK + bytes.fromhex("1" * 32) + shut[17:]),
        ("visits.draft.1", MARK + bytes.fromhex("2" * 32) + shut[17:]),
    ):
        with pytest.raises(SealBroken):
            unwrap(keys, place, value)
    with pytest.raises(PersonGone):
        unwrap(Keys(gone={"0" * 32}), "visits.draft.1", shut)


def test_the_file_of_keys_is_replaced_whole_and_shows_nothing(folder: Path, ring: Ring) -> None:
    file = folder / "persons.keys"
    for number in (1, 2):
        keys = Keys({f"{number:032x}": ("practice https://ehr.test anna", bytes([number]) * 32)}, {"gone"})
        write_keys(file, keys, ring)
        assert read_keys(file, ring) == keys
    assert [path.name for path in folder.iterdir()] == ["persons.keys"]
    assert b"anna" not in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(SealBroken):
        read_keys(file, Ring({"k1": bytes(32)}, "k1"))
