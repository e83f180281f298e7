"""Scopes as servers spell them: version 1 and 2, split, narrowed, with wildcards; and what we ask for."""

from typing import Any

import pytest

from ipvscreen.resources.scopes import ASKED_FOR, REQUESTED, Purpose, Scopes, requested, written_kinds

LETTERS = ("c", "r", "u", "d", "s")


def granted(text: str, kind: str = "Observation") -> str:
    scopes = Scopes.parse(text)
    return "".join(letter for letter in LETTERS if scopes.allows(kind, letter))


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("", ""),
        ("launch openid fhirUser patient online_access", ""),
        ("patient/Observation.read", "rs"),
        ("patient/Observation.write", "cud"),
        ("patient/Observation.*", "cruds"),
        ("patient/*.read", "rs"),
        ("user/Observation.write", "cud"),
        ("patient/Observation.crs", "crs"),
        ("patient/Observation.c patient/Observation.r patient/Observation.s", "crs"),
        ("patient/Observation.rs patient/*.c", "crs"),
        ("patient/Observation.rs?category=survey", "rs"),
        ("patient/Flag.cruds", ""),
        ("patient/ObservationDefinition.cruds", ""),
        ("system/Observation.cruds", ""),
        ("patient/Observation.", ""),
        ("patient/Observation.x", ""),
        ("patient/Observation.reads", ""),
        ("Xpatient/Observation.rs", ""),
        ("patient/Observation.rs patient/Observation.c\n  openid", "crs"),
    ],
)
def test_what_is_granted(text: str, letters: str) -> None:
    assert granted(text) == letters


def test_we_ask_for_create_read_search_and_update_and_nothing_more() -> None:
    assert requested("v2") == REQUESTED
    assert REQUESTED.split()[:5] == [
        "launch",
        "openid",
        "fhirUser",
        "user/Practitioner.r",
        "patient/Patient.r",
    ]
    assert granted(REQUESTED) == "crus"
    assert granted(REQUESTED, "Patient") == "r"
    assert granted(REQUESTED, "Condition") == ""


def test_version_1_asks_for_the_same() -> None:
    scopes = Scopes.parse(requested("v1"))
    for kind, letters in ASKED_FOR.items():
        assert all(scopes.allows(kind, letter) for letter in LETTERS if letter in letters)
    assert not scopes.allows("Patient", "c")
    assert "patient/Flag.write" in requested("v1").split()


def test_a_standalone_launch_asks_the_record_system_for_a_patient() -> None:
    asked = requested("v2", purpose="standalone").split()
    assert "launch" not in asked
    assert asked[:3] == ["launch/patient", "openid", "fhirUser"]
    assert asked[3:] == REQUESTED.split()[3:]


@pytest.mark.parametrize("spelling", ["v1", "v2"])
@pytest.mark.parametrize("refresh", ["none", "online_access", "offline_access"])
def test_a_list_asks_who_is_there_and_for_nothing_else(spelling: Any, refresh: Any) -> None:
    assert requested(spelling, purpose="list", refresh=refresh) == "launch openid fhirUser"
    assert requested(spelling, purpose="list-standalone", refresh=refresh) == "openid fhirUser"


@pytest.mark.parametrize("purpose", ["ehr", "standalone"])
@pytest.mark.parametrize("spelling", ["v1", "v2"])
def test_a_refresh_is_asked_for_only_where_it_is_wanted(spelling: Any, purpose: Any) -> None:
    plain = requested(spelling, purpose=purpose).split()
    assert not {"online_access", "offline_access"} & set(plain)
    for refresh in ("online_access", "offline_access"):
        assert set(requested(spelling, purpose=purpose, refresh=refresh).split()) == {*plain, refresh}


@pytest.mark.parametrize("purpose", ["ehr", "standalone"])
def test_to_take_entries_out_again_is_asked_for_beside_the_rest_and_only_where_it_is_wanted(
    purpose: Purpose,
) -> None:
    plain, wanted = requested(purpose=purpose).split(), requested(purpose=purpose, withdraw=True).split()
    rest = len(plain) - len(written_kinds())
    assert wanted[:rest] == plain[:rest]
    assert plain[rest:] == [f"patient/{kind}.u" for kind in written_kinds()]
    assert wanted[rest:] == [f"patient/{kind}.ud" for kind in written_kinds()]
    assert set(written_kinds()) == {kind for kind, letters in ASKED_FOR.items() if "c" in letters}


def test_in_version_1_writing_includes_it_and_a_list_never_asks() -> None:
    assert requested("v1", withdraw=True) == requested("v1")
    assert requested(purpose="list", withdraw=True) == requested(purpose="list")


@pytest.mark.parametrize("spelling", ["v1", "v2"])
def test_what_carries_others_is_asked_for_only_where_it_is_named(spelling: Any) -> None:
    plain = set(requested(spelling).split())
    assert not {scope for scope in plain if "DocumentReference" in scope or "Communication" in scope}
    more = set(requested(spelling, carriers=("DocumentReference",)).split()) - plain
    granted = Scopes.parse(" ".join(more))
    assert all("DocumentReference" in scope for scope in more)
    assert all(granted.allows("DocumentReference", letter) for letter in ("c", "r", "s"))
    assert requested(spelling, purpose="list", carriers=("DocumentReference",)) == "launch openid fhirUser"


@pytest.mark.parametrize(
    ("spelling", "scope"), [("v1", "patient/AuditEvent.write"), ("v2", "patient/AuditEvent.c")]
)
def test_to_add_to_its_log_is_asked_for_only_where_that_is_set(spelling: Any, scope: str) -> None:
    plain = requested(spelling).split()

    assert [one for one in requested(spelling, audit_events=True).split() if one not in plain] == [scope]
    assert "AuditEvent" not in requested(spelling)
    assert "AuditEvent" not in requested(spelling, purpose="list", audit_events=True)
