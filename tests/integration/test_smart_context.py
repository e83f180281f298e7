"""The launch context: refused where it would be a guess."""

from datetime import UTC, datetime, timedelta

import pytest

from ipvscreen.errors import LaunchRefused
from ipvscreen.smart.authorization import TokenResponse
from ipvscreen.smart.context import launch_context
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
