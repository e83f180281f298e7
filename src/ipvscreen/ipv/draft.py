"""What a clinician has entered and not yet finished: kept sealed, resumed after an interruption."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from ipvscreen.ipv.packs import Reason
from ipvscreen.ipv.visit import Door, Step
from ipvscreen.messages import message_from_json, message_to_json


class Recording(StrEnum):
    """How the conversation is recorded in the record system."""

    FULL = "full"  # answers, hidden from online access
    CONVERSATION = "conversation"  # only that a conversation took place
    NOTHING = "nothing"  # nothing in the record system


class Call(StrEnum):
    """What became of the telephone call that danger asks for first."""

    MADE = "made"
    DECLINED = "declined"
    IMPOSSIBLE = "impossible"


class Known(StrEnum):
    """Whether the other person is a patient here too, or is or knows staff; kept with us alone."""

    NO = "no"
    REGISTERED = "registered"
    STAFF = "staff"


class Left(StrEnum):
    """With whom a patient is left for whom nothing in the directory fitted."""

    OPEN = "open"  # the page has said that nothing fits; nobody is named yet
    KEPT = "kept"  # a named person keeps contact, from a day that is noted


# form name → linkId → what the form controls posted (option codes, a number, or PASS)
Entered = Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Mistaken:
    """A form of `step` that was not taken: `values` and `mistakes` by field, `chosen` of its one list."""

    step: Step
    values: Mapping[str, str]
    chosen: frozenset[str]
    mistakes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Opened:
    """An earlier form that is open: its entries (`Type/id`), and our own visit where it was one.

    `correcting`: the response whose answers stand in the form, as it was in that `version`.
    """

    references: tuple[str, ...]
    visit_id: str | None = None
    correcting: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """Another service is chosen after `referral` was declined: which is proposed, and which have declined."""

    referral: str
    service: str
    declined: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything entered in a visit so far; `mistaken` waits to be shown, once.

    `form` is the one on a page of its own that is open, and `page` which of its pages. `child`: the plan of
    a child for whom a service is chosen.
    """

    door: Door | None = None
    entered: Entered = field(default_factory=dict)
    recording: Recording = Recording.FULL
    flag: bool = False
    call: Call | None = None
    declined: bool = False
    mistaken: Mistaken | None = None
    reason: Reason | None = None
    form: str | None = None
    page: int = 0
    known: Known | None = None
    earlier: Opened | None = None
    concern: bool = False
    left: Left | None = None
    again: Again | None = None
    child: str = ""


# Left out while they say nothing, as they were in what was sealed before they were there.
_SELDOM = frozenset(
    {"mistaken", "reason", "form", "page", "known", "earlier", "concern", "left", "again", "child"}
)


def draft_to_json(draft: Draft) -> dict[str, Any]:
    """The draft as JSON, for sealing."""
    body = {
        "door": draft.door,
        "entered": {
            form: {item: list(values) for item, values in given.items()}
            for form, given in draft.entered.items()
        },
        "recording": draft.recording,
        "flag": draft.flag,
        "call": draft.call,
        "declined": draft.declined,
    }
    seldom = {
        "mistaken": draft.mistaken and _mistaken_to_json(draft.mistaken),
        "reason": draft.reason,
        "form": draft.form,
        "page": draft.page,
        "known": draft.known,
        "earlier": draft.earlier and asdict(draft.earlier),
        "concern": draft.concern,
        "left": draft.left,
        "again": draft.again and asdict(draft.again),
        "child": draft.child,
    }
    return body | {name: value for name, value in seldom.items() if value}


def draft_from_json(body: Mapping[str, Any]) -> Draft:
    """The draft that was sealed; ValueError where it is not exactly one: nothing is dropped unseen."""
    expected = {field.name for field in fields(Draft)}
    if set(body) | _SELDOM != expected:
        raise ValueError(f"Not a draft: {sorted(set(body) ^ expected)}")
    return Draft(
        door=None if body["door"] is None else Door(body["door"]),
        entered=_entered(body["entered"]),
        recording=Recording(body["recording"]),
        flag=_flag(body["flag"]),
        call=None if body["call"] is None else Call(body["call"]),
        declined=_flag(body["declined"]),
        mistaken=_mistaken(body["mistaken"]) if "mistaken" in body else None,
        reason=Reason(body["reason"]) if "reason" in body else None,
        form=body.get("form"),
        page=_page(body.get("page", 0)),
        known=Known(body["known"]) if "known" in body else None,
        earlier=_opened(body["earlier"]) if "earlier" in body else None,
        concern=_flag(body.get("concern", False)),
        left=Left(body["left"]) if "left" in body else None,
        again=_again(body["again"]) if "again" in body else None,
        child=body.get("child", ""),
    )


def _mistaken_to_json(one: Mistaken) -> dict[str, Any]:
    return {
        "step": one.step,
        "values": dict(one.values),
        "chosen": sorted(one.chosen),
        "mistakes": {field: message_to_json(words) for field, words in one.mistakes.items()},
    }


def _mistaken(body: Mapping[str, Any]) -> Mistaken:
    if set(body) != {field.name for field in fields(Mistaken)}:
        raise ValueError("Not a draft: a form that is not one.")
    mistakes = {field: message_from_json(words) for field, words in body["mistakes"].items()}
    return Mistaken(Step(body["step"]), body["values"], frozenset(body["chosen"]), mistakes)


def _opened(body: Mapping[str, Any]) -> Opened:
    if set(body) != {field.name for field in fields(Opened)}:
        raise ValueError("Not a draft: no earlier form.")
    return Opened(**{**body, "references": tuple(body["references"])})


def _again(body: Mapping[str, Any]) -> Again:
    return Again(body["referral"], body["service"], tuple(body["declined"]))


def _entered(body: Mapping[str, Mapping[str, list[str]]]) -> Entered:
    return {form: {item: tuple(values) for item, values in given.items()} for form, given in body.items()}


def _page(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("Not a draft: no such page.")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("Not a draft: neither true nor false.")
    return value
