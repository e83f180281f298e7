"""Look-alikes of a configured `iss`: none is matched, and none causes a name look-up or a connection.

The counters sit where every way out has to pass: in the socket module below the HTTP client, and in a
transport of our own. A control at the end shows that both of them count.
"""

import socket
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvscreen.errors import LaunchRefused
from ipvscreen.smart.discovery import discover
from ipvscreen.smart.issuers import listed

TLS = httpx.create_ssl_context()  # once: it takes longer than a launch

EHR = "https://fhir.hospital.example/r4"
KNOWN = {
    "hospital": EHR,
    "medplum": "https://api.medplum.example/fhir/R4/",
    "root": "https://root.example",
    "port": "https://port.example:8443/fhir",
    "here": "http://127.0.0.1:8020/fhir",
}

LOOK_ALIKES = [
    # another host
    "https://fhir.hospital.example.evil.example/r4",
    "https://evil.example/fhir.hospital.example/r4",
    "https://evilfhir.hospital.example/r4",
    "https://fhir.hospital.example-evil.example/r4",
    "https://hospital.example/r4",
    "https://fhir.hospital.exampl/r4",
    "https://fhir-hospital.example/r4",
    "https://fhir.hospital.example./r4",
    "https://.fhir.hospital.example/r4",
    "https://fhir..hospital.example/r4",
    # a user name before the host
    "https://fhir.hospital.example@evil.example/r4",
    "https://fhir.hospital.example:443@evil.example/r4",
    "https://user@fhir.hospital.example/r4",
    "https://user:secret@fhir.hospital.example/r4",
    "https://@fhir.hospital.example/r4",
    "https://fhir.hospital.example%40evil.example/r4",
    # what one parser takes for a slash, another does not
    "https://fhir.hospital.example\\@evil.example/r4",
    "https://evil.example\\.fhir.hospital.example/r4",
    "https:\\\\fhir.hospital.example\\r4",
    "https:/fhir.hospital.example/r4",
    "https:///fhir.hospital.example/r4",
    "https:fhir.hospital.example/r4",
    "//fhir.hospital.example/r4",
    # letters that look like others, or are folded into others
    "https://fhir.hоspital.example/r4",
    "https://fhir.hospıtal.example/r4",
    "https://fhir．hospital.example/r4",
    "https://fhir.hospital.example/r４",
    "https://ﬁhir.hospital.example/r4",
    "https://fhir.xn--hspital-zxf.example/r4",
    "https://fhir.hospital\u200b.example/r4",
    "https://fhir.hospital\u00ad.example/r4",
    # case, scheme and port
    "https://FHIR.hospital.example/r4",
    "https://fhir.hospital.example/R4",
    "HTTPS://fhir.hospital.example/r4",
    "http://fhir.hospital.example/r4",
    "ftp://fhir.hospital.example/r4",
    "javascript://fhir.hospital.example/r4",
    "https://fhir.hospital.example:443/r4",
    "https://fhir.hospital.example:8443/r4",
    "https://fhir.hospital.example:/r4",
    "https://fhir.hospital.example:0443/r4",
    "https://port.example/fhir",
    "https://port.example:84430/fhir",
    # another path
    "https://fhir.hospital.example",
    "https://fhir.hospital.example/",
    "https://fhir.hospital.example/r4//",
    "https://fhir.hospital.example//r4",
    "https://fhir.hospital.example/r4/..",
    "https://fhir.hospital.example/x/../r4",
    "https://fhir.hospital.example/./r4",
    "https://fhir.hospital.example/r4/.",
    "https://fhir.hospital.example/r4/..;/x",
    "https://fhir.hospital.example/%72%34",
    "https://fhir.hospital.example/r4%2f",
    "https://fhir.hospital.example%2fr4",
    "https://fhir.hospital.example/r4%00",
    "https://fhir.hospital.example/r4;x=1",
    "https://fhir.hospital.example/r4x",
    "https://fhir.hospital.example/r4/Patient/1",
    "https://root.example//",
    # a query, a fragment, or nothing in them
    "https://fhir.hospital.example/r4?",
    "https://fhir.hospital.example/r4?x=/r4",
    "https://evil.example/?https://fhir.hospital.example/r4",
    "https://fhir.hospital.example/r4#",
    "https://fhir.hospital.example/r4#@evil.example/",
    "https://evil.example#fhir.hospital.example/r4",
    # blanks and control characters
    " https://fhir.hospital.example/r4",
    "https://fhir.hospital.example/r4 ",
    "https://fhir.hospital.example/r4\n",
    "https://fhir.hospital.example/r4\r\nHost: evil.example",
    "https://fhir.hospital.example/r4\x00",
    "https://fhir.hospital\t.example/r4",
    "https://fhir.hospital.example /r4",
    # addresses of this machine and its neighbours
    "http://127.0.0.1:8021/fhir",
    "http://127.0.0.1/fhir",
    "http://localhost:8020/fhir",
    "https://127.0.0.1:8020/fhir",
    "http://127.1:8020/fhir",
    "http://2130706433:8020/fhir",
    "http://0x7f.0.0.1:8020/fhir",
    "http://0177.0.0.1:8020/fhir",
    "http://[::1]:8020/fhir",
    "http://[::ffff:127.0.0.1]:8020/fhir",
    "http://0.0.0.0:8020/fhir",
    "http://127.0.0.1.evil.example:8020/fhir",
    "http://127.0.0.1:8020@evil.example/fhir",
    "http://169.254.169.254/latest/meta-data",
    # nothing, too much, or something else
    "",
    "/",
    "null",
    "hospital",
    "https://",
    "https://[",
    "https://fhir.hospital.example:port/r4",
    "data:application/json,{}",
    "file:///etc/passwd",
    f"{EHR},{EHR}",
    f"{EHR}{'/' * 5000}",
    f"{EHR}/{'a' * 100_000}",
]


