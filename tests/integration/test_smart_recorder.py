"""Our client before a server that accepts everything, writes it down, and looks at it afterwards.

The checks are those of Inferno's client suite `SMARTClientSTU22Suite`, told in our own words. They stand in
github.com/inferno-framework/smart-app-launch-test-kit at 9a219bd, lib/smart_app_launch:
client_stu2_2_suite.rb, and in client_suite/ registration_verification.rb, token_request_verification.rb,
authorization_request_verification_test.rb, authentication_verification.rb, token_use_verification_test.rb.
Those marked "ours" are in the specification and not in that suite. Each has a control: a request that was
tampered with is flagged, by that check and no other.
"""

import base64
import copy
import hashlib
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
import respx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jws import JWSRegistry, extract_compact
from pydantic import SecretStr

from ipvscreen.app import create_app
from ipvscreen.ehr.client import FhirClient
from ipvscreen.resources.scopes import requested
from ipvscreen.settings import Ehr, Settings
from ipvscreen.smart.authorization import begin, code_of, exchange, refresh
from ipvscreen.smart.client import Client, TokenAuth
from ipvscreen.smart.discovery import discover
from ipvscreen.smart.keys import SigningKey, new_signing_key, public_jwks
from ipvscreen.store.facade import migrate

FHIR = "https://ehr.example/fhir"
TOKEN = "https://login.example/tenants/7/token"
CALLBACK = "https://app.example/callback/ehr"
JWKS = "https://app.example/jwks.json"
TLS = httpx.create_ssl_context()  # once: it takes longer than a launch
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

Params = dict[str, str]


@dataclass(frozen=True)
class Registration:
    """What the server knows of the client."""

    client_id: str
    auth: TokenAuth
    secret: str | None = None
    jwks: dict[str, Any] = field(default_factory=dict)
    jwks_url: str | None = None
    launch_urls: tuple[str, ...] = ("https://app.example/launch",)
    redirect_uris: tuple[str, ...] = (CALLBACK, "https://app.example/callback/other")


@dataclass
class Recorded:
    """One request, and what was handed out for it."""

    kind: str
    params: Params
    authorization: str | None = None
    issued: Params = field(default_factory=dict)


@dataclass
class Recorder:
    """An authorization server and a FHIR server that say yes to everything."""

    launch_key: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    requests: list[Recorded] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Recorded]:
        return [one for one in self.requests if one.kind in kinds]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/.well-known/smart-configuration"):
            return self._configuration()
        if path == "/authorize":
            return self._authorize(request)
        if path == "/tenants/7/token":
            return self._token(request)
        self.requests.append(Recorded("fhir", {}, request.headers.get("Authorization")))
        if path.endswith("/metadata"):
            return httpx.Response(200, json={"resourceType": "CapabilityStatement"})
        return httpx.Response(200, json={"resourceType": "Patient", "id": "p1"})

    def _configuration(self) -> httpx.Response:
        return httpx.Response(
            200,
            json={
                "authorization_endpoint": "https://login.example/authorize",
                "token_endpoint": TOKEN,
                "capabilities": ["authorize-post"],
                "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
            },
        )

    def _authorize(self, request: httpx.Request) -> httpx.Response:
        given = request.url.params.multi_items() if request.method == "GET" else _form(request)
        params = dict(given)
        code = secrets.token_urlsafe(8)
        self.requests.append(Recorded("authorize", params, None, {"code": code}))
        back = urlencode({"code": code, "state": params.get("state", "")})
        return httpx.Response(302, headers={"Location": f"{params['redirect_uri']}?{back}"})

    def _token(self, request: httpx.Request) -> httpx.Response:
        params = dict(_form(request))
        issued = {"access_token": secrets.token_urlsafe(8), "refresh_token": secrets.token_urlsafe(8)}
        kind = "refresh" if params.get("grant_type") == "refresh_token" else "token"
        self.requests.append(Recorded(kind, params, request.headers.get("Authorization"), issued))
        body = {**issued, "token_type": "Bearer", "expires_in": 300, "patient": "p1", "scope": "launch"}
        return httpx.Response(200, json=body)


def _form(request: httpx.Request) -> list[tuple[str, str]]:
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    return parse_qsl(request.content.decode(), keep_blank_values=True)


# The checks: each yields the names of what it flags


