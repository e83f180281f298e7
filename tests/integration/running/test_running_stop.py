"""The end of a process: what has begun is finished, who asks meanwhile is answered, and the exit is clean."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

HANG = 3.0  # seconds that the record system takes for its answer


async def code(url: str) -> int:
    """The status there, by a connection of its own; 0 where there is no answer."""
    try:
        async with httpx.AsyncClient(timeout=60) as http:
            return (await http.get(url)).status_code
    except httpx.TransportError:
        return 0


async def until(url: str, status: int) -> None:
    for _ in range(600):
        if await code(url) == status:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{url} never came to {status}")


def slow_request(app: Any, north: Any) -> asyncio.Task[httpx.Response]:
    """A launch that is on its way: the app waits for the record system."""
    north.switch(hang=HANG, at=["GET", "smart-configuration"])

    async def launch() -> httpx.Response:
        params = {"iss": f"{north.url}/fhir", "launch": "x"}
        async with httpx.AsyncClient(timeout=60) as http:
            return await http.get(f"{app.url}/launch", params=params)

    return asyncio.create_task(launch())


async def test_sigterm_lets_a_slow_request_finish(tmp_path: Path, running: Any) -> None:
    with running.served(tmp_path, ("north",), "--drain", "1.5") as (app, systems):
        slow = slow_request(app, systems["north"])
        await asyncio.sleep(1.0)
        assert not slow.done()

        app.signal(signal.SIGTERM)
        await until(f"{app.url}/readyz", 503)
        async with httpx.AsyncClient(timeout=60) as http:
            meanwhile = await http.get(f"{app.url}/s/page.css")
        answer = await slow

        assert meanwhile.status_code == 200, "who asks meanwhile is answered"
        assert meanwhile.headers["connection"] == "close", "and sent elsewhere for the next"
        assert answer.status_code == 303
        assert app.process.wait(60) == 0
        assert await code(f"{app.url}/healthz") == 0
        assert app.events("workers.stopped") == 1


async def test_the_slow_request_would_not_survive_a_kill(tmp_path: Path, running: Any) -> None:
    """The control: it really was in the hands of the process that ended."""
    with running.served(tmp_path) as (app, systems):
        slow = slow_request(app, systems["north"])
        await asyncio.sleep(1.0)
        assert not slow.done()
        for pid in app.workers():
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            await slow


async def test_a_worker_that_dies_is_replaced(tmp_path: Path, running: Any) -> None:
    with running.served(tmp_path) as (app, _):
        first = set(app.workers())
        os.kill(min(first), signal.SIGKILL)
        running.until(lambda: len(set(app.workers()) - first) == 1)

        assert max(first) in app.workers(), "the other one goes on"
        assert app.events("worker.died") == 1
        assert app.stop() == 0


async def test_workers_do_not_outlive_their_parent(tmp_path: Path, running: Any) -> None:
    with running.served(tmp_path) as (app, _):
        app.process.kill()
        app.process.wait()
        await until(f"{app.url}/healthz", 0)


async def test_settings_that_are_wrong_change_nothing(tmp_path: Path, running: Any) -> None:
    with running.served(tmp_path) as (app, _):
        workers = app.workers()
        settings = tmp_path / "ipvscreen.toml"
        good = settings.read_text(encoding="utf-8")
        settings.write_text(f'unknown = "secret"\n{good}', encoding="utf-8")

        app.signal(signal.SIGHUP)
        running.until(lambda: b"workers.kept" in app.log.read_bytes())

        assert app.workers() == workers
        assert await code(f"{app.url}/readyz") == 200
        assert b"ipvscreen.toml: unknown:" in app.log.read_bytes()
        assert b"secret" not in app.log.read_bytes()
        assert app.stop() == 0


@pytest.mark.parametrize("workers", [1, 3])
async def test_as_many_workers_as_were_asked_for(tmp_path: Path, running: Any, workers: int) -> None:
    with running.app_in(tmp_path) as app:
        app.write()
        app.start(workers=workers)
        assert len(app.workers()) == workers
        assert app.stop() == 0
