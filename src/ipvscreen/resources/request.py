"""What a referral consists of: ServiceRequest, Task and Consent, for the record system and for the message.

Every text here is neutral, since a portal may show it, and says no reason: to whom, by whom and until when is
all a referral has to say. How the person can be reached stands in the message alone.
"""

from dataclasses import dataclass
from typing import Any

from ipvscreen.ipv.case import BusinessStatus, TaskStatus
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, Release, Sharing
from ipvscreen.ipv.services import Kind, Service
from ipvscreen.messages import message
from ipvscreen.resources.business import business_status
from ipvscreen.resources.draft import Labelled, business_key, entry
from ipvscreen.resources.labels import About, Labels
from ipvscreen.resources.terminology import (
    ACT_CODE,
    ACT_REASON,
    BASIS_WORDS,
    CONSENT_ACTION,
    CONSENT_SCOPE,
    PARTICIPATION,
    SDOHCC,
    SNOMED,
    TASK_CODE,
    Basis,
    ConsentStatus,
    Intent,
    Priority,
    ProvisionType,
    RequestStatus,
    concept,
)

# SNOMED CT Global Patient Set. Its one code with "peer support" is about breast feeding: wrong here.
_COMMUNITY = concept(SNOMED, "710915002", "Referral to community service (procedure)")
_PEERS = concept(SNOMED, "711281004", "Referral to support group (procedure)")
_PEER_KINDS = frozenset({Kind.MENTOR_MOTHER, Kind.PEER_MENTOR, Kind.PEER_GROUP})

_OUT = "Name, way to be reached and help wanted, to the service"
_BACK = "Whether the person was reached, back to the record"
_WITHOUT = message("Sent without the person's agreement; basis: {basis}; told: {told}. Decided by {who}.")


@dataclass(frozen=True, slots=True)
class Parties:
    """Who is who, as references that hold where it is read: in the record system, or in the message."""

    patient: dict[str, Any]
    clinician: dict[str, Any]
    at: str
    about: About
    encounter: dict[str, Any]
    labels: Labels


def request_entries(
    key: str, service: Service, request: ReferralRequest, parties: Parties
) -> tuple[Labelled, ...]:
    """Consent where the person agreed, ServiceRequest and Task; ValueError for a basis not in our list."""
    consent = _consent(key, service, request, request.agreement, parties) if request.agreement else None
    asked = _service_request(key, service, request, parties, consent)
    task = _task(key, service, request, parties, asked)
    return (*((consent,) if consent else ()), asked, task)


def _service_request(
    key: str, service: Service, request: ReferralRequest, parties: Parties, consent: Labelled | None
) -> Labelled:
    body: dict[str, Any] = {
        "status": RequestStatus.ACTIVE,
        "intent": Intent.ORDER,
        "priority": _priority(request),
        "code": _PEERS if service.kind in _PEER_KINDS else _COMMUNITY,
        "subject": parties.patient,
        **parties.encounter,
        "authoredOn": parties.at,
        "requester": parties.clinician,
        "performer": [{"display": service.short_name}],
    }
    if request.contact.way is ContactWay.SHE_CALLS:
        body["orderDetail"] = [
            concept(SDOHCC, "contacting-subject-prohibited", "Contacting Subject Prohibited")
        ]
    if consent:
        body["supportingInfo"] = [consent.reference]
    if request.sharing:
        body["note"] = [{"text": without_agreement(request.sharing)}]
    return entry(business_key(key, "request"), "ServiceRequest", body, parties.about, parties.labels)


def _task(
    key: str, service: Service, request: ReferralRequest, parties: Parties, asked: Labelled
) -> Labelled:
    body = {
        "status": TaskStatus.REQUESTED,
        "businessStatus": business_status(
            BusinessStatus.SENT if service.endpoint else BusinessStatus.PREPARED
        ),
        "intent": Intent.ORDER,
        "priority": _priority(request),
        "code": concept(TASK_CODE, "fulfill", "Fulfill the focal request"),
        "focus": asked.reference,
        "for": parties.patient,
        **parties.encounter,
        "authoredOn": parties.at,
        "requester": parties.clinician,
        "owner": {"display": service.short_name},
    }
    return entry(business_key(key, "task"), "Task", body, parties.about, parties.labels)


def _consent(
    key: str, service: Service, request: ReferralRequest, agreement: Agreement, parties: Parties
) -> Labelled:
    """R4: the root provision has no type, each nested one must have it; ppc-1 wants a policy or rule."""
    back = ProvisionType.PERMIT if agreement.back else ProvisionType.DENY
    body = {
        "status": ConsentStatus.ACTIVE,
        "scope": concept(CONSENT_SCOPE, "patient-privacy", "Privacy Consent"),
        "category": [concept(ACT_CODE, "IDSCL", "information disclosure")],
        "patient": parties.patient,
        "dateTime": parties.at,
        "performer": [parties.patient],
        "policyRule": concept(ACT_CODE, "OPTIN", "opt-in"),
        "provision": {
            "period": {"end": agreement.until.isoformat()},
            "provision": [
                _provision(ProvisionType.PERMIT, _OUT, {"display": service.short_name}),
                _provision(back, _BACK, parties.clinician) | _released(request.release),
            ],
        },
    }
    return entry(business_key(key, "consent"), "Consent", body, parties.about, parties.labels)


def _released(release: Release | None) -> dict[str, Any]:
    """Where a signed release is asked for, what comes back is permitted for as long as that alone."""
    if release is None:
        return {}
    return {"period": {"start": release.signed_on.isoformat(), "end": release.until.isoformat()}}


def _provision(kind: ProvisionType, what: str, recipient: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": kind,
        "actor": [
            {"role": concept(PARTICIPATION, "PRCP", "primary information recipient"), "reference": recipient}
        ],
        "action": [concept(CONSENT_ACTION, "disclose", "Disclose")],
        "purpose": [{"system": ACT_REASON, "code": "TREAT", "display": "treatment"}],
        "code": [{"text": what}],
    }


def _priority(request: ReferralRequest) -> Priority:
    return Priority.URGENT if request.urgent else Priority.ROUTINE


def without_agreement(sharing: Sharing) -> str:
    """Why the person was not told is free text and stays with us: it could say anything to a portal."""
    return _WITHOUT.given(
        basis=BASIS_WORDS[Basis(sharing.basis)],
        told=message("yes") if sharing.told else message("no"),
        who=sharing.decided_by,
    )
