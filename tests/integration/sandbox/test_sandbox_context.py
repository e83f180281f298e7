"""What stands next to a token, who it came from, and where it may be sent (SMART 2.2, RFC 9207, RFC 8252)."""

import re
from typing import Any

import httpx
import pytest

from ipvscreen.sandbox.registration import Registration
from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.switches import Switches

BASE = "https://ehr.test"


async def test_a_launch_brings_style_tenant_intent_and_role(
    handshake: Any, client: httpx.AsyncClient
) -> None:
    token = await handshake.granted(launch=await handshake.launch(intent="order-review"))
    assert (token["intent"], token["tenant"]) == ("order-review", "mill-lane")
    # SMART 2.2: neither a Patient nor an Encounter, which have members of their own.
    [context] = token["fhirContext"]
    assert context == {"reference": "PractitionerRole/dr-osei-role", "type": "PractitionerRole"}
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    role = await client.get(f"/fhir/{context['reference']}", headers=bearer)
    assert role.json()["practitioner"]["reference"] == "Practitioner/dr-osei"

    style = await client.get(token["smart_style_url"])
    assert style.headers["access-control-allow-origin"] == "*"
    assert all(re.fullmatch(r"#[0-9a-f]{6}", v) for k, v in style.json().items() if k.startswith("color_"))


async def test_without_an_intent_there_is_none(handshake: Any) -> None:
    assert "intent" not in await handshake.granted()


@pytest.mark.parametrize("who", [{}, {"patient": "rosa-mother", "clinician": "dr-lindqvist"}])
async def test_a_launch_inside_a_page_of_the_record_system(
    handshake: Any, client: httpx.AsyncClient, who: dict[str, str]
) -> None:
    page = await client.get("/launch/framed", params=who | {"intent": "x"})
    assert page.status_code == 200
    [address] = re.findall(r'<iframe [^>]*src="([^"]+)"', page.text)
    source = httpx.URL(address.replace("&amp;", "&"))
    assert str(source).startswith("https://app.test/launch?")
    assert source.params["iss"] == f"{BASE}/fhir"
    policy = page.headers["content-security-policy"]
    assert "frame-src 'self' https://app.test" in policy
    assert "frame-ancestors 'self'" in policy

    token = await handshake.granted(launch=source.params["launch"])
    assert token["patient"] == who.get("patient", "anna-woman")
    assert token["need_patient_banner"] is False  # the page around it has one
    assert token["intent"] == "x"
    assert ("Rosa Delgado" in page.text) == ("patient" in who)


@pytest.mark.parametrize("who", [{"patient": "nobody"}, {"clinician": "nobody"}])
async def test_nobody_unknown_is_launched_in_a_frame(client: httpx.AsyncClient, who: dict[str, str]) -> None:
    assert (await client.get("/launch/framed", params=who)).status_code == 404


async def test_each_page_with_a_frame_is_a_launch_of_its_own(client: httpx.AsyncClient) -> None:
    assert (await client.get("/launch/framed")).text != (await client.get("/launch/framed")).text


