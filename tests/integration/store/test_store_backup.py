"""Backup and restore: one moment of the store, for its owner alone, whole or not at all."""

import asyncio
import base64
import os
import sqlite3
import stat
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from ipvscreen.errors import VisitOver
from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.visit import VisitState
from ipvscreen.store import backup as backup_module
from ipvscreen.store.backup import BackupRefused, backup, restore
from ipvscreen.store.facade import Store, migrate, open_store
from ipvscreen.store.launches import PendingLaunch
from ipvscreen.store.sealed import Ring
from ipvscreen.store.sealed_file import MAGIC
from ipvscreen.store.tables import metadata

VISIBLE, SEALED = "visible-ehr-name", "canary-answer"


@pytest.fixture
def taken(tmp_path: Path) -> Path:
    return tmp_path / "taken" / "monday"


@pytest.fixture
async def kept(store: Store, url: str, ring: Ring, taken: Path, at: datetime, new_visit, new_grant):
    """A backup of a store with one visit, its referral and a launch under way."""
    taken.parent.mkdir()
    draft = Draft(entered={"f": {"i": (SEALED,)}})
    visit = new_visit(ehr=VISIBLE, state=VisitState.RECORDED, held=True, draft=draft)
    await store.visits.create(visit, new_grant("canary-token", "canary-refresh"))
    await store.launches.put(PendingLaunch("state", "p", "i", "v", "n", "b" * 64, {}, at))
    await backup(url, taken, ring)
    return visit


@pytest.fixture
def elsewhere(tmp_path: Path) -> str:
    (tmp_path / "elsewhere").mkdir()
    return f"sqlite+aiosqlite:///{tmp_path / 'elsewhere' / 'store.db'}"


async def test_what_was_kept_comes_back(kept, taken: Path, elsewhere: str, ring: Ring):
    await restore(taken, elsewhere, ring)

    store = await open_store(elsewhere, ring, migrate=False)
    assert await store.visits.get(kept.id) == kept
    assert await store.visits.unfinished(kept.ehr, kept.user_key) == [kept]
    await store.close()


async def test_tokens_and_launches_do_not(kept, taken: Path, elsewhere: str, ring: Ring, at: datetime):
    await restore(taken, elsewhere, ring)

    store = await open_store(elsewhere, ring)
    with pytest.raises(VisitOver):
        await store.visits.grant(kept.id)
    assert await store.launches.take("state", "b" * 64, at) is None
    await store.close()


async def test_and_the_store_keeps_its_own(kept, store: Store, new_grant, at: datetime):
    assert await store.visits.grant(kept.id) == new_grant("canary-token", "canary-refresh")
    assert await store.launches.take("state", "b" * 64, at) is not None


async def test_both_files_are_for_their_owner_alone(kept, taken: Path, elsewhere: str, ring: Ring):
    before = os.umask(0)
    try:
        second = taken.with_name("second")
        await restore(taken, elsewhere, ring)
        await backup(elsewhere, second, ring)
    finally:
        os.umask(before)

    places = [taken, second, *Path(elsewhere.removeprefix("sqlite+aiosqlite:///")).parent.iterdir()]
    assert {path.name for path in places} >= {"monday", "second", "store.db"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in places} == {0o600}


async def test_what_is_not_yet_sealed_as_a_whole_is_for_its_owner_alone(
    kept, url: str, taken: Path, file: Path, ring: Ring, monkeypatch: pytest.MonkeyPatch
):
    modes: dict[str, int] = {}

    def look(copy: Path, file: Path, ring: Ring) -> None:
        for path in (copy.parent, *copy.parent.iterdir()):
            modes[path.name] = stat.S_IMODE(path.stat().st_mode)

    monkeypatch.setattr(backup_module, "_write_sealed", look)
    before = os.umask(0)
    try:
        await backup(url, taken.with_name("second"), ring)
    finally:
        os.umask(before)

    assert set(modes.values()) == {0o700, 0o600}
    assert not list(file.parent.glob(".copy-*")), "and nothing of it stays"


async def test_nothing_shows_in_it_not_even_what_is_plain_in_the_store(kept, taken: Path, file: Path):
    words = [
        VISIBLE,
        SEALED,
        "canary-token",
        "canary-refresh",
        kept.id,
        "SQLite format 3",
        "CREATE TABLE visits",
    ]
    forms = {
        word: (word.encode(), word.encode("utf-16-le"), base64.b64encode(word.encode())[:-4])
        for word in words
    }

    def showing(*paths: Path) -> set[str]:
        contents = [path.read_bytes() for path in paths]
        return {word for word, each in forms.items() if any(f in c for f in each for c in contents)}

    assert showing(taken) == set()
    # The same search finds in the store what may be found there.
    assert showing(*file.parent.glob("store.db*")) == {
        VISIBLE,
        kept.id,
        "SQLite format 3",
        "CREATE TABLE visits",
    }


