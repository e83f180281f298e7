"""Thousands of malformed requests: none is answered by an unexpected failure, and every answer is neutral.

Half of them are schemathesis's, from a description that is made of the app's own routes; half come from a
generator that knows where such an app may be soft. What is ours in them (visit, cookie, form token, state)
stands as a word that is replaced just before the request is sent: so they get past the doors. Requests are
handed to the app as a server does that has undone the escapes of the path, however wrong they are. A
failure tells the seed: IPVSCREEN_SEED repeats a run, IPVSCREEN_MALFORMED and IPVSCREEN_SOAK ask for more.
"""

import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
import requests
import schemathesis
from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from malformed import (
    APP,
    EHR,
    FORM,
    ODD,
    TOKEN,
    USED_TOKEN,
    Generator,
    Malformed,
    answer_to,
    faults,
)
from pydantic import SecretStr
from schemathesis import Case, GenerationMode

from ipvscreen.web import cookies, visit

MALFORMED = int(os.environ.get("IPVSCREEN_MALFORMED") or 5000)
SOAK = 10 if int(os.environ.get("IPVSCREEN_SOAK") or 1) > 1 else 1  # 50,000 are the full count
SEED = int(os.environ.get("IPVSCREEN_SEED") or random.SystemRandom().randrange(10**6))
HALF = -(-MALFORMED * SOAK // 2)
IN_ONE_HOUSE = 1250  # then a fresh one: abandoned visits pile up on the clinicians' lists
HOUSES = -(-HALF // IN_ONE_HOUSE)
CONTROL = 300  # requests, among which a control must find what is broken
RENEWED, REPRINTED = 125, 10  # requests, after which there is another visit; or another page of it

METRICS = "counts-for-the-machine-that-watches"
YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
STEPS = ("start", "questions", "respond", "danger", "refer", "share", "sent", "done", "not-now", "finish")
# Pages from which the visits under attack start, by what was posted before.
WALKS: tuple[tuple[dict[str, str], ...], ...] = (
    (),
    ({"door": "ask"},),
    ({"door": "told"},),
    ({"door": "told"}, {"safe-today": "yes", "neck": "no", "suicide": "no"}),
    ({"door": "not-now"},),
    ({"door": "ask"}, dict.fromkeys(HARK, NO) | {"aas-1": "no"}),
)

# Words that are replaced when a request is sent.
VISIT, OLDER, SITTING, STATE = "VISITOFOURS", "OLDERVISITOFOURS", "SITTINGOFOURS", "STATEOFOURS"
COOKIE_NAME, COOKIE_VALUE = "COOKIENAMEOFOURS", "COOKIEVALUEOFOURS"
LAUNCH_NAME, LAUNCH_VALUE = "LAUNCHNAMEOFOURS", "LAUNCHVALUEOFOURS"
COOKIE = f"{COOKIE_NAME}={COOKIE_VALUE}"
LAUNCH_COOKIE = f"{LAUNCH_NAME}={LAUNCH_VALUE}"

Opener = Callable[..., AbstractAsyncContextManager[Any]]


CONTENT = re.compile(
    "default-src 'none'; img-src 'self'; style-src 'self'; connect-src 'self';"
    f" script-src {APP}/s/page\\.js; require-trusted-types-for 'script'; trusted-types 'none';"
    f" form-action 'self'(?: {EHR})?; frame-ancestors (?:'none'|{EHR}); base-uri 'none'"
)


# The house under attack


@dataclass
class World:
    """The house, a visit in it that is renewed again and again, and what has come of the requests."""

    house: Any
    chance: random.Random
    ours: dict[bytes, bytes] = field(default_factory=dict)
    visitor: Any = None
    step: str = "start"
    fields: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    count: int = 0

    def __post_init__(self) -> None:
        self.transport = httpx.ASGITransport(self.house.app, raise_app_exceptions=True)

    async def send(self, malformed: Malformed) -> None:
        """One request, and a look at what came back."""
        await self._prepare()
        sent = malformed.filled(self.ours)
        told, answer = await answer_to(self.transport, sent, self.wrong)
        if answer is None:
            return
        value = self.ours[COOKIE_VALUE.encode()]
        ours = any(value in shown for name, shown in sent.headers if name.lower() == b"cookie")
        self.wrong.extend(f"{fault} at {told}" for fault in faults(sent, answer, policy=CONTENT, ours=ours))
        self.tally[f"{answer.status_code}"] += 1

    async def _prepare(self) -> None:
        """Another visit now and then, and another page of it: a form counts once."""
        if self.count % RENEWED == 0:
            await self._renew()
        elif self.count % REPRINTED == 0:
            await self._print()
        self.count += 1

    async def _renew(self) -> None:
        older = self.visitor
        self.visitor = self.house.visitor()
        await self.visitor.launch("anna-woman", self.chance.choice(["dr-osei", "dr-lindqvist"]))
        for fields in self.chance.choice(WALKS):
            await self.visitor.post(fields)
        assert self.visitor.page.status_code == 200, self.visitor.text
        self.step = self.visitor.step
        name = cookies.visit_cookie(self.visitor.visit)
        await self._between()
        self._know(
            {
                VISIT: self.visitor.visit,
                OLDER: older.visit if older else "none",
                COOKIE_NAME: name,
                COOKIE_VALUE: self.visitor.browser.cookies[name],
            }
        )
        await self._print()
        if older:
            await older.browser.aclose()

    async def _between(self) -> None:
        """A sitting of nobody's, and a launch that has not come back."""
        async with self.house.browser() as browser:
            url, answer = f"{EHR}/launch/new?clinician=dr-osei", None
            while "/callback/" not in url:
                answer = await browser.get(url, follow_redirects=False)
                url = urljoin(str(answer.url), answer.headers["location"])
            state = httpx.URL(url).params["state"]
            name = cookies.launch_cookie(state)
            self._know({STATE: state, LAUNCH_NAME: name, LAUNCH_VALUE: browser.cookies[name]})
            answer = await browser.get(f"{EHR}/launch/list?clinician=dr-osei")
            self._know({SITTING: answer.url.path.rsplit("/", 1)[1]})

    async def _print(self) -> None:
        """A page of the visit as it stands now: its token is good, the one before was perhaps used."""
        page = await self.visitor.get(self.step)
        if page.status_code == 409:  # one of the requests was taken: it is at home elsewhere now
            found = re.search(rf"/v/{self.visitor.visit}/([a-z-]+)\" *[^>]*>Go on", page.text)
            self.step = found[1] if found else self.step
            await self.visitor.get(self.step)
        forms = self.visitor.forms.forms
        tokens = [value for form in forms for name, value in form["fields"] if name == "token"]
        if not tokens:
            return
        self.fields = sorted({name for form in forms for name in form["names"]} - {"token"})
        self._know({USED_TOKEN: self.ours.get(TOKEN.encode(), b"none").decode(), TOKEN: tokens[0]})

    def _know(self, ours: dict[str, str]) -> None:
        self.ours |= {word.encode(): value.encode() for word, value in ours.items()}


# A description for schemathesis, of the app's own routes


def described(app: Any) -> dict[str, Any]:
    """An OpenAPI document; the app has none, as it would describe its pages to whoever asks."""
    document = get_openapi(title="app", version="1", routes=list(_flat(app)))
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation["parameters"] = [*_of_path(path), *_beside(path)]
            operation["responses"] = {"default": {"description": "a page"}}
            if method == "post":
                operation["requestBody"] = BODY
    return document


def _flat(app: Any) -> Iterator[Any]:
    for route in app.routes:
        inside = getattr(route, "original_router", None)
        yield from _flat(inside) if isinstance(inside, APIRouter) else [route]


def _parameter(place: str, name: str, *values: str, required: bool = False) -> dict[str, Any]:
    return {"in": place, "name": name, "required": required, "schema": _schema(values)}


def _schema(values: Sequence[str]) -> dict[str, Any]:
    """One of these; where there are none any text at all."""
    return {"type": "string"} | ({"enum": list(dict.fromkeys(values))} if values else {})


def _of_path(path: str) -> Iterator[dict[str, Any]]:
    known = {
        "visit_id": (VISIT, OLDER),
        "sitting_id": (SITTING,),
        "step": STEPS,
        "ehr": ("sandbox",),
        "name": ("page.css", "page.js", "icon.svg"),
        "key": ("none",),
        "token": ("none",),
        "code": ("none",),
    }
    for name in re.findall(r"{(\w+)}", path):
        yield _parameter("path", name, *known[name], required=True)


_LAUNCHES = (
    _parameter("query", "iss", f"{EHR}/fhir", f"{EHR}/fhir/", EHR),
    _parameter("query", "launch"),
    _parameter("query", "state", STATE),
    _parameter("query", "code"),
    _parameter("query", "error", "access_denied", "server_error"),
    _parameter("query", "list", "1"),
    _parameter("cookie", LAUNCH_NAME, LAUNCH_VALUE),
    _parameter("header", "Sec-Fetch-Dest", "document", "iframe"),
)
_VISITS = (
    _parameter("cookie", COOKIE_NAME, COOKIE_VALUE),
    _parameter("header", "Sec-Fetch-Site", "same-origin", "cross-site"),
    _parameter("header", "Origin", APP, "null"),
)
_OTHERS = (_parameter("header", "Authorization", f"Bearer {METRICS}"), _parameter("query", "v"))


def _beside(path: str) -> tuple[dict[str, Any], ...]:
    """What that route looks at beside its path."""
    if path.startswith(("/launch", "/list", "/callback")):
        return _LAUNCHES
    return _VISITS if path.startswith(("/v/", "/l/")) else _OTHERS


_FIELDS: dict[str, tuple[str, ...]] = {
    "token": (TOKEN, USED_TOKEN),
    "door": ("ask", "told", "worried", "danger", "from-record", "not-now"),
    "resume": (OLDER, VISIT),
    "setting": ("gp", "antenatal", "mental-health"),
    "recording": ("full", "none"),
    "other": ("declined", "never-had-a-partner"),
    "action": ("retry", "by-hand", "close", "follow-up", "not-done"),
    "due": ("2026-03-09", "9999-12-31", "0000-00-00"),
    "service": ("specialist", "mentor-mothers"),
    "way": ("phone", "letter"),
    "call": ("made", "declined"),
    "basis": ("child",),
    "76501-6": (YES, NO),
    **{name: () for name in ("flag", "out", "back", "until", "number", "decided_by", "entered", "reason")},
}
BODY = {
    "required": True,
    "content": {
        FORM: {
            "schema": {
                "type": "object",
                "required": ["token"],
                "properties": {name: _schema(values) for name, values in _FIELDS.items()},
                "additionalProperties": {"type": "string"},
            }
        },
        "application/json": {"schema": {}},
    },
}


def by_schemathesis(app: Any, count: int, number: int) -> list[Malformed]:
    """That many of its cases: most of forms, then of launches; a few that break its own description.

    Those take it fifty times as long as the others. A string fits the description whatever is in it.
    """
    schema = schemathesis.openapi.from_dict(described(app))
    operations = [found.ok() for found in schema.get_all_operations()]
    shares = [(one, *share) for one in operations for share in _shares(one)]
    whole = sum(weight for *_, weight in shares)
    made: list[Malformed] = []
    for order, (operation, mode, allowed, weight) in enumerate(shares):
        wanted = -(-count * weight // whole)
        made += _cases(operation, mode, allowed, wanted, SEED + 1000 * number + order)
    random.Random(SEED + number).shuffle(made)  # noqa: S311  repeatable on purpose, and no secret
    return [made[at % len(made)] for at in range(count)]


def _shares(operation: Any) -> Iterator[tuple[GenerationMode, bool, int]]:
    weight = 12 if operation.method == "post" else 5 if "launch" in str(operation.query) else 2
    for allowed in (False, True):
        yield GenerationMode.POSITIVE, allowed, weight * (2 if allowed else 1)
    yield GenerationMode.NEGATIVE, True, 1


def _allowed(operation: Any) -> dict[str, Any]:
    """What most cases are given, so that what is wrong in them is not stopped at the door already."""
    ours = {"visit_id": VISIT, "sitting_id": SITTING, "ehr": "sandbox"}
    return {
        "headers": {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "document"},
        "cookies": {COOKIE_NAME: COOKIE_VALUE, LAUNCH_NAME: LAUNCH_VALUE},
        "path_parameters": {name: value for name, value in ours.items() if f"{{{name}}}" in operation.path},
    }


def _cases(operation: Any, mode: GenerationMode, allowed: bool, count: int, chosen: int) -> list[Malformed]:
    made: list[Malformed] = []

    @seed(chosen)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode, **(_allowed(operation) if allowed else {})))
    def collect(case: Case) -> None:
        made.append(_bytes(case))

    with suppress(Unsatisfiable):  # it finds nothing that would break a description as wide as that one
        collect()
    return made[:count]


def _bytes(case: Case) -> Malformed:
    """The case as schemathesis itself would send it, by way of requests."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url=APP)).prepare()
    headers = tuple((_raw(name), _raw(value)) for name, value in prepared.headers.items())
    body = prepared.body or b""
    target = _raw(str(prepared.url)).removeprefix(APP.encode())
    return Malformed(str(prepared.method), target, headers, body if isinstance(body, bytes) else _raw(body))


def _raw(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


# The generator that knows where it may hurt

PATHS = (
    "/launch",
    "/list",
    "/launch/ready",
    "/callback/sandbox",
    "/jwks.json",
    "/metrics",
    "/healthz",
    "/readyz",
    "/favicon.ico",
    "/s/page.css",
    f"/l/{SITTING}",
    f"/l/{SITTING}/exit",
    f"/v/{VISIT}/exit",
    f"/v/{VISIT}/cover",
    "",
    "/",
    "//",
    "*",
    "/openapi.json",
    f"/v/{VISIT}",
    f"/v/{VISIT}/",
    f"//v/{VISIT}/start",
    f"/v/{VISIT}/start/../exit",
)
NAMES = (
    *("token", "door", "resume", "setting", "age_confirmed", "recording", "other", "flag", "call", "service"),
    *("way", "number", "times", "voicemail", "help", "urgent", "out", "back", "until", "decided_by", "basis"),
    *("portal", "code_word", "not_to_know", "review"),
    *("told", "why_not_told", "action", "due", "reason", "entered", "safe-today", "neck", "suicide", "aas-1"),
    *(*HARK, "children-or-pregnant", "help-now", "model_config", "__class__", "many", "", "state", "subject"),
)
FITTING = (
    *(YES, NO, "yes", "no", "true", "ask", "told", "not-now", "danger", "full", "none", "declined", "phone"),
    *("specialist", "close", "retry", "follow-up", "not-done", "made", "child", "2026-03-09", "07700 900123"),
)


class OfVisits(Generator):
    """Requests to the pages of visits, launches and lists."""

    odd = (*ODD, VISIT, OLDER, TOKEN, USED_TOKEN, STATE, COOKIE_VALUE, SITTING)
    fitting, names = FITTING, NAMES
    queries = ("iss", "launch", "state", "code", "error", "list", "iss", "state", "x", "")

    def path(self, *, posted: bool) -> str:
        pick = self.chance.choice
        if self.chance.random() < 0.1:
            return (
                pick(("/v/", "/l/", "/s/", "/callback/", "/"))
                + pick(self.odd)
                + pick(("", "/start", "/exit"))
            )
        return f"/v/{VISIT}/{pick((*STEPS, 'draft', 'go-on'))}" if posted else pick(PATHS)

    def asked(self) -> list[tuple[str, str]]:
        return [("iss", f"{EHR}/fhir"), ("state", STATE)]

    def cookies(self) -> Sequence[Sequence[str]]:
        twice = (f"{COOKIE_NAME}=; {COOKIE}", f"{COOKIE}, {COOKIE}")
        return (*super().cookies(), twice, (f'{COOKIE_NAME}="\\377\\000"', f"{COOKIE_NAME}"))

    def doors(self) -> Iterator[tuple[bytes, bytes]]:
        if self.chance.random() < 0.8:
            yield b"cookie", f"{COOKIE}; {LAUNCH_COOKIE}".encode()
        if self.chance.random() < 0.85:
            yield b"sec-fetch-site", b"same-origin"
        if self.chance.random() < 0.8:
            yield b"content-type", FORM.encode()
        if self.chance.random() < 0.1:
            yield b"authorization", f"Bearer {METRICS}".encode()


# The runs


def quiet(number: int) -> dict[str, Any]:
    """Settings of a house; every other one is shown in a frame."""
    return {"metrics_token": SecretStr(METRICS), "frame_ancestors": (EHR,) if number % 2 else ()}


def part(number: int) -> int:
    return min(IN_ONE_HOUSE, HALF - number * IN_ONE_HOUSE)


def nothing_wrong(world: World, count: int) -> None:
    print(f"IPVSCREEN_SEED={SEED}", dict(sorted(world.tally.items())))  # noqa: T201  to repeat a failure
    assert world.wrong[:5] == [], f"seed {SEED}: {len(world.wrong)} of {count}"
    assert sum(world.tally.values()) == count


@pytest.mark.parametrize("number", range(HOUSES))
async def test_schemathesis_finds_no_failure(house_opener: Opener, tmp_path: Path, number: int) -> None:
    async with house_opener(tmp_path, **quiet(number)) as house:
        world = World(house, random.Random(SEED + number))  # noqa: S311  as above
        for malformed in by_schemathesis(house.app, part(number), number):
            await world.send(malformed)
        await _closed(world)
    nothing_wrong(world, part(number))
    if part(number) == IN_ONE_HOUSE:
        assert world.tally.keys() >= {"200", "303", "400", "403", "404", "422"}, "it has got in"


@pytest.mark.parametrize("number", range(HOUSES))
async def test_the_generator_finds_no_failure(house_opener: Opener, tmp_path: Path, number: int) -> None:
    async with house_opener(tmp_path, **quiet(number)) as house:
        world = World(house, random.Random(SEED - number))  # noqa: S311  as above
        generator = OfVisits(world.chance)
        for _ in range(part(number)):
            await world.send(generator.request(world.fields))
        await _closed(world)
    nothing_wrong(world, part(number))
    if part(number) == IN_ONE_HOUSE:
        assert world.tally.keys() >= {"400", "403", "404", "405", "409", "413", "422"}
        assert world.tally.keys() & {"200", "204", "303"}, "chance decides which, but it has got in"


async def _closed(world: World) -> None:
    """What was under attack still works."""
    visitor = await world.house.visitor().launch()
    assert visitor.step == "start"
    await visitor.browser.aclose()
    await world.visitor.browser.aclose()


# Controls


@pytest.mark.parametrize("who", ["schemathesis", "the generator"])
async def test_a_route_that_fails_is_found(
    house_opener: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """Behind all doors: only a form with a good token, of the right visit, gets there."""

    def broken(*_: Any) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(visit, "check", broken)
    monkeypatch.setitem(globals(), "WALKS", ((),))  # no form of the house's own is taken any more
    async with house_opener(tmp_path, **quiet(0)) as house:
        world = World(house, random.Random(SEED))  # noqa: S311  as above
        generator = OfVisits(world.chance)
        cases = by_schemathesis(house.app, CONTROL, 0) if who == "schemathesis" else None
        for at in range(CONTROL):
            await world.send(cases[at] if cases else generator.request(world.fields))
            if world.wrong:
                break
        await world.visitor.browser.aclose()
    assert world.wrong, f"seed {SEED}: nothing was found in {CONTROL}"
    assert world.wrong[0].startswith("RuntimeError: broken on purpose at POST"), world.wrong


async def test_an_answer_that_is_not_neutral_is_found(
    house_opener: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header short, a name too many, a status of the inside: each is a fault by itself."""
    async with house_opener(tmp_path, **quiet(0)) as house:
        world = World(house, random.Random(SEED))  # noqa: S311  as above
        asked = Malformed("GET", b"/nothing", ())
        await world.send(asked)
        assert world.wrong == []
        _, good = await answer_to(world.transport, asked, world.wrong)
        assert good is not None
        for spoil, told in (
            ({"headers": {"referrer-policy": "origin"}}, "referrer-policy: origin"),
            ({"headers": {"server": "uvicorn"}}, "headers that nobody knows: ['server']"),
            ({"headers": {"cache-control": "private"}}, "cache-control: private"),
            (
                {"headers": {"content-security-policy": "default-src *"}},
                "content-security-policy: default-src *",
            ),
            ({"status": 500}, "status 500"),
            ({"text": "<title>Traceback</title>"}, "another title"),
            ({"text": "<p>Anna Whitfield</p>"}, "the patient's name to somebody else"),
            ({"text": 'value=""><b>quince"'}, "a tag that was sent came back as one"),
        ):
            headers = {**good.headers, **spoil.get("headers", {})}
            status, text = spoil.get("status", good.status_code), spoil.get("text", good.text)
            headers.pop("content-length")
            spoilt = httpx.Response(status, headers=headers, text=text)
            spoilt.headers["content-type"] = "text/html"
            spoilt.headers.pop("content-length")
            assert told in list(faults(asked, spoilt, policy=CONTENT, ours=False))
        await world.visitor.browser.aclose()
