"""What the record system granted: kept whole, refreshed by one at a time, and gone when it is taken away."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ipvscreen.errors import VisitOver
from ipvscreen.store.engine import writing
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.grant import Grant
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.visits import REFRESH_LEASE

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
RING = Ring({"k1": bytes(range(32))}, current="k1")
SECOND = timedelta(seconds=1)


async def test_a_grant_comes_back_whole(store: Store, new_visit, new_grant):
    granted = new_grant("access", "refresh")

    await store.visits.create(new_visit(), granted)

    assert await store.visits.grant("visit-1") == granted


def test_a_grant_does_not_print_its_tokens(new_grant):
    assert "secret" not in repr(new_grant("secret-1", "secret-2"))


def test_a_grant_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="without a zone"):
        Grant("a", datetime(2026, 3, 2), None, "https://ehr.test/token", "")  # noqa: DTZ001  that is the point


async def test_a_bare_token_of_before_is_no_grant(store: Store, file: Path, ring: Ring, new_visit, new_grant):
    await store.visits.create(new_visit(), new_grant())
    bare = SealedTable(ring, "visits").seal("token", "visit-1", "a token")
    async with store._engine.execution_options(ipvscreen_writes=True).begin() as connection:
        await connection.exec_driver_sql("UPDATE visits SET token = ?", (bare,))

    with pytest.raises(VisitOver):
        await store.visits.grant("visit-1")


async def test_of_thirty_coroutines_one_refreshes(store: Store, new_visit, new_grant, at: datetime):
    await store.visits.create(new_visit(), new_grant())

    taken = await asyncio.gather(*(store.visits.take_refresh("visit-1", at) for _ in range(30)))

    assert taken.count(True) == 1


async def test_of_two_engines_on_one_file_one_refreshes(
    store: Store, url: str, ring: Ring, new_visit, new_grant, at: datetime
):
    await store.visits.create(new_visit(), new_grant())
    other = await open_store(url, ring)

    takers = [each.visits.take_refresh("visit-1", at) for each in (store, other) * 10]
    taken = await asyncio.gather(*takers)

    await other.close()
    assert taken.count(True) == 1


async def test_who_finds_it_taken_has_waited_for_no_writer(store: Store, new_visit, new_grant, at: datetime):
    """Nineteen who look again twenty times a second must not keep a twentieth from its turn."""
    await store.visits.create(new_visit(), new_grant())
    assert await store.visits.take_refresh("visit-1", at)

    async with writing(store._engine), asyncio.timeout(5):
        assert not await store.visits.take_refresh("visit-1", at)


async def test_of_three_processes_one_refreshes(url: str, ring: Ring, new_visit, new_grant):
    store = await open_store(url, ring)
    for number in range(5):
        await store.visits.create(new_visit(id=f"visit-{number}"), new_grant())
    await store.close()

    told = await asyncio.to_thread(_race, url)

    assert len(told) == 3
    assert [sum(each) for each in zip(*told, strict=True)] == [1] * 5


async def test_each_visit_has_a_lease_of_its_own(store: Store, new_visit, new_grant, at: datetime):
    for visit_id in ("visit-1", "visit-2"):
        await store.visits.create(new_visit(id=visit_id), new_grant())

    assert await store.visits.take_refresh("visit-1", at)
    assert await store.visits.take_refresh("visit-2", at)
    assert not await store.visits.take_refresh("unknown", at)


async def test_a_lease_that_nobody_ended_runs_out(store: Store, new_visit, new_grant, at: datetime):
    await store.visits.create(new_visit(), new_grant())
    assert await store.visits.take_refresh("visit-1", at)

    assert not await store.visits.take_refresh("visit-1", at + REFRESH_LEASE - SECOND)
    assert await store.visits.take_refresh("visit-1", at + REFRESH_LEASE)


async def test_a_clock_that_was_put_back_does_not_hold_a_lease_for_hours(
    store: Store, new_visit, new_grant, at: datetime
):
    await store.visits.create(new_visit(), new_grant())
    assert await store.visits.take_refresh("visit-1", at + timedelta(hours=1))

    assert await store.visits.take_refresh("visit-1", at)


async def test_what_was_refreshed_is_there_and_the_next_may(store: Store, new_visit, new_grant, at: datetime):
    visit = await store.visits.create(new_visit(), new_grant("a1", "r1"))
    await store.visits.take_refresh("visit-1", at)

    await store.visits.refreshed("visit-1", new_grant("a1", "r1"), new_grant("a2", "r2"))

    assert await store.visits.grant("visit-1") == new_grant("a2", "r2")
    assert await store.visits.take_refresh("visit-1", at)
    # A write that was under way meanwhile keeps its result.
    assert (await store.visits.change(visit, last_form="f1")).version == 2
    assert await store.visits.grant("visit-1") == new_grant("a2", "r2")


async def test_a_refusal_ends_the_lease_and_changes_nothing(store: Store, new_visit, new_grant, at: datetime):
    await store.visits.create(new_visit(), new_grant("a1", "r1"))
    await store.visits.take_refresh("visit-1", at)

    await store.visits.refreshed("visit-1", new_grant("a1", "r1"), None)

    assert await store.visits.grant("visit-1") == new_grant("a1", "r1")
    assert await store.visits.take_refresh("visit-1", at)


async def test_an_answer_that_comes_after_the_end_brings_no_token_back(
    store: Store, new_visit, new_grant, at: datetime
):
    visit = await store.visits.create(new_visit(), new_grant("a1", "r1"))
    await store.visits.take_refresh("visit-1", at)
    await store.visits.change(visit, grant=None)

    await store.visits.refreshed("visit-1", new_grant("a1", "r1"), new_grant("a2", "r2"))

    with pytest.raises(VisitOver):
        await store.visits.grant("visit-1")


async def test_an_answer_for_the_launch_before_does_not_disturb_the_next(
    store: Store, new_visit, new_grant, at: datetime
):
    old = await store.visits.create(new_visit(held=True), new_grant("a1", "r1"))
    await store.visits.take_refresh(old.id, at)
    await store.visits.adopt(old, new_visit(id="visit-2", cookie_hash="d" * 64), new_grant("b1", "s1"))

    assert await store.visits.take_refresh(old.id, at), "the lease was on what is no longer there"
    await store.visits.refreshed(old.id, new_grant("a1", "r1"), new_grant("a2", "r2"))

    assert await store.visits.grant(old.id) == new_grant("b1", "s1")
    assert not await store.visits.take_refresh(old.id, at), "nor does it end the lease of the next"


def _race(url: str) -> list[list[int]]:
    """Three processes, each ready before the first may start; for each visit, how often it got the lease."""
    command = [sys.executable, __file__, url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    started = [subprocess.Popen(command, text=True, **pipes) for _ in range(3)]  # noqa: S603  this file
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    return [[int(number) for number in each.communicate(timeout=60)[0].split()] for each in started]


async def _take(url: str) -> None:
    store = await open_store(url, RING)
    print("ready", flush=True)  # noqa: T201  to the test that started it
    sys.stdin.readline()
    for number in range(5):
        taken = await asyncio.gather(*(store.visits.take_refresh(f"visit-{number}", AT) for _ in range(5)))
        print(taken.count(True), flush=True)  # noqa: T201
    await store.close()


if __name__ == "__main__":
    asyncio.run(_take(sys.argv[1]))