def flags(recorder: Recorder, registered: Registration) -> set[str]:
    """Everything that is not as it should be, in all that was recorded."""
    seen: set[str] = set()
    found = set(_registration(registered))
    for one in recorder.of("authorize"):
        found |= set(_authorize(one.params, registered, recorder.launch_key))
    for one in recorder.of("token", "refresh"):
        checked = _token if one.kind == "token" else _refresh
        found |= {*checked(one, recorder, registered), *_authentication(one, registered, seen)}
    return found | set(_use(recorder))


def _registration(registered: Registration) -> Iterator[str]:
    for url in (*registered.launch_urls, *registered.redirect_uris):
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.netloc:
            yield "registration: https"
    if registered.auth is TokenAuth.PRIVATE_KEY_JWT and not _keys(registered.jwks):
        yield "registration: keys"


def _authorize(params: Mapping[str, str], registered: Registration, launch_key: str) -> Iterator[str]:
    right = {
        "response_type": "code",
        "client_id": registered.client_id,
        "aud": FHIR,
        "code_challenge_method": "S256",
    }
    yield from (f"authorize: {name}" for name, value in right.items() if params.get(name) != value)
    needed = ("state", "code_challenge", "scope")
    yield from (f"authorize: {name}" for name in needed if not params.get(name, "").strip())
    if params.get("redirect_uri") not in registered.redirect_uris:
        yield "authorize: redirect_uri"
    if params.get("launch", launch_key) != launch_key:
        yield "authorize: launch"
    if len(params.get("state", "")) * 6 < 122:  # ours
        yield "authorize: state"


def _token(one: Recorded, recorder: Recorder, registered: Registration) -> Iterator[str]:
    params = one.params
    if params.get("grant_type") != "authorization_code":
        yield "token: grant_type"
    begun = [a.params for a in recorder.of("authorize") if a.issued["code"] == params.get("code")]
    if not begun:
        yield "token: code"
        return
    if params.get("redirect_uri") != begun[0].get("redirect_uri"):
        yield "token: redirect_uri"
    digest = hashlib.sha256(params.get("code_verifier", "").encode()).digest()
    if base64.urlsafe_b64encode(digest).decode().rstrip("=") != begun[0].get("code_challenge"):
        yield "token: code_verifier"


def _refresh(one: Recorded, recorder: Recorder, registered: Registration) -> Iterator[str]:
    known = {other.issued["refresh_token"] for other in recorder.of("token", "refresh") if other is not one}
    if one.params.get("refresh_token") not in known:
        yield "refresh: refresh_token"


def _authentication(one: Recorded, registered: Registration, seen: set[str]) -> Iterator[str]:
    params, auth = one.params, registered.auth
    if auth is TokenAuth.NONE:
        if params.get("client_id") != registered.client_id:
            yield "public: client_id"
    elif auth is TokenAuth.BASIC:
        yield from _basic(one.authorization, registered)
    else:
        if params.get("client_assertion_type") != ASSERTION_TYPE:
            yield "assertion: type"
        yield from _assertion(params.get("client_assertion", ""), registered, seen)
    ways = ("client_id" in params, one.authorization is not None, "client_assertion" in params)
    if sum(ways) != 1:  # ours: one way to say who it is, and no second (RFC 6749 section 2.3)
        yield "authentication: one way"


def _basic(authorization: str | None, registered: Registration) -> Iterator[str]:
    scheme, _, pair = (authorization or "").partition(" ")
    if scheme != "Basic":
        yield "basic: header"
        return
    client_id, _, secret = base64.b64decode(pair).decode().partition(":")
    if client_id != registered.client_id:
        yield "basic: client"
    if secret != registered.secret:
        yield "basic: secret"


def _assertion(assertion: str, registered: Registration, seen: set[str]) -> Iterator[str]:
    try:
        taken = extract_compact(assertion.encode(), registry=ANY)
        header, claims = taken.headers(), _json(taken.payload)
    except (JoseError, ValueError):
        yield "assertion: no JWT"
        return
    yield from _claims(claims, registered, seen)
    if header.get("typ") != "JWT":
        yield "assertion: typ"
    if header.get("jku") not in (None, registered.jwks_url):  # ours: must equal what was registered
        yield "assertion: jku"
    keys = [key for key in _keys(registered.jwks) if key.kid == header.get("kid")]
    if not keys:
        yield "assertion: kid"
        return
    try:
        jwt.decode(assertion, keys[0], algorithms=["RS384", "ES384"])
    except (JoseError, ValueError):
        yield "assertion: signature"


