"""value[x] and its kin: one element of an allowed type, checked as FHIR writes it."""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any

from ipvscreen.sdc.loading.node import Node

# http://hl7.org/fhir/R4/datatypes.html
_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9:.]+)(Z|[+-][0-9]{2}:[0-9]{2})")
_INTEGERS = range(-(2**31), 2**31)

# What may be the answer to a question of each type; options and enableWhen of a choice may be of other types.
ANSWERS: Mapping[str, tuple[str, ...]] = {
    "boolean": ("Boolean",),
    "decimal": ("Decimal",),
    "integer": ("Integer",),
    "date": ("Date",),
    "dateTime": ("DateTime",),
    "time": ("Time",),
    "string": ("String",),
    "text": ("String",),
    "url": ("Uri",),
    "choice": ("Coding",),
    "open-choice": ("Coding", "String"),
    "quantity": ("Quantity",),
    "reference": ("Reference",),
    "attachment": ("Attachment",),
}


def read(node: Node, allowed: Collection[str], name: str = "value") -> dict[str, Any]:
    """The one element `name`[x] of `node`, as {"valueInteger": 3}; of a type in `allowed` ("Integer")."""
    found = [key for key in node.body if key.startswith(name) and key[len(name) :][:1].isupper()]
    if not found:
        raise node.refuse("is missing.", f"{name}[x]")
    key = found[0]
    kind = key.removeprefix(name)
    if len(found) > 1:
        raise node.refuse(f"stands beside {key}: there may be one only.", found[1])
    if kind not in allowed:
        raise node.refuse("is not supported here.", key)
    return {key: _READ[kind](node, key)}


def is_date(value: str) -> bool:
    """Whether it is a FHIR date: a year, a month or a day that there is."""
    if not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value + "-01-01"[len(value) - 4 :])
    except ValueError:
        return False
    return True


def is_time(value: str) -> bool:
    """Whether it is a FHIR time: hh:mm:ss."""
    return _TIME.fullmatch(value) is not None


def is_moment(value: str) -> bool:
    """Whether it is a FHIR dateTime: a date, or a day with a time and its offset."""
    match = _MOMENT.fullmatch(value)
    if not match:
        return is_date(value)
    day, clock, offset = match.groups()
    try:
        datetime.fromisoformat(f"{day}T00:00:00{offset.replace('Z', '+00:00')}")
    except ValueError:
        return False
    return is_time(clock)


def _integer(node: Node, key: str) -> int:
    value = node.integer(key, least=_INTEGERS.start)
    if value is None or value not in _INTEGERS:
        raise node.refuse("must be a whole number of at most 32 bits.", key)
    return value


def _text_that(holds: Callable[[str], bool], what: str) -> Callable[[Node, str], str]:
    def read_text(node: Node, key: str) -> str:
        value = node.text(key)
        if not holds(value):
            raise node.refuse(f"must be {what}.", key)
        return value

    return read_text


def _object(node: Node, key: str) -> Mapping[str, Any]:
    return node.child(key).body


def _quantity(node: Node, key: str) -> Mapping[str, Any]:
    quantity = node.child(key)
    quantity.only(("id", "value", "unit", "system", "code"))
    return {**quantity.body, "value": quantity.decimal("value")}


def _coding(node: Node, key: str) -> Mapping[str, Any]:
    coding = node.child(key).body
    kept = ("system", "version", "code", "display", "userSelected")
    return {part: coding[part] for part in kept if part in coding}


_READ: Mapping[str, Callable[[Node, str], Any]] = {
    "Boolean": Node.flag,
    "Integer": _integer,
    "Decimal": Node.decimal,
    "String": Node.text,
    "Uri": Node.text,
    "Code": Node.text,
    "Date": _text_that(is_date, "a date, as 2030-12-31"),
    "Time": _text_that(is_time, "a time, as 23:59:00"),
    "DateTime": _text_that(is_moment, "a date, or a date and time with an offset"),
    "Coding": _coding,
    "Quantity": _quantity,
    "Reference": _object,
    "Attachment": _object,
}
