"""The vocabulary of OAuth that authorization and exchange share: errors, parameters, PKCE."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from ipvscreen.sandbox.refusals import Refusal
from ipvscreen.sandbox.wire import read_body

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}

_FORM = "application/x-www-form-urlencoded"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # SHA-256 in base64url, RFC 7636 4.2
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 4.1


class OAuthError(Exception):
    """An error in OAuth's own vocabulary (RFC 6749 4.1.2.1 and 5.2)."""

    def __init__(
        self, code: str, words: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(words)
        self.code = code
        self.words = words
        self.status = status
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of an authorization request or a token request."""

    given: Mapping[str, str]

    def need(self, name: str, code: str = "invalid_request") -> str:
        """The value of a parameter that must be there."""
        value = self.given.get(name)
        if not value:
            raise OAuthError(code, f"The parameter {name} is missing.")
        return value

    def must_be(self, name: str, expected: str, code: str = "invalid_request") -> None:
        """Insist on the one value that is right."""
        if self.need(name) != expected:
            raise OAuthError(code, f"The parameter {name} is not what this server expects.")


async def asked_by(request: Request) -> Asked:
    """The parameters of a query or a form; one that is given twice is an error (RFC 6749 3.1)."""
    pairs = await _form(request) if request.method == "POST" else request.query_params.multi_items()
    given = dict(pairs)
    if len(given) != len(pairs):
        raise OAuthError("invalid_request", "A parameter is given twice.")
    return Asked(given)


def checked_challenge(challenge: str) -> str:
    """The challenge, which must look like a hash."""
    if not _CHALLENGE.fullmatch(challenge):
        raise OAuthError("invalid_request", "The parameter code_challenge is no SHA-256 in base64url.")
    return challenge


def answers(verifier: str, challenge: str) -> bool:
    """Whether the verifier is the one of which the challenge is the hash."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return _VERIFIER.fullmatch(verifier) is not None and digest == challenge


async def _form(request: Request) -> list[tuple[str, str]]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OAuthError("invalid_request", f"Send the parameters as {_FORM}.")
    try:
        body = await read_body(request)
    except Refusal as refusal:
        raise OAuthError("invalid_request", refusal.words, refusal.status) from refusal
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
