"""How the authorization endpoint sends the browser back to the app: with a code, or with an error."""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from starlette.responses import RedirectResponse, Response

from ipvscreen.sandbox.oauth import NO_STORE, OAuthError
from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.tickets import Authorization, AuthorizationRequest, Launch


def sent_back(sandbox: Sandbox, wanted: AuthorizationRequest, launch: Launch) -> Response:
    """A code for this request and this launch (RFC 6749, 4.1.2)."""
    code = sandbox.codes.add(Authorization(wanted, launch))
    return _back(sandbox, wanted.redirect_uri, {"code": code, **wanted.state})


def denied(sandbox: Sandbox, wanted: AuthorizationRequest) -> Response:
    """The person, or the system, said no."""
    error = OAuthError("access_denied", "Access was denied in the record system.")
    return failed(sandbox, wanted.redirect_uri, wanted.state, error)


def failed(sandbox: Sandbox, redirect_uri: str, state: Mapping[str, str], error: OAuthError) -> Response:
    """An error of the request itself, to an address that is trusted (RFC 6749, 4.1.2.1)."""
    answer = {"error": error.code, "error_description": error.words, **state}
    return _back(sandbox, redirect_uri, answer)


def _back(sandbox: Sandbox, redirect_uri: str, answer: dict[str, str]) -> Response:
    if sandbox.switches.issuer_parameter:
        answer["iss"] = sandbox.switches.told_issuer(
            sandbox.base_url
        )  # RFC 9207, 2: the issuer that smart-configuration names
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return RedirectResponse(f"{redirect_uri}{joint}{urlencode(answer)}", 302, NO_STORE)
