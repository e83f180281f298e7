"""What a control holds as text ↔ a value[x] element of FHIR R4, for each type of question."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from ipvscreen.sdc.answering.given import OTHER
from ipvscreen.sdc.form import Item, Option, Unit

Element = Mapping[str, Any]

# A time of day without an offset, as datetime-local posts it.
_LOCAL = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d(\.\d{1,9})?)?")
_ZONED = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)")


def to_fhir(item: Item, posted: str, *, unit: str | None = None, zone: tzinfo = UTC) -> Element:
    """The element that `posted` stands for, of a value that `mistake` finds nothing wrong with.

    `unit` is what the control of the unit holds. `zone` is where a date and time without an offset was
    entered. Own text of an open choice is given as it was typed.
    """
    if item.options or item.type in ("choice", "open-choice"):
        option = next((option for option in item.options if option.value == posted), None)
        return option.fhir if option else {"valueString": posted}
    if item.type == "quantity":
        return {"valueQuantity": {"value": Decimal(posted), **_unit(item, unit)}}
    if item.type == "dateTime":
        return {"valueDateTime": _moment(posted, zone)}
    name, read = _SIMPLE[item.type]
    return {name: read(posted)}


def posted(item: Item, element: Element, *, zone: tzinfo = UTC) -> str:
    """What a control holds for an element; OTHER for what is not among the options."""
    if item.options or item.type in ("choice", "open-choice"):
        option = option_of(item, element)
        return option.value if option else OTHER
    ((name, value),) = element.items()
    if name == "valueDateTime" and "T" in value:
        local = datetime.fromisoformat(value).astimezone(zone).replace(tzinfo=None)
        return local.isoformat().removesuffix(":00")
    return shown(element)


def shown(element: Element) -> str:
    """An element as text; of a quantity the number alone."""
    ((name, value),) = element.items()
    return _SHOWN.get(name, str)(value)


def posted_unit(element: Element) -> str:
    """What the control of the unit holds for an element; empty for what is no quantity."""
    quantity = element.get("valueQuantity", {})
    return str(quantity.get("code") or quantity.get("unit") or "")


def option_of(item: Item, element: Element) -> Option | None:
    """The option that an element is one of: by system and code, or by its value."""
    wanted = identity(element)
    return next((option for option in item.options if identity(option.fhir) == wanted), None)


def identity(element: Element) -> tuple[Any, ...]:
    """What makes two elements one answer; of a Coding its system and code, or without a code its words."""
    ((name, value),) = element.items()
    if name.endswith("Coding"):
        code = value.get("code")
        return ("Coding", value.get("system"), code) if code else ("Coding", None, value.get("display"))
    if name.endswith("Reference"):
        return ("Reference", value.get("reference"))
    return (name.removeprefix("value").removeprefix("answer"), value)


def unit_value(unit: Unit) -> str:
    """What the control of the unit posts for it."""
    return unit.code or unit.display


def unit_of(item: Item, unit: str | None) -> Unit | None:
    """The unit that was chosen, or the only one there is."""
    if not unit:
        return item.unit or (item.units[0] if len(item.units) == 1 else None)
    offered = (*item.units, *((item.unit,) if item.unit else ()))
    known = next((one for one in offered if unit in (unit_value(one), one.display)), None)
    return known or (Unit(unit) if item.unit_open else None)


def _unit(item: Item, unit: str | None) -> dict[str, str]:
    chosen = unit_of(item, unit)
    if chosen is None:
        return {}
    parts = {"unit": chosen.display, "system": chosen.system, "code": chosen.code}
    return {name: part for name, part in parts.items() if part is not None}


def _moment(posted: str, zone: tzinfo) -> str:
    if _ZONED.fullmatch(posted):
        return _ZONED.sub(lambda m: m[1] + (m[2] or ":00") + m[4], posted)
    local = _LOCAL.fullmatch(posted)
    if local is None:
        return posted  # a year, a month or a day: FHIR wants no offset there
    at = datetime.fromisoformat(posted).replace(tzinfo=zone)
    return local[1] + (local[2] or ":00") + at.isoformat()[-6:]


def _time(posted: str) -> str:
    return f"{posted}:00" if posted.count(":") == 1 else posted


_SIMPLE: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "boolean": ("valueBoolean", "true".__eq__),
    "integer": ("valueInteger", int),
    "decimal": ("valueDecimal", Decimal),
    "date": ("valueDate", str),
    "time": ("valueTime", _time),
    "string": ("valueString", str),
    "text": ("valueString", str),
    "url": ("valueUri", str),
    "reference": ("valueReference", lambda posted: {"reference": posted}),
}
_SHOWN: Mapping[str, Callable[[Any], str]] = {
    "valueBoolean": lambda value: str(value).lower(),
    "valueQuantity": lambda value: str(value.get("value", "")),
    "valueReference": lambda value: str(value.get("reference", "")),
    "valueCoding": lambda value: str(value.get("display") or value.get("code", "")),
    "valueTime": lambda value: value.removesuffix(":00") if value.count(":") == 2 else value,
}
