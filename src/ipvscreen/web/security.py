"""What every response carries so that nothing shows, and what every post must prove."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PERMISSIONS = ("camera", "microphone", "geolocation", "display-capture", "payment", "usb", "clipboard-read")


@dataclass(frozen=True, slots=True)
class Policy:
    """The headers of every response: `origin` is ours, `ancestors` are the origins that may frame us."""

    origin: str
    ancestors: tuple[str, ...] = ()

    @classmethod
    def of(cls, public_url: str, ancestors: Iterable[str] = ()) -> "Policy":
        """The policy of an app that is browsed at `public_url`."""
        parts = urlsplit(public_url)
        return cls(f"{parts.scheme}://{parts.netloc}", tuple(sorted(set(ancestors))))

    def headers(self) -> dict[str, str]:
        """Names and values; static files too are `no-store`: a cached icon tells of a visit."""
        made = {
            "content-security-policy": self._content(),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": ", ".join(f"{name}=()" for name in _PERMISSIONS),
            "cache-control": "no-store",
        }
        parts = urlsplit(self.origin)
        if parts.scheme == "https" and parts.hostname not in _LOOPBACK:
            made["strict-transport-security"] = "max-age=63072000; includeSubDomains"
        return made

    def _content(self) -> str:
        own = ("img-src", "style-src", "script-src", "connect-src", "form-action")
        rules = ["default-src 'none'", *(f"{name} 'self'" for name in own)]
        rules.append(f"frame-ancestors {' '.join(self.ancestors) or chr(39) + 'none' + chr(39)}")
        return "; ".join([*rules, "base-uri 'none'"])


class SecureHeaders:
    """Pure ASGI middleware: a streaming-safe wrapper that sets the policy on each response it lets out."""

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self.app = app
        self.headers = policy.headers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; set the headers when the response starts."""

        async def out(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        await self.app(scope, receive, out if scope["type"] == "http" else send)


def posted_by_us(headers: Headers, origin: str) -> bool:
    """Whether the browser says that one of our own pages posted this.

    `Sec-Fetch-Site` first: with `Referrer-Policy: no-referrer` browsers send `Origin: null` for a form
    (Fetch standard, "append a request Origin header"). Neither header is no proof, so it is refused.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return headers.get("origin") == origin
