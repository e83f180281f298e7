"""Launches that do not begin in a chart: by the app itself, and by a clinician without a patient."""

import re
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

BASE = "https://ehr.test"
SCOPE = "launch/patient openid fhirUser patient/*.rs"


async def user_of(client: httpx.AsyncClient, token: dict[str, Any]) -> str:
    keys = KeySet.import_key_set((await client.get("/auth/jwks")).json())
    return str(jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims["fhirUser"])


@pytest.fixture
async def picker(handshake: Any, client: httpx.AsyncClient) -> httpx.URL:
    """The address of the page that asks for the patient."""
    return httpx.URL((await handshake.authorized(scope=SCOPE, launch=None)).headers["location"])


async def picked(client: httpx.AsyncClient, picker: httpx.URL, **choice: str) -> httpx.URL:
    answer = await client.get(picker.copy_merge_params(choice))
    assert answer.status_code == 302, answer.text
    return httpx.URL(answer.headers["location"])


async def test_the_app_begins_and_the_record_system_asks_for_the_patient(
    handshake: Any, client: httpx.AsyncClient, picker: httpx.URL
) -> None:
    begun = await client.get("/launch/standalone")
    assert begun.headers["location"] == "https://app.test/launch?iss=https%3A%2F%2Fehr.test%2Ffhir"

    page = await client.get(picker)
    assert page.status_code == 200
    assert 'data-step="choose"' in page.text
    assert re.findall(r'name="(\w+)" [^>]*checked', page.text) == ["clinician", "patient"]
    assert "no-store" in page.headers["cache-control"]

    back = await picked(client, picker, patient="rosa-mother", clinician="dr-lindqvist")
    assert (back.params["state"], back.params["iss"]) == ("s" * 32, BASE)
    token = (await handshake.exchanged(back.params["code"])).json()
    assert (token["patient"], token["scope"]) == ("rosa-mother", SCOPE)
    assert not {"encounter", "intent", "tenant", "fhirContext"} & token.keys()
    assert await user_of(client, token) == f"{BASE}/fhir/Practitioner/dr-lindqvist"
    assert await handshake.reads(token, "/fhir/Patient/rosa-mother") == 200
    assert await handshake.reads(token, "/fhir/Patient/anna-woman") == 403


