"""One worker process: the app behind a socket that it shares with the other workers."""

import asyncio
import gc
import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import FrameType

import uvicorn
from fastapi import FastAPI

from ipvscreen.app import create_app
from ipvscreen.cli.logs import configure_logs
from ipvscreen.cli.reading import settings

GRACE_SECONDS = 30  # that requests get to finish
_FRESH_SECONDS = 0.5  # until a connection that was just taken has sent its request
_CLOSE = (b"connection", b"close")


@dataclass(frozen=True, slots=True)
class Work:
    """What each worker is told; picklable, for workers are fresh processes."""

    forwarded_allow_ips: str
    drain: float  # seconds between "not ready" and the last accepted connection
    deliver: bool = True  # send what waits in the outbox, too


def work(sock: socket.socket, line: Connection, told: Work) -> None:
    """Serve until told to stop; runs in a process of its own, with the settings as they are now."""
    configure_logs()
    # A terminal and some supervisors signal the whole group; reloading is the parent's affair.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    app = create_app(settings(), deliver=told.deliver)
    config = uvicorn.Config(
        app,
        access_log=False,
        server_header=False,
        log_config=None,
        proxy_headers=True,
        forwarded_allow_ips=told.forwarded_allow_ips,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    Worker(config, app, line, told.drain).run(sockets=[sock])


class Worker(uvicorn.Server):
    """A server that ends in two ways, and by either finishes what it has begun.

    SIGTERM: everything stops, so it first says "not ready" for `drain` seconds and goes on serving.
    The closed line: it is replaced, or its parent is gone, so it takes no connection from now on.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI, line: Connection, drain: float) -> None:
        super().__init__(config)
        self._app, self._line, self._drain = app, line, drain
        self._ends_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve, and tell the parent so."""
        await super().startup(sockets)
        if self.started:
            _keep_out_of_collections()
            with suppress(BrokenPipeError):  # nobody waits for it any more, which the next tick sees
                self._line.send(os.getpid())

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  uvicorn's signature
        """Say "not ready"; not noted for uvicorn, which would end by the signal instead of with 0."""
        if sig == signal.SIGTERM and self._ends_at is None:
            self._app.state.stopping = True
            self._ends_at = time.monotonic() + self._drain
            # Whoever keeps a connection open is to come back by a new one, which another server takes.
            self.config.encoded_headers.append(_CLOSE)
            self.server_state.default_headers.append(_CLOSE)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether it is time to end."""
        over = self._ends_at is not None and time.monotonic() >= self._ends_at
        return await super().on_tick(counter) or over or self._line.poll()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections; answer those just taken, on which uvicorn would hang up."""
        self.server_state.default_headers.append(_CLOSE)
        for server in self.servers:
            server.close()
        await asyncio.sleep(_FRESH_SECONDS)
        await super().shutdown(sockets)


def _keep_out_of_collections() -> None:
    """What was imported and read stays until the end: looking through it took 0.13 s of some Save's wait."""
    gc.collect()
    gc.freeze()
