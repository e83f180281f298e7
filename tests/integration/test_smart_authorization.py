"""The authorization code grant: what is asked for, what comes back, and every way it can fail."""

import base64
import hashlib
from urllib.parse import parse_qs

import httpx
import pytest
import respx

from ipvscreen.errors import LaunchRefused
from ipvscreen.smart.authorization import begin, code_of, exchange
from ipvscreen.smart.discovery import Endpoints

ISS = "https://ehr.example/fhir/"
TOKEN = "https://login.example/token"
ENDPOINTS = Endpoints("https://login.example/tenant", "https://login.example/authorize", TOKEN, None)
ANSWER = {"access_token": "secret-token", "token_type": "Bearer", "scope": "launch", "patient": "p1"}


@pytest.fixture
def mock():
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
async def http():
    async with httpx.AsyncClient() as client:
        yield client


def started(launch: str | None = "key", endpoints: Endpoints = ENDPOINTS):
    url, handshake = begin(
        endpoints,
        iss=ISS,
        client_id="health-questionnaire",
        redirect_uri="https://app.example/callback",
        scope="launch openid fhirUser",
        launch=launch,
    )
    return httpx.URL(url), handshake


async def exchanged(http):
    return await exchange(
        http,
        ENDPOINTS,
        client_id="health-questionnaire",
        redirect_uri="https://app.example/callback",
        code="the-code",
        verifier="the-verifier",
    )