async def test_taken_while_others_write_it_is_one_moment(
    store: Store, url: str, ring: Ring, tmp_path: Path, new_visit, new_grant, new_referral
):
    """A referral and its visit's state are one transaction: no backup has the one without the other."""
    over, begun, files = (
        asyncio.Event(),
        asyncio.Event(),
        [tmp_path / f"backup-{number}" for number in range(5)],
    )

    async def write(writer: int) -> int:
        number = 0
        while not over.is_set():
            number += 1
            key = f"{writer}-{number}"
            visit = await store.visits.create(new_visit(id=key, state=VisitState.RECORDED), new_grant())
            await store.referrals.add(visit, *new_referral(key, visit_id=key), state=VisitState.REFERRED)
            begun.set()
        return number

    async def take() -> None:
        try:
            await begun.wait()
            for file in files:
                await asyncio.sleep(0.1)
                await backup(url, file, ring)
        finally:
            over.set()

    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(write(writer)) for writer in range(3)]
        group.create_task(take())

    counts = []
    for number, file in enumerate(files):
        target = tmp_path / f"restored-{number}.db"
        await restore(file, f"sqlite+aiosqlite:///{target}", ring)
        with closing(sqlite3.connect(target)) as connection:
            (loose,) = connection.execute(
                "SELECT (SELECT count(*) FROM visits v WHERE v.state = 'referred'"
                " AND v.id NOT IN (SELECT visit_id FROM referrals))"
                " + (SELECT count(*) FROM referrals r JOIN visits v ON v.id = r.visit_id"
                " WHERE v.state != 'referred' OR r.id NOT IN (SELECT referral_id FROM outbox))"
            ).fetchone()
            assert loose == 0
            counts.append(connection.execute("SELECT count(*) FROM referrals").fetchone()[0])
    assert counts == sorted(counts)
    assert 0 < counts[0] < counts[-1] <= sum(writer.result() for writer in writers)


