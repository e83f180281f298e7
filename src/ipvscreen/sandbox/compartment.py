"""Which patient a resource is about: the patient's compartment."""

from ipvscreen.sandbox.kinds import PATIENT_ELEMENT
from ipvscreen.sandbox.memory import Lookup, Resource
from ipvscreen.sandbox.references import patient_in, references_in, target_of


def has_compartment(kind: str) -> bool:
    """Whether resources of this type belong to one patient."""
    return kind in PATIENT_ELEMENT or kind in ("Patient", "Provenance", "AuditEvent")


def patients_of(body: Resource, base: str, lookup: Lookup) -> frozenset[str]:
    """Ids of the patients that a resource is about; for a Provenance, those of its targets."""
    kind = body["resourceType"]
    if kind == "Patient":
        return frozenset({body["id"]})
    if kind == "Provenance":
        return _patients_of_targets(body, base, lookup)
    if kind == "AuditEvent":
        seen = (patient_in(entity, "what", base) for entity in body.get("entity", []))
        return frozenset(patient for patient in seen if patient)
    patient = patient_in(body, PATIENT_ELEMENT[kind], base) if kind in PATIENT_ELEMENT else None
    return frozenset({patient} if patient else ())


def _patients_of_targets(body: Resource, base: str, lookup: Lookup) -> frozenset[str]:
    found: set[str] = set()
    for reference in references_in(body.get("target", [])):
        target = target_of(reference, base)
        # One Provenance may aim at another, even at itself; only what it finally speaks of has a patient.
        aimed_at = lookup(*target) if target and target[0] != "Provenance" else None
        if aimed_at:
            found |= patients_of(aimed_at, base, lookup)
    return frozenset(found)
