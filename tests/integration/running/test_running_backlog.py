"""What waits outlives what may happen to a deployment: an outage, a new version and the way back, a dump."""

import asyncio
import os
import subprocess
import time
from pathlib import Path

import processes
import pytest
from delivering import SECONDS, SOAK, faults, sender, service, until_settled
from delivery_waiting import RING, held, left, queued
from postgres import Server, programs
from receiver import AWAY
from sqlalchemy import delete, select

from ipvscreen.store.engine import make_engine, reading, writing
from ipvscreen.store.facade import migrate, migrate_back, open_store
from ipvscreen.store.schema import SchemaOutdated
from ipvscreen.store.sealed import SealedTable
from ipvscreen.store.tables import outbox

WAITING = 1_000 if SOAK else 100


def test_a_backlog_drains_after_an_outage_with_nobody_s_help(tmp_path: Path, url: str) -> None:
    """All of it has been tried, most of it twice, and none has arrived; then the service is well."""
    keys = [f"key-{number}" for number in range(WAITING)]
    with service(AWAY) as to:
        asyncio.run(queued(url, keys, to.url))
        with sender(tmp_path / "a", url), sender(tmp_path / "b", url):
            processes.until(lambda: to.told()["requests"] >= 2 * WAITING, SECONDS)
            assert len(asyncio.run(left(url))) == WAITING, "nothing has arrived as far as anybody knows"
            to.told(share=0.0)
            began = time.monotonic()
            until_settled(url)
        told = to.told()
    assert faults(keys, told) == {}
    print(f"{WAITING} drained in {time.monotonic() - began:.1f} s")  # noqa: T201  for who runs the soak


async def opened(url: str) -> list[str]:
    """The keys of all that waits, each message opened; in the columns that every version has."""
    engine, sealed = make_engine(url), SealedTable(RING, outbox.name)
    waiting = select(outbox.c.id, outbox.c.key, outbox.c.message).where(outbox.c.status == "ready")
    async with reading(engine) as connection:
        rows = (await connection.execute(waiting)).all()
    await engine.dispose()
    bodies = [sealed.open("message", row.id, row.message)["body"] for row in rows]
    assert [row.key for row in rows] == [body["about"] for body in bodies]
    return sorted(row.key for row in rows)


async def all_the_way_back(url: str) -> None:
    """Revision by revision, to the tables from which there is no way back."""
    while await migrate_back(url) != "0007":
        pass


async def there_and_back(url: str, *, losing: bool = False) -> list[str]:
    """To the tables before there was delivery and to ours again; `losing` one on the way, as the control."""
    await all_the_way_back(url)
    if losing:
        engine = make_engine(url)
        async with writing(engine) as connection:
            await connection.execute(delete(outbox).where(outbox.c.key == "key-7"))
        await engine.dispose()
    before = await opened(url)
    with pytest.raises(SchemaOutdated):
        await open_store(url, RING, migrate=False)
    await migrate(url)
    assert await opened(url) == before
    return before


@pytest.mark.parametrize("losing", [False, True])
async def test_what_waits_is_there_after_the_way_back_and_forth(url: str, losing: bool) -> None:
    keys = sorted(f"key-{number}" for number in range(WAITING))
    await queued(url, keys, "http://127.0.0.1:9")

    found = await there_and_back(url, losing=losing)

    assert (found == keys) != losing


def test_what_was_brought_back_and_forth_is_delivered(tmp_path: Path, url: str) -> None:
    """Each to its recipient, which nobody knows any more until it is looked up again."""
    keys = [f"key-{number}" for number in range(WAITING)]
    with service(0.0) as to:
        asyncio.run(queued(url, keys, to.url))
        asyncio.run(there_and_back(url))
        with sender(tmp_path / "a", url):
            until_settled(url)
        told = to.told()
    assert faults(keys, told) == {}
    assert told["requests"] == WAITING


async def test_from_tables_that_would_lose_something_there_is_no_way_back(url: str) -> None:
    await queued(url, ["one"], "http://127.0.0.1:9")
    await all_the_way_back(url)

    with pytest.raises(SchemaOutdated, match="no way back"):
        await migrate_back(url)

    await migrate(url)
    assert await opened(url) == ["one"]


def run(server: Server, program: str, *words: str) -> None:
    """One of Postgres's own programs."""
    address = ("--host=127.0.0.1", f"--port={server.port}", "--username=house", "--no-password")
    subprocess.run([str(programs() / program), *address, *words], check=True)  # noqa: S603  Postgres's own


def test_a_dump_of_postgres_holds_what_waits(tmp_path: Path, postgres: Server) -> None:
    """As the page on scaling out says: pg_dump, pg_restore, and go on sending."""
    keys = [f"key-{number}" for number in range(WAITING)]
    first, second, file = postgres.new(), f"restored{os.getpid()}", str(tmp_path / "dump")
    with service(0.0) as to:
        asyncio.run(queued(postgres.url(first), keys, to.url))
        run(postgres, "pg_dump", "--format=custom", f"--file={file}", first)
        postgres.drop(first)
        postgres.do(f"CREATE DATABASE {second}")
        run(postgres, "pg_restore", "--exit-on-error", f"--dbname={second}", file)
        url = postgres.url(second)
        assert asyncio.run(opened(url)) == sorted(keys)
        with sender(tmp_path / "a", url):
            until_settled(url)
        told = to.told()
        assert asyncio.run(held(url)) == WAITING
        postgres.drop(second)
    assert faults(keys, told) == {}
    assert told["requests"] == WAITING
