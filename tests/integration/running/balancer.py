"""One address before several processes: each connection goes to the next, as a TCP balancer does it."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

import processes


@dataclass
class Balancer:
    """Where it listens; `taken` counts the connections by the port behind that took them."""

    port: int
    behind: Sequence[int] = ()
    taken: dict[int, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def balancer() -> Iterator[Balancer]:
    """Set its `behind` before anybody connects; a port that takes no connection is passed over."""
    made, ready, turn = Balancer(processes.free_port()), threading.Event(), count()
    ending: list[Callable[[], object]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = made.behind[next(turn) % len(made.behind)]
        for port in (first, *made.behind):
            with suppress(OSError):
                other, answer = await asyncio.open_connection("127.0.0.1", port)
                made.taken[port] = made.taken.get(port, 0) + 1
                await asyncio.gather(_copied(reader, answer), _copied(other, writer))
                return
        writer.close()

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        ending.append(lambda: loop.call_soon_threadsafe(stop.set))
        server = await asyncio.start_server(connected, "127.0.0.1", made.port)
        ready.set()
        async with server:
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield made
    finally:
        ending[0]()
        thread.join(10)


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while some := await reader.read(65_536):
            writer.write(some)
            await writer.drain()
    with suppress(OSError):
        writer.close()
