"""One answer against the options, the value set or the units that its item offers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.answering.values import option_of
from ipvscreen.sdc.form import Item, Unit
from ipvscreen.sdc.loading.node import Mode, Node, Report
from ipvscreen.sdc.loading.translation import Tongue
from ipvscreen.sdc.loading.value_sets import concepts
from ipvscreen.sdc.validation.references import Finding

Coding = Mapping[str, Any]
Concepts = Mapping[tuple[str | None, str], str | None]  # (system, code) → its display, if it has one
Lists = Callable[[str], Concepts | None]  # the canonical of a value set → what is in it, if that is known


def listed(codings: Iterable[Coding]) -> Concepts:
    """Codings as they are looked up."""
    return {(coding.get("system"), coding["code"]): coding.get("display") for coding in codings}


def contents(value_set: Mapping[str, Any]) -> tuple[Coding, ...] | None:
    """The codings of a ValueSet that lists them itself; None where a terminology server would have to say."""
    node = Node(value_set, "ValueSet", Report(Mode.LET_BE))
    try:
        return tuple(option.fhir["valueCoding"] for option in concepts(node, Tongue(None, None)))
    except FormRefused:
        return None


def wrong_choice(item: Item, lists: Lists, element: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with an answer as one of those that are offered; an own text never is."""
    kind, value = next(iter(element.items()))
    if item.is_open and kind == "valueString":
        return
    if item.value_set is not None:
        yield from _wrong_code(lists(item.value_set), value)
    elif item.options and option_of(item, element) is None:
        yield "invalidAnswerOption", "The answer is not one of those that the Questionnaire offers."


def _wrong_code(known: Concepts | None, value: Any) -> Iterator[Finding]:
    if known is None:
        yield "tsError", "The value set of this item is not at hand, so the answer could not be checked."
    elif isinstance(value, str):  # a text that is bound to a value set is one of its codes
        if value not in {code for _, code in known}:
            yield "invalidCoding", "The answer is not a code of the value set of this item."
    elif not _has(known, value):
        yield "invalidCoding", "The answer is not in the value set of this item, or has the wrong words."


def _has(known: Concepts, coding: Coding) -> bool:
    key = (coding.get("system"), coding.get("code", ""))
    if key not in known:
        return False
    display = known[key]
    return display is None or coding.get("display", display) == display


def wrong_unit(item: Item, lists: Lists, quantity: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with the unit of a quantity, where the Questionnaire says which it may have."""
    if item.unit_value_set is not None:
        yield from _wrong_unit_code(lists(item.unit_value_set), quantity)
        return
    offered = item.units or ((item.unit,) if item.unit is not None else ())
    if offered and not item.unit_open and not any(_is_unit(unit, quantity) for unit in offered):
        names = ", ".join(unit.display for unit in offered)
        yield "invalidUnit", f"The unit of the answer must be one of: {names}."


def _wrong_unit_code(known: Concepts | None, quantity: Mapping[str, Any]) -> Iterator[Finding]:
    if known is None:
        yield "tsError", "The value set of the unit is not at hand, so the unit could not be checked."
    elif (quantity.get("system"), quantity.get("code")) not in known:
        yield "invalidUnitValueSet", "The unit of the answer is not in the value set of its units."


def _is_unit(unit: Unit, quantity: Mapping[str, Any]) -> bool:
    """By system and code: the words of a unit may be anybody's."""
    return (quantity.get("system"), quantity.get("code")) == (unit.system, unit.code)
