"""Code systems and codes that we write, each with its source.

The FHIR models do not check codes of required bindings (fhir.resources keeps them as hints only), so every
one that we use is a member of an Enum here; a test holds these against the models' own lists.
"""

from enum import StrEnum
from typing import Any

from ipvscreen.ipv.packs import Reason
from ipvscreen.messages import message

# A reserved top-level domain on purpose: these names identify, nobody can register and answer for them.
BASE = "https://health-questionnaire.example/fhir"
IDENTIFIER_SYSTEM = f"{BASE}/identifier"
APP_NAME = "Health questionnaire"

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
STU3_ACT_CODE = "http://hl7.org/fhir/v3/ActCode"  # as GP Connect 1.6.2 spells it
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
DATA_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
FLAG_CATEGORY = "http://terminology.hl7.org/CodeSystem/flag-category"
PROVENANCE_AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
CONSENT_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
CONSENT_ACTION = "http://terminology.hl7.org/CodeSystem/consentaction"
TASK_CODE = "http://hl7.org/fhir/CodeSystem/task-code"
US_CORE_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
SDOHCC = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
ENTRIES = f"{BASE}/CodeSystem/entries"
NOT_DONE = f"{BASE}/CodeSystem/not-done"
EVENTS = f"{BASE}/CodeSystem/events"
HELP = f"{BASE}/CodeSystem/help"
REASONS = f"{BASE}/CodeSystem/reason"


class ObservationStatus(StrEnum):
    """Observation.status: screening entries are only ever written whole."""

    FINAL = "final"


class ResponseStatus(StrEnum):
    """QuestionnaireResponse.status; some record systems take no other than this one."""

    COMPLETED = "completed"


class FlagStatus(StrEnum):
    """Flag.status."""

    ACTIVE = "active"


class ProcedureStatus(StrEnum):
    """Procedure.status."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    NOT_DONE = "not-done"


class RequestStatus(StrEnum):
    """ServiceRequest.status: stays with the requester, progress shows on the Task."""

    ACTIVE = "active"
    REVOKED = "revoked"


class Intent(StrEnum):
    """ServiceRequest.intent and Task.intent."""

    ORDER = "order"


class Priority(StrEnum):
    """ServiceRequest.priority and Task.priority."""

    ROUTINE = "routine"
    URGENT = "urgent"


class ConsentStatus(StrEnum):
    """Consent.status."""

    ACTIVE = "active"


class ProvisionType(StrEnum):
    """Consent.provision.provision.type; R4 does not allow it on the root provision."""

    PERMIT = "permit"
    DENY = "deny"


class DocumentStatus(StrEnum):
    """DocumentReference.status."""

    CURRENT = "current"


class DocumentState(StrEnum):
    """DocumentReference.docStatus."""

    FINAL = "final"


class CommunicationStatus(StrEnum):
    """Communication.status: said of what has been sent already, so that nothing sends it."""

    COMPLETED = "completed"


class BundleType(StrEnum):
    """Bundle.type."""

    TRANSACTION = "transaction"
    BATCH = "batch"
    MESSAGE = "message"


class Method(StrEnum):
    """Bundle.entry.request.method."""

    POST = "POST"


class TelecomSystem(StrEnum):
    """ContactPoint.system."""

    PHONE = "phone"
    SMS = "sms"
    EMAIL = "email"


class Absent(StrEnum):
    """Why an Observation has no value (data-absent-reason, R4)."""

    ASKED_DECLINED = "asked-declined"
    NOT_ASKED = "not-asked"
    NOT_PERFORMED = "not-performed"
    UNKNOWN = "unknown"


class NotDone(StrEnum):
    """Why the questions were not asked; local, because no public code says it."""

    DECLINED = "declined"
    WITH_ADULT = "accompanied-by-adult"
    WITH_CHILD = "accompanied-by-child-who-understands"
    NO_INTERPRETER = "no-professional-interpreter"
    NEVER_A_PARTNER = "never-had-a-partner"
    LACKS_CAPACITY = "lacks-capacity"
    UNSAFE_CHANNEL = "unsafe-channel"
    ACUTE_ILLNESS = "acute-illness"


NOT_DONE_WORDS: dict[NotDone, str] = {
    NotDone.DECLINED: "Declined",
    NotDone.WITH_ADULT: "Accompanied by an adult",
    NotDone.WITH_CHILD: "Accompanied by a child who understands",
    NotDone.NO_INTERPRETER: "No professional interpreter",
    NotDone.NEVER_A_PARTNER: "Says that the questions do not apply",
    NotDone.LACKS_CAPACITY: "Lacks capacity for these questions today",
    NotDone.UNSAFE_CHANNEL: "Not private on this channel",
    NotDone.ACUTE_ILLNESS: "Too ill today",
}


class Basis(StrEnum):
    """On what basis something is shared without agreement; the words are neutral, a portal may show them."""

    SERIOUS_HARM = "serious-harm"
    CHILD = "child"
    COURT = "court"
    OTHER = "other"


BASIS_WORDS: dict[Basis, str] = {
    Basis.SERIOUS_HARM: message("serious harm could otherwise follow"),
    Basis.CHILD: message("a child could be harmed"),
    Basis.COURT: message("required by a court or the law"),
    Basis.OTHER: message("another reason, noted apart"),
}


class Source(StrEnum):
    """Where something was learned without the questions being asked; local."""

    TOLD = "told"
    CONCERN = "clinician-concern"
    DANGER = "danger-now"
    RECORD = "from-record"


SOURCE_WORDS: dict[Source, str] = {
    Source.TOLD: "Told without the questions being asked",
    Source.CONCERN: "The clinician is concerned, whatever was said",
    Source.DANGER: "Danger now, the questions were left",
    Source.RECORD: "Past, known from the record",
}

# Why it was asked today; the codes are `ipv.packs.Reason`.
REASON_WORDS: dict[Reason, str] = {
    Reason.SYMPTOMS: message("Symptoms"),
    Reason.INJURY: message("An injury"),
    Reason.PREGNANCY: message("Pregnancy"),
    Reason.MENTAL_HEALTH: message("Mental health"),
    Reason.TOLD_BY_ANOTHER: message("Told by another"),
    Reason.OTHER: message("Another reason"),
}

# What a service can be asked for; the codes and words of the quick item "What would help now?", less the one
# that is no wish.
NO_HELP = "nothing-now"
HELP_WORDS: dict[str, str] = {
    "someone-to-talk-to": message("Someone to talk to"),
    "someone-who-has-been-there": message("Someone who has been there"),
    "safety": message("Being safer"),
    "legal": message("Legal advice"),
    "housing": message("Somewhere to live"),
    "children": message("Help for the children"),
    "mental-health": message("Help with how I feel"),
}


def concept(system: str, code: str, display: str | None = None, *, text: str | None = None) -> dict[str, Any]:
    """A CodeableConcept with one Coding."""
    coding = {"system": system, "code": str(code)} | ({"display": display} if display else {})
    return {"coding": [coding]} | ({"text": text} if text else {})
