"""What a form still wants: required answers, enough of them, and what its constraints say."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from ipvscreen.messages import message
from ipvscreen.sdc.answering.fields import Places, Spot
from ipvscreen.sdc.answering.given import Answer
from ipvscreen.sdc.form import Constraint

REQUIRED = message("Answer this question.")
REQUIRED_GROUP = message("Answer at least one of these questions.")
_ANSWERS = message("Give at least {least} answers.")
_PLACES = message("Fill in at least {least} of these.")


def missing(
    places: Places,
    enabled: Collection[str],
    given: Mapping[str, Answer],
    broken: Mapping[str, Sequence[Constraint]],
) -> dict[str, str]:
    """By field one sentence for each item to be asked, as far as something is missing or contradicts.

    A constraint of a hidden item is shown at what stands around it, or for the form as a whole under "";
    one that only warns is no mistake. minOccurs counts where the item is required or was begun.
    """
    filled = _filled(places, given)
    found: dict[str, str] = {}
    for spot in places.all:
        if spot.field in enabled:
            for sentence in _too_few(places, spot, given, filled):
                found.setdefault(spot.field, sentence)
            for constraint in _errors(broken.get(spot.field, ())):
                found.setdefault(_shown(spot), constraint.human)
    for constraint in _errors(broken.get("", ())):
        found.setdefault("", constraint.human)
    return found


def _errors(constraints: Sequence[Constraint]) -> Iterator[Constraint]:
    return (constraint for constraint in constraints if not constraint.warning)


def _shown(spot: Spot) -> str:
    return next((one.field for one in (spot, *spot.line()) if not one.hidden), "")


def _filled(places: Places, given: Mapping[str, Answer]) -> Collection[str]:
    """The places in which something was answered, at whatever depth."""
    found: set[str] = set()
    for spot in reversed(places.all):  # children first
        if spot.field in given or any(child.field in found for child in spot.children):
            found.add(spot.field)
    return found


def _too_few(
    places: Places, spot: Spot, given: Mapping[str, Answer], filled: Collection[str]
) -> Iterator[str]:
    item = spot.item
    if spot.fixed:
        return
    if item.type != "group":
        answer = given.get(spot.field)
        count, nothing = len(answer.values) if answer else 0, REQUIRED
        passed = answer is not None and answer.passed
    else:
        count, nothing, passed = _places_filled(places, spot, filled), REQUIRED_GROUP, False
        if item.repeats and spot.numbers[-1] > 1:
            return  # said once, at the first of them
    if item.required and not count:
        yield nothing
    least = item.min_occurs or 0
    if item.repeats and not passed and count < least and (item.required or count):
        yield (_ANSWERS if item.is_question else _PLACES).given(least=least)


def _places_filled(places: Places, spot: Spot, filled: Collection[str]) -> int:
    beside = places.beside(spot) if spot.item.repeats else (spot,)
    return sum(one.field in filled for one in beside)
