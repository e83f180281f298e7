"""The launch context: refused where it would be a guess."""

from datetime import UTC, datetime, timedelta

import pytest

from ipvscreen.errors import LaunchRefused
from ipvscreen.smart.authorization import TokenResponse
from ipvscreen.smart.context import launch_context, user_context
from ipvscreen.smart.identity import Identity

ISS = "https://ehr.example/fhir/"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CLINICIAN = Identity("Practitioner/gp", "user-1", "Dr Ada Okafor")


def token(**changes):
    base = {
        "access_token": "secret-token",
        "token_type": "Bearer",
        "patient": "p1",
        "encounter": "e1",
        "scope": "launch",
    }
    return TokenResponse.model_validate(base | {"expires_in": 900} | changes)


def test_the_context_holds_what_the_launch_gave():
    context = launch_context(token(), CLINICIAN, ISS, NOW)

    assert (context.iss, context.patient_id, context.encounter_id) == (ISS, "p1", "e1")
    assert (context.scope, context.access_token) == ("launch", "secret-token")
    assert context.expires_at == NOW + timedelta(minutes=15)
    assert context.identity is CLINICIAN
    assert context.need_patient_banner
    assert "secret-token" not in repr(context)


@pytest.mark.parametrize("patient", [None, "", "..", ".", "a/b", "p1?x=1", "p 1", "p1\n", "x" * 65])
def test_without_a_patient_the_words_say_what_to_do(patient):
    with pytest.raises(LaunchRefused, match="Open the patient's record first"):
        launch_context(token(patient=patient), CLINICIAN, ISS, NOW)


@pytest.mark.parametrize("user", ["Patient/p1", "RelatedPerson/r1"])
def test_a_patient_or_a_proxy_is_not_let_in(user):
    with pytest.raises(LaunchRefused, match="for staff"):
        launch_context(token(), Identity(user, "user-2", None), ISS, NOW)


@pytest.mark.parametrize("user", [None, "Practitioner/gp", "PractitionerRole/r", "Person/x"])
def test_others_are(user):
    assert launch_context(token(), Identity(user, None, None), ISS, NOW).identity.user == user


@pytest.mark.parametrize("encounter", [None, "", "..", "a/b"])
def test_an_encounter_that_is_none_is_left_out(encounter):
    assert launch_context(token(encounter=encounter), CLINICIAN, ISS, NOW).encounter_id is None


@pytest.mark.parametrize(("expires_in", "seconds"), [(None, 300), (570, 570), (10**30, 86_400)])
def test_an_untold_life_is_taken_to_be_short_and_an_endless_one_is_cut(expires_in, seconds):
    context = launch_context(token(expires_in=expires_in), CLINICIAN, ISS, NOW)

    assert context.expires_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("granted", "requested", "scope"),
    [
        ("launch", "launch patient/*.rs", "launch"),
        (None, "launch patient/*.rs", "launch patient/*.rs"),
        ("", "launch", ""),
    ],
)
def test_an_absent_scope_means_what_was_requested(granted, requested, scope):
    assert launch_context(token(scope=granted), CLINICIAN, ISS, NOW, requested_scope=requested).scope == scope


def test_an_absent_scope_grants_nothing_where_the_request_is_not_told():
    assert launch_context(token(scope=None), CLINICIAN, ISS, NOW).scope == ""


def test_what_comes_beside_the_token_is_handed_on():
    context = launch_context(
        token(
            refresh_token="secret-refresh",
            smart_style_url="https://ehr.example/style/v1.json",
            intent="list",
            fhirContext=[{"reference": "Task/t1"}],
        ),
        CLINICIAN,
        ISS,
        NOW,
    )

    assert context.refresh_token == "secret-refresh"
    assert "secret-refresh" not in repr(context)
    assert context.style_url == "https://ehr.example/style/v1.json"
    assert context.fhir_context == ({"reference": "Task/t1"},)
    assert context.intent == "list"


def test_what_does_not_come_is_absent():
    context = launch_context(token(), CLINICIAN, ISS, NOW)

    assert (context.refresh_token, context.style_url, context.intent) == (None, None, None)
    assert context.fhir_context == ()


@pytest.mark.parametrize(
    "address",
    ["http://ehr.example/style", "javascript:alert(1)", "https://u@ehr.example/", "//ehr.example/style", "x"],
)
def test_an_unsafe_style_is_no_style_and_refuses_nobody(address):
    assert launch_context(token(smart_style_url=address), CLINICIAN, ISS, NOW).style_url is None


@pytest.mark.parametrize(
    ("entries", "encounter"),
    [
        ([{"reference": "Encounter/e7"}], "e7"),
        (["Encounter/e7"], "e7"),
        ([{"reference": "Encounter/e7", "role": "launch"}, {"reference": "Task/t1"}], "e7"),
        ([{"reference": "Encounter/e7"}, {"reference": "Encounter/e7"}], "e7"),
        ([{"reference": "Encounter/e7"}, {"reference": "Encounter/e8"}], None),
        ([{"reference": "Encounter/e7", "role": "https://ehr.example/earlier"}], None),
        ([{"reference": "Encounter/.."}], None),
        ([{"reference": "Encounter/e7/_history/1"}], None),
        ([{"reference": 7}, {"canonical": "https://x.example"}], None),
        ([], None),
    ],
)
def test_an_encounter_of_the_context_counts_where_none_stands_beside_the_token(entries, encounter):
    context = launch_context(token(encounter=None, fhirContext=entries), CLINICIAN, ISS, NOW)

    assert context.encounter_id == encounter


def test_the_encounter_beside_the_token_comes_first():
    context = launch_context(token(fhirContext=["Encounter/e7"]), CLINICIAN, ISS, NOW)

    assert context.encounter_id == "e1"


@pytest.mark.parametrize("user", ["Practitioner/gp", "PractitionerRole/r"])
def test_a_list_is_opened_for_a_known_practitioner_without_a_patient(user):
    identity = Identity(user, "user-1", None)

    context = user_context(token(patient=None), identity, ISS, NOW)

    assert (context.iss, context.identity) == (ISS, identity)
    assert context.expires_at == NOW + timedelta(minutes=15)


@pytest.mark.parametrize("user", ["Patient/p1", "RelatedPerson/r1"])
def test_a_list_is_not_opened_for_a_patient_or_a_proxy(user):
    with pytest.raises(LaunchRefused, match="for staff"):
        user_context(token(), Identity(user, "user-2", None), ISS, NOW)


@pytest.mark.parametrize("user", [None, "Person/x"])
def test_a_list_is_not_opened_for_somebody_unknown(user):
    with pytest.raises(LaunchRefused, match="did not say who is signed in"):
        user_context(token(), Identity(user, "user-1", "Dr Ada Okafor"), ISS, NOW)
