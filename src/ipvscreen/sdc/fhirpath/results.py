"""The result of an expression → the elements that an item of its type can hold."""

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ipvscreen.errors import ExpressionFailed
from ipvscreen.sdc.fhirpath.elements import is_number, result_of
from ipvscreen.sdc.form import Item

_MOST_PLACES = 17  # FHIR's decimal has at most 18 digits
_LARGEST = 2**31


def elements_of(item: Item, values: list[Any]) -> tuple[dict[str, Any], ...]:
    """Each value as {"value…": …} for the item's type. ExpressionFailed for a value that it cannot hold."""
    if len(values) > 1 and not item.repeats:
        raise ExpressionFailed(f"Item {item.link_id} takes one value, and its expression finds several.")
    return tuple(_element(item, result_of(value)) for value in values)


def _element(item: Item, value: Any) -> dict[str, Any]:
    if item.options or item.type in ("choice", "open-choice"):
        return _offered(item, value)
    name, made = _AS[item.type]
    element = made(item, value) if item.type in _AS else None
    if element is None:
        raise _unfit(item)
    return {name: element}


def _offered(item: Item, value: Any) -> dict[str, Any]:
    for option in item.options:
        if _matches(option.fhir, value):
            return dict(option.fhir)
    if item.type == "open-choice" and isinstance(value, str):
        return {"valueString": value}
    if item.unchecked_options and isinstance(value, Mapping) and "code" in value:
        return {"valueCoding": dict(value)}
    raise _unfit(item)


def _matches(offered: Mapping[str, Any], value: Any) -> bool:
    own = next(iter(offered.values()), None)
    if isinstance(own, Mapping) and isinstance(value, Mapping):
        return all(own.get(part) == value.get(part) for part in ("system", "code", "reference"))
    return own is not None and not isinstance(value, bool) and bool(own == value)


def _unfit(item: Item) -> ExpressionFailed:
    return ExpressionFailed(f"The expression of item {item.link_id} has a result that it cannot hold.")


def _boolean(_: Item, value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _integer(_: Item, value: Any) -> int | None:
    return int(value) if is_number(value) and int(value) == value and abs(value) < _LARGEST else None


def _decimal(item: Item, value: Any) -> Decimal | None:
    if not is_number(value):
        return None
    places = _MOST_PLACES if item.max_decimal_places is None else item.max_decimal_places
    exact = Decimal(value)
    written = max(0, -int(exact.as_tuple().exponent))
    return exact if written <= places else exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _text(_: Item, value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _date(_: Item, value: Any) -> str | None:
    return value[:10] if isinstance(value, str) and value[:4].isdigit() else None


def _date_time(_: Item, value: Any) -> str | None:
    return value if isinstance(value, str) and value[:4].isdigit() else None


def _quantity(item: Item, value: Any) -> dict[str, Any] | None:
    if is_number(value):
        unit = item.unit
        parts = {"unit": unit.display, "system": unit.system, "code": unit.code} if unit else {}
        return {"value": value} | {name: part for name, part in parts.items() if part is not None}
    return dict(value) if isinstance(value, Mapping) and "value" in value else None


def _mapping(part: str) -> Callable[[Item, Any], dict[str, Any] | None]:
    return lambda _, value: dict(value) if isinstance(value, Mapping) and part in value else None


_AS: Mapping[str, tuple[str, Callable[[Item, Any], Any]]] = {
    "boolean": ("valueBoolean", _boolean),
    "integer": ("valueInteger", _integer),
    "decimal": ("valueDecimal", _decimal),
    "string": ("valueString", _text),
    "text": ("valueString", _text),
    "url": ("valueUri", _text),
    "date": ("valueDate", _date),
    "dateTime": ("valueDateTime", _date_time),
    "time": ("valueTime", _text),
    "quantity": ("valueQuantity", _quantity),
    "reference": ("valueReference", _mapping("reference")),
    "attachment": ("valueAttachment", _mapping("contentType")),
}
