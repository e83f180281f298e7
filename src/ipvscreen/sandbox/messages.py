"""What a charity makes of a message Bundle: whether it is whole, the answer to it, and what it says."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ipvscreen.sandbox.memory import Resource, instant, new_id
from ipvscreen.sandbox.references import references_in
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.validate import validate

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Summary:
    """One received message as the page shows it."""

    at: str
    name: str
    contact: tuple[str, ...]
    wanted: tuple[str, ...]
    stopped: bool = False  # a later message says that it is not wanted any more


def check_message(bundle: Resource, base: str) -> None:
    """400 unless it is a message Bundle, 422 unless it is valid, for us, and complete in itself."""
    if bundle["resourceType"] != "Bundle" or bundle.get("type") != "message":
        raise Refusal(400, "not-supported", "We take a Bundle of type message and nothing else.")
    validate(bundle)
    entries = bundle.get("entry", [])
    if not entries or entries[0].get("resource", {}).get("resourceType") != "MessageHeader":
        raise Refusal(422, "required", "The first entry of a message is its MessageHeader.")
    _check_destination(entries[0]["resource"], base)
    _check_whole(entries)


def message_id(bundle: Resource) -> str:
    """How an answer refers to this message: the id of its MessageHeader, else the UUID in its fullUrl."""
    first = bundle["entry"][0]
    return str(first["resource"].get("id") or first.get("fullUrl", "").removeprefix("urn:uuid:") or "unknown")


def response(bundle: Resource, base: str, now: datetime) -> Resource:
    """The message that says "received"."""
    asked = bundle["entry"][0]["resource"]
    event = {name: asked[name] for name in ("eventCoding", "eventUri") if name in asked}
    ident = new_id()
    header = {
        "resourceType": "MessageHeader",
        "id": ident,
        **event,
        "source": {"name": "Sandbox charity", "endpoint": base},
        "response": {"identifier": message_id(bundle), "code": "ok"},
    }
    entry = {"fullUrl": f"{base}/MessageHeader/{ident}", "resource": header}
    return {
        "resourceType": "Bundle",
        "id": new_id(),
        "type": "message",
        "timestamp": instant(now),
        "entry": [entry],
    }


def tasks(bundle: Resource) -> dict[str, str]:
    """The status of each Task in a message, by its business identifier."""
    found = [entry.get("resource", {}) for entry in bundle.get("entry", [])]
    return {
        f"{named.get('system')}|{named.get('value')}": one["status"]
        for one in found
        if one.get("resourceType") == "Task"
        for named in one.get("identifier", [])
    }


def stops(bundle: Resource) -> frozenset[str]:
    """The identifiers of the Tasks that a message cancels."""
    return frozenset(name for name, status in tasks(bundle).items() if status == "cancelled")


def summary(bundle: Resource, at: datetime, stopped: frozenset[str] = frozenset()) -> Summary:
    """Who, how to reach them safely, and the help wanted, wherever in the message it stands.

    `stopped`: the identifiers of all Tasks that were cancelled.
    """
    resources = [entry.get("resource", {}) for entry in bundle["entry"]]
    people = [one for one in resources if one.get("resourceType") == "Patient"]
    requests = [
        one for kind in ("Task", "ServiceRequest") for one in resources if one.get("resourceType") == kind
    ]
    names = [name for person in people for name in _names(person)]
    return Summary(
        at=f"{at:%d %B %Y %H:%M}",
        name=names[0] if names else "No name given",
        contact=tuple(line for person in people for line in _ways(person)),
        wanted=tuple(dict.fromkeys(line for one in requests for line in _wishes(one) if line)),
        stopped=not stopped.isdisjoint(tasks(bundle)),
    )


def _check_destination(header: Resource, base: str) -> None:
    destinations = [one["endpoint"].rstrip("/") for one in header.get("destination", [])]
    if destinations and not {base, f"{base}/$process-message"} & set(destinations):
        raise Refusal(422, "value", "This message is addressed to someone else.")


def _check_whole(entries: list[Entry]) -> None:
    """We cannot call back, so whatever is referred to must be inside."""
    inside = {entry["fullUrl"] for entry in entries if "fullUrl" in entry}
    resources = [entry["resource"] for entry in entries if "resource" in entry]
    inside |= {f"{one['resourceType']}/{one['id']}" for one in resources if "id" in one}
    for one in resources:
        for reference in references_in(one):
            if not reference.startswith("#") and reference not in inside:
                raise Refusal(422, "not-found", f"'{reference}' is referred to and is not in the message.")


def _names(person: Resource) -> Iterator[str]:
    for name in person.get("name", []):
        yield name.get("text") or " ".join([*name.get("given", []), name.get("family", "")]).strip()


def _ways(person: Resource) -> Iterator[str]:
    """Telephone, text or e-mail, and the rules that stand beside them."""
    for telecom in person.get("telecom", []):
        yield f"{telecom.get('system', 'contact')}: {telecom.get('value', '')}"
        yield from _strings(telecom)
    yield from _strings(person)


def _wishes(request: Resource) -> Iterator[str]:
    for one in request.get("input", []):
        value = one.get("valueCodeableConcept") or {"text": one.get("valueString", "")}
        yield _words(value)
    for concept in (request.get("code", {}), *request.get("orderDetail", [])):
        yield _words(concept)
    for note in request.get("note", []):
        yield note["text"]


def _words(concept: dict[str, Any]) -> str:
    codings = concept.get("coding", [{}])
    return str(concept.get("text") or codings[0].get("display") or codings[0].get("code", ""))


def _strings(element: dict[str, Any]) -> Iterator[str]:
    return (one["valueString"] for one in element.get("extension", []) if "valueString" in one)
