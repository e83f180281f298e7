"""What a clinician has entered and not yet finished: kept sealed, resumed after an interruption."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from ipvscreen.ipv.visit import Door


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


# form name → linkId → what the form controls posted (option codes, a number, or PASS)
Entered = Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything entered in a visit so far."""

    door: Door | None = None
    entered: Entered = field(default_factory=dict)
    recording: Recording = Recording.FULL
    flag: bool = False
    call: Call | None = None
    declined: bool = False


def draft_to_json(draft: Draft) -> dict[str, Any]:
    """The draft as JSON, for sealing."""
    return {
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


def draft_from_json(body: Mapping[str, Any]) -> Draft:
    """The draft that was sealed; ValueError where it is not exactly one: nothing is dropped unseen."""
    expected = {field.name for field in fields(Draft)}
    if set(body) != expected:
        raise ValueError(f"Not a draft: {sorted(set(body) ^ expected)}")
    return Draft(
        door=None if body["door"] is None else Door(body["door"]),
        entered=_entered(body["entered"]),
        recording=Recording(body["recording"]),
        flag=_flag(body["flag"]),
        call=None if body["call"] is None else Call(body["call"]),
        declined=_flag(body["declined"]),
    )


def _entered(body: Mapping[str, Mapping[str, list[str]]]) -> Entered:
    return {form: {item: tuple(values) for item, values in given.items()} for form, given in body.items()}


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("Not a draft: neither true nor false.")
    return value
