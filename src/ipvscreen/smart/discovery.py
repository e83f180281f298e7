"""Find a record system's authorization endpoints.

smart-configuration first (SMART App Launch 2.2, Conformance), then the `oauth-uris` extension of the
CapabilityStatement, which older servers have alone and some proxies leave as the only one reachable
(microsoft/fhir-server#2138).
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from ipvscreen.errors import LaunchRefused
from ipvscreen.messages import message
from ipvscreen.smart.addresses import parse, resolve
from ipvscreen.smart.fetch import fetch

METADATA_BYTES = 5_000_000  # a full CapabilityStatement of a large server is over a megabyte
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"

_NOT_FOUND = message(
    "The record system does not say how this page may connect to it. "
    "Ask your system manager whether apps can be opened from it."
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Absolute addresses. Without `jwks` an id_token cannot be checked and the user stays unknown."""

    issuer: str | None
    authorize: str
    token: str
    jwks: str | None
    iss_parameter: bool = False  # the callback brings `iss` (RFC 9207)
    authorize_post: bool = False  # capability authorize-post
    s256: bool | None = None  # None: code_challenge_methods_supported is not there at all
    token_auth_methods: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


def endpoints_to_json(endpoints: Endpoints) -> dict[str, Any]:
    """The endpoints as plain JSON, to be kept until the callback."""
    return asdict(endpoints)


def endpoints_from_json(stored: Mapping[str, Any]) -> Endpoints:
    """The endpoints that `endpoints_to_json` stored; TypeError for unknown keys."""
    lists = {name: tuple(stored.get(name, ())) for name in ("token_auth_methods", "capabilities")}
    return Endpoints(**{**stored, **lists})


async def discover(http: httpx.AsyncClient, iss: str) -> Endpoints:
    """The endpoints of the FHIR base `iss`, which the caller has found on its list; else LaunchRefused.

    Whether S256 is advertised is not looked at: it is always sent, and servers that take it do not always
    say so (smart-on-fhir/client-js#174).
    """
    parse(iss)
    base = iss.rstrip("/")
    configuration = await fetch(http, "GET", f"{base}/.well-known/smart-configuration")
    if configuration.status == httpx.codes.OK and configuration.body is not None:
        found = _of_configuration(base, configuration.body)
        if found:
            return found
    metadata = await fetch(
        http, "GET", f"{base}/metadata", headers={"Accept": "application/fhir+json"}, limit=METADATA_BYTES
    )
    found = _of_metadata(base, metadata.body or {}) if metadata.status == httpx.codes.OK else None
    if found is None:
        raise LaunchRefused(_NOT_FOUND)
    return found


def _of_configuration(base: str, body: Mapping[str, Any]) -> Endpoints | None:
    authorize, token = _text(body, "authorization_endpoint"), _text(body, "token_endpoint")
    if not (authorize and token):
        return None
    jwks = _text(body, "jwks_uri")
    capabilities = _texts(body, "capabilities")
    advertised = "code_challenge_methods_supported" in body
    return Endpoints(
        issuer=_text(body, "issuer"),
        authorize=resolve(base, authorize),
        token=resolve(base, token),
        jwks=resolve(base, jwks) if jwks else None,
        iss_parameter=body.get("authorization_response_iss_parameter_supported") is True,
        authorize_post="authorize-post" in capabilities,
        s256="S256" in _texts(body, "code_challenge_methods_supported") if advertised else None,
        token_auth_methods=_texts(body, "token_endpoint_auth_methods_supported"),
        capabilities=capabilities,
    )


def _of_metadata(base: str, body: Mapping[str, Any]) -> Endpoints | None:
    uris = dict(_oauth_uris(body))
    if not (uris.get("authorize") and uris.get("token")):
        return None
    return Endpoints(None, resolve(base, uris["authorize"]), resolve(base, uris["token"]), None)


def _oauth_uris(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for rest in _objects(body, "rest"):
        security = rest.get("security")
        for extension in _objects(security if isinstance(security, dict) else {}, "extension"):
            if extension.get("url") == _OAUTH_URIS:
                for inner in _objects(extension, "extension"):
                    yield str(inner.get("url")), _text(inner, "valueUri") or ""


def _objects(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    values = body.get(name)
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _texts(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = body.get(name)
    return tuple(one for one in values if isinstance(one, str)) if isinstance(values, list) else ()


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and value else None
