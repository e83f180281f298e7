"""A real Postgres on loopback, from the distribution's package, and a database of its own for each test."""

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest

OWNER = "house"
_NUMBERS = count(1)


@dataclass(frozen=True)
class Server:
    """Where it listens; `template` names a database that new ones are copied from."""

    port: int
    template: str = "template1"

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://{OWNER}@127.0.0.1:{self.port}/{name}"

    def do(self, statement: str, name: str = "postgres") -> None:
        address = f"host=127.0.0.1 port={self.port} user={OWNER} dbname={name}"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def new(self) -> str:
        """The name of a database that nobody has used."""
        name = f"test{next(_NUMBERS)}"
        self.do(f"CREATE DATABASE {name} TEMPLATE {self.template}")
        return name

    def drop(self, name: str) -> None:
        self.do(f"DROP DATABASE {name} WITH (FORCE)")


def programs() -> Path:
    """The folder of initdb and postgres; the test is skipped, in CI failed, where there is none."""
    found = [Path(name).resolve().parent for name in (shutil.which("initdb"),) if name]
    found += [path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)]
    if not found:
        words = "No Postgres here: install your distribution's package postgresql."
        if os.environ.get("IPVSCREEN_CI"):
            pytest.fail(words)
        pytest.skip(words)
    return found[0]


@contextmanager
def server(*settings: str) -> Iterator[Server]:
    """One that runs, with `settings` as `name=value`; ended, and its files gone, whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    bin_, who = programs(), None
    if os.getuid() == 0:  # it refuses to be run by root
        who = "postgres"
        os.chown(folder, pwd.getpwnam(who).pw_uid, -1)
    port = _free_port()
    data = ["-D", str(folder / "data")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "user": who, "cwd": folder}
    made = [str(bin_ / "initdb"), *data, "-U", OWNER, "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
    subprocess.run(made, check=True, **quiet)  # type: ignore[call-overload]  # noqa: S603
    told = ("listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "max_connections=200")
    options = [word for setting in (*told, *settings) for word in ("-c", setting)]
    command = [str(bin_ / "postgres"), *data, "-p", str(port), *options]
    process = subprocess.Popen(command, **quiet)  # type: ignore[call-overload]  # noqa: S603
    try:
        _until_it_answers(port, process)
        yield Server(port)
    finally:
        process.send_signal(signal.SIGQUIT)  # at once: nobody needs these data again
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    """Below those of outgoing connections: one that looks for the server could connect to itself there."""
    for port in random.sample(range(20_000, 32_000), 200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise OSError("no free port")


def _until_it_answers(port: int, process: "subprocess.Popen[bytes]") -> None:
    address = f"host=127.0.0.1 port={port} user={OWNER} dbname=postgres connect_timeout=5"
    for _ in range(600):
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("Postgres does not answer")
