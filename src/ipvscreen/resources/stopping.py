"""The message that tells a service's own system that a referral it has is not wanted any more.

The same request and the same Task as in the referral, by their identifiers, revoked and cancelled; with the
name alone, so that a person there knows whom not to contact. No reason, no way to reach her, no help wanted.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ipvscreen.ipv.case import BusinessStatus, TaskStatus
from ipvscreen.ipv.person import Person
from ipvscreen.resources.business import business_status
from ipvscreen.resources.contact import CONTACT_RULES
from ipvscreen.resources.context import instant_of
from ipvscreen.resources.draft import business_key
from ipvscreen.resources.labels import About, Labels, labelled
from ipvscreen.resources.model import checked
from ipvscreen.resources.terminology import EVENTS, IDENTIFIER_SYSTEM, BundleType, RequestStatus
from ipvscreen.resources.whose import one_person

NO_CONTACT = "Begin no contact: this is not wanted any more."

_COMMON = ("resourceType", "meta", "identifier", "status", "intent", "priority", "code", "authoredOn")
_ALWAYS = (*_COMMON, "requester")
# What of the referral is known again by; nothing of it says how she is reached or what she wanted.
_LEFT: Mapping[str, tuple[str, ...]] = {
    "MessageHeader": ("resourceType", "meta", "eventCoding", "destination", "sender", "source", "focus"),
    "Patient": ("resourceType",),
    "ServiceRequest": (*_ALWAYS, "subject", "performer"),
    "Task": (*_ALWAYS, "focus", "for", "owner"),
}


def stop_key(referral_id: str) -> str:
    """The UUID of that message, the same on every attempt and however often it is asked for."""
    return business_key(referral_id, "stopped")


def left_of(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is kept of a referral's message once the service has it; None where it is none, or stops one."""
    entries = [
        {"fullUrl": entry["fullUrl"], "resource": _left(entry["resource"])}
        for entry in message.get("entry", ())
        if entry["resource"]["resourceType"] in _LEFT
    ]
    tasks = [one for one in entries if one["resource"]["resourceType"] == "Task"]
    if not tasks or tasks[0]["resource"]["status"] == TaskStatus.CANCELLED:
        return None
    return {"entry": entries}


def stop_message(
    left: Mapping[str, Any], referral_id: str, person: Person, at: datetime, labels: Labels
) -> dict[str, Any]:
    """The FHIR message Bundle, made of what `left_of` kept; it refers to nothing outside itself."""
    key = stop_key(referral_id)
    entries = [
        _stopped(entry["fullUrl"], entry["resource"], key, person, at, labels) for entry in left["entry"]
    ]
    bundle = {
        "resourceType": "Bundle",
        "identifier": {"system": IDENTIFIER_SYSTEM, "value": f"urn:uuid:{key}"},
        "type": BundleType.MESSAGE,
        "timestamp": instant_of(at),
        "entry": entries,
    }
    return one_person(checked(labelled(bundle, About.MESSAGE, labels)))


def _left(resource: Mapping[str, Any]) -> dict[str, Any]:
    return {name: resource[name] for name in _LEFT[resource["resourceType"]] if name in resource}


def _stopped(
    url: str, resource: Mapping[str, Any], key: str, person: Person, at: datetime, labels: Labels
) -> dict[str, Any]:
    body = {**resource, **_changes(resource["resourceType"], person, at)}
    if body["resourceType"] == "Patient":
        body = labelled(body, About.CONTACT, labels)
    own = body["resourceType"] == "MessageHeader"
    return {"fullUrl": f"urn:uuid:{business_key(key, 'header')}" if own else url, "resource": body}


def _changes(kind: str, person: Person, at: datetime) -> dict[str, Any]:
    event = {"system": EVENTS, "code": "referral-stopped", "display": "Referral stopped"}
    rules = {"extension": [{"url": CONTACT_RULES, "valueString": NO_CONTACT}]}
    task = {
        "status": TaskStatus.CANCELLED,
        "businessStatus": business_status(BusinessStatus.CLOSED),
        "lastModified": instant_of(at),
    }
    every: dict[str, dict[str, Any]] = {
        "MessageHeader": {"eventCoding": event},
        "Patient": rules | ({"name": [{"text": person.name}]} if person.name else {}),
        "ServiceRequest": {"status": RequestStatus.REVOKED},
        "Task": task,
    }
    return every[kind]
