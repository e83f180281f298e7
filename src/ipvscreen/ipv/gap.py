"""What was missing when no service fitted: told without a name, an id or a day, so that it can be counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ipvscreen.ipv.draft import Left
from ipvscreen.ipv.matching import ANSWERS
from ipvscreen.ipv.services import FOR_CHILDREN, Kind, Match, Need, Rule


@dataclass(frozen=True, slots=True)
class Gap:
    """One need that nothing in the directory met.

    `kinds`: what would have answered the wishes; empty where none was said. `excluded_by`: the decisive rule
    of each such service. `area` is coarse, as in Need; `month` as in "2026-03".
    """

    kinds: frozenset[Kind]
    excluded_by: frozenset[Rule]
    area: str | None
    month: str
    child: bool = False


def gap_of(matches: Sequence[Match], need: Need) -> Gap | None:
    """The gap, or None where something can be offered."""
    if any(found.fits for found in matches):
        return None
    wanted = _wanted(need)
    looked_at = [found for found in matches if not wanted or found.service.kind in wanted]
    return Gap(
        kinds=wanted,
        excluded_by=frozenset(found.against[0] for found in looked_at),
        area=need.area,
        month=f"{need.day:%Y-%m}",
        child=need.child,
    )


# What the page knew before, and whether something fits → what it knows now. Who is named once stays named.
_LEFT: Mapping[tuple[Left | None, bool], Left | None] = {
    (None, False): Left.OPEN,
    (Left.OPEN, True): None,
}


def left_after(left: Left | None, *, fits: bool) -> Left | None:
    """How the patient is left by a page on which something fits, or nothing."""
    return _LEFT.get((left, fits), left)


def _wanted(need: Need) -> frozenset[Kind]:
    if need.child:
        return FOR_CHILDREN
    return frozenset().union(*(ANSWERS.get(wish, frozenset()) for wish in need.wishes))