def _claims(claims: Mapping[str, Any], registered: Registration, seen: set[str]) -> Iterator[str]:
    right = {"iss": registered.client_id, "sub": registered.client_id, "aud": TOKEN}
    yield from (f"assertion: {name}" for name, value in right.items() if claims.get(name) != value)
    end, jti = claims.get("exp"), claims.get("jti")
    # ours: the end has come within five minutes; the suite asks only that there is one
    if not isinstance(end, int) or not 0 < end - NOW.timestamp() <= 300:
        yield "assertion: exp"
    if not jti or jti in seen:
        yield "assertion: jti"
    seen.add(jti or "")


def _use(recorder: Recorder) -> Iterator[str]:
    issued = {f"Bearer {one.issued['access_token']}" for one in recorder.of("token", "refresh")}
    if not issued & {one.authorization for one in recorder.of("fhir")}:
        yield "use: token"


def _keys(jwks: Mapping[str, Any]) -> list[RSAKey | ECKey]:
    try:
        return list(KeySet.import_key_set(jwks).keys) if jwks.get("keys") else []  # type: ignore[arg-type]  # made-up sets, too
    except (JoseError, ValueError, KeyError):
        return []


def _json(payload: bytes) -> dict[str, Any]:
    return dict(json.loads(payload))


ANY = JWSRegistry(algorithms=["RS384", "ES384", "RS256", "ES256", "HS256"], strict_check_header=False)


# Our client, in each of its four ways

KEYS: dict[str, SigningKey] = {key.alg: key for key in (new_signing_key("RS384"), new_signing_key("ES384"))}
PUBLISHED = public_jwks(KEYS.values())

WAYS: dict[str, tuple[Client, Registration]] = {
    "public": (Client("our-id"), Registration("our-id", TokenAuth.NONE)),
    "basic": (
        Client("our-id", TokenAuth.BASIC, secret="s3cret/with+signs="),
        Registration("our-id", TokenAuth.BASIC, secret="s3cret/with+signs="),
    ),
    **{
        alg: (
            Client("our-id", TokenAuth.PRIVATE_KEY_JWT, key=key, jwks_url=JWKS),
            Registration("our-id", TokenAuth.PRIVATE_KEY_JWT, jwks=PUBLISHED, jwks_url=JWKS),
        )
        for alg, key in KEYS.items()
    },
}


@dataclass
class World:
    """The recorder behind an HTTP client that reaches nothing else."""

    recorder: Recorder
    http: httpx.AsyncClient

    async def run(self, client: Client, *, post: bool = False, launch: str | None) -> None:
        """A launch, a read, two refreshes and a read, as the app does them."""
        endpoints = await discover(self.http, FHIR)
        request, handshake = begin(
            endpoints,
            iss=FHIR,
            client_id=client.client_id,
            redirect_uri=CALLBACK,
            scope=requested(purpose="ehr" if launch else "standalone", refresh="online_access"),
            launch=launch,
        )
        sent = (
            self.http.post(request.address, data=dict(request.parameters))
            if post
            else self.http.get(request.url)
        )
        back = httpx.URL((await sent).headers["Location"])
        code = code_of(dict(back.params), endpoints, iss=FHIR)
        token = await exchange(
            self.http,
            endpoints,
            client,
            redirect_uri=CALLBACK,
            code=code,
            verifier=handshake.verifier,
            now=NOW,
        )
        for _ in range(2):
            await self.read(token.access_token)
            again = token.refresh_token or ""
            token = await refresh(self.http, endpoints.token, client, again, NOW, patient="p1")
        await self.read(token.access_token)

    async def read(self, access_token: str) -> None:
        async def token() -> str:
            return access_token

        await FhirClient(self.http, FHIR, token).read("Patient", "p1")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    recorder = Recorder()
    with respx.mock(assert_all_called=False) as router:
        router.route(host__in=["ehr.example", "login.example"]).mock(side_effect=recorder)
        async with httpx.AsyncClient(verify=TLS) as http:
            yield World(recorder, http)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("post", [False, True], ids=["get", "post"])
@pytest.mark.parametrize("standalone", [False, True], ids=["ehr", "standalone"])
async def test_nothing_that_our_client_sends_is_flagged(world, way, post, standalone):
    client, registered = WAYS[way]

    await world.run(client, post=post, launch=None if standalone else world.recorder.launch_key)

    kinds = [one.kind for one in world.recorder.requests]
    assert kinds == ["authorize", "token", "fhir", "refresh", "fhir", "refresh", "fhir"]
    assert flags(world.recorder, registered) == set()


