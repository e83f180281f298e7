"""Key pairs for private_key_jwt (SMART 2.2, client-confidential-asymmetric), and their public halves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from joserfc.jwk import ECKey, RSAKey

Algorithm = Literal["RS384", "ES384"]

RSA_BITS = 3072  # as strong as AES-128 (NIST SP 800-57 part 1, table 2); 2048 ends with 2030
# Only these parameters ever leave the house, whatever else stands in a stored key (RFC 7518 section 6).
_PUBLIC = {"RS384": ("kty", "n", "e"), "ES384": ("kty", "crv", "x", "y")}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key as JWK; `kid` is what its public half is found by in our JWKS."""

    kid: str
    alg: Algorithm
    jwk: Mapping[str, Any] = field(repr=False)


def new_signing_key(alg: Algorithm) -> SigningKey:
    """A fresh key, named by its thumbprint (RFC 7638); about 0.1 s for RS384."""
    key = RSAKey.generate_key(RSA_BITS) if alg == "RS384" else ECKey.generate_key("P-384")
    return SigningKey(key.thumbprint(), alg, key.as_dict(private=True))


def public_jwks(keys: Iterable[SigningKey]) -> dict[str, Any]:
    """The JWKS to publish (RFC 7517): public halves only, for checking signatures only."""
    return {
        "keys": [
            {name: key.jwk[name] for name in _PUBLIC[key.alg]}
            | {"kid": key.kid, "alg": key.alg, "use": "sig", "key_ops": ["verify"]}
            for key in keys
        ]
    }
