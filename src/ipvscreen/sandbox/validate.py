"""Whether a body is valid FHIR R4: the models, and what the models do not check.

The models of fhir.resources check elements, cardinality and formats. They do not check required
codes (they only list them, see `enum_values`), the types that a reference may have, JSON types
(they turn "1" into 1), or empty arrays; the walk below does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel, ValidationError

from ipvscreen.sandbox.codes import WHOLE
from ipvscreen.sandbox.memory import Resource
from ipvscreen.sandbox.references import references_in
from ipvscreen.sandbox.refusals import Refusal

_OPEN = frozenset({"+", "etc."})
_REFERENCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}(?:/_history/[A-Za-z0-9.-]+)?")


@dataclass(frozen=True, slots=True)
class _Element:
    """What the model knows of one element."""

    name: str
    codes: frozenset[str]
    targets: frozenset[str]


def validate(body: Resource) -> None:
    """Raise a Refusal (422, the first few findings in its words) unless `body` is valid R4."""
    kind = str(body.get("resourceType"))
    try:
        model: BaseModel = get_fhir_model_class(kind).model_validate(body)
    except ValidationError as problem:
        raise _invalid(kind, [f"{_path(kind, e['loc'])}: {e['msg']}" for e in problem.errors()]) from problem
    except (KeyError, ValueError) as problem:  # what the models raise for a type that they do not know
        raise _invalid(kind, ["unknown resource type"]) from problem
    findings = [*_findings(model, body, kind), *_invariants(body, kind)]
    if findings:
        raise _invalid(kind, findings)


def _invalid(kind: str, findings: list[str]) -> Refusal:
    return Refusal(422, "invariant", f"This {kind} is not valid FHIR R4. " + "; ".join(findings[:5]))


def _path(kind: str, location: tuple[int | str, ...]) -> str:
    return ".".join([kind, *map(str, location)])


def _findings(model: BaseModel, raw: dict[str, Any], path: str) -> Iterator[str]:
    known = _elements(type(model))
    if not raw:
        yield f"{path}: is empty"
    for name, value in raw.items():
        element = known.get(name)
        if element is not None:
            yield from _of_element(element, getattr(model, element.name), value, f"{path}.{name}")
        elif name != "resourceType":
            yield f"{path}.{name}: no such element"


def _of_element(element: _Element, read: Any, raw: Any, path: str) -> Iterator[str]:
    if raw is None or raw == [] or raw == "":
        yield f"{path}: is empty"
    elif isinstance(raw, list):
        for index, (one, raw_one) in enumerate(zip(read, raw, strict=True)):
            # A null keeps the place of a primitive that has only an extension.
            if raw_one is not None:
                yield from _of_element(element, one, raw_one, f"{path}.{index}")
    elif isinstance(read, BaseModel):
        yield from _of_model(element, read, raw, path)
    else:
        yield from _of_primitive(element, read, raw, path)


def _of_model(element: _Element, read: BaseModel, raw: Any, path: str) -> Iterator[str]:
    if not isinstance(raw, dict):
        yield f"{path}: must be an object"
        return
    match = _REFERENCE.fullmatch(str(raw.get("reference", "")))
    if match and element.targets and match[1] not in element.targets:
        yield f"{path}: may not refer to {match[1]}"
    if type(read).__name__ == "Extension" and not _value_or_extensions(raw):
        yield f"{path}: an extension has either a value or extensions"
    yield from _findings(read, raw, path)


def _of_primitive(element: _Element, read: Any, raw: Any, path: str) -> Iterator[str]:
    if not _same_json_type(read, raw):
        yield f"{path}: has the wrong JSON type"
    elif element.codes and raw not in element.codes:
        yield f"{path}: '{raw}' is not one of {', '.join(sorted(element.codes))}"


def _same_json_type(read: Any, raw: Any) -> bool:
    if isinstance(read, bool) or isinstance(raw, bool):
        return isinstance(read, bool) and isinstance(raw, bool)
    if isinstance(raw, int | float):
        return not isinstance(read, str)
    return isinstance(raw, str) and not _is_number(read)


def _is_number(read: Any) -> bool:
    return hasattr(read, "real")  # int, float and Decimal


def _value_or_extensions(raw: dict[str, Any]) -> bool:
    return any(name.lstrip("_").startswith("value") for name in raw) != ("extension" in raw)


@cache
def _elements(model: type[BaseModel]) -> dict[str, _Element]:
    known: dict[str, _Element] = {}
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        notes: dict[str, Any] = extra if isinstance(extra, dict) else {}
        codes = frozenset(notes.get("enum_values", ()))
        whole = WHOLE.get((model.__name__, name), frozenset() if codes & _OPEN else codes)
        targets = frozenset(notes.get("enum_reference_types", ()))
        known[field.alias or name] = _Element(name, whole, frozenset() if "Resource" in targets else targets)
    del known["fhir_comments"]  # the models' own, not FHIR's
    return known


def _invariants(body: Resource, kind: str) -> Iterator[str]:
    """The rules between elements that our types are most likely to break (R4 names beside them)."""
    contained = {f"#{one.get('id')}" for one in body.get("contained", [])}
    for reference in references_in(body):
        if reference.startswith("#") and reference not in contained:
            yield f"{kind}: {reference} is not contained (ref-1)"
    has_value = any(name.startswith("value") for name in body)
    if kind == "Observation" and has_value and "dataAbsentReason" in body:
        yield f"{kind}: a value and a reason for its absence (obs-6)"
