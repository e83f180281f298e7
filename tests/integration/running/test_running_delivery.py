"""Senders that are killed, and a service that fails: each message is there once, and had one effect."""

import asyncio
import base64
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import processes
import pytest
from delivering import SECONDS, SOAK, faults, sender, service, until_settled
from delivery_waiting import RING, left, queued
from sqlalchemy import select

from ipvscreen.delivery.points import Point
from ipvscreen.resources.stopping import stop_key
from ipvscreen.store.engine import reading
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.outbox import Cancelled, Outbox
from ipvscreen.store.settling import Settled
from ipvscreen.store.tables import outbox

MESSAGES, KILLS = (3_000, 100) if SOAK else (300, 15)


def test_none_is_lost_and_none_doubled_however_often_senders_are_killed(tmp_path: Path, url: str) -> None:
    """Two senders; at the last kill one goes for good, and the rest is delivered unaided."""
    keys = [f"key-{number}" for number in range(MESSAGES)]
    chance = random.Random(int(os.environ.get("IPVSCREEN_SEED", "7")))  # noqa: S311  no secret
    with ExitStack() as stack:
        to = stack.enter_context(service())
        asyncio.run(queued(url, keys, to.url))
        both = [stack.enter_context(sender(tmp_path / name, url)) for name in "ab"]
        for number in range(1, KILLS + 1):
            processes.until(lambda n=number: to.told()["requests"] >= n * MESSAGES // (KILLS + 3), SECONDS)
            chance.choice(both).kill()
        assert asyncio.run(left(url)), "they were killed while there was something to do"
        both[0].kill(for_good=True)
        until_settled(url)
        told = to.told()

    assert faults(keys, told) == {}
    assert told["requests"] > MESSAGES, "some were tried again"
    ends = [end for one in both for end in one.ends()]
    assert len(ends) >= KILLS - 2, "one that had not begun again by the next kill dies once"
    assert set(ends) == {-signal.SIGKILL}

    some, other = keys[0], keys[1]
    assert faults([*keys, "never-sent"], told) == {"lost": ["never-sent"]}
    assert faults(keys[1:], told) == {"strange": [some]}
    assert faults(keys, told | {"effects": told["effects"] | {other: 2}}) == {"doubled": [other]}


def test_without_the_key_a_second_try_is_a_second_message(tmp_path: Path, url: str) -> None:
    """The control: the same senders and the same service, but that each try has a key of its own."""
    keys = [f"key-{number}" for number in range(60)]
    with service(0.5) as to:
        asyncio.run(queued(url, keys, to.url))
        with sender(tmp_path / "a", url, keyless=True):
            until_settled(url)
        told = to.told()

    assert set(faults(keys, told)) == {"doubled"}


TASK = {"resourceType": "Task", "status": "requested"}
A_TASK = {"entry": [{"fullUrl": "urn:uuid:0b0b0b0b-0000-4000-8000-000000000000", "resource": TASK}]}


async def stopped(url: str, key: str) -> Cancelled:
    """The service has it; now it is to hear that it is not wanted any more."""
    store = await open_store(url, RING, migrate=False)

    def message(left: Mapping[str, Any]) -> dict[str, Any]:
        ended = {**left["entry"][0]["resource"], "status": "cancelled"}
        return {"about": f"{key} stopped", "entry": [{**left["entry"][0], "resource": ended}]}

    done = await store.stops.stop(key, message, datetime.now(UTC))
    await store.close()
    return done


def test_each_point_of_a_delivery_survives_a_kill(tmp_path: Path, url: str) -> None:
    """Of a referral, and of the message that it is stopped: each arrives once, this one after that."""
    with service(0.0) as to:
        folder = tmp_path / "a"
        folder.mkdir()
        asyncio.run(queued(url, [], to.url))
        with sender(folder, url) as one:
            for number, point in enumerate((*Point, *Point), start=1):
                (folder / "point").write_text(point, encoding="ascii")
                before = to.told()["requests"]
                if number <= len(Point):
                    asyncio.run(queued(url, [point], to.url, body=A_TASK))
                else:
                    assert asyncio.run(stopped(url, point)) is Cancelled.TELLING
                processes.until(lambda n=number: len(one.ends()) == n, SECONDS)
                until_settled(url)
                tries = to.told()["requests"] - before
                assert tries == (1 if point in (Point.CLAIMED, Point.SETTLED) else 2), point
        assert one.ends()[:8] == [-signal.SIGKILL] * 8
        told = to.told()
    assert faults([*Point, *map(stop_key, Point)], told | {"held": {key: key for key in told["held"]}}) == {}
    assert told["effects"] == dict.fromkeys([*Point, *(f"{point} stopped" for point in Point)], 1)
    assert [asyncio.run(stopped(url, point)) for point in Point] == [Cancelled.STOPPED_BEFORE] * 4
    assert asyncio.run(left(url)) == {}, "asked again, nothing is queued again"


async def twice_on_its_way(store: Store) -> int:
    """A sender is too slow, another takes over, and only then does the first one say that it failed."""
    now = datetime.now(UTC)
    (slow,) = await store.outbox.claim(now, 9, 1.0)
    later = now + timedelta(seconds=1)
    (taken_over,) = await store.outbox.claim(later, 9, 30.0)
    await store.outbox.fail(slow, later, "Nobody answered.")
    return len([taken_over, *await store.outbox.claim(later, 9, 30.0)])


@pytest.mark.parametrize("fenced", [True, False])
async def test_a_message_is_with_one_sender_because_leases_fence(
    url: str, monkeypatch: pytest.MonkeyPatch, fenced: bool
) -> None:
    await queued(url, ["one"], "http://127.0.0.1:9")
    if not fenced:
        settled = Outbox._settled

        async def whoever(self: Outbox, every: Sequence[Settled]) -> list[bool]:
            async with reading(self._engine) as connection:
                held = await connection.scalar(select(outbox.c.lease).where(outbox.c.id == every[0].id))
            return await settled(self, [replace(one, lease=str(held)) for one in every])

        monkeypatch.setattr(Outbox, "_settled", whoever)
    store = await open_store(url, RING)

    assert await twice_on_its_way(store) == (1 if fenced else 2)
    await store.close()


def test_deliver_sends_and_settles_what_is_on_its_way_before_it_ends(tmp_path: Path) -> None:
    """The command itself: `--once` ends by itself, the other by SIGTERM; no lease is left behind."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'ipvscreen.db'}"
    key = base64.b64encode(bytes(range(32))).decode()
    with service(0.0) as to, processes.app_in(tmp_path, keys={"k1": key}) as app:
        app.write()
        asyncio.run(queued(url, ["once"], to.url))
        app.run("deliver", "--once")
        assert asyncio.run(left(url)) == {}

        asyncio.run(queued(url, [f"key-{number}" for number in range(200)], to.url))
        command = [sys.executable, "-m", "ipvscreen", "deliver"]
        running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)  # noqa: S603  our own program
        try:
            processes.until(lambda: to.told()["requests"] > 1, SECONDS)
            running.send_signal(signal.SIGTERM)
            assert running.wait(60) == 0
        finally:
            running.kill()
            running.wait()
        told = to.told()

    with closing(sqlite3.connect(tmp_path / "ipvscreen.db")) as connection:
        held = connection.execute("SELECT count(*) FROM outbox WHERE lease IS NOT NULL").fetchone()
        done = connection.execute("SELECT count(*) FROM outbox WHERE status = 'done'").fetchone()
    assert held == (0,)
    assert done == (len(told["held"]),) == (told["requests"],)
