"""The token endpoint: a code and its verifier for an access token, the launch context and an id_token."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ipvscreen.sandbox.keys import id_token
from ipvscreen.sandbox.oauth import NO_STORE, Asked, OAuthError, answers, asked_by
from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.state import Sandbox, sandbox_of
from ipvscreen.sandbox.tokens import Authorization, Spent


async def exchange(request: Request) -> Response:
    """Answer a token request, for better or worse in OAuth's own form."""
    sandbox = sandbox_of(request)
    try:
        await sandbox.switches.before("POST", "token")
        sandbox.switches.check("POST", "token")
        asked = await asked_by(request)
        _check_client(sandbox, request, asked)
        asked.must_be("grant_type", "authorization_code", "unsupported_grant_type")
        return JSONResponse(_granted(sandbox, asked), headers=NO_STORE)
    except OAuthError as error:
        body = {"error": error.code, "error_description": error.words}
        return JSONResponse(body, error.status, NO_STORE)
    except Refusal as refusal:
        code = "invalid_grant" if refusal.status < 429 else "temporarily_unavailable"
        body = {"error": code, "error_description": refusal.words}
        return JSONResponse(body, refusal.status, {**NO_STORE, **refusal.headers})


def _check_client(sandbox: Sandbox, request: Request, asked: Asked) -> None:
    """A public client names itself and has no secret to show (RFC 6749 3.2.1)."""
    if "authorization" in request.headers or "client_secret" in asked.given:
        raise OAuthError("invalid_client", "This app is registered as public: it has no secret.", 401)
    if asked.need("client_id") != sandbox.app.client_id:
        raise OAuthError("invalid_client", "The app that asks is not registered here.", 401)


def _granted(sandbox: Sandbox, asked: Asked) -> dict[str, object]:
    """What goes back for a code: the token, and next to it the context of the launch."""
    code = asked.need("code")
    granted = _authorization(sandbox, asked, code)
    switches = sandbox.switches
    scope = granted.scope if switches.narrow_scope is None else switches.narrow_scope
    context = _context(sandbox, granted, scope)
    token = sandbox.tokens.issue(
        scope=scope,
        user=f"Practitioner/{granted.launch.clinician}",
        patient=context.get("patient"),
        expires_in=switches.expires_in,
        code=code,
    )
    answer: dict[str, object] = {"access_token": token, "token_type": "Bearer", "scope": scope}
    answer |= {"expires_in": switches.expires_in, **context}
    if "patient" in context:
        answer["need_patient_banner"] = True
    if "openid" in scope.split() and not switches.omit_id_token:
        answer["id_token"] = _id_token(sandbox, granted, scope)
    return answer


def _authorization(sandbox: Sandbox, asked: Asked, code: str) -> Authorization:
    """What the code stands for, once, and only for whoever began it."""
    verifier, redirect_uri = asked.need("code_verifier"), asked.need("redirect_uri")
    try:
        granted = sandbox.codes.spend(code)
    except Spent as spent:
        sandbox.tokens.revoke_of(code)
        raise OAuthError("invalid_grant", str(spent)) from spent
    if redirect_uri != granted.redirect_uri:
        raise OAuthError("invalid_grant", "The redirect_uri is not the one to which the code was sent.")
    if not answers(verifier, granted.challenge):
        raise OAuthError("invalid_grant", "The code_verifier does not belong to this code.")
    return granted


def _context(sandbox: Sandbox, granted: Authorization, scope: str) -> dict[str, str]:
    """Patient and encounter, for which the scope `launch` must have been granted."""
    if "launch" not in scope.split():
        return {}
    context = {"patient": granted.launch.patient, "encounter": granted.launch.encounter}
    if sandbox.switches.omit_patient:
        del context["patient"]
    return context


def _id_token(sandbox: Sandbox, granted: Authorization, scope: str) -> str:
    clinician = granted.launch.clinician
    user = f"{sandbox.fhir_base}/Practitioner/{clinician}" if "fhirUser" in scope.split() else None
    return id_token(
        issuer=sandbox.base_url,
        client_id=sandbox.app.client_id,
        fhir_user=user,
        subject=clinician,
        nonce=granted.nonce,
        now=sandbox.clock(),
    )
