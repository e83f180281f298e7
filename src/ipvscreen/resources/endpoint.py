"""Where messages for a service may go: an https address on the public network, and nowhere else."""

import re
from urllib.parse import SplitResult, urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})  # a demonstration or a test, all on one machine
_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]\.?")
# Names that lead to this machine or its own network (RFC 6761, 6762, 8375, 9476).
_NEARBY = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "alt", "onion", "invalid")


def safe_endpoint(url: str) -> str:
    """The address without its last slash; ValueError with a plain sentence where nothing may be sent to it.

    What is sent there tells how a person can be reached: never in clear text over a network, and never to
    an address by which a directory could make us talk to what only we can reach.
    """
    parts = _split(url)
    host = parts.hostname or ""
    if host in _LOOPBACK and parts.scheme in ("http", "https"):
        return url.rstrip("/")
    if parts.scheme != "https":
        raise ValueError("its endpoint must be an https address.")
    _public(host)
    return url.rstrip("/")


def safe_token_url(url: str, endpoint: str) -> str:
    """The address to the letter, which a signature names; ValueError where no token may be asked for there.

    As safe as an endpoint, and of the endpoint's host: whoever has agreed to the one has agreed to the other.
    """
    safe_endpoint(url)
    if _split(url).hostname != _split(endpoint).hostname:
        raise ValueError("its token address must be of the same host as its endpoint.")
    return url


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("its endpoint is not an address.") from None
    odd = not url.isascii() or not url.isprintable() or any(one in url for one in ' \\%"<>')
    if odd or not parts.hostname or port == 0:
        raise ValueError("its endpoint is not an address.")
    if "@" in parts.netloc:
        raise ValueError("its endpoint must not hold a user name.")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("its endpoint must end with its path.")
    return parts


def _public(host: str) -> None:
    """A name, whole, and not one of this network; a number has no certificate that says whose it is."""
    name = host.rstrip(".")
    near = any(name == one or name.endswith(f".{one}") for one in _NEARBY)
    if near or not _NAME.fullmatch(host):
        raise ValueError("its endpoint must have the whole name of a host on the public network.")
