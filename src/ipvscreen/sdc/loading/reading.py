"""What the parts of a Questionnaire must know of each other while they are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ipvscreen.sdc.form import Option
from ipvscreen.sdc.loading.node import Node
from ipvscreen.sdc.loading.outline import Place
from ipvscreen.sdc.loading.translation import Tongue


@dataclass(frozen=True, slots=True)
class Offer:
    """What an item offers: its options, those selected at first, the value set where it is not at hand."""

    options: tuple[Option, ...] = ()
    selected: tuple[Mapping[str, Any], ...] = ()
    elsewhere: str | None = None
    identities: frozenset[tuple[object, ...]] = frozenset()

    def holds(self, element: Mapping[str, Any]) -> bool:
        """Whether an answer is one of the options."""
        return identity(element) in self.identities


def identity(element: Mapping[str, Any]) -> tuple[object, ...]:
    """What makes two answers the same: system and code, a reference, or type and value."""
    ((key, value),) = element.items()
    if isinstance(value, Mapping):
        return tuple(str(value.get(part)) for part in ("system", "code", "reference"))
    return (key.removeprefix("value").removeprefix("answer"), str(value))


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of one Questionnaire. `value_sets`: the contained ones, by #id and by url."""

    places: Mapping[str, Place]
    tongue: Tongue
    value_sets: Mapping[str, Node]
    offers: dict[str, Offer] = field(default_factory=dict)  # by linkId: read once, asked by conditions too
