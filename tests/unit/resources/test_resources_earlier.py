"""Earlier forms: whose, when, by whom; what belongs to one; and what is not ours."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ipvscreen.resources.earlier import (
    Earlier,
    earlier_of,
    is_ours,
    key_of,
    members_of,
    merged,
    results_of,
    targets_of,
)
from ipvscreen.resources.terminology import APP_NAME, BASE, IDENTIFIER_SYSTEM

AT = "2026-03-02T10:00:00+00:00"


def response(ident: str, **parts: Any) -> dict[str, Any]:
    return {
        "resourceType": "QuestionnaireResponse",
        "id": ident,
        "questionnaire": f"{BASE}/Questionnaire/h4|1",
        "subject": {"reference": "Patient/p"},
        "authored": AT,
        "author": {"reference": "Practitioner/a", "display": "Dr A"},
        "item": [{"linkId": "secret"}],
    } | parts


def test_responses_of_one_visit_are_one_form() -> None:
    (one,) = earlier_of([response("2"), response("1")], "p")
    assert one == Earlier(
        datetime(2026, 3, 2, 10, tzinfo=UTC), "Dr A", ("QuestionnaireResponse/2", "QuestionnaireResponse/1")
    )
    assert one.key == "QuestionnaireResponse/1"


@pytest.mark.parametrize(
    "other",
    [
        {"subject": {"reference": "Patient/q"}},
        {"subject": None},
        {"subject": {"reference": "p"}},
        {"questionnaire": "https://other.example/Questionnaire/h4"},
        {"questionnaire": None},
        {"id": None},
    ],
)
def test_other_patients_and_other_forms_are_not_listed(other: dict[str, Any]) -> None:
    assert earlier_of([response("1", **other)], "p") == ()


@pytest.mark.parametrize("authored", [None, "2026", "yesterday", "2026-03-02"])
def test_a_day_that_is_not_told_is_none(authored: object) -> None:
    (one,) = earlier_of([response("1", authored=authored, author={"reference": "Practitioner/a"})], "p")
    assert (one.at, one.by) == (None, None)


def test_absolute_references_and_versions_are_the_same_patient() -> None:
    subject = {"reference": "https://ehr.example/fhir/Patient/p/_history/3"}
    assert len(earlier_of([response("1", subject=subject)], "p")) == 1


def test_an_own_visit_is_listed_once_and_the_newest_comes_first() -> None:
    found = [
        Earlier(
            datetime(2026, 1, 1, tzinfo=UTC), "Dr A", ("QuestionnaireResponse/1", "QuestionnaireResponse/2")
        ),
        Earlier(None, None, ("QuestionnaireResponse/9",)),
    ]
    own = [
        Earlier(datetime(2026, 2, 1, tzinfo=UTC), "Dr A", ("Observation/0", "QuestionnaireResponse/2"), "v")
    ]
    first, second = merged(found, own)
    assert first.references == ("Observation/0", "QuestionnaireResponse/2", "QuestionnaireResponse/1")
    assert (first.visit_id, first.key) == ("v", "QuestionnaireResponse/1")
    assert second.references == ("QuestionnaireResponse/9",)


@pytest.mark.parametrize(
    ("identifier", "key"),
    [
        ({"system": IDENTIFIER_SYSTEM, "value": "urn:uuid:k"}, "k"),
        ([{"system": "x"}, {"system": IDENTIFIER_SYSTEM, "value": "urn:uuid:k"}], "k"),
        ([{"system": IDENTIFIER_SYSTEM, "value": "k"}], None),
        ([3, {"system": "x", "value": "urn:uuid:k"}], None),
        (None, None),
    ],
)
def test_the_key_is_in_our_identifier_alone(identifier: object, key: str | None) -> None:
    body = {"resourceType": "Observation", "identifier": identifier}
    assert (key_of(body), is_ours(body)) == (key, key is not None)


def test_a_provenance_is_ours_when_it_names_us() -> None:
    ours = {
        "resourceType": "Provenance",
        "agent": [{"who": {"display": " "}}, {"who": {"display": APP_NAME}}],
    }
    assert is_ours(ours)
    assert not is_ours({"resourceType": "Provenance", "agent": [{"who": "x"}, {}]})
    assert not is_ours({"resourceType": "Provenance", "agent": None})


def test_what_belongs_together() -> None:
    target = {"target": [{"reference": "Flag/1"}, {"reference": 3}, 4, {"reference": "x"}]}
    assert targets_of(target) == ("Flag/1",)
    panel = {
        "resourceType": "Observation",
        "id": "panel",
        "derivedFrom": [{"reference": "QuestionnaireResponse/1"}],
        "hasMember": [{"reference": "Observation/total"}, {"reference": "Observation/gone"}],
    }
    total = {"resourceType": "Observation", "id": "total"}
    other = {
        "resourceType": "Observation",
        "id": "other",
        "derivedFrom": [{"reference": "QuestionnaireResponse/2"}],
    }
    assert members_of(panel) == ("Observation/total", "Observation/gone")
    bodies = [panel, total, other, {"resourceType": "Flag", "id": "f"}]
    assert results_of(bodies, "QuestionnaireResponse/1") == (panel, total)
