"""The processes of the bench of delivery: a service's system, our sender, and a bare one.

`delivery_sides.py JSON`: its `side`, and for a sender the store's `url`. A sender says `ready`; from `go` on
its standard input until `stop` it sends, then it says `ready` again.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import uvicorn
from delivery_waiting import RING
from sqlalchemy import Column, LargeBinary, MetaData, String, Table, select, update

from ipvscreen.app import utc_now
from ipvscreen.delivery.dispatcher import Dispatcher
from ipvscreen.delivery.pace import Pace
from ipvscreen.store.engine import make_engine, reading, writing
from ipvscreen.store.facade import open_store

Send = Callable[[asyncio.Event], Awaitable[None]]

_HEADERS = {"Content-Type": "application/fhir+json"}
bare = Table(
    "bare",
    MetaData(),
    Column("id", String(64), primary_key=True),
    Column("sender", String(1), nullable=False),
    Column("status", String(16), nullable=False),
    Column("url", String(200), nullable=False),
    Column("body", LargeBinary, nullable=False),
)


class Receiver:
    """Takes everything, and counts."""

    def __init__(self) -> None:
        self.taken = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        told = scope["path"] == "/told"
        self.taken += not told
        answer = {"taken": self.taken} if told else {"resourceType": "Bundle", "type": "message"}
        headers = [(b"content-type", b"application/fhir+json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


async def ours(url: str, http: httpx.AsyncClient) -> Send:
    """The dispatcher, as `ipvscreen deliver` runs it."""
    store = await open_store(url, RING, migrate=False)

    async def send(stop: asyncio.Event) -> None:
        await Dispatcher(store, http, utc_now).run(stop)

    return send


async def barely(url: str, http: httpx.AsyncClient, which: str) -> Send:
    """As many at once, and for each one request and one transaction that is on disk; nothing else."""
    engine = make_engine(url)
    mine = select(bare.c.id, bare.c.url, bare.c.body).where(bare.c.status == "ready", bare.c.sender == which)

    async def one(waiting: list[Any]) -> None:
        while waiting:
            row = waiting.pop()
            answer = await http.post(
                row.url, content=row.body, headers={"Content-Type": "application/fhir+json"}
            )
            answer.raise_for_status()
            async with writing(engine, beside=True) as connection:
                await connection.execute(update(bare).where(bare.c.id == row.id).values(status="done"))

    async def send(stop: asyncio.Event) -> None:
        async with reading(engine) as connection:
            waiting = list((await connection.execute(mine)).all())
        await asyncio.gather(*(one(waiting) for _ in range(Pace().at_once)))
        await stop.wait()

    return send


async def commanded(send: Send) -> None:
    """Send from each `go` to the `stop` after it."""
    while True:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        if await asyncio.to_thread(sys.stdin.readline) != "go\n":
            return
        stop = asyncio.Event()
        sending = asyncio.ensure_future(send(stop))
        await asyncio.to_thread(sys.stdin.readline)
        stop.set()
        await sending


async def main(told: dict[str, Any]) -> None:
    """Be that side."""
    if told["side"] == "receiver":
        config = uvicorn.Config(
            Receiver(), port=told["port"], lifespan="off", access_log=False, log_level="warning"
        )
        await uvicorn.Server(config).serve()
        return
    async with httpx.AsyncClient() as http:
        if told["side"] == "ours":
            await commanded(await ours(told["url"], http))
        else:
            await commanded(await barely(told["url"], http, told["which"]))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
