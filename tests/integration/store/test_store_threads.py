"""A store that is closed leaves no thread, also where somebody was cancelled while a connection opened."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiosqlite
import pytest

from ipvscreen.store import sqlite as engines
from ipvscreen.store.engine import give_back, make_engine, reading


class Slow(engines.LettingGo):
    """A connection that opens when it is let."""

    let = threading.Event()

    def __init__(self, *where: Any, **how: Any) -> None:
        self.let.wait()
        super().__init__(*where, **how)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> type[Slow]:
    monkeypatch.setattr(engines, "LettingGo", Slow)
    Slow.let.clear()
    return Slow


async def cancelled_while_opening(url: str) -> Any:
    """The engine of a task that was cancelled while its connection opened."""
    engine = make_engine(url)

    async def read() -> None:
        async with reading(engine):
            raise AssertionError("it opened")

    reader = asyncio.create_task(read())
    await asyncio.sleep(0.05)
    reader.cancel()
    with suppress(asyncio.CancelledError):
        await reader
    return engine


def test_a_store_that_is_closed_leaves_no_thread(url: str, slow: type[Slow], end_of_test: Callable[[], None]):
    async def run() -> None:
        engine = await cancelled_while_opening(url)
        asyncio.get_running_loop().call_later(0.1, slow.let.set)
        await give_back(engine)

    asyncio.run(run())
    end_of_test()


def test_the_pool_alone_would_leave_one(url: str, slow: type[Slow], end_of_test: Callable[[], None]):
    async def run() -> None:
        engine = await cancelled_while_opening(url)
        await engine.dispose()

    asyncio.run(run())
    slow.let.set()
    with pytest.raises(
        pytest.fail.Exception, match=r"outlives its event loop: Thread-.*Event loop is closed"
    ):
        end_of_test()


def test_a_connection_that_nobody_closes_is_noticed(
    url: str, end_of_test: Callable[[], None], monkeypatch: pytest.MonkeyPatch
):
    kept: list[Any] = []

    async def run() -> None:
        kept.append(await aiosqlite.connect(url.removeprefix("sqlite+aiosqlite:///")))

    asyncio.run(run())
    monkeypatch.setattr(threading.Thread, "join", lambda *_: None)  # it would wait in vain
    with pytest.raises(pytest.fail.Exception, match="still waits"):
        end_of_test()
    monkeypatch.undo()

    kept[0].stop()
    kept[0]._thread.join(5)
    assert not kept[0]._thread.is_alive()
