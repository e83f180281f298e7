"""Bulkhead and breaker against a record system that really listens on loopback, and misbehaves there."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import circuitbreaker
import httpx
import pytest

from ipvscreen.ehr import guard
from ipvscreen.ehr.exchange import exchange
from ipvscreen.ehr.guard import guarded
from ipvscreen.errors import EhrUnreachable, LaunchRefused
from ipvscreen.smart.fetch import fetch

GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
HALF = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{"
AT_MOST = 4


@dataclass
class Server:
    """Answers with `answer` after `pause`; counts what it was asked, and how much of that at once."""

    url: str = ""
    answer: bytes = GOOD
    pause: Callable[[], Awaitable[object]] = field(default=lambda: asyncio.sleep(0))
    close: bool = False
    asked: int = 0
    inside: int = 0
    most: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def holds(self, requests: int) -> None:
        """Wait until it has had so many at once."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.most >= requests)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await self._one(writer)
                if self.close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _one(self, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        async with self.changed:
            self.changed.notify_all()
        try:
            await self.pause()
            writer.write(self.answer)
            await writer.drain()
        finally:
            self.inside -= 1

    def status(self, status: int) -> None:
        self.answer = b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % status


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    made = Server()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(made(reader, writer)))

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    try:
        yield made
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as made:
        yield made


@dataclass
class Guarded:
    http: httpx.AsyncClient
    outcomes: Counter[str]

    async def ask(self, url: str, **more: Any) -> int:
        return (await exchange(self.http, "GET", url, who="The record system", headers={}, **more)).status


@asynccontextmanager
async def guarding(at_most: int = AT_MOST) -> AsyncIterator[Guarded]:
    outcomes: Counter[str] = Counter()
    transport = guarded(
        httpx.AsyncHTTPTransport(), at_most=at_most, told=lambda what, _: outcomes.update([what])
    )
    async with httpx.AsyncClient(transport=transport) as http:
        yield Guarded(http, outcomes)


@pytest.fixture
async def client() -> AsyncIterator[Guarded]:
    async with guarding() as made:
        yield made


@dataclass
class Moved:
    """The breaker's clock: the real one and what was added to it."""

    by: float = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.by


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Moved:
    made = Moved()
    monkeypatch.setattr(circuitbreaker, "monotonic", made)
    return made


async def all_places_are_free(client: Guarded, server: Server) -> bool:
    """Whether as many requests as ever may be on their way together."""
    server.answer, server.close = GOOD, False
    together = asyncio.Barrier(AT_MOST)  # nobody is answered before so many have asked
    server.pause = together.wait
    answers = await asyncio.gather(*(client.ask(server.url) for _ in range(AT_MOST)), return_exceptions=True)
    return answers == [200] * AT_MOST


# --- the bulkhead ------------------------------------------------------------------------------------------


async def test_no_more_than_so_many_at_once(client: Guarded, server: Server) -> None:
    server.pause = lambda: asyncio.sleep(0.02)

    answers = await asyncio.gather(*(client.ask(server.url) for _ in range(5 * AT_MOST)))

    assert set(answers) == {200}
    assert (server.asked, server.most) == (5 * AT_MOST, AT_MOST)


async def test_without_it_there_would_be_more(server: Server) -> None:
    """The control."""
    server.pause = lambda: asyncio.sleep(0.2)
    async with httpx.AsyncClient() as http:
        await asyncio.gather(*(Guarded(http, Counter()).ask(server.url) for _ in range(3 * AT_MOST)))

    assert server.most > AT_MOST


async def test_who_finds_no_place_hears_that_nothing_was_sent(
    client: Guarded, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "WAIT_SECONDS", 0.05)
    release = asyncio.Event()
    server.pause = release.wait
    holding = [asyncio.create_task(client.ask(server.url)) for _ in range(AT_MOST)]
    await server.holds(AT_MOST)

    with pytest.raises(httpx.PoolTimeout):
        await client.http.get(server.url)
    with pytest.raises(EhrUnreachable) as silent:
        await client.ask(server.url)
    with pytest.raises(LaunchRefused, match="did not answer"):
        await fetch(client.http, "GET", server.url)

    assert silent.value.may_have_happened is False
    assert server.asked == AT_MOST
    release.set()
    assert set(await asyncio.gather(*holding)) == {200}
    assert client.outcomes == {"busy": 3, "answered": AT_MOST}


