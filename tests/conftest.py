"""What holds for every test: no thread of a database connection outlives its event loop; one TLS context.

What was imported is not looked through by the collector again and again: that was a fifth of the time.
"""

import asyncio
import gc
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import aiosqlite.core
import httpx._transports.default as transports
import pytest
from hypothesis import HealthCheck, settings

# Of the wall clock, and the machine may be busy.
settings.register_profile("everyday", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("everyday")

_PATIENCE = 5  # seconds, which only a test that fails takes


class Worker(threading.Thread):
    """The thread of one connection, which knows its event loop, and of what it died."""

    at_work: list["Worker"] = []  # noqa: RUF012  # of all connections, until `left_behind` has seen their end

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named, daemon=True)  # what is left behind must not keep pytest
        self.loop, self.died = asyncio.get_running_loop(), None
        self.at_work.append(self)

    def run(self) -> None:
        try:
            super().run()
        except RuntimeError as died:  # Python would tell of it in whatever test runs by then
            self.died = died


def left_behind() -> list[str]:
    """The connections that were not closed before their event loop: what each thread does or died of."""
    ended = [one for one in Worker.at_work if one.loop.is_closed() and one.ident is not None]
    for one in ended:
        one.join(_PATIENCE)
        Worker.at_work.remove(one)
    return [f"{one.name}: {one.died or 'still waits'}" for one in ended if one.died or one.is_alive()]


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Iterator[Any]:
    """The test itself fails, and not whichever comes next."""
    result = yield
    if left := left_behind():
        pytest.fail(f"a database connection outlives its event loop: {', '.join(left)}", pytrace=False)
    return result


@pytest.fixture(scope="session", autouse=True)
def _workers_and_trust() -> Iterator[None]:
    """Connections work in a Worker. The usual TLS context is made once: to read the roots takes 25 ms."""
    made = transports.create_ssl_context

    @cache
    def usual(*_roots: str | None) -> ssl.SSLContext:
        return made()

    def context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        if (verify, cert, trust_env) == (True, None, True):
            return usual(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        return made(verify=verify, cert=cert, trust_env=trust_env)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aiosqlite.core, "Thread", Worker)
        patch.setattr(transports, "create_ssl_context", context)
        yield


@pytest.fixture
def end_of_test() -> Callable[[], None]:
    """What is looked at when a test has ended, for its own test: fails as that would."""

    def look() -> None:
        ending = pytest_runtest_teardown()
        next(ending)
        with suppress(StopIteration):
            ending.send(None)

    return look
