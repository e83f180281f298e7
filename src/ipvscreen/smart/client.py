"""How this app proves who it is at a token endpoint: public, client_secret_basic or private_key_jwt."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from ipvscreen.smart.keys import SigningKey

# The specification allows five minutes; two of them are left for a server's clock that is behind ours.
ASSERTION_SECONDS = 180
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class TokenAuth(StrEnum):
    """Ways to authenticate at the token endpoint, by their registered names (RFC 7591 section 2)."""

    NONE = "none"
    BASIC = "client_secret_basic"
    PRIVATE_KEY_JWT = "private_key_jwt"


@dataclass(frozen=True, slots=True)
class Client:
    """This app as one record system has registered it; `jwks_url` is where that system fetches our keys."""

    client_id: str
    auth: TokenAuth = TokenAuth.NONE
    secret: str | None = field(default=None, repr=False)
    key: SigningKey | None = field(default=None, repr=False)
    jwks_url: str | None = None

    def __post_init__(self) -> None:
        """ValueError where what the chosen way needs is missing: better at start than in a launch."""
        if self.auth is TokenAuth.BASIC and not self.secret:
            raise ValueError("client_secret_basic needs a secret")
        if self.auth is TokenAuth.PRIVATE_KEY_JWT and self.key is None:
            raise ValueError("private_key_jwt needs a key")


def credentials(client: Client, token_url: str, now: datetime) -> tuple[dict[str, str], dict[str, str]]:
    """What to add to a token request: form fields and headers. Each call makes a new assertion.

    Source: SMART App Launch 2.2, "Obtain access token", client-confidential-symmetric and -asymmetric.
    A `client_id` in the form is for public clients only.
    """
    if client.auth is TokenAuth.BASIC:
        # Not form-encoded first, although RFC 6749 section 2.3.1 has it so: docs/adr/0021.
        pair = base64.b64encode(f"{client.client_id}:{client.secret}".encode()).decode()
        return {}, {"Authorization": f"Basic {pair}"}
    if client.key is not None and client.auth is TokenAuth.PRIVATE_KEY_JWT:
        assertion = _assertion(client, client.key, token_url, now)
        return {"client_assertion_type": _JWT_BEARER, "client_assertion": assertion}, {}
    return {"client_id": client.client_id}, {}


def _assertion(client: Client, key: SigningKey, token_url: str, now: datetime) -> str:
    """A JWT for one use at this token endpoint (RFC 7523 section 3).

    Without `iat` and `nbf`, which are optional: a server whose clock is behind ours would refuse them.
    """
    header = {"alg": key.alg, "kid": key.kid, "typ": "JWT"}
    if client.jwks_url is not None:
        header["jku"] = client.jwks_url
    claims = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": token_url,
        "exp": int(now.timestamp()) + ASSERTION_SECONDS,
        "jti": secrets.token_urlsafe(32),
    }
    return jwt.encode(header, claims, _private(key.alg, json.dumps(dict(key.jwk))), algorithms=[key.alg])


@lru_cache(maxsize=4)  # two algorithms, and a rotation
def _private(alg: str, jwk: str) -> RSAKey | ECKey:
    """The key as a library object; kept, because reading an RSA key takes 0.1 s, and signing with it 1 ms."""
    return (RSAKey if alg == "RS384" else ECKey).import_key(json.loads(jwk))
