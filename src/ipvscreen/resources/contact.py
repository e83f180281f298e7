"""How a person can be reached, as it stands in the message: in sentences, and in parts to be read again."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from ipvscreen.ipv.contact_words import rules
from ipvscreen.ipv.referral import ContactWay, SafeContact
from ipvscreen.resources.terminology import BASE

CONTACT_RULES = f"{BASE}/StructureDefinition/contact-rules"
SAFE_CONTACT = f"{BASE}/StructureDefinition/safe-contact"

_SAFE = ("voicemail", "text", "letter", "email", "portal", "says_who")
_WORDS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "times": ("valueString", str),
    "code_word": ("valueString", str),
    "not_to_know": ("valueString", str),
    "review": ("valueDate", date.fromisoformat),
}
_ELSEWHERE = frozenset({ContactWay.PHONE, ContactWay.TEXT, ContactWay.EMAIL})  # in Patient.telecom
_NEVER_WITH = {ContactWay.SHE_CALLS: {"times", "code_word", "review", *_SAFE}}


def contact_rules(contact: SafeContact) -> str:
    """What the service may do, in a few sentences."""
    return " ".join(rules(contact))


def contact_extensions(contact: SafeContact) -> list[dict[str, Any]]:
    """For the Patient: the sentences for who reads, the parts for who says them in another language."""
    return [
        {"url": CONTACT_RULES, "valueString": contact_rules(contact)},
        {"url": SAFE_CONTACT, "extension": list(_parts(contact))},
    ]


def _parts(contact: SafeContact) -> Iterator[dict[str, Any]]:
    yield {"url": "way", "valueCode": contact.way}
    if contact.way is ContactWay.LETTER:
        yield {"url": "address", "valueString": contact.number}
    left_out = _NEVER_WITH.get(contact.way, set())
    for name in (one for one in _SAFE if one not in left_out and getattr(contact, one)):
        yield {"url": "safe", "valueCode": name.replace("_", "-")}
    for name, (kind, _) in _WORDS.items():
        if name not in left_out and (value := getattr(contact, name)):
            yield {"url": name.replace("_", "-"), kind: str(value)}


def contact_of(patient: Mapping[str, Any]) -> SafeContact | None:
    """What `contact_extensions` and the telecom of that Patient say; None of one that was made before.

    KeyError or ValueError for one that is not ours.
    """
    for extension in patient["extension"]:
        if extension["url"] == SAFE_CONTACT:
            return _read(extension["extension"], patient)
    return None


def _read(parts: list[Mapping[str, Any]], patient: Mapping[str, Any]) -> SafeContact:
    given = {one["url"].replace("-", "_"): one for one in parts}
    way = ContactWay(given["way"]["valueCode"])
    number = given["address"]["valueString"] if "address" in given else None
    if way in _ELSEWHERE:
        number = patient["telecom"][0]["value"]
    words: dict[str, Any] = {
        one["valueCode"].replace("-", "_"): True for one in parts if one["url"] == "safe"
    }
    words |= {name: read(given[name][kind]) for name, (kind, read) in _WORDS.items() if name in given}
    return SafeContact(way=way, number=number, **words)
