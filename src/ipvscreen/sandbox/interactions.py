"""Searching, and writing one resource."""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from ipvscreen.sandbox.access import Access
from ipvscreen.sandbox.bundles import bundle_of, links
from ipvscreen.sandbox.kinds import parameters
from ipvscreen.sandbox.losing import shown
from ipvscreen.sandbox.memory import Resource, Version, new_id
from ipvscreen.sandbox.references import target_of
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.search import Query, check_query, found, page_of
from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.versions import version_headers
from ipvscreen.sandbox.wire import fhir_response, read_body, read_resource
from ipvscreen.sandbox.writes import (
    Store,
    check_body,
    check_delete,
    check_same_id,
    check_type,
    check_version,
    existing,
    prepared,
)


def search(sandbox: Sandbox, access: Access, kind: str, given: Query) -> Response:
    """What the query finds and the caller may see; naming another patient is 403, not an empty list."""
    access.require("s", kind)
    count, offset, query = page_of(given)
    check_query(kind, query, parameters(kind, sandbox.switches))
    _check_patient_named(access, kind, query)
    lookup = sandbox.memory.find
    matching = found(sandbox.memory, kind, query, sandbox.fhir_base)
    visible = [body for body in matching if access.allows("s", body, lookup)]
    entries = [
        {
            "fullUrl": f"{sandbox.fhir_base}/{kind}/{body['id']}",
            "resource": shown(sandbox.memory, sandbox.switches, body, "search"),
            "search": {"mode": "match"},
        }
        for body in visible[offset : offset + count]
    ]
    bundle = bundle_of("searchset", len(visible), entries)
    bundle["link"] = links(f"{sandbox.fhir_base}/{kind}", query, count, offset, len(visible))
    return fhir_response(bundle)


async def search_by_post(sandbox: Sandbox, access: Access, kind: str, request: Request) -> Response:
    """The same search with its parameters in a form, where no log of addresses keeps them."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/x-www-form-urlencoded":
        raise Refusal(415, "not-supported", "Send the parameters of _search as a form.")
    form = (await read_body(request)).decode("utf-8", "replace")
    query = [*request.query_params.multi_items(), *parse_qsl(form, keep_blank_values=True)]
    return search(sandbox, access, kind, query)


async def create(sandbox: Sandbox, access: Access, kind: str, request: Request) -> Response:
    """A new resource, or with If-None-Exist the one that is there already."""
    store = Store(sandbox, access, sandbox.memory.find)
    check_type(store, "POST", kind)
    body = await read_resource(request)
    _check_same_type(body, kind)
    kept = existing(store, kind, request.headers.get("if-none-exist"))
    if kept:
        return _written(sandbox, request, kept, 200)
    new = prepared(body, new_id())
    check_body(store, "c", new)
    return _written(sandbox, request, store.put(new, sandbox.clock()), 201)


def delete(sandbox: Sandbox, access: Access, kind: str, ident: str, if_match: str | None) -> Response:
    """Take a resource away: 204, whether it was there or not (R4, http.html#delete)."""
    store = Store(sandbox, access, sandbox.memory.find)
    check_type(store, "DELETE", kind)
    current = sandbox.memory.current(kind, ident)
    if current is None:
        return fhir_response(None, 204)
    check_delete(store, current, if_match)
    version = sandbox.memory.delete(kind, ident, sandbox.clock())
    return fhir_response(None, 204, {"ETag": version.etag})


async def update(sandbox: Sandbox, access: Access, kind: str, ident: str, request: Request) -> Response:
    """A new version of a resource whose current version the caller has seen."""
    store = Store(sandbox, access, sandbox.memory.find)
    check_type(store, "PUT", kind)
    body = await read_resource(request)
    _check_same_type(body, kind)
    check_same_id(body, ident)
    check_version(store, kind, ident, request.headers.get("if-match"))
    new = prepared(body, ident)
    check_body(store, "u", new)
    return _written(sandbox, request, store.put(new, sandbox.clock()), 200)


def _check_same_type(body: Resource, kind: str) -> None:
    if body["resourceType"] != kind:
        raise Refusal(400, "value", f"A {body['resourceType']} was sent to the address of {kind}.")


def _written(sandbox: Sandbox, request: Request, version: Version, status: int) -> Response:
    """The answer to a write, as much of it as the caller prefers."""
    body = version.body
    location = f"{sandbox.fhir_base}/{body['resourceType']}/{body['id']}/_history/{version.number}"
    told = {} if sandbox.switches.no_location else {"Location": location}
    headers = {**version_headers(version), **told}
    wish = request.headers.get("prefer", "")
    if "return=minimal" in wish or (status == 201 and sandbox.switches.empty_201):
        return fhir_response(None, status, headers)
    if "return=OperationOutcome" in wish:
        issue = {"severity": "information", "code": "informational", "diagnostics": "Stored."}
        return fhir_response({"resourceType": "OperationOutcome", "issue": [issue]}, status, headers)
    return fhir_response(body, status, headers)


def _check_patient_named(access: Access, kind: str, query: Query) -> None:
    """Whoever is confined to one patient is refused another, whether there is anything to find or not."""
    named = [value for name, values in query if name in ("patient", "subject") for value in values.split(",")]
    others = [one for one in named if (target_of(one, access.base) or ("Patient", one))[1] != access.patient]
    if others and access.confined("s", kind):
        raise Refusal(403, "forbidden", f"This app may search {kind} only for the patient it was granted.")
