"""From /launch to the first question, beside a bare FastAPI route under the same load in the same run.

The app, with two workers, and the sandbox record systems run in processes of their own on loopback; so does
the bare route, with two workers too. A visit is timed from the GET of /launch to the last byte of the page of
questions, authorization in the record system and sign-in included; as many browsers as at the bare route go
on without a pause. Times are only compared within one run: other work on the machine slows all of it.
"""

import argparse
import asyncio
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from open_visits import memory_of_visits
from processes import App, RecordSystem, answers, free_port, served, until
from rich.console import Console
from rich.table import Table
from visitor import Visitor, asked

PAIRS = 5
BROWSERS = 4
SLOWER_AT_MOST = 1.2  # beyond the A/A spread
# Without TCP_NODELAY uvicorn's workers answer on kept connections 40 ms late, which would flatter us.
BARE = """
import socket, sys, uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

app = FastAPI()

@app.get("/")
async def bare() -> dict[str, str]:
    return {}

if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config("bare:app", workers=2, access_log=False, log_level="warning")
    Multiprocess(config, sockets=[listening]).run()
"""


def p95(seconds: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(seconds, n=20)[-1]


async def visits(system: RecordSystem, app: App, lasting: float, browsers: int = BROWSERS) -> list[float]:
    """The seconds of each visit that these browsers began, one after the other."""
    took: list[float] = []
    end = time.perf_counter() + lasting

    async def browse(clinician: str) -> None:
        while time.perf_counter() < end:
            async with Visitor() as browser:
                # The record system's own button is not ours to time.
                first = await browser.http.get(system.launch, params={"clinician": clinician})
                began = time.perf_counter()
                start = await browser.get(first.headers["location"])
                page = await browser.post(start, door="ask")
                took.append(time.perf_counter() - began)
                if not asked(page):
                    raise RuntimeError(f"{page.status_code} at {page.url.path}: {app.log}")

    await asyncio.gather(*(browse(f"dr-{n}") for n in range(browsers)))
    return took


async def bare_requests(url: str, lasting: float) -> list[float]:
    """The seconds of each request to the bare route."""
    took: list[float] = []
    end = time.perf_counter() + lasting

    async def browse() -> None:
        async with httpx.AsyncClient(timeout=60) as http:
            while time.perf_counter() < end:
                began = time.perf_counter()
                (await http.get(url)).raise_for_status()
                took.append(time.perf_counter() - began)

    await asyncio.gather(*(browse() for _ in range(BROWSERS)))
    return took


@contextmanager
def bare_route(folder: Path) -> Iterator[str]:
    """A FastAPI app with one route and nothing else, served by two workers."""
    (folder / "bare.py").write_text(BARE, encoding="utf-8")
    port = free_port()
    process = subprocess.Popen([sys.executable, "bare.py", str(port)], cwd=folder)  # noqa: S603  our own program
    try:
        url = f"http://127.0.0.1:{port}/"
        until(lambda: answers(url))
        yield url
    finally:
        process.terminate()
        process.wait()


async def flood(system: RecordSystem, app: App, over: asyncio.Event) -> int:
    """Ten launches a second from a record system that hangs, each given up after five seconds; how many."""
    params = {"iss": f"{system.url}/fhir", "launch": "x"}
    begun: set[asyncio.Task[None]] = set()

    async def one(http: httpx.AsyncClient) -> None:
        try:
            await http.get(f"{app.url}/launch", params=params)
        except httpx.HTTPError:
            return

    async with httpx.AsyncClient(timeout=5, limits=httpx.Limits(max_connections=None)) as http:
        while not over.is_set():
            begun.add(asyncio.create_task(one(http)))
            await asyncio.sleep(0.1)
        await asyncio.gather(*begun)
    return len(begun)


async def while_hanging(north: RecordSystem, app: App, load: Awaitable[list[float]]) -> list[float]:
    """That load while the other record system hangs and is launched from all the same."""
    await asyncio.to_thread(north.switch, hang=30.0, at=["GET", "smart-configuration"])
    over = asyncio.Event()
    flooding = asyncio.create_task(flood(north, app, over))
    try:
        return await load
    finally:
        over.set()
        await flooding
        await asyncio.to_thread(north.switch, hang=0.0)


def spread(first: list[list[float]], second: list[list[float]]) -> list[float]:
    """The ratio of the 95th percentiles of each pair."""
    return [p95(b) / p95(a) for a, b in zip(first, second, strict=True)]


def told(ratios: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})"


