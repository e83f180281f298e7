"""Two value[x] elements beside each other: numbers, days and moments, and quantities of one kind."""

from collections.abc import Callable, Mapping
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from ipvscreen.sdc.answering.values import Element, identity

# UCUM units in those of their kind, as UCUM defines them (https://ucum.org/ucum): a year has 365.25 days.
_DAY = Decimal(86400)
_UCUM: Mapping[str, tuple[str, Decimal]] = {
    "ug": ("g", Decimal("0.000001")),
    "mg": ("g", Decimal("0.001")),
    "g": ("g", Decimal(1)),
    "kg": ("g", Decimal(1000)),
    "[oz_av]": ("g", Decimal("28.349523125")),
    "[lb_av]": ("g", Decimal("453.59237")),
    "mm": ("m", Decimal("0.001")),
    "cm": ("m", Decimal("0.01")),
    "m": ("m", Decimal(1)),
    "km": ("m", Decimal(1000)),
    "[in_i]": ("m", Decimal("0.0254")),
    "[ft_i]": ("m", Decimal("0.3048")),
    "mL": ("L", Decimal("0.001")),
    "L": ("L", Decimal(1)),
    "s": ("s", Decimal(1)),
    "min": ("s", Decimal(60)),
    "h": ("s", Decimal(3600)),
    "d": ("s", _DAY),
    "wk": ("s", 7 * _DAY),
    "mo": ("s", Decimal("365.25") / 12 * _DAY),
    "a": ("s", Decimal("365.25") * _DAY),
}


def order(one: Element, other: Element) -> int | None:
    """-1, 0 or 1 as `one` is less than, equal to or more than `other`; None where they cannot be compared.

    Elements are named value[x] or answer[x]. Quantities of different units are converted where UCUM says
    how; a day and a moment within it cannot be told apart, and so are not compared.
    """
    ((one_name, one_value),), ((other_name, other_value),) = one.items(), other.items()
    kinds = (_kind(one_name), _kind(other_name))
    if kinds == ("quantity", "quantity"):
        return _quantities(one_value, other_value)
    if kinds[0] != kinds[1] or kinds[0] not in _READ:
        return 0 if identity(one) == identity(other) else None
    return _READ[kinds[0]](one_value, other_value)


def same(one: Element, other: Element) -> bool:
    """Whether they are the same answer."""
    return order(one, other) == 0


def _kind(name: str) -> str:
    bare = name.removeprefix("value").removeprefix("answer").lower()
    return _KINDS.get(bare, bare)


def _sign(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


def _numbers(one: Any, other: Any) -> int:
    return _sign(Decimal(str(one)), Decimal(str(other)))


def _moments(one: str, other: str) -> int | None:
    if "T" in one and "T" in other:
        here, there = datetime.fromisoformat(one), datetime.fromisoformat(other)
        return _sign(here, there) if (here.tzinfo is None) == (there.tzinfo is None) else None
    shared = min(len(one.partition("T")[0]), len(other.partition("T")[0]))
    found = _sign(one[:shared], other[:shared])
    return found if found or len(one) == len(other) else None


def _times(one: str, other: str) -> int:
    return _sign(time.fromisoformat(one), time.fromisoformat(other))


def _quantities(one: Mapping[str, Any], other: Mapping[str, Any]) -> int | None:
    if "value" not in one or "value" not in other:
        return None
    if _unit(one) == _unit(other):
        return _numbers(one["value"], other["value"])
    here, there = _UCUM.get(one.get("code", "")), _UCUM.get(other.get("code", ""))
    if here is None or there is None or here[0] != there[0]:
        return None
    return _sign(Decimal(str(one["value"])) * here[1], Decimal(str(other["value"])) * there[1])


def _unit(quantity: Mapping[str, Any]) -> tuple[Any, Any]:
    code = quantity.get("code")
    return (quantity.get("system"), code) if code else (None, quantity.get("unit"))


_KINDS = {"integer": "number", "decimal": "number", "date": "moment", "datetime": "moment"} | {
    "uri": "string"
}
_READ: Mapping[str, Callable[[Any, Any], int | None]] = {
    "number": _numbers,
    "moment": _moments,
    "time": _times,
    "string": _sign,
}
