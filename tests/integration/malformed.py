"""Requests as bytes, however wrong, and a generator that knows where such an app may be soft."""

import json
import random
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, unquote

import httpx

from ipvscreen.web import limits

APP, EHR = "https://app.test", "https://ehr.test"
FORM = "application/x-www-form-urlencoded"
TELLTALE = '"><b>quince'  # in values; it may come back as text, and never as a tag
WORDS = re.compile(rb"[A-Z]+OFOURS")  # what is ours: replaced when a request is sent
TOKEN, USED_TOKEN = "TOKENOFOURS", "USEDTOKENOFOURS"


@dataclass(frozen=True)
class Malformed:
    """A request, as bytes; in `pieces` its length is not declared."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""
    pieces: bool = False

    def filled(self, ours: dict[bytes, bytes]) -> "Malformed":
        """With what is ours in place of the words for it."""

        def fill(text: bytes) -> bytes:
            return WORDS.sub(lambda found: ours.get(found[0], found[0]), text)

        headers = tuple((fill(name), fill(value)) for name, value in self.headers)
        return Malformed(self.method, fill(self.target), headers, fill(self.body), self.pieces)


class Address:
    """What the transport reads of a URL, from a request target that no URL parser would let through."""

    scheme, host, port = "https", "app.test", None

    def __init__(self, target: bytes) -> None:
        self.raw_path = target
        path, _, self.query = target.partition(b"?")
        self.path = unquote(path.decode("latin-1"))  # as uvicorn does; what is no UTF-8 becomes U+FFFD


def request_of(sent: Malformed) -> httpx.Request:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(sent.body), 50_000):
            yield sent.body[start : start + 50_000]

    content = pieces() if sent.pieces else sent.body
    request = httpx.Request("GET", APP, headers=list(sent.headers), content=content)
    request.method, request.url = sent.method, Address(sent.target)  # type: ignore[assignment]
    return request


async def answer_to(
    transport: httpx.ASGITransport, sent: Malformed, wrong: list[str]
) -> tuple[str, httpx.Response | None]:
    """What was sent, in words, and the answer; None, and noted as wrong, where the app raised instead."""
    told = f"{sent.method} {sent.target[:300]!r} {sent.headers!r:.600} {sent.body[:300]!r}"
    try:
        answer = await transport.handle_async_request(request_of(sent))
        await answer.aread()
    except Exception as error:  # whatever it is, nobody handled it
        wrong.append(f"{type(error).__name__}: {error} at {told}")
        return told, None
    return told, answer


# What every answer must be

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), display-capture=(), payment=(), usb=(),"
    " clipboard-read=()",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
}
SOMETIMES = {
    *("content-type", "content-length", "location", "set-cookie", "allow", "retry-after"),
    "clear-site-data",
}
TOPIC = re.compile(
    r"abuse|violen|domestic|partner|victim|\bhark\b|ipvscreen|rape|assault|traceback|sqlalchemy|pydantic",
    re.IGNORECASE,
)
# 502 and 504: a launch or a write that the record system did not let happen.
STATUSES = {200, 204, 303, 400, 403, 404, 405, 409, 410, 413, 422, 502, 504}


def faults(sent: Malformed, answer: httpx.Response, *, policy: re.Pattern[str], ours: bool) -> Iterator[str]:
    """What is wrong with that answer; `ours`: to a browser that may know more than others."""
    headers, text = answer.headers, answer.text
    names = [name.lower() for name, _ in headers.multi_items() if name.lower() != "set-cookie"]
    if answer.status_code not in STATUSES:
        yield f"status {answer.status_code}"
    if len(names) != len(set(names)):
        yield "a header came twice"
    stored = "public, max-age=300" if sent.target.startswith(b"/jwks.json") else "no-store"
    for name, value in ALWAYS.items():
        if headers.get(name) != value:
            yield f"{name}: {headers.get(name)}"
    if headers.get("cache-control") not in {"no-store", stored}:
        yield f"cache-control: {headers.get('cache-control')}"
    if not policy.fullmatch(headers.get("content-security-policy", "")):
        yield f"content-security-policy: {headers.get('content-security-policy')}"
    if unknown := set(names) - {*ALWAYS, *SOMETIMES, "cache-control", "content-security-policy"}:
        yield f"headers that nobody knows: {sorted(unknown)}"
    yield from _telling(answer, text, ours=ours)


def _telling(answer: httpx.Response, text: str, *, ours: bool) -> Iterator[str]:
    if TOPIC.search(" ".join(f"{k} {v}" for k, v in answer.headers.multi_items() if k != "set-cookie")):
        yield "a word of the topic in the headers"
    if "text/html" in answer.headers.get("content-type", ""):
        if re.findall(r"<title>(.*?)</title>", text) not in (["Health questionnaire"], []):
            yield "another title"
        if "<b>quince" in text:
            yield "a tag that was sent came back as one"
    if "Whitfield" in text and not ours:
        yield "the patient's name to somebody else"
    if TOPIC.search(text) and not ours and "javascript" not in answer.headers.get("content-type", ""):
        yield "a word of the topic to somebody else"


# What is odd

METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "BREW",
    "get",
    "*",
    "",
)
ODD = (
    *("", "0", "-1", "x", "None", "null", "true", "[]", "{}", TELLTALE, "'; DROP TABLE visits; --", "${7*7}"),
    *(
        "{{7*7}}",
        "%s%n",
        "../../etc/passwd",
        "..\\..",
        "9" * 400,
        "1e999",
        "NaN",
        "²⁰²⁶-03-09",
        "é",
        "\u202e",
    ),
    *(
        "\u2028",
        "\ud7ff",
        "\U0001f600",
        "a\r\nSet-Cookie: x=y",
        "\x00",
        "\x1f",
        "\x7f",
        "\ufeff",
        "ı",
        "ß" * 99,
    ),
    *("https://evil.test/fhir", "https://[::1", "https://ehr.test:99999/fhir", "x" * 3000, "=" * 50, "a;b"),
    *("0001-01-01", "2026-02-30", "9999-12-31", "٢٠٢٦-٠٣-٠٩", "2026-03-09T00:00", "01/02/2026"),
)
ESCAPES = (
    b"%",
    b"%z",
    b"%zz",
    b"%0",
    b"%00",
    b"%ff",
    b"%c0%af",
    b"%ed%a0%80",
    b"%u0041",
    b"%2e%2e%2f",
    b"%0d%0a",
)
RAW = (b"\x00", b"\xff", b"\xc3\x28", b"\xe2\x80", b" ", b"\t", b"#", b"\\", b";", b"&&", b"=", b"[", b'"')
TYPES = (
    *(
        FORM,
        f"{FORM}; charset=utf-16",
        FORM.upper(),
        f"{FORM};;;=",
        "application/json",
        "text/plain",
        "",
        ";",
    ),
    *(
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=x",
        "a/b/c",
        "é",
    ),
)
LENGTHS = ("0", "-1", "+5", "5, 5", "abc", "1e3", "0x10", "9" * 15, "9" * 30, "٣", "", " 12 ", "256001")


class Generator(ABC):
    """Makes requests that are wrong in one way or in many; those of one seed are the same.

    What is one app's own: paths, names of fields and values that fit them, and what lets a browser in.
    """

    odd: Sequence[str] = ODD
    fitting: Sequence[str] = ()
    names: Sequence[str] = ()
    queries: Sequence[str] = ("x", "")
    methods: Sequence[str] = METHODS

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def request(self, fields: Sequence[str]) -> Malformed:
        """The next one; `fields` are those of the page that stands open."""
        posted = self.chance.random() < 0.55
        method = "POST" if posted else self.chance.choice(self.methods)
        path = self.path(posted=posted)
        headers = [*self.doors(), *self._headers()]
        body = self._body(fields) if posted or self.chance.random() < 0.1 else b""
        target = self._spoilt(self._escaped(path)) + self._query()
        return Malformed(method, target, tuple(headers), body, pieces=self.chance.random() < 0.1)

    @abstractmethod
    def path(self, *, posted: bool) -> str:
        """Where to; of a post where forms go."""

    @abstractmethod
    def doors(self) -> Iterator[tuple[bytes, bytes]]:
        """What lets a browser in; mostly all of it."""

    def cookies(self) -> Sequence[Sequence[str]]:
        """Cookie headers that are wrong."""
        return (self.odd, (";;==;", "a" * 9000, "=", "\xff=\xff"))

    def asked(self) -> list[tuple[str, str]]:
        """A query that means something."""
        return []

    def _escaped(self, text: str) -> bytes:
        raw = text.encode("utf-8", "surrogatepass")
        return raw if self.chance.random() < 0.3 else quote(raw, safe="/*").encode()

    def _spoilt(self, target: bytes) -> bytes:
        if self.chance.random() > 0.15:
            return target
        at = self.chance.randrange(len(target) + 1)
        return target[:at] + self.chance.choice((*ESCAPES, *RAW)) + target[at:]

    def _query(self) -> bytes:
        if self.chance.random() < 0.4:
            return b""
        given = [(self.chance.choice(self.queries), self._value()) for _ in range(self.chance.randrange(6))]
        if self.chance.random() < 0.5:
            given += self.asked()
        pairs = [f"{name}={quote_plus(value.encode('utf-8', 'surrogatepass'))}" for name, value in given]
        return b"?" + self._spoilt("&".join(pairs).encode())

    def _value(self) -> str:
        return self.chance.choice(self.fitting if self.chance.random() < 0.4 else self.odd)

    def _headers(self) -> Iterator[tuple[bytes, bytes]]:
        """None, or some that are odd, twice, or both."""
        for _ in range(self.chance.choice((0, 0, 0, 1, 1, 2, 5))):
            name, values = self.chance.choice(
                (
                    ("content-type", TYPES),
                    ("content-length", LENGTHS),
                    *(("cookie", values) for values in self.cookies()),
                    ("origin", (APP, "null", "https://evil.test", *self.odd)),
                    ("sec-fetch-site", ("same-site", "cross-site", "none", "SAME-ORIGIN", *self.odd)),
                    ("sec-fetch-dest", ("document", "iframe", *self.odd)),
                    ("authorization", ("Bearer", "Bearer é", *self.odd)),
                    ("host", ("evil.test", "app.test:99999", "[", *self.odd)),
                    ("transfer-encoding", ("chunked", "gzip, chunked", "x")),
                    ("x-forwarded-proto", ("javascript", *self.odd)),
                    ("x-forwarded-prefix", ("/evil", *self.odd)),
                    ("accept", ("*/*;q=x", *self.odd)),
                    ("expect", ("100-continue", *self.odd)),
                    ("range", ("bytes=0-0", "bytes=-1", *self.odd)),
                )
            )
            yield name.encode(), self.chance.choice(values).encode("utf-8", "surrogatepass")
            if self.chance.random() < 0.2:
                yield name.encode(), self.chance.choice((*RAW, b"\xff" * 30))

    def _body(self, fields: Sequence[str]) -> bytes:
        kind = self.chance.random()
        if kind < 0.75:
            return self._form(fields)
        return self.chance.choice(self._others())

    def _form(self, fields: Sequence[str]) -> bytes:
        """Urlencoded: fields of the page or not, values that fit or not, with a token that is good or not."""
        names = fields if fields and self.chance.random() < 0.7 else self.names
        given = [(self.chance.choice(names), self._value()) for _ in range(self.chance.randrange(6))]
        if self.chance.random() < 0.85:
            given.insert(0, ("token", TOKEN if self.chance.random() < 0.8 else self._value()))
        pairs = [
            f"{quote_plus(name)}={quote_plus(value.encode('utf-8', 'surrogatepass'))}"
            for name, value in given
        ]
        return self._spoilt("&".join(pairs).encode())

    def _others(self) -> tuple[bytes, ...]:
        token = f"token={TOKEN}&".encode()
        filler = self.chance.randbytes(40)
        return (
            b"",
            filler,
            token + filler,
            token + b"due=%ff%fe&other=%00",
            token + b"x" * 64_001,
            token + b"number=" + b"%41" * 30_000,
            b"&".join([token] * 70),
            token + b"&".join(b"f%d=1" % at for at in range(201)),
            token + b"&" * 5_000,
            token + "&".join(f"{name}=x" for name in (*self.names,) * 3).encode(),
            b"x" * (limits.BODY_BYTES + 1),
            b"[" * 100_000,
            b'{"a":' * 20_000,
            json.dumps({"token": TOKEN, "door": {"ask": [1, None, {"a": TELLTALE}]}}).encode(),
            b'--x\r\nContent-Disposition: form-data; name="token"; filename="../x"\r\n\r\n'
            + token
            + b"\r\n--x--",
        )
