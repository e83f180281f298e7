"""The signed assertion by which an app proves who it is (RFC 7521 and 7523, as SMART 2.2 narrows them)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import extract_compact

from ipvscreen.sandbox.client_keys import ClientKeys
from ipvscreen.sandbox.oauth import OAuthError
from ipvscreen.sandbox.registration import Registration
from ipvscreen.sandbox.tickets import Clock

ALGORITHMS = ("RS384", "ES384")
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_LONGEST = timedelta(minutes=5)
_TYPES: dict[str, type[RSAKey] | type[ECKey]] = {"RS384": RSAKey, "ES384": ECKey}


class Server(Protocol):
    """A token endpoint, of the record system or of the charity, and what it knows of the app."""

    token_url: str
    app: Registration
    clock: Clock
    client_keys: ClientKeys
    assertions_seen: dict[str, float]


async def check_assertion(server: Server, assertion: str) -> None:
    """OAuthError `invalid_client` unless the registered app signed this, for here, for now, for once.

    Source: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
    """
    try:
        header = extract_compact(assertion.encode()).headers()
    except (JoseError, ValueError) as problem:
        raise _wrong("it is no signed JWT") from problem
    _check_header(server, header)
    key = await server.client_keys.key(header["kid"], header["alg"])
    try:
        claims = jwt.decode(assertion, _TYPES[header["alg"]].import_key(key), [header["alg"]]).claims
    except (JoseError, ValueError) as problem:
        raise _wrong("its signature or its content does not hold") from problem
    _check_claims(server, claims)
    _check_times(server, claims)
    _check_first_use(server, claims)


def _check_header(server: Server, header: Mapping[str, Any]) -> None:
    if header.get("alg") not in ALGORITHMS:
        raise _wrong(f"its algorithm is not one of {', '.join(ALGORITHMS)}")
    if header.get("typ") != "JWT":
        raise _wrong("its typ is not JWT")
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        raise _wrong("it does not name its key (kid)")
    if "jku" in header and header["jku"] != server.app.jwks_url:
        raise _wrong("its jku is not the address that is registered")
    if "crit" in header or header.keys() & {"jwk", "x5u", "x5c"}:
        raise _wrong("it brings a key or an extension of its own")


def _check_claims(server: Server, claims: Mapping[str, Any]) -> None:
    for name in ("iss", "sub"):
        if claims.get(name) != server.app.client_id:
            raise _wrong(f"its {name} is not this app")
    if claims.get("aud") not in (server.token_url, [server.token_url]):
        raise _wrong("it is not meant for this token endpoint (aud)")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise _wrong("it has no jti")


def _check_times(server: Server, claims: Mapping[str, Any]) -> None:
    """Not over, not good for longer than five minutes, and not from the future."""
    now = server.clock().timestamp()
    ends = _time(claims.get("exp"))
    if ends is None or ends <= now:
        raise _wrong("it is over, or does not say when it will be (exp)")
    if ends > now + _LONGEST.total_seconds():
        raise _wrong("it is good for longer than five minutes")
    for name in ("nbf", "iat"):
        if name in claims and ((at := _time(claims[name])) is None or at > now):
            raise _wrong(f"its {name} lies in the future")


def _check_first_use(server: Server, claims: Mapping[str, Any]) -> None:
    """One jti, one use, for as long as the assertion is good."""
    now = server.clock().timestamp()
    seen = server.assertions_seen
    for jti in [jti for jti, ends in seen.items() if ends <= now]:
        del seen[jti]
    if claims["jti"] in seen:
        raise _wrong("it has been used already (jti)")
    seen[claims["jti"]] = claims["exp"]


def _time(value: Any) -> float | None:
    """A NumericDate (RFC 7519, 2); in JSON a number, and no other thing that counts as one in Python."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _wrong(what: str) -> OAuthError:
    return OAuthError("invalid_client", f"The client assertion is refused: {what}.")
