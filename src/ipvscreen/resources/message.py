"""The message that a service gets: who, how to reach her safely, and what she wants help with.

No answer, no score, no date of birth, no address from the record, no identifier of the record system. It
refers to nothing outside itself, since a service cannot call back (as in the push of HL7 BSeR 2.0).
"""

from datetime import datetime
from typing import Any

from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import ContactWay, ReferralRequest, SafeContact
from ipvscreen.ipv.services import Service
from ipvscreen.resources.context import NOBODY, Context, instant_of
from ipvscreen.resources.draft import business_key
from ipvscreen.resources.labels import About, labelled
from ipvscreen.resources.model import checked
from ipvscreen.resources.request import Parties, request_entries
from ipvscreen.resources.terminology import (
    APP_NAME,
    BASE,
    EVENTS,
    HELP,
    HELP_WORDS,
    IDENTIFIER_SYSTEM,
    NO_HELP,
    BundleType,
    TelecomSystem,
    concept,
)

CONTACT_RULES = f"{BASE}/StructureDefinition/contact-rules"

_TELECOM: dict[ContactWay, TelecomSystem] = {
    ContactWay.PHONE: TelecomSystem.PHONE,
    ContactWay.TEXT: TelecomSystem.SMS,
    ContactWay.EMAIL: TelecomSystem.EMAIL,
}
_WAYS: dict[ContactWay, str] = {
    ContactWay.PHONE: "Ring the number given, and use no other way",
    ContactWay.TEXT: "Send a text to the number given, and use no other way",
    ContactWay.EMAIL: "Write to the e-mail address given, and use no other way",
    ContactWay.LETTER: "Write only to this postal address",
}


def message(
    ctx: Context,
    service: Service,
    request: ReferralRequest,
    person: Person,
    key: str,
    source: str,
    at: datetime,
) -> dict[str, Any]:
    """A FHIR message Bundle; `key` is the referral's UUID and the same on every attempt, `source` our URL.

    ValueError for a kind of help or a basis for sharing that is not in our lists.
    """
    patient = f"urn:uuid:{business_key(key, 'patient')}"
    parties = Parties(
        patient={"reference": patient},
        clinician={"display": ctx.author_name or NOBODY},
        at=ctx.instant,
        about=About.CONTACT,
        encounter={},
    )
    entries = {item.full_url: item.body for item in request_entries(key, service, request, parties)}
    task = next(url for url, body in entries.items() if body["resourceType"] == "Task")
    entries[task] = entries[task] | _help_wanted(request)
    header = f"urn:uuid:{business_key(key, 'header')}"
    everything = {
        header: _header(ctx, service, task, source),
        patient: labelled(_patient(person, request.contact), About.CONTACT),
        **entries,
    }
    bundle = {
        "resourceType": "Bundle",
        "identifier": {"system": IDENTIFIER_SYSTEM, "value": f"urn:uuid:{key}"},
        "type": BundleType.MESSAGE,
        "timestamp": instant_of(at),
        "entry": [{"fullUrl": url, "resource": body} for url, body in everything.items()],
    }
    return checked(labelled(bundle, About.BUNDLE))


def contact_rules(contact: SafeContact) -> str:
    """What the service may do, in a few sentences; all that was not said to be safe is a no."""
    if contact.way is ContactWay.SHE_CALLS:
        return "Make no contact: the person will ring you."
    address = f": {contact.number}" if contact.way is ContactWay.LETTER else ""
    may = {
        "voicemail": contact.voicemail,
        "text": contact.text or contact.way is ContactWay.TEXT,
        "letter": contact.letter or contact.way is ContactWay.LETTER,
        "e-mail": contact.email or contact.way is ContactWay.EMAIL,
        "saying who you are": contact.says_who,
    }
    return (
        f"{_WAYS[contact.way]}{address}. Times: {contact.times or 'none given'}. Safe: {_listed(may, True)}."
        f" Not safe: {_listed(may, False)}. If another person answers, do not say why you rang."
    )


def _listed(may: dict[str, bool], answer: bool) -> str:
    return ", ".join(what for what, safe in may.items() if safe is answer) or "nothing else"


def _header(ctx: Context, service: Service, task: str, source: str) -> dict[str, Any]:
    header = {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": EVENTS, "code": "referral-new", "display": "New referral"},
        "destination": [{"name": service.short_name, "endpoint": service.endpoint}],
        "sender": {"display": ctx.author_name or NOBODY},
        "source": {"name": APP_NAME, "endpoint": source},
        "focus": [{"reference": task}],
    }
    return labelled(header, About.BUNDLE)


def _patient(person: Person, contact: SafeContact) -> dict[str, Any]:
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "extension": [{"url": CONTACT_RULES, "valueString": contact_rules(contact)}],
    }
    if person.name:
        patient["name"] = [{"text": person.name}]
    if contact.way in _TELECOM:
        patient["telecom"] = [{"system": _TELECOM[contact.way], "value": contact.number}]
    return patient


def _help_wanted(request: ReferralRequest) -> dict[str, Any]:
    """ValueError for a code that is not in the list: nothing unknown travels to a service."""
    if unknown := request.help_wanted - {NO_HELP, *HELP_WORDS}:
        raise ValueError(f"No such help can be asked for: {', '.join(sorted(unknown))}.")
    wanted = [code for code in HELP_WORDS if code in request.help_wanted]
    if not wanted:
        return {}
    return {
        "input": [
            {
                "type": {"text": "Help wanted"},
                "valueCodeableConcept": concept(HELP, code, HELP_WORDS[code]),
            }
            for code in wanted
        ]
    }
