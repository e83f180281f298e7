"""The sandbox's sign-in and clinic list before a FHIR server that no one here wrote."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ipvscreen.sandbox.access import Access
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.wire import refusal_response

_ASKED = ("accept", "cache-control", "content-type", "if-match", "if-none-exist", "prefer")
_ANSWERED = ("content-type", "content-location", "date", "etag", "last-modified", "location")
_LETTERS = {"POST": "c", "PUT": "u", "PATCH": "u", "DELETE": "d"}


class Front:
    """Sign-in, launch and pages are `ehr`'s; what stands below /fhir is asked of `server`, token in hand.

    Before each request the server is given what `ehr` holds and it does not: the people at first, an
    encounter at each launch. `bare_lists` takes the labels out of Bundles of reads, as HAPI 8.10 is said
    to do (hapifhir/hapi-fhir#8362).
    """

    def __init__(self, ehr: Any, server: httpx.AsyncClient, *, bare_lists: bool = False) -> None:
        self._ehr: ASGIApp = ehr
        self._sandbox = ehr.state.sandbox
        self._server = server
        self._given: set[tuple[str, str]] = set()
        self._giving = asyncio.Lock()
        self.bare_lists = bare_lists
        self.stripped = 0  # how many bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if not path.startswith("/fhir") or "/.well-known/" in path:
            await self._ehr(scope, receive, send)
            return
        try:
            response = await self._forwarded(Request(scope, receive))
        except Refusal as refusal:
            response = refusal_response(refusal)
        await response(scope, receive, send)

    async def _forwarded(self, request: Request) -> Response:
        path, body = request.url.path.removeprefix("/fhir"), await request.body()
        if path != "/metadata":
            access = self._sandbox.tokens.access(request.headers.get("authorization"))
            _check(access, request.method, path.strip("/").split("/"), body)
            async with self._giving:  # of requests at once, one brings the encounter
                await self.give()
        query = f"?{request.url.query}" if request.url.query else ""
        headers = {name: request.headers[name] for name in _ASKED if name in request.headers}
        answer = await self._server.request(request.method, path + query, content=body, headers=headers)
        content = self._bare(answer) if self.bare_lists and request.method == "GET" else answer.content
        kept = {name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
        return Response(content, answer.status_code, kept)

    async def give(self) -> None:
        """All that the sandbox holds and the server was not yet given, in one transaction."""
        bodies = {(one["resourceType"], one["id"]): one for one in self._sandbox.memory.everything()}
        new = [key for key in bodies if key not in self._given]
        if not new:
            return
        entries = [
            {
                "fullUrl": f"{self._sandbox.fhir_base}/{kind}/{ident}",
                "resource": _unversioned(bodies[kind, ident]),
                "request": {"method": "PUT", "url": f"{kind}/{ident}"},
            }
            for kind, ident in new
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        answer = await self._server.post("", json=bundle, headers={"Content-Type": "application/fhir+json"})
        assert answer.status_code == 200, answer.text
        answered = answer.json()["entry"]
        assert all(one["response"]["status"].startswith("2") for one in answered), answer.text
        self._given |= set(new)

    def _bare(self, answer: httpx.Response) -> bytes:
        body = answer.json()
        for entry in body.get("entry", []) if body.get("resourceType") == "Bundle" else []:
            self.stripped += entry["resource"].get("meta", {}).pop("security", None) is not None
        return json.dumps(body).encode()


def _unversioned(body: Mapping[str, Any]) -> dict[str, Any]:
    meta = {name: value for name, value in body.get("meta", {}).items() if name == "security"}
    return {**body, "meta": meta} if meta else {name: value for name, value in body.items() if name != "meta"}


def _check(access: Access, method: str, parts: list[str], body: bytes) -> None:
    """Refuse what no scope of the token speaks of; the compartment is a matter of the sandbox's own tests."""
    if parts != [""]:
        reading = "r" if len(parts) > 1 else "s"
        access.require("s" if parts[1:] == ["_search"] else _LETTERS.get(method, reading), parts[0])
        return
    for entry in json.loads(body)["entry"]:
        access.require(_LETTERS.get(entry["request"]["method"], "s"), entry["request"]["url"].split("?")[0])