SETTINGS: dict[str, dict[str, Any]] = {
    "public": {},
    "basic": {"token_auth": "client_secret_basic", "client_secret": SecretStr("s3cret/with+signs=")},
    "RS384": {"token_auth": "private_key_jwt", "signing_alg": "RS384"},
    "ES384": {"token_auth": "private_key_jwt", "signing_alg": "ES384"},
}


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_that_the_deployed_app_sends_is_flagged(world, tmp_path, way):
    """The same through the app's own routes, with the keys that it publishes itself."""
    entry = Ehr(name="ehr", iss=FHIR, client_id="our-id", exit_url="https://ehr.example/", **SETTINGS[way])
    settings = Settings(
        public_url="https://app.example",
        database=f"sqlite+aiosqlite:///{tmp_path / 'store.db'}",
        key="now",
        keys={"now": SecretStr(base64.b64encode(bytes(range(32))).decode())},
        ehr=(entry,),
    )
    await migrate(settings.database)
    app = create_app(settings, http=world.http, clock=lambda: NOW)
    async with app.router.lifespan_context(app):
        mounts = {"https://app.example": httpx.ASGITransport(app)}
        async with httpx.AsyncClient(mounts=mounts, verify=TLS, base_url="https://app.example") as browser:
            query = {"iss": FHIR, "launch": world.recorder.launch_key}
            page = await browser.get("/launch", params=query, follow_redirects=True)
            published = (await browser.get("/jwks.json")).json()

    assert page.status_code == 200
    assert page.url.path.startswith("/v/")
    assert [one.kind for one in world.recorder.requests[:3]] == ["authorize", "token", "fhir"]
    _, registered = WAYS[way]
    assert flags(world.recorder, replace(registered, jwks=published)) == set()


# Controls: what was tampered with is flagged

Tamper = Callable[[Recorder, Registration], Registration | None]


def changed(kind: str, **changes: str | None) -> Tamper:
    """Other parameters in every request of that kind; None leaves one out."""

    def tamper(recorder: Recorder, registered: Registration) -> None:
        for one in recorder.of(kind):
            one.params = {k: v for k, v in {**one.params, **changes}.items() if v is not None}

    return tamper


def header(value: str | None) -> Tamper:
    def tamper(recorder: Recorder, registered: Registration) -> None:
        for one in recorder.of("token", "refresh"):
            one.authorization = value

    return tamper


