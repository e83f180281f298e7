"""An authorization server that errs or lies: every answer of it is refused in plain words.

The server below is right by default and does one thing wrong at a time. It counts what it is asked, and so
does a canary on another host: a sign-in that is refused must also have stopped where it should.
"""

import asyncio
import base64
import functools
import hashlib
import hmac
import html
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import pytest
import respx
from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry
from pydantic import SecretStr

from ipvscreen.app import create_app
from ipvscreen.errors import LaunchRefused
from ipvscreen.resources.plan import plan_writes
from ipvscreen.resources.scopes import REQUESTED, Scopes
from ipvscreen.settings import Ehr, Settings
from ipvscreen.smart import authorization
from ipvscreen.smart.authorization import RefreshGone, begin, code_of, exchange, refresh
from ipvscreen.smart.client import Client
from ipvscreen.smart.context import LaunchContext, launch_context
from ipvscreen.smart.discovery import Endpoints, discover
from ipvscreen.smart.fetch import fetch
from ipvscreen.smart.identity import identify
from ipvscreen.store.facade import migrate

AS = "https://ehr.example"
ISS = f"{AS}/fhir"
CANARY = "https://canary.example"
APP = "https://app.example"
CALLBACK = f"{APP}/callback/ehr"
CLIENT = Client("health-questionnaire")
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
TLS = httpx.create_ssl_context()  # once: it takes longer than a launch
KEY, STRANGER = RSAKey.generate_key(2048), RSAKey.generate_key(2048)

Claims = dict[str, Any]
Change = Callable[[dict[str, Any]], dict[str, Any]]


def same(body: dict[str, Any]) -> dict[str, Any]:
    return body


def put(**changes: Any) -> Change:
    return lambda body: {**body, **changes}


def drop(*names: str) -> Change:
    return lambda body: {name: value for name, value in body.items() if name not in names}


def signed(claims: Claims, key: RSAKey = KEY, **header: Any) -> str:
    anything = JWSRegistry(algorithms=["RS256"], strict_check_header=False)
    named = {"alg": "RS256", "kid": "as-1"} | header
    told = {name: value for name, value in named.items() if value is not None}
    return jwt.encode(told, claims, key, registry=anything)


def by_hand(header: Mapping[str, Any], claims: Claims, secret: bytes | None) -> str:
    """A token that no library would make: unsecured, or with a public key taken for a secret."""
    parts = (json.dumps(part, separators=(",", ":")).encode() for part in (header, claims))
    signing = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    mac = b"" if secret is None else hmac.new(secret, signing.encode(), hashlib.sha256).digest()
    return f"{signing}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


