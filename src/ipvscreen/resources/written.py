"""What became of each entry that was to be written: data, to be stored and shown."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from ipvscreen.messages import message_from_json, message_to_json
from ipvscreen.resources.loss import Loss


class Check(StrEnum):
    """How sure we are that an entry stands in the record with its labels."""

    VERIFIED = "verified"  # read back by id and found by search, every label on it
    UNCONFIRMED = "unconfirmed"  # read back by id; the search does not show it yet
    LABEL_LOST = "label-lost"  # it stands there without all its labels
    WITHDRAWN = "withdrawn"  # a label was lost, and it was taken out again: gone, or marked as an error
    FAILED = "failed"  # the record system refused it
    UNKNOWN = "unknown"  # no answer came: it may be there
    NOT_OFFERED = "not-offered"  # the plan said so before the first question
    PENDING = "pending"  # not yet sent, or sent and not yet looked at


_NEEDS_A_HAND = frozenset({Check.LABEL_LOST, Check.WITHDRAWN, Check.FAILED, Check.UNKNOWN})
_LOST = frozenset({Check.LABEL_LOST, Check.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Found:
    """What is there of an entry: `Type/id`, or None; not `sure` where it was not possible to look."""

    reference: str | None
    sure: bool = True


@dataclass(frozen=True, slots=True)
class WrittenOne:
    """One entry; `reference` is `Type/id` once the record system has given one, `loss` how a label was lost.

    With `loss` it may still be verified: a label that came late is none that is lost.
    """

    key: str
    kind: str
    reference: str | None
    check: Check
    words: str = ""
    loss: Loss | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """All entries of one write."""

    items: tuple[WrittenOne, ...] = ()

    @property
    def failed(self) -> tuple[WrittenOne, ...]:
        """Entries that a person must look at now."""
        return tuple(item for item in self.items if item.check in _NEEDS_A_HAND)

    @property
    def label_lost(self) -> bool:
        """Whether a label was lost here: then nothing more is sent to this record in this visit."""
        return any(item.check in _LOST for item in self.items)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """In which ways labels were lost, each once, in the order of the list; for the log and the audit."""
        modes = {item.loss for item in self.items if item.check in _LOST}
        return tuple(mode for mode in Loss if mode in modes)


_OF_ONE = tuple(one.name for one in fields(WrittenOne))


def written_to_json(written: Written) -> dict[str, Any]:
    """As plain JSON."""
    return {"items": [_stored(item) for item in written.items]}


def written_from_json(stored: Mapping[str, Any]) -> Written:
    """What `written_to_json` stored; TypeError for unknown keys, ValueError for an unknown check."""
    return Written(tuple(_one(item) for item in stored["items"]))


def _stored(item: WrittenOne) -> dict[str, Any]:
    # No key for what is not there: so the version before this one reads what had no loss.
    told = {name: value for name in _OF_ONE if (value := getattr(item, name)) or name != "loss"}
    return {**told, "words": message_to_json(item.words)}


def _one(stored: Mapping[str, Any]) -> WrittenOne:
    loss = stored.get("loss")
    read = {
        "check": Check(stored["check"]),
        "words": message_from_json(stored.get("words", "")),
        "loss": Loss(loss) if loss else None,
    }
    return WrittenOne(**{**stored, **read})
