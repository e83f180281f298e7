"""What a clinician has entered and not yet finished: kept sealed, resumed after an interruption."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

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