async def test_the_clinic_list_leads_there(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    for address in re.findall(r'formaction="([^"]+)"', page):
        assert (await client.get(address)).status_code in (200, 302)
    assert page.count("formaction") == 2


# --- switches


async def test_no_chart_is_open(handshake: Any, switches: Switches) -> None:
    switches.no_patient = True
    token = await handshake.granted()
    assert not {"patient", "encounter", "need_patient_banner"} & token.keys()
    assert await handshake.reads(token) == 403


async def test_the_encounter_comes_in_the_fhir_context_alone(handshake: Any, switches: Switches) -> None:
    switches.encounter_in_fhir_context = True
    token = await handshake.granted()
    assert "encounter" not in token
    kinds = [entry["reference"].partition("/")[0] for entry in token["fhirContext"]]
    assert kinds == ["PractitionerRole", "Encounter"]


async def test_some_scopes_are_left_out_silently(handshake: Any, switches: Switches) -> None:
    switches.narrow_scopes = {"patient/Observation.cruds", "fhirUser"}
    assert (await handshake.granted())["scope"] == "launch openid patient/*.rs"


# --- who answers


@pytest.mark.parametrize("there", [True, False])
async def test_the_issuer_stands_in_answers_and_errors_as_discovery_says(
    handshake: Any, client: httpx.AsyncClient, switches: Switches, there: bool
) -> None:
    """RFC 9207, 2 and 3."""
    switches.issuer_parameter = there
    found = (await client.get("/fhir/.well-known/smart-configuration")).json()
    assert found.get("authorization_response_iss_parameter_supported", False) is there
    for changes in ({}, {"aud": "https://other.test/fhir"}):
        back = httpx.URL((await handshake.authorized(**changes)).headers["location"]).params
        assert back.get("iss") == (found["issuer"] if there else None)
        assert ("error" in back) == bool(changes)


# --- where answers go


@pytest.mark.parametrize(
    ("registered", "given", "right"),
    [
        ("http://127.0.0.1/callback", "http://127.0.0.1:51004/callback", True),
        ("http://127.0.0.1:8010/callback", "http://127.0.0.1:51004/callback", True),
        ("http://127.0.0.1:8010/callback", "http://127.0.0.1/callback", True),
        ("http://127.0.0.1:8010/callback?a=1", "http://127.0.0.1:1/callback?a=1", True),
        ("http://[::1]:8010/callback", "http://[::1]:51004/callback", True),
        ("http://127.0.0.1:8010/callback", "http://127.0.0.1:51004/callback/", False),
        ("http://127.0.0.1:8010/callback", "http://127.0.0.1:51004/callback?a=1", False),
        ("http://127.0.0.1:8010/callback", "http://127.0.0.1:51004/callback#a", False),
        ("http://127.0.0.1:8010/callback", "https://127.0.0.1:51004/callback", False),
        ("http://127.0.0.1:8010/callback", "http://[::1]:51004/callback", False),
        ("http://127.0.0.1:8010/callback", "http://localhost:51004/callback", False),
        ("http://127.0.0.1:8010/callback", "http://127.0.0.2:8010/callback", False),
        ("http://127.0.0.1:8010/callback", "http://127.0.0.1:8010@evil.test/callback", False),
        ("http://127.0.0.1:8010/callback", "http://evil@127.0.0.1:51004/callback", False),
        ("http://127.0.0.1:8010/callback", "http://127.0.0.1.evil.test:8010/callback", False),
        ("http://127.0.0.1:8010/callback", "http://127.0.0.1:99999/callback", False),
        ("http://127.0.0.1:8010/callback", "http://127.0.0.1:x/callback", False),
        ("http://127.0.0.1:8010/callback", "http://[::1/callback", False),
        ("http://localhost:8010/callback", "http://localhost:51004/callback", False),
        ("https://127.0.0.1:8010/callback", "https://127.0.0.1:51004/callback", False),
        ("https://app.test/callback", "https://app.test:8443/callback", False),
        ("https://app.test/callback", "https://app.test/callback", True),
    ],
)
def test_an_address_is_registered_to_the_letter_but_for_a_port_on_loopback(
    registered: str, given: str, right: bool
) -> None:
    app = Registration("x", (registered,), "https://app.test/launch", "https://app.test/list")
    assert app.answers_at(given) is right


async def test_the_code_goes_to_the_very_port_that_asked(make_app: Any, joined: Any, handshake: Any) -> None:
    handshake.client = joined(make_app(redirect_uris=("http://127.0.0.1/back",)))
    there = "http://127.0.0.1:51004/back"
    code = await handshake.code(redirect_uri=there)
    assert (await handshake.exchanged(code, redirect_uri="http://127.0.0.1:51005/back")).status_code == 400
    code = await handshake.code(redirect_uri=there)
    assert (await handshake.exchanged(code, redirect_uri=there)).status_code == 200


# --- bearer tokens


async def test_a_token_is_taken_in_its_header_alone(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    """RFC 6750, 2: SMART has it in the header; an address or a form would be logged."""
    token = sandbox.token(patient="anna-woman", clinician="dr-osei", scope="patient/*.rs")
    by_query = await client.get("/fhir/Patient/anna-woman", params={"access_token": token})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    by_form = await client.post("/fhir/Patient/_search", content=f"access_token={token}", headers=form)
    for answer in (by_query, by_form):
        assert answer.status_code == 401
        # RFC 6750, 3.1: no error code where nothing was shown at all.
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_what_a_bearer_is_told(client: httpx.AsyncClient, sandbox: Sandbox, clock: Any) -> None:
    """RFC 6750, 3: invalid_token with 401, insufficient_scope with 403."""
    token = sandbox.token(patient="anna-woman", clinician="dr-osei", scope="patient/Observation.rs")
    bearer = {"Authorization": f"bearer {token}"}  # the scheme is of any case (RFC 9110, 11.1)
    narrow = await client.get("/fhir/Patient/anna-woman", headers=bearer)
    assert (narrow.status_code, narrow.headers["www-authenticate"]) == (
        403,
        'Bearer error="insufficient_scope"',
    )
    clock.forward(hours=1)
    over = await client.get("/fhir/Observation", headers=bearer)
    assert over.status_code == 401
    assert over.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
