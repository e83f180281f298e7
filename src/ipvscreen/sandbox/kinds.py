"""The resource types of this record system: what may be done with each, and how each is searched."""

from ipvscreen.sandbox.switches import Switches

WRITABLE = frozenset(
    {
        "QuestionnaireResponse",
        "Observation",
        "Flag",
        "Provenance",
        "ServiceRequest",
        "Task",
        "Consent",
        "Procedure",
        "DocumentReference",
        "Communication",
        "AuditEvent",
        "Condition",
    }
)

# Parameter → (type of parameter, element). R4 search parameters, https://hl7.org/fhir/R4/searchparameter-registry.html
Params = dict[str, tuple[str, str]]

_COMMON: Params = {"_id": ("token", "id"), "_security": ("token", "meta.security")}
_IDENTIFIER: Params = {"identifier": ("token", "identifier")}
_SUBJECT: Params = {"patient": ("reference", "subject"), "subject": ("reference", "subject")}
_ENCOUNTER: Params = {"encounter": ("reference", "encounter")}
_STATUS: Params = {"status": ("token", "status")}
_CODE: Params = {"code": ("token", "code")}
_CATEGORY: Params = {"category": ("token", "category")}
_TYPE: Params = {"type": ("token", "type")}
_BASED_ON: Params = {"based-on": ("reference", "basedOn")}
_FOCUS: Params = {"focus": ("reference", "focus")}
_PATIENT: Params = {"patient": ("reference", "patient")}
_FOR: Params = {"patient": ("reference", "for"), "subject": ("reference", "for")}
_OF_A_CONDITION: Params = {
    "clinical-status": ("token", "clinicalStatus"),
    "verification-status": ("token", "verificationStatus"),
    "evidence": ("token", "evidence.code"),
    "evidence-detail": ("reference", "evidence.detail"),
}

SEARCH: dict[str, Params] = {
    "Patient": _COMMON | _IDENTIFIER,
    "Practitioner": _COMMON | _IDENTIFIER,
    "PractitionerRole": _COMMON | _IDENTIFIER | {"practitioner": ("reference", "practitioner")},
    "HealthcareService": _COMMON | _IDENTIFIER,
    "Questionnaire": _COMMON | _IDENTIFIER | _STATUS,
    "Device": _COMMON | _IDENTIFIER | _STATUS,
    "RelatedPerson": _COMMON | _IDENTIFIER | _PATIENT,
    "Encounter": _COMMON | _IDENTIFIER | _SUBJECT | _STATUS,
    "Condition": _COMMON | _IDENTIFIER | _SUBJECT | _ENCOUNTER | _CODE | _CATEGORY | _OF_A_CONDITION,
    "QuestionnaireResponse": _COMMON | _IDENTIFIER | _SUBJECT | _ENCOUNTER | _STATUS | _BASED_ON,
    "Observation": _COMMON
    | _IDENTIFIER
    | _SUBJECT
    | _ENCOUNTER
    | _STATUS
    | _CODE
    | _CATEGORY
    | _FOCUS
    | _BASED_ON
    | {"derived-from": ("reference", "derivedFrom")},
    "Flag": _COMMON | _IDENTIFIER | _SUBJECT | _ENCOUNTER,
    # R4 gives Provenance no identifier; `patient` is whom its targets are about (see `search`).
    "Provenance": _COMMON | _PATIENT | {"target": ("reference", "target")},
    # Nor an AuditEvent, whose patient is one of its entities.
    "AuditEvent": _COMMON | _PATIENT | _TYPE,
    "ServiceRequest": _COMMON | _IDENTIFIER | _SUBJECT | _ENCOUNTER | _STATUS | _CODE | _CATEGORY | _BASED_ON,
    "Task": _COMMON | _IDENTIFIER | _FOR | _ENCOUNTER | _STATUS | _CODE | _FOCUS | _BASED_ON,
    "Consent": _COMMON | _IDENTIFIER | _PATIENT | _STATUS | _CATEGORY,
    "DocumentReference": _COMMON | _IDENTIFIER | _SUBJECT | _STATUS | _CATEGORY | _TYPE,
    "Communication": _COMMON | _IDENTIFIER | _SUBJECT | _ENCOUNTER | _STATUS | _CATEGORY | _BASED_ON,
    "Procedure": _COMMON | _IDENTIFIER | _SUBJECT | _ENCOUNTER | _STATUS | _CODE | _CATEGORY | _BASED_ON,
}

OF_BUNDLE: Params = {"_id": ("token", "id"), "identifier": ("token", "identifier")}  # at the charity

KINDS = frozenset(SEARCH)

# Where each type names its patient; a type that is not here is not about one patient.
PATIENT_ELEMENT: dict[str, str] = {
    "RelatedPerson": "patient",
    "Encounter": "subject",
    "Condition": "subject",
    "QuestionnaireResponse": "subject",
    "Observation": "subject",
    "Flag": "subject",
    "ServiceRequest": "subject",
    "Task": "for",
    "Consent": "patient",
    "Procedure": "subject",
    "DocumentReference": "subject",
    "Communication": "subject",
}


def may_create(kind: str, switches: Switches) -> bool:
    """Whether the record system takes new resources of this type at all."""
    return kind in WRITABLE and switches.offers(kind, "c") and (kind != "Flag" or switches.flag_create)


def may_update(kind: str, switches: Switches) -> bool:
    """Whether the record system takes changed resources of this type."""
    return kind in WRITABLE and switches.offers(kind, "u")


def may_delete(kind: str, switches: Switches) -> bool:
    """Whether the record system takes resources of this type away again."""
    return kind in WRITABLE and switches.offers(kind, "d") and not switches.no_delete


def on_condition(kind: str, switches: Switches) -> bool:
    """Whether a new resource of this type can be made to depend on a search (If-None-Exist)."""
    return not switches.no_conditional_create and kind not in switches.unconditional


def parameters(kind: str, switches: Switches) -> Params:
    """What resources of this type can be searched by."""
    hidden = {"identifier"} if kind in switches.unfindable else set()
    return {name: param for name, param in SEARCH[kind].items() if name not in hidden}
