"""Who is asking: the id_token, checked (OpenID Connect Core 3.1.3.7; SMART App Launch, fhirUser)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry, extract_compact

from ipvscreen.errors import LaunchRefused
from ipvscreen.messages import message
from ipvscreen.smart.addresses import resolve
from ipvscreen.smart.discovery import Endpoints
from ipvscreen.smart.fetch import fetch

LEEWAY_SECONDS = 60  # two machines' clocks
_MODULUS_CHARACTERS = 342  # base64url of 2048 bits, the least that RS256 allows (RFC 7518 section 3.3)
_USER = re.compile(
    r"(?:(?P<base>.+)/)?"
    r"(?P<reference>(?:Practitioner|PractitionerRole|Patient|RelatedPerson|Person)/(?!\.+$)[A-Za-z0-9\-.]{1,64})"
)
_REFUSED = message(
    "The record system's statement of who is signed in could not be trusted. "
    "Open this page again from the patient's record."
)


@dataclass(frozen=True, slots=True)
class Identity:
    """The signed-in user: FHIR reference, stable subject, name as the token gives it; None where unknown."""

    user: str | None
    subject: str | None
    name: str | None

    def key(self, iss: str) -> str | None:
        """What tells this user of `iss` from every other, the same at each launch; None where unknown."""
        who = self.subject or self.user
        return f"{iss.rstrip('/')} {who}" if who else None


class _Rs256(JWSRegistry):
    """RS256 and nothing else; unknown header fields are ignored, keys named in the header never fetched."""

    max_header_length = 8192  # some servers put their certificate chain (x5c) there


async def identify(
    http: httpx.AsyncClient,
    endpoints: Endpoints,
    id_token: str | None,
    *,
    client_id: str,
    iss: str,
    nonce: str,
    now: datetime,
) -> Identity:
    """The user of a checked `id_token`, all None where there is none or no key to check it with.

    LaunchRefused for a token that is there and wrong: signature, issuer, audience, time, or nonce.
    """
    jwks = await _keys_address(http, endpoints) if id_token is not None else None
    if id_token is None or jwks is None:
        return Identity(None, None, None)
    claims = await _signed(http, jwks, id_token)
    _check(claims, issuer=endpoints.issuer or iss, client_id=client_id, nonce=nonce, now=now)
    name = claims.get("name")
    return Identity(_user(claims, iss), claims["sub"], name if isinstance(name, str) and name else None)


async def _keys_address(http: httpx.AsyncClient, endpoints: Endpoints) -> str | None:
    """Where the server's keys are: smart-configuration says, or else OpenID Connect Discovery 1.0, section 4.

    Only the issuer that discovery gave is asked, never the one that the token itself names.
    """
    if endpoints.jwks is not None or endpoints.issuer is None:
        return endpoints.jwks
    try:
        issuer = resolve(endpoints.token, endpoints.issuer)
        reply = await fetch(http, "GET", resolve(issuer, ".well-known/openid-configuration"))
        told = reply.body or {}
        jwks = told.get("jwks_uri")
        return resolve(issuer, jwks) if told.get("issuer") == issuer and isinstance(jwks, str) else None
    except LaunchRefused:
        return None  # the user is then unknown, as without an id_token; the launch goes on


async def _signed(http: httpx.AsyncClient, jwks: str, id_token: str) -> Mapping[str, Any]:
    """The claims, once a key of the server has proved them; a second look at the keys past any cache."""
    kid = _kid(id_token)
    for cached in ({}, {"Cache-Control": "no-cache"}):
        reply = await fetch(http, "GET", jwks, headers=cached)
        for key in rs256_keys((reply.body or {}).get("keys"), kid):
            claims = _proved(id_token, key)
            if claims is not None:
                return claims
    raise LaunchRefused(_REFUSED)


def _registry() -> _Rs256:
    return _Rs256(algorithms=["RS256"], strict_check_header=False)


def _kid(id_token: str) -> str | None:
    """The key id in the header, if there is one (the public SMART launcher sends none)."""
    try:
        headers = extract_compact(id_token.encode(), registry=_registry()).headers()
    except (JoseError, ValueError):
        raise LaunchRefused(_REFUSED) from None
    if headers.get("alg") != "RS256":
        raise LaunchRefused(_REFUSED)
    kid = headers.get("kid")
    return kid if isinstance(kid, str) else None


def rs256_keys(published: object, kid: str | None = None) -> list[RSAKey]:
    """The usable RS256 keys, narrowed to `kid` where both sides name one."""
    keys = []
    for jwk in published if isinstance(published, list) else []:
        if isinstance(jwk, dict) and _fits(jwk) and (kid is None or jwk.get("kid") in (None, kid)):
            try:
                keys.append(RSAKey.import_key({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]}))
            except (JoseError, ValueError):
                continue
    return keys


def _fits(jwk: Mapping[str, Any]) -> bool:
    modulus = jwk.get("n")
    return (
        jwk.get("kty") == "RSA"
        and jwk.get("use") in (None, "sig")
        and jwk.get("alg") in (None, "RS256")
        and isinstance(jwk.get("e"), str)
        and isinstance(modulus, str)
        and len(modulus) >= _MODULUS_CHARACTERS
    )


def _proved(id_token: str, key: RSAKey) -> Mapping[str, Any] | None:
    try:
        return jwt.decode(id_token, key, registry=_registry()).claims
    except (JoseError, ValueError):
        return None


def _check(claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: datetime) -> None:
    bare = issuer.rstrip("/")  # a trailing slash comes and goes between a server's own documents
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "values": [bare, f"{bare}/"]},
        sub={"essential": True},
        aud={"essential": True, "value": client_id},
        azp={"value": client_id},
        exp={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        registry.validate(dict(claims))
    except JoseError:
        raise LaunchRefused(_REFUSED) from None


def _user(claims: Mapping[str, Any], iss: str) -> str | None:
    """`fhirUser`, or `profile` of older servers, as `Type/id`; one of another server is nobody we know."""
    for claim in ("fhirUser", "profile"):
        value = claims.get(claim)
        match = _USER.fullmatch(value) if isinstance(value, str) else None
        if match and (match["base"] or iss).strip("/") == iss.strip("/"):
            return match["reference"]
    return None
