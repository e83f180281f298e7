"""The functions of fhirpathpy that are used as they are, and which functions a form may use at all."""

from collections.abc import Callable, Mapping
from typing import Any

from fhirpathpy.engine.invocations import invocation_registry

from ipvscreen.sdc.fhirpath.elements import is_number, plain
from ipvscreen.sdc.fhirpath.frames import Fault, Frame, Step, single
from ipvscreen.sdc.fhirpath.functions import FUNCTIONS

# As fhirpathpy has them: on short texts and single values, without loops of their own.
_TAKEN_OVER = (
    "empty", "allTrue", "anyTrue", "allFalse", "anyFalse", "first", "last", "tail", "skip", "take",
    "toInteger", "toDecimal", "toDate", "toDateTime", "toTime", "convertsToInteger",
    "convertsToDecimal", "convertsToString", "convertsToDate", "convertsToDateTime",
    "convertsToTime", "length", "upper", "lower", "trim", "endsWith", "contains", "indexOf",
    "substring", "replace", "join", "split", "toChars", "exp", "ln", "log", "power", "sqrt",
)  # fmt: skip
ALLOWED = frozenset(FUNCTIONS) - {"trace", "type"} | frozenset(_TAKEN_OVER)
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

_REGISTRY: Mapping[str, Any] = invocation_registry
_SINGLE = {"String", "Integer", "Number", "Boolean"}
_KEEP = ("first", "last", "tail", "skip", "take")  # these pass elements on, with their types
_FITS: Mapping[str, Callable[[Any], bool]] = {
    "String": lambda value: isinstance(value, str),
    "Integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "Number": is_number,
    "Boolean": lambda value: isinstance(value, bool),
}


def taken_over(name: str) -> tuple[range, Callable[..., list[Any]]]:
    """A function of fhirpathpy, in our frame: parameters are single values, of the type that it wants."""
    entry = _REGISTRY.get(name)
    arity: Mapping[int, list[Any]] = (entry or {}).get("arity", {0: []})
    if (
        entry is None
        or not name.isalpha()
        or not all(_SINGLE.issuperset(map(str, kinds)) for kinds in arity.values())
    ):
        raise ValueError(f"There is no function {name}().")
    work, empty_stays = entry["fn"], "nullable_input" in entry or "nullable" in entry

    def function(frame: Frame, data: list[Any], *steps: Step) -> list[Any]:
        if empty_stays and not data:
            return []
        given = [plain(single(step(frame, frame.this))) for step in steps]
        if None in given:
            return []
        kinds = arity.get(len(given), [])
        if not all(_FITS[kind](value) for kind, value in zip(kinds, given, strict=False)):
            raise Fault(f"The function {name}() got a value that it cannot use.")
        found = work({}, [plain(value) for value in data] if name not in _KEEP else data, *given)
        return found if isinstance(found, list) else [] if found is None else [found]

    return range(min(arity), max(arity) + 1), function
