"""What only reads is asked for again where that may help, within the time of one request; nothing else is."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import respx

from ipvscreen.ehr import guard, repeat
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.guard import LeftAlone, guarded
from ipvscreen.ehr.repeat import TRIES, after_answer, after_error
from ipvscreen.errors import EhrError, EhrRefused, EhrUnreachable

BASE = "https://ehr.example/fhir"
FLAG = {"resourceType": "Flag", "id": "f1"}
BUNDLE = {"resourceType": "Bundle", "entry": [{"resource": FLAG}]}
METADATA = {"resourceType": "CapabilityStatement"}
DATE = {"Date": "Sun, 22 Nov 2026 16:00:00 GMT"}
PASSES = (429, 500, 502, 503, 504)
BROKEN = (httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)
LATE = (httpx.ConnectTimeout, httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout)

Ask = Callable[[FhirClient], Awaitable[Any]]
READS: dict[str, tuple[Ask, dict[str, Any]]] = {
    "read": (lambda c: c.read("Flag", "f1"), FLAG),
    "search": (lambda c: c.search("Flag", {"_id": "f1"}), BUNDLE),
    "vread": (lambda c: c.vread("Flag", "f1", "1"), FLAG),
    "history": (lambda c: c.history("Flag", "f1"), BUNDLE),
    "capability": (lambda c: c.capability(), METADATA),
}
WRITES: dict[str, Ask] = {
    "create": lambda c: c.create(FLAG),
    "conditional create": lambda c: c.create(FLAG, "identifier=a|b"),
    "transaction": lambda c: c.transaction(BUNDLE),
    "batch": lambda c: c.batch(BUNDLE),
    "update": lambda c: c.update(FLAG, "1"),
    "delete": lambda c: c.delete("Flag", "f1"),
}


@pytest.fixture
def server() -> Any:
    with respx.mock(assert_all_called=False) as router:
        yield router.route(host="ehr.example")


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause."""
    monkeypatch.setattr(repeat, "PAUSE_SECONDS", (0.0, 0.0))


@pytest.fixture
async def client() -> AsyncIterator[FhirClient]:
    async with httpx.AsyncClient() as http:
        yield FhirClient(http, BASE, _token, seconds=5.0)


async def _token() -> str:
    return "secret-token"


@pytest.mark.parametrize("ask", READS)
@pytest.mark.parametrize("fails", [*PASSES, *BROKEN], ids=str)
@pytest.mark.usefixtures("quickly")
async def test_a_read_that_fails_twice_is_answered(
    server: Any, client: FhirClient, ask: str, fails: int | type[Exception]
) -> None:
    read, body = READS[ask]
    failure = httpx.Response(fails) if isinstance(fails, int) else fails("inside")
    server.mock(side_effect=[failure, failure, httpx.Response(200, json=body)])

    assert await read(client)
    sent = [call.request for call in server.calls]
    assert len(sent) == 3
    assert len({(str(one.url), one.headers["Authorization"]) for one in sent}) == 1


@pytest.mark.parametrize("ask", WRITES)
@pytest.mark.parametrize("fails", [*PASSES, *BROKEN], ids=str)
@pytest.mark.usefixtures("quickly")
async def test_what_changes_anything_is_sent_once(
    server: Any, client: FhirClient, ask: str, fails: int | type[Exception]
) -> None:
    server.mock(side_effect=[httpx.Response(fails) if isinstance(fails, int) else fails("inside")])

    with pytest.raises(EhrError):
        await WRITES[ask](client)

    assert server.call_count == 1


@pytest.mark.usefixtures("quickly")
async def test_after_the_third_what_it_said_last_is_told(server: Any, client: FhirClient) -> None:
    server.mock(side_effect=[httpx.Response(503), httpx.ReadError("inside"), httpx.Response(429)])
    with pytest.raises(EhrRefused, match="too busy"):
        await client.read("Flag", "f1")

    server.mock(side_effect=[httpx.Response(503), httpx.Response(503), httpx.ReadError("inside")])
    with pytest.raises(EhrUnreachable, match="broke off"):
        await client.read("Flag", "f1")

    assert server.call_count == 6


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 408, 409, 410, 412, 422, 501, 505])
async def test_an_answer_that_will_not_change_is_taken(server: Any, client: FhirClient, status: int) -> None:
    server.mock(return_value=httpx.Response(status))

    with pytest.raises(EhrRefused):
        await client.read("Flag", "f1")

    assert server.call_count == 1


@pytest.mark.parametrize("late", LATE)
async def test_who_has_waited_once_does_not_wait_again(
    server: Any, client: FhirClient, late: type[Exception]
) -> None:
    server.mock(side_effect=late("inside"))

    with pytest.raises(EhrUnreachable):
        await client.read("Flag", "f1")

    assert server.call_count == 1


