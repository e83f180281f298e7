"""What the record already says of the sandbox's patients: conditions, related people, an earlier screen."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from ipvscreen.sandbox.memory import Resource, instant
from ipvscreen.sandbox.people import GP, PSYCHIATRIST, SNOMED

_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
_LOINC = "http://loinc.org"

LABELS = {
    "security": [
        {"system": _CONFIDENTIALITY, "code": "R", "display": "restricted"},
        {"system": _ACT, "code": "SDV"},
        {"system": _ACT, "code": "NOPAT"},
    ]
}

_ITEMS = ("76500-8", "76501-6", "76502-4", "76503-2")
_NO = {"system": _LOINC, "code": "LA32-8", "display": "No"}


def notes(base_url: str, now: datetime) -> Iterator[Resource]:
    """Everything that the record says at the start, besides who is who."""
    yield from _conditions()
    yield from _related(base_url, now.date())
    yield from _earlier_screen(now - timedelta(days=30))


def _conditions() -> Iterator[Resource]:
    pregnant = {
        "coding": [{"system": SNOMED, "code": "77386006", "display": "Pregnancy"}],
        "text": "Pregnancy",
    }
    yield _condition("maya-pregnancy", "maya-maternity", pregnant, GP.id, labelled=False)
    yield _condition(
        "david-team", "david-man", {"text": "Under the community mental-health team"}, PSYCHIATRIST.id
    )
    yield _condition(
        "david-past",
        "david-man",
        {"text": "History of domestic abuse by a former partner, until five years ago"},
        PSYCHIATRIST.id,
    )
    yield _condition(
        "nadia-ex", "nadia-woman", {"text": "Stalked by a partner whom she left years ago"}, GP.id
    )
    yield _condition("owen-told", "owen-man", {"text": "Has told us that he hits his partner"}, GP.id)


def _condition(
    ident: str, patient: str, code: dict[str, Any], recorder: str, labelled: bool = True
) -> Resource:
    status = {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
    category = {
        "system": "http://terminology.hl7.org/CodeSystem/condition-category",
        "code": "problem-list-item",
    }
    return {
        "resourceType": "Condition",
        "id": ident,
        **({"meta": LABELS} if labelled else {}),
        "clinicalStatus": {"coding": [status]},
        "category": [{"coding": [category]}],
        "code": code,
        "subject": {"reference": f"Patient/{patient}"},
        "recorder": {"reference": f"Practitioner/{recorder}"},
    }


def _related(base_url: str, today: date) -> Iterator[Resource]:
    child, partner = _role("CHILD", "child"), _role("SIGOTHR", "significant other")
    yield _relative("rosa-child-7", "rosa-mother", "Tomas Delgado", child, birthDate=_born(today, 7))
    yield _relative("rosa-child-3", "rosa-mother", "Ines Delgado", child, birthDate=_born(today, 3))
    yield _relative("freya-partner", "freya-woman", "Karin Nystrom", partner, gender="female")
    yield _relative(
        "helen-partner",
        "helen-woman",
        "Owen Brookes",
        partner,
        gender="male",
        identifier=[{"system": f"{base_url}/id/record", "value": "owen-man"}],
        telecom=[{"system": "phone", "value": "+44 7700 900456"}],
    )
    proxy = {"coding": _role("SON", "natural son")["coding"], "text": "Son; proxy for online access"}
    yield _relative("irene-son", "irene-proxy", "Marc Castell", proxy, gender="male")


def _relative(ident: str, patient: str, name: str, relationship: dict[str, Any], **more: Any) -> Resource:
    given, family = name.split()
    return {
        "resourceType": "RelatedPerson",
        "id": ident,
        "active": True,
        "patient": {"reference": f"Patient/{patient}"},
        "relationship": [relationship],
        "name": [{"given": [given], "family": family}],
        **more,
    }


def _role(code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": _ROLE, "code": code, "display": display}]}


def _born(today: date, age: int) -> str:
    return today.replace(year=today.year - age, month=1, day=1).isoformat()


def _earlier_screen(at: datetime) -> Iterator[Resource]:
    """One answered form, all no, as the app itself would have written it a month ago."""
    items = [{"linkId": code, "answer": [{"valueCoding": _NO}]} for code in _ITEMS]
    yield {
        "resourceType": "QuestionnaireResponse",
        "id": "clara-form",
        "meta": LABELS,
        "questionnaire": "https://health-questionnaire.example/fhir/Questionnaire/h4",
        "status": "completed",
        "subject": {"reference": "Patient/clara-woman"},
        "authored": instant(at),
        "author": {"reference": f"Practitioner/{GP.id}"},
        "item": items,
    }
    for code in _ITEMS:
        yield _observation(code, at, valueCodeableConcept={"coding": [_NO]})
    yield _observation("76504-0", at, valueQuantity={"value": 0, "unit": "{score}"})
    members = [{"reference": f"Observation/clara-{code}"} for code in (*_ITEMS, "76504-0")]
    yield _observation("76499-3", at, hasMember=members)


def _observation(code: str, at: datetime, **more: Any) -> Resource:
    category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}
    return {
        "resourceType": "Observation",
        "id": f"clara-{code}",
        "meta": LABELS,
        "status": "final",
        "category": [{"coding": [category]}],
        "code": {"coding": [{"system": _LOINC, "code": code}]},
        "subject": {"reference": "Patient/clara-woman"},
        "effectiveDateTime": instant(at),
        "derivedFrom": [{"reference": "QuestionnaireResponse/clara-form"}],
        **more,
    }
