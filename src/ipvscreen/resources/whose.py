"""Whose record a resource goes to: the patient's who was launched, and nobody else's.

A referral or a worry is often about two people who are both patients. Nothing of ours is ever written to the
record of the other one, of a child, or of a member of staff; when all is made, it is looked at once more.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ipvscreen.resources.draft import Labelled, references_in

# The element that says whose record it is (R4). A Provenance has none: it stands where its targets stand.
_OWNER: dict[str, str] = {
    "Condition": "subject",
    "Consent": "patient",
    "Flag": "subject",
    "Observation": "subject",
    "Procedure": "subject",
    "QuestionnaireResponse": "subject",
    "ServiceRequest": "subject",
    "Task": "for",
}


class OthersRecord(ValueError):
    """Something was about to be written to the record of somebody else; its words name nobody."""


def only_theirs(items: Sequence[Labelled], patient_id: str) -> tuple[Labelled, ...]:
    """`items`, every one of the record of `Patient/patient_id`; OthersRecord where one is not."""
    ours = {item.full_url for item in items}
    for item in items:
        if item.kind == "Provenance":
            theirs = set(references_in(item.body.get("target"))) <= ours
        else:
            theirs = _owner(item.kind, item.body) == f"Patient/{patient_id}"
        if not theirs:
            raise OthersRecord(f"A {item.kind} is not about the patient whose record is open.")
    return tuple(items)


def one_person(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """The message to a service, which holds one Patient and refers to nothing outside itself.

    OthersRecord where it names another, or points into a record: a service has no business there.
    """
    entries = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    patients = [url for url, body in entries.items() if body["resourceType"] == "Patient"]
    owners = {_owner(body["resourceType"], body) for body in entries.values()} - {None}
    outside = [reference for reference in references_in(bundle) if reference not in entries]
    if len(patients) != 1 or owners != set(patients) or outside:
        raise OthersRecord("A message to a service names somebody else, or points into a record.")
    return dict(bundle)


def _owner(kind: str, body: Mapping[str, Any]) -> str | None:
    """The reference to whose record it is; None where it names none."""
    owner = body.get(_OWNER.get(kind, ""))
    return owner.get("reference") if isinstance(owner, Mapping) else None
