"""The authorization endpoint: a code for one registered public client, with PKCE, out of a launch."""

from urllib.parse import urlencode, urlsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from ipvscreen.sandbox.exchange import exchange
from ipvscreen.sandbox.keys import jwks
from ipvscreen.sandbox.oauth import NO_STORE, Asked, OAuthError, asked_by, checked_challenge
from ipvscreen.sandbox.pages import problem_page
from ipvscreen.sandbox.scopes import grantable
from ipvscreen.sandbox.state import Sandbox, sandbox_of
from ipvscreen.sandbox.tokens import Authorization, Spent


def add_auth(app: FastAPI) -> None:
    """Put the authorization server under /auth."""
    app.add_api_route("/auth/authorize", _authorize, methods=["GET", "POST"], include_in_schema=False)
    app.add_api_route("/auth/token", exchange, methods=["POST"], include_in_schema=False)
    app.add_api_route("/auth/jwks", _jwks, methods=["GET"], include_in_schema=False)


async def _authorize(request: Request) -> Response:
    """Answer at once: the clinician is signed in, and the launch says who that is."""
    sandbox = sandbox_of(request)
    try:
        asked = await asked_by(request)
        redirect_uri = _trusted_redirect(sandbox, asked)
    except OAuthError as error:
        return problem_page("This app cannot be opened", error.words, error.status)
    # A state that is missing is an error, and there is then none to send back with it.
    state = {"state": asked.given["state"]} if asked.given.get("state") else {}
    try:
        answer = {"code": _code(sandbox, asked, redirect_uri), **state}
    except OAuthError as error:
        answer = {"error": error.code, "error_description": error.words, **state}
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return RedirectResponse(f"{redirect_uri}{joint}{urlencode(answer)}", 302, NO_STORE)


def _trusted_redirect(sandbox: Sandbox, asked: Asked) -> str:
    """A redirect_uri to which even an error may be sent."""
    if asked.given.get("client_id") != sandbox.app.client_id:
        raise OAuthError("unauthorized_client", "The app that asks is not registered here.")
    redirect_uri = asked.given.get("redirect_uri", "")
    if redirect_uri not in sandbox.app.redirect_uris:
        raise OAuthError("invalid_request", "The app's address for answers is not registered here.")
    return redirect_uri


def _code(sandbox: Sandbox, asked: Asked, redirect_uri: str) -> str:
    asked.must_be("response_type", "code", "unsupported_response_type")
    asked.need("state")
    asked.must_be("aud", sandbox.fhir_base)
    asked.must_be("code_challenge_method", "S256")
    challenge = checked_challenge(asked.need("code_challenge"))
    scope = grantable(asked.need("scope", "invalid_scope"))
    if not scope:
        raise OAuthError("invalid_scope", "None of the scopes that were asked for exists here.")
    try:
        launch = sandbox.launches.spend(asked.need("launch"))
    except Spent as spent:
        raise OAuthError("invalid_request", str(spent)) from spent
    if sandbox.switches.deny_authorization:
        raise OAuthError("access_denied", "Access was denied in the record system.")
    nonce = asked.given.get("nonce")
    return sandbox.codes.add(Authorization(launch, redirect_uri, challenge, scope, nonce))


async def _jwks() -> Response:
    return JSONResponse(jwks(), headers={"Cache-Control": "max-age=300"})
