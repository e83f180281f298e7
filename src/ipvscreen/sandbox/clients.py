"""Who asks at the token endpoint: in the one way that the app has registered, and in no other."""

import base64
import binascii
import hmac
from urllib.parse import unquote_plus

from starlette.requests import Request

from ipvscreen.sandbox.assertions import JWT_BEARER, check_assertion
from ipvscreen.sandbox.oauth import Asked, OAuthError
from ipvscreen.sandbox.state import Sandbox

CHALLENGE = {"WWW-Authenticate": 'Basic realm="token"'}


async def check_client(sandbox: Sandbox, request: Request, asked: Asked) -> None:
    """OAuthError unless the registered app asks, and proves it as registered (RFC 6749, 2.3 and 5.2)."""
    header = request.headers.get("authorization")
    shown = [header is not None, "client_secret" in asked.given, "client_assertion" in asked.given]
    if sum(shown) > 1:
        raise OAuthError("invalid_request", "This request authenticates in more than one way.")
    if sandbox.app.auth == "client_secret_basic":
        _check_password(sandbox, header)
    elif header is not None:
        raise _unknown("This app is not registered to show a password.", by_header=True)
    elif "client_secret" in asked.given:
        raise _unknown("This app is not registered to show a secret in the form.")
    elif sandbox.app.auth == "private_key_jwt":
        if asked.need("client_assertion_type", "invalid_client") != JWT_BEARER:
            raise _unknown("This app is registered to show a JWT as its assertion.")
        await check_assertion(sandbox, asked.need("client_assertion", "invalid_client"))
    elif "client_assertion" in asked.given:
        raise _unknown("This app is registered as public: it has no key.")
    _check_name(sandbox, asked)


def _check_name(sandbox: Sandbox, asked: Asked) -> None:
    """A public client must name itself (RFC 6749, 3.2.1); whoever does must be who proved to be it."""
    if sandbox.app.auth == "none":
        asked.need("client_id")
    if asked.given.get("client_id", sandbox.app.client_id) != sandbox.app.client_id:
        raise _unknown("The app that asks is not registered here.")


def _check_password(sandbox: Sandbox, header: str | None) -> None:
    """Name and secret, each form-encoded before they were joined (RFC 6749, 2.3.1)."""
    scheme, _, value = (header or "").partition(" ")
    if scheme.lower() != "basic":
        raise _unknown("This app is registered to show its secret with HTTP Basic.", by_header=True)
    try:
        pair = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _unknown("The password cannot be read.", by_header=True) from None
    name, _, secret = pair.partition(":")
    known = (sandbox.app.client_id, sandbox.app.secret or "")
    given = (unquote_plus(name), unquote_plus(secret))
    if not all(hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(given, known, strict=True)):
        raise _unknown("The name or the secret of this app is wrong.", by_header=True)


def _unknown(words: str, *, by_header: bool = False) -> OAuthError:
    """401 with a challenge where a header was tried or is what is expected, else 400 (RFC 6749, 5.2)."""
    return OAuthError("invalid_client", words, *((401, CHALLENGE) if by_header else (400, {})))
