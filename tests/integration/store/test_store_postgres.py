"""What holds on Postgres alone: the log that only grows, a server that keeps, one that goes away."""

import asyncio

import psycopg
import pytest
from postgres import Server
from postgres import server as running

from ipvscreen.errors import NotStored
from ipvscreen.ipv.visit import VisitState
from ipvscreen.store.engine import make_engine, writing
from ipvscreen.store.facade import Store, migrate, open_store
from ipvscreen.store.sealed import Ring

CHANGES = ("UPDATE audit SET act = 'other'", "DELETE FROM audit", "TRUNCATE audit")


@pytest.fixture
def database() -> str:
    return "postgres"


@pytest.fixture
async def noted(store: Store, new_visit, new_grant) -> Store:
    """With rows in its log."""
    await store.visits.create(new_visit(state=VisitState.RECORDED), new_grant())
    return store


@pytest.mark.parametrize("change", CHANGES)
async def test_rows_of_the_log_stay_as_they_are(noted: Store, change: str):
    with pytest.raises(Exception, match="only appended to"):
        async with writing(noted._engine) as connection:
            await connection.exec_driver_sql(change)


@pytest.mark.parametrize("change", CHANGES)
async def test_it_is_the_trigger_that_keeps_them(noted: Store, change: str):
    """The control."""
    async with writing(noted._engine) as connection:
        await connection.exec_driver_sql("DROP TRIGGER audit_no_change ON audit")
        await connection.exec_driver_sql(change)


async def test_a_database_that_may_lose_what_it_stored_is_refused(url: str, ring: Ring, postgres: Server):
    name = "synchronous_commit"
    database = url.rpartition("/")[2]
    postgres.do(f"ALTER DATABASE {database} SET {name} = off")

    for migrating in (True, False):
        with pytest.raises(ValueError, match=f"{name} = off: what it keeps can be lost"):
            await open_store(url, ring, migrate=migrating)

    postgres.do(f"ALTER DATABASE {database} RESET {name}")
    await (await open_store(url, ring)).close()


@pytest.mark.parametrize("url", ["postgresql://h/n", "postgresql+asyncpg://h/n", "mysql+aiomysql://h/n"])
def test_another_driver_is_refused_in_words(url: str):
    with pytest.raises(ValueError, match="an SQLite file or postgresql"):
        make_engine(url)


async def test_a_lock_that_is_held_too_long_is_not_stored(
    store: Store, postgres: Server, url: str, new_visit, new_grant
):
    """A quarter of a second instead of ten, for this database alone."""
    at = f"host=127.0.0.1 port={postgres.port} user=house dbname={url.rpartition('/')[2]}"

    async def kept_waiting() -> None:
        async with writing(store._engine) as connection:
            await connection.exec_driver_sql("SET LOCAL lock_timeout = '250ms'")
            await connection.exec_driver_sql("UPDATE visits SET held = held")

    with psycopg.connect(at) as holder:
        holder.execute("LOCK TABLE visits IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(NotStored):
            await kept_waiting()
        holder.rollback()

    await store.visits.create(new_visit(), new_grant())


async def test_a_server_that_ends_a_connection_in_the_midst_of_it_keeps_nobody_out(
    store: Store, postgres: Server, new_visit, new_grant
):
    async def cut_off() -> None:
        async with writing(store._engine) as connection:
            found = await connection.exec_driver_sql("SELECT pg_backend_pid()")
            postgres.do(f"SELECT pg_terminate_backend({found.scalar()})")
            await asyncio.sleep(0.1)
            await connection.exec_driver_sql("UPDATE visits SET held = held")

    with pytest.raises(NotStored):
        await cut_off()

    await store.visits.create(new_visit(), new_grant())


async def test_a_server_without_fsync_is_refused():
    with running("fsync=off") as server, pytest.raises(ValueError, match="fsync = off"):
        await migrate(server.url("postgres"))
