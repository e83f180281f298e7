"""One answer against the type and the limits of its item."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from ipvscreen.sdc.answering.compare import order
from ipvscreen.sdc.form import Item
from ipvscreen.sdc.loading.traits import pattern
from ipvscreen.sdc.loading.typed import ANSWERS, is_date, is_moment, is_time
from ipvscreen.sdc.validation.references import Finding, is_url, wrong_attachment, wrong_reference

_LARGEST = 2**31  # a FHIR integer has 32 bits


def kinds(item: Item) -> tuple[str, ...]:
    """The elements that may answer the item: of a choice those of its options."""
    if item.type not in ("choice", "open-choice") or not item.options:
        return tuple(f"value{kind}" for kind in ANSWERS.get(item.type, ()))
    offered = tuple(dict.fromkeys(kind for option in item.options for kind in option.fhir))
    return (*offered, "valueString") if item.is_open else offered


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float | Decimal)
        and not isinstance(value, bool)
        and Decimal(str(value)).is_finite()
    )


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -_LARGEST <= value < _LARGEST


def _is_quantity(value: Any) -> bool:
    return _has_texts(value, "unit", "system", "code") and _is_number(value.get("value", 0))


def _has_texts(value: Any, *keys: str) -> bool:
    """Whether it is an object that has texts there, or nothing."""
    return isinstance(value, Mapping) and all(_is_text(value.get(key, "-")) for key in keys)


def _is_coding(value: Any) -> bool:
    return _has_texts(value, "system", "code", "display")


def _is_reference(value: Any) -> bool:
    return _has_texts(value, "reference", "type", "display")


def _is_attachment(value: Any) -> bool:
    return _has_texts(value, "contentType", "data", "url") and _is_integer(value.get("size", 0))


# Element → whether a value is one, and what to say where it is not.
_SHAPES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "valueBoolean": (lambda value: isinstance(value, bool), "true or false"),
    "valueDecimal": (_is_number, "a number"),
    "valueInteger": (_is_integer, "a whole number"),
    "valueDate": (lambda value: _is_text(value) and is_date(value), "a date"),
    "valueDateTime": (lambda value: _is_text(value) and is_moment(value), "a date, or a date and time"),
    "valueTime": (lambda value: _is_text(value) and is_time(value), "a time"),
    "valueString": (_is_text, "a text that is not empty"),
    "valueUri": (_is_text, "a text that is not empty"),
    "valueCoding": (_is_coding, "a coding"),
    "valueAttachment": (_is_attachment, "an attachment"),
    "valueReference": (_is_reference, "a reference"),
    "valueQuantity": (_is_quantity, "a quantity"),
}


def is_sound(item: Item, element: Mapping[str, Any]) -> bool:
    """Whether a one-entry value[x] is of a type that answers the item, and well formed."""
    kind, value = next(iter(element.items()))
    return kind in kinds(item) and _SHAPES[kind][0](value)


def wrong_value(item: Item, element: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with a one-entry value[x]; nothing else is said of one that is not sound."""
    kind, value = next(iter(element.items()))
    if kind not in kinds(item):
        yield "invalidAnswerType", f"An item of type '{item.type}' is not answered with a '{kind}'."
        return
    if not is_sound(item, element):
        yield "invalidValue", f"The answer is not {_SHAPES[kind][1]}."
        return
    yield from _beyond(item, element)
    if kind in ("valueString", "valueUri"):
        yield from _wrong_text(item, value)
    yield from _wrong_number(item, value)
    yield from _wrong_pointer(item, kind, value)


def _beyond(item: Item, element: Mapping[str, Any]) -> Iterator[Finding]:
    """A date is not beyond a limit that may contain it, nor beyond one within it."""
    for limit, wrong, rule, word in (
        (item.min_value, -1, "minValue", "less"),
        (item.max_value, 1, "maxValue", "more"),
    ):
        found = 0 if limit is None else order(element, limit)
        if found == wrong:
            yield rule, f"The answer is {word} than the Questionnaire allows."
        elif found is None and "valueQuantity" in element:
            yield f"{rule}IncompatUnits", "The unit of the answer cannot be compared with that of the limit."


def _wrong_text(item: Item, text: str) -> Iterator[Finding]:
    if item.type == "string" and ("\n" in text or "\r" in text):
        yield "invalidNewLine", "An answer of type 'string' is one line."
    if item.type == "url" and not is_url(text):
        yield "invalidUrlValue", "The answer is not a URL."
    if item.max_length is not None and len(text) > item.max_length:
        yield "maxLength", f"The answer is longer than {item.max_length} characters."
    if item.min_length is not None and len(text) < item.min_length:
        yield "minLength", f"The answer is shorter than {item.min_length} characters."
    if item.regex is not None and pattern(item.regex).fullmatch(text) is None:
        yield "regex", "The answer does not have the form that the Questionnaire asks for."


def _wrong_number(item: Item, value: Any) -> Iterator[Finding]:
    number = value.get("value") if isinstance(value, Mapping) else value
    if item.max_decimal_places is None or not _is_number(number):
        return
    exponent = Decimal(str(number)).as_tuple().exponent
    if isinstance(exponent, int) and -exponent > item.max_decimal_places:
        yield "maxDecimalPlaces", f"The answer has more than {item.max_decimal_places} decimal places."


def _wrong_pointer(item: Item, kind: str, value: Any) -> Iterator[Finding]:
    if kind == "valueReference":
        yield from wrong_reference(item, value)
    elif kind == "valueAttachment":
        yield from wrong_attachment(item, value)
