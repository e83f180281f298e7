"""The authorization code grant with PKCE, and the refresh grant (SMART App Launch 2.2, App Launch)."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import httpx
from pydantic import ValidationError

from ipvscreen.errors import LaunchRefused
from ipvscreen.messages import message
from ipvscreen.smart.client import Client, credentials
from ipvscreen.smart.discovery import Endpoints
from ipvscreen.smart.fetch import Reply, fetch
from ipvscreen.smart.token_response import TokenResponse

__all__ = [
    "AuthorizationRequest",
    "Handshake",
    "RefreshGone",
    "TokenResponse",
    "begin",
    "code_of",
    "exchange",
    "refresh",
]

_DENIED = message(
    "The record system was told not to let this page in. If that was not meant: Open this page again from the"
    " patient's record."
)
_MANAGER = message(
    "The record system does not let this page in. Open this page again from the patient's record. If that"
    " does not help, ask your system manager to check how the page is registered there."
)
_BUSY = message(
    "The record system could not do this just now. Wait a moment. Open this page again from the patient's"
    " record."
)
_STALE = message(
    "This sign-in can no longer be used: it was too old, or used before. Open this page again from the"
    " patient's record."
)
_UNREADABLE = message(
    "The record system's answer could not be used. Open this page again from the patient's record."
)
_OTHER_PATIENT = message(
    "The record system now names another patient. Open this page again from the patient's record."
)

# RFC 6749 sections 4.1.2.1 and 5.2. What a server writes beside the code is never shown: it is hostile input.
_WORDS = {
    "access_denied": _DENIED,
    "invalid_grant": _STALE,
    "server_error": _BUSY,
    "temporarily_unavailable": _BUSY,
    "invalid_request": _MANAGER,
    "invalid_client": _MANAGER,
    "invalid_scope": _MANAGER,
    "unauthorized_client": _MANAGER,
    "unsupported_response_type": _MANAGER,
    "unsupported_grant_type": _MANAGER,
}


class RefreshGone(LaunchRefused):
    """The refresh token was used before, revoked, or is too old (invalid_grant): no second try can help."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """What must be kept, secret and bound to the browser, between the launch and its callback."""

    state: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """Where the browser goes to be authorized: GET `url`, or POST `parameters` as a form to `address`."""

    address: str
    parameters: Mapping[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        """For GET. Merged, because the endpoint may bring a query of its own (RFC 6749 section 3.1)."""
        return str(httpx.URL(self.address).copy_merge_params(self.parameters))


def begin(
    endpoints: Endpoints, *, iss: str, client_id: str, redirect_uri: str, scope: str, launch: str | None
) -> tuple[AuthorizationRequest, Handshake]:
    """What to send the browser to, and what to keep meanwhile; without `launch` a standalone launch.

    `aud` is `iss` to the letter, trailing slash included (smart-on-fhir/smart-launcher#48). State, nonce
    and verifier have 256 bits or more; the specification asks for 122.
    """
    handshake = Handshake(secrets.token_urlsafe(32), secrets.token_urlsafe(48), secrets.token_urlsafe(32))
    digest = hashlib.sha256(handshake.verifier.encode()).digest()
    parameters = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "state": handshake.state,
        "nonce": handshake.nonce,
        "aud": iss,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    if launch is not None:
        parameters["launch"] = launch
    return AuthorizationRequest(endpoints.authorize, parameters), handshake


def code_of(callback: Mapping[str, str], endpoints: Endpoints, *, iss: str) -> str:
    """The authorization code in the callback's parameters; LaunchRefused in words where there is none.

    The caller has matched `state`. The answer, be it a code or an error, must come from the server we asked.
    """
    if not _from_the_server_asked(callback.get("iss"), endpoints, iss):
        raise LaunchRefused(_UNREADABLE)
    error = callback.get("error")
    if error is not None:
        raise LaunchRefused(_WORDS.get(error, _MANAGER))
    code = callback.get("code")
    if not code:
        raise LaunchRefused(_UNREADABLE)
    return code


def _from_the_server_asked(issuer: str | None, endpoints: Endpoints, iss: str) -> bool:
    """RFC 9207 section 2.4: required and compared to the letter where the server says that it sends it.

    A server that sends one without saying so may name its FHIR base, or differ by a slash. Where discovery
    told no issuer there is nothing to compare with: the callback's own path for each record system decides.
    """
    if endpoints.iss_parameter:
        return issuer == (endpoints.issuer or iss)
    if issuer is None or endpoints.issuer is None:
        return True
    return issuer.rstrip("/") in {endpoints.issuer.rstrip("/"), iss.rstrip("/")}


async def exchange(
    http: httpx.AsyncClient,
    endpoints: Endpoints,
    client: Client,
    *,
    redirect_uri: str,
    code: str,
    verifier: str,
    now: datetime,
) -> TokenResponse:
    """The token for `code`, asked for once: a code is used up by the first try, so there is no second."""
    grant = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    return _granted(await _ask(http, endpoints.token, client, grant, now))


async def refresh(
    http: httpx.AsyncClient,
    token_url: str,
    client: Client,
    refresh_token: str,
    now: datetime,
    *,
    patient: str | None = None,
) -> TokenResponse:
    """A new token for the same sign-in. Without a new refresh token in it, the old one goes on.

    RefreshGone where the server says that this one is no good any more, LaunchRefused for every other no,
    and for an answer that names another patient than `patient`. No `scope` is sent: that means what was
    granted before (RFC 6749 section 6), and some servers refuse the very list they gave
    (inferno-framework/inferno-community#246).
    """
    grant = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    reply = await _ask(http, token_url, client, grant, now)
    if reply.status != httpx.codes.OK and (reply.body or {}).get("error") == "invalid_grant":
        raise RefreshGone(_STALE)
    token = _granted(reply)
    if None not in (patient, token.patient) and token.patient != patient:
        raise LaunchRefused(_OTHER_PATIENT)
    return token


async def _ask(
    http: httpx.AsyncClient, token_url: str, client: Client, grant: Mapping[str, str], now: datetime
) -> Reply:
    fields, headers = credentials(client, token_url, now)
    return await fetch(http, "POST", token_url, form={**grant, **fields}, headers=headers)


def _granted(reply: Reply) -> TokenResponse:
    if reply.status != httpx.codes.OK:
        error = (reply.body or {}).get("error")
        fallback = _BUSY if reply.status >= httpx.codes.INTERNAL_SERVER_ERROR else _MANAGER
        raise LaunchRefused(_WORDS.get(error, fallback) if isinstance(error, str) else fallback)
    try:
        return TokenResponse.model_validate(reply.body or {})
    except ValidationError:
        raise LaunchRefused(_UNREADABLE) from None  # its own text could hold what was answered
