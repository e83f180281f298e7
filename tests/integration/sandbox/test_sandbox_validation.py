"""What the sandbox takes for valid R4: the models, and what the models let through."""

from typing import Any

import pytest

from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.validate import validate

# A null keeps the place of a given name that has only an extension.
PATIENT_WITH_HALF_A_NAME = {
    "resourceType": "Patient",
    "id": "a",
    "name": [{"given": [None, "B"], "_given": [{"id": "x"}, None]}],
}


def observation(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": "Patient/anna-woman"},
        **more,
    }


@pytest.mark.parametrize(
    ("more", "finding"),
    [
        ({"colour": "blue"}, "Observation.colour"),
        ({"status": None}, "Observation.status"),
        ({"status": "splendid"}, "Observation.status: 'splendid' is not one of"),
        ({"status": "+"}, "Observation.status: '+' is not one of"),
        ({"code": {}}, "Observation.code: is empty"),
        ({"code": '{"text": "x"}'}, "Observation.code: must be an object"),
        ({"category": []}, "Observation.category: is empty"),
        ({"note": [{"text": ""}]}, "Observation.note.0.text"),
        ({"valueInteger": "1"}, "Observation.valueInteger: has the wrong JSON type"),
        ({"valueInteger": True}, "Observation.valueInteger: has the wrong JSON type"),
        ({"valueString": 1}, "Observation.valueString"),
        ({"valueBoolean": "true"}, "Observation.valueBoolean: has the wrong JSON type"),
        ({"valueQuantity": {"value": "1"}}, "Observation.valueQuantity.value: has the wrong JSON type"),
        ({"valueQuantity": {"value": 1, "comparator": "about"}}, "Observation.valueQuantity.comparator"),
        ({"valueInteger": 1, "valueString": "1"}, "Observation"),
        ({"effectiveDateTime": "2026-02-31"}, "Observation.effectiveDateTime"),
        ({"effectiveDateTime": "2026-02-01T10:00:00"}, "Observation.effectiveDateTime"),
        ({"subject": {"reference": "Observation/1"}}, "Observation.subject: may not refer to Observation"),
        ({"subject": {"reference": "https://a.example/fhir/Task/1"}}, "may not refer to Task"),
        ({"hasMember": [{"reference": "Patient/1"}]}, "Observation.hasMember.0: may not refer to Patient"),
        ({"hasMember": [{"reference": "#a"}]}, "#a is not contained (ref-1)"),
        ({"extension": [{"url": "https://a.example/e"}]}, "either a value or extensions"),
        ({"contained": [{"resourceType": "Unheard", "id": "a"}]}, "unknown resource type"),
        (
            {"contained": [{"resourceType": "Patient", "id": "a", "gender": "W"}]},
            "Observation.contained.0.gender: 'W' is not one of",
        ),
        (
            {"valueInteger": 1, "dataAbsentReason": {"text": "x"}},
            "a value and a reason for its absence (obs-6)",
        ),
        ({"fhir_comments": "x"}, "Observation.fhir_comments: no such element"),
        ({"identifier": [{"use": "mine"}]}, "Observation.identifier.0.use: 'mine' is not one of"),
    ],
)
def test_what_is_refused(more: dict[str, Any], finding: str) -> None:
    with pytest.raises(Refusal) as refused:
        validate(observation(**more))
    assert refused.value.status == 422
    assert finding in refused.value.words


@pytest.mark.parametrize(
    "more",
    [
        {"status": "corrected"},
        {"valueQuantity": {"value": 1.5, "unit": "{score}", "comparator": "<"}},
        {"valueInteger": 3},
        {"valueBoolean": False},
        {"effectiveDateTime": "2026-02"},
        {"effectiveDateTime": "2026-02-01T10:00:00+01:00"},
        {"extension": [{"url": "https://a.example/e", "valueCode": "a"}]},
        {"_status": {"extension": [{"url": "https://a.example/e", "valueString": "a"}]}},
        {"dataAbsentReason": {"text": "asked-declined"}},
        {
            "contained": [{"resourceType": "Device", "id": "a"}],
            "device": {"reference": "#a"},
        },
        {"performer": [{"display": "Someone"}]},
        {"contained": [PATIENT_WITH_HALF_A_NAME]},
        {"subject": {"reference": "urn:uuid:6cbb0a8b-5b66-4c5c-9f4c-0a8b5b664c5c"}},
        {"note": [{"authorString": "x", "text": "line\nline"}]},
    ],
)
def test_what_is_taken(more: dict[str, Any]) -> None:
    validate(observation(**more))


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        (
            {"resourceType": "Task", "status": "done", "intent": "order"},
            "Task.status: 'done' is not one of",
        ),
        (
            {"resourceType": "Task", "status": "ready", "intent": "wish"},
            "Task.intent: 'wish' is not one of",
        ),
        (
            {
                "resourceType": "Consent",
                "status": "active",
                "scope": {"text": "x"},
                "category": [{"text": "x"}],
                "provision": {"provision": [{"type": "maybe"}]},
            },
            "Consent.provision.provision.0.type: 'maybe' is not one of",
        ),
        ({"resourceType": "Unheard"}, "unknown resource type"),
        ({}, "unknown resource type"),
    ],
)
def test_other_types_are_held_to_their_codes(body: dict[str, Any], finding: str) -> None:
    with pytest.raises(Refusal) as refused:
        validate(body)
    assert finding in refused.value.words


def test_no_more_than_five_findings_are_told() -> None:
    with pytest.raises(Refusal) as refused:
        validate(observation(note=[{"text": ""}] * 9))
    assert refused.value.words.count("; ") == 4
