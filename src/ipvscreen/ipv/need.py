"""From what was said to what a service is matched with, and how that is kept for another time."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any

from ipvscreen.ipv.assessment import Assessment
from ipvscreen.ipv.gate import known_age
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.services import Access, ByAndFor, Need, Risk


def need_of(assessment: Assessment, person: Person, setting: Setting, day: date) -> Need:
    """The need on `day`. Use of violence is never inferred; an antenatal visit itself says pregnant."""
    unasked = assessment.pregnant is None
    return Need(
        age=known_age(person, day),
        sex=person.sex,
        setting=setting,
        current=assessment.current,
        past=assessment.past,
        danger=bool(assessment.dangers),
        day=day,
        children=assessment.children,
        pregnant=True if unasked and setting is Setting.ANTENATAL else assessment.pregnant,
        wishes=assessment.wishes,
    )


def need_again(kept: Need, person: Person, day: date) -> Need:
    """The same need on a later `day`; of the person the age is known anew, of a child it is as it was."""
    if kept.child:
        return replace(kept, day=day)
    return replace(kept, day=day, age=known_age(person, day), sex=person.sex)


def need_to_json(need: Need) -> dict[str, Any]:
    """As plain JSON; what was not asked is null."""
    return {one.name: _plain(getattr(need, one.name)) for one in fields(Need)}


def need_from_json(stored: Mapping[str, Any]) -> Need:
    """What `need_to_json` made; TypeError or ValueError where it is not that."""
    typed = {name: read(stored[name]) for name, read in _TYPED.items() if stored.get(name) is not None}
    return Need(**{**stored, **typed})


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return value.isoformat() if isinstance(value, date) else value


_TYPED: Mapping[str, Callable[[Any], Any]] = {
    "sex": Sex,
    "setting": Setting,
    "day": date.fromisoformat,
    "wishes": frozenset,
    "child_ages": tuple,
    "risk": Risk,
    "groups": lambda codes: frozenset(map(ByAndFor, codes)),
    "access": lambda codes: frozenset(map(Access, codes)),
}
