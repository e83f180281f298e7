"""Services are reached at public addresses alone, looked up once for each try and connected to as looked up.

The directory comes from elsewhere, and names are answered by others: neither may lead a message, or a request
of ours, to what only this network can reach. Who the service is, is proven by its certificate for the name.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

import httpx
import structlog

from ipvscreen.ehr.guard import Through

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]

# Addresses that hold another, which would be reached in the end (RFC 6052, RFC 3056, RFC 4380).
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


async def looked_up(host: str, port: int) -> list[str]:
    """The addresses of `host`, in the order in which the system would try them; OSError where it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Whether anybody on the internet would reach the same machine there."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.sixtofour or parsed.teredo:
            return False
        held = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF) if parsed in _TRANSLATED else None
        parsed = parsed.ipv4_mapped or held or parsed
    return parsed.is_global and not parsed.is_multicast


def outside(inside: Iterable[str] = ()) -> httpx.AsyncClient:
    """A client for services; `inside` names hosts of one's own network, which may be anywhere."""
    return httpx.AsyncClient(transport=Outside(frozenset(inside)))


class Outside(httpx.AsyncBaseTransport):
    """A transport that asks `lookup` for the addresses of a host, and goes to none that is not `public`.

    Where one of them is not, nothing is sent to any: httpx.ConnectError, as for a host that has none.
    """

    def __init__(
        self,
        inside: Collection[str],
        *,
        lookup: Lookup = looked_up,
        public: Callable[[str], bool] = is_public,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._inside, self._lookup, self._public = inside, lookup, public
        self._tls = tls or httpx.create_ssl_context()
        # An address serves many names: a connection is used again by the name alone that it was proven for.
        self._hosts: dict[str, httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer from the first address that takes a connection."""
        host = request.url.host
        if host in self._inside:
            return await self._of(host).handle_async_request(request)
        failed: httpx.TransportError = httpx.ConnectError("it has no address", request=request)
        for address in await self._addresses(request):
            try:
                return await self._of(host).handle_async_request(_aimed(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failed = error
        raise failed

    async def aclose(self) -> None:
        """Close every connection."""
        for each in self._hosts.values():
            await each.aclose()

    def _of(self, host: str) -> httpx.AsyncBaseTransport:
        if host not in self._hosts:
            self._hosts[host] = self._made(host)
        return self._hosts[host]

    def _made(self, host: str) -> httpx.AsyncBaseTransport:
        if host in self._inside:  # by the proxy of this network, where there is one
            return Through(httpx.AsyncClient(verify=self._tls), close=True)
        return httpx.AsyncHTTPTransport(verify=self._tls)

    async def _addresses(self, request: httpx.Request) -> Sequence[str]:
        url = request.url
        try:
            found = await self._lookup(url.host, url.port or (443 if url.scheme == "https" else 80))
        except OSError as error:
            raise httpx.ConnectError("its name was not found", request=request) from error
        if not all(map(self._public, found)):
            structlog.get_logger().warning("delivery.address", kind="not public")
            raise httpx.ConnectError("its address is not public", request=request)
        return found


def _aimed(request: httpx.Request, address: str) -> httpx.Request:
    """The same request to that address; `Host` and the name to be proven (SNI) stay those of the service."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )
