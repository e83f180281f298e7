"""FHIR elements as FHIRPath sees them: typed nodes, their children, and what two of them have in common."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from fhirpathpy.engine.nodes import FP_DateTime, FP_Quantity, FP_Time, FP_TimeBase, ResourceNode
from fhirpathpy.models import models

from ipvscreen.sdc.fhirpath.quantities import UCUM, amount_of, quantity_of

_Node: Any = ResourceNode  # fhirpathpy's classes have no types
_R4: Mapping[str, Mapping[str, Any]] = models["r4"]
_TIMES: Mapping[str | None, Any] = {
    "date": FP_DateTime,
    "dateTime": FP_DateTime,
    "instant": FP_DateTime,
    "time": FP_Time,
}
_TIMED: Any = FP_TimeBase  # whose classes below it all keep the text
_QUANTITIES = ("Quantity", "SimpleQuantity", "Age", "Duration", "Count", "Distance")


def node(value: Any, path: str | None = None, extra: Any = None) -> Any:
    """`value` with the path or type that its children are looked up by; a resource knows its own."""
    return value if isinstance(value, ResourceNode) else _Node(value, path, extra)


def bare(value: Any) -> Any:
    """The JSON value of a node; a float as the decimal that was written."""
    data = value.data if isinstance(value, ResourceNode) else value
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
    if isinstance(data, Mapping) and (path in _QUANTITIES or (path is None and _looks_measured(data))):
        return quantity_of(data) or data
    return data


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


def children(parent: Any, key: str) -> list[Any]:
    """The elements of that name; `value` finds value[x]; a resource finds itself by its type."""
    data, extra, path = _opened(parent)
    if data.get("resourceType") == key:
        return [node(parent)]
    name, below = _below(path, key, tuple(data) if path is None else None, data)
    found, more = data.get(name), data.get(f"_{name}")
    if found is None and extra is not None:
        found = extra.get(name)
    return list(_nodes(found, more, below))


def all_children(parent: Any) -> list[Any]:
    """Every child element, in the order of the file; a value of value[x] under its own type."""
    data, _, path = _opened(parent)
    found: list[Any] = []
    for name, value in data.items():
        if name == "resourceType" or name.startswith("_"):
            continue
        found += _nodes(value, data.get(f"_{name}"), _type_of(path, _choice_base(path, name), name))
    return found


def _opened(parent: Any) -> tuple[Mapping[str, Any], Mapping[str, Any] | None, str | None]:
    data = bare(parent)
    if isinstance(data, FP_Quantity):
        return amount_of(data), None, "Quantity"
    known = parent if isinstance(parent, ResourceNode) else _Node(data, None)
    inside = data if isinstance(data, Mapping) else {}
    return inside, known._data if isinstance(known._data, Mapping) else None, known.path


def _nodes(found: Any, more: Any, path: str | None) -> Iterator[Any]:
    values = found if isinstance(found, list | tuple) else [found]
    extras = more if isinstance(more, list | tuple) else [more]
    for place, value in enumerate(values):
        if value is not None:
            yield node(value, path, extras[place] if place < len(extras) else None)


def _below(
    path: str | None, key: str, names: tuple[str, ...] | None, data: Mapping[str, Any]
) -> tuple[str, str | None]:
    """The JSON name of that child, and its type."""
    for kind in _choices(path, key):
        if f"{key}{kind}" in data or f"_{key}{kind}" in data:
            return f"{key}{kind}", _type_of(path, key, f"{key}{kind}")
    if key == "value" and names is not None and key not in data:  # an element of unknown type
        name = next((name for name in names if name.startswith("value")), key)
        return name, name.removeprefix("value") or None
    return key, _type_of(path, key, key)


@lru_cache(maxsize=4096)
def _choices(path: str | None, key: str) -> tuple[str, ...]:
    full = f"{path}.{key}"
    return tuple(_R4["choiceTypePaths"].get(_R4["pathsDefinedElsewhere"].get(full, full), ()))


@lru_cache(maxsize=4096)
def _choice_base(path: str | None, name: str) -> str:
    """`value` of valueCoding, where the type at `path` has such a choice."""
    cuts = (name[:cut] for cut in range(1, len(name)) if name[cut].isupper())
    return next((cut for cut in cuts if name[len(cut) :] in _choices(path, cut)), name)


@lru_cache(maxsize=4096)
def _type_of(path: str | None, key: str, name: str) -> str | None:
    if key == "extension":
        return "Extension"
    if path is None:
        return None
    full = _R4["pathsDefinedElsewhere"].get(f"{path}.{key}", f"{path}.{key}") + name.removeprefix(key)
    found: str = _R4["path2Type"].get(full, full)
    return found


def _looks_measured(data: Mapping[str, Any]) -> bool:
    return "value" in data and data.get("system") == UCUM


def type_of(value: Any) -> tuple[str, str]:
    """Namespace and name of the type, as `is` and `ofType` know it."""
    if isinstance(value, ResourceNode) and value.path is not None:
        return "FHIR", "BackboneElement" if "." in value.path else value.path
    data = plain(value)
    if isinstance(data, FP_DateTime) and "T" not in str(data.asStr):
        return "System", "Date"
    for kind, name in _SYSTEM:
        if isinstance(data, kind):
            return "System", name
    return "System", "Any"


_SYSTEM: tuple[tuple[type, str], ...] = (
    (bool, "Boolean"),
    (int, "Integer"),
    (Decimal, "Decimal"),
    (str, "String"),
    (FP_DateTime, "DateTime"),
    (FP_Time, "Time"),
    (FP_Quantity, "Quantity"),
)


def type_named(value: Any) -> dict[str, str]:
    """What type() says of a value."""
    space, name = type_of(value)
    return {"namespace": space, "name": name}


def is_a(value: Any, wanted: str) -> bool:
    """Whether the value is of the type `wanted` (`Quantity`, `FHIR.string`, `System.Integer`) or below it."""
    space, _, name = wanted.rpartition(".")
    own_space, own = type_of(value)
    if space and space != own_space:
        return False
    while own and own != name:
        own = _R4["type2Parent"].get(own, "")
    return own == name
