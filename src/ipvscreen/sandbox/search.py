"""Search: the parameters of the CapabilityStatement, and no other."""

from collections.abc import Iterator, Sequence
from typing import Any

from ipvscreen.sandbox.kinds import SEARCH
from ipvscreen.sandbox.memory import Memory, Resource
from ipvscreen.sandbox.references import target_of
from ipvscreen.sandbox.refusals import Refusal

PAGING = frozenset({"_count", "_offset"})
PAGE = 100

Query = Sequence[tuple[str, str]]


def check_query(kind: str, query: Query) -> None:
    """400 for a parameter, a modifier or an empty value that this record system does not take."""
    for name, value in query:
        if name not in SEARCH[kind]:
            raise Refusal(400, "not-supported", f"{kind} cannot be searched by '{name}' here.")
        if not value:
            raise Refusal(400, "value", f"The search parameter '{name}' has no value.")


def found(memory: Memory, kind: str, query: Query, base: str) -> list[Resource]:
    """What matches every parameter, in the order of storing; `query` has been checked."""
    return [body for body in _candidates(memory, kind, query) if matches(kind, body, query, base)]


def matches(kind: str, body: Resource, query: Query, base: str) -> bool:
    """Whether `body` matches every parameter (repeated: and; comma: or)."""
    return all(
        any(_one(body, *SEARCH[kind][name], name, value, base) for value in values.split(","))
        for name, values in query
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


def _one(body: Resource, type_: str, element: str, name: str, value: str, base: str) -> bool:
    inside: Any = body
    for step in element.split("."):
        inside = inside.get(step) if isinstance(inside, dict) else None
    if type_ == "token":
        return any(_token_matches(token, value) for token in _tokens(inside))
    wanted = target_of(value, base) or value
    return any(_reference_matches(target, name, wanted) for target in _targets(inside, base))


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


def _reference_matches(target: tuple[str, str], name: str, wanted: tuple[str, str] | str) -> bool:
    if name == "patient" and target[0] != "Patient":
        return False
    return target == wanted if isinstance(wanted, tuple) else target[1] == wanted
