"""FHIR elements in fhirpathpy's nodes: their values, their children, their types."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from fhirpathpy.engine.evaluators import evaluators
from fhirpathpy.engine.invocations import navigation
from fhirpathpy.engine.nodes import FP_DateTime, FP_Quantity, FP_Time, FP_TimeBase, ResourceNode, TypeInfo
from fhirpathpy.models import models

from ipvscreen.sdc.fhirpath.quantities import UCUM, amount_of, quantity_of

R4: Mapping[str, Mapping[str, Any]] = models["r4"]
_Node: Any = ResourceNode  # fhirpathpy's classes have no types
_Type: Any = TypeInfo
_member: Any = evaluators["MemberInvocation"]
_children: Any = navigation.children
_TIMES: Mapping[str | None, Any] = {
    "date": FP_DateTime,
    "dateTime": FP_DateTime,
    "instant": FP_DateTime,
    "time": FP_Time,
}
_TIMED: Any = FP_TimeBase  # whose classes below it all keep the text
_QUANTITIES = ("Quantity", "SimpleQuantity", "Age", "Duration", "Count", "Distance")


def node(value: Any, path: str | None = None) -> Any:
    """`value` with the path or type that its children are looked up by; a resource knows its own."""
    return value if isinstance(value, ResourceNode) else _Node(value, path)


def raw(value: Any) -> Any:
    """The JSON value of a node: the same object for the same element."""
    return value.data if isinstance(value, ResourceNode) else value


def bare(value: Any) -> Any:
    """The JSON value of a node; a float as the decimal that was written."""
    data = raw(value)
    return Decimal(str(data)) if isinstance(data, float) else data


def is_number(value: Any) -> bool:
    """An integer or a decimal; a boolean is neither."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def plain(value: Any) -> Any:
    """What operators work on: a number, string, boolean, FP_DateTime, FP_Time, FP_Quantity or mapping."""
    data = bare(value)
    path = value.path if isinstance(value, ResourceNode) else None
    if isinstance(data, str) and path in _TIMES:
        return _TIMES[path](data) or data
    if isinstance(data, Mapping) and (
        path in _QUANTITIES or ("." in (path or ".") and _looks_measured(data))
    ):
        return quantity_of(data) or data
    return data


def _looks_measured(data: Mapping[str, Any]) -> bool:
    return "value" in data and data.get("system") == UCUM


def result_of(value: Any) -> Any:
    """What leaves an evaluation: bool, int, Decimal, str, or a mapping; a Quantity as FHIR writes it."""
    data = bare(value)
    if isinstance(data, FP_Quantity):
        return amount_of(data)
    return data.asStr if isinstance(data, _TIMED) else data


def key_of(value: Any) -> tuple[str, Any]:
    """Equal for equal elements, and hashable: 1 and 1.0 are equal, 1 and true are not."""
    data = plain(value)
    if isinstance(data, Mapping | list | tuple):
        return "element", json.dumps(data, sort_keys=True, default=str)
    if isinstance(data, FP_Quantity):
        return "quantity", json.dumps(amount_of(data), sort_keys=True, default=str)
    if isinstance(data, _TIMED):
        return "time", data.asStr
    return "number" if is_number(data) else type(data).__name__, data


def keyed(values: Iterable[Any]) -> dict[tuple[str, Any], Any]:
    """The elements by their keys; the first of each stays."""
    found: dict[tuple[str, Any], Any] = {}
    for value in {id(raw(value)): value for value in values}.values():  # the costly part once
        found.setdefault(key_of(value), value)
    return found


def members(ctx: Mapping[str, Any], parent: Any, name: str) -> list[Any]:
    """The elements of that name; a resource finds itself by its type. A primitive's extensions are kept
    with it, where fhirpathpy makes an element of them."""
    here = _opened(parent)
    if isinstance(here.data, Mapping) and here.data.get("resourceType") == name:
        return [here]
    if name == "extension" and here._data:
        here = _Node(here._data, "Element")
    asked = {"children": [{"type": "Identifier", "text": name}]}
    parts = [part for part in _member(ctx, [here], asked) if part.data is not None]
    values = {part.index: part for part in parts if not _is_extra(part)}
    for part in parts:
        if _is_extra(part) and part.index in values:
            values[part.index]._data = part.data
    return list(values.values())


def _opened(parent: Any) -> Any:
    """A node with a path: an element of unknown type is read as an answer."""
    data = bare(parent)
    if isinstance(data, FP_Quantity):
        return _Node(amount_of(data), "Quantity")
    path = "Element" if isinstance(data, Mapping) and "value" in data else "QuestionnaireResponse.item.answer"
    return parent if isinstance(parent, ResourceNode) and parent.path else _Node(data, path)


def _is_extra(part: Any) -> bool:
    of_primitive = part.path[:1].islower() and "." not in part.path
    return of_primitive and isinstance(part.data, Mapping)


def below(ctx: Mapping[str, Any], parent: Any) -> list[Any]:
    """Every child element, in the order of the file."""
    return [part for part in _children(ctx, [_opened(parent)]) if not part.path.endswith(".resourceType")]


def type_of(value: Any) -> Any:
    """fhirpathpy's TypeInfo (`name`, `namespace`, `is_`) of a node or plain value."""
    _Type.model = R4  # as fhirpathpy does at every `is`
    found = _Type.from_value(value) or _Type("Any", _Type.System)
    if isinstance(value, FP_DateTime) and "T" not in str(value.asStr):
        found.name = "Date"
    return found


def is_a(value: Any, wanted: Any) -> bool:
    """Whether the value is of that type (a TypeInfo) or below it."""
    return bool(type_of(value).is_(wanted))
