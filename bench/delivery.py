"""Delivery beside a bare sender: messages a second on SQLite and Postgres, with one sender process and two.

The bare one has as many requests on their way to the same service, and for each one transaction that is on
disk (fsync), through the same driver; it claims, seals, reads and checks nothing. Both take turns, the bare
one twice: the ratio of those two is the spread. A run ends when the last message is settled in the store.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from delivery_sides import bare
from delivery_waiting import message, queued
from processes import answers, free_port, until
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, insert, select

from ipvscreen.store.engine import make_engine, reading, writing
from ipvscreen.store.tables import outbox

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "integration"))

import postgres

MESSAGES, ROUNDS = 400, 7
SERVICES = 8  # of each at most four at a time: no sender waits for a place
LEAST = 0.5  # of the bare rate
TURNS = ("bare", "ours", "bare again")
HERE = Path(__file__).resolve().parent


@dataclass
class Sender:
    """A process that sends from `go` to `stop`."""

    process: Any

    def say(self, word: str) -> None:
        """Write a line to it."""
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def ready(self) -> None:
        """Wait until it is."""
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("a sender has ended")


@contextmanager
def side(**told: Any) -> Iterator[Sender]:
    """One of the processes; ended whatever happens."""
    command = [sys.executable, str(HERE / "delivery_sides.py"), json.dumps(told)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603  ours
        try:
            yield Sender(process)
        finally:
            process.kill()


class Run:
    """One database, so many senders of ours and so many bare ones."""

    def __init__(self, stack: ExitStack, name: str, url: str, to: str, senders: int) -> None:
        self.name, self.url, self.to = name, url, to
        self.ours = [stack.enter_context(side(side="ours", url=url)) for _ in range(senders)]
        self.bare = [
            stack.enter_context(side(side="bare", url=url, which=str(number))) for number in range(senders)
        ]
        for sender in (*self.ours, *self.bare):
            sender.ready()
        self._http = stack.enter_context(httpx.Client(timeout=30))
        self.rates: dict[str, list[float]] = {turn: [] for turn in TURNS}

    async def turn(self, turn: str, number: int) -> None:
        """Let one side send as many as the other, and keep how many a second."""
        senders = self.ours if turn == "ours" else self.bare
        keys = [f"{turn}-{number}-{one}" for one in range(MESSAGES)]
        await (self._queued(keys) if turn == "ours" else self._bare(keys, len(senders)))
        table = outbox if turn == "ours" else bare
        waiting = select(func.count()).select_from(table).where(table.c.status == "ready")
        goal = self.taken() + MESSAGES
        engine = make_engine(self.url)
        began = time.monotonic()
        for sender in senders:
            sender.say("go")
        while self.taken() < goal or await _count(engine, waiting):  # noqa: ASYNC110  others' work has no event
            await asyncio.sleep(0.01)
        took = time.monotonic() - began
        await engine.dispose()
        for sender in senders:
            sender.say("stop")
            sender.ready()
        self.rates[turn].append(MESSAGES / took)

    def taken(self) -> int:
        """How many messages the service has taken."""
        number: int = self._http.get(f"{self.to}/told").json()["taken"]
        return number

    async def _queued(self, keys: Sequence[str]) -> None:
        await queued(self.url, keys, self.to, SERVICES, message(""))

    async def _bare(self, keys: Sequence[str], senders: int) -> None:
        engine, body = make_engine(self.url), json.dumps(message("")).encode()
        rows = [
            {
                "id": key,
                "sender": str(number % senders),
                "status": "ready",
                "url": f"{self.to}/{number % SERVICES}/$process-message",
                "body": body,
            }
            for number, key in enumerate(keys)
        ]
        async with writing(engine) as connection:
            await connection.run_sync(bare.create, checkfirst=True)
            await connection.execute(insert(bare), rows)
        await engine.dispose()


async def _count(engine: Any, query: Any) -> int:
    async with reading(engine) as connection:
        return await connection.scalar(query) or 0


async def measure(runs: Sequence[Run]) -> None:
    """All of them in turn: what else the machine does meets each alike. The first round is not kept."""
    for number in range(ROUNDS + 1):
        for run in runs:
            for turn in TURNS:
                await run.turn(turn, number)
            if number == 0:
                run.rates = {turn: [] for turn in TURNS}


def told(console: Console, runs: Sequence[Run]) -> bool:
    """The table; whether each row keeps the limit."""
    table = Table(
        "store", "senders", "bare, a second", "ours, a second", "ours of bare", "bare of bare (A/A)"
    )
    kept = True
    for run in runs:
        one, ours, again = (run.rates[turn] for turn in TURNS)
        ratios = sorted(mine / ((a + b) / 2) for mine, a, b in zip(ours, one, again, strict=True))
        equal = sorted(a / b for a, b in zip(one, again, strict=True))
        share = statistics.median(ratios)
        kept &= share >= LEAST
        table.add_row(
            run.name,
            str(len(run.ours)),
            f"{statistics.median(one + again):.0f}",
            f"{statistics.median(ours):.0f}",
            f"{share:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
            f"{statistics.median(equal):.2f} ({equal[0]:.2f} to {equal[-1]:.2f})",
        )
    console.print(table)
    return kept


async def migrated(url: str) -> str:
    """That store, with our tables."""
    await queued(url, (), "http://127.0.0.1:9")
    return url


def main() -> int:
    """Measure and print; 1 where the limit is not kept."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    console = Console(width=130)
    console.print(
        f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f};"
        f" {MESSAGES} messages a run, medians of {ROUNDS}"
    )
    with ExitStack() as stack:
        port = free_port()
        stack.enter_context(side(side="receiver", port=port))
        to = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{to}/told"))
        server = stack.enter_context(postgres.server())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stores = (
            ("SQLite", f"sqlite+aiosqlite:///{folder}/store.db", 1),
            ("Postgres", server.url(server.new()), 1),
            ("Postgres", server.url(server.new()), 2),
        )
        runs = [Run(stack, name, asyncio.run(migrated(url)), to, senders) for name, url, senders in stores]
        asyncio.run(measure(runs))
        kept = told(console, runs)
    console.print(f"{'PASS' if kept else 'FAIL'} at least {LEAST:.0%} of the bare rate")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