def test_the_authorization_request_has_everything_that_the_specification_asks_for():
    url, handshake = started()

    digest = hashlib.sha256(handshake.verifier.encode()).digest()
    assert dict(url.params) == {
        "response_type": "code",
        "client_id": "health-questionnaire",
        "redirect_uri": "https://app.example/callback",
        "scope": "launch openid fhirUser",
        "launch": "key",
        "aud": ISS,
        "state": handshake.state,
        "nonce": handshake.nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    assert str(url).startswith("https://login.example/authorize?")


def test_secrets_are_long_never_repeated_and_never_printed():
    handshakes = [started()[1] for _ in range(20)]

    for name in ("state", "verifier", "nonce"):
        values = {getattr(one, name) for one in handshakes}
        assert len(values) == 20
        assert all(len(base64.urlsafe_b64decode(value + "==")) >= 32 for value in values)
    assert all(43 <= len(one.verifier) <= 128 for one in handshakes)  # RFC 7636 section 4.1
    assert handshakes[0].state not in repr(handshakes[0])
    assert handshakes[0].verifier not in repr(handshakes[0])


def test_without_a_launch_key_none_is_sent():
    assert "launch" not in started(launch=None)[0].params


def test_the_query_of_an_authorization_endpoint_is_kept():
    endpoints = Endpoints(None, "https://login.example/authorize?tenant=7", TOKEN, None)

    url, _ = started(endpoints=endpoints)

    assert url.params["tenant"] == "7"
    assert url.params["response_type"] == "code"


@pytest.mark.parametrize(
    "issuer", [None, "https://login.example/tenant", "https://login.example/tenant/", ISS]
)
def test_the_code_is_taken_from_the_callback(issuer):
    callback = {"code": "abc", "state": "s"} | ({"iss": issuer} if issuer else {})

    assert code_of(callback, ENDPOINTS, iss=ISS) == "abc"


@pytest.mark.parametrize(
    ("callback", "words"),
    [
        ({"error": "access_denied"}, "told not to let this page in"),
        ({"error": "temporarily_unavailable"}, "just now"),
        ({"error": "server_error", "code": "abc"}, "just now"),
        ({"error": "invalid_scope"}, "system manager"),
        ({"error": "<script>", "error_description": "<script>"}, "system manager"),
        ({}, "could not be used"),
        ({"code": ""}, "could not be used"),
        ({"code": "abc", "iss": "https://evil.example"}, "could not be used"),
    ],
)
def test_a_callback_without_a_code_is_refused_in_our_own_words(callback, words):
    with pytest.raises(LaunchRefused, match=words) as refused:
        code_of(callback, ENDPOINTS, iss=ISS)

    assert "script" not in str(refused.value)


async def test_the_code_is_exchanged_once_as_a_public_client(mock, http):
    route = mock.post(TOKEN).respond(json=ANSWER | {"expires_in": 3600, "tenant": "x", "id_token": "a.b.c"})

    token = await exchanged(http)

    assert (token.access_token, token.patient, token.scope) == ("secret-token", "p1", "launch")
    assert (token.expires_in, token.id_token, token.need_patient_banner) == (3600, "a.b.c", True)
    request = route.calls.last.request
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["the-code"],
        "redirect_uri": ["https://app.example/callback"],
        "client_id": ["health-questionnaire"],
        "code_verifier": ["the-verifier"],
    }
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in request.headers
    assert route.call_count == 1
    assert "secret-token" not in repr(token)
    assert "a.b.c" not in repr(token)


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"token_type": "bearer"}, "token_type", "bearer"),
        ({"patient": 17}, "patient", "17"),
        ({"expires_in": "570"}, "expires_in", 570),
        ({"expires_in": None}, "expires_in", None),
        ({"need_patient_banner": False}, "need_patient_banner", False),
        ({"need_patient_banner": "false"}, "need_patient_banner", False),
        ({"need_patient_banner": None}, "need_patient_banner", True),
        ({"scope": None}, "scope", None),
    ],
)
async def test_answers_are_read_leniently(mock, http, changes, name, value):
    mock.post(TOKEN).respond(json=ANSWER | changes)

    assert getattr(await exchanged(http), name) == value


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"access_token": "canary"},
        {"access_token": "", "token_type": "Bearer"},
        {"access_token": "canary", "token_type": "DPoP"},
        {"access_token": "canary", "token_type": "bearer x"},
        ANSWER | {"expires_in": "canary"},
        ANSWER | {"expires_in": 0},
        ANSWER | {"expires_in": -5},
        ANSWER | {"patient": {"id": "canary"}},
    ],
)
async def test_an_answer_that_is_no_bearer_token_is_refused_without_quoting_it(mock, http, body):
    mock.post(TOKEN).respond(json=body)

    with pytest.raises(LaunchRefused, match="could not be used") as refused:
        await exchanged(http)

    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(400, json={"error": "invalid_grant"}), "too old, or used before"),
        (httpx.Response(401, json={"error": "invalid_client"}), "system manager"),
        (httpx.Response(400, json={"error": ["odd"]}), "system manager"),
        (httpx.Response(400, json={"error": "canary"}), "system manager"),
        (httpx.Response(404, text="canary"), "system manager"),
        (httpx.Response(302, headers={"Location": "https://evil.example/"}), "system manager"),
        (httpx.Response(500, text="canary"), "just now"),
        (httpx.Response(503, json={"error": "temporarily_unavailable"}), "just now"),
        (httpx.Response(200, text="canary"), "could not be used"),
    ],
)
async def test_every_refusal_of_the_token_has_words(mock, http, answer, words):
    mock.post(TOKEN).mock(return_value=answer)

    with pytest.raises(LaunchRefused, match=words) as refused:
        await exchanged(http)

    assert "canary" not in str(refused.value)


async def test_a_token_request_that_is_lost_is_not_sent_again(mock, http):
    route = mock.post(TOKEN).mock(side_effect=httpx.ReadTimeout("late"))

    with pytest.raises(LaunchRefused, match="did not answer"):
        await exchanged(http)

    assert route.call_count == 1


async def test_cookies_of_one_clinicians_sign_in_are_not_sent_with_anothers(mock, http):
    route = mock.post(TOKEN).respond(json=ANSWER, headers={"Set-Cookie": "session=first; Path=/"})

    await exchanged(http)
    await exchanged(http)

    assert "Cookie" not in route.calls.last.request.headers
