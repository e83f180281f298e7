"""Keys examined, for the doctor: the record system's, that prove who signed in, and our own as published."""

from collections.abc import Mapping
from typing import Any

import httpx

from ipvscreen.errors import LaunchRefused
from ipvscreen.resources.finding import Finding, bad, good, warning
from ipvscreen.smart.fetch import fetch
from ipvscreen.smart.identity import rs256_keys

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})  # RFC 7518 section 6


async def their_keys(http: httpx.AsyncClient, jwks: str | None) -> Finding:
    """Whether an id_token can be checked with what the record system publishes at `jwks`."""
    title = "Keys of the record system"
    if jwks is None:
        words = "It publishes no keys, so who is signed in cannot be proved; entries then name no clinician."
        return warning(title, words, "Ask whoever runs the record system to publish jwks_uri.")
    ask = "Ask whoever runs the record system to publish an RS256 key of 2048 bits or more at jwks_uri."
    try:
        reply = await fetch(http, "GET", jwks)
    except LaunchRefused:
        return bad(title, "The address of its keys does not answer.", ask)
    usable = rs256_keys((reply.body or {}).get("keys"))
    if reply.status != httpx.codes.OK or not usable:
        words = "What it publishes holds no key that an id_token (RS256) can be checked with."
        return bad(title, words, f"{ask} Until then every sign-in that brings an id_token is refused.")
    return good(title, f"{len(usable)} of {len(_keys(reply.body))} can check who is signed in.")


async def our_keys(http: httpx.AsyncClient, jwks_url: str, kid: str) -> Finding:
    """Whether our own JWKS, at the address that record systems fetch, shows the key that signs now."""
    title = "Our own keys"
    try:
        reply = await fetch(http, "GET", jwks_url)
    except LaunchRefused:
        words = f"{jwks_url} does not answer."
        return bad(title, words, "Start the app, and let the proxy before it pass that address to everybody.")
    published = _keys(reply.body)
    if any(_PRIVATE & key.keys() for key in published):
        words = f"{jwks_url} publishes private keys."
        return bad(
            title, words, "Take it off the network at once, and replace the keys: `ipvscreen keys rotate`."
        )
    if reply.status != httpx.codes.OK or kid not in {key.get("kid") for key in published}:
        words = f"{jwks_url} does not show the key that signs now."
        return bad(
            title, words, "Check that public_url leads to this app and this store, and no cache holds it."
        )
    words = f"{jwks_url} shows the key that signs now, as seen from here; the record system must see it, too."
    return good(title, words)


def _keys(body: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    keys = (body or {}).get("keys")
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
