"""Search: the parameters of the CapabilityStatement, and no other."""

from collections.abc import Iterator, Sequence
from typing import Any

from ipvscreen.sandbox.compartment import patients_of
from ipvscreen.sandbox.kinds import SEARCH, Params
from ipvscreen.sandbox.memory import Memory, Resource
from ipvscreen.sandbox.references import target_of
from ipvscreen.sandbox.refusals import Refusal

PAGING = frozenset({"_count", "_offset"})
PAGE = 100

Query = Sequence[tuple[str, str]]


def check_query(kind: str, query: Query, params: Params) -> None:
    """400 for a parameter, a modifier or an empty value that this record system does not take."""
    for name, value in query:
        if name not in params:
            raise Refusal(400, "not-supported", f"{kind} cannot be searched by '{name}' here.")
        if not value:
            raise Refusal(400, "value", f"The search parameter '{name}' has no value.")


def found(memory: Memory, kind: str, query: Query, base: str) -> list[Resource]:
    """What matches every parameter, in the order of storing; `query` has been checked."""
    candidates = _candidates(memory, kind, query)
    return [one for one in candidates if matches(SEARCH[kind], _indexed(memory, one, base), query, base)]


def matches(params: Params, body: Resource, query: Query, base: str) -> bool:
    """Whether `body` matches every parameter (repeated: and; comma: or), each of which is in `params`."""
    return all(
        any(_one(body, *params[name], value, base) for value in values.split(",")) for name, values in query
    )


def page_of(query: Query) -> tuple[int, int, Query]:
    """(_count, _offset, the query without them); 400 where they are not numbers."""
    paging = {name: value for name, value in query if name in PAGING}
    if any(not value.isdecimal() or len(value) > 6 for value in paging.values()):
        raise Refusal(400, "value", "_count and _offset are whole numbers.")
    rest = [(name, value) for name, value in query if name not in PAGING]
    return min(int(paging.get("_count", PAGE)), PAGE), int(paging.get("_offset", 0)), rest


def _candidates(memory: Memory, kind: str, query: Query) -> Iterator[Resource]:
    """A superset of what matches: by id or identifier where the query gives one."""
    for name, value in query:
        if name == "_id" and "," not in value:
            body = memory.find(kind, value)
            return iter([body] if body else [])
        if name == "identifier" and value.count("|") == 1 and not value.endswith("|") and "," not in value:
            return iter(memory.with_identifier(kind, *value.split("|")))
    return memory.all(kind)


def _indexed(memory: Memory, body: Resource, base: str) -> Resource:
    """A Provenance filed under the patient whom its targets are about, as record systems do; an AuditEvent.

    R4 would find the first by `patient` only with a Patient among the targets.
    """
    if body["resourceType"] not in ("Provenance", "AuditEvent"):
        return body
    about = patients_of(body, base, memory.find)
    return {**body, "patient": [{"reference": f"Patient/{patient}"} for patient in sorted(about)]}


def _one(body: Resource, type_: str, element: str, value: str, base: str) -> bool:
    inside: Any = body
    for step in element.split("."):
        inside = _at(inside, step)
    if type_ == "token":
        return any(_token_matches(token, value) for token in _tokens(inside))
    wanted = target_of(value, base) or value
    return any(wanted in (target, target[1]) for target in _targets(inside, base))


def _at(value: Any, step: str) -> Any:
    """That element, or all of them where it is one of each of several."""
    if isinstance(value, list):
        each = (_at(one, step) for one in value)
        return [part for found in each for part in (found if isinstance(found, list) else [found])]
    return value.get(step) if isinstance(value, dict) else None


def _tokens(value: Any) -> Iterator[tuple[str, str]]:
    """(system, code) of a code, Coding, CodeableConcept, Identifier or a list of them."""
    if isinstance(value, str):
        yield "", value
    elif isinstance(value, list):
        for one in value:
            yield from _tokens(one)
    elif isinstance(value, dict):
        yield from _tokens(value.get("coding"))
        code = value.get("code", value.get("value"))
        if code is not None:
            yield value.get("system", ""), code


def _token_matches(token: tuple[str, str], wanted: str) -> bool:
    system, bar, code = wanted.rpartition("|")
    return (not code or token[1] == code) and (not bar or token[0] == system)


def _targets(value: Any, base: str) -> Iterator[tuple[str, str]]:
    for one in value if isinstance(value, list) else [value]:
        reference = one.get("reference") if isinstance(one, dict) else None
        target = target_of(reference, base) if isinstance(reference, str) else None
        if target:
            yield target
