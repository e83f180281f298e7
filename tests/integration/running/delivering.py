"""What tests of delivery need: a service, senders that can be killed, referrals that wait, and a count."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import processes
from delivery_waiting import left

HERE = Path(__file__).resolve().parent
SOAK = int(os.environ.get("IPVSCREEN_SOAK", "1")) > 1
SHARE = 0.3  # of the answers are failures, half of them after the message was taken
SECONDS = 600 if SOAK else 60


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
            with suppress(ProcessLookupError):
                os.killpg(self.parent.pid, signal.SIGKILL)  # one just forked has not told its id yet
            self.parent.wait()
            return
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
    command = [sys.executable, str(HERE / "sender.py"), told]
    one = Sender(folder, subprocess.Popen(command, start_new_session=True))  # noqa: S603  our own program
    try:
        yield one
    finally:
        one.kill(for_good=True)


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
