"""The house joined with its sandbox in one process, and a browser without a screen; no socket is opened."""

import asyncio
import base64
import json
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

sys.path.append(str(Path(__file__).parent))  # with importlib no folder is on the path

import postgres as running_postgres

from ipvscreen.app import create_app, import_services
from ipvscreen.sandbox.charity import create_charity
from ipvscreen.sandbox.directory import services_bundle
from ipvscreen.sandbox.ehr import create_ehr
from ipvscreen.settings import Ehr, Numbers, Settings
from ipvscreen.store.facade import migrate
from ipvscreen.store.sqlite import database_file, empty_log, private_file

APP, EHR, SERVICE = "https://app.test", "https://ehr.test", "https://service.test"
SECOND = "https://second.test"  # another record system, where a test asks for two
TOKEN = "reads-everything-here"
CLIENT = "health-questionnaire"
# Somebody who hears of what waits: without, nothing is referred.
STAFFED = {
    "members": ["Practitioner/dr-marsh"],
    "lead": ["Practitioner/dr-adeyemi"],
    "hours": dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "08:00-18:30"),
    "mailbox": "duty@practice.test",
}
# Port 9 (discard): nobody is there. What sends mail has tests of its own.
MAIL = {"host": "127.0.0.1", "port": 9, "security": "none", "sender": "app@practice.test"}


