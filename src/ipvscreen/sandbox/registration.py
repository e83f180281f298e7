"""The one app that is registered: its addresses, and how it proves who it is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import SplitResult, urlsplit

Auth = Literal["none", "client_secret_basic", "private_key_jwt"]
"""Ways to authenticate at the token endpoint, by their registered names (RFC 7591, 2)."""

KeySource = Callable[[], Awaitable[dict[str, Any]]]
"""Gives the app's JWK set."""

_LOOPBACK = frozenset({"127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Registration:
    """One app. `launch_url` opens it for a patient, `list_url` for a clinician alone."""

    client_id: str
    redirect_uris: tuple[str, ...]
    launch_url: str
    list_url: str
    auth: Auth = "none"
    secret: str | None = field(default=None, repr=False)
    jwks: KeySource | None = field(default=None, repr=False)
    jwks_url: str | None = None

    def __post_init__(self) -> None:
        """ValueError unless what the chosen way needs is there, and nothing else."""
        if self.auth not in get_args(Auth):
            raise ValueError(f"unknown way to authenticate: {self.auth}")
        if (self.auth == "client_secret_basic") != bool(self.secret):
            raise ValueError("a secret goes with client_secret_basic, and with nothing else")
        if (self.auth == "private_key_jwt") != bool(self.jwks or self.jwks_url):
            raise ValueError("a key set goes with private_key_jwt, and with nothing else")

    def answers_at(self, redirect_uri: str) -> bool:
        """Whether answers may go there: to the letter; on loopback, at any port (RFC 8252, 7.3)."""
        return any(
            redirect_uri == known or _same_but_for_the_port(redirect_uri, known)
            for known in self.redirect_uris
        )


def _same_but_for_the_port(given: str, known: str) -> bool:
    """An address of this machine by number: a name could be made to lead elsewhere (RFC 8252, 8.3)."""
    try:
        one, other = urlsplit(given), urlsplit(known)
        return _is_loopback(one) and _is_loopback(other) and _without_port(one) == _without_port(other)
    except ValueError:  # a port that is none
        return False


def _is_loopback(url: SplitResult) -> bool:
    return url.scheme == "http" and url.hostname in _LOOPBACK


def _without_port(url: SplitResult) -> str:
    port = "" if url.port is None else f":{url.port}"
    return url._replace(netloc=url.netloc.removesuffix(port)).geturl()