@dataclass
class Counters:
    """Every look-up and every connection that was tried, whoever tried it."""

    looked_up: list[Any] = field(default_factory=list)
    connected: list[Any] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.looked_up) + len(self.connected) + len(self.sent)


class CountingTransport(httpx.AsyncBaseTransport):
    """Counts a request, and hands it to the real transport."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._inner = httpx.AsyncHTTPTransport(verify=TLS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._counters.sent.append(str(request.url))
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.fixture
def counters(monkeypatch: pytest.MonkeyPatch) -> Counters:
    """Hooks below everything: a resolver that only counts, and what connects a socket."""
    counted = Counters()

    def hook(owner: Any, name: str, into: list[Any], at: int) -> None:
        real = getattr(owner, name)

        def counting(*args: Any, **kwargs: Any) -> Any:
            into.append(args[at] if len(args) > at else kwargs)
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, counting)

    def no_name(host: Any, *args: Any, **kwargs: Any) -> Any:
        counted.looked_up.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "not in a test")

    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        monkeypatch.setattr(socket, name, no_name)
    hook(socket.socket, "connect", counted.connected, 1)
    hook(socket.socket, "connect_ex", counted.connected, 1)
    hook(socket.socket, "sendto", counted.connected, 2)
    return counted


def asked(iss: str) -> str | None:
    return listed(iss, KNOWN)


async def launched(iss: str, counters: Counters) -> str:
    """What a launch does with an `iss`: on the list, or nothing goes out."""
    async with httpx.AsyncClient(transport=CountingTransport(counters)) as http:
        name = asked(iss)
        if name is None:
            return "refused"
        await discover(http, iss)
        return name


def test_there_are_enough_of_them_and_no_two_alike() -> None:
    assert len(set(LOOK_ALIKES)) == len(LOOK_ALIKES) >= 40


@pytest.mark.parametrize("iss", LOOK_ALIKES, ids=range(len(LOOK_ALIKES)))
async def test_a_look_alike_is_refused_before_anything_leaves(iss: str, counters: Counters) -> None:
    assert await launched(iss, counters) == "refused"

    assert counters.total == 0, counters


async def test_all_of_them_together_leave_the_counters_at_nothing(counters: Counters) -> None:
    assert {await launched(iss, counters) for iss in LOOK_ALIKES} == {"refused"}

    assert (len(counters.looked_up), len(counters.connected), len(counters.sent)) == (0, 0, 0)


async def test_the_counters_count(counters: Counters) -> None:
    """Control: the same path with a configured name looks it up, and with an address connects."""
    with pytest.raises(LaunchRefused, match="did not answer"):
        await launched("https://root.example", counters)
    assert counters.looked_up == [b"root.example"]
    assert counters.sent == ["https://root.example/.well-known/smart-configuration"]

    with socket.socket() as closed:  # bound, not listening: the connection is tried and refused
        closed.bind(("127.0.0.1", 0))
        here = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(LaunchRefused, match="did not answer"):
            async with httpx.AsyncClient(transport=CountingTransport(counters)) as http:
                await discover(http, here)
        assert ("127.0.0.1", closed.getsockname()[1]) in counters.connected


@pytest.mark.parametrize("page", ["/launch", "/list"])
async def test_the_pages_refuse_them_all_before_anything_leaves(
    houses: Any, counters: Counters, page: str
) -> None:
    """The same through the app's own routes; and a real `iss` beside a false one is no better."""
    house = await houses(iss=EHR)
    sent = house.watch()
    false = [iss for iss in LOOK_ALIKES if len(iss) < 10_000]  # more than that no browser sends
    queries = [[("iss", iss), ("launch", "key")] for iss in false]
    queries += [[("iss", EHR), ("iss", iss), ("launch", "key")] for iss in false]

    async with house.browser() as browser:
        pages = [await browser.get(page, params=httpx.QueryParams(query)) for query in queries]

    assert {one.status_code for one in pages} == {400}
    assert {len(one.history) for one in pages} == {0}
    assert not any("set-cookie" in one.headers for one in pages)
    assert (sent, counters.total) == ([], 0)

    async with house.browser() as browser:  # control: the configured one is asked for
        answer = await browser.get(page, params={"iss": EHR, "launch": "key"})
    assert answer.status_code == 502
    assert counters.looked_up == [b"fhir.hospital.example"]
    assert [str(one.url) for one in sent] == [f"{EHR}/.well-known/smart-configuration"]


