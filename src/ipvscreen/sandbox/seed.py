"""The resources that a sandbox record system starts with, built from the tables of `people`."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from ipvscreen.sandbox.memory import Resource
from ipvscreen.sandbox.notes import notes
from ipvscreen.sandbox.people import CLINICIANS, GP, PATIENTS, SNOMED, Clinician, Patient

_PRACTICE = "practice"
_LANGUAGES = {"tr": "Turkish"}


def seed(base_url: str, now: datetime) -> Iterator[Resource]:
    """Every resource at the start; ids are fixed, ages are counted back from `now`."""
    yield _practice(base_url)
    for clinician in CLINICIANS.values():
        yield _practitioner(clinician, base_url)
        yield _role(clinician)
    for patient in PATIENTS.values():
        yield _patient(patient, base_url, now.date())
    yield from notes(base_url, now)


def birth_date(age: int, today: date) -> str:
    """A birthday some four months back, so that the age stays true for a while."""
    day = today - timedelta(days=120)
    return day.replace(year=day.year - age, day=min(day.day, 28)).isoformat()


def _practice(base_url: str) -> Resource:
    return {
        "resourceType": "HealthcareService",
        "id": _PRACTICE,
        "identifier": [{"system": f"{base_url}/id/service", "value": "practice"}],
        "active": True,
        "name": "Mill Lane Surgery",
        "type": [{"coding": [{"system": SNOMED, "code": "394814009", "display": "General practice"}]}],
        "telecom": [{"system": "phone", "value": "01632 960010"}],
    }


def _practitioner(clinician: Clinician, base_url: str) -> Resource:
    return {
        "resourceType": "Practitioner",
        "id": clinician.id,
        "identifier": [{"system": f"{base_url}/id/staff", "value": clinician.id}],
        "active": True,
        "name": [{"family": clinician.family, "given": [clinician.given], "prefix": ["Dr"]}],
    }


def _role(clinician: Clinician) -> Resource:
    at_practice = {"healthcareService": [{"reference": f"HealthcareService/{_PRACTICE}"}]}
    return {
        "resourceType": "PractitionerRole",
        "id": f"{clinician.id}-role",
        "active": True,
        "practitioner": {"reference": f"Practitioner/{clinician.id}"},
        "code": [{"text": clinician.title}],
        **({} if clinician.mental_health else at_practice),
    }


def _patient(patient: Patient, base_url: str, today: date) -> Resource:
    body: Resource = {
        "resourceType": "Patient",
        "id": patient.id,
        "identifier": [{"system": f"{base_url}/id/record", "value": patient.id}],
        "active": True,
        "gender": patient.gender,
        "generalPractitioner": [{"reference": f"Practitioner/{GP.id}"}],
    }
    if patient.family:
        body["name"] = [{"use": "official", "family": patient.family, "given": [patient.given]}]
    if patient.age is not None:
        body["birthDate"] = birth_date(patient.age, today)
    if patient.phone:
        body["telecom"] = [{"system": "phone", "value": patient.phone, "use": "home"}]
    if patient.language:
        body |= _interpreter(patient.language)
    return body


def _interpreter(language: str) -> dict[str, Any]:
    spoken = {"system": "urn:ietf:bcp:47", "code": language, "display": _LANGUAGES[language]}
    needed = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"
    return {
        "extension": [{"url": needed, "valueBoolean": True}],
        "communication": [{"language": {"coding": [spoken]}, "preferred": True}],
    }
