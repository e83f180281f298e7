"""The audit log in its file: whatever is done to it there is found, and the app itself only appends."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.ipv.audit import LISTS, Act, Fault, Head, Kind
from ipvscreen.store.anchor import AnchorUnreadable, anchor, anchoring, anchors
from ipvscreen.store.backup import backup, restore
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.reseal import reseal
from ipvscreen.store.sealed import Ring, SealBroken
from ipvscreen.store.sittings import Sitting

TRIGGERS = ("audit_no_update", "audit_no_delete")


async def fill(store: Store, at: datetime, new_visit, new_grant) -> None:
    """Two visits in turn, and a list: 2 + 3 + 1 rows."""
    one = await store.doing(Act.OPENED, at).visits.create(new_visit(id="one"), new_grant())
    two = await store.doing(Act.OPENED, at).visits.create(new_visit(id="two", user_key=None), new_grant())
    two = await store.doing(Act.SAVED, at).visits.change(two, last_form="a")
    sitting = Sitting("s", "practice", "i", None, "u", None, "c", at, at + timedelta(hours=1))
    await store.doing(Act.LIST_OPENED, at).sittings.create(sitting)
    await store.doing(Act.CLOSED, at + timedelta(days=1)).visits.change(one, last_form="b")
    await store.doing(Act.NOTED, at + timedelta(days=2)).followups.add(two, due=at.date(), text="x")


class Tampering:
    """The file without its triggers, changed by somebody who can write to it, and put back again."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._kept = sqlite3.connect(":memory:")
        for name in TRIGGERS:
            self._connection.execute(f"DROP TRIGGER {name}")
        self._connection.backup(self._kept)

    def run(self, script: str, *values: Any) -> None:
        if values:
            self._connection.execute(script, values)
        else:
            self._connection.executescript(script)

    def read(self, query: str) -> list[Any]:
        return self._connection.execute(query).fetchall()

    def undo(self) -> None:
        self._kept.backup(self._connection)

    def close(self) -> None:
        self._connection.close()
        self._kept.close()


@pytest.fixture
async def filled(store: Store, at: datetime, new_visit, new_grant) -> Store:
    await fill(store, at, new_visit, new_grant)
    return store


@pytest.fixture
def tampering(filled: Store, file: Path) -> Iterator[Tampering]:
    made = Tampering(file)
    yield made
    made.close()


@pytest.fixture
async def anchored(filled: Store) -> list[Head]:
    return [await filled.audit.head()]


async def test_an_untouched_log_is_whole(filled: Store, tampering: Tampering, anchored: list[Head]):
    assert await filled.audit.verify(anchored) == []
    assert [row[0] for row in tampering.read("SELECT act FROM audit ORDER BY seq")] == [
        *(Act.OPENED, Act.OPENED, Act.SAVED, Act.LIST_OPENED, Act.CLOSED, Act.NOTED)
    ]


async def test_a_change_of_any_column_of_any_row_is_found(filled: Store, tampering: Tampering):
    rows = tampering.read("SELECT * FROM audit ORDER BY seq")
    columns = [name for _, name, *_ in tampering.read("SELECT * FROM pragma_table_info('audit')")]
    assert (len(rows), len(columns)) == (6, 11)

    missed = []
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            other = (
                value + 100 if isinstance(value, int) else f"{value[:-1]}{'A' if value[-1:] != 'A' else 'B'}"
            )
            tampering.run(f"UPDATE audit SET {column} = ? WHERE seq = ?", other, row[0])  # noqa: S608  its own columns
            kinds = {fault.kind for fault in await filled.audit.verify()}
            if not kinds & {Kind.EDITED, Kind.KEY}:
                missed.append((row[0], column, kinds))
            tampering.undo()

    assert missed == []
    assert await filled.audit.verify() == [], "put back, it is whole"


