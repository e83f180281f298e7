"""The FHIR side: which interaction a request asks for, and what stands in its way."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ipvscreen.sandbox.access import Access
from ipvscreen.sandbox.capability import capability_statement, smart_configuration
from ipvscreen.sandbox.interactions import create, delete, search, search_by_post, update
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.state import Sandbox, sandbox_of
from ipvscreen.sandbox.transaction import batch, transact
from ipvscreen.sandbox.versions import history, read, vread
from ipvscreen.sandbox.wire import check_accept, fhir_response, read_resource, refusal_response
from ipvscreen.sandbox.writes import check_known, check_offered

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_WELL_KNOWN = [".well-known", "smart-configuration"]

_Interaction = Callable[[Sandbox, Access, Request], Awaitable[Response]]


def add_fhir(app: FastAPI) -> None:
    """Put the FHIR side under /fhir."""
    app.add_api_route("/fhir", _fhir, methods=_METHODS, include_in_schema=False)
    app.add_api_route("/fhir/{path:path}", _fhir, methods=_METHODS, include_in_schema=False)


async def _fhir(request: Request) -> Response:
    try:
        return await _answer(sandbox_of(request), request)
    except Refusal as refusal:
        return refusal_response(refusal)


async def _answer(sandbox: Sandbox, request: Request) -> Response:
    parts = _parts(request)
    if parts == _WELL_KNOWN:
        await _faults(sandbox, "GET", "smart-configuration")
        return JSONResponse(smart_configuration(sandbox))  # whatever Accept says, as the specification asks
    method, what = _key(request.method, parts)
    await _faults(sandbox, method, what)
    check_accept(request, strict=sandbox.switches.strict_accept)
    if parts == ["metadata"] and request.method == "GET":
        return fhir_response(capability_statement(sandbox))
    access = sandbox.tokens.access(request.headers.get("authorization"))
    response = await _interaction(request.method, parts)(sandbox, access, request)
    if method in ("POST", "PUT", "DELETE"):
        sandbox.switches.after(method, what)
    return response


async def _faults(sandbox: Sandbox, method: str, what: str) -> None:
    await sandbox.switches.before(method, what)
    sandbox.switches.check(method, what)


def _key(method: str, parts: list[str]) -> tuple[str, str]:
    """What the switches call this request."""
    if not parts:
        return method, "transaction"
    return ("GET" if parts[1:] == ["_search"] else method), parts[0]


def _interaction(method: str, parts: list[str]) -> _Interaction:
    """The interaction that method and path ask for; 404 or 405 where there is none."""
    if not parts:
        return _choose(method, {"POST": _transaction})
    check_known(parts[0])
    rest = parts[1:]
    if not rest:
        return _choose(method, {"GET": _search_type, "POST": _create})
    if rest == ["_search"]:
        return _choose(method, {"POST": _search_type})
    if len(rest) == 1:
        return _choose(method, {"GET": _read, "PUT": _update, "DELETE": _delete})
    if rest[1] == "_history" and len(rest) <= 3:
        return _choose(method, {"GET": _history if len(rest) == 2 else _vread})
    raise Refusal(404, "not-found", "There is nothing at this address.")


def _choose(method: str, offered: dict[str, _Interaction]) -> _Interaction:
    if method not in offered:
        words = f"{method} is not offered at this address."
        raise Refusal(405, "not-supported", words, {"Allow": ", ".join(sorted(offered))})
    return offered[method]


def _parts(request: Request) -> list[str]:
    path = str(request.path_params.get("path", "")).strip("/")
    return path.split("/") if path else []


async def _transaction(sandbox: Sandbox, access: Access, request: Request) -> Response:
    if sandbox.switches.no_transaction and not sandbox.switches.batch:
        words = "Several entries at once are not taken by this record system."
        raise Refusal(405, "not-supported", words, {"Allow": ""})
    bundle = await read_resource(request)
    whole = "return=representation" in request.headers.get("prefer", "")
    together = {
        "transaction": None if sandbox.switches.no_transaction else transact,
        "batch": batch if sandbox.switches.batch else None,
    }.get(str(bundle.get("type")))
    if bundle["resourceType"] != "Bundle" or together is None:
        words = "No Bundle of this type is taken here."
        raise Refusal(400, "not-supported", words)
    return fhir_response(together(sandbox, access, bundle, representation=whole))


async def _search_type(sandbox: Sandbox, access: Access, request: Request) -> Response:
    kind = _parts(request)[0]
    check_offered(sandbox, kind, "s")
    if request.method == "POST":
        return await search_by_post(sandbox, access, kind, request)
    return search(sandbox, access, kind, request.query_params.multi_items())


async def _create(sandbox: Sandbox, access: Access, request: Request) -> Response:
    return await create(sandbox, access, _parts(request)[0], request)


async def _read(sandbox: Sandbox, access: Access, request: Request) -> Response:
    kind, ident = _parts(request)
    check_offered(sandbox, kind, "r")
    return read(sandbox, access, kind, ident)


async def _vread(sandbox: Sandbox, access: Access, request: Request) -> Response:
    kind, ident, _, number = _parts(request)
    check_offered(sandbox, kind, "r")
    return vread(sandbox, access, kind, ident, number)


async def _history(sandbox: Sandbox, access: Access, request: Request) -> Response:
    kind, ident, _ = _parts(request)
    check_offered(sandbox, kind, "r")
    return history(sandbox, access, kind, ident, request.query_params.multi_items())


async def _delete(sandbox: Sandbox, access: Access, request: Request) -> Response:
    kind, ident = _parts(request)
    return delete(sandbox, access, kind, ident, request.headers.get("if-match"))


async def _update(sandbox: Sandbox, access: Access, request: Request) -> Response:
    kind, ident = _parts(request)
    return await update(sandbox, access, kind, ident, request)
