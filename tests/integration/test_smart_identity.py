"""id_tokens: the good ones, and every bad one that we could think of."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import respx
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry, serialize_compact

from ipvscreen.errors import LaunchRefused
from ipvscreen.smart.discovery import Endpoints
from ipvscreen.smart.identity import Identity, identify

ISS = "https://ehr.example/fhir"
ISSUER = "https://login.example/tenant"
JWKS = "https://login.example/keys"
ENDPOINTS = Endpoints(ISSUER, "https://login.example/a", "https://login.example/t", JWKS)
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CLIENT = "health-questionnaire"
KEY, OTHER = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
UNKNOWN = Identity(None, None, None)


@pytest.fixture
async def http():
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
def mock():
    with respx.mock(assert_all_called=False) as router:
        yield router


def claims(**changes):
    base = {
        "iss": ISSUER,
        "sub": "user-1",
        "aud": CLIENT,
        "exp": int((NOW + timedelta(minutes=5)).timestamp()),
        "iat": int(NOW.timestamp()),
        "nonce": "nonce-1",
        "fhirUser": "Practitioner/gp",
        "name": "Dr Ada Okafor",
    }
    merged = base | changes
    return {name: value for name, value in merged.items() if value is not None}


def signed(key=KEY, header=None, **changes):
    anything = JWSRegistry(algorithms=["RS256"], strict_check_header=False)
    return jwt.encode({"alg": "RS256"} | (header or {}), claims(**changes), key, registry=anything)


def public(key=KEY, **extra):
    return key.as_dict(private=False) | extra


async def asked(http, token, endpoints=ENDPOINTS):
    return await identify(http, endpoints, token, client_id=CLIENT, iss=ISS, nonce="nonce-1", now=NOW)


@pytest.mark.parametrize(
    ("header", "keys"),
    [
        ({}, [public()]),
        ({}, [public(OTHER), public()]),
        ({"kid": "one"}, [public(kid="one")]),
        ({"kid": "one"}, [public(OTHER, kid="two"), public(kid="one")]),
        ({"kid": "one"}, [public(OTHER), public()]),
        (
            {"kid": "one", "jku": "https://evil.example/keys", "x5t": "abc", "made-up": "x"},
            [public(kid="one")],
        ),
        ({"x5c": ["M" * 3000]}, [public()]),
        ({}, [ECKey.generate_key("P-256").as_dict(private=False), "odd", {"kty": "RSA"}, public()]),
        ({}, [public(OTHER) | {"e": "", "kty": "RSA"}, public(OTHER, n="!" * 400), public()]),
        ({}, [public(use="sig", alg="RS256", key_ops=["verify"])]),
    ],
)
async def test_a_good_token_names_the_user(mock, http, header, keys):
    mock.get(JWKS).respond(json={"keys": keys})

    identity = await asked(http, signed(header=header))

    assert identity == Identity("Practitioner/gp", "user-1", "Dr Ada Okafor")
    assert mock.calls.call_count == 1


async def test_without_a_token_the_user_is_unknown_and_nothing_is_asked(mock, http):
    assert await asked(http, None) == UNKNOWN
    assert mock.calls.call_count == 0


async def test_without_published_keys_the_token_is_not_believed(mock, http):
    endpoints = Endpoints(None, "https://login.example/a", "https://login.example/t", None)

    assert await asked(http, signed(), endpoints) == UNKNOWN


BY_ISSUER = Endpoints(ISSUER, "https://login.example/a", "https://login.example/t", None)
OPENID = f"{ISSUER}/.well-known/openid-configuration"


async def test_the_keys_are_found_by_the_issuer_where_the_configuration_names_none(mock, http):
    mock.get(OPENID).respond(json={"issuer": ISSUER, "jwks_uri": JWKS})
    mock.get(JWKS).respond(json={"keys": [public()]})

    assert (await asked(http, signed(), BY_ISSUER)).user == "Practitioner/gp"
    with pytest.raises(LaunchRefused, match="who is signed in"):
        await asked(http, signed(OTHER), BY_ISSUER)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(200, text="no json"),
        httpx.Response(200, json={"issuer": ISSUER}),
        httpx.Response(200, json={"issuer": "https://evil.example", "jwks_uri": JWKS}),
        httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": 7}),
        httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": "http://login.example/keys"}),
        httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": "https://127.0.0.1/keys"}),
        httpx.Response(302, headers={"Location": JWKS}),
    ],
)
async def test_an_issuer_that_names_no_keys_leaves_the_user_unknown(mock, http, answer):
    mock.get(OPENID).mock(return_value=answer)
    keys = mock.get(JWKS).respond(json={"keys": [public()]})

    assert await asked(http, signed(), BY_ISSUER) == UNKNOWN
    assert not keys.called


@pytest.mark.parametrize(
    "issuer", ["https://127.0.0.1/tenant", "http://login.example/tenant", "javascript:x"]
)
async def test_an_unsafe_issuer_is_not_asked_for_keys(mock, http, issuer):
    endpoints = Endpoints(issuer, "https://login.example/a", "https://login.example/t", None)

    assert await asked(http, signed(iss=issuer), endpoints) == UNKNOWN
    assert mock.calls.call_count == 0


@pytest.mark.parametrize(
    ("fhir_user", "profile", "expected"),
    [
        ("Practitioner/gp", None, "Practitioner/gp"),
        (f"{ISS}/Practitioner/gp", None, "Practitioner/gp"),
        (f"{ISS}//PractitionerRole/r.1", None, "PractitionerRole/r.1"),
        (f"{ISS}/Patient/p", None, "Patient/p"),
        ("https://other.example/fhir/Practitioner/gp", None, None),
        ("https://other.example/fhir/Practitioner/gp", f"{ISS}/Practitioner/mh", "Practitioner/mh"),
        (None, "Practitioner/mh", "Practitioner/mh"),
        (None, "https://people.example/ada", None),
        (None, None, None),
        ("Device/d", None, None),
        ("Practitioner/../Patient/p", None, None),
        ("Practitioner/..", None, None),
        ("Practitioner/gp\n", None, None),
        (7, None, None),
    ],
)
async def test_fhir_user_is_taken_from_this_record_system_only(mock, http, fhir_user, profile, expected):
    mock.get(JWKS).respond(json={"keys": [public()]})

    identity = await asked(http, signed(fhirUser=fhir_user, profile=profile))

    assert identity == Identity(expected, "user-1", "Dr Ada Okafor")


@pytest.mark.parametrize("name", [None, "", 7])
async def test_a_name_that_is_not_given_is_none(mock, http, name):
    mock.get(JWKS).respond(json={"keys": [public()]})

    assert (await asked(http, signed(name=name))).name is None


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": f"{ISSUER}/"},
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "other"], "azp": CLIENT},
        {"exp": int((NOW - timedelta(seconds=59)).timestamp())},
        {"iat": int((NOW + timedelta(seconds=60)).timestamp())},
        {"iat": None},
    ],
)
async def test_tolerable_claims_are_tolerated(mock, http, changes):
    mock.get(JWKS).respond(json={"keys": [public()]})

    assert (await asked(http, signed(**changes))).subject == "user-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": ISS},
        {"iss": None},
        {"iss": [ISSUER]},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": None},
        {"azp": "other"},
        {"exp": int((NOW - timedelta(seconds=61)).timestamp())},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": int((NOW + timedelta(minutes=10)).timestamp())},
        {"nbf": int((NOW + timedelta(minutes=10)).timestamp())},
        {"nonce": "another"},
        {"nonce": None},
    ],
)
async def test_a_wrong_claim_refuses_the_launch(mock, http, changes):
    mock.get(JWKS).respond(json={"keys": [public()]})

    with pytest.raises(LaunchRefused, match="who is signed in"):
        await asked(http, signed(**changes))


async def test_the_issuer_is_the_fhir_base_where_discovery_named_none(mock, http):
    mock.get(JWKS).respond(json={"keys": [public()]})
    endpoints = Endpoints(None, "https://login.example/a", "https://login.example/t", JWKS)

    assert (await asked(http, signed(iss=ISS), endpoints)).subject == "user-1"
    with pytest.raises(LaunchRefused):
        await asked(http, signed(), endpoints)


def _unsecured():
    parts = ({"alg": "none"}, claims())
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join([*encoded, ""])


def _with_public_key_as_secret():
    """By hand: joserfc itself would not take a public key for a secret."""
    parts = ({"alg": "HS256"}, claims())
    signing = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )
    mac = hmac.new(KEY.as_pem(private=False), signing.encode(), hashlib.sha256).digest()
    return f"{signing}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _tampered():
    head, _, signature = signed().split(".")
    payload = base64.urlsafe_b64encode(json.dumps(claims(sub="someone-else")).encode()).decode().rstrip("=")
    return f"{head}.{payload}.{signature}"


def _list_as_claims():
    return serialize_compact({"alg": "RS256"}, b'["no","claims"]', KEY)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(_unsecured(), id="alg-none"),
        pytest.param(_with_public_key_as_secret(), id="hmac-with-public-key"),
        pytest.param(jwt.encode({"alg": "PS256"}, claims(), KEY, algorithms=["PS256"]), id="ps256"),
        pytest.param(jwt.encode({"alg": "ES256"}, claims(), ECKey.generate_key("P-256")), id="es256"),
        pytest.param("", id="empty"),
        pytest.param("not a token", id="no-token"),
        pytest.param("a.b.c", id="no-json"),
        pytest.param("\ud800.b.c", id="no-text"),
    ],
)
async def test_another_algorithm_than_rs256_is_refused_before_any_key_is_fetched(mock, http, token):
    with pytest.raises(LaunchRefused, match="who is signed in"):
        await asked(http, token)

    assert mock.calls.call_count == 0


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(signed(OTHER), id="another-key"),
        pytest.param(_tampered(), id="tampered"),
        pytest.param(_list_as_claims(), id="a-list"),
        pytest.param(signed(header={"kid": "two"}), id="unknown-kid"),
        pytest.param(
            signed(header={"kid": "two", "jwk": KEY.as_dict(private=False), "jku": "https://evil.example/k"}),
            id="own-key",
        ),
        pytest.param(signed()[:-8], id="cut-short"),
    ],
)
async def test_a_token_that_no_key_proves_is_refused_after_a_second_look(mock, http, token):
    keys = mock.get(JWKS).respond(json={"keys": [public(kid="one")]})
    elsewhere = mock.get(host="evil.example").respond(json={"keys": [public()]})

    with pytest.raises(LaunchRefused, match="who is signed in"):
        await asked(http, token)

    assert keys.call_count == 2
    assert not elsewhere.called


async def test_keys_that_were_rotated_are_fetched_again_past_the_cache(mock, http):
    route = mock.get(JWKS)
    route.side_effect = [
        httpx.Response(200, json={"keys": [public(OTHER, kid="old")]}),
        httpx.Response(200, json={"keys": [public(OTHER, kid="old"), public(kid="new")]}),
    ]

    assert (await asked(http, signed(header={"kid": "new"}))).subject == "user-1"
    assert "Cache-Control" not in route.calls[0].request.headers
    assert route.calls[1].request.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "keys",
    [
        {"keys": []},
        {"keys": "none"},
        {},
        {"keys": [public(use="enc")]},
        {"keys": [public(alg="RS512")]},
        {"keys": [public() | {"n": public()["n"][:170]}]},
        {"keys": [public() | {"e": None}]},
    ],
)
async def test_unusable_keys_prove_nothing(mock, http, keys):
    mock.get(JWKS).respond(json=keys)

    with pytest.raises(LaunchRefused, match="who is signed in"):
        await asked(http, signed())


async def test_a_key_that_is_too_short_proves_nothing(mock, http):
    with pytest.warns(SecurityWarning):
        short = RSAKey.generate_key(1024)
    mock.get(JWKS).respond(json={"keys": [public(short)]})

    with pytest.raises(LaunchRefused, match="who is signed in"):
        await asked(http, signed(short))


async def test_keys_that_cannot_be_fetched_refuse_the_launch(mock, http):
    mock.get(JWKS).mock(side_effect=httpx.ConnectError("inside"))

    with pytest.raises(LaunchRefused, match="did not answer"):
        await asked(http, signed())
