"""The extensions of an item that hold one value each: limits, looks and numbers of answers."""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any

import re2  # type: ignore[import-untyped]  # it ships no types

from ipvscreen.sdc.form import Control
from ipvscreen.sdc.loading import typed
from ipvscreen.sdc.loading.extensions import Ext, Extensions
from ipvscreen.sdc.loading.node import Node
from ipvscreen.sdc.loading.outline import TYPES

_REPEATING = TYPES - {"display"}
_TEXTS = frozenset({"string", "text", "url"})
_ORDERED = frozenset({"integer", "decimal", "date", "dateTime", "time"})
_CHOICES = frozenset({"choice", "open-choice", "boolean", "integer", "date", "time", "string", "reference"})

# http://hl7.org/fhir/R4/valueset-questionnaire-item-control.html: what each may stand on
_CONTROLS: Mapping[Control, Collection[str]] = {
    Control.RADIO: {"choice", "open-choice", "boolean"},
    Control.DROP_DOWN: {"choice", "open-choice"},
    Control.CHECK_BOX: {"choice", "open-choice", "boolean"},
    Control.HELP: {"display"},
    Control.HEADER: {"group", "display"},
    Control.FOOTER: {"group", "display"},
    Control.PAGE: {"group"},
}
_CONTROL_SYSTEM = "http://hl7.org/fhir/questionnaire-item-control"

Read = Callable[[Node, str], Any]


def pattern(regex: str) -> Any:
    """The compiled expression (RE2, linear time): `fullmatch` decides. ValueError for what RE2 cannot do."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(regex, options)
    except re2.error:
        raise ValueError("cannot be checked in linear time (RE2).") from None


def traits(extensions: Extensions, kind: str) -> dict[str, Any]:
    """Fields of the Item, as far as there are extensions for them; refused on a type they do not fit."""
    found: dict[str, Any] = {}
    for url, (name, kinds, read) in _TRAITS.items():
        extension = extensions.one(url)
        if extension is not None and kind not in kinds:
            extension.note(f"'{url}' is not supported on an item of type '{kind}'.", "url")
        elif extension is not None:
            value = extension.attempt(lambda node=extension, read=read: read(node, kind), None)  # type: ignore[misc]
            found |= {} if value is None else {name: value}
    return found


def _valued(extension: Node, *kinds: str) -> dict[str, Any]:
    extension.only({"id", "url", *(f"value{kind}" for kind in kinds)})
    return typed.read(extension, kinds)


def _number(least: int) -> Read:
    def read(extension: Node, _: str) -> int | None:
        extension.only(("id", "url", "valueInteger"))
        extension.decimal("valueInteger")
        return extension.integer("valueInteger", least=least)

    return read


def _limit(extension: Node, kind: str) -> Mapping[str, Any]:
    kinds = typed.ANSWERS[kind] + (("Integer",) if kind == "decimal" else ())
    return _valued(extension, *kinds)


def _flag(extension: Node, _: str) -> bool:
    return bool(_valued(extension, "Boolean")["valueBoolean"])


def _size(extension: Node, _: str) -> Decimal:
    size: Decimal = _valued(extension, "Decimal")["valueDecimal"]
    return size


def _regex(extension: Node, _: str) -> str:
    regex: str = _valued(extension, "String")["valueString"]
    try:
        pattern(regex)
    except ValueError as error:
        raise extension.refuse(str(error), "valueString") from None
    return regex


def _horizontal(extension: Node, _: str) -> bool:
    code = _valued(extension, "Code")["valueCode"]
    if code not in ("horizontal", "vertical"):
        raise extension.refuse("must be 'horizontal' or 'vertical'.", "valueCode")
    return bool(code == "horizontal")


def _control(extension: Node, kind: str) -> Control:
    extension.only(("id", "url", "valueCodeableConcept"))
    concept = extension.child("valueCodeableConcept")
    concept.only(("id", "coding", "text"))
    for coding in concept.children("coding"):
        code, system = coding.text("code"), coding.optional_text("system")
        control = next((control for control in _CONTROLS if control == code), None)
        if control is None or system not in (None, _CONTROL_SYSTEM):
            raise coding.refuse(f"'{code}' is not supported.", "code")
        if kind not in _CONTROLS[control]:
            raise coding.refuse(f"'{code}' is not supported on an item of type '{kind}'.", "code")
        return control
    raise concept.refuse("is missing.", "coding")


_TRAITS: Mapping[Ext, tuple[str, Collection[str], Read]] = {
    Ext.ITEM_CONTROL: ("control", TYPES, _control),
    Ext.CHOICE_ORIENTATION: ("horizontal", _CHOICES, _horizontal),
    Ext.HIDDEN: ("hidden", TYPES, _flag),
    Ext.MIN_OCCURS: ("min_occurs", _REPEATING, _number(0)),
    Ext.MAX_OCCURS: ("max_occurs", _REPEATING, _number(1)),
    Ext.MIN_LENGTH: ("min_length", _TEXTS, _number(0)),
    Ext.REGEX: ("regex", _TEXTS, _regex),
    Ext.MIN_VALUE: ("min_value", _ORDERED, _limit),
    Ext.MAX_VALUE: ("max_value", _ORDERED, _limit),
    Ext.MIN_QUANTITY: ("min_value", {"quantity"}, _limit),
    Ext.MAX_QUANTITY: ("max_value", {"quantity"}, _limit),
    Ext.MAX_DECIMAL_PLACES: ("max_decimal_places", {"decimal", "quantity"}, _number(0)),
    Ext.MAX_SIZE: ("max_size", {"attachment"}, _size),
}
