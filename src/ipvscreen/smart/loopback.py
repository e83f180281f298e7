"""Sign in from a terminal: a standalone launch whose answer comes back to this machine (RFC 8252)."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

import httpx

from ipvscreen.errors import LaunchRefused
from ipvscreen.smart.authorization import begin, code_of, exchange
from ipvscreen.smart.client import Client
from ipvscreen.smart.discovery import Endpoints
from ipvscreen.smart.identity import Identity, identify
from ipvscreen.smart.token_response import TokenResponse

ADDRESS = "127.0.0.1"  # by number, as RFC 8252 section 8.3 asks: "localhost" may lead elsewhere
WAIT_SECONDS = 300.0
_HEAD_BYTES, _HEAD_SECONDS = 16_384, 5.0
_NOBODY_CAME = "Nobody came back from the sign-in in time."
_PAGE = (
    "<!doctype html><html lang=en><title>Health questionnaire</title>"
    "<p>{}</p><p>You can close this window.</p></html>"
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What came of it; `untrusted` is why the statement of who signed in is not believed."""

    token: TokenResponse = field(repr=False)
    identity: Identity
    untrusted: str = ""


async def sign_in(
    http: httpx.AsyncClient,
    endpoints: Endpoints,
    client: Client,
    *,
    iss: str,
    scope: str,
    path: str,
    port: int,
    show: Callable[[str], None],
    now: Callable[[], datetime],
    seconds: float = WAIT_SECONDS,
) -> SignedIn:
    """`show` is given the address to open in a browser; LaunchRefused where no token comes of it.

    `port` 0 takes any that is free, which an authorization server is to allow for 127.0.0.1.
    """
    async with _listener(path, port) as listener:
        redirect_uri = listener.redirect_uri
        request, handshake = begin(
            endpoints,
            iss=iss,
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            scope=scope,
            launch=None,
        )
        listener.state = handshake.state
        show(request.url)
        callback = await _answer(listener, seconds)
    code, verifier = code_of(callback, endpoints, iss=iss), handshake.verifier
    token = await exchange(
        http, endpoints, client, redirect_uri=redirect_uri, code=code, verifier=verifier, now=now()
    )
    who = {"client_id": client.client_id, "iss": iss, "nonce": handshake.nonce}
    try:
        return SignedIn(token, await identify(http, endpoints, token.id_token, now=now(), **who))
    except LaunchRefused as refused:
        return SignedIn(token, Identity(None, None, None), str(refused))


async def _answer(listener: "_Listener", seconds: float) -> dict[str, str]:
    try:
        async with asyncio.timeout(seconds):
            return await listener.answer
    except TimeoutError:
        raise LaunchRefused(_NOBODY_CAME) from None


class _Listener:
    """Takes one answer with the right `state` at one path; everything else is refused, and it listens on."""

    def __init__(self, path: str) -> None:
        self.answer: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self.state = ""
        self.host = ""
        self._path = path

    @property
    def redirect_uri(self) -> str:
        return f"http://{self.host}{self._path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            found = self._read(head.decode("latin-1"))
            writer.write(_response(taken=found is not None))
            await writer.drain()
            if found is not None and not self.answer.done():
                self.answer.set_result(found)
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # no request that could be read
        finally:
            writer.close()

    def _read(self, head: str) -> dict[str, str] | None:
        """The parameters, if this is a browser that comes back from the sign-in we began."""
        request, *lines = head.split("\r\n")
        method, _, rest = request.partition(" ")
        target = urlsplit(rest.partition(" ")[0])
        hosts = [
            value.strip() for name, _, value in (line.partition(":") for line in lines) if _is_host(name)
        ]
        given = dict(parse_qsl(target.query))
        same = hmac.compare_digest(given.get("state", "").encode(), self.state.encode())
        expected = method == "GET" and target.path == self._path and hosts == [self.host]
        return given if expected and same and self.state else None


@asynccontextmanager
async def _listener(path: str, port: int) -> AsyncIterator[_Listener]:
    listener = _Listener(path)
    try:
        server = await asyncio.start_server(listener.serve, ADDRESS, port, limit=_HEAD_BYTES)
    except OSError:
        raise LaunchRefused(f"Port {port} of this machine is taken.") from None
    listener.host = f"{ADDRESS}:{server.sockets[0].getsockname()[1]}"
    try:
        yield listener
    finally:
        server.close()


def _is_host(name: str) -> bool:
    return name.strip().lower() == "host"


def _response(*, taken: bool) -> bytes:
    body = _PAGE.format("Done." if taken else "This address expects nothing else.").encode()
    head = (
        f"HTTP/1.1 {'200 OK' if taken else '400 Bad Request'}",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy: no-referrer",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body
