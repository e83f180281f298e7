"""The sandbox charity: a FHIR endpoint that takes messages, and one page that shows what arrived."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from ipvscreen.sandbox.kinds import OF_BUNDLE
from ipvscreen.sandbox.memory import Memory, Resource, identifiers, new_id
from ipvscreen.sandbox.messages import check_message, response, stops, summary, tasks
from ipvscreen.sandbox.pages import page
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.registration import KeySource, Registration
from ipvscreen.sandbox.search import matches
from ipvscreen.sandbox.service_tokens import ServiceTokens
from ipvscreen.sandbox.switches import CharitySwitches
from ipvscreen.sandbox.wire import Envelope, check_accept, fhir_response, read_resource, refusal_response


@dataclass(slots=True)
class Charity:
    """What the charity holds while it runs; tests reach it as `app.state.sandbox`."""

    fhir_base: str
    token: str
    clock: Callable[[], datetime]
    switches: CharitySwitches
    memory: Memory = field(default_factory=Memory)
    request_ids: dict[str, str] = field(default_factory=dict)  # X-Request-ID → id of the stored Bundle
    tokens: ServiceTokens | None = None  # where it takes messages of the registered app alone

    def received(self) -> list[Resource]:
        """Every message, oldest first, as it arrived (but for the id it got here)."""
        return list(self.memory.all("Bundle"))


def create_charity(
    *,
    base_url: str,
    token: str,
    clock: Callable[[], datetime],
    switches: CharitySwitches | None = None,
    client_id: str | None = None,
    jwks: KeySource | None = None,
    jwks_url: str | None = None,
) -> FastAPI:
    """A charity whose FHIR base is `base_url`/fhir; `token` reads what it received.

    With `client_id` it takes messages only with a token, which that app gets at `base_url`/auth/token by its
    keys: those that `jwks` gives, or that are fetched from `jwks_url`.
    """
    base = f"{base_url.rstrip('/')}/fhir"
    app = FastAPI(title="Sandbox charity", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.sandbox = Charity(base, token, clock, switches or CharitySwitches())
    if client_id is not None:
        registration = Registration(client_id, (), "", "", "private_key_jwt", None, jwks, jwks_url)
        app.state.sandbox.tokens = tokens = ServiceTokens(base_url, registration, clock)
        app.add_api_route("/auth/token", tokens.answer, methods=["POST"], include_in_schema=False)
    app.add_middleware(Envelope)
    app.add_api_route("/", _page, methods=["GET"], include_in_schema=False)
    for path in ("/fhir", "/fhir/", "/fhir/$process-message"):
        app.add_api_route(path, _take, methods=["POST"], include_in_schema=False)
    app.add_api_route("/fhir/Bundle", _search, methods=["GET"], include_in_schema=False)
    app.add_api_route("/fhir/Bundle/{ident}", _read, methods=["GET"], include_in_schema=False)
    return app


def _charity(request: Request) -> Charity:
    charity: Charity = request.app.state.sandbox
    return charity


async def _take(request: Request) -> Response:
    """Take a message once; 409 `duplicate` for one that is here, by its identifier or its request id."""
    charity = _charity(request)
    try:
        await charity.switches.before()
        if charity.tokens is not None:
            charity.tokens.check(request)
        check_accept(request)
        request_id, correlation_id = _ids(request)
        bundle = await read_resource(request)
        check_message(bundle, charity.fhir_base)
        _check_known(charity, bundle)
        _check_new(charity, bundle, request_id)
        version = charity.memory.put({**bundle, "id": new_id()}, charity.clock())
        charity.request_ids[request_id] = version.body["id"]
        charity.switches.after()
    except Refusal as refusal:
        return refusal_response(refusal)
    headers = {
        "Location": f"{charity.fhir_base}/Bundle/{version.body['id']}",
        "X-Correlation-Id": correlation_id,
    }
    return fhir_response(response(bundle, charity.fhir_base, charity.clock()), 200, headers)


def _ids(request: Request) -> tuple[str, str]:
    request_id = request.headers.get("x-request-id", "")
    correlation_id = request.headers.get("x-correlation-id", "")
    if not request_id or not correlation_id:
        raise Refusal(400, "required", "A message comes with X-Request-ID and X-Correlation-ID.")
    return request_id, correlation_id


def _check_known(charity: Charity, bundle: Resource) -> None:
    if unknown := stops(bundle) - {name for one in charity.received() for name in tasks(one)}:
        words = f"We have no task {', '.join(sorted(unknown))} that could be cancelled."
        raise Refusal(422, "not-found", words)


def _check_new(charity: Charity, bundle: Resource, request_id: str) -> None:
    known = [
        body["id"]
        for identifier in identifiers(bundle)
        for body in charity.memory.with_identifier(
            "Bundle", identifier.get("system", ""), identifier.get("value", "")
        )
    ]
    if known or request_id in charity.request_ids:
        there = known[0] if known else charity.request_ids[request_id]
        location = {"Location": f"{charity.fhir_base}/Bundle/{there}"}
        raise Refusal(409, "duplicate", "We have this message already; it need not be sent again.", location)


async def _search(request: Request) -> Response:
    charity = _charity(request)
    try:
        _check_reader(charity, request)
        query = request.query_params.multi_items()
        if any(name not in OF_BUNDLE or not value for name, value in query):
            raise Refusal(400, "not-supported", "Messages are found by _id and by identifier.")
    except Refusal as refusal:
        return refusal_response(refusal)
    found = [body for body in charity.received() if matches(OF_BUNDLE, body, query, charity.fhir_base)]
    entries = [
        {
            "fullUrl": f"{charity.fhir_base}/Bundle/{body['id']}",
            "resource": body,
            "search": {"mode": "match"},
        }
        for body in found
    ]
    bundle: Resource = {
        "resourceType": "Bundle",
        "id": new_id(),
        "type": "searchset",
        "total": len(found),
    }
    return fhir_response({**bundle, "entry": entries} if entries else bundle)


async def _read(request: Request, ident: str) -> Response:
    charity = _charity(request)
    try:
        _check_reader(charity, request)
        body = charity.memory.find("Bundle", ident)
        if body is None:
            raise Refusal(404, "not-found", "We have no message with this id.")
    except Refusal as refusal:
        return refusal_response(refusal)
    return fhir_response(body)


def _check_reader(charity: Charity, request: Request) -> None:
    check_accept(request)
    sent = request.headers.get("authorization", "").encode()
    if not hmac.compare_digest(sent, f"Bearer {charity.token}".encode()):
        words = "Only those who work here may read what we received."
        raise Refusal(401, "login", words, {"WWW-Authenticate": "Bearer"})


async def _page(request: Request) -> Response:
    charity = _charity(request)
    versions = [charity.memory.history("Bundle", body["id"])[0] for body in charity.received()]
    stopped = frozenset(name for version in versions for name in stops(version.body))
    cases = [version for version in reversed(versions) if not stops(version.body)]
    messages = [summary(version.body, version.at, stopped) for version in cases]
    return page("received.html", messages=messages)
