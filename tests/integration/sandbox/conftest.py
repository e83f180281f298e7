"""One record system of the sandbox, in one process, and what a client of it does again and again."""

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from ipvscreen.sandbox.ehr import create_ehr
from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.switches import Switches

BASE = "https://ehr.test"
CALLBACK = "https://app.test/callback/sandbox"
CLIENT_ID = "health-questionnaire"
VERIFIER = "v" * 64
SCOPE = "launch openid fhirUser patient/*.rs patient/Observation.cruds"
FHIR_JSON = "application/fhir+json"

Form = dict[str, str | None]


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    at: datetime = field(default_factory=lambda: datetime(2026, 3, 2, 10, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def switches() -> Switches:
    return Switches()


@pytest.fixture
def registered() -> dict[str, Any]:
    """What a test registers otherwise than as a public client: overridden in the test's own file."""
    return {}


@pytest.fixture
def make_app(clock: Clock, switches: Switches) -> Callable[..., Any]:
    """Makes record systems; what is given replaces what is usual."""

    def make(**given: Any) -> Any:
        usual = {
            "base_url": BASE,
            "app_launch_url": "https://app.test/launch",
            "client_id": CLIENT_ID,
            "redirect_uris": (CALLBACK, "https://app.test/other?fixed=1"),
            "token": "all",
            "clock": clock,
            "switches": switches,
        }
        return create_ehr(**usual | given)

    return make


@pytest.fixture
def app(make_app: Callable[..., Any], registered: dict[str, Any]) -> Any:
    return make_app(**registered)


@pytest.fixture
def sandbox(app: Any) -> Sandbox:
    return app.state.sandbox


@pytest.fixture
async def joined() -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Makes clients of an app that is in this process."""
    async with AsyncExitStack() as stack:

        def join(app: Any, base_url: str = BASE, **headers: str) -> httpx.AsyncClient:
            client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url, headers=headers)
            stack.push_async_callback(client.aclose)
            return client

        yield join


@pytest.fixture
def client(app: Any, joined: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    """A browser, and an app's own requests: nothing is sent along."""
    return joined(app)


@pytest.fixture
def anna(app: Any, sandbox: Sandbox, joined: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    """An app that may do everything with Anna's record."""
    token = sandbox.token(patient="anna-woman", clinician="dr-osei", scope="patient/*.cruds")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": FHIR_JSON, "Accept": FHIR_JSON}
    return joined(app, f"{BASE}/fhir", **headers)


def query_of(answer: httpx.Response) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


@dataclass
class Handshake:
    """A launch step by step; each step may be made wrong, and a value of None leaves its parameter out."""

    client: httpx.AsyncClient
    prove: Callable[[], tuple[dict[str, str], dict[str, str]]] = lambda: ({"client_id": CLIENT_ID}, {})

    async def launch(self, path: str = "/launch/new", **who: str) -> str:
        answer = await self.client.get(path, params=who)
        assert answer.status_code == 302
        return query_of(answer)["launch"]

    async def asked(self, **changes: str | None) -> dict[str, str]:
        """The parameters of a good authorization request, but for the changes."""
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        usual: Form = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            "state": "s" * 32,
            "aud": f"{BASE}/fhir",
            "launch": changes["launch"] if "launch" in changes else await self.launch(),
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "nonce": "n-1",
        }
        return {name: value for name, value in (usual | changes).items() if value is not None}

    async def authorized(self, **changes: str | None) -> httpx.Response:
        return await self.client.get("/auth/authorize", params=await self.asked(**changes))

    async def code(self, **changes: str | None) -> str:
        return query_of(await self.authorized(**changes))["code"]

    async def token(self, form: Form, headers: dict[str, str] | None = None) -> httpx.Response:
        """A token request, with the app's proof of who it is unless the form says otherwise."""
        fields, proof = self.prove()
        body = {name: value for name, value in (fields | form).items() if value is not None}
        return await self.client.post("/auth/token", data=body, headers=proof | (headers or {}))

    async def exchanged(self, code: str, /, **changes: str | None) -> httpx.Response:
        form: Form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return await self.token(form | {"code_verifier": VERIFIER} | changes)

    async def refreshed(self, refresh_token: str, /, **changes: str | None) -> httpx.Response:
        form: Form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self.token(form | changes)

    async def granted(self, **changes: str | None) -> dict[str, Any]:
        """All of it: what the token endpoint answers."""
        answer = await self.exchanged(await self.code(**changes))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def reads(self, token: dict[str, Any], address: str = "/fhir/Patient/anna-woman") -> int:
        """The status of one read with that token."""
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        return (await self.client.get(address, headers=bearer)).status_code


@pytest.fixture
def handshake(client: httpx.AsyncClient) -> Handshake:
    return Handshake(client)