@pytest.mark.parametrize(
    ("iss", "name"),
    [
        (EHR, "hospital"),
        (f"{EHR}/", "hospital"),
        ("https://api.medplum.example/fhir/R4/", "medplum"),
        ("https://api.medplum.example/fhir/R4", "medplum"),
        ("https://root.example", "root"),
        ("https://root.example/", "root"),
        ("https://port.example:8443/fhir", "port"),
        ("http://127.0.0.1:8020/fhir/", "here"),
    ],
)
def test_the_real_ones_are_found_with_one_slash_more_or_less(iss: str, name: str) -> None:
    assert asked(iss) == name


def test_nobody_is_found_on_an_empty_list_or_by_a_broken_entry() -> None:
    assert listed(EHR, {}) is None
    assert listed("http://ehr.example/fhir", {"plain": "http://ehr.example/fhir"}) is None
    assert listed("", {"empty": ""}) is None
    for odd in (f"{EHR}?tenant=7", f"{EHR}#x", "https://spítal.example/fhir", f"{EHR}/{'a' * 2048}"):
        assert listed(odd, {"odd": odd}) is None


def test_an_entry_is_matched_as_it_is_written() -> None:
    written = {"loud": "https://EHR.example:443/fhir"}

    assert listed("https://EHR.example:443/fhir/", written) == "loud"
    assert listed("https://ehr.example/fhir", written) is None


@given(st.text(max_size=60))
def test_no_text_is_matched_but_an_entry_or_its_neighbour_by_one_slash(text: str) -> None:
    for iss in (text, EHR + text, text + EHR, f"https://{text}/r4"):
        name = asked(iss)
        assert name is None or iss in (KNOWN[name], f"{KNOWN[name]}/", KNOWN[name].removesuffix("/"))