async def test_no_byte_can_be_changed_and_no_end_cut_off(
    kept, taken: Path, elsewhere: str, ring: Ring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole, wrong = bytes_of(taken), taken.with_name("wrong")
    step = max(1, len(whole) // 60)
    places = {*range(len(MAGIC) + 40), *range(0, len(whole), step), len(whole) - 1}
    flipped = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in sorted(places)]
    cut = [whole[:at] for at in range(0, len(whole), step)]

    for content in [*flipped, *cut, whole + b"x", whole + whole, b""]:
        wrong.write_bytes(content)
        with pytest.raises(BackupRefused):
            await restore(wrong, elsewhere, ring)

    assert names_beside(elsewhere) == []
    wrong.write_bytes(whole)
    await restore(wrong, elsewhere, ring)


async def test_in_pieces_it_is_whole_and_none_can_be_left_out_moved_or_exchanged(
    kept, url: str, tmp_path: Path, ring: Ring, elsewhere: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ipvscreen.store.sealed_file.PIECE", 4096)
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        await backup(url, file, ring)
    head, one = pieces_of(files[0])
    _, two = pieces_of(files[1])
    assert len(one) == len(two) > 10

    for wrong in (
        one[:-1],
        one[1:],
        [*one[:3], *one[4:]],
        [one[1], one[0], *one[2:]],
        [*one[:3], two[3], *one[4:]],
        [*one, one[-1]],
    ):
        (tmp_path / "wrong").write_bytes(head + b"".join(wrong))
        with pytest.raises(BackupRefused):
            await restore(tmp_path / "wrong", elsewhere, ring)

    (tmp_path / "right").write_bytes(head + b"".join(one))
    await restore(tmp_path / "right", elsewhere, ring)


@pytest.mark.parametrize(
    ("ring", "words"),
    [
        (Ring({"k1": b"w" * 32}, "k1"), "altered or cut off"),
        (Ring({"k2": bytes(range(32))}, "k2"), "not in the settings"),
    ],
    ids=["another key of that name", "no key of that name"],
)
async def test_without_its_key_it_is_refused(
    store: Store, url: str, tmp_path: Path, elsewhere: str, ring: Ring, words: str
):
    await backup(url, tmp_path / "backup", Ring({"k1": bytes(range(32))}, "k1"))

    with pytest.raises(BackupRefused, match=words):
        await restore(tmp_path / "backup", elsewhere, ring)


async def test_a_key_of_the_values_in_it_is_wanted_too(
    kept, url: str, tmp_path: Path, elsewhere: str, ring: Ring
):
    """The file is under the new key; the visit was never resealed."""
    new = {"k2": b"n" * 32}
    await backup(url, tmp_path / "backup", Ring(ring.keys | new, "k2"))

    with pytest.raises(BackupRefused, match="not in the settings"):
        await restore(tmp_path / "backup", elsewhere, Ring(new, "k2"))

    assert names_beside(elsewhere) == []


async def test_a_store_that_is_there_is_replaced_only_when_told(
    kept, store: Store, url: str, taken: Path, ring: Ring, new_visit, new_grant
):
    later = await store.visits.create(new_visit(id="later"), new_grant())

    with pytest.raises(BackupRefused, match="already"):
        await restore(taken, url, ring)
    assert await store.visits.get("later") == later

    await restore(taken, url, ring, force=True)

    # The store was open all the time: it sees what was restored, and goes on.
    assert await store.visits.get("later") is None
    assert await store.visits.get(kept.id) == kept
    assert await store.visits.create(later, new_grant()) == later


async def test_a_backup_overwrites_nothing(kept, url: str, taken: Path, ring: Ring):
    before = bytes_of(taken)

    with pytest.raises(BackupRefused, match="there already"):
        await backup(url, taken, ring)

    assert bytes_of(taken) == before


async def test_when_the_disk_is_full_no_half_backup_stays(
    kept, url: str, taken: Path, ring: Ring, monkeypatch: pytest.MonkeyPatch
):
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup_module.os, "fsync", full)

    with pytest.raises(OSError, match="No space"):
        await backup(url, taken.with_name("second"), ring)

    assert sorted(path.name for path in taken.parent.iterdir()) == ["monday", "persons.keys"]


async def test_there_is_no_backup_of_nothing(elsewhere: str, tmp_path: Path, ring: Ring):
    with pytest.raises(BackupRefused, match="no store"):
        await backup(elsewhere, tmp_path / "backup", ring)
    with pytest.raises(BackupRefused, match="pg_dump"):
        await backup("postgresql+psycopg://db/store", tmp_path / "backup", ring)

    assert names_beside(elsewhere) == []


async def test_over_a_damaged_store_nothing_is_restored_and_the_words_say_so(
    kept, store: Store, url: str, file: Path, taken: Path, ring: Ring
):
    await store.close()
    damage(file, header=True)

    with pytest.raises(BackupRefused, match="damaged or in use"):
        await restore(taken, url, ring, force=True)


async def test_a_damaged_store_is_not_backed_up_as_if_it_were_whole(
    kept, store: Store, url: str, file: Path, taken: Path, ring: Ring
):
    await store.close()
    damage(file)

    with pytest.raises(BackupRefused, match="damaged"):
        await backup(url, taken.with_name("second"), ring)

    assert sorted(path.name for path in taken.parent.iterdir()) == ["monday", "persons.keys"]


FIRST = {"launches", "visits", "services", "referrals", "outbox", "followups"}  # the tables of revision 0001


async def test_of_a_later_version_it_is_refused_and_of_an_earlier_one_migrated(
    kept, store: Store, url: str, file: Path, tmp_path: Path, elsewhere: str, ring: Ring
):
    files = {revision: tmp_path / revision for revision in ("9999", "0001")}
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await backup(url, files["9999"], ring)
    with closing(sqlite3.connect(file)) as connection, connection:
        for table in sorted(set(metadata.tables) - FIRST):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE visits DROP COLUMN stopped")
        connection.execute("ALTER TABLE visits DROP COLUMN refresh_until")
        for index in ("uq_outbox_referral_id_number", "ix_outbox_lease"):
            connection.execute(f"DROP INDEX {index}")
        connection.execute("ALTER TABLE outbox DROP COLUMN recipient")
        connection.execute("ALTER TABLE outbox DROP COLUMN number")
        connection.execute("ALTER TABLE referrals DROP COLUMN stopped_at")
        connection.execute("ALTER TABLE referrals DROP COLUMN told_at")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    await backup(url, files["0001"], ring)

    with pytest.raises(BackupRefused, match="later version"):
        await restore(files["9999"], elsewhere, ring)

    await restore(files["0001"], elsewhere, ring)
    await migrate(elsewhere)
    restored = await open_store(elsewhere, ring, migrate=False)
    assert await restored.visits.get(kept.id) == kept
    await restored.close()


def bytes_of(file: Path) -> bytes:
    return file.read_bytes()


def names_beside(url: str) -> list[str]:
    """What lies in the folder of that database."""
    return [path.name for path in Path(url.removeprefix("sqlite+aiosqlite:///")).parent.iterdir()]


def damage(file: Path, *, header: bool = False) -> None:
    """Three pages become zeros, from the first or in the midst."""
    content, at = bytearray(file.read_bytes()), 0 if header else 4096 * 3
    content[at : at + 4096 * 3] = bytes(4096 * 3)
    file.write_bytes(content)


def pieces_of(file: Path) -> tuple[bytes, list[bytes]]:
    """The head of a backup, and each piece with its length."""
    content = file.read_bytes()
    head, at = len(MAGIC) + 16, len(MAGIC) + 16
    found = []
    while at < len(content):
        end = at + 4 + int.from_bytes(content[at : at + 4])
        found.append(content[at:end])
        at = end
    return content[:head], found
