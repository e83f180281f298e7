"""The charity's token endpoint: SMART Backend Services, for the one app that is registered there."""

import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ipvscreen.sandbox.assertions import JWT_BEARER, check_assertion
from ipvscreen.sandbox.client_keys import ClientKeys
from ipvscreen.sandbox.oauth import NO_STORE, OAuthError, asked_by
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.registration import Registration
from ipvscreen.sandbox.tickets import Clock

SCOPE = "system/Bundle.c"
_LIFE = 300.0  # seconds, the longest that SMART 2.2 advises


class ServiceTokens:
    """Who may have a token, which are good, and, for tests, what comes of asking.

    `fails` answers with that status instead; `issued` counts; `life` is that of a token, in seconds.
    """

    def __init__(self, base_url: str, app: Registration, clock: Clock) -> None:
        self.token_url = f"{base_url.rstrip('/')}/auth/token"
        self.app = app
        self.clock = clock
        self.client_keys = ClientKeys(app, clock)
        self.assertions_seen: dict[str, float] = {}
        self.good: dict[str, float] = {}  # token → when it ends
        self.issued = 0
        self.life = _LIFE
        self.fails: int | None = None

    def revoke(self) -> None:
        """Know none of the tokens any more."""
        self.good.clear()

    def check(self, request: Request) -> None:
        """401 unless the request brings a token that is good (RFC 6750, 3)."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or self.good.get(token, 0.0) <= self.clock().timestamp():
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            raise Refusal(401, "login", "A message comes with a token of ours.", challenge)

    async def answer(self, request: Request) -> Response:
        """What goes back to a token request, in OAuth's own form (RFC 6749, 5)."""
        if self.fails is not None:
            return JSONResponse({"error": "server_error"}, self.fails, NO_STORE)
        try:
            return JSONResponse(await self._granted(request), headers=NO_STORE)
        except OAuthError as error:
            body = {"error": error.code, "error_description": error.words}
            return JSONResponse(body, error.status, {**NO_STORE, **error.headers})

    async def _granted(self, request: Request) -> dict[str, object]:
        asked = await asked_by(request)
        asked.must_be("client_assertion_type", JWT_BEARER, "invalid_client")
        await check_assertion(self, asked.need("client_assertion", "invalid_client"))
        asked.must_be("grant_type", "client_credentials", "unsupported_grant_type")
        asked.must_be("scope", SCOPE, "invalid_scope")
        token = secrets.token_urlsafe(32)
        self.good[token] = self.clock().timestamp() + self.life
        self.issued += 1
        return {"access_token": token, "token_type": "bearer", "expires_in": self.life, "scope": SCOPE}