@pytest.fixture(scope="session")
def postgres() -> Iterator[running_postgres.Server]:
    """A Postgres with this version's tables in the database that tests copy."""
    with running_postgres.server() as server:
        server.do("CREATE DATABASE made")
        asyncio.run(migrate(server.url("made")))
        yield replace(server, template="made")


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    at: datetime = field(default_factory=lambda: datetime(2026, 3, 2, 10, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
# May go without SDV: not all of a screen.
UNNAMED = {"Procedure", "Provenance", "MessageHeader", "Patient", "AuditEvent"}


class Recorder(httpx.AsyncBaseTransport):
    """Between us and another system: it looks at everything that we create or change for its labels."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.seen: list[str] = []  # of each resource that was sent, its type
        self.bare: list[str] = []  # of each that was sent without its labels

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method in ("POST", "PUT", "PATCH") and "json" in request.headers.get("Content-Type", ""):
            self._look(json.loads(request.content))
        return await self._inner.handle_async_request(request)

    def _look(self, body: dict[str, Any]) -> None:
        kind = body["resourceType"]
        self.seen.append(kind)
        labels = [(one["system"], one["code"]) for one in body.get("meta", {}).get("security", ())]
        grades = [code for system, code in labels if system == CONFIDENTIALITY]
        named = kind in UNNAMED or body.get("type") in ("message", "transaction", "batch") or self.to_service
        if grades not in (["R"], ["V"]) or not (named or (ACT_CODE, "SDV") in labels):
            self.bare.append(kind)
        for entry in body.get("entry", ()) if kind == "Bundle" else ():
            self._look(entry["resource"])

    to_service = False


@dataclass
class House:
    """Everything joined; `browser()` makes a fresh one, with cookies of its own."""

    app: Any
    ehr: Any
    charity: Any
    clock: Clock
    settings: Settings
    transports: dict[str, httpx.AsyncBaseTransport]
    second: Any = None
    recorders: dict[str, Recorder] = field(default_factory=dict)

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(mounts=self.transports, base_url=APP, follow_redirects=True)

    def visitor(self) -> "Visitor":
        return Visitor(self.browser())

    def watch(self) -> list[httpx.Request]:
        """Every request that the app sends from here on."""
        sent: list[httpx.Request] = []

        async def note(request: httpx.Request) -> None:
            sent.append(request)

        self.app.state.rooms.http.event_hooks["request"].append(note)
        return sent

    def reader(self, base: str = EHR) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            mounts=self.transports, base_url=f"{base}/fhir", headers={"Authorization": f"Bearer {TOKEN}"}
        )


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """The joined house on a fresh store."""
    async with open_house(tmp_path) as joined:
        yield joined


@pytest.fixture
async def houses(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[House]]]:
    """Opens houses with other settings than `house` has, each on a store of its own; see `open_house`."""
    async with AsyncExitStack() as stack:

        async def opened(**changes: Any) -> House:
            folder = tmp_path / secrets.token_hex(4)
            folder.mkdir()
            return await stack.enter_async_context(open_house(folder, **changes))

        yield opened


@pytest.fixture
def house_opener() -> Callable[..., AbstractAsyncContextManager[House]]:
    """`open_house` itself, for a test that runs an event loop of its own."""
    return open_house


@asynccontextmanager
async def open_house(
    folder: Path, clock: Clock | None = None, *, two: bool = False, **changes: Any
) -> AsyncIterator[House]:
    """App, record system and charity, on https and without a socket.

    `two`: with a second record system, named "other". `changes` are settings: of the first [[ehr]] where it
    has one of that name (`other`, a dict, of the second), else of the app. The sandbox is registered for what
    they say of the client.
    """
    clock = clock or Clock()
    settings = settings_for(folder, two=two, **changes)
    ehrs = {
        base: _sandbox(settings, entry, base, clock, lambda: app)
        for base, entry in zip((EHR, SECOND), settings.ehr, strict=False)
    }
    charity = create_charity(base_url=SERVICE, token=TOKEN, clock=clock)
    transports: dict[str, httpx.AsyncBaseTransport] = {
        base: httpx.ASGITransport(served) for base, served in (ehrs | {SERVICE: charity}).items()
    }
    recorders = {base: Recorder(inner) for base, inner in transports.items()}
    recorders[SERVICE].to_service = True
    outgoing = httpx.AsyncClient(mounts=dict(recorders))
    app = create_app(settings, http=outgoing, clock=clock)
    await _filled(settings)
    async with app.router.lifespan_context(app):
        everything = transports | {APP: httpx.ASGITransport(app)}
        yield House(app, ehrs[EHR], charity, clock, settings, everything, ehrs.get(SECOND), recorders)
    assert [one.bare for one in recorders.values() if one.bare] == [], "sent without its labels"


_FILLED: dict[tuple[Any, ...], bytes] = {}  # a store with its tables and its services, by what seals it


async def _filled(settings: Settings) -> None:
    """A new store is a copy of the first that these keys sealed; one that is there gets the services."""
    if settings.database.startswith("postgresql"):
        await import_services(settings, services_bundle(f"{SERVICE}/fhir"))
        return
    file = database_file(settings.database)
    current, keys = settings.ring()
    sealed_by = (current, *sorted(keys.items()))
    if sealed_by in _FILLED and not file.exists():
        private_file(file)
        file.write_bytes(_FILLED[sealed_by])
        return
    is_new = not file.exists()
    await import_services(settings, services_bundle(f"{SERVICE}/fhir"))
    if is_new:
        empty_log(settings.database)
        _FILLED[sealed_by] = file.read_bytes()


@pytest.fixture
def recorder() -> type[Recorder]:
    """The recorder itself, for a test that speaks with a record system of its own."""
    return Recorder


def _sandbox(settings: Settings, entry: Ehr, base: str, clock: Clock, app: Callable[[], Any]) -> Any:
    """The record system as that entry of the settings says that it has registered the app."""
    signed = entry.token_auth == "private_key_jwt"
    jwks_url = f"{settings.public_url}/jwks.json"

    async def jwks() -> dict[str, Any]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app())) as http:
            keys: dict[str, Any] = (await http.get(jwks_url)).json()
            return keys

    return create_ehr(
        base_url=base,
        app_launch_url=f"{settings.public_url}/launch",
        client_id=entry.client_id,
        redirect_uris=(f"{settings.public_url}/callback/{entry.name}",),
        token=TOKEN,
        clock=clock,
        auth=entry.token_auth,
        client_secret=entry.client_secret and entry.client_secret.get_secret_value(),
        jwks=jwks if signed else None,
        jwks_url=jwks_url if signed else None,
    )


def settings_for(
    folder: Path, *, two: bool = False, other: dict[str, Any] | None = None, **changes: Any
) -> Settings:
    """Settings of a deployment with one record system, or with two."""
    of_ehr = {name: changes.pop(name) for name in [*changes] if name in Ehr.model_fields}
    first = {
        "name": "sandbox",
        "iss": f"{EHR}/fhir",
        "client_id": CLIENT,
        "exit_url": f"{EHR}/",
        "told_if_no_answer": "the practice manager",
        "staffed": STAFFED,
    }
    second = first | {"name": "other", "iss": f"{SECOND}/fhir", "exit_url": f"{SECOND}/"} | (other or {})
    given = {
        "public_url": APP,
        "database": f"sqlite+aiosqlite:///{folder / 'store.db'}",
        "key": "now",
        "keys": {"now": SecretStr(base64.b64encode(bytes(range(32))).decode())},
        "ehr": (first | of_ehr, second) if two else (first | of_ehr,),
        "numbers": Numbers(helpline="0808 157 0142", lead="01632 960 001", advocate="01632 960 002"),
        "mail": MAIL,
        # Every test comes from one address; what counts them has tests of its own.
        "launches_per_minute": 1_000_000,
        "launches_per_address": 1_000_000,
    }
    return Settings(**(given | changes))


class PageForms(HTMLParser):
    """The step of a page, its text, and for each form its action, method and what it posts untouched."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.step: str | None = None
        self.forms: list[dict[str, Any]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "main":
            self.step = given.get("data-step")
        elif tag == "form":
            self.forms.append(
                {"action": given.get("action", ""), "fields": [], "names": set(), "buttons": set()}
            )
        elif tag in ("input", "select", "textarea", "button") and self.forms:
            self._control(tag, given)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def _control(self, tag: str, given: dict[str, str | None]) -> None:
        name, form = given.get("name"), self.forms[-1]
        if not name:
            return
        form["names"].add(name)
        if tag == "button":
            form["buttons"].add((name, given.get("value")))
        chosen = given.get("type") in ("radio", "checkbox") and "checked" in given
        plain = tag == "input" and given.get("type") in ("hidden", "text", "date", "tel", None)
        if chosen or plain:
            form["fields"].append((name, given.get("value") or ""))

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def _plain(fields: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if isinstance(value, str)}


@dataclass
class Visitor:
    """One browser window of one clinician, in one visit at a time."""

    browser: httpx.AsyncClient
    page: httpx.Response = field(init=False)
    visit: str = ""

    async def launch(self, patient: str | None = None, clinician: str | None = None) -> "Visitor":
        params = {k: v for k, v in {"patient": patient, "clinician": clinician}.items() if v}
        self.page = await self.browser.get("https://ehr.test/launch/new", params=params)
        parts = self.page.url.path.split("/")
        if len(parts) > 2 and parts[1] == "v":
            self.visit = parts[2]
        return self

    @property
    def forms(self) -> PageForms:
        return PageForms(self.page.text)

    @property
    def step(self) -> str | None:
        return self.forms.step

    @property
    def text(self) -> str:
        return self.forms.text

    async def get(self, step: str) -> httpx.Response:
        self.page = await self.browser.get(f"/v/{self.visit}/{step}")
        return self.page

    async def until(self, words: str) -> None:
        """Look again at `sent` until the page says so: the dispatcher runs beside the test."""
        for _ in range(200):
            await self.get("sent")
            if words in self.text:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(self.text)

    async def post(self, fields: dict[str, Any], *, form: PageForms | None = None) -> httpx.Response:
        """Fill in the form of the page that has these fields, and post it as a browser would."""
        forms = (form or self.forms).forms
        fitting = [one for one in forms if set(fields) <= one["names"]]
        assert fitting, f"no form with {sorted(fields)}; there are {[sorted(f['names']) for f in forms]}"
        pressed = [one for one in fitting if one["buttons"] & set(_plain(fields).items())]
        chosen = (pressed or fitting)[0]
        kept = [(name, value) for name, value in chosen["fields"] if name not in fields]
        given = [(n, one) for n, v in fields.items() for one in (v if isinstance(v, list) else [v])]
        body = httpx.QueryParams(kept + given)
        target = self.page.url.join(chosen["action"]) if chosen["action"] else self.page.url
        self.page = await self.browser.post(
            target,
            content=str(body),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Sec-Fetch-Site": "same-origin",
                "Origin": "https://app.test",
            },
        )
        return self.page


@pytest.fixture
async def visitors(house: Any) -> AsyncIterator[Callable[[], Visitor]]:
    """Makes visitors, each with cookies of its own."""
    async with AsyncExitStack() as stack:

        def visitor() -> Visitor:
            one = Visitor(house.browser())
            stack.push_async_callback(one.browser.aclose)
            return one

        yield visitor


@pytest.fixture
def visitor(visitors: Callable[[], Visitor]) -> Visitor:
    """One visitor."""
    return visitors()
