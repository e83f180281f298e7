"""What goes over the wire: bodies, media types and request ids, read strictly."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ipvscreen.sandbox.refusals import HangUp, Refusal, outcome

FHIR_JSON = "application/fhir+json"
BODY_LIMIT = 1_048_576  # bytes
_DEPTH_LIMIT = 60

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_ACCEPTED = frozenset({FHIR_JSON, "application/*", "*/*", ""})


async def read_body(request: Request) -> bytes:
    """The whole body; 413 as soon as it is over the limit, whatever Content-Length says."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_LIMIT:
            raise Refusal(413, "too-long", "This record system takes at most one megabyte at a time.")
        parts.append(part)
    return b"".join(parts)


async def read_resource(request: Request) -> dict[str, Any]:
    """The JSON object in the body; 415 for another media type, 400 for anything but one object."""
    check_content_type(request)
    raw = await read_body(request)
    try:
        body = json.loads(raw, object_pairs_hook=_no_twins, parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        raise Refusal(400, "structure", "The body cannot be read as JSON.") from problem
    if not isinstance(body, dict) or not isinstance(body.get("resourceType"), str):
        raise Refusal(400, "structure", "The body is not a FHIR resource: it has no resourceType.")
    if _deeper_than(body, _DEPTH_LIMIT):
        raise Refusal(400, "structure", f"The body is nested more than {_DEPTH_LIMIT} levels deep.")
    return body


def check_accept(request: Request, *, strict: bool = False) -> None:
    """406 unless the client takes FHIR JSON; `strict`: and says so by its name."""
    offered = request.headers.get("accept", "*/*").split(",")
    if (frozenset({FHIR_JSON}) if strict else _ACCEPTED).isdisjoint(
        part.split(";")[0].strip().lower() for part in offered
    ):
        raise Refusal(406, "not-supported", f"Answers are given as {FHIR_JSON} and in no other form.")


def check_content_type(request: Request) -> None:
    """415 unless the body is announced as FHIR JSON in UTF-8."""
    media, _, rest = request.headers.get("content-type", "").partition(";")
    charset = re.search(r"charset=\"?([^\s;\"]+)", rest, re.IGNORECASE)
    if media.strip().lower() != FHIR_JSON or (charset and charset[1].lower() != "utf-8"):
        raise Refusal(415, "not-supported", f"Send {FHIR_JSON} in UTF-8; nothing else is read.")


def fhir_response(
    body: Mapping[str, Any] | None, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A FHIR answer; no caching, since all of it is about people."""
    content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    return Response(content, status, {"Cache-Control": "no-store", **(headers or {})}, FHIR_JSON)


def refusal_response(refusal: Refusal) -> Response:
    """The answer that carries a refusal."""
    return fhir_response(outcome(refusal), refusal.status, refusal.headers)


class Envelope:
    """Gives each answer an X-Request-Id, and makes a hang-up look like one on a socket."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            await self.app(scope, receive, _with_header(send, b"x-request-id", _request_id(scope)))
        except HangUp:
            # An answer that is begun and never ended makes the server close the socket.
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            raise


def _with_header(send: Send, name: bytes, value: bytes) -> Callable[[Message], Awaitable[None]]:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), (name, value)]}
        await send(message)

    return sending


def _request_id(scope: Scope) -> bytes:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given if _REQUEST_ID.fullmatch(given) else str(uuid4()).encode()


def _deeper_than(value: Any, levels: int) -> bool:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_deeper_than(member, levels - 1) for member in members)


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a property is given twice")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
