"""The eight ways in which a record system can lose a label, told apart by what was sent and what is seen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ipvscreen.resources.labels import codings_on, lost, meta_of
from ipvscreen.resources.terminology import CONFIDENTIALITY

Body = Mapping[str, Any]


class Loss(StrEnum):
    """How it was lost; the page of each is docs/reference/labels.md."""

    DROPPED = "dropped"  # nothing of what was sent stands on it
    DOWNGRADED = "downgraded"  # a lower confidentiality, or some of the labels
    ON_UPDATE = "on-update"  # an earlier version has them all, the current one has not
    IN_SEARCH = "in-search"  # by id it has them, in a search result it has not
    IN_HISTORY = "in-history"  # by id it has them, among its versions it has not
    OTHER_SYSTEM = "other-system"  # every missing code is there, as one of another code system
    NOT_SAVED = "not-saved"  # the record system said that it took the entry, and holds none
    LATE = "late"  # missing at the first look and there at the second: no loss in the end


@dataclass(frozen=True, slots=True)
class Seen:
    """How one entry shows at one look; None or nothing where a way of looking is not offered or failed.

    `gone`: the record system says that it has none of this id. `versions`: in any order.
    """

    by_id: Body | None = None
    gone: bool = False
    by_search: Body | None = None
    versions: tuple[Body, ...] = ()


def loss_of(sent: Body, first: Seen, last: Seen) -> Loss | None:
    """How `sent` has lost labels, after a first look and a last one (the same where there was only one).

    None where nothing is lost, or where nothing can be said because it could not be read by id: reading by
    id decides, and what lists show counts only beside it.
    """
    found = _at(sent, last)
    if found is None and last.by_id is not None and _at(sent, first) is not None:
        return Loss.LATE
    return found


def _at(sent: Body, seen: Seen) -> Loss | None:
    if seen.by_id is None:
        return Loss.NOT_SAVED if seen.gone and seen.by_search is None else None
    if lost(sent, seen.by_id):
        earlier = _earlier(seen.by_id, seen.versions)
        return Loss.ON_UPDATE if any(not lost(sent, one) for one in earlier) else _how(sent, seen.by_id)
    if seen.by_search is not None and lost(sent, seen.by_search):
        return Loss.IN_SEARCH
    return Loss.IN_HISTORY if any(lost(sent, one) for one in seen.versions) else None


def _earlier(current: Body, versions: tuple[Body, ...]) -> Iterator[Body]:
    """The other versions: one that only a list shows with its labels must not pass for an earlier one."""
    return (one for one in versions if _version(one) != _version(current))


def _version(body: Body) -> object:
    return meta_of(body).get("versionId")


def _how(sent: Body, stored: Body) -> Loss:
    missing = {label.rpartition("|")[2] for label in lost(sent, stored)}
    there = [(coding.get("system"), coding.get("code")) for coding in codings_on(stored)]
    if missing <= {code for _, code in there}:
        return Loss.OTHER_SYSTEM
    ours = {(coding["system"], coding["code"]) for coding in codings_on(sent)}
    weaker = any(one in ours or one[0] == CONFIDENTIALITY for one in there)
    return Loss.DOWNGRADED if weaker else Loss.DROPPED
