"""What is to be written, kept as it is: a later try sends the same entries, whatever has changed since."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.labels import About
from ipvscreen.resources.written import Check, Written, WrittenOne


def frozen(items: Sequence[Labelled]) -> list[dict[str, Any]]:
    """As plain JSON."""
    return [{"key": i.key, "kind": i.kind, "body": i.body, "about": i.about.value} for i in items]


def thawed(stored: Iterable[Mapping[str, Any]]) -> tuple[Labelled, ...]:
    """What `frozen` made; ValueError for something that no entry of ours is about."""
    return tuple(Labelled(**{**one, "about": About(one["about"])}) for one in stored)


def pending(items: Sequence[Labelled]) -> Written:
    """Nothing is known of them yet."""
    return Written(tuple(WrittenOne(item.key, item.kind, None, Check.PENDING) for item in items))


def known_of(items: Sequence[Labelled], written: Written | None) -> Written:
    """What of `written` is about these."""
    keys = {item.key for item in items}
    return Written(tuple(one for one in (written or Written()).items if one.key in keys))


def merged(before: Written | None, now: Written) -> Written:
    """What was known with what is known now, which counts where both say something."""
    later = {one.key: one for one in now.items}
    kept = tuple(later.pop(one.key, one) for one in (before or Written()).items)
    return Written((*kept, *later.values()))


def reopened(before: Written) -> Written:
    """What is known once all that failed is on its way again: whoever dies now leaves it open."""
    return Written(tuple(map(_reopened, before.items)))


def _reopened(one: WrittenOne) -> WrittenOne:
    if one.check is not Check.FAILED:
        return one
    return replace(one, reference=None, check=Check.PENDING, words="", loss=None)