async def test_a_form_is_answered_with_the_same_page(handshake: Any, client: httpx.AsyncClient) -> None:
    form = await handshake.asked(scope=SCOPE, launch=None)
    answer = await client.post("/auth/authorize", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{BASE}/auth/choose?request=")


async def test_the_patient_can_be_picked_without_a_click(handshake: Any, client: httpx.AsyncClient) -> None:
    answer = await handshake.authorized(scope=SCOPE, launch=None, patient="peter-man")
    back = await picked(client, httpx.URL(answer.headers["location"]))
    assert (await handshake.exchanged(back.params["code"])).json()["patient"] == "peter-man"


async def test_a_page_is_answered_once_and_within_five_minutes(
    client: httpx.AsyncClient, picker: httpx.URL, clock: Any, handshake: Any
) -> None:
    await picked(client, picker, patient="rosa-mother")
    for address in (picker, picker.copy_merge_params({"patient": "anna-woman"})):
        again = await client.get(address)
        assert (again.status_code, "used already" in again.text) == (400, True)
    late = (await handshake.authorized(scope=SCOPE, launch=None)).headers["location"]
    clock.forward(minutes=5)
    assert "too old" in (await client.get(late)).text


@pytest.mark.parametrize("choice", [{"patient": "nobody"}, {"patient": "anna-woman", "clinician": "x"}])
async def test_nobody_unknown_can_be_picked_and_the_page_stays_good(
    client: httpx.AsyncClient, picker: httpx.URL, choice: dict[str, str]
) -> None:
    answer = await client.get(picker.copy_merge_params(choice))
    assert answer.status_code == 404
    await picked(client, picker, patient="anna-woman")


async def test_who_does_not_let_the_app_in_sends_an_error_back(
    client: httpx.AsyncClient, picker: httpx.URL
) -> None:
    back = await picked(client, picker, cancel="1")
    assert dict(back.params).keys() == {"error", "error_description", "state", "iss"}
    assert (back.params["error"], back.params["iss"]) == ("access_denied", BASE)
    changed_mind = await client.get(picker.copy_merge_params({"patient": "anna-woman"}))
    assert (changed_mind.status_code, "used already" in changed_mind.text) == (400, True)


async def test_a_page_that_nobody_asked_for_is_not_shown(client: httpx.AsyncClient) -> None:
    for address in ("/auth/choose", "/auth/choose?request=guessed&patient=anna-woman"):
        assert (await client.get(address)).status_code == 400


async def test_a_launch_value_is_not_left_out_where_its_scope_is_asked_for(handshake: Any) -> None:
    answer = await handshake.authorized(scope=f"launch {SCOPE}", launch=None)
    assert httpx.URL(answer.headers["location"]).params["error"] == "invalid_request"


async def test_without_asking_for_a_patient_only_the_clinician_is_asked(
    handshake: Any, client: httpx.AsyncClient
) -> None:
    answer = await handshake.authorized(scope="openid fhirUser patient/*.rs", launch=None)
    picker = httpx.URL(answer.headers["location"])
    page = (await client.get(picker)).text
    assert 'name="clinician"' in page
    assert 'name="patient"' not in page
    # A patient that is not asked for is not given either.
    still = await client.get(picker.copy_merge_params({"patient": "anna-woman"}))
    assert still.status_code == 200
    back = await picked(client, picker, clinician="dr-osei")
    token = (await handshake.exchanged(back.params["code"])).json()
    assert "patient" not in token
    assert await user_of(client, token) == f"{BASE}/fhir/Practitioner/dr-osei"
    assert await handshake.reads(token) == 403


# --- a clinician without a patient


async def test_a_clinician_opens_the_list(handshake: Any, client: httpx.AsyncClient) -> None:
    begun = httpx.URL(
        (await client.get("/launch/list", params={"clinician": "dr-lindqvist"})).headers["location"]
    )
    assert str(begun).startswith("https://app.test/list?")
    assert begun.params["iss"] == f"{BASE}/fhir"

    token = await handshake.granted(scope="launch openid fhirUser", launch=begun.params["launch"])
    assert not {"patient", "encounter", "need_patient_banner"} & token.keys()
    assert await user_of(client, token) == f"{BASE}/fhir/Practitioner/dr-lindqvist"
    assert await handshake.reads(token) == 403


async def test_clinical_scopes_open_nobodys_record_there(handshake: Any) -> None:
    launch = await handshake.launch("/launch/list")
    token = await handshake.granted(scope="launch patient/*.cruds", launch=launch)
    assert await handshake.reads(token) == 403


async def test_an_app_that_needs_a_patient_there_lets_one_be_picked(
    handshake: Any, client: httpx.AsyncClient
) -> None:
    launch = await handshake.launch("/launch/list", clinician="dr-lindqvist")
    answer = await handshake.authorized(scope=f"launch {SCOPE}", launch=launch)
    picker = httpx.URL(answer.headers["location"])
    assert 'name="clinician"' not in (await client.get(picker)).text
    back = await picked(client, picker, patient="david-man", clinician="dr-osei")
    token = (await handshake.exchanged(back.params["code"])).json()
    assert token["patient"] == "david-man"
    assert await user_of(client, token) == f"{BASE}/fhir/Practitioner/dr-lindqvist"


async def test_the_list_opens_for_no_unknown_clinician(client: httpx.AsyncClient) -> None:
    assert (await client.get("/launch/list", params={"clinician": "nobody"})).status_code == 404


async def test_the_list_can_be_somewhere_else(make_app: Any, joined: Any) -> None:
    client = joined(make_app(app_list_url="https://app.test/mine"))
    assert (await client.get("/launch/list")).headers["location"].startswith("https://app.test/mine?iss=")