async def test_a_place_is_kept_until_the_body_is_read(client: Guarded, server: Server) -> None:
    server.answer, server.pause = HALF, lambda: asyncio.sleep(0)
    slow = asyncio.create_task(client.ask(server.url, seconds=2))
    await server.holds(1)
    await asyncio.sleep(0.05)
    server.most, server.answer = 0, GOOD
    gate = asyncio.Barrier(AT_MOST)
    server.pause = gate.wait
    others = [asyncio.create_task(client.ask(server.url)) for _ in range(AT_MOST)]
    await asyncio.sleep(0.1)

    assert server.most == AT_MOST - 1, "one place is taken by the body that does not end"
    with pytest.raises(EhrUnreachable):
        await slow
    assert set(await asyncio.gather(*others)) == {200}


async def test_every_ending_gives_its_place_back(client: Guarded, server: Server) -> None:
    for _ in range(AT_MOST):
        server.answer, server.close = b"", True
        with pytest.raises(EhrUnreachable):
            await client.ask(server.url)
        server.answer, server.close = GOOD, False
        await client.ask(server.url)
        with pytest.raises(EhrUnreachable, match="too great a length"):
            await client.ask(server.url, limit=1)
        server.answer = HALF
        with pytest.raises(EhrUnreachable):
            await client.ask(server.url, seconds=0.05)
        server.answer = GOOD
        response = await client.http.send(httpx.Request("GET", server.url), stream=True)
        await response.aclose()

    assert await all_places_are_free(client, server)


# --- the breaker -------------------------------------------------------------------------------------------


async def unwell(server: Server, client: Guarded) -> None:
    server.status(503)
    await client.ask(server.url)


async def hanging_up(server: Server, client: Guarded) -> None:
    server.answer, server.close = b"", True
    with pytest.raises(EhrUnreachable):
        await client.ask(server.url)


async def breaking_off(server: Server, client: Guarded) -> None:
    server.answer, server.close = HALF, True
    with pytest.raises(EhrUnreachable):
        await client.ask(server.url)


async def reading_too_long(server: Server, client: Guarded) -> None:
    server.pause = asyncio.Event().wait
    with pytest.raises(httpx.ReadTimeout):
        await client.http.get(server.url, timeout=httpx.Timeout(5.0, read=0.02))


async def given_up(server: Server, client: Guarded) -> None:
    server.pause = asyncio.Event().wait
    with pytest.raises(EhrUnreachable, match="in time"):
        await client.ask(server.url, seconds=0.05)


async def given_up_within_the_body(server: Server, client: Guarded) -> None:
    server.answer = HALF
    with pytest.raises(EhrUnreachable, match="in time"):
        await client.ask(server.url, seconds=0.05)


async def refused(_server: Server, client: Guarded) -> None:
    with pytest.raises(EhrUnreachable):
        await client.ask("http://127.0.0.1:9/")


FAILURES = [unwell, hanging_up, breaking_off, reading_too_long, given_up, given_up_within_the_body, refused]


@pytest.mark.parametrize("fail", FAILURES, ids=lambda fail: fail.__name__)
async def test_after_five_failures_in_a_row_it_is_left_alone(
    fail: Callable[[Server, Guarded], Awaitable[None]],
    client: Guarded,
    server: Server,
    clock: Moved,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "GIVEN_UP_SECONDS", 0.0)
    for _ in range(guard.FAILURES):
        await fail(server, client)
    asked = server.asked

    with pytest.raises(httpx.ConnectError):
        await client.http.get(server.url)
    with pytest.raises(EhrUnreachable) as silent:
        await client.ask(server.url)
    with pytest.raises(LaunchRefused, match="did not answer"):
        await fetch(client.http, "GET", server.url)

    assert silent.value.may_have_happened is False
    assert server.asked == asked, "it hears of none of them"
    assert client.outcomes == {"failed": guard.FAILURES, "left-alone": 3}
    clock.by = guard.REST_SECONDS
    server.answer, server.close, server.pause = GOOD, False, lambda: asyncio.sleep(0)
    assert await client.ask(server.url) == 200
    assert await all_places_are_free(client, server), "all is as before"


async def test_one_good_answer_begins_the_count_anew(client: Guarded, server: Server) -> None:
    for _ in range(3):
        for _ in range(guard.FAILURES - 1):
            await unwell(server, client)
        server.status(200)
        assert await client.ask(server.url) == 200


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 422, 429, 500])
async def test_an_answer_that_says_no_is_an_answer(client: Guarded, server: Server, status: int) -> None:
    server.status(status)
    answers = [await client.ask(server.url) for _ in range(3 * guard.FAILURES)]

    assert answers == [status] * (3 * guard.FAILURES)


