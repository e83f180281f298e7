"""FHIRPath's functions, where fhirpathpy lacks them, has them wrong, or sets no limit."""

from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from fhirpathpy.engine.nodes import FP_DateTime, FP_Time

from ipvscreen.sdc.fhirpath.aggregates import absolute, average, extreme, rounded, total, weights
from ipvscreen.sdc.fhirpath.elements import (
    all_children,
    bare,
    children,
    is_a,
    key_of,
    plain,
    result_of,
    type_named,
)
from ipvscreen.sdc.fhirpath.frames import Fault, Frame, Function, Step, bounded, single
from ipvscreen.sdc.fhirpath.operators import distinct, truth
from ipvscreen.sdc.fhirpath.texts import matching, starts_with, to_boolean, written

_DateTime: Any = FP_DateTime  # fhirpathpy's classes have no types
_Time: Any = FP_Time


def where(frame: Frame, data: list[Any], criteria: Step) -> list[Any]:
    """The elements for which the criteria are true; each is asked once."""
    return [element for element, found in _each(frame, data, criteria) if truth(found)]


def _each(frame: Frame, data: list[Any], step: Step) -> list[tuple[Any, list[Any]]]:
    frame.work.spend(len(data))
    return [(element, step(frame.at(element, place), [element])) for place, element in enumerate(data)]


def _select(frame: Frame, data: list[Any], step: Step) -> list[Any]:
    return [value for _, found in _each(frame, data, step) for value in found]


def _exists(frame: Frame, data: list[Any], criteria: Step | None = None) -> list[Any]:
    return [bool(where(frame, data, criteria) if criteria else data)]


def _all(frame: Frame, data: list[Any], criteria: Step) -> list[Any]:
    return [all(truth(found) for _, found in _each(frame, data, criteria))]


def _repeat(frame: Frame, data: list[Any], step: Step) -> list[Any]:
    found: dict[Any, Any] = {}
    level = data
    while level:
        fresh = {key_of(value): value for value in bounded(_select(frame, level, step))}
        new = {key: value for key, value in fresh.items() if key not in found}
        found |= new
        level = list(new.values())
    return bounded(list(found.values()))


def _aggregate(frame: Frame, data: list[Any], step: Step, start: Step | None = None) -> list[Any]:
    total = start(frame, frame.this) if start else []
    frame.work.spend(len(data))
    for place, element in enumerate(data):
        total = bounded(step(frame.at(element, place).with_total(total), [element]))
    return total


def _iif(frame: Frame, data: list[Any], test: Step, then: Step, other: Step | None = None) -> list[Any]:
    here = frame.with_this(data)
    if truth(test(here, data)):
        return then(here, data)
    return other(here, data) if other else []


def _coalesce(frame: Frame, data: list[Any], *steps: Step) -> list[Any]:
    return next((found for step in steps if (found := step(frame, data))), [])


def below(frame: Frame, data: list[Any]) -> list[Any]:
    """The children of each element."""
    found = [child for element in data for child in all_children(element)]
    frame.work.spend(len(found))
    return bounded(found)


def descendants(frame: Frame, data: list[Any]) -> list[Any]:
    """All below each element, level by level."""
    found: list[Any] = []
    level = below(frame, data)
    while level:
        found = bounded(found + level)
        level = below(frame, level)
    return found


def _extension(frame: Frame, data: list[Any], url: Step) -> list[Any]:
    wanted = plain(single(url(frame, frame.this)))
    found = [extension for element in data for extension in children(element, "extension")]
    return [extension for extension in found if bare(extension).get("url") == wanted]


def _single(_: Frame, data: list[Any]) -> list[Any]:
    single(data)
    return data


def _subset(frame: Frame, data: list[Any], other: Step) -> list[Any]:
    return [_keys(data) <= _keys(other(frame, frame.this))]


def _superset(frame: Frame, data: list[Any], other: Step) -> list[Any]:
    return [_keys(data) >= _keys(other(frame, frame.this))]


def _intersect(frame: Frame, data: list[Any], other: Step) -> list[Any]:
    keys = _keys(other(frame, frame.this))
    return distinct([value for value in data if key_of(value) in keys])


def _exclude(frame: Frame, data: list[Any], other: Step) -> list[Any]:
    keys = _keys(other(frame, frame.this))
    return [value for value in data if key_of(value) not in keys]