NOTED = Fault(Kind.CUT_OFF, "two", 3)
DONE: dict[str, tuple[str, list[Fault]]] = {
    "the first row of a chain": (
        "DELETE FROM audit WHERE chain = 'two' AND number = 1",
        [Fault(Kind.DELETED, "two", 1)],
    ),
    "a row in the middle": (
        "DELETE FROM audit WHERE chain = 'two' AND number = 2",
        [Fault(Kind.DELETED, "two", 2)],
    ),
    "the last row": ("DELETE FROM audit WHERE seq = 6", [NOTED]),
    "the tail": (
        "DELETE FROM audit WHERE chain = 'two' AND number > 1",
        [Fault(Kind.CUT_OFF, "two", 2), NOTED],
    ),
    "the tail of the log": ("DELETE FROM audit WHERE seq > 4", [Fault(Kind.CUT_OFF, "one", 2), NOTED]),
    "the rows of a visit": ("DELETE FROM audit WHERE chain = 'one'", [Fault(Kind.CHAIN_MISSING, "one")]),
    "a visit with its count": (
        "DELETE FROM audit WHERE chain = 'one'; DELETE FROM audit_heads WHERE id = 'one'",
        [Fault(Kind.CHAIN_MISSING, number=1)],
    ),
    "two rows in each other's place": (
        "UPDATE audit SET number = number + 100, seq = seq + 100 WHERE chain = 'two' AND number < 3;"
        "UPDATE audit SET number = 1, seq = 2 WHERE number = 102;"
        "UPDATE audit SET number = 2, seq = 3 WHERE number = 101",
        [Fault(Kind.REORDERED, "two", 1), Fault(Kind.REORDERED, "two", 2)],
    ),
    "what two rows say": (
        "CREATE TABLE t AS SELECT * FROM audit;"
        "UPDATE audit SET (act, body, mac) = (SELECT act, body, mac FROM t WHERE t.seq = 5 - audit.seq)"
        " WHERE seq IN (2, 3); DROP TABLE t",
        [Fault(Kind.REORDERED, "two", 1), Fault(Kind.REORDERED, "two", 2)],
    ),
    "a row more": (
        "INSERT INTO audit SELECT 7, chain, 4, at, act, ehr, user_index, body, key, previous, mac"
        " FROM audit WHERE seq = 6",
        [Fault(Kind.REORDERED, "two", 4), Fault(Kind.HEAD)],
    ),
    "a sealed count": ("DELETE FROM audit_heads WHERE id = 'two'", [Fault(Kind.HEAD, "two")]),
    "another's sealed count": (
        "UPDATE audit_heads SET head = (SELECT head FROM audit_heads WHERE id = 'one') WHERE id = 'two'",
        [Fault(Kind.HEAD, "two")],
    ),
    "the count of the log": ("DELETE FROM audit_heads WHERE id = '*'", [Fault(Kind.HEAD)]),
}


async def test_what_is_taken_moved_or_added_is_found(filled: Store, tampering: Tampering):
    found = {}
    for what, (script, _) in DONE.items():
        tampering.run(script)
        found[what] = await filled.audit.verify()
        tampering.undo()

    assert found == {what: expected for what, (_, expected) in DONE.items()}


async def test_without_the_keys_of_the_log_every_row_is_told_of(filled: Store, tampering: Tampering):
    tampering.run("DELETE FROM audit_keys")

    assert [fault.kind for fault in await filled.audit.verify()] == [Kind.KEY] * 6


async def test_an_emptied_log_and_an_older_copy_do_not_reach_the_anchor(
    filled: Store, tampering: Tampering, file: Path, at: datetime, new_visit, anchored: list[Head]
):
    await filled.doing(Act.WENT_ON, at).visits.go_on(new_visit(id="one"))
    later = [*anchored, await filled.audit.head()]
    assert await filled.audit.verify(later) == []

    tampering.undo()  # the whole file as it was, which is whole in itself
    assert await filled.audit.verify() == []
    assert await filled.audit.verify(anchored) == []
    assert await filled.audit.verify(later) == [Fault(Kind.ANCHOR, number=7)]

    tampering.run("DELETE FROM audit; DELETE FROM audit_heads; DELETE FROM audit_keys")
    assert await filled.audit.verify() == []
    assert await filled.audit.verify(anchored) == [Fault(Kind.ANCHOR, number=6)]


async def test_a_restored_backup_is_whole_and_behind_its_anchor(
    filled: Store, url: str, ring: Ring, tmp_path: Path, at: datetime, new_visit
):
    file = tmp_path / "anchor"
    await backup(url, tmp_path / "monday", ring)
    await filled.doing(Act.WENT_ON, at).visits.go_on(new_visit(id="one"))
    await anchor(filled.audit, file, at)

    await restore(tmp_path / "monday", url, ring, force=True)

    assert await filled.audit.verify() == []
    assert [fault.kind for fault in await filled.audit.verify(anchors(file))] == [Kind.ANCHOR]
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        names = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        }
    assert names == {*TRIGGERS, "case_events_stay"}


@pytest.mark.parametrize(
    "what", ["UPDATE audit SET act = 'x' WHERE seq = 1", "DELETE FROM audit WHERE seq = 1"]
)
async def test_the_database_refuses_to_change_a_row(filled: Store, file: Path, what: str):
    with (
        closing(sqlite3.connect(file)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="only appended"),
    ):
        connection.execute(what)
    assert await filled.audit.verify() == []


