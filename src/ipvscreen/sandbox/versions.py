"""Reading one resource: as it is, as it was, and all that it was (R4, http.html: read, vread, history)."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from starlette.responses import Response

from ipvscreen.sandbox.access import Access
from ipvscreen.sandbox.bundles import bundle_of, links
from ipvscreen.sandbox.losing import shown
from ipvscreen.sandbox.memory import Resource, Version, instant
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.search import Query, page_of
from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.wire import fhir_response

_NO_VERSIONS = "This record system shows no earlier versions."

# R4, datatypes.html#instant
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def read(sandbox: Sandbox, access: Access, kind: str, ident: str) -> Response:
    """The current version; 410 for what was deleted."""
    return _one(sandbox, kind, _versions(sandbox, access, kind, ident)[-1], "read")


def vread(sandbox: Sandbox, access: Access, kind: str, ident: str, number: str) -> Response:
    """The version of that number, also of what was deleted since; 410 for the deletion itself."""
    _check_versions(sandbox)
    for version in _versions(sandbox, access, kind, ident):
        if str(version.number) == number:
            return _one(sandbox, kind, version, "vread")
    raise Refusal(404, "not-found", f"This {kind} has no version '{number}'.")


def history(sandbox: Sandbox, access: Access, kind: str, ident: str, given: Query) -> Response:
    """Every version of one resource, newest first, deletions without a resource; `_since` and pages."""
    _check_versions(sandbox)
    if sandbox.switches.no_history:
        raise Refusal(405, "not-supported", _NO_VERSIONS, {"Allow": ""})
    count, offset, query = page_of(given)
    since = _since(query)
    versions = [
        one for one in reversed(_versions(sandbox, access, kind, ident)) if not since or one.at >= since
    ]
    entries = [_entry(sandbox, kind, ident, version) for version in versions[offset : offset + count]]
    bundle = bundle_of("history", len(versions), entries)
    address = f"{sandbox.fhir_base}/{kind}/{ident}/_history"
    bundle["link"] = links(address, query, count, offset, len(versions))
    return fhir_response(bundle)


def _check_versions(sandbox: Sandbox) -> None:
    if sandbox.switches.unversioned:
        raise Refusal(405, "not-supported", _NO_VERSIONS, {"Allow": ""})


def version_headers(version: Version) -> dict[str, str]:
    """ETag and Last-Modified of one version."""
    return {"ETag": version.etag, "Last-Modified": version.at.strftime("%a, %d %b %Y %H:%M:%S GMT")}


def _one(sandbox: Sandbox, kind: str, version: Version, way: Literal["read", "vread"]) -> Response:
    if version.deleted:
        raise Refusal(410, "deleted", f"This {kind} has been deleted.", {"ETag": version.etag})
    body = shown(sandbox.memory, sandbox.switches, version.body, way)
    return fhir_response(body, headers=version_headers(version))


def _versions(sandbox: Sandbox, access: Access, kind: str, ident: str) -> Sequence[Version]:
    access.require("r", kind)
    versions = sandbox.memory.history(kind, ident)
    if not versions:
        raise Refusal(404, "not-found", f"This record system has no {kind} with this id.")
    # What was deleted was about the same patient, also where all that it speaks of is deleted with it.
    access.require_for("r", versions[-1].body, sandbox.memory.last)
    return versions


def _since(query: Query) -> datetime | None:
    """The instant of `_since`; 400 for anything else."""
    for name, _ in query:
        if name != "_since":
            raise Refusal(400, "not-supported", f"Versions cannot be asked for by '{name}' here.")
    if not query:
        return None
    value = query[-1][1]
    try:
        if len(query) > 1 or not _INSTANT.fullmatch(value):
            raise ValueError
        return datetime.fromisoformat(value)
    except ValueError:
        raise Refusal(400, "value", "_since is one instant, with its time zone.") from None


def _entry(sandbox: Sandbox, kind: str, ident: str, version: Version) -> Resource:
    """One version: what was asked for then, and what was answered (R4, bundle.html: bdl-3 and bdl-4)."""
    made = version.number == 1
    method = "DELETE" if version.deleted else "POST" if made else "PUT"
    entry: dict[str, Any] = {
        "fullUrl": f"{sandbox.fhir_base}/{kind}/{ident}",
        "request": {"method": method, "url": kind if made else f"{kind}/{ident}"},
        "response": {
            "status": {"DELETE": "204", "POST": "201", "PUT": "200"}[method],
            "etag": version.etag,
            "lastModified": instant(version.at),
        },
    }
    if not version.deleted:
        entry["resource"] = shown(sandbox.memory, sandbox.switches, version.body, "history")
    return entry