def _keys(values: list[Any]) -> set[Any]:
    return {key_of(value) for value in values}


def _not(_: Frame, data: list[Any]) -> list[Any]:
    value = truth(data)
    return [] if value is None else [not value]


def _now(form: Callable[[Any], Any]) -> Function:
    def read(frame: Frame, _: list[Any]) -> list[Any]:
        if frame.work.now is None:
            raise Fault("The expression asks for the time, and no clock was given.")
        return [form(frame.work.now)]

    return read


def _of_type(_: Frame, data: list[Any], wanted: str) -> list[Any]:
    return [value for value in data if is_a(value, wanted)]


def _as(frame: Frame, data: list[Any], wanted: str) -> list[Any]:
    return _of_type(frame, _single(frame, data), wanted)


def _is(_: Frame, data: list[Any], wanted: str) -> list[Any]:
    return [is_a(single(data), wanted)] if data else []


def _has_value(_: Frame, data: list[Any]) -> list[Any]:
    return [len(data) == 1 and isinstance(result_of(data[0]), bool | int | Decimal | str)]


def _of_data(work: Callable[[list[Any]], list[Any]]) -> Function:
    return lambda _, data: work(data)


# name → (how many parameters it takes, what it does)
FUNCTIONS: Mapping[str, tuple[range, Function]] = {
    "where": (range(1, 2), where),
    "select": (range(1, 2), _select),
    "exists": (range(2), _exists),
    "all": (range(1, 2), _all),
    "repeat": (range(1, 2), _repeat),
    "aggregate": (range(1, 3), _aggregate),
    "iif": (range(2, 4), _iif),
    "coalesce": (range(1, 20), _coalesce),
    "children": (range(1), below),
    "descendants": (range(1), descendants),
    "extension": (range(1, 2), _extension),
    "single": (range(1), _single),
    "subsetOf": (range(1, 2), _subset),
    "supersetOf": (range(1, 2), _superset),
    "intersect": (range(1, 2), _intersect),
    "exclude": (range(1, 2), _exclude),
    "union": (range(1, 2), lambda frame, data, other: distinct(data + other(frame, frame.this))),
    "combine": (range(1, 2), lambda frame, data, other: data + other(frame, frame.this)),
    "distinct": (range(1), _of_data(distinct)),
    "isDistinct": (range(1), lambda _, data: [len(distinct(data)) == len(data)]),
    "count": (range(1), lambda _, data: [len(data)]),
    "sum": (range(1), _of_data(total)),
    "avg": (range(1), _of_data(average)),
    "min": (range(1), _of_data(extreme(-1))),
    "max": (range(1), _of_data(extreme(1))),
    "weight": (range(1), weights),
    "ordinal": (range(1), weights),
    "round": (range(2), rounded(ROUND_HALF_UP)),
    "ceiling": (range(1), rounded(ROUND_CEILING)),
    "floor": (range(1), rounded(ROUND_FLOOR)),
    "truncate": (range(1), rounded(ROUND_DOWN)),
    "abs": (range(1), absolute),
    "toString": (range(1), written),
    "matches": (range(1, 2), matching("(?s){}")),
    "matchesFull": (range(1, 2), matching("(?s)^(?:{})$")),
    "startsWith": (range(1, 2), starts_with),
    "not": (range(1), _not),
    "toBoolean": (range(1), to_boolean),
    "convertsToBoolean": (range(1), lambda frame, data: [bool(to_boolean(frame, data))] if data else []),
    "type": (range(1), lambda _, data: [type_named(value) for value in data]),
    "now": (range(1), _now(lambda now: _DateTime(now.isoformat(timespec="milliseconds")))),
    "today": (range(1), _now(lambda now: _DateTime(now.date().isoformat()))),
    "timeOfDay": (range(1), _now(lambda now: _Time(now.time().isoformat(timespec="milliseconds")))),
    "ofType": (range(1, 2), _of_type),
    "as": (range(1, 2), _as),
    "is": (range(1, 2), _is),
    "hasValue": (range(1), _has_value),
    "trace": (range(1, 3), lambda _, data, *__: data),  # it never prints; forms may not use it at all
}

TYPED = frozenset({"ofType", "as", "is"})  # their parameter is the name of a type
