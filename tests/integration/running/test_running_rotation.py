"""Keys change while clinicians work: those that seal the store, and those that sign for record systems."""

import asyncio
import base64
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.app import fresh_signing_keys
from ipvscreen.store.facade import open_store
from ipvscreen.store.sealed import Ring, key_prefix

BREATH = 0.1  # seconds between two visits of a browser: new workers start beside the load, on the same cores
BROWSERS = {"dr-1": "anna-woman", "dr-2": "maya-maternity", "dr-3": "david-man"}


@dataclass
class Load:
    """Visits begun one after the other by several browsers, each request by a new connection."""

    visiting: Any
    launch: str
    ended: Counter[str] = field(default_factory=Counter)
    stop: bool = False

    async def browser(self, clinician: str, patient: str) -> None:
        while not self.stop:
            async with self.visiting.Visitor(fresh=True) as browser:
                try:
                    page = await browser.first_question(self.launch, patient=patient, clinician=clinician)
                    good = self.visiting.asked(page)
                    self.ended["good" if good else f"{page.status_code} {page.url.path}"] += 1
                except Exception as error:  # whatever it is, a clinician would have met it
                    self.ended[repr(error)] += 1
            await asyncio.sleep(BREATH)

    async def more(self, visits: int = 6) -> None:
        """Let so many more be begun."""
        until = self.ended.total() + visits
        for _ in range(2400):
            if self.ended.total() >= until:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the load stands still")


@asynccontextmanager
async def under_load(visiting: Any, launch: str) -> AsyncIterator[Load]:
    load = Load(visiting, launch)
    browsers = [asyncio.create_task(load.browser(*who)) for who in BROWSERS.items()]
    try:
        await load.more()
        yield load
    finally:
        load.stop = True
        await asyncio.gather(*browsers)


def sealed_by(store: Path, key_id: str) -> int:
    """How many stored values that key has sealed."""
    prefix = key_prefix(key_id)
    with sqlite3.connect(store) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        values = [
            value
            for table in tables
            for row in database.execute(f"SELECT * FROM {table}")  # noqa: S608  names from the schema itself
            for value in row
        ]
    return sum(isinstance(value, bytes) and value.startswith(prefix) for value in values)


async def aside(work: Callable[..., Any], *words: str) -> Any:
    return await asyncio.to_thread(work, *words)


async def test_field_keys_rotate_under_load(tmp_path: Path, running: Any, visiting: Any) -> None:
    """In three steps, as run-it.md says: both open, the new one seals, the old one goes."""
    with running.served(tmp_path) as (app, systems):
        store = tmp_path / "ipvscreen.db"
        async with under_load(visiting, systems["north"].launch) as load:
            workers = set(app.workers())
            app.keys = {**app.keys, "two": running.fresh_key()}
            app.top["key"] = "one"
            app.write()
            await aside(app.reload)
            assert not workers & set(app.workers()), "every worker is a new one"
            await load.more()
            assert sealed_by(store, "two") == 0

            app.top["key"] = "two"
            app.write()
            await aside(app.reload)
            await load.more()
            assert sealed_by(store, "one") > 0, "the control: there is something left to do"

            said = await aside(app.run, "keys", "reseal")
            assert "Nothing is left under another key than two." in said
            assert sealed_by(store, "one") == 0
            assert sealed_by(store, "two") > 0

            app.keys = {"two": app.keys["two"]}
            app.write()
            await aside(app.reload)
            await load.more()
        assert set(load.ended) == {"good"}, load.ended
        assert app.stop() == 0


async def test_the_load_does_meet_a_rotation_in_one_step(tmp_path: Path, running: Any, visiting: Any) -> None:
    """The control: the old key gone before anything was resealed is no longer good for all."""
    with running.served(tmp_path) as (app, systems):
        async with visiting.Visitor(fresh=True) as browser:
            page = await browser.get(systems["north"].launch)
            app.keys = {"two": running.fresh_key()}
            app.write()
            await aside(app.reload)
            assert not visiting.asked(await browser.post(page, door="ask"))


@pytest.fixture
def signing(tmp_path: Path, running: Any) -> Any:
    """The app known by its signature to a record system that keeps our keys for one second."""
    with ExitStack() as stack:
        app = stack.enter_context(running.app_in(tmp_path))
        known = {"auth": "private_key_jwt", "keys_for": 1.0}
        north = stack.enter_context(running.record_system("north", app.url, tmp_path / "north.log", **known))
        app.add(north, token_auth="private_key_jwt")
        app.write()
        app.start()
        yield app, north


async def kids(app: Any, rotate: timedelta | None = None) -> tuple[str, int]:
    """The key that signs now, after a rotation with that lead if there is one, and how many are published."""
    ring = Ring({"one": base64.b64decode(app.keys["one"])}, "one")
    store = await open_store(f"sqlite+aiosqlite:///{app.folder / 'ipvscreen.db'}", ring)
    try:
        now = datetime.now(UTC)
        if rotate is not None:
            await store.signing_keys.rotate(fresh_signing_keys(), now, rotate)
        signs = await store.signing_keys.current("ES384", now)
        return signs.kid, len(await store.signing_keys.published(now))
    finally:
        await store.close()


async def test_signing_keys_rotate_under_load(signing: Any, running: Any, visiting: Any) -> None:
    """First with so short a lead that the new keys sign before the end, then by the command."""
    app, north = signing
    async with under_load(visiting, north.launch) as load:
        before, published = await kids(app)
        assert published == 2

        await kids(app, rotate=timedelta(seconds=3))
        for _ in range(600):
            if (await kids(app))[0] != before:
                break
            await asyncio.sleep(0.1)
        after, published = await kids(app)
        assert (after != before, published) == (True, 4)
        await load.more(12)

        await aside(app.run, "keys", "rotate")
        assert await kids(app) == (after, 6), "published, and not signing yet"
        await load.more()
    assert set(load.ended) == {"good"}, load.ended
