"""The authorization code grant with PKCE, as a public client (SMART App Launch 2.2, App Launch)."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ipvscreen.errors import LaunchRefused
from ipvscreen.smart.discovery import Endpoints
from ipvscreen.smart.fetch import fetch

_AGAIN = "Open this page again from the patient's record."
_DENIED = f"The record system was told not to let this page in. If that was not meant: {_AGAIN}"
_MANAGER = (
    f"The record system does not let this page in. {_AGAIN} "
    "If that does not help, ask your system manager to check how the page is registered there."
)
_BUSY = f"The record system could not do this just now. Wait a moment. {_AGAIN}"
_STALE = f"This sign-in can no longer be used: it was too old, or used before. {_AGAIN}"
_UNREADABLE = f"The record system's answer could not be used. {_AGAIN}"

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


@dataclass(frozen=True, slots=True)
class Handshake:
    """What must be kept, secret and bound to the browser, between the launch and its callback."""

    state: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)


def _null_is_true(value: object) -> object:
    return True if value is None else value


class TokenResponse(BaseModel):
    """What the token endpoint answered (RFC 6749 section 5.1, SMART launch context); the rest is ignored."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        coerce_numbers_to_str=True,  # some servers give numbers as ids
        hide_input_in_errors=True,
    )

    access_token: Annotated[str, Field(min_length=1, repr=False)]
    token_type: Annotated[str, Field(pattern=r"(?i)^bearer$")]
    expires_in: Annotated[float, Field(gt=0)] | None = None
    scope: str | None = None
    id_token: Annotated[str | None, Field(repr=False)] = None
    patient: str | None = None
    encounter: str | None = None
    # Absent or null: we show the banner, which is never wrong.
    need_patient_banner: Annotated[bool, BeforeValidator(_null_is_true)] = True


def begin(
    endpoints: Endpoints, *, iss: str, client_id: str, redirect_uri: str, scope: str, launch: str | None
) -> tuple[str, Handshake]:
    """The address to send the browser to, and what to keep meanwhile.

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
    # merged, because an authorization endpoint may bring a query of its own (RFC 6749 section 3.1)
    return str(httpx.URL(endpoints.authorize).copy_merge_params(parameters)), handshake


def code_of(callback: Mapping[str, str], endpoints: Endpoints, *, iss: str) -> str:
    """The authorization code in the callback's parameters; LaunchRefused in words where there is none.

    The caller has matched `state`. An `iss` in the callback must be that of the server we asked (RFC 9207).
    """
    issuer = callback.get("iss")
    if issuer is not None and issuer.rstrip("/") not in {
        (endpoints.issuer or iss).rstrip("/"),
        iss.rstrip("/"),
    }:
        raise LaunchRefused(_UNREADABLE)
    error = callback.get("error")
    if error is not None:
        raise LaunchRefused(_WORDS.get(error, _MANAGER))
    code = callback.get("code")
    if not code:
        raise LaunchRefused(_UNREADABLE)
    return code


async def exchange(
    http: httpx.AsyncClient,
    endpoints: Endpoints,
    *,
    client_id: str,
    redirect_uri: str,
    code: str,
    verifier: str,
) -> TokenResponse:
    """The token for `code`, asked for once: a code is used up by the first try, so there is no second."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "client_id": client_id,
        "code_verifier": verifier,
    }
    reply = await fetch(http, "POST", endpoints.token, form=form)
    if reply.status != httpx.codes.OK:
        error = (reply.body or {}).get("error")
        fallback = _BUSY if reply.status >= httpx.codes.INTERNAL_SERVER_ERROR else _MANAGER
        raise LaunchRefused(_WORDS.get(error, fallback) if isinstance(error, str) else fallback)
    try:
        return TokenResponse.model_validate(reply.body or {})
    except ValidationError:
        raise LaunchRefused(_UNREADABLE) from None  # its own text could hold what was answered
