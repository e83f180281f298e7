"""The schema: made by the migrations alone, equal to the tables, from wherever the package lies."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

import ipvscreen
from ipvscreen.errors import VisitOver
from ipvscreen.ipv.visit import VisitState
from ipvscreen.store.engine import make_engine, reading, writing
from ipvscreen.store.facade import Store, migrate, migrate_back, open_store
from ipvscreen.store.schema import SchemaOutdated, upgrade
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.sqlite import LettingGo
from ipvscreen.store.tables import metadata
from ipvscreen.store.visit import columns_of


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_the_migrations_make_the_tables(store: Store):
    async with reading(store._engine) as connection:
        assert await connection.run_sync(differences) == []


async def test_a_difference_would_be_seen(store: Store):
    async with writing(store._engine) as connection:
        await connection.exec_driver_sql("ALTER TABLE visits ADD COLUMN extra TEXT")
        await connection.exec_driver_sql("DROP INDEX ix_outbox_status_due")
        assert len(await connection.run_sync(differences)) == 2


async def test_migrating_again_keeps_what_is_stored(store: Store, url: str):
    await store.services.replace([{"id": "a"}])

    await migrate(url)

    assert await store.services.all() == [{"id": "a"}]


async def test_a_store_of_the_first_version_keeps_its_visits(
    url: str, ring: Ring, file: Path, at: datetime, new_visit, new_grant
):
    """As 0001 left it: a bare token, a launch that does not know its scope."""
    engine = make_engine(url)
    async with writing(engine) as connection:
        await connection.run_sync(upgrade, "0001")
    await engine.dispose()
    sealed = SealedTable(ring, "visits")
    held = new_visit(held=True)
    row = columns_of(sealed, held) | {
        "id": held.id,
        "ehr": held.ehr,
        "opened_at": "2026-03-02 10:00:00.000000",
    }
    row |= {"token": sealed.seal("token", held.id, "bare"), "expires_at": "2026-03-02 11:00:00.000000"}
    with closing(sqlite3.connect(file)) as plain, plain:
        marks = ", ".join(f":{name}" for name in row)
        plain.execute(f"INSERT INTO visits ({', '.join(row)}) VALUES ({marks})", row)  # noqa: S608
        plain.execute("INSERT INTO launches VALUES ('x', 'b', '2026-03-02 10:00:00.000000', x'00')")

    store = await open_store(url, ring)

    assert await store.visits.get(held.id) == held
    with pytest.raises(VisitOver):
        await store.visits.grant(held.id)
    assert await store.visits.unfinished(held.ehr, held.user_key) == [held]
    new = await store.visits.create(new_visit(id="new"), new_grant("fresh"))
    assert not (await store.visits.adopt(held, new, new_grant("fresh"))).stopped
    async with reading(store._engine) as connection:
        assert (await connection.exec_driver_sql("SELECT count(*) FROM launches")).scalar() == 0
    await store.close()


async def test_two_can_start_at_once(url: str, ring: Ring):
    stores = await asyncio.gather(*(open_store(url, ring) for _ in range(4)))

    for store in stores:
        assert await store.services.all() == []
        await store.close()


async def test_without_migrating_other_tables_are_refused(url: str, ring: Ring, file: Path):
    with pytest.raises(SchemaOutdated):
        await open_store(url, ring, migrate=False)

    await migrate(url)
    await (await open_store(url, ring, migrate=False)).close()

    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaOutdated):
        await open_store(url, ring, migrate=False)


def test_the_package_migrates_from_wherever_it_is_installed(tmp_path: Path):
    site = tmp_path / "site 100% packages"
    shutil.copytree(Path(ipvscreen.__file__).parent, site / "ipvscreen")
    code = (
        "import asyncio, ipvscreen; from ipvscreen.store.facade import migrate;"
        "print(ipvscreen.__file__); asyncio.run(migrate('sqlite+aiosqlite:///here.db'))"
    )

    done = subprocess.run(  # noqa: S603  our own code
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(str(site))
    with closing(sqlite3.connect(tmp_path / "here.db")) as connection:
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
    assert tables == {*metadata.tables, "alembic_version"}


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:"])
async def test_a_database_that_keeps_nothing_is_refused(url: str, ring: Ring):
    with pytest.raises(ValueError, match="database file"):
        await open_store(url, ring)


async def test_each_connection_keeps_what_it_was_told_is_kept(url: str):
    engine = make_engine(url)
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    async with reading(engine) as connection:
        told = {name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar() for name in expected}
    await engine.dispose()

    assert told == expected


async def test_a_writer_waits_for_another_and_readers_wait_for_none(store: Store):
    engine, order = store._engine, []

    async def second() -> None:
        async with writing(engine) as connection:
            await connection.exec_driver_sql("SELECT 1")
            order.append("second")

    async with writing(engine):
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.1)
        assert await store.services.all() == []
        order.append("first")
    await waiting

    assert order == ["first", "second"]


@pytest.mark.parametrize(("kind", "free"), [(LettingGo, True), (sqlite3.Connection, False)])
def test_a_connection_that_is_closed_in_the_midst_of_its_rows_locks_nobody_out(
    tmp_path: Path, kind: type[sqlite3.Connection], free: bool
):
    """What a cancelled request leaves behind; an ordinary connection shows that it would matter."""
    file = tmp_path / "file.db"
    leaving = sqlite3.connect(file, factory=kind, isolation_level=None)
    leaving.execute("CREATE TABLE t AS SELECT 1 AS a UNION SELECT 2")
    leaving.execute("BEGIN IMMEDIATE")
    rows = leaving.execute("UPDATE t SET a = a + 1 RETURNING a")

    leaving.close()

    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as next_one:
        if free:
            next_one.execute("BEGIN IMMEDIATE")
            assert next_one.execute("SELECT sum(a) FROM t").fetchone() == (3,), "and nothing was changed"
        else:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                next_one.execute("BEGIN IMMEDIATE")
    del rows


async def test_the_stores_connections_are_of_that_kind(store: Store):
    async with reading(store._engine) as connection:
        raw = await connection.get_raw_connection()
        assert isinstance(raw.driver_connection._conn, LettingGo)


_KEEPS = {
    "0015": "UPDATE referrals SET stopped_at = '2026-03-02'",
    "0014": "INSERT INTO gaps (month, child, kinds, excluded_by, area, count)"
    " VALUES ('2026-03', FALSE, '', '', '', 1)",
    "0010": "INSERT INTO cases (id, referral_id, service_index, state, mirrored, taken_in_at, body, whom)"
    " VALUES ('c', 'key-1', 's', 'delivered', 0, '2026-03-02', '', '')",
    "0008": "INSERT INTO organisations (id, name_index, body) VALUES ('o', 'n', '')",
}


@pytest.mark.parametrize("before", _KEEPS)
async def test_there_is_no_way_back_over_what_would_be_lost(
    store: Store, url: str, before: str, new_visit, new_grant, new_referral
) -> None:
    """What the version before does not know keeps its tables where they are; empty ones go."""
    visit = await store.visits.create(new_visit(state=VisitState.RECORDED), new_grant())
    await store.referrals.add(visit, *new_referral(), state=VisitState.REFERRED)
    async with writing(store._engine) as connection:
        await connection.execute(text(_KEEPS[before]))

    async def back() -> None:
        while await migrate_back(url) != before:
            pass

    with pytest.raises(SchemaOutdated, match="keeps everything"):
        await back()
    await migrate(url)

    assert await store.outbox.late(visit.opened_at + timedelta(days=1)) == 1
