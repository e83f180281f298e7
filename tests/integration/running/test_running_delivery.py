"""Senders that are killed, and a service that fails: each message is there once, and had one effect."""

import asyncio
import base64
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import processes
import pytest
from sender import RING
from sqlalchemy import insert, select

from ipvscreen.delivery.points import Point
from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.referral import ReferralState
from ipvscreen.ipv.visit import VisitState
from ipvscreen.resources.plan import WritePlan
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.grant import Grant
from ipvscreen.store.outbox import NewJob, Outbox, enqueue
from ipvscreen.store.referrals import Referral
from ipvscreen.store.tables import outbox, referrals
from ipvscreen.store.visits import Visit

HERE = Path(__file__).resolve().parent
SOAK = int(os.environ.get("IPVSCREEN_SOAK", "1")) > 1
MESSAGES, KILLS = (3_000, 100) if SOAK else (300, 15)
SHARE = 0.3  # of the answers are failures, half of them after the message was taken
SERVICES = 4
SECONDS = 600 if SOAK else 60


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'store.db'}"
        return
    server = request.getfixturevalue("postgres")
    name = server.new()
    yield server.url(name)
    server.drop(name)


@dataclass
class Service:
    url: str

    def told(self, **change: float) -> dict[str, Any]:
        return httpx.get(f"{self.url}/told", params=change, timeout=60).raise_for_status().json()


@dataclass
class Sender:
    folder: Path
    parent: Any

    def kill(self, *, for_good: bool = False) -> None:
        if for_good:
            self.parent.kill()
            self.parent.wait()
        with suppress(ProcessLookupError, FileNotFoundError):
            os.kill(int((self.folder / "pid").read_text(encoding="ascii")), signal.SIGKILL)

    def ends(self) -> list[int]:
        file = self.folder / "ends"
        return [int(line) for line in file.read_text(encoding="ascii").split()] if file.exists() else []


@contextmanager
def service(share: float = SHARE, seed: int = 0) -> Iterator[Service]:
    port = processes.free_port()
    told = json.dumps({"port": port, "share": share, "seed": seed})
    process = subprocess.Popen([sys.executable, str(HERE / "receiver.py"), told])  # noqa: S603  our own program
    try:
        processes.until(lambda: processes.answers(f"http://127.0.0.1:{port}/told"))
        yield Service(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


@contextmanager
def sender(folder: Path, url: str, **more: Any) -> Iterator[Sender]:
    folder.mkdir(exist_ok=True)
    told = json.dumps({"url": url, "folder": str(folder), **more})
    one = Sender(folder, subprocess.Popen([sys.executable, str(HERE / "sender.py"), told]))  # noqa: S603  our own program
    try:
        yield one
    finally:
        one.kill(for_good=True)


async def queued(url: str, keys: Sequence[str], to: str) -> None:
    """A referral and its message for each key, for several services at that address."""
    now = datetime.now(UTC)
    store = await open_store(url, RING)
    if await store.visits.get("v") is None:
        await store.visits.create(a_visit(now), Grant("t", now, None, "https://ehr.test/token", "launch"))
    async with writing(store._engine) as connection:
        for number, key in enumerate(keys):
            row = Referral(
                key, "v", "s", "Mentors", "020", ReferralState.QUEUED, now, now + timedelta(days=2)
            )
            endpoint = f"{to}/{number % SERVICES}"
            await connection.execute(insert(referrals).values(store.referrals._columns(row)))
            await enqueue(
                connection, store.outbox._sealed, NewJob(key, key, endpoint, {"about": key}), key, now
            )
    await store.close()


def a_visit(now: datetime) -> Visit:
    return Visit(
        *("v", "practice", "https://ehr.test/fhir", "p", None, "Practitioner/1", "u", None),
        state=VisitState.REFERRED,
        setting=Setting.GP,
        opened_at=now,
        expires_at=now + timedelta(hours=1),
        person=Person("Anna Example", date(1990, 5, 17), Sex.FEMALE),
        plan=WritePlan(True, True, ()),
        draft=Draft(),
        written=None,
        last_form=None,
        cookie_hash="",
        age_confirmed=False,
    )


async def left(url: str) -> dict[str, str]:
    """The referrals that are not received, or whose message is not settled; why."""
    store = await open_store(url, RING)
    query = select(outbox.c.key, outbox.c.status, referrals.c.state).join(
        referrals, referrals.c.id == outbox.c.referral_id
    )
    async with reading(store._engine) as connection:
        rows = (await connection.execute(query)).all()
    await store.close()
    return {
        row.key: f"{row.status} {row.state}"
        for row in rows
        if (row.status, row.state) != ("done", "received")
    }


def until_settled(url: str, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while there := asyncio.run(left(url)):
        assert time.monotonic() < deadline, there
        time.sleep(0.1)


def faults(keys: Sequence[str], told: dict[str, Any]) -> dict[str, list[str]]:
    """What is not there, and what is there or had an effect more than once."""
    held = list(told["held"].values())
    found = {
        "lost": [key for key in keys if key not in held],
        "doubled": [key for key in keys if held.count(key) > 1 or told["effects"].get(key, 0) > 1],
        "strange": [key for key in held if key not in keys],
    }
    return {what: which for what, which in found.items() if which}


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


def test_each_point_of_a_delivery_survives_a_kill(tmp_path: Path, url: str) -> None:
    with service(0.0) as to:
        folder = tmp_path / "a"
        folder.mkdir()
        asyncio.run(queued(url, [], to.url))
        with sender(folder, url) as one:
            for number, point in enumerate(Point, start=1):
                (folder / "point").write_text(point, encoding="ascii")
                before = to.told()["requests"]
                asyncio.run(queued(url, [point], to.url))
                processes.until(lambda n=number: len(one.ends()) == n, SECONDS)
                until_settled(url)
                tries = to.told()["requests"] - before
                assert tries == (1 if point in (Point.CLAIMED, Point.SETTLED) else 2), point
        assert one.ends()[:4] == [-signal.SIGKILL] * 4
        assert faults(list(Point), to.told()) == {}


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
    store = await open_store(url, RING)
    if not fenced:
        settle = Outbox._settle

        async def whoever(self: Outbox, job_id: str, _: str, *what: Any) -> bool:
            async with reading(store._engine) as connection:
                held = await connection.scalar(select(outbox.c.lease).where(outbox.c.id == job_id))
            return await settle(self, job_id, str(held), *what)

        monkeypatch.setattr(Outbox, "_settle", whoever)

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
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as running:  # noqa: S603  our own program
            processes.until(lambda: to.told()["requests"] > 1, SECONDS)
            running.send_signal(signal.SIGTERM)
            assert running.wait(60) == 0
        told = to.told()

    with closing(sqlite3.connect(tmp_path / "ipvscreen.db")) as connection:
        held = connection.execute("SELECT count(*) FROM outbox WHERE lease IS NOT NULL").fetchone()
        done = connection.execute("SELECT count(*) FROM outbox WHERE status = 'done'").fetchone()
    assert held == (0,)
    assert done == (len(told["held"]),) == (told["requests"],)
