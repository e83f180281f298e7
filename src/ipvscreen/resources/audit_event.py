"""Rows of the audit log as FHIR R4 AuditEvents, after the Basic Audit Log Patterns of IHE (BALP 1.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ipvscreen.ipv.audit import Act
from ipvscreen.resources.labels import DEFAULT, About, Labels, labelled
from ipvscreen.resources.model import checked
from ipvscreen.resources.plan import codes, offers
from ipvscreen.resources.scopes import Scopes
from ipvscreen.resources.terminology import APP_NAME, BASE, IDENTIFIER_SYSTEM

ACTS = f"{BASE}/CodeSystem/acts"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_TYPES = "http://terminology.hl7.org/CodeSystem"

# Display, and what it did to what is kept: create, read, update, delete, execute (R4, AuditEvent.action).
_ACTS: dict[Act, tuple[str, str]] = {
    Act.OPENED: ("Opened", "C"),
    Act.BEGUN: ("Begun", "U"),
    Act.EARLIER_OPENED: ("Earlier one opened", "R"),
    Act.EARLIER_READ: ("Earlier entry read", "R"),
    Act.CHANGED: ("Changed", "U"),
    Act.TAKEN_BACK: ("Taken back", "U"),
    Act.HIDDEN: ("Hidden", "U"),
    Act.STOPPED: ("Stopped", "E"),
    Act.KEPT: ("Kept", "U"),
    Act.SAVED: ("Saved", "U"),
    Act.CALLED: ("Call noted", "U"),
    Act.SENT: ("Send", "E"),
    Act.LETTER_SHOWN: ("Letter shown", "R"),
    Act.SENT_BY_HAND: ("Sent by hand", "U"),
    Act.TOLD_BY_TELEPHONE: ("Told by telephone", "U"),
    Act.PUT_OFF: ("Put off", "U"),
    Act.NOTED: ("Noted", "U"),
    Act.CLOSED: ("Closed", "U"),
    Act.WENT_ON: ("Gone on with", "U"),
    Act.LIST_OPENED: ("List asked for", "E"),
    Act.LIST_SHOWN: ("List shown", "R"),
    Act.LIST_CLOSED: ("List closed", "E"),
    Act.WORKLIST_SHOWN: ("List of the practice shown", "R"),
    Act.SEEN_TO: ("Seen to", "U"),
    Act.PROTECTION_LOST: ("Labels not kept", "U"),
    Act.PURGED: ("Deleted when its time was over", "D"),
    Act.FORGOTTEN: ("Deleted on request", "D"),
    Act.INVITED: ("Somebody invited", "C"),
    Act.INVITED_AGAIN: ("Somebody invited again", "U"),
    Act.JOINED: ("Invitation accepted", "C"),
    Act.SIGNED_IN: ("Signed in", "E"),
    Act.SIGNED_OUT: ("Signed out", "E"),
    Act.KEY_ADDED: ("Key added", "C"),
    Act.KEY_ENDED: ("Key ended", "U"),
    Act.MEMBER_ENDED: ("Member ended", "U"),
    Act.ORGANISATION_ADDED: ("Organisation added", "C"),
    Act.PROPOSED: ("Proposed", "C"),
    Act.AGREED: ("Agreed", "U"),
    Act.PROPOSAL_STOPPED: ("Proposal stopped", "U"),
    Act.TAKEN_IN: ("Taken in", "C"),
    Act.NAMES_READ: ("Names read", "R"),
    Act.CASE_OPENED: ("Opened by a service", "U"),
    Act.ACCEPTED: ("Taken on", "U"),
    Act.WAIT_LISTED: ("Put on a waiting list", "U"),
    Act.DECLINED: ("Not taken on", "U"),
    Act.CHECKED: ("Checked who knows whom", "U"),
    Act.HANDED_OVER: ("Handed over", "U"),
    Act.CONTACT_TRIED: ("Contact tried", "U"),
    Act.ENGAGED: ("In touch", "U"),
    Act.CONTACT_KEPT: ("Contact kept", "U"),
    Act.PASSED_ON: ("Passed on", "U"),
    Act.COMPLETED: ("Ended as planned", "U"),
    Act.ENDED_EARLY: ("Ended early", "U"),
    Act.WITHDRAWN: ("Withdrawn", "U"),
    Act.TOLD_NO_MORE: ("Nothing told any more", "U"),
    Act.PLACES_SAID: ("Places said", "U"),
    Act.NOTICE_TAKEN_UP: ("Notice taken up", "U"),
    Act.RELEASE_NOTED: ("Release noted", "U"),
    Act.SENT_BY_MISTAKE: ("Sent by mistake", "U"),
    Act.ANSWER_RECORDED: ("Answer recorded", "U"),
}


@dataclass(frozen=True, slots=True)
class Event:
    """One act: references are relative to `iss`, which is "" for what goes into that very record system.

    `entry` names the row, `about` the visit, for an export that is held against the log.
    """

    entry: str
    about: str
    at: datetime
    act: Act
    iss: str
    user: str | None
    user_name: str | None
    patient_id: str | None
    encounter_id: str | None


def audit_event(event: Event, labels: Labels = DEFAULT) -> dict[str, Any]:
    """The AuditEvent, labelled; who, what, when, on whom. `outcome` is that of the act with us.

    What a record system or a service made of it is not known when the row is written.
    """
    display, action = _ACTS[event.act]
    body = {
        "resourceType": "AuditEvent",
        "type": _coding(_DICOM, "110110", "Patient Record"),
        "subtype": [_coding(ACTS, event.act.value, display)],
        "action": action,
        "recorded": event.at.isoformat(timespec="milliseconds"),
        "outcome": "0",
        "agent": [_clinician(event, reads=action == "R"), _app()],
        "source": {
            "observer": {"display": APP_NAME},
            "type": [_coding(f"{_TYPES}/security-source-type", "4", "Application Server")],
        },
        "entity": [*_patient(event), *_encounter(event), _visit(event)],
    }
    return checked(labelled(body, About.CONVERSATION, labels))


def taken(capability: Mapping[str, Any], scopes: Scopes) -> bool:
    """Whether new AuditEvents are offered and granted; no more is asked of a log, which nobody reads back."""
    offered = codes(offers(capability).get("AuditEvent", {}))
    return "create" in offered and scopes.allows("AuditEvent", "c")


def _clinician(event: Event, *, reads: bool) -> dict[str, Any]:
    kind = ("IRCP", "information recipient") if reads else ("AUT", "author (originator)")
    who = {"reference": _at(event, event.user)} if event.user else {}
    name = event.user_name or ("" if event.user else "not said by the record system")
    return {
        "type": _concept(f"{_TYPES}/v3-ParticipationType", *kind),
        "who": who | ({"display": name} if name else {}),
        "requestor": True,
    }


def _app() -> dict[str, Any]:
    return {
        "type": _concept(_DICOM, "110150", "Application"),
        "who": {"display": APP_NAME},
        "requestor": False,
    }


def _patient(event: Event) -> list[dict[str, Any]]:
    if event.patient_id is None:
        return []
    role = _coding(f"{_TYPES}/object-role", "1", "Patient")
    return [_entity(event, f"Patient/{event.patient_id}", ("1", "Person")) | {"role": role}]


def _encounter(event: Event) -> list[dict[str, Any]]:
    if event.encounter_id is None:
        return []
    return [_entity(event, f"Encounter/{event.encounter_id}", ("2", "System Object"))]


def _visit(event: Event) -> dict[str, Any]:
    """The row, so that what stands elsewhere can be held against the log."""
    row = {"identifier": {"system": IDENTIFIER_SYSTEM, "value": event.entry}}
    return {
        "what": row | ({"display": event.about} if event.about else {}),
        "type": _coding(f"{_TYPES}/audit-entity-type", "2", "System Object"),
    }


def _entity(event: Event, reference: str, kind: tuple[str, str]) -> dict[str, Any]:
    return {
        "what": {"reference": _at(event, reference)},
        "type": _coding(f"{_TYPES}/audit-entity-type", *kind),
    }


def _at(event: Event, reference: str) -> str:
    return f"{event.iss.rstrip('/')}/{reference}" if event.iss else reference


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}


def _concept(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [_coding(system, code, display)]}
