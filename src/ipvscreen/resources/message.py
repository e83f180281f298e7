"""The message that a service gets: who, how to reach her safely, and what she wants help with.

No answer, no score, no date of birth, no address from the record, no identifier of the record system. It
refers to nothing outside itself, since a service cannot call back (as in the push of HL7 BSeR 2.0).
"""

from datetime import datetime
from typing import Any

from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import ContactWay, ReferralRequest, SafeContact
from ipvscreen.ipv.services import Service
from ipvscreen.resources.contact import contact_extensions
from ipvscreen.resources.context import NOBODY, Context, instant_of
from ipvscreen.resources.draft import business_key
from ipvscreen.resources.labels import About, Labels, labelled
from ipvscreen.resources.model import checked
from ipvscreen.resources.request import Parties, request_entries
from ipvscreen.resources.terminology import (
    ACT_CODE,
    APP_NAME,
    CONFIDENTIALITY,
    EVENTS,
    HELP,
    HELP_WORDS,
    IDENTIFIER_SYSTEM,
    NO_HELP,
    BundleType,
    TelecomSystem,
    concept,
)
from ipvscreen.resources.whose import one_person

INLINE = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"

_TELECOM: dict[ContactWay, TelecomSystem] = {
    ContactWay.PHONE: TelecomSystem.PHONE,
    ContactWay.TEXT: TelecomSystem.SMS,
    ContactWay.EMAIL: TelecomSystem.EMAIL,
}


def message(
    ctx: Context,
    service: Service,
    request: ReferralRequest,
    person: Person,
    key: str,
    source: str,
    at: datetime,
    ring_back: str | None = None,
) -> dict[str, Any]:
    """A FHIR message Bundle; `key` is the referral's UUID and the same on every attempt, `source` our URL.

    `ring_back`: the number of whoever refers. Without an endpoint of the service it is to be told by hand.
    ValueError for a kind of help or a basis for sharing that is not in our lists.
    """
    patient, labels = f"urn:uuid:{business_key(key, 'patient')}", ctx.policy.labels
    parties = Parties(
        patient={"reference": patient},
        clinician={"display": ctx.author_name or NOBODY},
        at=ctx.instant,
        about=About.CONTACT,
        encounter={},
        labels=labels,
    )
    entries = {item.full_url: item.body for item in request_entries(key, service, request, parties)}
    task = next(url for url, body in entries.items() if body["resourceType"] == "Task")
    entries[task] = entries[task] | _help_wanted(request)
    everything = {
        f"urn:uuid:{business_key(key, 'header')}": _header(ctx, service, task, source, ring_back),
        patient: _patient(person, request.contact, labels),
        **entries,
    }
    bundle = {
        "resourceType": "Bundle",
        "identifier": {"system": IDENTIFIER_SYSTEM, "value": f"urn:uuid:{key}"},
        "type": BundleType.MESSAGE,
        "timestamp": instant_of(at),
        "entry": [{"fullUrl": url, "resource": body} for url, body in everything.items()],
    }
    return one_person(checked(labelled(bundle, About.MESSAGE, labels)))


def _header(ctx: Context, service: Service, task: str, source: str, ring_back: str | None) -> dict[str, Any]:
    source_of: dict[str, Any] = {"name": APP_NAME, "endpoint": source}
    if ring_back:
        source_of["contact"] = {"system": TelecomSystem.PHONE, "value": ring_back}
    to = {"destination": [{"name": service.short_name, "endpoint": service.endpoint}]}
    header = {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": EVENTS, "code": "referral-new", "display": "New referral"},
        **(to if service.endpoint else {}),
        "sender": {"display": ctx.author_name or NOBODY},
        "source": source_of,
        "focus": [{"reference": task}],
    }
    return labelled(header, About.MESSAGE, ctx.policy.labels)


def _patient(person: Person, contact: SafeContact, labels: Labels) -> dict[str, Any]:
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "extension": contact_extensions(contact),
    }
    if person.name:
        patient["name"] = [{"text": person.name}]
    reached = contact.way in _TELECOM
    if reached:
        patient["telecom"] = [{"system": _TELECOM[contact.way], "value": contact.number}]
    patient = labelled(patient, About.CONTACT, labels)
    return _marked(patient) if reached and labels.inline else patient


def _marked(patient: dict[str, Any]) -> dict[str, Any]:
    """With a label at the number itself, for who prints the rest; DS4P: the resource says to look inside."""
    mark = {"extension": [_inline(CONFIDENTIALITY, "V"), _inline(ACT_CODE, "PATLOC")]}
    security = [*patient["meta"]["security"], {"system": ACT_CODE, "code": "PROCESSINLINELABEL"}]
    telecom = [one | mark for one in patient["telecom"]]
    return patient | {"telecom": telecom, "meta": {"security": security}}


def _inline(system: str, code: str) -> dict[str, Any]:
    return {"url": INLINE, "valueCoding": {"system": system, "code": code}}


def _help_wanted(request: ReferralRequest) -> dict[str, Any]:
    """ValueError for a code that is not in the list: nothing unknown travels to a service."""
    if unknown := request.help_wanted - {NO_HELP, *HELP_WORDS}:
        raise ValueError(f"No such help can be asked for: {', '.join(sorted(unknown))}.")
    wanted = [_input("Help wanted", concept(HELP, code, HELP_WORDS[code])) for code in _ordered(request)]
    whom = [_input("For whom", {"text": str(request.child.words)})] if request.child else []
    return {"input": [*whom, *wanted]} if whom or wanted else {}


def _ordered(request: ReferralRequest) -> list[str]:
    return [code for code in HELP_WORDS if code in request.help_wanted]


def _input(what: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"type": {"text": what}, "valueCodeableConcept": value}
