"""What every response carries so that nothing shows, and what every post must prove."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT = "page.js"
NOBODY = "'none'"
# Clear-Site-Data: one more layer on every way out. It alone does not empty the back-forward cache.
LEAVING = {"clear-site-data": '"cache"'}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PERMISSIONS = ("camera", "microphone", "geolocation", "display-capture", "payment", "usb", "clipboard-read")


@dataclass(frozen=True, slots=True)
class Policy:
    """The headers of every response of an app at `origin`; `script` is the address of its one script."""

    origin: str
    script: str

    @classmethod
    def of(cls, public_url: str) -> "Policy":
        """The policy of an app that is browsed at `public_url`."""
        parts = urlsplit(public_url)
        origin = f"{parts.scheme}://{parts.netloc}"
        return cls(origin, f"{origin}{parts.path.rstrip('/')}/s/{SCRIPT}")

    def headers(self, *, framed_by: Iterable[str] = (), posts_to: Iterable[str] = ()) -> dict[str, str]:
        """Names and values. `framed_by`: the origins that may frame this response, none unless told.

        `posts_to`: origins that its form may be posted to beside our own.
        """
        made = {
            "content-security-policy": self._content(framed_by, posts_to),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": ", ".join(f"{name}=()" for name in _PERMISSIONS),
        }
        parts = urlsplit(self.origin)
        if parts.scheme == "https" and parts.hostname not in _LOOPBACK:
            made["strict-transport-security"] = "max-age=63072000; includeSubDomains"
        return made

    def _content(self, framed_by: Iterable[str], posts_to: Iterable[str]) -> str:
        own = ("img-src", "style-src", "connect-src")
        return "; ".join(
            (
                "default-src 'none'",
                *(f"{name} 'self'" for name in own),
                # One file, not 'self': whatever else we may come to serve is no script.
                f"script-src {self.script}",
                "require-trusted-types-for 'script'",
                "trusted-types 'none'",
                _sources("form-action", ("'self'", *posts_to)),
                _sources("frame-ancestors", framed_by),
                "base-uri 'none'",
            )
        )


def _sources(directive: str, origins: Iterable[str]) -> str:
    return f"{directive} {' '.join(dict.fromkeys(origins)) or NOBODY}"


class SecureHeaders:
    """Pure ASGI middleware: a streaming-safe wrapper that sets the policy on each response it lets out.

    What a route knows better stands in `request.state` as `framed_by` and `posts_to`; where another
    origin was asked, its `policy`. A response is `no-store` unless its route says otherwise; static files,
    too: a cached icon tells of a visit.
    """

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self.app = app
        self.policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; set the headers when the response starts."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        state = scope.setdefault("state", {})

        async def out(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                policy: Policy = state.get("policy", self.policy)
                headers.update(policy.headers(**told(state)))
                headers.setdefault("cache-control", "no-store")
            await send(message)

        return await self.app(scope, receive, out)


def told(state: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """What the route has put into the request's state for the headers of its response."""
    return {name: tuple(state.get(name, ())) for name in ("framed_by", "posts_to")}


def posted_by_us(headers: Headers, origin: str) -> bool:
    """Whether the browser says that one of our own pages posted this.

    `Sec-Fetch-Site` first: with `Referrer-Policy: no-referrer` browsers send `Origin: null` for a form
    (Fetch standard, "append a request Origin header"). Neither header is no proof, so it is refused.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return headers.get("origin") == origin
