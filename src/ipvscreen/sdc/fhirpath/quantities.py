"""Amounts with units: compared and added only where the unit is the same or converts exactly."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fhirpathpy.engine.nodes import FP_Quantity

from ipvscreen.sdc.fhirpath.limits import Fault

_Quantity: Any = FP_Quantity  # fhirpathpy's classes have no types
UCUM = "http://unitsofmeasure.org"

# UCUM 2.1, the units that questionnaires ask for: what they measure, and how many of its base unit one is.
_EXACT: Mapping[str, tuple[str, Decimal]] = {
    code: (kind, Decimal(factor))
    for kind, factors in {
        "mass": {"kg": "1000", "g": "1", "mg": "0.001", "ug": "0.000001", "[lb_av]": "453.59237"},
        "length": {
            "km": "1000",
            "m": "1",
            "cm": "0.01",
            "mm": "0.001",
            "[in_i]": "0.0254",
            "[ft_i]": "0.3048",
        },
        "volume": {"L": "1", "l": "1", "dL": "0.1", "dl": "0.1", "mL": "0.001", "ml": "0.001"},
        "time": {"wk": "604800", "d": "86400", "h": "3600", "min": "60", "s": "1", "ms": "0.001"},
        "months": {"a": "12", "mo": "1"},
    }.items()
    for code, factor in factors.items()
}
_CALENDAR = {
    "year": "a", "month": "mo", "week": "wk", "day": "d",
    "hour": "h", "minute": "min", "second": "s", "millisecond": "ms",
}  # fmt: skip


def quantity_of(element: Mapping[str, Any]) -> Any:
    """An FP_Quantity of a FHIR Quantity; None without a value. A unit without a code stands for itself."""
    if element.get("value") is None:
        return None
    code = element.get("code") if element.get("system") == UCUM else None
    unit = code or element.get("unit") or element.get("code") or "1"
    return _Quantity(Decimal(str(element["value"])), f"'{unit}'")


def amount_of(quantity: Any) -> dict[str, Any]:
    """A FHIR Quantity of an FP_Quantity; a calendar unit (`2 years`) has no UCUM code."""
    unit = quantity.unit or "'1'"
    value = Decimal(str(quantity.value))
    if unit.startswith("'"):
        return {"value": value, "unit": unit.strip("'"), "system": UCUM, "code": unit.strip("'")}
    return {"value": value, "unit": unit}


def compare(left: Any, right: Any) -> int | None:
    """-1, 0 or 1; None where the units do not tell."""
    pair = _alike(left, right)
    return None if pair is None else (pair[0] > pair[1]) - (pair[0] < pair[1])


def added(left: Any, right: Any, sign: int = 1) -> Any:
    """The sum, or with `sign` -1 the difference, in the unit of `left`. Fault for units that differ."""
    if _code(left.unit) != _code(right.unit):
        raise Fault("Amounts in different units are not added.")
    return _Quantity(left.value + sign * right.value, left.unit)


def _alike(left: Any, right: Any) -> tuple[Decimal, Decimal] | None:
    one, other = _code(left.unit), _code(right.unit)
    if one == other:
        return left.value, right.value
    (kind, factor), (other_kind, other_factor) = (
        _EXACT.get(code, (code, Decimal(1))) for code in (one, other)
    )
    return (left.value * factor, right.value * other_factor) if kind == other_kind else None


def _code(unit: str | None) -> str:
    name = (unit or "1").strip("'")
    return _CALENDAR.get(name.removesuffix("s"), name) if not (unit or "").startswith("'") else name