async def test_a_removed_count_stops_what_would_begin_it_anew(
    filled: Store, tampering: Tampering, new_visit, at: datetime
):
    tampering.run("DELETE FROM audit_heads")

    with pytest.raises(Exception, match="UNIQUE"):
        await filled.doing(Act.WENT_ON, at).visits.go_on(new_visit(id="one"))


# Keys


async def test_a_change_of_keys_breaks_no_chain_and_lets_the_old_key_go(
    filled: Store, url: str, ring: Ring, at: datetime, new_visit, anchored: list[Head]
):
    both = Ring({**ring.keys, "k2": b"2" * 32}, "k2")
    during = await open_store(url, both)
    await during.doing(Act.WENT_ON, at).visits.go_on(new_visit(id="one"))
    await during.close()

    assert (await reseal(url, both)).left == {}

    after = await open_store(url, Ring({"k2": b"2" * 32}, "k2"))
    await after.doing(Act.WENT_ON, at).visits.go_on(new_visit(id="one"))
    assert await after.audit.verify(anchored) == []
    assert [entry.number async for entry in after.audit.entries(visit="one")] == [1, 2, 3, 4]
    await after.close()


async def test_without_the_key_that_is_said(filled: Store, url: str):
    other = await open_store(url, Ring({"k2": b"2" * 32}, "k2"))

    found = {fault.kind for fault in await other.audit.verify()}
    with pytest.raises(SealBroken):
        [entry async for entry in other.audit.entries()]

    assert found == {Kind.KEY, Kind.HEAD}
    await other.close()


# Reading it


async def test_the_rows_come_back_by_visit_and_by_day(filled: Store, at: datetime, new_visit):
    async def acts(**which: Any) -> list[Act]:
        return [entry.act async for entry in filled.audit.entries(**which)]

    assert await acts(visit="two") == [Act.OPENED, Act.SAVED, Act.NOTED]
    assert await acts(since=at + timedelta(days=1)) == [Act.CLOSED, Act.NOTED]
    assert await acts(visit=LISTS) == [Act.LIST_OPENED]
    async with aclosing(filled.audit.entries()) as entries:
        first = await anext(entries)
    assert (first.at, first.subject.user_name, first.subject.patient_id) == (at, "Dr Example", "patient-1")


async def test_many_at_once_make_one_log(filled: Store, at: datetime, new_visit):
    acts = [filled.doing(Act.WENT_ON, at).visits.go_on(new_visit(id=name)) for name in ("one", "two") * 5]

    await asyncio.gather(*acts)

    assert (await filled.audit.head()).count == 16
    assert await filled.audit.verify() == []


# The anchor


async def test_an_anchor_is_a_line_more_where_something_happened(
    filled: Store, tmp_path: Path, at: datetime, new_visit
):
    file = tmp_path / "anchor"
    assert anchors(file) == []
    first = await anchor(filled.audit, file, at)
    await anchor(filled.audit, file, at)
    await filled.doing(Act.WENT_ON, at).visits.go_on(new_visit(id="one"))
    second = await anchor(filled.audit, file, at)

    assert anchors(file) == [first, second]
    assert [head.count for head in anchors(file)] == [6, 7]
    assert file.read_text().startswith("2026-03-02T10:00:00+00:00 6 ")
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text(file.read_text() + "nonsense\n")
    with pytest.raises(AnchorUnreadable):
        anchors(file)


async def test_while_serving_anchors_are_written_and_a_last_one_at_the_end(
    store: Store, tmp_path: Path, at: datetime, new_visit, new_grant, until: Callable
):
    file = tmp_path / "anchor"
    async with anchoring(store.audit, file, lambda: at, every=0.01):
        assert anchors(file) == [Head()]
        await fill(store, at, new_visit, new_grant)
        await until(lambda: anchors(file)[-1].count == 6)
    async with anchoring(store.audit, file, lambda: at):
        await store.doing(Act.WENT_ON, at).visits.go_on(new_visit(id="one"))

    assert anchors(file)[-1].count == 7


async def test_a_disk_that_fails_later_ends_nothing_and_a_wrong_path_is_seen_at_start(
    filled: Store, tmp_path: Path, at: datetime, new_visit
):
    file = tmp_path / "anchor"
    async with anchoring(filled.audit, file, lambda: at):
        file.unlink()
        file.mkdir()
        await filled.doing(Act.WENT_ON, at).visits.go_on(new_visit(id="one"))

    with pytest.raises(IsADirectoryError):
        async with anchoring(filled.audit, file, lambda: at):
            pass


@pytest.fixture
def until() -> Callable:
    async def wait(holds: Callable[[], bool]) -> None:
        for _ in range(500):
            if holds():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it never came")

    return wait
