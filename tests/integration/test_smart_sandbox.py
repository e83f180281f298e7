"""A whole launch against the strict sandbox, and every way in which it lets one fail."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from ipvscreen.errors import LaunchRefused
from ipvscreen.resources.scopes import REQUESTED
from ipvscreen.sandbox.ehr import create_ehr
from ipvscreen.sandbox.people import GP, ORDINARY
from ipvscreen.smart.authorization import begin, code_of, exchange
from ipvscreen.smart.context import launch_context
from ipvscreen.smart.discovery import discover
from ipvscreen.smart.identity import identify

ISS = "https://ehr.test/fhir"
CLIENT = "health-questionnaire"
CALLBACK = "https://app.test/callback"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.fixture
def ehr():
    return create_ehr(
        base_url="https://ehr.test",
        app_launch_url="https://app.test/launch",
        client_id=CLIENT,
        redirect_uris=(CALLBACK,),
        token="reads-everything-here",
        clock=lambda: NOW,
    )


@pytest.fixture
async def http(ehr):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(ehr)) as client:
        yield client


@pytest.fixture
def switches(ehr):
    return ehr.state.sandbox.switches


async def launched(http, ehr, *, scope=REQUESTED, launch=None):
    """Launch, authorize, exchange, identify: the context, and what is needed to try parts again."""
    sandbox = ehr.state.sandbox
    launch = launch or sandbox.new_launch(ORDINARY.id, GP.id)
    endpoints = await discover(http, ISS)
    url, handshake = begin(
        endpoints, iss=ISS, client_id=CLIENT, redirect_uri=CALLBACK, scope=scope, launch=launch
    )
    callback = httpx.URL((await http.get(url)).headers["Location"])
    assert callback.params["state"] == handshake.state
    code = code_of(dict(callback.params), endpoints, iss=ISS)
    token = await exchange(
        http, endpoints, client_id=CLIENT, redirect_uri=CALLBACK, code=code, verifier=handshake.verifier
    )
    identity = await identify(
        http, endpoints, token.id_token, client_id=CLIENT, iss=ISS, nonce=handshake.nonce, now=NOW
    )
    return launch_context(token, identity, ISS, NOW, requested_scope=scope)


async def test_a_launch_gives_patient_encounter_clinician_and_time(http, ehr):
    context = await launched(http, ehr)

    assert context.patient_id == ORDINARY.id
    assert context.encounter_id
    assert context.identity.user == f"Practitioner/{GP.id}"
    assert context.identity.subject == GP.id
    assert context.expires_at == NOW + timedelta(hours=1)
    assert set(context.scope.split()) == set(REQUESTED.split())
    assert context.need_patient_banner


async def test_a_narrowed_scope_is_what_counts(http, ehr, switches):
    switches.narrow_scope = "launch openid fhirUser patient/Patient.r"

    assert "Observation" not in (await launched(http, ehr)).scope


async def test_without_an_id_token_the_user_is_unknown(http, ehr, switches):
    switches.omit_id_token = True

    context = await launched(http, ehr)

    assert (context.identity.user, context.identity.subject) == (None, None)


async def test_without_fhir_user_the_subject_is_known(http, ehr):
    context = await launched(http, ehr, scope=REQUESTED.replace("fhirUser", ""))

    assert (context.identity.user, context.identity.subject) == (None, GP.id)


async def test_the_capability_statement_leads_to_the_same_launch_without_a_checked_user(http, ehr, switches):
    switches.refuse[("GET", "smart-configuration")] = 404

    context = await launched(http, ehr)

    assert context.patient_id == ORDINARY.id
    assert context.identity.user is None


async def test_a_missing_patient_is_refused_with_what_to_do(http, ehr, switches):
    switches.omit_patient = True

    with pytest.raises(LaunchRefused, match="Open the patient's record first"):
        await launched(http, ehr)


async def test_a_denied_authorization_is_told(http, ehr, switches):
    switches.deny_authorization = True

    with pytest.raises(LaunchRefused, match="told not to let this page in"):
        await launched(http, ehr)


@pytest.mark.parametrize("status", [400, 401, 403, 409, 429, 500, 503])
async def test_a_refused_token_is_told(http, ehr, switches, status):
    switches.refuse[("POST", "token")] = status

    with pytest.raises(LaunchRefused) as refused:
        await launched(http, ehr)

    assert "record" in str(refused.value)


@pytest.mark.parametrize("what", ["smart-configuration", "token"])
async def test_a_hang_up_is_told(http, ehr, switches, what):
    switches.hang_up = True
    switches.at = ("GET" if what == "smart-configuration" else "POST", what)

    with pytest.raises(LaunchRefused, match="did not answer"):
        await launched(http, ehr)


async def test_a_launch_is_used_once(http, ehr):
    launch = ehr.state.sandbox.new_launch(ORDINARY.id, GP.id)
    await launched(http, ehr, launch=launch)

    with pytest.raises(LaunchRefused):
        await launched(http, ehr, launch=launch)
