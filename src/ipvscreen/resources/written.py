"""What became of each entry that was to be written: data, to be stored and shown."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from ipvscreen.messages import message_from_json, message_to_json


class Check(StrEnum):
    """How sure we are that an entry stands in the record with its labels."""

    VERIFIED = "verified"  # read back by id and found by search, every label on it
    UNCONFIRMED = "unconfirmed"  # read back by id; the search does not show it yet
    LABEL_LOST = "label-lost"  # it stands there without all its labels
    FAILED = "failed"  # the record system refused it
    UNKNOWN = "unknown"  # no answer came: it may be there
    NOT_OFFERED = "not-offered"  # the plan said so before the first question
    PENDING = "pending"  # not yet sent, or sent and not yet looked at


_NEEDS_A_HAND = frozenset({Check.LABEL_LOST, Check.FAILED, Check.UNKNOWN})


@dataclass(frozen=True, slots=True)
class WrittenOne:
    """One entry; `reference` is `Type/id` once the record system has given one."""

    key: str
    kind: str
    reference: str | None
    check: Check
    words: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """All entries of one write."""

    items: tuple[WrittenOne, ...] = ()

    @property
    def all_verified(self) -> bool:
        """Whether every entry was verified; nothing written is nothing verified."""
        return bool(self.items) and all(item.check is Check.VERIFIED for item in self.items)

    @property
    def failed(self) -> tuple[WrittenOne, ...]:
        """Entries that a person must look at now."""
        return tuple(item for item in self.items if item.check in _NEEDS_A_HAND)


def written_to_json(written: Written) -> dict[str, Any]:
    """As plain JSON."""
    return {"items": [{**asdict(item), "words": message_to_json(item.words)} for item in written.items]}


def written_from_json(stored: Mapping[str, Any]) -> Written:
    """What `written_to_json` stored; TypeError for unknown keys, ValueError for an unknown check."""
    return Written(tuple(_one(item) for item in stored["items"]))


def _one(stored: Mapping[str, Any]) -> WrittenOne:
    read = {"check": Check(stored["check"]), "words": message_from_json(stored.get("words", ""))}
    return WrittenOne(**{**stored, **read})