@dataclass
class AuthorizationServer:
    """Strict where the specification is, right by default, and wrong in one thing at a time."""

    configuration: Change = same
    callback: Change = same
    answer: Change = same
    claims: Change = same
    sign: Callable[[Claims], str] = signed
    raw: httpx.Response | None = None
    delay: float = 0
    published: list[dict[str, Any]] = field(default_factory=lambda: [KEY.as_dict(private=False, kid="as-1")])
    token_requests: int = 0
    key_requests: int = 0
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refreshes: dict[str, str] = field(default_factory=dict)  # token → family; a used one stays
    used: set[str] = field(default_factory=set)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/.well-known/smart-configuration"):
            return httpx.Response(200, json=self.configuration(self._configuration()))
        if path.startswith("/fhir/"):
            kind, _, ident = path.removeprefix("/fhir/").partition("/")
            body = {"resourceType": kind, "id": ident} if ident else {"resourceType": "CapabilityStatement"}
            return httpx.Response(200, json=body)
        if path == "/authorize":
            return self._authorize(dict(request.url.params))
        if path == "/jwks":
            self.key_requests += 1
            return httpx.Response(200, json={"keys": self.published})
        assert (request.method, path) == ("POST", "/token"), path
        self.token_requests += 1
        await asyncio.sleep(self.delay)
        given = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        return self.raw or self._token(given)

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": f"{AS}/tenant",
            "authorization_endpoint": f"{AS}/authorize",
            "token_endpoint": f"{AS}/token",
            "jwks_uri": f"{AS}/jwks",
            "authorization_response_iss_parameter_supported": True,
            "code_challenge_methods_supported": ["S256"],
        }

    def _authorize(self, given: dict[str, str]) -> httpx.Response:
        code = secrets.token_urlsafe(16)
        self.codes[code] = given
        back = self.callback({"code": code, "state": given["state"], "iss": f"{AS}/tenant"})
        return httpx.Response(302, headers={"Location": f"{given['redirect_uri']}?{urlencode(back)}"})

    def _token(self, given: dict[str, str]) -> httpx.Response:
        if given["grant_type"] == "refresh_token":
            return self._refreshed(given["refresh_token"])
        asked = self.codes.pop(given["code"], None)  # used once
        if asked is None or asked["redirect_uri"] != given["redirect_uri"]:
            return self.refusal("invalid_grant")
        digest = hashlib.sha256(given["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return self.refusal("invalid_grant")
        id_token = self.sign(self.claims(self._claims(asked["nonce"])))
        return self._granted(secrets.token_urlsafe(8), asked["scope"], id_token=id_token)

    def _refreshed(self, token: str) -> httpx.Response:
        family = self.refreshes.get(token)
        if family is None:
            return self.refusal("invalid_grant")
        if token in self.used:  # somebody has a copy: nobody goes on (RFC 6819 section 5.2.2.3)
            self.refreshes = {one: of for one, of in self.refreshes.items() if of != family}
            return self.refusal("invalid_grant")
        self.used.add(token)
        return self._granted(family, REQUESTED)

    def _granted(self, family: str, scope: str, **more: str) -> httpx.Response:
        again = secrets.token_urlsafe(16)
        self.refreshes[again] = family
        body = {
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": 900,
            "scope": scope,
            "patient": "p1",
            "refresh_token": again,
        }
        return httpx.Response(200, json=self.answer({**body, **more}))

    def _claims(self, nonce: str) -> Claims:
        return {
            "iss": f"{AS}/tenant",
            "sub": "user-1",
            "aud": CLIENT.client_id,
            "exp": stamp(minutes=5),
            "iat": stamp(),
            "nonce": nonce,
            "fhirUser": "Practitioner/gp",
        }

    @staticmethod
    def refusal(error: str, status: int = 400) -> httpx.Response:
        return httpx.Response(status, json={"error": error, "error_description": "canary-words"})


def stamp(**later: float) -> int:
    return int((NOW + timedelta(**later)).timestamp())


@dataclass
class World:
    """The server, a canary elsewhere, and one HTTP client that reaches nothing else."""

    server: AuthorizationServer
    canary: respx.Route
    http: httpx.AsyncClient

    async def sign_in(self) -> LaunchContext:
        """A launch from the first request to the context, as the pages do it."""
        endpoints = await discover(self.http, ISS)
        request, handshake = begin(
            endpoints,
            iss=ISS,
            client_id=CLIENT.client_id,
            redirect_uri=CALLBACK,
            scope=REQUESTED,
            launch="key",
        )
        back = httpx.URL((await self.http.get(request.url)).headers["Location"])
        code = code_of(dict(back.params), endpoints, iss=ISS)
        token = await self.exchange(endpoints, code, handshake.verifier)
        identity = await identify(
            self.http,
            endpoints,
            token.id_token,
            client_id=CLIENT.client_id,
            iss=ISS,
            nonce=handshake.nonce,
            now=NOW,
        )
        return launch_context(token, identity, ISS, NOW, requested_scope=REQUESTED)

    async def exchange(self, endpoints: Endpoints, code: str, verifier: str) -> Any:
        return await exchange(
            self.http, endpoints, CLIENT, redirect_uri=CALLBACK, code=code, verifier=verifier, now=NOW
        )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    server = AuthorizationServer()
    with respx.mock(assert_all_called=False) as router:  # any other address is an error of its own
        router.route(host="ehr.example").mock(side_effect=server)
        canary = router.route(host="canary.example").respond(json={"keys": [STRANGER.as_dict(private=False)]})
        async with httpx.AsyncClient(verify=TLS) as http:
            yield World(server, canary, http)


async def test_control_with_nothing_wrong_the_sign_in_succeeds(world: World) -> None:
    context = await world.sign_in()

    assert (context.patient_id, context.identity.user) == ("p1", "Practitioner/gp")
    assert (world.server.token_requests, world.server.key_requests) == (1, 1)


TRUST = "could not be trusted"
UNREADABLE = "could not be used"


@dataclass(frozen=True)
class Case:
    """One thing that is wrong; the words it is refused with; how often the two endpoints were asked."""

    name: str
    wrong: dict[str, Any]
    words: str
    token_requests: int = 1
    key_requests: int = 0


def answered(status: int = 200, **what: Any) -> dict[str, Any]:
    return {"raw": httpx.Response(status, **what)}


HMAC = {"alg": "HS256", "kid": "as-1", "typ": "JWT"}
HOSTILE = {"jku": f"{CANARY}/keys", "x5u": f"{CANARY}/chain.pem", "kid": "canary"}

CASES = [
    # the callback
    Case("denied", {"callback": put(error="access_denied")}, "told not to let", 0),
    Case("callback from another server", {"callback": put(iss=CANARY)}, UNREADABLE, 0),
    Case("callback from nobody", {"callback": drop("iss")}, UNREADABLE, 0),
    Case("error from another server", {"callback": put(iss=CANARY, error="access_denied")}, UNREADABLE, 0),
    Case("no code", {"callback": drop("code")}, UNREADABLE, 0),
    Case("a code of its own", {"callback": put(code="stolen")}, "too old, or used before"),
    # discovery
    Case(
        "token endpoint without TLS",
        {"configuration": put(token_endpoint="http://x.example/t")},
        "not safe",
        0,
    ),
    Case("token endpoint here", {"configuration": put(token_endpoint="https://127.0.0.1/t")}, "not safe", 0),
    Case("keys without TLS", {"configuration": put(jwks_uri="http://ehr.example/jwks")}, "not safe", 0),
    # the patient
    Case("no patient", {"answer": drop("patient")}, "Open the patient's record first", 1, 1),
    Case("patient null", {"answer": put(patient=None)}, "Open the patient's record first", 1, 1),
    Case("patient empty", {"answer": put(patient="")}, "Open the patient's record first", 1, 1),
    Case("patient a path", {"answer": put(patient="../Patient")}, "Open the patient's record first", 1, 1),
    Case("patient an object", {"answer": put(patient={"id": "p1"})}, UNREADABLE),
    Case("a patient signed in", {"claims": put(fhirUser="Patient/p1")}, "for staff", 1, 1),
    Case("a proxy signed in", {"claims": put(fhirUser=f"{ISS}/RelatedPerson/r")}, "for staff", 1, 1),
    # who is signed in
    Case("issuer is the FHIR base", {"claims": put(iss=ISS)}, TRUST, 1, 1),
    Case("another issuer", {"claims": put(iss=CANARY)}, TRUST, 1, 1),
    Case("no issuer", {"claims": drop("iss")}, TRUST, 1, 1),
    Case("another audience", {"claims": put(aud="another-app")}, TRUST, 1, 1),
    Case("no audience", {"claims": drop("aud")}, TRUST, 1, 1),
    Case("for two, the other asked", {"claims": put(aud=[CLIENT.client_id, "b"], azp="b")}, TRUST, 1, 1),
    Case("another nonce", {"claims": put(nonce="of another sign-in")}, TRUST, 1, 1),
    Case("no nonce", {"claims": drop("nonce")}, TRUST, 1, 1),
    Case("over", {"claims": put(exp=stamp(minutes=-2))}, TRUST, 1, 1),
    Case("endless", {"claims": drop("exp")}, TRUST, 1, 1),
    Case("end is no number", {"claims": put(exp="never")}, TRUST, 1, 1),
    Case("end is not a number", {"claims": put(exp=float("nan"))}, TRUST, 1, 1),
    Case("made in the future", {"claims": put(iat=stamp(minutes=10))}, TRUST, 1, 1),
    Case("not yet valid", {"claims": put(nbf=stamp(minutes=10))}, TRUST, 1, 1),
    Case("nobody", {"claims": drop("sub")}, TRUST, 1, 1),
    # who says so: the keys are looked at once more, past a cache, before a signature is refused
    Case("unknown kid", {"sign": lambda c: signed(c, kid="as-2")}, TRUST, 1, 2),
    Case("unknown kid, another's key", {"sign": lambda c: signed(c, STRANGER, kid="x")}, TRUST, 1, 2),
    Case("known kid, another's key", {"sign": lambda c: signed(c, STRANGER)}, TRUST, 1, 2),
    Case("no kid, another's key", {"sign": lambda c: signed(c, STRANGER, kid=None)}, TRUST, 1, 2),
    Case("keys elsewhere", {"sign": lambda c: signed(c, STRANGER, **HOSTILE)}, TRUST, 1, 2),
    Case(
        "key in the token",
        {"sign": lambda c: signed(c, STRANGER, jwk=STRANGER.as_dict(private=False))},
        TRUST,
        1,
        2,
    ),
    Case("no keys", {"published": []}, TRUST, 1, 2),
    # refused for its algorithm before any key is fetched
    Case("unsecured", {"sign": lambda c: by_hand({"alg": "none"}, c, None)}, TRUST),
    Case("unsecured, in capitals", {"sign": lambda c: by_hand({"alg": "None"}, c, None)}, TRUST),
    Case("no algorithm", {"sign": lambda c: by_hand({"kid": "as-1"}, c, None)}, TRUST),
    Case("HMAC, public PEM", {"sign": lambda c: by_hand(HMAC, c, KEY.as_pem(private=False))}, TRUST),
    Case("HMAC, public DER", {"sign": lambda c: by_hand(HMAC, c, KEY.as_der(private=False))}, TRUST),
    Case(
        "HMAC, public JWK",
        {"sign": lambda c: by_hand(HMAC, c, json.dumps(KEY.as_dict(private=False)).encode())},
        TRUST,
    ),
    Case("HMAC, nothing", {"sign": lambda c: by_hand(HMAC, c, b"")}, TRUST),
    Case("no token at all", {"sign": lambda c: "a.b.c"}, TRUST),
    Case("empty", {"sign": lambda c: ""}, TRUST),
    # the token endpoint's answer
    Case("no JSON", answered(content=b"<html>canary-words"), UNREADABLE),
    Case("cut short", answered(content=b'{"access_token": "a", "token_type": "Bea'), UNREADABLE),
    Case("empty body", answered(content=b""), UNREADABLE),
    Case("null", answered(content=b"null"), UNREADABLE),
    Case("a list", answered(json=[{"access_token": "a", "token_type": "Bearer"}]), UNREADABLE),
    Case("no text", answered(content=b"\xff\xfe{}"), UNREADABLE),
    Case("nested too deep", answered(content=b'{"a":' * 100_000), UNREADABLE),
    Case("too long", answered(content=b" " * 1_000_001), "too long"),
    Case("no access token", {"answer": drop("access_token")}, UNREADABLE),
    Case("another kind of token", {"answer": put(token_type="DPoP")}, UNREADABLE),
    Case("a life that is over", {"answer": put(expires_in=0)}, UNREADABLE),
    Case("a scope that is a list", {"answer": put(scope=["launch"])}, UNREADABLE),
    Case("no by 200", answered(json={"error": "invalid_grant"}), UNREADABLE),
    Case("sent elsewhere", answered(307, headers={"Location": f"{CANARY}/token"}), "system manager"),
    Case("client refused", answered(401, json={"error": "invalid_client"}), "system manager"),
    Case("out of order", answered(503, content=b"canary-words"), "Wait a moment"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_what_is_wrong_is_refused_in_plain_words(world: World, case: Case) -> None:
    for name, value in case.wrong.items():
        setattr(world.server, name, value)

    with pytest.raises(LaunchRefused, match=case.words) as refused:
        await world.sign_in()

    _are_plain(str(refused.value))
    assert (world.server.token_requests, world.server.key_requests) == (
        case.token_requests,
        case.key_requests,
    )
    assert world.canary.call_count == 0


# What a clinician need not know, and what came from the other side.
_JARGON = re.compile(
    r"(?i)\b(json|token|jwks?|oauth|http|tls|scope|nonce|issuer|code|400|401|none)\b|canary|\{|<"
)


def _are_plain(words: str) -> None:
    """Whole sentences that say what to do, in words of the ward."""
    assert words.endswith(".")
    assert _JARGON.search(words) is None, words
    assert re.search(r"[Oo]pen th|Ask your system manager|Sign in", words), words


def test_control_words_with_jargon_in_them_are_noticed() -> None:
    for words in ("Open the token.", "Ask your system manager: invalid JSON.", "Wrong.", "Open the page"):
        with pytest.raises(AssertionError):
            _are_plain(words)


async def test_keys_named_in_the_token_are_never_fetched_even_when_it_is_good(world: World) -> None:
    world.server.sign = functools.partial(signed, **{**HOSTILE, "kid": "as-1"})

    assert (await world.sign_in()).identity.user == "Practitioner/gp"
    assert world.canary.call_count == 0


async def test_control_the_canary_sings_when_it_is_asked(world: World) -> None:
    world.server.configuration = put(jwks_uri=f"{CANARY}/keys")

    with pytest.raises(LaunchRefused, match=TRUST):
        await world.sign_in()

    assert world.canary.call_count == 2


@pytest.mark.parametrize(
    "granted", ["", "launch openid fhirUser", "patient/Observation.rs patient/Patient.r"]
)
async def test_a_narrowed_sign_in_says_before_the_first_question_what_cannot_be_recorded(world, granted):
    world.server.answer = put(scope=granted)

    context = await world.sign_in()

    resources = [
        {"type": kind, "interaction": [{"code": code} for code in ("create", "read", "search-type")]}
        for kind in ("Observation", "QuestionnaireResponse", "Flag")
    ]
    capability = {"rest": [{"mode": "server", "resource": resources}]}
    plan = plan_writes(capability, Scopes.parse(context.scope))
    whys = {ability.kind: ability.why for ability in plan.cannot()}
    assert whys["Observation"] == "This sign-in was not given the right to write Observations."
    assert whys["Flag"] == "This sign-in was not given the right to write Flags."
    assert not any(ability.allowed for ability in plan.abilities)
    assert plan_writes(capability, Scopes.parse(REQUESTED)).allows("Observation")  # control
    assert world.server.token_requests == 1


async def test_a_sign_in_that_may_do_more_than_was_asked_writes_nothing_more(world: World) -> None:
    world.server.answer = put(scope=f"{REQUESTED} user/*.cruds system/*.cruds")

    context = await world.sign_in()

    plan = plan_writes({"rest": [{"mode": "server"}]}, Scopes.parse(context.scope))
    assert not plan.allows("Patient")
    assert not plan.allows("Observation")  # the server's statement still has to offer it


async def test_a_code_is_refused_the_second_time(world: World) -> None:
    endpoints = await discover(world.http, ISS)
    request, handshake = begin(
        endpoints, iss=ISS, client_id=CLIENT.client_id, redirect_uri=CALLBACK, scope=REQUESTED, launch="key"
    )
    back = httpx.URL((await world.http.get(request.url)).headers["Location"])
    code = code_of(dict(back.params), endpoints, iss=ISS)
    await world.exchange(endpoints, code, handshake.verifier)

    with pytest.raises(LaunchRefused, match="too old, or used before") as refused:
        await world.exchange(endpoints, code, handshake.verifier)

    _are_plain(str(refused.value))
    assert world.server.token_requests == 2


async def test_a_code_is_refused_with_the_verifier_of_another_sign_in(world: World) -> None:
    endpoints = await discover(world.http, ISS)
    (mine, _), (_, other) = (
        begin(
            endpoints, iss=ISS, client_id=CLIENT.client_id, redirect_uri=CALLBACK, scope="launch", launch="k"
        )
        for _ in range(2)
    )
    back = httpx.URL((await world.http.get(mine.url)).headers["Location"])

    with pytest.raises(LaunchRefused, match="too old, or used before"):
        await world.exchange(endpoints, back.params["code"], other.verifier)

    assert world.server.token_requests == 1


async def test_a_refresh_that_was_used_is_gone_and_so_is_what_came_of_it(world: World) -> None:
    first = (await world.sign_in()).refresh_token or ""
    token_url = f"{AS}/token"

    second = await refresh(world.http, token_url, CLIENT, first, NOW, patient="p1")
    assert second.refresh_token not in (None, first)
    with pytest.raises(RefreshGone) as refused:
        await refresh(world.http, token_url, CLIENT, first, NOW, patient="p1")
    _are_plain(str(refused.value))
    with pytest.raises(RefreshGone):
        await refresh(world.http, token_url, CLIENT, second.refresh_token or "", NOW, patient="p1")

    assert world.server.token_requests == 4  # the sign-in's, and one for each of the three


async def test_a_refresh_into_another_patients_record_is_refused(world: World) -> None:
    first = (await world.sign_in()).refresh_token or ""
    world.server.answer = put(patient="p2")

    with pytest.raises(LaunchRefused, match="another patient") as refused:
        await refresh(world.http, f"{AS}/token", CLIENT, first, NOW, patient="p1")

    _are_plain(str(refused.value))
    assert world.server.token_requests == 2


@pytest.mark.parametrize("grant", ["code", "refresh"])
async def test_a_late_answer_is_not_waited_for_and_not_asked_for_again(world, monkeypatch, grant):
    first = (await world.sign_in()).refresh_token or "" if grant == "refresh" else ""
    before = world.server.token_requests
    monkeypatch.setattr(authorization, "fetch", functools.partial(fetch, seconds=0.05))
    world.server.delay = 5

    ask = world.sign_in() if grant == "code" else refresh(world.http, f"{AS}/token", CLIENT, first, NOW)
    with pytest.raises(LaunchRefused, match="did not answer") as refused:
        await asyncio.wait_for(ask, 2)

    _are_plain(str(refused.value))
    assert world.server.token_requests == before + 1


@pytest.fixture
async def app(world: World, tmp_path: Path) -> AsyncIterator[Any]:
    """The app as it is deployed, with this server as its record system."""
    settings = Settings(
        public_url=APP,
        database=f"sqlite+aiosqlite:///{tmp_path / 'store.db'}",
        key="now",
        keys={"now": SecretStr(base64.b64encode(bytes(range(32))).decode())},
        ehr=(Ehr(name="ehr", iss=ISS, client_id=CLIENT.client_id, exit_url=f"{AS}/"),),
        launches_per_address=10_000,
    )
    await migrate(settings.database)
    served = create_app(settings, http=world.http, clock=lambda: NOW)
    async with served.router.lifespan_context(served):
        yield served


@dataclass
class Browser:
    """Goes where it is sent, and remembers the address of the callback."""

    app: Any
    callback: str = ""

    async def launch(self) -> tuple[int, str]:
        """Status and text of the page that a launch ends on."""
        async with self.window() as window:
            page = await window.get("/launch", params={"iss": ISS, "launch": "key"}, follow_redirects=True)
            visited = [str(one.url) for one in (*page.history, page)]
            self.callback = next((url for url in visited if url.startswith(CALLBACK)), "")
            again = await window.get(self.callback) if self.callback else page
            assert again.status_code in (400, page.status_code)
        return page.status_code, " ".join(html.unescape(page.text).split())

    def window(self) -> httpx.AsyncClient:
        mounts = {APP: httpx.ASGITransport(self.app)}
        return httpx.AsyncClient(mounts=mounts, verify=TLS, base_url=APP)


async def test_control_with_nothing_wrong_the_app_opens_a_visit_once(world: World, app: Any) -> None:
    browser = Browser(app)

    status, text = await browser.launch()
    assert (status, "could not be opened" in text) == (200, False)

    async with browser.window() as another:
        replayed = await another.get(browser.callback)
    assert replayed.status_code == 400
    assert world.server.token_requests == 1  # neither the same browser nor another one made it ask again


async def test_the_pages_refuse_the_same_and_ask_as_little(world: World, app: Any) -> None:
    """All cases through the app's own routes, with each callback replayed in the same browser."""
    surprises = {}
    for case in CASES:
        right = AuthorizationServer()
        vars(world.server).update({**vars(right), **case.wrong})

        status, text = await Browser(app).launch()

        asked = (world.server.token_requests, world.server.key_requests)
        expected = (case.token_requests, case.key_requests)
        if not 400 <= status < 600 or status == 500 or case.words not in text or asked != expected:
            surprises[case.name] = (status, asked, text)
        assert "canary-words" not in text

    assert surprises == {}
    assert world.canary.call_count == 0
