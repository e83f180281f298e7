"""The ways in which this record system loses labels, as its switches say: storing and showing."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from ipvscreen.sandbox.memory import Memory, Resource, Version, instant
from ipvscreen.sandbox.switches import Switches

_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_OWN_SYSTEM = "https://codes.sandbox.example/protection"


def keep(memory: Memory, switches: Switches, body: Resource, at: datetime) -> Version:
    """Store what was sent, but for what is lost of it; the version that the answer tells of."""
    kind, ident = body["resourceType"], body["id"]
    number = len(memory.history(kind, ident)) + 1
    if switches.loses(kind, "not-saved"):
        meta = {**body.get("meta", {}), "versionId": str(number), "lastUpdated": instant(at)}
        return Version({**body, "meta": meta}, number, at)
    version = memory.put(_stored(switches, body, number), at)
    if number == 1 and switches.loses(kind, "on-update"):
        memory.put(without_labels(version.body), at)
    return version


def shown(
    memory: Memory, switches: Switches, body: Resource, way: Literal["read", "search", "history", "vread"]
) -> Resource:
    """A stored body as this way of looking shows it."""
    kind = body["resourceType"]
    bare = {
        "read": False,
        "search": switches.loses(kind, "in-search"),
        "history": switches.loses(kind, "in-history") or switches.labels_missing_in_history,
        "vread": switches.loses(kind, "in-history"),
    }[way]
    late = switches.loses(kind, "late") and memory.first_look(way, kind, body["id"])
    return without_labels(body) if bare or late else body


def without_labels(body: Resource) -> Resource:
    """A copy without its security labels."""
    meta = {name: value for name, value in body.get("meta", {}).items() if name != "security"}
    return {**body, "meta": meta}


def _stored(switches: Switches, body: Resource, number: int) -> Resource:
    kind = body["resourceType"]
    if switches.loses(kind, "dropped") or (number > 1 and switches.loses(kind, "on-update")):
        return without_labels(body)
    if switches.loses(kind, "downgraded"):
        return _changed(body, lambda label: {**label, "code": "N"} if _graded(label) else label)
    if switches.loses(kind, "other-system"):
        return _changed(body, lambda label: {**label, "system": _OWN_SYSTEM})
    return body


def _graded(label: dict[str, Any]) -> bool:
    return label.get("system") == _CONFIDENTIALITY


def _changed(body: Resource, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Resource:
    meta = body.get("meta", {})
    return {**body, "meta": {**meta, "security": [change(label) for label in meta.get("security", [])]}}