async def beside_bare(console: Console, south: RecordSystem, app: App, url: str, lasting: float) -> None:
    """A visit and a bare request in turn."""
    await visits(south, app, lasting)  # warm
    ours: list[list[float]] = []
    bare: list[list[float]] = []
    again: list[list[float]] = []
    for _ in range(PAIRS):
        ours.append(await visits(south, app, lasting))
        bare.append(await bare_requests(url, lasting))
        again.append(await visits(south, app, lasting))
    table = Table("", "p50, ms", "p95, ms", "number")
    for label, runs in (("/launch to first question", ours + again), ("bare FastAPI route", bare)):
        every = [one for run in runs for one in run]
        table.add_row(
            label, f"{statistics.median(every) * 1e3:.1f}", f"{p95(every) * 1e3:.1f}", str(len(every))
        )
    console.print(table)
    console.print(f"p95, visit / bare request: {told(spread(bare, ours))}")
    console.print(f"A/A, p95 of visits: {told(spread(ours, again))}")


async def one_hangs(
    console: Console, north: RecordSystem, south: RecordSystem, app: App, lasting: float
) -> bool:
    """Visits from one record system while the other hangs, in turn with visits while it does not."""
    quiet: list[list[float]] = []
    ill: list[list[float]] = []
    again: list[list[float]] = []
    for _ in range(PAIRS):
        quiet.append(await visits(south, app, lasting))
        ill.append(await while_hanging(north, app, visits(south, app, lasting)))
        again.append(await visits(south, app, lasting))
    same, other = spread(quiet, again), spread(quiet, ill)
    console.print(f"p95 while another record system hangs / while it does not: {told(other)}")
    console.print(f"A/A: {told(same)}")
    holds = statistics.median(other) <= max(same) * SLOWER_AT_MOST
    console.print("PASS" if holds else "FAIL", "within the A/A spread plus 20 %")
    return holds


def restart(console: Console, south: RecordSystem, app: App) -> None:
    """From the start of the process to its first good answer, and to a first whole visit."""
    app.stop()
    began = time.perf_counter()
    app.start(ready=False)
    until(lambda: answers(f"{app.url}/readyz"))
    ready = time.perf_counter() - began
    asyncio.run(visits(south, app, 0.001, browsers=1))
    visit = time.perf_counter() - began
    console.print(f"restart to the first good answer {ready:.1f} s, to the first question {visit:.1f} s")


def main() -> int:
    """Run all of it; 0 if one hanging record system leaves the others alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each run")
    parser.add_argument("--visits", type=int, default=10_000, help="open visits for the memory")
    chosen = parser.parse_args()
    console = Console(width=110, highlight=False)
    console.print(
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; Python {platform.python_version()};"
        f" {BROWSERS} browsers, {PAIRS} pairs of {chosen.seconds} s, loopback, two workers"
    )
    with (
        tempfile.TemporaryDirectory() as name,
        served(Path(name), ("north", "south"), "--drain", "0") as house,
    ):
        app, systems = house
        with bare_route(Path(name)) as url:
            asyncio.run(beside_bare(console, systems["south"], app, url, chosen.seconds))
        holds = asyncio.run(one_hangs(console, systems["north"], systems["south"], app, chosen.seconds))
        console.print(asyncio.run(memory_of_visits(app, systems["south"], chosen.visits)))
        restart(console, systems["south"], app)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
