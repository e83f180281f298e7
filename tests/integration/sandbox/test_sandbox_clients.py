"""How an app proves who it is: RFC 6749 (2.3), RFC 7521 and RFC 7523 as SMART 2.2 narrows them."""

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jws import serialize_compact

from ipvscreen.sandbox.registration import Registration

BASE = "https://ehr.test"
TOKEN_URL = f"{BASE}/auth/token"
CLIENT_ID = "health-questionnaire"
JWKS_URL = "https://app.test/jwks.json"
SECRET = "a b+c%d:é"
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Make = Callable[..., Any]
Proof = tuple[dict[str, str], dict[str, str]]

RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig", "alg": "RS384"}, private=True)
EC = ECKey.generate_key("P-384", {"kid": "ec", "use": "sig", "alg": "ES384"}, private=True)
OTHER = ECKey.generate_key("P-384", {"kid": "ec"}, private=True)


# --- Basic -------------------------------------------------------------------------------------------------


def basic(name: str = CLIENT_ID, secret: str = SECRET, *, encode: bool = True) -> dict[str, str]:
    pair = ":".join(map(quote_plus, (name, secret))) if encode else f"{name}:{secret}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


@pytest.fixture
def with_secret(make_app: Make, joined: Make, handshake: Any) -> Any:
    """The handshake of an app that has registered a secret."""
    handshake.client = joined(make_app(auth="client_secret_basic", client_secret=SECRET))
    handshake.prove = lambda: ({}, basic())
    return handshake


async def test_a_secret_in_the_header_is_enough(with_secret: Any) -> None:
    assert (await with_secret.granted())["patient"] == "anna-woman"


async def test_the_right_name_may_stand_in_the_form_too(with_secret: Any) -> None:
    answer = await with_secret.exchanged(await with_secret.code(), client_id=CLIENT_ID)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        basic(secret="another"),
        basic(name="someone-else"),
        basic(secret=""),
        basic(encode=False),
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic //8="},
        {"Authorization": f"Bearer {SECRET.encode().hex()}"},
        {},
    ],
    ids=["secret", "name", "empty", "not encoded", "not base64", "not UTF-8", "Bearer", "nothing"],
)
async def test_a_wrong_password_is_401_with_a_challenge_and_uses_no_code_up(
    with_secret: Any, header: dict[str, str]
) -> None:
    code = await with_secret.code()
    with_secret.prove = lambda: ({"client_id": CLIENT_ID}, header)
    refused = await with_secret.exchanged(code)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert refused.headers["www-authenticate"].startswith("Basic ")
    with_secret.prove = lambda: ({}, basic())
    assert (await with_secret.exchanged(code)).status_code == 200


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"client_secret": SECRET}, "invalid_request"),
        ({"client_assertion": "x"}, "invalid_request"),
        ({"client_id": "someone-else"}, "invalid_client"),
    ],
)
async def test_one_request_is_proved_in_one_way_and_for_one_name(
    with_secret: Any, fields: dict[str, str], error: str
) -> None:
    answer = await with_secret.exchanged(await with_secret.code(), **fields)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_a_secret_in_the_form_alone_is_refused(with_secret: Any) -> None:
    with_secret.prove = lambda: ({"client_id": CLIENT_ID, "client_secret": SECRET}, {})
    answer = await with_secret.exchanged(await with_secret.code())
    assert answer.json()["error"] == "invalid_client"


# --- private_key_jwt ---------------------------------------------------------------------------------------


