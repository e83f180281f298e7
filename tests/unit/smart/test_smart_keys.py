"""Keys of our own: fresh, named, and published without their private halves."""

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from ipvscreen.smart.keys import RSA_BITS, SigningKey, new_signing_key, public_jwks

KEYS = (new_signing_key("RS384"), new_signing_key("ES384"))


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.alg)
def test_what_is_published_proves_what_was_signed(key: SigningKey) -> None:
    private = (RSAKey if key.alg == "RS384" else ECKey).import_key(dict(key.jwk))
    signed = jwt.encode({"alg": key.alg, "kid": key.kid}, {"sub": "x"}, private, algorithms=[key.alg])

    # found by its kid among all keys, as a record system finds it
    published = KeySet.import_key_set(public_jwks(KEYS))

    assert jwt.decode(signed, published, algorithms=[key.alg]).claims == {"sub": "x"}


def test_only_public_parameters_are_published() -> None:
    rsa, ec = public_jwks(KEYS)["keys"]

    assert set(rsa) == {"kty", "n", "e", "kid", "alg", "use", "key_ops"}
    assert set(ec) == {"kty", "crv", "x", "y", "kid", "alg", "use", "key_ops"}
    assert (rsa["alg"], rsa["use"], rsa["key_ops"]) == ("RS384", "sig", ["verify"])
    assert (ec["alg"], ec["crv"]) == ("ES384", "P-384")
    for key in KEYS:
        assert "d" in key.jwk  # else the test above would prove nothing
        assert key.jwk["d"] not in str(public_jwks(KEYS))


def test_no_key_is_published_when_there_is_none() -> None:
    assert public_jwks(()) == {"keys": []}


def test_a_key_is_named_by_its_thumbprint_and_never_printed() -> None:
    first, second = new_signing_key("ES384"), new_signing_key("ES384")

    assert first.kid != second.kid
    assert first.kid == ECKey.import_key(dict(first.jwk)).thumbprint()
    assert str(first.jwk["d"]) not in repr(first)


def test_an_rsa_key_is_long_enough() -> None:
    assert RSAKey.import_key(dict(KEYS[0].jwk)).raw_value.key_size == RSA_BITS
