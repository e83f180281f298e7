"""How the app proves who it is: public, with a secret, or with a signed assertion."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from ipvscreen.smart.client import ASSERTION_SECONDS, Client, TokenAuth, credentials
from ipvscreen.smart.keys import new_signing_key, public_jwks

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
TOKEN = "https://login.example/tenants/7/hosts/Fhir.example/token"
JWKS = "https://app.example/jwks.json"
KEYS = {key.alg: key for key in (new_signing_key("RS384"), new_signing_key("ES384"))}


def assertion(alg: str, jwks_url: str | None = None, now: datetime = NOW) -> Any:
    client = Client("our-id", TokenAuth.PRIVATE_KEY_JWT, key=KEYS[alg], jwks_url=jwks_url)
    fields, headers = credentials(client, TOKEN, now)
    assert headers == {}
    assert set(fields) == {"client_assertion_type", "client_assertion"}
    assert fields["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    published = KeySet.import_key_set(public_jwks(KEYS.values()))
    return jwt.decode(fields["client_assertion"], published, algorithms=[alg])


def test_a_public_client_only_says_its_name() -> None:
    assert credentials(Client("our-id"), TOKEN, NOW) == ({"client_id": "our-id"}, {})


@pytest.mark.parametrize("secret", ["simple", "with/slash+plus=", "100%", "a:b", "é"])
def test_a_secret_goes_into_the_header_as_it_is(secret: str) -> None:
    fields, headers = credentials(Client("our-id", TokenAuth.BASIC, secret=secret), TOKEN, NOW)

    assert fields == {}
    scheme, _, pair = headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair).decode()) == ("Basic", f"our-id:{secret}")


@pytest.mark.parametrize("alg", ["RS384", "ES384"])
def test_an_assertion_says_what_the_specification_asks_for_and_nothing_more(alg: str) -> None:
    token = assertion(alg, JWKS)

    assert token.header == {"alg": alg, "kid": KEYS[alg].kid, "typ": "JWT", "jku": JWKS}
    assert set(token.claims) == {"iss", "sub", "aud", "exp", "jti"}
    assert (token.claims["iss"], token.claims["sub"]) == ("our-id", "our-id")
    assert token.claims["aud"] == TOKEN
    assert token.claims["exp"] == int(NOW.timestamp()) + ASSERTION_SECONDS
    assert ASSERTION_SECONDS <= 300


def test_without_an_address_of_our_keys_none_is_named() -> None:
    assert "jku" not in assertion("ES384").header


def test_no_assertion_is_like_another() -> None:
    assert len({assertion("ES384").claims["jti"] for _ in range(50)}) == 50


def test_a_client_without_what_it_needs_is_refused_at_start() -> None:
    with pytest.raises(ValueError, match="secret"):
        Client("our-id", TokenAuth.BASIC)
    with pytest.raises(ValueError, match="secret"):
        Client("our-id", TokenAuth.BASIC, secret="")
    with pytest.raises(ValueError, match="key"):
        Client("our-id", TokenAuth.PRIVATE_KEY_JWT)


def test_secrets_are_not_printed() -> None:
    client = Client("our-id", TokenAuth.BASIC, secret="canary", key=KEYS["ES384"])

    assert "canary" not in repr(client)
    assert str(KEYS["ES384"].jwk["d"]) not in repr(client)
