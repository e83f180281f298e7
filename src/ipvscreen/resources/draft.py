"""Labelled entries on their way to a record system: stable keys, order, bundles, references."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from ipvscreen.resources.labels import DEFAULT, About, Labels, labelled
from ipvscreen.resources.model import checked
from ipvscreen.resources.terminology import BASE, IDENTIFIER_SYSTEM, BundleType, Method

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, BASE)
_ONE_IDENTIFIER = frozenset({"QuestionnaireResponse"})  # 0..1 in R4; 0..* in the others
_NO_IDENTIFIER = frozenset({"Provenance"})
_LAST = ("Condition", "Provenance")  # a choice that is refused keeps nothing else from being sent


@dataclass(frozen=True, slots=True)
class Labelled:
    """One resource, labelled, not yet written; `key` is its business identifier (a UUID)."""

    key: str
    kind: str
    body: dict[str, Any]
    about: About

    @property
    def full_url(self) -> str:
        """How other new resources refer to it."""
        return f"urn:uuid:{self.key}"

    @property
    def reference(self) -> dict[str, Any]:
        """A Reference to it, valid until it has an id."""
        return {"reference": self.full_url}

    @property
    def identifier(self) -> str | None:
        """Its identifier as a search token `system|value`; None for a type that has none in R4."""
        return None if self.kind in _NO_IDENTIFIER else f"{IDENTIFIER_SYSTEM}|{self.full_url}"


def business_key(owner: str, name: str) -> str:
    """A UUID made of visit (or referral) and role: the same input again is the same entry, not a second."""
    return str(uuid.uuid5(_NAMESPACE, f"{owner}/{name}"))


def entry(key: str, kind: str, body: Mapping[str, Any], about: About, labels: Labels = DEFAULT) -> Labelled:
    """A checked, identified and labelled resource; ValueError where it is not valid FHIR."""
    resource = {"resourceType": kind, **_identifier(kind, key), **body}
    return Labelled(key, kind, checked(labelled(resource, about, labels)), about)


def order(items: Sequence[Labelled]) -> tuple[Labelled, ...]:
    """For one-by-one creates: what is referred to first, Provenance last of all; ValueError for a circle."""
    by_url = {item.full_url: item for item in items}
    inside = {url: [r for r in references_in(item.body) if r in by_url] for url, item in by_url.items()}
    placed = [by_url[url] for url in TopologicalSorter(inside).static_order()]
    return tuple(sorted(placed, key=lambda item: _LAST.index(item.kind) if item.kind in _LAST else -1))


def transaction_bundle(items: Sequence[Labelled], *, conditional: bool | Collection[str]) -> dict[str, Any]:
    """All of it as one atomic create.

    `conditional`: the types (True: all) of which the server skips what it has already (ifNoneExist).
    """
    own = {item.full_url: item.full_url for item in items}
    made = [{"fullUrl": item.full_url, "request": _request(item, conditional)} for item in items]
    return _bundle(BundleType.TRANSACTION, made, [with_ids(item.body, own) for item in items])


def batch_bundle(
    items: Sequence[Labelled], ids: Mapping[str, str], *, conditional: bool | Collection[str]
) -> dict[str, Any]:
    """Several creates at once, each on its own; `ids` is what the entries that they refer to have become."""
    made = [{"request": _request(item, conditional)} for item in items]
    return _bundle(BundleType.BATCH, made, [with_ids(item.body, ids) for item in items])


def condition(item: Labelled, conditional: bool | Collection[str]) -> str | None:
    """The search (If-None-Exist) that keeps an entry from being made twice; None where not offered."""
    offered = conditional if isinstance(conditional, bool) else item.kind in conditional
    return f"identifier={item.identifier}" if offered and item.identifier else None


def waves(items: Sequence[Labelled]) -> tuple[tuple[Labelled, ...], ...]:
    """The items in groups, each referring only to those of groups before it; ValueError for a circle."""
    depth: dict[str, int] = {}
    for item in order(items):
        depth[item.full_url] = 1 + max((depth.get(url, -1) for url in needs(item)), default=-1)
    levels = sorted(set(depth.values()))
    return tuple(tuple(item for item in items if depth[item.full_url] == level) for level in levels)


def needs(item: Labelled) -> frozenset[str]:
    """The references of an entry, those to other new entries among them."""
    return frozenset(references_in(item.body))


def with_ids(body: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """The resource with `urn:uuid:` references replaced by `Type/id`.

    A reference to an entry that was not written (the plan did not allow it) would point nowhere, and strict
    servers refuse that; it is left out, its display stays.
    """
    resolved: dict[str, Any] = _resolved(body, ids)
    return resolved


def references_in(value: Any) -> Iterator[str]:
    """Every reference inside, however deep."""
    if isinstance(value, Mapping):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for part in value.values():
            yield from references_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from references_in(part)


def _identifier(kind: str, key: str) -> dict[str, Any]:
    if kind in _NO_IDENTIFIER:
        return {}
    identifier = {"system": IDENTIFIER_SYSTEM, "value": f"urn:uuid:{key}"}
    return {"identifier": identifier if kind in _ONE_IDENTIFIER else [identifier]}


def _bundle(
    kind: BundleType, around: Sequence[Mapping[str, Any]], bodies: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What is around the resources is checked here; they themselves were, when each was made."""
    bundle = checked(labelled({"resourceType": "Bundle", "type": kind, "entry": around}, About.BUNDLE))
    for one, body in zip(bundle["entry"], bodies, strict=True):
        one["resource"] = body
    return bundle


def _request(item: Labelled, conditional: bool | Collection[str]) -> dict[str, str]:
    unless = condition(item, conditional)
    request: dict[str, str] = {"method": Method.POST, "url": item.kind}
    return request | ({"ifNoneExist": unless} if unless else {})


def _resolved(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        parts = {key: _resolved(part, ids) for key, part in value.items()}
        reference = value.get("reference")
        if isinstance(reference, str) and reference.startswith("urn:uuid:"):
            parts["reference"] = ids.get(reference)
        return {key: part for key, part in parts.items() if part not in (None, {}, [])}
    if isinstance(value, list):
        return [part for part in (_resolved(part, ids) for part in value) if part != {}]
    return value