async def test_who_stops_waiting_soon_says_nothing_of_the_record_system(
    client: Guarded, server: Server
) -> None:
    """A page that was left, or a process that stops."""
    server.pause = asyncio.Event().wait
    for _ in range(2 * guard.FAILURES):
        with pytest.raises(EhrUnreachable):
            await client.ask(server.url, seconds=0.02)

    server.pause = lambda: asyncio.sleep(0)
    assert await client.ask(server.url) == 200
    assert client.outcomes == {"answered": 1}


async def opened(client: Guarded, server: Server) -> None:
    server.status(503)
    for _ in range(guard.FAILURES):
        await client.ask(server.url)


async def test_it_stays_alone_for_fifteen_seconds(client: Guarded, server: Server, clock: Moved) -> None:
    await opened(client, server)
    server.answer, clock.by = GOOD, guard.REST_SECONDS - 1

    with pytest.raises(EhrUnreachable):
        await client.ask(server.url)

    clock.by = guard.REST_SECONDS
    assert await client.ask(server.url) == 200


async def test_then_one_is_let_through_and_its_answer_opens_the_way(
    client: Guarded, server: Server, clock: Moved
) -> None:
    await opened(client, server)
    asked, clock.by, server.most = server.asked, guard.REST_SECONDS, 0
    release = asyncio.Event()
    server.answer, server.pause = GOOD, release.wait
    trial = asyncio.create_task(client.ask(server.url))
    await server.holds(1)

    others = await asyncio.gather(*(client.ask(server.url) for _ in range(10)), return_exceptions=True)

    assert {type(other) for other in others} == {EhrUnreachable}
    assert server.asked == asked + 1
    release.set()
    assert await trial == 200
    assert await all_places_are_free(client, server)


async def test_if_that_one_fails_it_is_left_alone_again(
    client: Guarded, server: Server, clock: Moved
) -> None:
    await opened(client, server)
    clock.by = guard.REST_SECONDS
    assert await client.ask(server.url) == 503
    server.answer, asked = GOOD, server.asked

    clock.by += guard.REST_SECONDS - 1
    with pytest.raises(EhrUnreachable):
        await client.ask(server.url)
    assert server.asked == asked

    clock.by += 1
    assert await client.ask(server.url) == 200


async def test_a_trial_that_is_given_up_lets_the_next_one_try(
    client: Guarded, server: Server, clock: Moved
) -> None:
    await opened(client, server)
    clock.by = guard.REST_SECONDS
    server.answer, server.pause = GOOD, asyncio.Event().wait
    with pytest.raises(EhrUnreachable):
        await client.ask(server.url, seconds=0.02)

    server.pause = lambda: asyncio.sleep(0)
    assert await client.ask(server.url) == 200


# --- one of several ----------------------------------------------------------------------------------------


async def test_one_that_hangs_leaves_another_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "WAIT_SECONDS", 0.2)
    async with AsyncExitStack() as stack:
        ill, well = [await stack.enter_async_context(serving()) for _ in range(2)]
        to_ill, to_well = [await stack.enter_async_context(guarding()) for _ in range(2)]
        ill.pause = asyncio.Event().wait
        hanging = [asyncio.create_task(to_ill.ask(ill.url, seconds=2)) for _ in range(10 * AT_MOST)]
        await ill.holds(AT_MOST)

        answers = [await to_well.ask(well.url) for _ in range(20)]
        ended = await asyncio.gather(*hanging, return_exceptions=True)

    assert answers == [200] * 20
    assert to_well.outcomes == {"answered": 20}
    assert {type(one) for one in ended} == {EhrUnreachable}
    assert ill.asked == AT_MOST


async def test_behind_one_guard_it_would_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(guard, "WAIT_SECONDS", 0.2)
    async with AsyncExitStack() as stack:
        ill, well = [await stack.enter_async_context(serving()) for _ in range(2)]
        both = await stack.enter_async_context(guarding())
        ill.pause = asyncio.Event().wait
        hanging = [asyncio.create_task(both.ask(ill.url, seconds=2)) for _ in range(AT_MOST)]
        await ill.holds(AT_MOST)

        with pytest.raises(EhrUnreachable):
            await both.ask(well.url)
        await asyncio.gather(*hanging, return_exceptions=True)