def signed(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    """A compact JWS with this very header."""
    return serialize_compact(header, json.dumps(claims).encode(), key, algorithms=[str(header["alg"])])


class App:
    """An app with keys: what it publishes, and what it signs."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.count = 0
        self.fetched = 0
        self.published: Any = KeySet([RSA, EC]).as_dict(private=False)

    async def jwks(self) -> dict[str, Any]:
        self.fetched += 1
        return self.published  # type: ignore[no-any-return]

    def assertion(self, key: Any = EC, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A good one, but for the changes; None leaves a member out."""
        self.count += 1
        alg = "RS384" if isinstance(key, RSAKey) else "ES384"
        usual_header = {"alg": alg, "kid": key.kid, "typ": "JWT"}
        now = int(self.clock().timestamp())
        usual = {"iss": CLIENT_ID, "sub": CLIENT_ID, "aud": TOKEN_URL}
        usual |= {"exp": now + 300, "jti": f"jti-{self.count}"}  # type: ignore[dict-item]
        merged_header = {k: v for k, v in (usual_header | (header or {})).items() if v is not None}
        merged = {name: value for name, value in (usual | claims).items() if value is not None}
        return signed(merged_header, merged, key)

    def proof(self, *args: Any, **claims: Any) -> Proof:
        return {"client_assertion_type": TYPE, "client_assertion": self.assertion(*args, **claims)}, {}


@pytest.fixture
def keyed(clock: Any) -> App:
    return App(clock)


@pytest.fixture
def with_key(make_app: Make, joined: Make, handshake: Any, keyed: App) -> Any:
    """The handshake of an app that has registered its key set."""
    handshake.client = joined(make_app(auth="private_key_jwt", jwks=keyed.jwks, jwks_url=JWKS_URL))
    handshake.prove = keyed.proof
    return handshake


async def refused(handshake: Any, proof: Proof) -> str:
    """Why a token request with this proof is refused; the code is then still good."""
    code = await handshake.code()
    right, handshake.prove = handshake.prove, lambda: proof
    answer = await handshake.exchanged(code)
    handshake.prove = right
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client"), answer.text
    assert (await handshake.exchanged(code)).status_code == 200
    return str(answer.json()["error_description"])


@pytest.mark.parametrize("key", [RSA, EC], ids=["RS384", "ES384"])
async def test_both_algorithms_are_taken(with_key: Any, keyed: App, key: Any) -> None:
    with_key.prove = lambda: keyed.proof(key)
    assert (await with_key.granted())["patient"] == "anna-woman"


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"jku": JWKS_URL}, {}),
        ({}, {"aud": [TOKEN_URL]}),
        ({}, {"iat": 1772445600, "nbf": 1772445600}),
        ({}, {"exp": 1772445600.5}),
    ],
    ids=["the registered jku", "aud as a list", "iat and nbf of now", "half a second is left"],
)
async def test_what_may_be_and_need_not(
    with_key: Any, keyed: App, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    with_key.prove = lambda: keyed.proof(EC, header, **claims)
    await with_key.granted()


NOW = 1772445600  # what the fixture's clock says


@pytest.mark.parametrize(
    ("header", "claims", "why"),
    [
        ({"typ": None}, {}, "typ"),
        ({"typ": "jwt+x"}, {}, "typ"),
        ({"kid": None}, {}, "kid"),
        ({"kid": "unheard-of"}, {}, "kid"),
        ({"kid": "rsa"}, {}, "kid"),
        ({"jku": "https://evil.test/jwks.json"}, {}, "jku"),
        ({"jku": f"{JWKS_URL}?x"}, {}, "jku"),
        ({"jwk": {"kty": "EC"}}, {}, "of its own"),
        ({"x5u": "https://evil.test/x"}, {}, "of its own"),
        ({}, {"iss": "someone-else"}, "iss"),
        ({}, {"iss": None}, "iss"),
        ({}, {"sub": "someone-else"}, "sub"),
        ({}, {"sub": None}, "sub"),
        ({}, {"aud": BASE}, "aud"),
        ({}, {"aud": f"{TOKEN_URL}/"}, "aud"),
        ({}, {"aud": [TOKEN_URL, "https://other.test/token"]}, "aud"),
        ({}, {"aud": None}, "aud"),
        ({}, {"exp": None}, "exp"),
        ({}, {"exp": NOW}, "exp"),
        ({}, {"exp": NOW - 1}, "exp"),
        ({}, {"exp": str(NOW + 60)}, "exp"),
        ({}, {"exp": True}, "exp"),
        ({}, {"exp": NOW + 301}, "five minutes"),
        ({}, {"nbf": NOW + 1}, "nbf"),
        ({}, {"iat": NOW + 1}, "iat"),
        ({}, {"jti": None}, "jti"),
        ({}, {"jti": ""}, "jti"),
        ({}, {"jti": 7}, "jti"),
    ],
)
async def test_what_a_wrong_assertion_is_refused_for(
    with_key: Any, keyed: App, header: dict[str, Any], claims: dict[str, Any], why: str
) -> None:
    assert why in await refused(with_key, keyed.proof(EC, header, **claims))


async def test_it_must_be_signed_with_the_published_key(with_key: Any, keyed: App) -> None:
    assert "signature" in await refused(with_key, keyed.proof(OTHER))


PEM = RSA.as_pem(private=False)  # what is no secret, used as one
P256 = ECKey.generate_key("P-256", private=True)
BARE_RSA = RSAKey.import_key(RSA.as_pem(private=True))


def b64(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


@pytest.mark.parametrize(
    ("alg", "sign"),
    [
        ("none", lambda text: b""),
        ("HS256", lambda text: hmac.digest(PEM, text, "sha256")),
        ("HS384", lambda text: hmac.digest(PEM, text, "sha384")),
        ("RS256", BARE_RSA),
        ("PS384", BARE_RSA),
        ("ES256", P256),
    ],
)
async def test_no_other_algorithm_is_taken(with_key: Any, alg: str, sign: Any) -> None:
    claims = {"iss": CLIENT_ID, "sub": CLIENT_ID, "aud": TOKEN_URL, "exp": NOW + 60, "jti": "x"}
    header = {"alg": alg, "kid": "rsa", "typ": "JWT"}
    if callable(sign):
        text = b".".join(b64(json.dumps(part).encode()) for part in (header, claims))
        assertion = b".".join((text, b64(sign(text)))).decode()
    else:
        assertion = signed(header, claims, sign)
    why = await refused(with_key, ({"client_assertion_type": TYPE, "client_assertion": assertion}, {}))
    assert "algorithm" in why


@pytest.mark.parametrize("assertion", ["", "x", "a.b.c", "é.é.é", "a.b.c.d.e"])
async def test_what_is_no_assertion_at_all(with_key: Any, assertion: str) -> None:
    await refused(with_key, ({"client_assertion_type": TYPE, "client_assertion": assertion}, {}))


@pytest.mark.parametrize("type_", [None, "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"])
async def test_the_type_of_the_assertion_is_said(with_key: Any, keyed: App, type_: str | None) -> None:
    fields = {"client_assertion": keyed.assertion(), **({"client_assertion_type": type_} if type_ else {})}
    await refused(with_key, (fields, {}))


async def test_an_assertion_is_used_once(with_key: Any, keyed: App, clock: Any) -> None:
    proof = keyed.proof()
    with_key.prove = lambda: proof
    await with_key.granted()
    with_key.prove = keyed.proof
    assert "already" in await refused(with_key, proof)
    # Its jti is remembered for as long as it would be good, and no longer.
    clock.forward(seconds=300)
    assert "exp" in await refused(with_key, proof)
    assert "jti-1" not in with_key.client._transport.app.state.sandbox.assertions_seen


async def test_a_refused_assertion_does_not_use_up_its_jti(with_key: Any, keyed: App) -> None:
    await refused(with_key, keyed.proof(OTHER, jti="same"))
    with_key.prove = lambda: keyed.proof(jti="same")
    await with_key.granted()


@pytest.mark.parametrize(
    ("fields", "headers", "error"),
    [
        ({"client_id": "someone-else"}, {}, "invalid_client"),
        ({"client_secret": "s"}, {}, "invalid_request"),
        ({}, basic(), "invalid_request"),
    ],
)
async def test_an_assertion_stands_alone_and_for_one_name(
    with_key: Any, fields: dict[str, str], headers: dict[str, str], error: str
) -> None:
    form = {"grant_type": "authorization_code", "code": await with_key.code(), **fields}
    answer = await with_key.token(form, headers)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_an_app_with_keys_does_not_pass_as_public(with_key: Any) -> None:
    await refused(with_key, ({"client_id": CLIENT_ID}, {}))


@pytest.mark.parametrize(
    ("published", "why"),
    [
        ({"keys": [EC.as_dict(private=True)]}, "private"),
        ({"keys": [EC.as_dict(private=False)] * 2}, "exactly one"),
        ({"keys": [EC.as_dict(private=False) | {"use": "enc"}]}, "exactly one"),
        ({"keys": [EC.as_dict(private=False) | {"alg": "ES256"}]}, "exactly one"),
        ({"keys": [EC.as_dict(private=False) | {"x": "AA"}]}, "signature"),
        ({"keys": ["x"]}, "exactly one"),
        ({"keys": {}}, "no key set"),
        ([], "no key set"),
    ],
)
async def test_a_bad_key_set_lets_nobody_in(with_key: Any, keyed: App, published: Any, why: str) -> None:
    good, keyed.published = keyed.published, published
    code = await with_key.code()
    answer = await with_key.exchanged(code)
    assert answer.json()["error"] == "invalid_client"
    assert why in answer.json()["error_description"]
    keyed.published = good
    assert (await with_key.exchanged(code)).status_code == 200


async def test_a_rotated_key_is_fetched(with_key: Any, keyed: App) -> None:
    await with_key.granted()
    fresh = ECKey.generate_key("P-384", {"kid": "new", "alg": "ES384"}, private=True)
    keyed.published = KeySet([fresh]).as_dict(private=False)
    assert "kid" in (await with_key.exchanged(await with_key.code())).json()["error_description"]
    with_key.prove = lambda: keyed.proof(fresh)
    await with_key.granted()


@pytest.fixture
def by_url(make_app: Make, joined: Make, handshake: Any, keyed: App) -> Any:
    """The handshake of an app whose keys are fetched from where it publishes them."""
    handshake.client = joined(make_app(auth="private_key_jwt", jwks_url=JWKS_URL))
    handshake.prove = keyed.proof
    return handshake


@pytest.mark.parametrize(
    ("cache_control", "fetches"),
    [
        ("public, max-age=300", 2),
        ("max-age=300, no-store", 4),
        ("no-cache", 4),
        ("s-maxage=300", 4),
        ("", 4),
    ],
)
async def test_keys_are_kept_for_as_long_as_they_may_be(
    by_url: Any, keyed: App, respx_mock: Any, clock: Any, cache_control: str, fetches: int
) -> None:
    headers = {"Cache-Control": cache_control} if cache_control else {}
    route = respx_mock.get(JWKS_URL).respond(json=keyed.published, headers=headers)
    for seconds in (0, 299, 1, 299):
        clock.forward(seconds=seconds)
        await by_url.granted()
    assert route.call_count == fetches


async def test_a_key_that_signs_before_it_was_published_for_long_enough_is_refused(
    by_url: Any, keyed: App, respx_mock: Any, clock: Any
) -> None:
    fresh = ECKey.generate_key("P-384", {"kid": "new", "alg": "ES384"}, private=True)
    headers = {"Cache-Control": "public, max-age=300"}
    respx_mock.get(JWKS_URL).respond(json=keyed.published, headers=headers)
    await by_url.granted()
    respx_mock.get(JWKS_URL).respond(json=KeySet([EC, fresh]).as_dict(private=False), headers=headers)
    assert "kid" in await refused(by_url, keyed.proof(fresh))
    clock.forward(seconds=300)
    by_url.prove = lambda: keyed.proof(fresh)
    await by_url.granted()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(302, headers={"Location": "https://evil.test/jwks.json"}),
        httpx.Response(200, text="<html>"),
        httpx.ConnectTimeout("slow"),
    ],
    ids=["missing", "redirect", "no JSON", "no answer"],
)
async def test_keys_that_cannot_be_fetched_let_nobody_in(by_url: Any, respx_mock: Any, answer: Any) -> None:
    respx_mock.get(JWKS_URL).mock(side_effect=[answer])
    refusal = await by_url.exchanged(await by_url.code())
    assert (refusal.status_code, refusal.json()["error"]) == (400, "invalid_client")
    assert "could not be fetched" in refusal.json()["error_description"]


