"""A dispatcher in a process of its own, with short waits; killed, it is started again at once.

`sender.py JSON`: of the store its `url`; a `folder` in which lie `pid`, how each process ended (`ends`), and
the `point` at which the next one is to be killed; `keyless`: each try comes with a key of its own.
"""

import asyncio
import json
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Any

import httpx

from ipvscreen.app import utc_now
from ipvscreen.delivery import dispatcher
from ipvscreen.delivery.pace import Pace
from ipvscreen.delivery.points import Point
from ipvscreen.store.facade import open_store
from ipvscreen.store.sealed import Ring

RING = Ring({"k1": bytes(range(32))}, "k1")
PACE = Pace(lease=1.0, push=0.45, idle=0.05, first_wait=0.05, longest_wait=0.3, hurry=0.1)


def keyless() -> None:
    """The control: what keeps a second try from being a second message is the key alone."""
    push = dispatcher.push

    async def without(*given: Any, **named: Any) -> Any:
        return await push(*given, **(named | {"key": secrets.token_hex(8)}))

    dispatcher.push = without


async def send(url: str, folder: Path) -> None:
    def reached(point: Point) -> None:
        wanted = folder / "point"
        if wanted.exists() and wanted.read_text(encoding="ascii") == point:
            wanted.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    store, stop = await open_store(url, RING, migrate=False), asyncio.Event()
    async with httpx.AsyncClient() as http:
        await dispatcher.Dispatcher(store, http, utc_now, pace=PACE, reached=reached).run(stop)


def main(given: dict[str, Any]) -> None:
    folder = Path(given["folder"])
    if given.get("keyless"):
        keyless()
    while True:
        child = os.fork()
        if child == 0:
            asyncio.run(send(given["url"], folder))
            os._exit(0)
        (folder / "pid.new").write_text(str(child), encoding="ascii")
        (folder / "pid.new").replace(folder / "pid")
        _, status = os.waitpid(child, 0)
        with (folder / "ends").open("a", encoding="ascii") as ends:
            ends.write(f"{os.waitstatus_to_exitcode(status)}\n")
        if not os.WIFSIGNALED(status):
            sys.exit(1)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
