"""A whole launch against the strict sandbox, and every way in which it lets one fail."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from ipvscreen.errors import LaunchRefused
from ipvscreen.resources.scopes import REQUESTED, requested
from ipvscreen.sandbox.ehr import create_ehr
from ipvscreen.sandbox.people import GP, ORDINARY
from ipvscreen.smart.authorization import RefreshGone, TokenResponse, begin, code_of, exchange, refresh
from ipvscreen.smart.client import Client, TokenAuth
from ipvscreen.smart.context import launch_context, user_context
from ipvscreen.smart.discovery import Endpoints, discover
from ipvscreen.smart.identity import Identity, identify
from ipvscreen.smart.keys import new_signing_key, public_jwks

ISS = "https://ehr.test/fhir"
CLIENT = "health-questionnaire"
PUBLIC = Client(CLIENT)
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


@dataclass(frozen=True)
class SignedIn:
    """A finished launch, and what is needed to go on with it."""

    endpoints: Endpoints
    token: TokenResponse
    identity: Identity
    scope: str

    @property
    def context(self):
        return launch_context(self.token, self.identity, ISS, NOW, requested_scope=self.scope)


async def signed_in(
    http, ehr, *, scope=REQUESTED, launch=None, client=PUBLIC, standalone=False, post=False, patient=None
):
    """Discover, authorize, exchange, identify; a standalone launch picks `patient` on the way."""
    if launch is None and not standalone:
        launch = ehr.state.sandbox.new_launch(ORDINARY.id, GP.id)
    endpoints = await discover(http, ISS)
    request, handshake = begin(
        endpoints, iss=ISS, client_id=CLIENT, redirect_uri=CALLBACK, scope=scope, launch=launch
    )
    answer = (
        await http.post(request.address, data=dict(request.parameters))
        if post
        else await http.get(request.url)
    )
    if standalone:  # the record system's own patient picker
        chosen = httpx.URL(answer.headers["Location"]).copy_merge_params({"patient": patient or ""})
        answer = await http.get(chosen)
    callback = httpx.URL(answer.headers["Location"])
    assert callback.params["state"] == handshake.state
    code = code_of(dict(callback.params), endpoints, iss=ISS)
    token = await exchange(
        http, endpoints, client, redirect_uri=CALLBACK, code=code, verifier=handshake.verifier, now=NOW
    )
    identity = await identify(
        http, endpoints, token.id_token, client_id=CLIENT, iss=ISS, nonce=handshake.nonce, now=NOW
    )
    return SignedIn(endpoints, token, identity, scope)


async def launched(http, ehr, **how):
    """The context of a whole launch."""
    return (await signed_in(http, ehr, **how)).context


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


async def test_what_the_record_system_tells_of_the_surroundings_comes_along(http, ehr):
    launch = ehr.state.sandbox.new_launch(ORDINARY.id, GP.id, intent="list", framed=True)

    context = await launched(http, ehr, launch=launch)

    assert not context.need_patient_banner
    assert context.intent == "list"
    assert context.style_url == "https://ehr.test/style/v1.json"
    assert context.fhir_context[0]["type"] == "PractitionerRole"
    assert context.refresh_token is None


async def test_an_encounter_is_found_in_the_context_too(http, ehr, switches):
    switches.encounter_in_fhir_context = True

    signed = await signed_in(http, ehr)

    assert signed.token.encounter is None
    assert ehr.state.sandbox.memory.find("Encounter", signed.context.encounter_id) is not None


@pytest.mark.parametrize("promised", [True, False])
async def test_the_callback_names_its_server_where_that_is_promised(http, ehr, switches, promised):
    switches.issuer_parameter = promised

    signed = await signed_in(http, ehr)

    assert signed.endpoints.iss_parameter is promised
    assert signed.context.patient_id == ORDINARY.id


async def test_a_request_can_be_posted(http, ehr):
    signed = await signed_in(http, ehr, post=True)

    assert signed.endpoints.authorize_post
    assert signed.context.patient_id == ORDINARY.id


@pytest.mark.parametrize("spelling", ["v1", "v2"])
async def test_without_a_launch_the_record_system_asks_for_the_patient(http, ehr, spelling):
    scope = requested(spelling, purpose="standalone")

    context = await launched(http, ehr, scope=scope, standalone=True, patient=ORDINARY.id)

    assert context.patient_id == ORDINARY.id
    assert context.identity.user == f"Practitioner/{GP.id}"


async def test_a_clinician_alone_gets_a_list_and_no_visit(http, ehr):
    launch = ehr.state.sandbox.new_launch(None, GP.id)

    signed = await signed_in(http, ehr, scope=requested(purpose="list"), launch=launch)

    assert user_context(signed.token, signed.identity, ISS, NOW).identity.user == f"Practitioner/{GP.id}"
    with pytest.raises(LaunchRefused, match="Open the patient's record first"):
        assert signed.context


RS384, ES384, STRANGER = new_signing_key("RS384"), new_signing_key("ES384"), new_signing_key("ES384")
SECRET = "with/slash="  # a plus would be another story: docs/adr/0021
JWKS = "https://app.test/jwks.json"
BASIC = Client(CLIENT, TokenAuth.BASIC, secret=SECRET)
WAYS: Mapping[str, Client] = {
    "none": PUBLIC,
    "client_secret_basic": BASIC,
    **{key.alg: Client(CLIENT, TokenAuth.PRIVATE_KEY_JWT, key=key, jwks_url=JWKS) for key in (RS384, ES384)},
}


def strict(client: Client):
    """A sandbox that is registered for this way and no other."""

    async def jwks():
        return public_jwks((RS384, ES384))

    signed = client.auth is TokenAuth.PRIVATE_KEY_JWT
    return create_ehr(
        base_url="https://ehr.test",
        app_launch_url="https://app.test/launch",
        client_id=CLIENT,
        redirect_uris=(CALLBACK,),
        token="reads-everything-here",
        clock=lambda: NOW,
        auth=client.auth.value,
        client_secret=SECRET if client.auth is TokenAuth.BASIC else None,
        jwks=jwks if signed else None,
        jwks_url=JWKS if signed else None,
    )


def speaking_to(ehr):
    return httpx.AsyncClient(transport=httpx.ASGITransport(ehr))


@pytest.mark.parametrize("refresh_by", ["online_access", "offline_access"])
@pytest.mark.parametrize("way", WAYS)
async def test_each_way_to_say_who_we_are_gives_a_launch_and_goes_on_by_refresh(way, refresh_by):
    client, ehr = WAYS[way], strict(WAYS[way])
    async with speaking_to(ehr) as http:
        signed = await signed_in(http, ehr, scope=requested(refresh=refresh_by), client=client)
        first = signed.context.refresh_token
        url = signed.endpoints.token

        second = await refresh(http, url, client, first, NOW, patient=ORDINARY.id)
        third = await refresh(http, url, client, second.refresh_token, NOW, patient=ORDINARY.id)
        assert len({first, second.refresh_token, third.refresh_token}) == 3
        assert len({signed.token.access_token, second.access_token, third.access_token}) == 3

        for used in (first, third.refresh_token):  # the second use of one ends them all
            with pytest.raises(RefreshGone, match="too old, or used before"):
                await refresh(http, url, client, used, NOW)


async def test_a_refresh_token_that_is_not_changed_goes_on():
    ehr = strict(PUBLIC)
    ehr.state.sandbox.switches.keep_refresh_token = True
    async with speaking_to(ehr) as http:
        signed = await signed_in(http, ehr, scope=requested(refresh="online_access"))
        for _ in range(3):
            again = await refresh(http, signed.endpoints.token, PUBLIC, signed.token.refresh_token, NOW)
            assert again.refresh_token is None


@pytest.mark.parametrize(
    ("registered", "sent"),
    [
        pytest.param(PUBLIC, replace(PUBLIC, client_id="another"), id="another-app"),
        pytest.param(BASIC, replace(BASIC, secret="guessed"), id="wrong-secret"),
        pytest.param(BASIC, PUBLIC, id="no-secret"),
        pytest.param(WAYS["ES384"], replace(WAYS["ES384"], key=STRANGER), id="unpublished-key"),
        pytest.param(
            WAYS["ES384"], replace(WAYS["ES384"], key=replace(STRANGER, kid=ES384.kid)), id="borrowed-kid"
        ),
        pytest.param(
            WAYS["ES384"], replace(WAYS["ES384"], jwks_url="https://evil.example/jwks.json"), id="other-jku"
        ),
        pytest.param(WAYS["RS384"], PUBLIC, id="no-assertion"),
    ],
)
async def test_a_client_that_is_not_registered_so_is_refused(registered, sent):
    ehr = strict(registered)
    async with speaking_to(ehr) as http:
        with pytest.raises(LaunchRefused, match="ask your system manager"):
            await signed_in(http, ehr, client=sent)
