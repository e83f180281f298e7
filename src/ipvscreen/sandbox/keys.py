"""The authorization server's signing key, and the id_token that it signs."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

ALGORITHM = "RS256"
_LIFETIME = timedelta(minutes=5)


@cache
def signing_key() -> RSAKey:
    """One key for the life of the process: it takes a while to make, and tests make many servers."""
    return RSAKey.generate_key(2048, {"use": "sig", "alg": ALGORITHM}, private=True, auto_kid=True)


def jwks() -> dict[str, Any]:
    """The public half, as a JWK set."""
    return dict(KeySet([signing_key()]).as_dict(private=False))


def id_token(
    *, issuer: str, client_id: str, fhir_user: str | None, subject: str, nonce: str | None, now: datetime
) -> str:
    """A signed id_token; `fhirUser` is an absolute URL and only there when that scope was granted."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": client_id,
        "sub": subject,
        "iat": int(now.timestamp()),
        "exp": int((now + _LIFETIME).timestamp()),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    if fhir_user is not None:
        claims["fhirUser"] = fhir_user
    key = signing_key()
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}, claims, key, algorithms=[ALGORITHM])
