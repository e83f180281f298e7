"""References between resources: which one is meant, where they stand in a body, how they are replaced."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ipvscreen.sandbox.memory import Resource

_LOCAL = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?")
_URN = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def target_of(reference: str, base: str) -> tuple[str, str] | None:
    """(type, id) of a reference into this server, relative or absolute; None for any other."""
    match = _LOCAL.fullmatch(reference.removeprefix(f"{base}/"))
    return (match[1], match[2]) if match else None


def is_urn(text: str) -> bool:
    """Whether this is urn:uuid: with a lower-case UUID, as FHIR asks (RFC 4122)."""
    return _URN.fullmatch(text) is not None


def references_in(value: Any) -> Iterator[str]:
    """Every literal reference inside a body, in its order."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for member in value.values():
            yield from references_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from references_in(member)


def replaced(value: Any, places: Mapping[str, str]) -> Any:
    """A copy in which each literal reference that `places` knows is replaced."""
    if isinstance(value, list):
        return [replaced(member, places) for member in value]
    if not isinstance(value, dict):
        return value
    copy = {name: replaced(member, places) for name, member in value.items()}
    if isinstance(copy.get("reference"), str):
        copy["reference"] = places.get(copy["reference"], copy["reference"])
    return copy


def patient_in(body: Resource, element: str, base: str) -> str | None:
    """Id of the Patient that `element` refers to; None where it refers to none."""
    value = body.get(element)
    reference = value.get("reference") if isinstance(value, dict) else None
    target = target_of(reference, base) if isinstance(reference, str) else None
    return target[1] if target and target[0] == "Patient" else None
