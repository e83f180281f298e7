"""FHIRPath as far as a form may use it: checked when it is loaded, compiled once, evaluated within limits."""

from collections import ChainMap
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from fhirpathpy.engine import do_eval

from ipvscreen.errors import ExpressionFailed
from ipvscreen.sdc.fhirpath.adapted import Adapted, adapted
from ipvscreen.sdc.fhirpath.elements import R4, bare, node, result_of
from ipvscreen.sdc.fhirpath.limits import Fault, Work, bounded
from ipvscreen.sdc.fhirpath.lookups import PREFIXES, function_name, lookup, variable_name
from ipvscreen.sdc.fhirpath.response_index import ResponseIndex
from ipvscreen.sdc.fhirpath.supplement import ALLOWED, REFUSED, TABLE
from ipvscreen.sdc.fhirpath.syntax import Node, parse, text_of, walk

STANDARD = frozenset(
    {"context", "resource", "rootResource", "questionnaire", "qitem", "ucum", "sct", "loinc"}
)
_NOTHING: Mapping[str, list[Any]] = {name: [] for name in STANDARD}
_FIXED: Mapping[str, list[Any]] = {
    "ucum": ["http://unitsofmeasure.org"],
    "sct": ["http://snomed.info/sct"],
    "loinc": ["http://loinc.org"],
}
_AROUND = frozenset({"item", "children", "descendants", "repeat"})  # they reach any item

_do_eval: Any = do_eval  # fhirpathpy's functions have no types
_tree = lru_cache(maxsize=4096)(parse)


@lru_cache(maxsize=4096)
def _compiled(expression: str, by_index: bool = True) -> Adapted:
    return adapted(_tree(expression), by_index=by_index)


def check(expression: str, names: Collection[str] = ()) -> None:
    """ValueError with one sentence unless the expression may be used.

    `names` are the variables and launch contexts that are known where it stands; STANDARD ones always are.
    """
    for part in walk(_tree(expression)):
        if part["type"] == "FunctionInvocation":
            _check_function(function_name(part))
    unknown = names_in(expression) - STANDARD - set(names)
    if unknown:
        raise ValueError(f"The expression uses %{min(unknown)}, which is not known here.")
    _compiled(expression)


def _check_function(name: str) -> None:
    if name not in ALLOWED:
        reason = REFUSED.get(name, "it is not among the functions that forms may use")
        raise ValueError(f"The function {name[:40]}() is not allowed: {reason}.")


def links_in(expression: str) -> frozenset[str]:
    """The linkIds that it compares with: what it reads, as far as that can be seen. ValueError as `check`."""
    found = set()
    for part in walk(_tree(expression)):
        if part["terminalNodeText"][:1] in (["="], ["~"], ["in"], ["contains"]) and _mentions(part, "linkId"):
            found |= {text_of(leaf["text"]) for leaf in walk(part) if leaf["type"] == "StringLiteral"}
    return frozenset(found)


@lru_cache(maxsize=4096)
def names_in(expression: str) -> frozenset[str]:
    """The %variables that it uses, without the sign. ValueError as `check`."""
    terms = (part for part in walk(_tree(expression)) if part["type"] == "ExternalConstantTerm")
    names = (variable_name(part) for part in terms)
    return frozenset(name for name in names if name.partition("-")[0] not in PREFIXES)


@lru_cache(maxsize=4096)
def reads(expression: str) -> frozenset[str] | None:
    """The linkIds of all that its result can hang on, beside variables and %context; None for any."""
    found: set[str] = set()
    stack = [_tree(expression)]
    while stack:
        part = stack.pop()
        looked_up = lookup(part)
        if looked_up:
            base, _, link = looked_up
            found.add(link)
            stack.extend([base] if base else [])
        elif _name(part) in _AROUND:
            return None
        else:
            stack.extend(part["children"])
    return frozenset(found)


def _mentions(part: Node, name: str) -> bool:
    return any(leaf["type"] == "Identifier" and text_of(leaf["text"]) == name for leaf in walk(part))


def _name(part: Node) -> str | None:
    return text_of(part["text"]) if part["type"] == "Identifier" else None


def evaluate(
    expression: str,
    focus: Any,
    names: Mapping[str, Any] | None = None,
    *,
    now: datetime | None = None,
    checked: bool = True,
) -> list[Any]:
    """The result, as plain values: bool, int, Decimal, str, or the mapping of an element.

    `focus` is one resource or element or a list of them; it is also %context and, if it is a resource,
    %resource, where `names` does not say otherwise. weight() asks the response that is %resource, and
    %questionnaire. ExpressionFailed for whatever goes wrong, an expression that may not be used
    included; `checked=False` leaves the list of allowed functions aside.
    """
    given = {name: _listed(value) for name, value in (names or {}).items()}
    root = _listed(focus)
    resource = given.get("resource") or [one for one in root if _is_resource(one)][:1]
    known = {"context": root, "resource": resource, "rootResource": resource, **given}
    try:
        if checked:
            check(expression, given)
    except ValueError as wrong:
        raise ExpressionFailed(str(wrong)) from None
    questionnaire = next(iter(known.get("questionnaire", ())), None)
    index = ResponseIndex(bare(resource[0]), bare(questionnaire)) if resource else None
    return [result_of(value) for value in run(expression, root, known, Work(now, index))]


def run(
    expression: str, focus: list[Any], names: Mapping[str, list[Any]], work: Work, *, by_index: bool = True
) -> list[Any]:
    """The result as nodes, for an expression that was checked. ExpressionFailed for whatever goes wrong.

    The cause is left behind: it may hold what was answered.
    """
    try:
        tree, constants = _compiled(expression, by_index)
        known = ChainMap[str, list[Any]](constants, names, _FIXED, _NOTHING)  # type: ignore[arg-type]  # only read
        place = {"dataRoot": focus, "$this": focus, "$index": None, "$total": None}
        table = {"vars": known, "model": R4, "userInvocationTable": TABLE, "work": work}
        return bounded(_do_eval({**place, **table}, focus, tree))
    except Fault as fault:
        raise ExpressionFailed(str(fault)) from None
    except Exception:  # fhirpathpy raises whatever comes; its words may quote answers
        raise ExpressionFailed("The expression could not be worked out.") from None


def _listed(value: Any) -> list[Any]:
    values = value if isinstance(value, list) else [] if value is None else [value]
    return [node(one) if isinstance(one, Mapping) else one for one in values]


def _is_resource(value: Any) -> bool:
    data = bare(value)
    return isinstance(data, Mapping) and "resourceType" in data