async def refreshed_as_registered(handshake: Any) -> None:
    token = await handshake.granted(scope="launch openid online_access")
    right, handshake.prove = handshake.prove, lambda: ({"client_id": CLIENT_ID}, {})
    refusal = await handshake.refreshed(token["refresh_token"])
    assert refusal.json()["error"] == "invalid_client"
    handshake.prove = right
    assert (await handshake.refreshed(token["refresh_token"])).status_code == 200


async def test_a_refresh_is_proved_with_the_secret_too(with_secret: Any) -> None:
    await refreshed_as_registered(with_secret)


async def test_a_refresh_is_proved_with_the_key_too(with_key: Any) -> None:
    await refreshed_as_registered(with_key)


# --- registration ------------------------------------------------------------------------------------------


async def _no_keys() -> dict[str, Any]:
    return {"keys": []}


@pytest.mark.parametrize(
    "given",
    [
        {"auth": "client_secret_basic"},
        {"auth": "private_key_jwt"},
        {"auth": "none", "secret": "s"},
        {"auth": "none", "jwks": _no_keys},
        {"auth": "client_secret_basic", "secret": "s", "jwks_url": JWKS_URL},
        {"auth": "client_secret_post", "secret": "s"},
    ],
)
def test_a_registration_has_what_it_needs_and_nothing_else(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"goes with|unknown"):
        Registration(CLIENT_ID, (), "https://app.test/launch", "https://app.test/list", **given)


async def test_discovery_names_the_three_ways(client: httpx.AsyncClient) -> None:
    found = (await client.get("/fhir/.well-known/smart-configuration")).json()
    assert found["token_endpoint_auth_methods_supported"] == [
        "none",
        "client_secret_basic",
        "private_key_jwt",
    ]
    assert found["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    kinds = {"client-public", "client-confidential-symmetric", "client-confidential-asymmetric"}
    assert kinds <= set(found["capabilities"])
