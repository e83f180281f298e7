"""fhirpathpy's functions and operators, with ours in place of what is missing, wrong or without limits."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fhirpathpy.engine.invocations import invocation_registry
from fhirpathpy.engine.nodes import FP_DateTime, FP_Time

from ipvscreen.sdc.fhirpath import functions
from ipvscreen.sdc.fhirpath.elements import is_a, key_of, keyed, plain, result_of, type_of
from ipvscreen.sdc.fhirpath.limits import Fault, Function, guarded, single
from ipvscreen.sdc.fhirpath.operators import OPERATORS, distinct, negated, number, truth
from ipvscreen.sdc.fhirpath.weights import weighed

# As fhirpathpy has them: on short texts and single values, without loops of their own.
_TAKEN_OVER = (
    "empty", "allTrue", "anyTrue", "allFalse", "anyFalse", "first", "last", "tail", "skip", "take",
    "toInteger", "toDecimal", "toDate", "toDateTime", "toTime", "convertsToInteger",
    "convertsToDecimal", "convertsToString", "convertsToDate", "convertsToDateTime",
    "convertsToTime", "length", "upper", "lower", "trim", "endsWith", "contains", "indexOf",
    "substring", "replace", "join", "split", "toChars", "exp", "ln", "log", "power", "sqrt", "count",
    "coalesce", "ceiling", "floor", "truncate",
)  # fmt: skip
REFUSED: Mapping[str, str] = {
    "trace": "it shows answers to whoever reads the log",
    "resolve": "it fetches from elsewhere",
    "memberOf": "it needs a terminology service",
    "subsumes": "it needs a terminology service",
    "subsumedBy": "it needs a terminology service",
    "validateVS": "it needs a terminology service",
    "conformsTo": "it needs profiles from elsewhere",
    "replaceMatches": "its result has no limit",
    "toQuantity": "it would convert units inexactly",
    "convertsToQuantity": "it would convert units inexactly",
}
_KEEP = ("first", "last", "tail", "skip", "take", "coalesce")  # these pass elements on, with their types
_theirs: Mapping[str, Any] = invocation_registry
_DateTime: Any = FP_DateTime  # fhirpathpy's classes have no types
_Time: Any = FP_Time


def _found(data: list[Any], other: list[Any], wanted: bool) -> list[Any]:
    keys = keyed(other)
    return [element for element in data if (key_of(element) in keys) is wanted]


def _clock(form: Callable[[Any], Any]) -> Function:
    def read(ctx: dict[str, Any], _: list[Any]) -> Any:
        if ctx["work"].now is None:
            raise Fault("The expression asks for the time, and no clock was given.")
        return form(ctx["work"].now)

    return read


def _single(data: list[Any]) -> list[Any]:
    single(data)
    return data


def _of_type(data: list[Any], wanted: Any) -> list[Any]:
    return [value for value in data if is_a(value, wanted)]


def _at(data: list[Any], place: list[Any]) -> list[Any]:
    wanted = plain(single(place))
    return [] if wanted is None or number(wanted) < 0 else data[int(wanted) : int(wanted) + 1]


def _has_value(data: list[Any]) -> bool:
    return len(data) == 1 and isinstance(result_of(data[0]), bool | int | Decimal | str)


def _taken(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    work = entry["fn"]

    def function(ctx: dict[str, Any], data: list[Any], *given: Any) -> Any:
        if [] in given:
            return []
        return work(ctx, data if name in _KEEP else [plain(value) for value in data], *given)

    return {**entry, "fn": guarded(function)}


def _own(work: Function, *kinds: str, least: int | None = None) -> dict[str, Any]:
    """An entry of the table for (context, input, parameters) → output; the parameters are of these kinds."""
    counts = range(len(kinds) if least is None else least, len(kinds) + 1)
    return {"fn": guarded(work), "arity": {count: list(kinds[:count]) for count in counts}}


def _plain(work: Function, *kinds: str) -> dict[str, Any]:
    """As `_own`, of what needs no context."""
    return _own(lambda _, *given: work(*given), *kinds)


_SUPPLEMENT: Mapping[str, dict[str, Any]] = {
    "where": _own(functions.where, "Expr"),
    "select": _own(functions.select, "Expr"),
    "exists": _own(functions.exists, "Expr", least=0),
    "all": _own(functions.every, "Expr"),
    "repeat": _own(functions.repeat, "Expr"),
    "aggregate": _own(functions.aggregate, "Expr", "Any", least=1),
    "iif": _own(functions.iif, "Expr", "Expr", "Expr", least=2),
    "children": _own(functions.children),
    "descendants": _own(functions.descendants),
    "extension": _own(functions.extension, "Any"),
    "single": _plain(_single),
    "subsetOf": _plain(lambda data, other: keyed(data).keys() <= keyed(other).keys(), "Any"),
    "supersetOf": _plain(lambda data, other: keyed(data).keys() >= keyed(other).keys(), "Any"),
    "intersect": _plain(lambda data, other: distinct(_found(data, other, True)), "Any"),
    "exclude": _plain(lambda data, other: _found(data, other, False), "Any"),
    "union": _plain(lambda data, other: distinct(data + other), "Any"),
    "combine": _plain(lambda data, other: data + other, "Any"),
    "distinct": _plain(distinct),
    "isDistinct": _plain(lambda data: len(distinct(data)) == len(data)),
    "sum": _own(functions.total),
    "avg": _own(functions.average),
    "min": _own(functions.extreme(-1)),
    "max": _own(functions.extreme(1)),
    "weight": _own(lambda ctx, data: [weighed(answer, ctx["work"].index) for answer in data]),
    "ordinal": _own(lambda ctx, data: [weighed(answer, ctx["work"].index) for answer in data]),
    "round": _own(functions.rounded, "Any", least=0),
    "abs": _own(functions.absolute),
    "toString": _own(functions.written),
    "matches": _own(functions.of_texts(functions.matches), "Any"),
    "matchesFull": _own(functions.of_texts(functions.matches_full), "Any"),
    "startsWith": _own(functions.of_texts(str.startswith), "Any"),
    "not": _plain(lambda data: negated(truth(data))),
    "toBoolean": _own(functions.to_boolean),
    "convertsToBoolean": _plain(lambda data: functions.to_boolean({}, data) is not None if data else None),
    "now": _own(_clock(lambda now: _DateTime(now.isoformat(timespec="milliseconds")))),
    "today": _own(_clock(lambda now: _DateTime(now.date().isoformat()))),
    "timeOfDay": _own(_clock(lambda now: _Time(now.time().isoformat(timespec="milliseconds")))),
    "ofType": _plain(_of_type, "TypeSpecifier"),
    "as": _plain(lambda data, wanted: _of_type(_single(data), wanted), "TypeSpecifier"),
    "is": _plain(lambda data, wanted: is_a(single(data), wanted) if data else None, "TypeSpecifier"),
    "hasValue": _plain(_has_value),
}  # fmt: skip
ALLOWED = frozenset(_SUPPLEMENT) | frozenset(_TAKEN_OVER)

TABLE: Mapping[str, dict[str, Any]] = {
    **{name: _taken(name, entry) for name, entry in _theirs.items()},
    **_SUPPLEMENT,
    "&": {**_theirs["&"], "fn": guarded(_theirs["&"]["fn"])},
    **{name: _plain(work, "Any", "Any") for name, work in OPERATORS.items()},
    **{f"={axis}": _own(functions.looked_up(axis), "Any", "Expr") for axis in functions.ALONG},
    "=member": _own(functions.member, "Any"),
    "=at": _plain(_at, "Any"),
    "trace": _own(lambda _, data, *__: data, "Any", "Any", least=1),  # it never prints
    "type": _plain(lambda data: [vars(type_of(one)) for one in data]),
}
