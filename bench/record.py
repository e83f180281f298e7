"""From Save to verified: the waves of requests to a record system 50 ms away, and our own share of the time.

App and sandbox run in processes of their own on loopback; the sandbox waits before it works on a FHIR
request, the transaction among them, and notes when each began and ended. Waves are the longest chain of
requests each of which began after the one before it had ended: so often the record system had to answer in
turn. Ours is the time of the clinician's wait in which no request was outstanding: reading the form, making
and checking the entries, sealing, the disk, the page, and the way to the record system. Processor time is
that of our workers, from Save to the answer.
"""

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from processes import App, RecordSystem, served
from rich.console import Console
from rich.table import Table
from visitor import Visitor

ROUNDS = 7
LATENCY = 0.05  # seconds
WAVES_AT_MOST = 4
SHARE_AT_MOST = 0.15
NO, YES = "LA32-8", "LA33-6"
NEGATIVE = dict.fromkeys(("76500-8", "76501-6", "76502-4", "76503-2"), NO) | {"aas-1": "no"}
TODAY = {"safe-today": "yes", "neck": "no", "suicide": "no", "flag": "true"}


@dataclass(frozen=True, slots=True)
class Saved:
    """One Save: seconds in all, of ours and of our processors, how many requests, and in how many waves."""

    took: float
    ours: float
    processor: float
    requests: int
    waves: int


def saved(began: float, ended: float, processor: float, seen: list[tuple[float, float]]) -> Saved:
    """What the intervals of the requests say of it, all on one clock."""
    theirs, reached = 0.0, began
    for start, end in sorted(seen):
        theirs += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return Saved(ended - began, ended - began - theirs, processor, len(seen), chain(seen))


def chain(seen: list[tuple[float, float]]) -> int:
    """The most requests each of which began after the one before it had ended: what ends first goes first."""
    length, reached = 0, float("-inf")
    for start, end in sorted(seen, key=lambda one: one[1]):
        if start >= reached:
            length, reached = length + 1, end
    return length


@dataclass(frozen=True, slots=True)
class House:
    """The app and its record system."""

    app: App
    system: RecordSystem

    def processor(self) -> float:
        """Seconds of processor time of all threads of the workers."""
        tasks = (Path(f"/proc/{pid}/task").glob("*/schedstat") for pid in self.app.workers())
        return sum(int(task.read_text(encoding="ascii").split()[0]) for each in tasks for task in each) / 1e9


async def save(house: House, visitor: Visitor, page: httpx.Response, **fields: str) -> Saved:
    """Post the page's form and wait for the answer, which comes when all is verified."""
    await asyncio.to_thread(house.system.seen)
    spent = house.processor()
    began = time.monotonic()
    answer = await visitor.post(page, follow=False, **fields)
    ended = time.monotonic()
    if answer.status_code != httpx.codes.SEE_OTHER or not answer.headers["location"].endswith(
        ("/done", "/refer")
    ):
        raise RuntimeError(f"{answer.status_code} {answer.headers.get('location')}")
    spent = house.processor() - spent
    return saved(began, ended, spent, await asyncio.to_thread(house.system.seen))


async def negative(house: House) -> Saved:
    """All no, saved."""
    async with Visitor() as visitor:
        page = await visitor.first_question(house.system.launch, patient="freya-woman")
        return await save(house, visitor, page, **NEGATIVE)


async def positive(house: House) -> Saved:
    """A yes, what is asked about today, and a flag, saved."""
    async with Visitor() as visitor:
        page = await visitor.first_question(house.system.launch)
        page = await visitor.post(page, **NEGATIVE | {"76501-6": YES})
        return await save(house, visitor, page, **TODAY)


VISITS = {"negative": negative, "positive, with a flag": positive}
WAYS = {"a transaction": False, "one by one": True}


async def measure(house: House) -> dict[tuple[str, str], list[Saved]]:
    """Every kind of visit in every way, in turn, so that a busy minute is everybody's."""
    found: dict[tuple[str, str], list[Saved]] = {}
    for _ in range(ROUNDS + 1):
        for way, single in WAYS.items():
            await asyncio.to_thread(house.system.switch, no_transaction=single, no_conditional_create=single)
            for name, visit in VISITS.items():
                found.setdefault((name, way), []).append(await visit(house))
    return {row: each[1:] for row, each in found.items()}  # the first one of a fresh process is not timed


def told(console: Console, found: dict[tuple[str, str], list[Saved]]) -> bool:
    """The table; whether the rows with a transaction keep both limits."""
    table = Table(
        "visit", "way", "requests", "waves", "Save to verified, ms", "ours, ms", "processor, ms", "our share"
    )
    passed = True
    for (name, way), each in found.items():
        shares = sorted(one.ours / one.took for one in each)
        share = statistics.median(shares)
        waves = max(one.waves for one in each)
        table.add_row(
            name,
            way,
            str(each[0].requests),
            str(waves),
            f"{statistics.median(one.took for one in each) * 1000:.0f}",
            f"{statistics.median(one.ours for one in each) * 1000:.0f}",
            f"{statistics.median(one.processor for one in each) * 1000:.0f}",
            f"{share:.2f} ({shares[0]:.2f} to {shares[-1]:.2f})",
        )
        if not WAYS[way]:
            passed &= waves <= WAVES_AT_MOST and share <= SHARE_AT_MOST
    console.print(table)
    return passed


def main() -> int:
    """Measure and print; 1 where a limit is not kept."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    console = Console(width=130)
    console.print(
        f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f};"
        f" {LATENCY * 1000:.0f} ms a request; medians of {ROUNDS}"
    )
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), ("north",)) as (app, systems):
        _warm(app)
        north = systems["north"]
        north.wait(LATENCY)
        passed = told(console, asyncio.run(measure(House(app, north))))
    limits = f"at most {WAVES_AT_MOST} waves, our share at most {SHARE_AT_MOST:.0%}, with a transaction"
    console.print(f"{'PASS' if passed else 'FAIL'} {limits}")
    return 0 if passed else 1


def _warm(app: App) -> None:
    for _ in range(4):
        httpx.get(f"{app.url}/readyz", timeout=30)


if __name__ == "__main__":
    sys.exit(main())
