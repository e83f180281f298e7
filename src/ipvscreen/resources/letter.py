"""What a service is told where no message reaches it: read from the message itself, to be printed or said.

A letter and a call so say what the message would, and nothing else; how to reach the person comes first.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ipvscreen.ipv.contact_words import rules
from ipvscreen.ipv.referral import Sharing
from ipvscreen.messages import Dated, Message, day_said, message
from ipvscreen.resources.contact import CONTACT_RULES, contact_of
from ipvscreen.resources.context import NOBODY
from ipvscreen.resources.request import without_agreement
from ipvscreen.resources.terminology import HELP_WORDS, Priority, ProvisionType

_Resource = Mapping[str, Any]
# Control characters and signs that turn the writing round: a name must not set what stands around it.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")

TITLE = message("Letter")
_REACH = message("How to be in touch: please read this first")
_WHO = message("Who this is about")
_WANTED = message("What is wanted")
_FOOTING = message("What was agreed")
_FROM = message("From whom, and how to ring back")
_NO_NAME = message("No name is given.")
_NO_WISH = message("Nothing particular was named: please ask.")
_URGENT = message("This is urgent.")
_NOT_URGENT = message("This is not marked as urgent.")
_OUT = message("The person has agreed that you are told what stands here, and nothing more.")
_UNTIL = message("This holds until {day}, that day included. After it, please make no use of this.")
_BACK = message("The person has agreed that you tell us whether you were in touch.")
_NOT_BACK = message("The person has not agreed that you tell us anything back.")
_NO_NUMBER = message("No number was set here: ring on the number that you know.")


@dataclass(frozen=True, slots=True)
class Section:
    """One part, in its order; `listed`: its lines are a list."""

    heading: str
    lines: tuple[str, ...]
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """All that is told to `service` (its neutral short name); `written` is when the message was made."""

    service: str
    written: datetime
    sections: tuple[Section, ...]


def letter_of(bundle: _Resource, sharing: Sharing | None = None) -> Letter:
    """What that message (`resources.message`) says; KeyError or ValueError for one that is not ours.

    `sharing`: the decision that stands in it as a sentence, so that it can be said in another language.
    """
    found = {entry["resource"]["resourceType"]: entry["resource"] for entry in bundle["entry"]}
    patient, task, asked = found["Patient"], found["Task"], found["ServiceRequest"]
    return Letter(
        service=_plain(task["owner"]["display"]),
        written=datetime.fromisoformat(bundle["timestamp"]),
        sections=(
            Section(_REACH, tuple(_reach(patient))),
            Section(_WHO, (_name(patient),)),
            Section(_WANTED, _wanted(task, asked), listed=True),
            Section(_FOOTING, tuple(_footing(found.get("Consent"), asked, sharing))),
            Section(_FROM, tuple(_sender(found["MessageHeader"]))),
        ),
    )


def _plain(text: object) -> str:
    """Of a message its parts: our own words hold nothing of the kind."""
    if isinstance(text, Dated):
        return text
    if isinstance(text, Message):
        return text.given(**{name: _plain(part) for name, part in text.parts.items()})
    return _HIDDEN.sub(" ", str(text)).strip()


def _reach(patient: _Resource) -> Iterator[str]:
    """The rules, and then the one way; nothing of it where the person rings."""
    contact = contact_of(patient)
    yield from map(_plain, rules(contact) if contact else _in_sentences(patient))
    for telecom in patient.get("telecom", ()):
        yield _plain(telecom["value"])


def _in_sentences(patient: _Resource) -> Iterator[str]:
    """Of a message that was made before it had its parts."""
    return (one["valueString"] for one in patient["extension"] if one["url"] == CONTACT_RULES)


def _name(patient: _Resource) -> str:
    names = [_plain(name["text"]) for name in patient.get("name", ())]
    return names[0] if names else _NO_NAME


def _wanted(task: _Resource, asked: _Resource) -> tuple[str, ...]:
    urgent = asked["priority"] == Priority.URGENT
    inputs = [one["valueCodeableConcept"] for one in task.get("input", ())]
    whom = [_plain(one["text"]) for one in inputs if "coding" not in one]
    named = [one["coding"][0] for one in inputs if "coding" in one]
    wishes = [HELP_WORDS.get(one["code"], one["display"]) for one in named]
    return (*whom, *(wishes or (_NO_WISH,)), _URGENT if urgent else _NOT_URGENT)


def _footing(consent: _Resource | None, asked: _Resource, sharing: Sharing | None) -> Iterator[str]:
    """Agreement with its direction and its end, or on what it is shared without one."""
    for note in asked.get("note", ()):
        yield _plain(without_agreement(sharing) if sharing else note["text"])
    if consent is None:
        return
    provision = consent["provision"]
    _, back = provision["provision"]
    yield _OUT
    yield _BACK if back["type"] == ProvisionType.PERMIT else _NOT_BACK
    yield _UNTIL.given(day=day_said(date.fromisoformat(provision["period"]["end"])))


def _sender(header: _Resource) -> Iterator[str]:
    name = header["sender"]["display"]
    yield NOBODY if name == NOBODY else _plain(name)
    number = header["source"].get("contact", {}).get("value")
    yield _plain(number) if number else _NO_NUMBER
