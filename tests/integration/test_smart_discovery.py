"""Discovery against servers that answer well, badly, elsewhere, late or not at all."""

import json

import httpx
import pytest
import respx

from ipvscreen.errors import LaunchRefused
from ipvscreen.smart.addresses import is_loopback, resolve
from ipvscreen.smart.discovery import Endpoints, discover, endpoints_from_json, endpoints_to_json

BASE = "https://ehr.example/fhir"
WELL_KNOWN = f"{BASE}/.well-known/smart-configuration"
CONFIGURATION = {
    "issuer": "https://login.example/tenant",
    "authorization_endpoint": "https://login.example/authorize",
    "token_endpoint": "https://login.example/token",
    "jwks_uri": "https://login.example/keys",
}
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


def capability(
    authorize: object = "https://login.example/a", *, asked_for: object = "https://login.example/t"
) -> dict:
    uris = [{"url": "authorize", "valueUri": authorize}, {"url": "token", "valueUri": asked_for}]
    security = {"extension": [{"url": "other"}, {"url": OAUTH_URIS, "extension": uris}]}
    return {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "security": security}]}


@pytest.fixture
def mock():
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
async def http():
    async with httpx.AsyncClient() as client:
        yield client


@pytest.mark.parametrize("iss", [BASE, f"{BASE}/"])
async def test_smart_configuration_is_used_with_or_without_a_trailing_slash(mock, http, iss):
    route = mock.get(WELL_KNOWN).respond(json=CONFIGURATION)

    endpoints = await discover(http, iss)

    assert endpoints == Endpoints(
        issuer="https://login.example/tenant",
        authorize="https://login.example/authorize",
        token="https://login.example/token",
        jwks="https://login.example/keys",
    )
    request = route.calls.last.request
    assert request.headers["Accept"] == "application/json"
    assert request.headers["User-Agent"] == "health-questionnaire"
    assert request.headers["Accept-Encoding"] == "identity"


async def test_relative_endpoints_are_taken_from_the_fhir_base(mock, http):
    relative = {"authorization_endpoint": "oauth/authorize", "token_endpoint": "/token?tenant=1"}
    mock.get(WELL_KNOWN).respond(json=relative)

    endpoints = await discover(http, BASE)

    assert endpoints == Endpoints(
        None, "https://ehr.example/fhir/oauth/authorize", "https://ehr.example/token?tenant=1", None
    )


@pytest.mark.parametrize(
    ("advertised", "told"),
    [({}, None)]
    + [
        ({"code_challenge_methods_supported": methods}, told)
        for methods, told in (
            [[], False],
            [["plain"], False],
            [["S256"], True],
            ["S256", False],
            [None, False],
        )
    ],
)
async def test_what_is_advertised_of_pkce_is_told_and_refuses_nobody(mock, http, advertised, told):
    mock.get(WELL_KNOWN).respond(json=CONFIGURATION | advertised)

    endpoints = await discover(http, BASE)

    assert endpoints.token == "https://login.example/token"
    assert endpoints.s256 is told


async def test_what_the_server_can_do_is_told_and_kept(mock, http):
    more = {
        "authorization_response_iss_parameter_supported": True,
        "capabilities": ["launch-ehr", "authorize-post", 7],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
    }
    mock.get(WELL_KNOWN).respond(json=CONFIGURATION | more)

    endpoints = await discover(http, BASE)

    assert (endpoints.iss_parameter, endpoints.authorize_post) == (True, True)
    assert endpoints.capabilities == ("launch-ehr", "authorize-post")
    assert endpoints.token_auth_methods == ("private_key_jwt", "client_secret_basic")
    assert endpoints_from_json(json.loads(json.dumps(endpoints_to_json(endpoints)))) == endpoints


@pytest.mark.parametrize(
    "odd",
    [
        {"authorization_response_iss_parameter_supported": "true", "capabilities": "authorize-post"},
        {"authorization_response_iss_parameter_supported": 1, "capabilities": None},
        {"token_endpoint_auth_methods_supported": {"a": 1}},
    ],
)
async def test_what_is_told_oddly_is_not_told(mock, http, odd):
    mock.get(WELL_KNOWN).respond(json=CONFIGURATION | odd)

    endpoints = await discover(http, BASE)

    assert not endpoints.iss_parameter
    assert not endpoints.authorize_post
    assert endpoints.capabilities == endpoints.token_auth_methods == ()


def test_kept_endpoints_of_another_shape_are_not_taken():
    with pytest.raises(TypeError):
        endpoints_from_json({"issuer": None, "authorize": "a", "token": "t", "jwks": None, "more": 1})


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(401, json={"error": "x"}),
        httpx.Response(301, headers={"Location": "https://evil.example/"}),
        httpx.Response(200, text="<html>sign in</html>"),
        httpx.Response(200, json=["a list"]),
        httpx.Response(200, json={"token_endpoint": "https://login.example/token"}),
        httpx.Response(200, json={"authorization_endpoint": "https://login.example/a", "token_endpoint": 7}),
        httpx.Response(500),
        httpx.Response(200, text="[" * 100_000),
    ],
)
async def test_the_capability_statement_is_asked_where_the_configuration_says_nothing(mock, http, answer):
    mock.get(WELL_KNOWN).mock(return_value=answer)
    metadata = mock.get(f"{BASE}/metadata").respond(json=capability())

    endpoints = await discover(http, BASE)

    assert endpoints == Endpoints(None, "https://login.example/a", "https://login.example/t", None)
    assert metadata.calls.last.request.headers["Accept"] == "application/fhir+json"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(200, text="no json"),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"rest": "no list"}),
        httpx.Response(200, json={"rest": [{"mode": "server"}, "no object"]}),
        httpx.Response(200, json=capability(authorize=None)),
        httpx.Response(200, json=capability(asked_for=7)),
    ],
)
async def test_a_server_that_tells_no_endpoints_is_refused_in_words(mock, http, answer):
    mock.get(WELL_KNOWN).respond(404)
    mock.get(f"{BASE}/metadata").mock(return_value=answer)

    with pytest.raises(LaunchRefused, match="Ask your system manager"):
        await discover(http, BASE)


@pytest.mark.parametrize(
    "fault", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ReadError]
)
async def test_a_silent_server_is_asked_once_and_refused_in_words(mock, http, fault):
    route = mock.get(WELL_KNOWN).mock(side_effect=fault("inside"))

    with pytest.raises(LaunchRefused, match="did not answer") as refused:
        await discover(http, BASE)

    assert route.call_count == 1
    assert "inside" not in str(refused.value)


async def test_an_endless_answer_is_not_read_to_its_end(mock, http):
    async def endless():
        while True:
            yield b"x" * 65_536

    mock.get(WELL_KNOWN).mock(return_value=httpx.Response(200, stream=_Stream(endless)))

    with pytest.raises(LaunchRefused, match="too long"):
        await discover(http, BASE)


class _Stream(httpx.AsyncByteStream):
    def __init__(self, chunks):
        self._chunks = chunks

    def __aiter__(self):
        return self._chunks()


@pytest.mark.parametrize(
    "iss",
    [
        "http://ehr.example/fhir",
        "ftp://ehr.example/fhir",
        "https://user@ehr.example/fhir",
        "https://user:secret@ehr.example/fhir",
        "https://ehr.example/fhir#part",
        "https://ehr.example\\@evil.example/fhir",
        "https://ehr.example/fh ir",
        "https://",
        "//ehr.example/fhir",
        "ehr.example/fhir",
        "https://ehr.example:port/fhir",
        "javascript:alert(1)",
        "",
        "http://127.0.0.1.evil.example/fhir",
        "http://localhost.evil.example/fhir",
        "http://[::2]/fhir",
        "http://128.0.0.1/fhir",
    ],
)
async def test_an_unsafe_iss_causes_no_request(mock, http, iss):
    with pytest.raises(LaunchRefused, match="not safe"):
        await discover(http, iss)

    assert mock.calls.call_count == 0


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://login.example/token",
        "https://user@login.example/token",
        "https://login.example/token#x",
        "http://127.0.0.1:8010/token",
        "https://localhost/token",
        "https://[::1]/token",
        "https://login.example:port/token",
        "data:text/plain,x",
        "https://login.example\\@evil.example/token",
        "https://login.example/to ken",
        "\\\\evil.example/token",
        "//user@evil.example/token",
        "//127.0.0.1/token",
    ],
)
@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
async def test_an_unsafe_endpoint_refuses_the_launch(mock, http, name, endpoint):
    mock.get(WELL_KNOWN).respond(json=CONFIGURATION | {name: endpoint})

    with pytest.raises(LaunchRefused, match="not safe"):
        await discover(http, BASE)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_is_known_by_all_its_names(host):
    assert is_loopback(host)


def test_a_record_system_on_loopback_may_use_http_there():
    assert resolve("http://127.0.0.1:8020/fhir", "/token") == "http://127.0.0.1:8020/token"
    assert resolve("http://localhost:8020/fhir/", "http://localhost:8020/t") == "http://localhost:8020/t"
    with pytest.raises(LaunchRefused):
        resolve("http://127.0.0.1:8020/fhir", "http://login.example/token")


def test_a_record_system_with_tls_may_not_name_an_address_without():
    assert resolve("https://localhost:8443/fhir", "https://localhost:8443/t") == "https://localhost:8443/t"
    with pytest.raises(LaunchRefused):
        resolve("https://localhost:8443/fhir", "http://localhost:8443/t")


@pytest.mark.parametrize(
    "address",
    [
        "https://Login.EXAMPLE/Token",
        "https://login.example:443/tenants/7/hosts/fhir.example/protocols/oauth2/token",
        "https://login.example/a/./b//token?x=%7e",
        "https://login.example/t?next=https://x.example/",
    ],
)
def test_an_absolute_address_stays_to_the_letter(address):
    assert resolve("https://ehr.example/fhir", address) == address