@pytest.mark.usefixtures("quickly")
async def test_all_tries_together_have_the_time_of_one(server: Any) -> None:
    asked: list[httpx.Request] = []

    async def silent(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        await asyncio.sleep(0 if len(asked) == 1 else 60)
        return httpx.Response(503)

    server.mock(side_effect=silent)
    began = time.monotonic()
    async with httpx.AsyncClient() as http:
        with pytest.raises(EhrUnreachable, match="in time"):
            await FhirClient(http, BASE, _token, seconds=0.3).read("Flag", "f1")

    assert len(asked) == 2
    assert time.monotonic() - began < 30, "it was not waited for"


async def test_where_no_time_is_left_for_another_the_answer_is_told(server: Any) -> None:
    server.mock(return_value=httpx.Response(503))
    async with httpx.AsyncClient() as http:
        with pytest.raises(EhrRefused, match="not available"):
            await FhirClient(http, BASE, _token, seconds=0.09).read("Flag", "f1")

        server.mock(side_effect=httpx.ReadError("inside"))
        with pytest.raises(EhrUnreachable, match="broke off"):
            await FhirClient(http, BASE, _token, seconds=0.09).read("Flag", "f1")

    assert server.call_count == 2


@pytest.mark.parametrize("asked", ["3", "7", "soon"])
async def test_a_record_system_that_asks_for_more_than_a_visit_has_is_left_in_peace(
    server: Any, client: FhirClient, asked: str
) -> None:
    server.mock(return_value=httpx.Response(429, headers={"Retry-After": asked}))

    with pytest.raises(EhrRefused):
        await client.read("Flag", "f1")

    assert server.call_count == 1


# --- the table ---------------------------------------------------------------------------------------------


def test_few_answers_pass_by_themselves() -> None:
    passing = [status for status in range(100, 600) if after_answer(status, {}, 0.5) is not None]
    assert passing == list(PASSES)


@pytest.mark.parametrize(("spread", "seconds"), [(0.0, 0.1), (0.5, 0.25), (1.0, 0.4)])
def test_a_pause_is_short_and_not_the_same_for_all(spread: float, seconds: float) -> None:
    assert after_answer(503, {}, spread) == pytest.approx(seconds)
    assert after_error(httpx.ReadError(""), spread) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"Retry-After": "0"}, 0.1),
        ({"Retry-After": " 1 "}, 1.1),
        ({"Retry-After": "2"}, 2.1),
        ({"Retry-After": "3"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "²"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "Sun, 22 Nov 2026 16:00:02 GMT"} | DATE, 2.1),
        ({"Retry-After": "Sun, 22 Nov 2026 15:00:00 GMT"} | DATE, 0.1),
        ({"Retry-After": "Sun, 22 Nov 2026 16:00:03 GMT"} | DATE, None),
        ({"Retry-After": "Sun, 22 Nov 2026 16:00:01 -0000"} | DATE, None),
        ({"Retry-After": "Sun, 22 Nov 2026 16:00:01 GMT"}, None),
    ],
)
def test_what_is_asked_for_is_waited_for_up_to_two_seconds(
    said: dict[str, str], seconds: float | None
) -> None:
    expected = None if seconds is None else pytest.approx(seconds)
    assert after_answer(429, httpx.Headers(said, encoding="latin-1"), 0.0) == expected


@pytest.mark.parametrize(
    "error",
    [
        *LATE,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
        httpx.LocalProtocolError,
        httpx.DecodingError,
        LeftAlone,
    ],
)
def test_what_is_late_or_not_the_networks_does_not_pass(error: type[httpx.RequestError]) -> None:
    assert after_error(error("inside"), 0.5) is None


# --- behind the guard --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fails", [503, httpx.ConnectError], ids=str)
@pytest.mark.usefixtures("quickly")
async def test_the_breaker_counts_what_failed_for_good_and_nobody_asks_once_it_is_open(
    server: Any, fails: int | type[Exception]
) -> None:
    outcomes: Counter[str] = Counter()
    side_effect = fails if not isinstance(fails, int) else None
    server.mock(return_value=httpx.Response(503), side_effect=side_effect)
    async with _guarded(outcomes, at_most=4) as http:
        client = FhirClient(http, BASE, _token)
        for words in (*["not available|not be reached"] * guard.FAILURES, "not be reached"):
            with pytest.raises(EhrError, match=words):
                await client.read("Flag", "f1")

    tries = guard.FAILURES * TRIES
    assert server.call_count == tries
    assert outcomes == {"failed": tries, "left-alone": 1}, "and none once it is open"


async def test_who_pauses_keeps_no_place(server: Any) -> None:
    paths: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path.rpartition("/")[2])
        return httpx.Response(503) if paths == ["f1"] else httpx.Response(200, json=FLAG)

    server.mock(side_effect=answer)
    async with _guarded(Counter(), at_most=1) as http:
        client = FhirClient(http, BASE, _token)
        await asyncio.gather(client.read("Flag", "f1"), client.read("Flag", "f2"))

    assert paths == ["f1", "f2", "f1"]


def _guarded(outcomes: Counter[str], *, at_most: int) -> httpx.AsyncClient:
    inner = httpx.AsyncHTTPTransport()
    told = guarded(inner, at_most=at_most, told=lambda what, _: outcomes.update([what]))
    return httpx.AsyncClient(transport=told)
