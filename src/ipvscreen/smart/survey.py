"""A record system's discovery examined, for the doctor: what it says, whether it can be used, what to do."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from ipvscreen.errors import LaunchRefused
from ipvscreen.resources.finding import Finding, bad, good, warning
from ipvscreen.smart.addresses import resolve
from ipvscreen.smart.client import TokenAuth
from ipvscreen.smart.discovery import Endpoints, discover
from ipvscreen.smart.fetch import TOTAL_SECONDS, Reply, fetch

CONFIGURATION = ".well-known/smart-configuration"
_ADDRESSES = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_VENDOR = "Ask whoever runs the record system"

# Capability → what goes without it (SMART App Launch 2.2, Conformance); each is something the app uses.
_WANTED = {
    "launch-ehr": "The app may not open from the patient's record.",
    "context-ehr-patient": "A launch may not say which patient it is about, and is then refused.",
    "sso-openid-connect": "Who is signed in may not be told; entries then name no clinician.",
    "permission-patient": "Rights to one patient's record may not be granted.",
}


@dataclass(frozen=True, slots=True)
class Registration:
    """How the settings say that this app is registered there."""

    auth: TokenAuth
    alg: str
    spelling: Literal["v1", "v2"]


@dataclass(frozen=True, slots=True)
class Survey:
    """The endpoints, None where none can be used, and what was found on the way."""

    endpoints: Endpoints | None
    findings: tuple[Finding, ...]


async def survey(
    http: httpx.AsyncClient, iss: str, ours: Registration, *, seconds: float = TOTAL_SECONDS
) -> Survey:
    """Look at everything that a launch will rely on; never raises for what the record system does."""
    base = iss.rstrip("/")
    try:
        reply = await fetch(http, "GET", f"{base}/{CONFIGURATION}", seconds=seconds)
    except LaunchRefused as refused:
        ask = "Check iss in ipvscreen.toml, and whether this machine may reach that address."
        return Survey(None, (bad("Discovery", f"{CONFIGURATION}: {_briefly(refused)}", ask),))
    described = reply.body if reply.status == httpx.codes.OK else None
    try:
        endpoints = await discover(http, iss)
    except LaunchRefused:
        return Survey(None, (_undiscovered(reply), *_unsafe(base, described or {})))
    said = (
        _of_configuration(base, described, endpoints, ours) if described is not None else (_fallback(reply),)
    )
    return Survey(endpoints, (*said, *await _reached(http, endpoints, seconds)))


def _undiscovered(reply: Reply) -> Finding:
    words = f"No endpoints that can be used: {CONFIGURATION} {_answered(reply)}."
    return bad("Discovery", words, f"{_VENDOR} for the FHIR base of its SMART launches, and set it as iss.")


def _answered(reply: Reply) -> str:
    return f"answers {reply.status} with {'no JSON object' if reply.body is None else 'a JSON object'}"


def _fallback(reply: Reply) -> Finding:
    words = (
        f"{CONFIGURATION} {_answered(reply)}; the endpoints come from the CapabilityStatement. "
        "So it tells neither its issuer nor its keys nor whether it checks S256."
    )
    return warning("Discovery", words, f"{_VENDOR} to publish {CONFIGURATION}.")


def _unsafe(base: str, body: Mapping[str, Any]) -> Iterator[Finding]:
    """The addresses for which no browser and no token will be sent anywhere."""
    for name in _ADDRESSES:
        address = body.get(name)
        if isinstance(address, str) and not _usable(base, address):
            words = f"{name} is not https, or cannot be read, or names this machine from elsewhere."
            yield bad("Endpoints", words, f"{_VENDOR} to publish an https address there.")


def _usable(base: str, address: str) -> bool:
    try:
        resolve(base, address)
    except LaunchRefused:
        return False
    return True


def _of_configuration(
    base: str, body: Mapping[str, Any], endpoints: Endpoints, ours: Registration
) -> Iterator[Finding]:
    yield _endpoints(base, body)
    yield _issuer(endpoints)
    yield _s256(endpoints)
    yield _callback(endpoints)
    yield _authentication(endpoints, body, ours)
    yield from _capabilities(endpoints.capabilities, ours)


def _endpoints(base: str, body: Mapping[str, Any]) -> Finding:
    told = ((name, body.get(name)) for name in _ADDRESSES)
    given = [(name, httpx.URL(address)) for name, address in told if isinstance(address, str) and address]
    relative = [name for name, address in given if address.is_relative_url]
    if relative:
        words = f"{', '.join(relative)}: relative, read as below {base}/."
        return warning("Endpoints", words, f"{_VENDOR} whether that is meant; older servers do so.")
    if any(address.scheme == "http" for _, address in given):
        return good("Endpoints", "All are absolute, on this machine and for a test alone: http.")
    return good("Endpoints", "All are absolute https addresses.")


def _issuer(endpoints: Endpoints) -> Finding:
    if endpoints.issuer:
        return good("Issuer", "It names the issuer of its id_tokens.")
    return warning("Issuer", "It names no issuer; id_tokens must then name the FHIR base as theirs.")


def _s256(endpoints: Endpoints) -> Finding:
    if endpoints.s256:
        return good("PKCE", "It checks S256: a stolen code is of no use to others.")
    words = (
        "It does not say that it checks PKCE with S256. This app always sends it; but if nobody checks, "
        "a stolen code opens the patient's record to whoever has it."
    )
    ask = f"{_VENDOR} to require S256 and list it in code_challenge_methods_supported (SMART App Launch 2.2)."
    return bad("PKCE", words, ask)


def _callback(endpoints: Endpoints) -> Finding:
    if endpoints.iss_parameter:
        return good("Who answers", "Each answer names its issuer (RFC 9207).")
    return good(
        "Who answers", "Answers name no issuer (RFC 9207); a redirect path of its own stands in for it."
    )


def _authentication(endpoints: Endpoints, body: Mapping[str, Any], ours: Registration) -> Finding:
    title, offered = "How we sign in", endpoints.token_auth_methods
    if ours.auth is TokenAuth.NONE:
        if "none" in offered or "client-public" in endpoints.capabilities:
            return good(title, "As a public client, with PKCE.")
        return warning(
            title,
            "It does not say that it takes public clients; some take them all the same.",
            "If the sign-in fails, register a confidential client and set token_auth.",
        )
    if offered and ours.auth not in offered:
        words = f"It does not take {ours.auth}; it takes {', '.join(map(_plain, offered))}."
        return bad(title, words, "Set token_auth to one of these, and register the app that way.")
    algorithms = body.get("token_endpoint_auth_signing_alg_values_supported")
    signs = ours.auth is TokenAuth.PRIVATE_KEY_JWT
    if signs and isinstance(algorithms, list) and algorithms and ours.alg not in algorithms:
        words = f"It does not take assertions signed with {ours.alg}."
        return bad(title, words, "Set signing_alg to RS384 or ES384, whichever it takes.")
    return good(title, f"With {ours.auth}.")


def _capabilities(offered: tuple[str, ...], ours: Registration) -> Iterator[Finding]:
    missing = {name: words for name, words in _WANTED.items() if offered and name not in offered}
    for name, words in missing.items():
        yield warning(
            "Capabilities", f"It does not list {name}. {words}", "See whether a launch works all the same."
        )
    other = "v1" if ours.spelling == "v2" else "v2"
    if f"permission-{other}" in offered and f"permission-{ours.spelling}" not in offered:
        words = f"It reads scopes in the spelling of {other}, and we ask in that of {ours.spelling}."
        yield bad("Scopes", words, f'Set scopes = "{other}" for this record system.')
    elif not missing:
        yield good("Capabilities", "It offers what a launch needs.")


async def _reached(http: httpx.AsyncClient, endpoints: Endpoints, seconds: float) -> list[Finding]:
    """Any answer is a good one: both are asked without what they need."""
    places = {"Authorization address": endpoints.authorize, "Token address": endpoints.token}

    async def one(title: str, address: str) -> Finding:
        try:
            reply = await fetch(http, "GET", address, seconds=seconds)
        except LaunchRefused as refused:
            return bad(
                title, _briefly(refused), "Check whether this machine may reach it, and its certificate."
            )
        if reply.status == httpx.codes.NOT_FOUND:
            return warning(
                title, "It answers 404 when asked without anything.", "See whether a launch works."
            )
        return good(title, "It answers.")

    return list(await asyncio.gather(*(one(*place) for place in places.items())))


def _briefly(refused: LaunchRefused) -> str:
    """The first sentence; the rest tells a clinician what to do."""
    return f"{str(refused).partition('. ')[0].rstrip('.')}."


def _plain(text: str) -> str:
    return "".join(c for c in text[:60] if c.isprintable())
