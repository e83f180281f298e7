"""Scopes as servers spell them: version 1 and 2, split, narrowed, with wildcards; and what we ask for."""

import pytest

from ipvscreen.resources.scopes import ASKED_FOR, REQUESTED, Scopes, requested

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


def test_we_ask_for_create_read_and_search_and_nothing_more() -> None:
    assert requested("v2") == REQUESTED
    assert REQUESTED.split()[:5] == [
        "launch",
        "openid",
        "fhirUser",
        "user/Practitioner.r",
        "patient/Patient.r",
    ]
    assert granted(REQUESTED) == "crs"
    assert granted(REQUESTED, "Patient") == "r"
    assert granted(REQUESTED, "Condition") == ""


def test_version_1_asks_for_the_same() -> None:
    scopes = Scopes.parse(requested("v1"))
    for kind, letters in ASKED_FOR.items():
        assert all(scopes.allows(kind, letter) for letter in LETTERS if letter in letters)
    assert not scopes.allows("Patient", "c")
    assert "patient/Flag.write" in requested("v1").split()
