"""Where referrals may go: public addresses, looked up once, proven by name; nowhere else, whoever says so."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from test_smart_tls import certificate

from ipvscreen.app import create_app
from ipvscreen.delivery.fhir_push import push
from ipvscreen.delivery.outside import Outside, is_public, outside
from ipvscreen.errors import DeliveryLater, DeliveryRefused

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
NAME = "service.example"
MESSAGE = {"resourceType": "Bundle", "type": "message"}

NOT_PUBLIC = (
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"),  # noqa: S104  looked at
    *(
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "192.0.2.7",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
    ),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1"),
    *(
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::1",
        "2001::1",
    ),
)
PUBLIC = ("8.8.8.8", "172.32.0.1", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8")


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_only_some_can_reach_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_all_can_reach_is(address: str) -> None:
    """The control."""
    assert is_public(address)


class Names:
    """A resolver that answers what it is told, the last answer for good."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not answer:
            raise OSError("no such name")
        return answer


@asynccontextmanager
async def listening(
    folder: Path, answer: str = "200 OK", *, name: str = NAME, keep: bool = False
) -> AsyncIterator[tuple[int, ssl.SSLContext, list[bytes]]]:
    """A TLS server on loopback for `name`: its port, who trusts it, and what it was told."""
    file, told = certificate(folder, name), []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(4096):
            told.append(said)
            end = "" if keep else "Connection: close\r\n"
            writer.write(f"HTTP/1.1 {answer}\r\n{end}Content-Length: 2\r\n\r\n{{}}".encode())
            if not keep:
                break
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], ssl.create_default_context(cafile=file), told


def client(
    names: Names, tls: ssl.SSLContext, public: object = None, inside: tuple[str, ...] = ()
) -> httpx.AsyncClient:
    """One for which 127.0.0.1 is on the internet, so that a server can be there."""
    seen = public or (lambda address: address == "127.0.0.1" or is_public(address))
    return httpx.AsyncClient(transport=Outside(frozenset(inside), lookup=names, public=seen, tls=tls))


async def pushed(http: httpx.AsyncClient, port: int, name: str = NAME) -> object:
    url = f"https://{name}:{port}/fhir"
    return await push(http, url, MESSAGE, key="k", correlation="c", clock=lambda: NOW, seconds=5.0)


async def test_it_is_looked_up_once_and_connected_to_as_looked_up(tmp_path: Path) -> None:
    """The system's own resolver knows no such name: it was not asked. The service sees its own name."""
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with listening(tmp_path) as (port, tls, told), client(names, tls) as http:
        await pushed(http, port)
    assert names.asked == [NAME]
    assert b"POST /fhir/$process-message" in told[0]
    assert f"Host: {NAME}:{port}".encode() in told[0]


async def test_an_answer_that_changes_moves_nothing(tmp_path: Path) -> None:
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with listening(tmp_path) as (port, tls, told), client(names, tls) as http:
        await pushed(http, port)
        with pytest.raises(DeliveryLater, match="could not be reached"):
            await pushed(http, port)
    assert len(told) == 1
    assert names.asked == [NAME] * 2


@pytest.mark.parametrize("found", [["10.0.0.1"], ["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"], []])
async def test_a_name_that_leads_inside_gets_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], found: list[str]
) -> None:
    """A person hears of it as of any that cannot be reached; the operator at once, without the name."""
    async with listening(tmp_path) as (port, tls, told), client(Names(found), tls, is_public) as http:
        with pytest.raises(DeliveryLater, match="could not be reached"):
            await pushed(http, port)
    assert told == []
    said = capsys.readouterr().out
    assert ("delivery.address" in said) == bool(found)
    assert NAME not in said


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:{}", "https://[::1]:{}", "https://localhost:{}", "http://127.0.0.1:{}"]
)
async def test_an_address_of_this_machine_gets_nothing_from_what_is_served(tmp_path: Path, url: str) -> None:
    """By the real resolver, as in a deployment."""
    async with listening(tmp_path, name="localhost") as (port, _, told), outside() as http:
        with pytest.raises(DeliveryLater, match="could not be reached"):
            await push(http, url.format(port), MESSAGE, key="k", correlation="c", clock=lambda: NOW)
    assert told == []


async def test_a_host_of_ones_own_network_is_named_in_the_settings(tmp_path: Path) -> None:
    async with listening(tmp_path, name="localhost") as (port, tls, told):
        async with client(Names([]), tls, is_public, inside=("localhost",)) as http:
            await pushed(http, port, "localhost")
        assert len(told) == 1
        async with client(Names([]), tls, is_public, inside=("local",)) as http:
            with pytest.raises(DeliveryLater):
                await pushed(http, port, "localhost")
        assert len(told) == 1, "a part of a name is no name"


async def test_another_that_answers_at_the_address_does_not_prove_the_name(tmp_path: Path) -> None:
    async with listening(tmp_path, name="other.example") as (port, tls, told):
        async with client(Names(["127.0.0.1"]), tls) as http:
            with pytest.raises(DeliveryLater, match="could not be reached"):
                await pushed(http, port)
        assert told == []
        async with client(Names(["127.0.0.1"]), tls) as http:
            await pushed(http, port, "other.example")
        assert len(told) == 1, "the control: it proves its own"


async def test_a_connection_is_used_for_the_name_alone_that_it_was_proven_for(tmp_path: Path) -> None:
    """Two names at one address: the second is not sent over what the first has proven."""
    async with listening(tmp_path, keep=True) as (port, tls, told), client(Names(["127.0.0.1"]), tls) as http:
        await pushed(http, port)
        with pytest.raises(DeliveryLater):
            await pushed(http, port, "other.example")
        await pushed(http, port)
    assert len([one for one in told if one.startswith(b"POST")]) == 2


async def test_the_next_address_is_tried_where_the_first_takes_no_connection(tmp_path: Path) -> None:
    def anywhere(_: str) -> bool:
        return True

    names = Names(["127.0.0.9", "127.0.0.1"])
    async with listening(tmp_path) as (port, tls, told), client(names, tls, anywhere) as http:
        await pushed(http, port)
    assert len(told) == 1


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
async def test_nobody_is_led_elsewhere(tmp_path: Path, status: str) -> None:
    names = Names(["127.0.0.1"])
    answer = f"{status}\r\nLocation: https://elsewhere.example/fhir"
    async with listening(tmp_path, answer) as (port, tls, told), client(names, tls) as http:
        with pytest.raises(DeliveryRefused):
            await pushed(http, port)
    assert len(told) == 1
    assert names.asked == [NAME], "elsewhere was not even looked up"


async def test_the_app_as_it_is_served_sends_by_this_way(house: object) -> None:
    settings = house.settings  # type: ignore[attr-defined]  # conftest's house
    for inside, allowed in ((), False), (("service.test",), True):
        app = create_app(
            settings.model_copy(update={"inside_hosts": inside}), clock=lambda: NOW, deliver=False
        )
        async with app.router.lifespan_context(app):
            transport = app.state.rooms.dispatcher._http._transport
            assert isinstance(transport, Outside)
            assert ("service.test" in transport._inside) == allowed
