"""The registered app's public keys, fetched from where it publishes them."""

import re
from collections.abc import Mapping
from typing import Any

import httpx

from ipvscreen.sandbox.oauth import OAuthError
from ipvscreen.sandbox.registration import Registration
from ipvscreen.sandbox.tickets import Clock

_MAX_AGE = re.compile(r"(?:^|,)\s*max-age=(\d{1,9})\s*(?:,|$)", re.IGNORECASE)
_TIMEOUT = 5.0  # seconds
_KEY_TYPES = {"RS384": "RSA", "ES384": "EC"}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


class ClientKeys:
    """Keeps a key set for as long as its Cache-Control allows, and asks no earlier for another.

    A key must therefore have been published for that long before it signs.
    """

    def __init__(self, app: Registration, clock: Clock) -> None:
        self._app = app
        self._clock = clock
        self._kept: list[Any] = []
        self._good_until = 0.0

    async def key(self, kid: str, alg: str) -> dict[str, Any]:
        """The one published key of that id that is for `alg`; OAuthError `invalid_client` without one."""
        fitting = [key for key in await self._published() if _fits(key, kid, alg)]
        if len(fitting) != 1:
            raise _refused(f"there is not exactly one published key for {alg} with its kid")
        return dict(fitting[0])

    async def _published(self) -> list[Any]:
        if self._clock().timestamp() >= self._good_until:
            found, seconds = await self._fetched()
            self._kept = _keys_of(found)
            self._good_until = self._clock().timestamp() + seconds
        return self._kept

    async def _fetched(self) -> tuple[Any, int]:
        """The JWK set, and for how many seconds it may be kept."""
        if self._app.jwks is not None:
            return await self._app.jwks(), 0
        try:
            # No redirect: the registered address is the one that is trusted.
            async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as http:
                answer = await http.get(self._app.jwks_url or "", headers={"Accept": "application/json"})
            if answer.status_code != httpx.codes.OK:
                raise _refused("its key set could not be fetched")
            return answer.json(), _seconds(answer.headers.get("cache-control", ""))
        except (httpx.HTTPError, ValueError):
            raise _refused("its key set could not be fetched") from None


def _seconds(cache_control: str) -> int:
    found = _MAX_AGE.search(cache_control)
    return int(found[1]) if found and "no-store" not in cache_control else 0


def _keys_of(found: Any) -> list[Any]:
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        raise _refused("what is published is no key set")
    if any(isinstance(key, dict) and key.keys() & _PRIVATE for key in keys):
        raise _refused("its key set publishes a private key")
    return keys


def _fits(key: Any, kid: str, alg: str) -> bool:
    """For this signature; what the key does not say of itself does not speak against it (RFC 7517, 4)."""
    return (
        isinstance(key, Mapping)
        and key.get("kid") == kid
        and key.get("kty") == _KEY_TYPES[alg]
        and key.get("alg", alg) == alg
        and key.get("use", "sig") == "sig"
        and "verify" in key.get("key_ops", ["verify"])
    )


def _refused(what: str) -> OAuthError:
    return OAuthError("invalid_client", f"The client assertion is refused: {what}.")
