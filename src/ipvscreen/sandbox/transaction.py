"""Several entries at once: a transaction stores all or none, a batch each on its own."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ipvscreen.sandbox.access import Access
from ipvscreen.sandbox.memory import Resource, Version, instant, new_id
from ipvscreen.sandbox.references import is_urn, replaced
from ipvscreen.sandbox.refusals import Refusal, outcome
from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.validate import validate
from ipvscreen.sandbox.writes import (
    Store,
    check_body,
    check_same_id,
    check_type,
    check_version,
    existing,
    prepared,
)

_ADDRESS = re.compile(r"([A-Z][A-Za-z]+)(?:/([A-Za-z0-9.-]{1,64}))?")


@dataclass(frozen=True, slots=True)
class _Step:
    """One entry: what it asks for, and the id under which it will be, or is, stored."""

    place: str
    method: str
    kind: str
    ident: str
    full_url: str | None
    sent: Resource
    kept: Version | None = None  # what a conditional create found: then nothing is stored

    @property
    def created(self) -> bool:
        """Whether it makes a new resource."""
        return self.method == "POST" and self.kept is None


def transact(sandbox: Sandbox, access: Access, bundle: Resource, *, representation: bool) -> Resource:
    """Store all entries or none; the Bundle that answers has one entry for each, in order."""
    entries = _entries(bundle)
    steps = _steps(Store(sandbox, access, sandbox.memory.find), entries)
    places = {step.full_url: f"{step.kind}/{step.ident}" for step in steps if step.full_url}
    bodies = [step.kept or prepared(replaced(step.sent, places), step.ident) for step in steps]
    staged = {(one["resourceType"], one["id"]): one for one in bodies if not isinstance(one, Version)}

    def lookup(kind: str, ident: str) -> Resource | None:
        return staged.get((kind, ident)) or sandbox.memory.find(kind, ident)

    store = Store(sandbox, access, lookup)
    for step, body in zip(steps, bodies, strict=True):
        if not isinstance(body, Version):
            with _placed(step.place):
                check_body(store, "c" if step.created else "u", body)
    now = sandbox.clock()
    versions = [body if isinstance(body, Version) else store.put(body, now) for body in bodies]
    results = [_result(step, version, representation) for step, version in zip(steps, versions, strict=True)]
    return {"resourceType": "Bundle", "id": new_id(), "type": "transaction-response", "entry": results}


def batch(sandbox: Sandbox, access: Access, bundle: Resource, *, representation: bool) -> Resource:
    """Store what can be stored; the answer has one entry for each, in order, also for what was refused.

    One entry cannot refer to another (R4, http.html#brules): a reference by urn:uuid leads nowhere.
    """
    store = Store(sandbox, access, sandbox.memory.find)
    results = [
        _alone(store, entry, f"Entry {number}", representation)
        for number, entry in enumerate(_entries(bundle))
    ]
    return {"resourceType": "Bundle", "id": new_id(), "type": "batch-response", "entry": results}


def _alone(store: Store, entry: dict[str, Any], place: str, representation: bool) -> dict[str, Any]:
    try:
        step = _step(store, entry, place)
        body = step.kept or prepared(step.sent, step.ident)
        if not isinstance(body, Version):
            check_body(store, "c" if step.created else "u", body)
            body = store.put(body, store.sandbox.clock())
    except Refusal as refusal:
        return {"response": {"status": str(refusal.status), "outcome": outcome(refusal)}}
    return _result(step, body, representation)


def _entries(bundle: Resource) -> list[dict[str, Any]]:
    """The entries of a Bundle whose envelope is valid; the resources are checked one by one later."""
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise Refusal(400, "structure", "The Bundle has no entries.")
    bare = [{name: value for name, value in entry.items() if name != "resource"} for entry in entries]
    validate({**bundle, "entry": bare})
    return entries


def _steps(store: Store, entries: list[dict[str, Any]]) -> list[_Step]:
    steps = []
    for number, entry in enumerate(entries):
        with _placed(f"Entry {number}"):
            steps.append(_step(store, entry, f"Entry {number}"))
    _check_no_twins("fullUrl", [step.full_url for step in steps if step.full_url])
    _check_no_twins("address", [f"{step.kind}/{step.ident}" for step in steps if step.kept is None])
    conditions = [(entry["request"]["url"], entry["request"].get("ifNoneExist")) for entry in entries]
    _check_no_twins("condition", [f"{url}?{condition}" for url, condition in conditions if condition])
    return steps


def _step(store: Store, entry: dict[str, Any], place: str) -> _Step:
    request, sent = entry.get("request", {}), entry.get("resource")
    method, address = request.get("method"), _ADDRESS.fullmatch(request.get("url", ""))
    if method not in ("POST", "PUT") or not address or (method == "PUT") != bool(address[2]):
        raise Refusal(400, "not-supported", "An entry is a POST to a type or a PUT to a type and id.")
    kind = address[1]
    store.sandbox.switches.check(method, kind)
    check_type(store, method, kind)
    if not isinstance(sent, dict) or sent.get("resourceType") != kind:
        raise Refusal(400, "value", f"The entry's resource is not a {kind}.")
    full_url = entry.get("fullUrl")
    if method == "PUT":
        check_same_id(sent, address[2])
        check_version(store, kind, address[2], request.get("ifMatch"))
        return _Step(place, method, kind, address[2], full_url, sent)
    if full_url is not None and not is_urn(full_url):
        raise Refusal(400, "value", "The fullUrl of a new resource is urn:uuid: with a lower-case UUID.")
    kept = existing(store, kind, request.get("ifNoneExist"))
    return _Step(place, method, kind, kept.body["id"] if kept else new_id(), full_url, sent, kept)


def _check_no_twins(what: str, values: list[str]) -> None:
    if len(set(values)) != len(values):
        raise Refusal(400, "duplicate", f"Two entries of the transaction have the same {what}.")


def _result(step: _Step, version: Version, representation: bool) -> dict[str, Any]:
    location = f"{step.kind}/{step.ident}/_history/{version.number}"
    response = {
        "status": "201 Created" if step.created else "200 OK",
        "location": location,
        "etag": version.etag,
        "lastModified": instant(version.at),
    }
    return {"response": response, **({"resource": version.body} if representation else {})}


@contextmanager
def _placed(place: str) -> Iterator[None]:
    """Say in a refusal which entry it is about."""
    try:
        yield
    except Refusal as refusal:
        raise refusal.at(place) from refusal
