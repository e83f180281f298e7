"""The authorization endpoint: a code for the registered app, with PKCE, out of a launch or a choice."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ipvscreen.sandbox.answers import denied, failed, sent_back
from ipvscreen.sandbox.choosing import choose, must_choose, send_to_choose
from ipvscreen.sandbox.exchange import exchange
from ipvscreen.sandbox.keys import jwks
from ipvscreen.sandbox.oauth import Asked, OAuthError, asked_by, checked_challenge
from ipvscreen.sandbox.pages import problem_page
from ipvscreen.sandbox.scopes import grantable
from ipvscreen.sandbox.state import Sandbox, sandbox_of
from ipvscreen.sandbox.tickets import AuthorizationRequest, Launch, Spent


def add_auth(app: FastAPI) -> None:
    """Put the authorization server under /auth."""
    app.add_api_route("/auth/authorize", _authorize, methods=["GET", "POST"], include_in_schema=False)
    app.add_api_route("/auth/choose", choose, methods=["GET"], include_in_schema=False)
    app.add_api_route("/auth/token", exchange, methods=["POST"], include_in_schema=False)
    app.add_api_route("/auth/jwks", _jwks, methods=["GET"], include_in_schema=False)


async def _authorize(request: Request) -> Response:
    response = await _answer(sandbox_of(request), request)
    if request.method == "POST" and response.status_code == 302:
        response.status_code = 303  # so that the form is not posted on (RFC 9700, 4.12)
    return response


async def _answer(sandbox: Sandbox, request: Request) -> Response:
    """Answer at once where a launch says who is signed in and for whom; else ask."""
    try:
        asked = await asked_by(request)
        redirect_uri = _trusted_redirect(sandbox, asked)
    except OAuthError as error:
        return problem_page("This app cannot be opened", error.words, error.status)
    # A state that is missing is an error, and there is then none to send back with it.
    state = {"state": asked.given["state"]} if asked.given.get("state") else {}
    try:
        wanted = _wanted(sandbox, asked, redirect_uri, state)
        launch = _launch(sandbox, asked, wanted)
    except OAuthError as error:
        return failed(sandbox, redirect_uri, state, error)
    if sandbox.switches.deny_authorization:
        return denied(sandbox, wanted)
    if launch is None or must_choose(wanted, launch):
        return send_to_choose(sandbox, wanted, launch, asked.given)
    return sent_back(sandbox, wanted, launch)


def _trusted_redirect(sandbox: Sandbox, asked: Asked) -> str:
    """A redirect_uri to which even an error may be sent."""
    if asked.given.get("client_id") != sandbox.app.client_id:
        raise OAuthError("unauthorized_client", "The app that asks is not registered here.")
    redirect_uri = asked.given.get("redirect_uri", "")
    if not sandbox.app.answers_at(redirect_uri):
        raise OAuthError("invalid_request", "The app's address for answers is not registered here.")
    return redirect_uri


def _wanted(sandbox: Sandbox, asked: Asked, redirect_uri: str, state: dict[str, str]) -> AuthorizationRequest:
    asked.must_be("response_type", "code", "unsupported_response_type")
    asked.need("state")
    asked.must_be("aud", sandbox.fhir_base)
    challenge = None if sandbox.switches.no_s256 else _challenge(asked)
    scope = grantable(asked.need("scope", "invalid_scope"), v2=not sandbox.switches.no_v2_scopes)
    if not scope:
        raise OAuthError("invalid_scope", "None of the scopes that were asked for exists here.")
    return AuthorizationRequest(redirect_uri, challenge, scope, asked.given.get("nonce"), state)


def _challenge(asked: Asked) -> str:
    asked.must_be("code_challenge_method", "S256")
    return checked_challenge(asked.need("code_challenge"))


def _launch(sandbox: Sandbox, asked: Asked, wanted: AuthorizationRequest) -> Launch | None:
    """What the launch value stands for; None for a standalone launch, which has none and does not say it."""
    if not asked.given.get("launch") and "launch" not in wanted.scope.split():
        return None
    try:
        return sandbox.launches.spend(asked.need("launch"))
    except Spent as spent:
        raise OAuthError("invalid_request", str(spent)) from spent


async def _jwks() -> Response:
    return JSONResponse(jwks(), headers={"Cache-Control": "max-age=300"})
