"""Two origins, one app: the pages below `/i/` answer at theirs alone, and all others never there."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ipvscreen.messages import message
from ipvscreen.web.errors import NOT_HERE, show
from ipvscreen.web.security import Policy

AGAIN = message("Sign in again.")
_BOTH = ("/s/", "/favicon.ico", "/healthz", "/readyz", "/metrics")  # of neither
_OWN = "/i/"
_NUL = "\0"  # names nothing, and Postgres takes no text with it


class Apart:
    """Pure ASGI middleware: 404 at the wrong origin; at ours its headers and its words for problems.

    404 too for a path that names nothing, wherever.
    """

    def __init__(self, app: ASGIApp, policy: Policy | None, base: str) -> None:
        self.app, self.policy, self.base = app, policy, base
        self.host = urlsplit(policy.origin).netloc if policy else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is asked for at its own origin."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        here = self.host is not None and Headers(scope=scope).get("host") == self.host
        if here:
            scope["state"] |= {"policy": self.policy, "again": AGAIN}
        path = scope["path"].removeprefix(self.base)
        if (path.startswith(_OWN) == here or path.startswith(_BOTH)) and _NUL not in path:
            await self.app(scope, receive, send)
            return
        await show(Request(scope), NOT_HERE)(scope, receive, send)
