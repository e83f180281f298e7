"""The token endpoint: a code, or a refresh token, for an access token; errors as RFC 6749, 5.2, has them."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ipvscreen.sandbox.clients import CHALLENGE, check_client
from ipvscreen.sandbox.grants import granted_for_code, granted_for_refresh
from ipvscreen.sandbox.oauth import NO_STORE, Asked, OAuthError, asked_by
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.state import Sandbox, sandbox_of

_GRANTS = {"authorization_code": granted_for_code, "refresh_token": granted_for_refresh}


async def exchange(request: Request) -> Response:
    """Answer a token request, for better or worse in OAuth's own form."""
    sandbox = sandbox_of(request)
    try:
        await sandbox.switches.before("POST", "token")
        sandbox.switches.check("POST", "token")
        asked = await asked_by(request)
        answer = await _answer(sandbox, request, asked)
        sandbox.switches.after("POST", "token")
        return JSONResponse(answer, headers=NO_STORE)
    except OAuthError as error:
        return _error(error)
    except Refusal as refusal:
        return _switched(refusal)


async def _answer(sandbox: Sandbox, request: Request, asked: Asked) -> dict[str, object]:
    """The app first: a code or a refresh token is not used up by someone else."""
    await check_client(sandbox, request, asked)
    grant = asked.need("grant_type")
    if grant not in _GRANTS:
        raise OAuthError("unsupported_grant_type", "This way to a token is not offered here.")
    return _GRANTS[grant](sandbox, asked)


def _error(error: OAuthError) -> Response:
    body = {"error": error.code, "error_description": error.words}
    return JSONResponse(body, error.status, {**NO_STORE, **error.headers})


def _switched(refusal: Refusal) -> Response:
    """A refusal that a test has switched on; a broken or busy server does not speak OAuth."""
    if refusal.status >= 429:
        return PlainTextResponse(refusal.words, refusal.status, {**NO_STORE, **refusal.headers})
    if refusal.status == 401:
        return _error(OAuthError("invalid_client", refusal.words, 401, CHALLENGE))
    return _error(OAuthError("invalid_grant", refusal.words, refusal.status))
