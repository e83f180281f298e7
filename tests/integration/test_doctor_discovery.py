"""What the doctor says about discovery and keys, by what a record system publishes."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import respx
from joserfc.jwk import RSAKey

from ipvscreen.resources.finding import Finding, Level, worst
from ipvscreen.smart.client import TokenAuth
from ipvscreen.smart.key_check import our_keys, their_keys
from ipvscreen.smart.keys import new_signing_key, public_jwks
from ipvscreen.smart.survey import Registration, Survey, survey

ISS = "https://ehr.example/fhir"
CONFIGURATION = f"{ISS}/.well-known/smart-configuration"
PUBLIC = Registration(TokenAuth.NONE, "ES384", "v2")
GOOD: dict[str, Any] = {
    "issuer": "https://auth.example/tenant",
    "authorization_endpoint": "https://auth.example/authorize",
    "token_endpoint": "https://auth.example/token",
    "jwks_uri": "https://auth.example/keys",
    "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
    "code_challenge_methods_supported": ["S256"],
    "authorization_response_iss_parameter_supported": True,
    "capabilities": [
        "launch-ehr",
        "client-public",
        "context-ehr-patient",
        "sso-openid-connect",
        "permission-patient",
        "permission-v1",
        "permission-v2",
    ],
}


@pytest.fixture
def mock() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        for path in ("authorize", "token"):
            router.get(f"https://auth.example/{path}").respond(400, json={"error": "invalid_request"})
        yield router


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


async def surveyed(
    http: httpx.AsyncClient, mock: respx.MockRouter, ours: Registration = PUBLIC, **more: Any
) -> Survey:
    body = {name: value for name, value in (GOOD | more).items() if value is not None}
    mock.get(CONFIGURATION).respond(json=body)
    return await survey(http, ISS, ours)


def notable(findings: tuple[Finding, ...]) -> list[tuple[Level, str]]:
    return [(one.level, one.title) for one in findings if one.level is not Level.GOOD]


async def test_a_complete_configuration_has_nothing_to_remark(
    http: httpx.AsyncClient, mock: respx.MockRouter
) -> None:
    seen = await surveyed(http, mock)

    assert worst(seen.findings) is Level.GOOD
    assert seen.endpoints is not None
    assert {call.request.method for call in mock.calls} == {
        "GET"
    }  # nothing is sent where it could do anything


@pytest.mark.parametrize(
    ("more", "level", "title", "words"),
    [
        ({"code_challenge_methods_supported": None}, Level.BAD, "PKCE", "a stolen code opens"),
        ({"code_challenge_methods_supported": ["plain"]}, Level.BAD, "PKCE", "a stolen code opens"),
        ({"issuer": None}, Level.WARNING, "Issuer", "must then name the FHIR base"),
        ({"token_endpoint": "../token"}, Level.WARNING, "Endpoints", "token_endpoint: relative"),
        (
            {"capabilities": [name for name in GOOD["capabilities"] if name != "launch-ehr"]},
            Level.WARNING,
            "Capabilities",
            "It does not list launch-ehr.",
        ),
        (
            {"capabilities": [name for name in GOOD["capabilities"] if name != "permission-v2"]},
            Level.BAD,
            "Scopes",
            "spelling of v1",
        ),
        (
            {"capabilities": [name for name in GOOD["capabilities"] if name != "client-public"]},
            Level.WARNING,
            "How we sign in",
            "does not say that it takes public clients",
        ),
    ],
)
async def test_one_thing_amiss_is_the_one_thing_that_is_said(
    http: httpx.AsyncClient,
    mock: respx.MockRouter,
    more: dict[str, Any],
    level: Level,
    title: str,
    words: str,
) -> None:
    mock.get(host="ehr.example", path="/token").respond(405)
    seen = await surveyed(http, mock, **more)

    assert notable(seen.findings) == [(level, title)]
    assert words in next(one.words for one in seen.findings if one.title == title)
    assert next(one.do for one in seen.findings if one.title == title) or level is not Level.BAD


@pytest.mark.parametrize(
    ("ours", "more", "words"),
    [
        (Registration(TokenAuth.BASIC, "ES384", "v2"), {}, None),
        (Registration(TokenAuth.PRIVATE_KEY_JWT, "RS384", "v2"), {}, None),
        (
            Registration(TokenAuth.BASIC, "ES384", "v2"),
            {"token_endpoint_auth_methods_supported": ["private_key_jwt\x1b[31m"]},
            "It does not take client_secret_basic; it takes private_key_jwt[31m.",
        ),
        (
            Registration(TokenAuth.PRIVATE_KEY_JWT, "ES384", "v2"),
            {"token_endpoint_auth_signing_alg_values_supported": ["RS384"]},
            "It does not take assertions signed with ES384.",
        ),
        (
            Registration(TokenAuth.PRIVATE_KEY_JWT, "ES384", "v2"),
            {"token_endpoint_auth_signing_alg_values_supported": None},
            None,
        ),
    ],
)
async def test_the_way_we_sign_in_must_fit(
    http: httpx.AsyncClient,
    mock: respx.MockRouter,
    ours: Registration,
    more: dict[str, Any],
    words: str | None,
) -> None:
    seen = await surveyed(http, mock, ours, **more)

    (one,) = [one for one in seen.findings if one.title == "How we sign in"]
    assert one.level is (Level.BAD if words else Level.GOOD)
    assert words is None or one.words == words


@pytest.mark.parametrize(
    "address", ["http://auth.example/token", "https://user@auth.example/token", "http://127.0.0.1/token"]
)
async def test_an_address_that_no_token_may_go_to_is_named(
    http: httpx.AsyncClient, mock: respx.MockRouter, address: str
) -> None:
    seen = await surveyed(http, mock, token_endpoint=address)

    assert seen.endpoints is None
    assert notable(seen.findings) == [(Level.BAD, "Discovery"), (Level.BAD, "Endpoints")]
    assert "token_endpoint is not https" in seen.findings[1].words
    assert [call.request.url.host for call in mock.calls] == ["ehr.example"] * len(mock.calls)


async def test_the_capability_statement_stands_in_and_that_is_told(
    http: httpx.AsyncClient, mock: respx.MockRouter
) -> None:
    uris = [
        {"url": "authorize", "valueUri": "https://auth.example/authorize"},
        {"url": "token", "valueUri": "https://auth.example/token"},
    ]
    extension = {
        "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
        "extension": uris,
    }
    mock.get(CONFIGURATION).respond(404)
    mock.get(f"{ISS}/metadata").respond(json={"rest": [{"security": {"extension": [extension]}}]})

    seen = await survey(http, ISS, PUBLIC)

    assert seen.endpoints is not None
    assert notable(seen.findings) == [(Level.WARNING, "Discovery")]
    assert "nor whether it checks S256" in seen.findings[0].words


async def test_endpoints_that_do_not_answer_are_told_apart(
    http: httpx.AsyncClient, mock: respx.MockRouter
) -> None:
    mock.get("https://auth.example/authorize").respond(404)
    mock.get("https://auth.example/token").mock(side_effect=httpx.ConnectError("no"))

    seen = await surveyed(http, mock)

    assert notable(seen.findings) == [(Level.WARNING, "Authorization address"), (Level.BAD, "Token address")]


RSA = {**RSAKey.generate_key(2048).as_dict(private=False), "kid": "1", "alg": "RS256", "use": "sig"}
SMALL = {**RSA, "n": RSA["n"][:171]}  # as long as that of 1024 bits
KEYS = "https://auth.example/keys"


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        (httpx.Response(200, json={"keys": [RSA]}), Level.GOOD),
        (httpx.Response(200, json={"keys": [{"kty": "EC"}, "x", RSA]}), Level.GOOD),
        (httpx.Response(200, json={"keys": [{**RSA, "use": "enc"}]}), Level.BAD),
        (httpx.Response(200, json={"keys": [{**RSA, "alg": "RS512"}]}), Level.BAD),
        (httpx.Response(200, json={"keys": [SMALL]}), Level.BAD),
        (httpx.Response(200, json={"keys": [{"kty": "RSA", "n": 5}]}), Level.BAD),
        (httpx.Response(200, json={"keys": [{"kty": "RSA", "n": RSA["n"]}]}), Level.BAD),
        (httpx.Response(200, json={"keys": [{**RSA, "e": "é"}]}), Level.BAD),
        (httpx.Response(200, json={"keys": []}), Level.BAD),
        (httpx.Response(200, html="<p>Sign in"), Level.BAD),
        (httpx.Response(503, json={"keys": [RSA]}), Level.BAD),
    ],
)
async def test_their_keys_must_be_able_to_check_an_id_token(
    http: httpx.AsyncClient, mock: respx.MockRouter, answer: httpx.Response, level: Level
) -> None:
    mock.get(KEYS).mock(return_value=answer)

    assert (await their_keys(http, KEYS)).level is level


async def test_no_keys_and_silent_keys_are_two_things(
    http: httpx.AsyncClient, mock: respx.MockRouter
) -> None:
    mock.get(KEYS).mock(side_effect=httpx.ConnectError("no"))

    assert (await their_keys(http, None)).level is Level.WARNING
    assert (await their_keys(http, KEYS)).words == "The address of its keys does not answer."


OURS = "https://app.example/jwks.json"
MINE = new_signing_key("ES384")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(200, json=public_jwks([MINE])), None),
        (httpx.Response(200, json={"keys": []}), "does not show the key"),
        (httpx.Response(404, json=public_jwks([MINE])), "does not show the key"),
        (httpx.Response(200, html="<p>Sign in"), "does not show the key"),
        (httpx.Response(200, json={"keys": [{**MINE.jwk, "kid": MINE.kid}]}), "publishes private keys"),
    ],
    ids=["shown", "not shown", "not there", "a page", "private"],
)
async def test_our_keys_must_show_the_one_that_signs_and_nothing_private(
    http: httpx.AsyncClient, mock: respx.MockRouter, answer: httpx.Response, words: str | None
) -> None:
    mock.get(OURS).mock(return_value=answer)

    found = await our_keys(http, OURS, MINE.kid)

    assert found.level is (Level.BAD if words else Level.GOOD)
    assert words is None or words in found.words


async def test_our_keys_must_answer(http: httpx.AsyncClient, mock: respx.MockRouter) -> None:
    mock.get(OURS).mock(side_effect=httpx.ConnectError("no"))

    assert (await our_keys(http, OURS, MINE.kid)).level is Level.BAD