def pair(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def resigned(
    *, key: SigningKey | None = None, head: Mapping[str, Any] | None = None, **claims: Any
) -> Tamper:
    """The first assertion with other claims or another header, signed again with a key of ours or another."""

    def tamper(recorder: Recorder, registered: Registration) -> None:
        one = recorder.of("token")[0]
        taken = extract_compact(one.params["client_assertion"].encode(), registry=ANY)
        told = {**taken.headers(), **(head or {})}
        told = {name: value for name, value in told.items() if value is not None}
        said = {k: v for k, v in {**_json(taken.payload), **claims}.items() if v is not None}
        by = key or next(k for k in KEYS.values() if k.alg == taken.headers()["alg"])
        private = (RSAKey if by.alg == "RS384" else ECKey).import_key(dict(by.jwk))
        assertion = jwt.encode({**told, "alg": by.alg}, said, private, registry=ANY, default_type=None)
        one.params = {**one.params, "client_assertion": assertion}

    return tamper


def same_jti(recorder: Recorder, registered: Registration) -> None:
    first, second = recorder.of("token")[0], recorder.of("refresh")[0]
    second.params = {**second.params, "client_assertion": first.params["client_assertion"]}


def unused(recorder: Recorder, registered: Registration) -> None:
    for one in recorder.of("fhir"):
        one.authorization = "Bearer another"


def registration(**changes: Any) -> Tamper:
    return lambda recorder, registered: replace(registered, **changes)


LATE = int((NOW + timedelta(seconds=301)).timestamp())
OVER = int((NOW - timedelta(seconds=1)).timestamp())

CONTROLS: list[tuple[str, str, Tamper]] = [
    *(
        ("public", f"authorize: {name}", changed("authorize", **{name: value}))
        for name, value in [
            ("response_type", "token"),
            ("response_type", None),
            ("client_id", "another"),
            ("redirect_uri", "https://app.example/callback/ehr/"),
            ("redirect_uri", None),
            ("launch", "another"),
            ("state", ""),
            ("state", None),
            ("state", "short"),
            ("aud", f"{FHIR}/"),
            ("aud", None),
            ("code_challenge", ""),
            ("code_challenge", None),
            ("code_challenge_method", "plain"),
            ("code_challenge_method", None),
            ("scope", " "),
            ("scope", None),
        ]
    ),
    ("public", "token: code", changed("token", code="another")),
    ("public", "token: grant_type", changed("token", grant_type="client_credentials")),
    ("public", "token: redirect_uri", changed("token", redirect_uri="https://app.example/callback/other")),
    ("public", "token: code_verifier", changed("token", code_verifier="another")),
    ("public", "token: code_verifier", changed("token", code_verifier=None)),
    ("public", "refresh: refresh_token", changed("refresh", refresh_token="another")),
    ("public", "public: client_id", changed("token", client_id="another")),
    ("public", "public: client_id", changed("refresh", client_id="another")),
    ("public", "authentication: one way", header(pair("our-id:x"))),
    ("public", "use: token", unused),
    ("public", "registration: https", registration(launch_urls=("http://app.example/launch",))),
    ("public", "registration: https", registration(redirect_uris=(CALLBACK, "app.example/callback"))),
    ("basic", "basic: header", header("Bearer x")),
    ("basic", "basic: client", header(pair("another:s3cret/with+signs="))),
    ("basic", "basic: secret", header(pair("our-id:s3cret%2Fwith%2Bsigns%3D"))),
    ("basic", "authentication: one way", changed("refresh", client_id="our-id")),
    *(
        (alg, flag, tamper)
        for alg, other in (("RS384", "ES384"), ("ES384", "RS384"))
        for flag, tamper in [
            ("authentication: one way", changed("token", client_id="our-id")),
            ("assertion: type", changed("token", client_assertion_type="jwt")),
            ("assertion: type", changed("refresh", client_assertion_type=None)),
            ("assertion: no JWT", changed("token", client_assertion="a.b")),
            ("assertion: typ", resigned(head={"typ": "at+jwt"})),
            ("assertion: typ", resigned(head={"typ": None})),
            ("assertion: iss", resigned(iss="another")),
            ("assertion: sub", resigned(sub="another")),
            ("assertion: aud", resigned(aud=FHIR)),
            ("assertion: aud", resigned(aud=f"{TOKEN}/")),
            ("assertion: exp", resigned(exp=None)),
            ("assertion: exp", resigned(exp=LATE)),
            ("assertion: exp", resigned(exp=OVER)),
            ("assertion: jti", resigned(jti=None)),
            ("assertion: jti", resigned(jti="")),
            ("assertion: jti", same_jti),
            ("assertion: kid", resigned(head={"kid": "another"})),
            ("assertion: kid", resigned(head={"kid": None})),
            ("assertion: jku", resigned(head={"jku": "https://evil.example/jwks.json"})),
            ("assertion: signature", resigned(key=KEYS[other])),
            ("registration: keys", registration(jwks={"keys": []})),
        ]
    ),
]


# What a later request is measured by cannot be changed alone.
FOLLOWS = {
    "authorize: redirect_uri": {"token: redirect_uri"},
    "authorize: code_challenge": {"token: code_verifier"},
    "registration: keys": {"assertion: kid"},
}


@pytest.mark.parametrize(("way", "flag", "tamper"), CONTROLS, ids=[f"{w}-{f}" for w, f, _ in CONTROLS])
async def test_control_what_was_tampered_with_is_flagged(world, way, flag, tamper):
    client, registered = WAYS[way]
    await world.run(client, launch=world.recorder.launch_key)
    tampered = copy.deepcopy(world.recorder)

    other = tamper(tampered, registered) or registered

    assert flags(tampered, other) - FOLLOWS.get(flag, set()) == {flag}
    assert flags(world.recorder, registered) == set()


def test_every_check_has_a_control() -> None:
    """Read from this file, so that a check added later cannot be forgotten."""
    source = Path(__file__).read_text(encoding="utf-8").partition("# Our client, in each")[0]
    named = set(re.findall(r'yield f?"([a-z]+: [a-z A-Z_]+)"', source))
    named |= {
        f"authorize: {n}" for n in ("response_type", "client_id", "aud", "code_challenge_method", "scope")
    }
    named |= {f"assertion: {n}" for n in ("iss", "sub", "aud")}

    assert len(named) > 25
    assert named == {flag for _, flag, _ in CONTROLS} - {"authorize: code_challenge"}
