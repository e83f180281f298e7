"""Whether one body may be written: by type, scope, patient and reference; and how it is prepared."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from ipvscreen.sandbox.access import Access
from ipvscreen.sandbox.compartment import has_compartment, patients_of
from ipvscreen.sandbox.kinds import KINDS, may_create, may_delete, may_update, on_condition, parameters
from ipvscreen.sandbox.losing import keep
from ipvscreen.sandbox.memory import Lookup, Resource, Version
from ipvscreen.sandbox.references import references_in, target_of
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.search import check_query, found
from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.validate import validate


@dataclass(frozen=True, slots=True)
class Store:
    """The sandbox and the caller's access, with a lookup that also sees what a transaction has staged."""

    sandbox: Sandbox
    access: Access
    lookup: Lookup

    def put(self, body: Resource, at: datetime) -> Version:
        """Store a body that has been checked."""
        return keep(self.sandbox.memory, self.sandbox.switches, body, at)


def check_type(store: Store, method: str, kind: str) -> None:
    """404 for an unknown type, 405 for one that is not written here, 403 without a scope for it."""
    check_known(kind)
    switches = store.sandbox.switches
    taken, letter, verb = {
        "POST": (may_create(kind, switches), "c", "takes no new"),
        "PUT": (may_update(kind, switches), "u", "changes no"),
        "DELETE": (may_delete(kind, switches), "d", "deletes no"),
    }[method]
    if not taken:
        raise Refusal(405, "not-supported", f"This record system {verb} {kind}.", {"Allow": "GET"})
    store.access.require(letter, kind)


def check_offered(sandbox: Sandbox, kind: str, letter: str) -> None:
    """404 for a type that is not there at all, 405 where this letter of cruds is not offered for it."""
    if sandbox.switches.offers(kind, letter):
        return
    if not any(sandbox.switches.offers(kind, other) for other in "cruds"):
        raise Refusal(404, "not-supported", f"This record system has no resources called '{kind}'.")
    verb = {"r": "read", "s": "searched"}[letter]
    raise Refusal(405, "not-supported", f"{kind} cannot be {verb} in this record system.", {"Allow": ""})


def check_known(kind: str) -> None:
    """404 for a type that this record system does not have."""
    if kind not in KINDS:
        raise Refusal(404, "not-supported", f"This record system has no resources called '{kind}'.")


def prepared(body: Resource, ident: str) -> Resource:
    """The body under its id, without the version and time that only the server gives."""
    meta = {name: value for name, value in _meta(body).items() if name not in ("versionId", "lastUpdated")}
    rest = {name: value for name, value in body.items() if name not in ("resourceType", "id", "meta")}
    return {
        "resourceType": body["resourceType"],
        "id": ident,
        **({"meta": meta} if meta else {}),
        **rest,
    }


def check_body(store: Store, letter: str, body: Resource) -> None:
    """Everything that can be wrong with a prepared body: 422 for its content, 403 for its patient."""
    validate(body)
    _check_references(store, body)
    kind = body["resourceType"]
    if has_compartment(kind) and not patients_of(body, store.access.base, store.lookup):
        raise Refusal(422, "required", f"This {kind} does not say which patient it is about.")
    store.access.require_for(letter, body, store.lookup)


def existing(store: Store, kind: str, condition: str | None) -> Version | None:
    """What a conditional create finds: nothing or one; 412 for several, 403 for another patient's."""
    if condition is None:
        return None
    if not on_condition(kind, store.sandbox.switches):
        raise Refusal(412, "not-supported", "Entries cannot be made on a condition in this record system.")
    query = parse_qsl(condition.lstrip("?"), keep_blank_values=True)
    if not query:
        raise Refusal(400, "value", f"'{condition}' is no condition: write it as a search.")
    check_query(kind, query, parameters(kind, store.sandbox.switches))
    matching = found(store.sandbox.memory, kind, query, store.access.base)
    if len(matching) > 1:
        raise Refusal(412, "multiple-matches", f"More than one {kind} matches the condition.")
    for body in matching:
        _check_ours(store, "c", body)
    return store.sandbox.memory.current(kind, matching[0]["id"]) if matching else None


def check_version(store: Store, kind: str, ident: str, if_match: str | None) -> None:
    """404 or 410 for what is not there, 428 without If-Match, 412 when it names another than the current."""
    memory = store.sandbox.memory
    current = memory.current(kind, ident)
    if current is None and memory.history(kind, ident):
        raise Refusal(410, "deleted", f"This {kind} has been deleted, and is not brought back here.")
    if current is None:
        raise Refusal(404, "not-found", f"There is no {kind} with this id; new ones get their id from here.")
    _check_ours(store, "u", current.body)
    if if_match is None:
        raise Refusal(428, "required", f"Say with If-Match which version of this {kind} you have seen.")
    _check_seen(kind, current, if_match)


def check_delete(store: Store, current: Version, if_match: str | None) -> None:
    """403 for another patient's, 412 for another version than was seen, 409 while something refers to it."""
    _check_ours(store, "d", current.body)
    kind, ident = current.body["resourceType"], current.body["id"]
    if if_match is not None:
        _check_seen(kind, current, if_match)
    for body in store.sandbox.memory.everything():
        targets = {target_of(reference, store.access.base) for reference in references_in(body)}
        if (kind, ident) in targets and (body["resourceType"], body["id"]) != (kind, ident):
            words = f"This {kind} cannot be deleted: a {body['resourceType']} refers to it."
            raise Refusal(409, "conflict", words)


def _check_seen(kind: str, current: Version, if_match: str) -> None:
    if if_match.strip() != current.etag:
        raise Refusal(412, "conflict", f"This {kind} has been changed since the version that you have seen.")


def check_same_id(body: Resource, ident: str) -> None:
    """400 unless an updated body says the id of its address."""
    if body.get("id") != ident:
        raise Refusal(400, "value", "The id in the body is not the id in the address.")


def _check_ours(store: Store, letter: str, there: Resource) -> None:
    """What is there already must be within the scopes, and about the patient of this launch."""
    store.access.require_for(letter, there, store.lookup)
    _check_patient(store, there)


def _check_patient(store: Store, body: Resource) -> None:
    about = patients_of(body, store.access.base, store.lookup)
    if about and about != {store.access.patient}:
        raise Refusal(403, "forbidden", "This entry refers to another patient than this launch.")


def _check_references(store: Store, body: Resource) -> None:
    for reference in references_in(body):
        if reference.startswith(("#", "http://", "https://")) and not _is_ours(store, reference):
            continue
        target = target_of(reference, store.access.base)
        aimed_at = store.lookup(*target) if target else None
        if aimed_at is None:
            raise Refusal(422, "not-found", f"The reference '{reference}' leads nowhere here.")
        _check_patient(store, aimed_at)


def _is_ours(store: Store, reference: str) -> bool:
    return reference.startswith(f"{store.access.base}/")


def _meta(body: Resource) -> dict[str, Any]:
    meta = body.get("meta", {})
    if not isinstance(meta, dict):
        raise Refusal(422, "structure", "meta must be an object.")
    return meta
