"""Which addresses may be asked for authorization, or be sent a code or a token."""

import ipaddress

import httpx

from ipvscreen.errors import LaunchRefused
from ipvscreen.messages import message

_REFUSED = message(
    "The record system gave an address that is not safe to use. Ask your system manager to check it."
)


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine itself (127.0.0.0/8, ::1, localhost)."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse(address: str) -> httpx.URL:
    """The address as the HTTP client will read it; LaunchRefused unless https, or http on loopback.

    Parsed by the library that sends, so that nothing can be read in two ways. A user name, a fragment, a
    backslash or a blank have no place in such an address (RFC 6749 section 3.1, RFC 3986 section 2).
    """
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        raise LaunchRefused(_REFUSED) from None
    plain = not (url.userinfo or url.fragment or "\\" in address or any(c.isspace() for c in address))
    safe = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host))
    if not (url.host and plain and safe):
        raise LaunchRefused(_REFUSED)
    return url


def resolve(base: str, address: str) -> str:
    """An endpoint's absolute address, a relative one taken from the FHIR base `base`; else LaunchRefused.

    Older servers publish relative addresses (SMART App Launch, Conformance). An absolute one stays as it
    was published, because a client assertion must name it to the letter. A record system elsewhere cannot
    name an address on this machine: that would let it reach what only we can. Plain http is for a base
    that has no TLS itself.
    """
    root = parse(base.rstrip("/") + "/")
    try:
        joined = str(root.join(address))
        absolute = httpx.URL(address).is_absolute_url
    except httpx.InvalidURL:
        raise LaunchRefused(_REFUSED) from None
    url = parse(address if absolute else joined)
    lured_here = is_loopback(url.host) and not is_loopback(root.host)
    without_tls = url.scheme == "http" and root.scheme == "https"
    if lured_here or without_tls:
        raise LaunchRefused(_REFUSED)
    return address if absolute else joined
