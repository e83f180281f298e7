"""The sandbox's SMART side: the whole handshake, and every way in which it refuses."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.switches import Refuse

BASE = "https://ehr.test"
CALLBACK = "https://app.test/callback/sandbox"
CLIENT_ID = "health-questionnaire"
SCOPE = "launch openid fhirUser patient/*.rs patient/Observation.cruds"


def query_of(answer: httpx.Response) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


async def test_a_launch_begins_anew_at_every_get_and_goes_to_the_app(client: httpx.AsyncClient) -> None:
    first, second = [await client.get("/launch/new") for _ in range(2)]
    assert first.headers["location"].startswith("https://app.test/launch?")
    assert query_of(first)["iss"] == f"{BASE}/fhir"
    assert query_of(first)["launch"] != query_of(second)["launch"]


@pytest.mark.parametrize("who", [{"patient": "nobody"}, {"clinician": "nobody"}])
async def test_nobody_can_be_launched_for_an_unknown_person(
    client: httpx.AsyncClient, who: dict[str, str]
) -> None:
    answer = await client.get("/launch/new", params=who)
    assert answer.status_code == 404
    assert 'data-step="problem"' in answer.text


def test_a_test_cannot_launch_for_an_unknown_patient(sandbox: Sandbox) -> None:
    with pytest.raises(KeyError):
        sandbox.new_launch("nobody", "dr-osei")


async def test_discovery_tells_only_what_is_there(client: httpx.AsyncClient) -> None:
    answer = await client.get("/fhir/.well-known/smart-configuration", headers={"Accept": "text/html"})
    found = answer.json()
    assert found["issuer"] == BASE
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert {"launch-ehr", "client-public", "permission-v1", "permission-v2"} <= set(found["capabilities"])
    statement = (await client.get("/fhir/metadata")).json()
    [oauth] = statement["rest"][0]["security"]["extension"]
    told = {part["url"]: part["valueUri"] for part in oauth["extension"]}
    assert told == {"authorize": found["authorization_endpoint"], "token": found["token_endpoint"]}


@pytest.mark.parametrize(("method", "status"), [("GET", 302), ("POST", 303)])
async def test_the_whole_handshake(
    handshake: Any, client: httpx.AsyncClient, clock: Any, method: str, status: int
) -> None:
    parameters = await handshake.asked()
    carried = {"params": parameters} if method == "GET" else {"data": parameters}
    answer = await client.request(method, "/auth/authorize", **carried)
    assert answer.status_code == status
    assert query_of(answer)["state"] == parameters["state"]
    assert query_of(answer)["iss"] == BASE

    token = await handshake.exchanged(query_of(answer)["code"])
    assert token.status_code == 200
    assert (token.headers["cache-control"], token.headers["pragma"]) == ("no-store", "no-cache")
    body = token.json()
    assert body["patient"] == "anna-woman"
    assert body["scope"] == SCOPE
    assert body["need_patient_banner"] is True
    assert body["expires_in"] == 3600
    assert body["token_type"] == "Bearer"

    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    encounter = (await client.get(f"/fhir/Encounter/{body['encounter']}", headers=bearer)).json()
    assert encounter["subject"]["reference"] == "Patient/anna-woman"

    keys = KeySet.import_key_set((await client.get("/auth/jwks")).json())
    signed = jwt.decode(body["id_token"], keys, algorithms=["RS256"])
    assert signed.header["kid"] == next(iter(keys)).kid
    now = int(clock.at.timestamp())
    assert signed.claims == {
        "iss": BASE,
        "aud": CLIENT_ID,
        "sub": "dr-osei",
        "iat": now,
        "exp": now + 300,
        "nonce": "n-1",
        "fhirUser": f"{BASE}/fhir/Practitioner/dr-osei",
    }


async def test_the_published_key_is_only_the_public_half(client: httpx.AsyncClient) -> None:
    [key] = (await client.get("/auth/jwks")).json()["keys"]
    assert set(key) == {"kty", "n", "e", "use", "alg", "kid"}


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ({"clinician": "dr-osei"}, "394814009"),
        ({"clinician": "dr-lindqvist"}, "394587001"),
        ({"patient": "maya-maternity"}, "408470005"),
        ({"patient": "maya-maternity", "clinician": "dr-lindqvist"}, "394587001"),
    ],
)
async def test_each_launch_has_an_encounter_of_its_team(
    handshake: Any, sandbox: Sandbox, who: dict[str, str], code: str
) -> None:
    body = (await handshake.exchanged(await handshake.code(launch=await handshake.launch(**who)))).json()
    encounter = sandbox.memory.find("Encounter", body["encounter"])
    assert encounter is not None
    assert encounter["serviceType"]["coding"][0]["code"] == code
    assert encounter["status"] == "in-progress"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"state": None}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "patient/Nothing.rs system/Patient.rs"}, "invalid_scope"),
        ({"aud": f"{BASE}/fhir/"}, "invalid_request"),
        ({"aud": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"launch": None}, "invalid_request"),
        ({"launch": "guessed"}, "invalid_request"),
    ],
)
async def test_a_bad_authorization_request_goes_back_to_the_app_as_an_error(
    handshake: Any, client: httpx.AsyncClient, changes: dict[str, str | None], error: str
) -> None:
    parameters = await handshake.asked(**changes)
    answer = await client.get("/auth/authorize", params=parameters)
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    back = query_of(answer)
    assert back["error"] == error
    assert back.get("state") == parameters.get("state")
    assert back["error_description"]
    assert "code" not in back


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "someone-else"},
        {"client_id": None},
        {"redirect_uri": "https://app.test/callback/"},
        {"redirect_uri": None},
    ],
)
async def test_nothing_is_sent_to_an_address_that_is_not_registered(
    handshake: Any, client: httpx.AsyncClient, changes: dict[str, str | None]
) -> None:
    answer = await client.get("/auth/authorize", params=await handshake.asked(**changes))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert 'data-step="problem"' in answer.text


async def test_a_registered_address_keeps_its_own_query(handshake: Any, client: httpx.AsyncClient) -> None:
    answer = await client.get(
        "/auth/authorize", params=await handshake.asked(redirect_uri="https://app.test/other?fixed=1")
    )
    assert query_of(answer)["fixed"] == "1"
    assert "code" in query_of(answer)


async def test_a_parameter_may_not_be_given_twice(handshake: Any, client: httpx.AsyncClient) -> None:
    pairs = [*(await handshake.asked()).items(), ("state", "second")]
    answer = await client.get("/auth/authorize", params=pairs)
    assert answer.status_code == 400


async def test_a_form_must_be_a_form_and_not_too_long(client: httpx.AsyncClient) -> None:
    as_json = await client.post("/auth/token", json={"grant_type": "authorization_code"})
    assert (as_json.status_code, as_json.json()["error"]) == (400, "invalid_request")
    too_long = await client.post("/auth/token", data={"code": "x" * 2_000_000})
    assert too_long.status_code == 413
    assert (await client.post("/auth/authorize", data={"state": "x" * 2_000_000})).status_code == 413


async def test_a_launch_is_used_once_and_within_five_minutes(
    handshake: Any, client: httpx.AsyncClient, clock: Any
) -> None:
    parameters = await handshake.asked()
    assert "code" in query_of(await client.get("/auth/authorize", params=parameters))
    again = query_of(await client.get("/auth/authorize", params=parameters))
    assert again["error_description"] == "This launch has been used already."
    late = await handshake.asked()
    clock.at += timedelta(minutes=5)
    back = query_of(await client.get("/auth/authorize", params=late))
    assert back["error_description"] == "This launch is too old."


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"client_id": None}, 400, "invalid_request"),
        ({"client_id": "someone-else"}, 400, "invalid_client"),
        ({"client_secret": "s"}, 400, "invalid_client"),
        ({"client_assertion": "s"}, 400, "invalid_client"),
        ({"code": "guessed"}, 400, "invalid_grant"),
        ({"code": None}, 400, "invalid_request"),
        ({"redirect_uri": "https://app.test/other?fixed=1"}, 400, "invalid_grant"),
        ({"redirect_uri": None}, 400, "invalid_request"),
        ({"code_verifier": "w" * 64}, 400, "invalid_grant"),
        ({"code_verifier": "v" * 42}, 400, "invalid_grant"),
        ({"code_verifier": None}, 400, "invalid_request"),
    ],
)
async def test_a_bad_token_request_is_refused(
    handshake: Any, changes: dict[str, str | None], status: int, error: str
) -> None:
    answer = await handshake.exchanged(await handshake.code(), **changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"


async def test_a_public_client_shows_no_password(client: httpx.AsyncClient) -> None:
    form = {"grant_type": "authorization_code", "client_id": CLIENT_ID}
    answer = await client.post("/auth/token", data=form, auth=(CLIENT_ID, "secret"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_parameters_of_a_token_request_stand_in_its_body_alone(
    handshake: Any, client: httpx.AsyncClient
) -> None:
    query = {"grant_type": "authorization_code", "code": await handshake.code(), "client_id": CLIENT_ID}
    answer = await client.post("/auth/token", params=query, data={"redirect_uri": CALLBACK})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (await client.get("/auth/token", params=query)).status_code == 405


async def test_what_an_error_says_keeps_to_the_letters_of_oauth(handshake: Any) -> None:
    """RFC 6749, 5.2: error_description has no quotation mark and no backslash."""
    for changes in ({"code": 'gu"essed'}, {"grant_type": "a\\b"}, {"code_verifier": '"' * 50}):
        body = (await handshake.exchanged(await handshake.code(), **changes)).json()
        assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]+", body["error_description"])
        assert body.keys() == {"error", "error_description"}


async def test_a_code_lives_for_a_minute(handshake: Any, clock: Any) -> None:
    code = await handshake.code()
    clock.at += timedelta(seconds=60)
    answer = await handshake.exchanged(code)
    assert answer.json() == {"error": "invalid_grant", "error_description": "This code is too old."}


async def test_a_code_that_comes_twice_takes_the_first_token_back(
    handshake: Any, client: httpx.AsyncClient
) -> None:
    code = await handshake.code()
    bearer = {"Authorization": f"Bearer {(await handshake.exchanged(code)).json()['access_token']}"}
    assert (await client.get("/fhir/Patient/anna-woman", headers=bearer)).status_code == 200
    assert (await handshake.exchanged(code)).json()["error"] == "invalid_grant"
    assert (await client.get("/fhir/Patient/anna-woman", headers=bearer)).status_code == 401


@pytest.mark.parametrize(
    ("scope", "there", "absent"),
    [
        ("launch openid", {"patient", "encounter", "id_token"}, set()),
        ("openid fhirUser", {"id_token"}, {"patient", "encounter", "need_patient_banner"}),
        ("launch", {"patient"}, {"id_token"}),
    ],
)
async def test_context_and_identity_follow_the_scopes(
    handshake: Any, scope: str, there: set[str], absent: set[str]
) -> None:
    body = (await handshake.exchanged(await handshake.code(scope=scope))).json()
    assert there <= body.keys()
    assert not absent & body.keys()


async def test_without_fhir_user_the_identity_names_no_resource(
    handshake: Any, client: httpx.AsyncClient
) -> None:
    body = (await handshake.exchanged(await handshake.code(scope="openid", nonce=None))).json()
    keys = KeySet.import_key_set((await client.get("/auth/jwks")).json())
    claims = jwt.decode(body["id_token"], keys, algorithms=["RS256"]).claims
    assert not {"fhirUser", "nonce"} & claims.keys()


async def test_scopes_that_do_not_exist_are_left_out_of_the_grant(
    handshake: Any,
) -> None:
    wanted = "launch patient/Observation.rs patient/Nothing.rs system/*.rs patient/Flag.sr launch/encounter"
    body = (await handshake.exchanged(await handshake.code(scope=wanted))).json()
    assert body["scope"] == "launch patient/Observation.rs"


async def test_switches_of_the_authorization_server(
    handshake: Any, client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    switches = sandbox.switches
    switches.narrow_scope, switches.expires_in = "launch openid patient/Observation.rs", 5
    switches.omit_patient = switches.omit_id_token = True
    body = (await handshake.exchanged(await handshake.code())).json()
    assert (body["scope"], body["expires_in"]) == ("launch openid patient/Observation.rs", 5)
    assert not {"patient", "id_token", "need_patient_banner"} & body.keys()
    assert "encounter" in body

    switches.deny_authorization = True
    answer = await client.get("/auth/authorize", params=await handshake.asked())
    assert query_of(answer)["error"] == "access_denied"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 422, 429, 500, 503])
async def test_the_token_endpoint_refuses_on_demand(handshake: Any, sandbox: Sandbox, status: int) -> None:
    code = await handshake.code()
    sandbox.switches.refuse[("POST", "token")] = Refuse(status, times=1)
    answer = await handshake.exchanged(code)
    assert answer.status_code == status
    if status < 429:
        assert answer.json()["error"] == ("invalid_client" if status == 401 else "invalid_grant")
    else:  # too busy or broken to speak OAuth, as a gateway would answer
        assert answer.headers["content-type"].startswith("text/plain")
    assert (await handshake.exchanged(code)).status_code == 200


async def test_an_expired_token_is_told_from_an_unknown_one(
    client: httpx.AsyncClient, sandbox: Sandbox, clock: Any
) -> None:
    sandbox.switches.expires_in = 60
    token = sandbox.token(patient="anna-woman", clinician="dr-osei", scope="patient/*.rs")
    clock.at += timedelta(seconds=60)
    words = []
    for header in (f"Bearer {token}", "Bearer guessed", "Basic eDp5", None):
        headers = {"Authorization": header} if header else {}
        answer = await client.get("/fhir/Patient/anna-woman", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        words.append(answer.json()["issue"][0]["diagnostics"])
    assert words == [
        "The time of this access token is over.",
        "This access token was not issued here.",
        "No access token was sent.",
        "No access token was sent.",
    ]
