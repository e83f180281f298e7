"""What the record system tells about the person, the encounter and the clinician: read leniently."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.proxies import Reach, Relative

_SNOMED = "http://snomed.info/sct"
_INTERPRETER = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_UNNAMED_LANGUAGE = "language not given"

# v3-RoleCode: guardian, guardian ad litem, power of attorney and its kinds.
_ACTS_FOR = frozenset({"GUARD", "GUADLTM", "POWATT", "DPOWATT", "HPOWATT", "SPOWATT"})
_SETTINGS = {
    "394814009": Setting.GP,  # General practice
    "394587001": Setting.MENTAL_HEALTH,  # Psychiatry
    "408470005": Setting.ANTENATAL,  # Obstetrics
}


def person_of(patient: Mapping[str, Any]) -> Person:
    """Name, date of birth and sex of a Patient; a partial date of birth counts as none."""
    return Person(
        name=name_of(patient),
        birth_date=_date(patient.get("birthDate")),
        sex=_sex(patient.get("gender")),
        interpreter=_interpreter(patient),
    )


def setting_of(encounter: Mapping[str, Any] | None, default: Setting) -> Setting:
    """The setting that the Encounter's service type (SNOMED CT) stands for, else `default`."""
    for coding in _codings((encounter or {}).get("serviceType")):
        if coding.get("system") == _SNOMED and coding.get("code") in _SETTINGS:
            return _SETTINGS[coding["code"]]
    return default


def reach_of(resource: Mapping[str, Any]) -> Reach:
    """How a Patient, RelatedPerson or emergency contact can be reached by what is in use."""
    ways = [one for one in _objects(resource.get("telecom")) if one.get("use") != "old"]
    homes = resource.get("address")
    each = _objects([homes] if isinstance(homes, Mapping) else homes)  # of an emergency contact it is one
    return Reach(
        phones=_values(ways, "phone", "sms"),
        emails=_values(ways, "email"),
        addresses=tuple(
            (next(filter(None, _texts(home.get("line"))), None) or "", _text(home.get("postalCode")) or "")
            for home in each
            if home.get("use") != "old"
        ),
    )


def relatives_of(
    patient: Mapping[str, Any], related: Iterable[Mapping[str, Any]] | None
) -> tuple[Relative, ...]:
    """The emergency contacts of the Patient, and the related people who are not said to be former ones."""
    people = [one for one in related or () if one.get("active") is not False]
    return tuple(
        Relative(reach_of(one), proxy=any(map(_acts, _objects(one.get("relationship")))))
        for one in (*_objects(patient.get("contact")), *people)
    )


def _acts(relationship: Mapping[str, Any]) -> bool:
    """Whether somebody in that role may act for the patient, as far as the record says so."""
    codings = list(_codings(relationship))
    said = (_text(relationship.get("text")), *(_text(coding.get("display")) for coding in codings))
    return any(coding.get("code") in _ACTS_FOR for coding in codings) or any(
        "proxy" in one.lower() for one in said if one
    )


def _values(ways: Iterable[Mapping[str, Any]], *systems: str) -> tuple[str, ...]:
    found = (_text(one.get("value")) for one in ways if one.get("system") in systems)
    return tuple(one for one in found if one)


def name_of(resource: Mapping[str, Any]) -> str | None:
    """The name of a Patient or Practitioner as people say it; None where the record has none in use."""
    names = [name for name in _objects(resource.get("name")) if name.get("use") != "old"]
    ranks = {"official": 0, "usual": 1}
    for name in sorted(names, key=lambda name: ranks.get(name.get("use", ""), 2)):
        said = _text(name.get("text")) or _joined(name)
        if said:
            return said
    return None


def _joined(name: Mapping[str, Any]) -> str:
    parts = [*_texts(name.get("prefix")), *_texts(name.get("given")), _text(name.get("family"))]
    return " ".join(part for part in parts if part)


def _date(value: object) -> date | None:
    # FHIR allows `1980` and `1980-05`: an age from them would be a guess. Python reads more than FHIR writes.
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _sex(value: object) -> Sex:
    return Sex(value) if isinstance(value, str) and value in set(Sex) else Sex.UNKNOWN


def _interpreter(patient: Mapping[str, Any]) -> str | None:
    """The language to interpret, where the record says that an interpreter is needed."""
    extensions = _objects(patient.get("extension"))
    if not any(e.get("url") == _INTERPRETER and e.get("valueBoolean") is True for e in extensions):
        return None
    spoken = _objects(patient.get("communication"))
    for one in sorted(spoken, key=lambda one: one.get("preferred") is not True):
        said = _language(one.get("language"))
        if said:
            return said
    return _UNNAMED_LANGUAGE


def _language(concept: object) -> str | None:
    codings = list(_codings(concept))
    text = _text(concept.get("text")) if isinstance(concept, Mapping) else None
    said = (text, *(_text(c.get("display")) for c in codings), *(_text(c.get("code")) for c in codings))
    return next((one for one in said if one), None)


def _codings(concept: object) -> Iterable[Mapping[str, Any]]:
    return _objects(concept.get("coding")) if isinstance(concept, Mapping) else []


def _objects(values: object) -> list[Mapping[str, Any]]:
    return [value for value in values if isinstance(value, Mapping)] if isinstance(values, list) else []


def _texts(values: object) -> list[str | None]:
    return [_text(value) for value in values] if isinstance(values, list) else []


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
