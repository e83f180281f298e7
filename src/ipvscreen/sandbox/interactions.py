"""Reading, searching and writing one resource."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response

from ipvscreen.sandbox.access import Access
from ipvscreen.sandbox.memory import Resource, Version, new_id
from ipvscreen.sandbox.references import target_of
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.search import Query, check_query, found, page_of
from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.wire import fhir_response, read_body, read_resource
from ipvscreen.sandbox.writes import (
    Store,
    check_body,
    check_same_id,
    check_type,
    check_version,
    existing,
    prepared,
)


def read(sandbox: Sandbox, access: Access, kind: str, ident: str, number: str | None = None) -> Response:
    """The current version, or the one that is asked for by number."""
    versions = _versions(sandbox, access, kind, ident)
    if number is None:
        return fhir_response(versions[-1].body, headers=_version_headers(versions[-1]))
    for version in versions:
        if str(version.number) == number:
            return fhir_response(version.body, headers=_version_headers(version))
    raise Refusal(404, "not-found", f"This {kind} has no version '{number}'.")


def history(sandbox: Sandbox, access: Access, kind: str, ident: str) -> Response:
    """Every version of one resource, newest first."""
    versions = _versions(sandbox, access, kind, ident)
    entries = [
        {
            "fullUrl": f"{sandbox.fhir_base}/{kind}/{ident}",
            "resource": version.body,
            "request": {"method": "POST" if version.number == 1 else "PUT", "url": kind},
            "response": {"status": "201" if version.number == 1 else "200", "etag": version.etag},
        }
        for version in reversed(versions)
    ]
    return fhir_response(_bundle("history", len(entries), entries))


def search(sandbox: Sandbox, access: Access, kind: str, given: Query) -> Response:
    """What the query finds and the caller may see; naming another patient is 403, not an empty list."""
    access.require("s", kind)
    count, offset, query = page_of(given)
    check_query(kind, query)
    _check_patient_named(access, kind, query)
    lookup = sandbox.memory.find
    matching = found(sandbox.memory, kind, query, sandbox.fhir_base)
    visible = [body for body in matching if access.allows("s", body, lookup)]
    entries = [
        {
            "fullUrl": f"{sandbox.fhir_base}/{kind}/{body['id']}",
            "resource": _as_found(sandbox, body),
            "search": {"mode": "match"},
        }
        for body in visible[offset : offset + count]
    ]
    bundle = _bundle("searchset", len(visible), entries)
    bundle["link"] = _links(f"{sandbox.fhir_base}/{kind}", query, count, offset, len(visible))
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


def _versions(sandbox: Sandbox, access: Access, kind: str, ident: str) -> Sequence[Version]:
    access.require("r", kind)
    versions = sandbox.memory.history(kind, ident)
    if not versions:
        raise Refusal(404, "not-found", f"This record system has no {kind} with this id.")
    access.require_for("r", versions[-1].body, sandbox.memory.find)
    return versions


def _check_same_type(body: Resource, kind: str) -> None:
    if body["resourceType"] != kind:
        raise Refusal(400, "value", f"A {body['resourceType']} was sent to the address of {kind}.")


def _written(sandbox: Sandbox, request: Request, version: Version, status: int) -> Response:
    """The answer to a write, as much of it as the caller prefers."""
    body = version.body
    location = f"{sandbox.fhir_base}/{body['resourceType']}/{body['id']}/_history/{version.number}"
    headers = {**_version_headers(version), "Location": location}
    wish = request.headers.get("prefer", "")
    if "return=minimal" in wish or (status == 201 and sandbox.switches.empty_201):
        return fhir_response(None, status, headers)
    if "return=OperationOutcome" in wish:
        issue = {"severity": "information", "code": "informational", "diagnostics": "Stored."}
        return fhir_response({"resourceType": "OperationOutcome", "issue": [issue]}, status, headers)
    return fhir_response(body, status, headers)


def _version_headers(version: Version) -> dict[str, str]:
    return {"ETag": version.etag, "Last-Modified": version.at.strftime("%a, %d %b %Y %H:%M:%S GMT")}


def _as_found(sandbox: Sandbox, body: Resource) -> Resource:
    """Some record systems lose labels inside Bundles only (seen: HAPI FHIR 8.10); a switch does the same."""
    if not sandbox.switches.labels_missing_in_search:
        return body
    return {**body, "meta": {name: value for name, value in body["meta"].items() if name != "security"}}


def _check_patient_named(access: Access, kind: str, query: Query) -> None:
    """Whoever is confined to one patient is refused another, whether there is anything to find or not."""
    named = [value for name, values in query if name in ("patient", "subject") for value in values.split(",")]
    others = [one for one in named if (target_of(one, access.base) or ("Patient", one))[1] != access.patient]
    if others and access.confined("s", kind):
        raise Refusal(403, "forbidden", f"This app may search {kind} only for the patient it was granted.")


def _bundle(kind: str, total: int, entries: list[Resource]) -> Resource:
    bundle: Resource = {"resourceType": "Bundle", "id": new_id(), "type": kind, "total": total}
    return {**bundle, "entry": entries} if entries else bundle


def _links(address: str, query: Query, count: int, offset: int, total: int) -> list[dict[str, str]]:
    links = [{"relation": "self", "url": _page_url(address, query, count, offset)}]
    if count > 0 and offset + count < total:
        links.append({"relation": "next", "url": _page_url(address, query, count, offset + count)})
    return links


def _page_url(address: str, query: Query, count: int, offset: int) -> str:
    return f"{address}?{urlencode([*query, ('_count', count), ('_offset', offset)], safe='/|:,')}"
