"""The authorization code grant: what is asked for, what comes back, and every way it can fail."""

import base64
import dataclasses
import hashlib
from datetime import UTC, datetime
from urllib.parse import parse_qs

import httpx
import pytest
import respx

from ipvscreen.errors import LaunchRefused
from ipvscreen.smart.authorization import RefreshGone, begin, code_of, exchange, refresh
from ipvscreen.smart.client import Client, TokenAuth
from ipvscreen.smart.discovery import Endpoints

ISS = "https://ehr.example/fhir/"
TOKEN = "https://login.example/token"
ENDPOINTS = Endpoints("https://login.example/tenant", "https://login.example/authorize", TOKEN, None)
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PUBLIC = Client("health-questionnaire")
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
    request, handshake = begin(
        endpoints,
        iss=ISS,
        client_id="health-questionnaire",
        redirect_uri="https://app.example/callback",
        scope="launch openid fhirUser",
        launch=launch,
    )
    return httpx.URL(request.url), handshake


async def exchanged(http, client=PUBLIC):
    return await exchange(
        http,
        ENDPOINTS,
        client,
        redirect_uri="https://app.example/callback",
        code="the-code",
        verifier="the-verifier",
        now=NOW,
    )


async def refreshed(http, client=PUBLIC, **more):
    return await refresh(http, TOKEN, client, "the-refresh-token", NOW, **more)


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


def test_the_same_request_can_be_posted_as_a_form():
    endpoints = Endpoints(None, "https://login.example/authorize?tenant=7", TOKEN, None)

    request, handshake = begin(
        endpoints,
        iss=ISS,
        client_id="health-questionnaire",
        redirect_uri="https://app.example/callback",
        scope="launch",
        launch="key",
    )

    assert request.address == "https://login.example/authorize?tenant=7"
    assert dict(httpx.URL(request.url).params) == {**request.parameters, "tenant": "7"}
    assert handshake.state not in repr(request)


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


def test_an_issuer_that_discovery_did_not_tell_cannot_be_compared():
    endpoints = dataclasses.replace(ENDPOINTS, issuer=None)

    assert code_of({"code": "abc", "iss": "https://login.example/tenant"}, endpoints, iss=ISS) == "abc"


TELLS_ITS_ISSUER = dataclasses.replace(ENDPOINTS, iss_parameter=True)
ONLY_A_BASE = dataclasses.replace(TELLS_ITS_ISSUER, issuer=None)


@pytest.mark.parametrize(
    ("endpoints", "issuer"), [(TELLS_ITS_ISSUER, "https://login.example/tenant"), (ONLY_A_BASE, ISS)]
)
def test_a_server_that_tells_its_issuer_is_recognised_by_it(endpoints, issuer):
    assert code_of({"code": "abc", "iss": issuer}, endpoints, iss=ISS) == "abc"


@pytest.mark.parametrize(
    "issuer",
    [
        None,
        "",
        "https://login.example/tenant/",
        "https://LOGIN.example/tenant",
        "https://login.example:443/tenant",
        ISS,
        "https://other.example/tenant",
    ],
)
@pytest.mark.parametrize("answer", [{"code": "abc"}, {"error": "access_denied"}])
def test_where_the_issuer_is_promised_it_must_be_there_to_the_letter(issuer, answer):
    callback = answer | ({} if issuer is None else {"iss": issuer})

    with pytest.raises(LaunchRefused, match="could not be used"):
        code_of(callback, TELLS_ITS_ISSUER, iss=ISS)


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
        ({"need_patient_banner": "perhaps"}, "need_patient_banner", True),
        ({"need_patient_banner": {"a": 1}}, "need_patient_banner", True),
        ({"encounter": 17}, "encounter", "17"),
        ({"encounter": {"id": "e1"}}, "encounter", None),
        ({"refresh_token": "again"}, "refresh_token", "again"),
        ({"refresh_token": 7}, "refresh_token", None),
        ({"refresh_token": ""}, "refresh_token", None),
        ({"intent": "list"}, "intent", "list"),
        ({"intent": ["list"]}, "intent", None),
        ({"tenant": {}}, "tenant", None),
        ({"smart_style_url": 7}, "smart_style_url", None),
        ({"fhirContext": None}, "fhirContext", []),
        ({"fhirContext": "Encounter/e1"}, "fhirContext", []),
        (
            {"fhirContext": ["Encounter/e1", 7, None, {"reference": "Task/t1", "role": "launch"}]},
            "fhirContext",
            [{"reference": "Encounter/e1"}, {"reference": "Task/t1", "role": "launch"}],
        ),
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


async def test_a_refresh_is_asked_for_once_without_a_scope(mock, http):
    route = mock.post(TOKEN).respond(json=ANSWER | {"refresh_token": "the-next"})

    token = await refreshed(http)

    assert (token.access_token, token.refresh_token) == ("secret-token", "the-next")
    assert parse_qs(route.calls.last.request.content.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["the-refresh-token"],
        "client_id": ["health-questionnaire"],
    }
    assert route.call_count == 1
    assert "the-next" not in repr(token)


async def test_a_refresh_that_keeps_its_token_says_nothing_of_it(mock, http):
    mock.post(TOKEN).respond(json=ANSWER)

    assert (await refreshed(http)).refresh_token is None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(400, json={"error": "invalid_grant"}), RefreshGone),
        (httpx.Response(401, json={"error": "invalid_grant"}), RefreshGone),
        (httpx.Response(400, json={"error": "invalid_scope"}), LaunchRefused),
        (httpx.Response(401, json={"error": "invalid_client"}), LaunchRefused),
        (httpx.Response(503, text="canary"), LaunchRefused),
        (httpx.Response(200, json={"error": "invalid_grant"}), LaunchRefused),
    ],
)
async def test_a_refused_refresh_says_whether_another_try_can_help(mock, http, answer, kind):
    route = mock.post(TOKEN).mock(return_value=answer)

    with pytest.raises(LaunchRefused) as refused:
        await refreshed(http)

    assert type(refused.value) is kind
    assert route.call_count == 1
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(("told", "expected"), [("p1", "p1"), (None, "p1"), ("p2", None)])
async def test_a_refresh_goes_on_for_the_same_patient(mock, http, told, expected):
    mock.post(TOKEN).respond(json={**ANSWER, "patient": told})

    assert (await refreshed(http, patient=expected)).patient == told


async def test_a_refresh_for_another_patient_is_refused(mock, http):
    mock.post(TOKEN).respond(json={**ANSWER, "patient": "p2"})

    with pytest.raises(LaunchRefused, match="another patient") as refused:
        await refreshed(http, patient="p1")

    assert "p2" not in str(refused.value)


@pytest.mark.parametrize("ask", [exchanged, refreshed])
async def test_a_client_with_a_secret_sends_it_in_the_header_alone(mock, http, ask):
    route = mock.post(TOKEN).respond(json=ANSWER)

    await ask(http, Client("my-app", TokenAuth.BASIC, secret="my-app-secret-123"))

    request = route.calls.last.request
    # the specification's own example (SMART App Launch 2.2, client-confidential-symmetric)
    assert request.headers["Authorization"] == "Basic bXktYXBwOm15LWFwcC1zZWNyZXQtMTIz"
    assert "client_id" not in parse_qs(request.content.decode())
    assert b"secret" not in request.content
