"""Tokens for services that ask for one: SMART Backend Services, with our own signing keys.

Source: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html. A token is kept until it ends, is
asked for by one at a time, and is asked for anew once, and not twice, where the service does not know it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar, cast

import httpx
from pydantic import ValidationError

from ipvscreen.errors import DeliveryLater, DeliveryRefused, LaunchRefused
from ipvscreen.ipv.services import Backend
from ipvscreen.resources.endpoint import safe_token_url
from ipvscreen.smart.client import Client, TokenAuth, credentials
from ipvscreen.smart.fetch import Reply, fetch
from ipvscreen.smart.keys import Algorithm, SigningKey
from ipvscreen.smart.token_response import TokenResponse
from ipvscreen.store.facade import Store

TOKEN_SECONDS = 4.0  # two tokens and two tries at a message are shorter than a lease
_EARLIER = timedelta(seconds=10)  # a token must not end on its way
_UNKNOWN_TOKEN = 401
_LATER = frozenset({408, 425, 429})
_SERVER_FAULT = 500

Sign = Callable[[str], Awaitable[SigningKey]]
Got = TypeVar("Got")


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str = field(repr=False)
    until: datetime


class Tokens:
    """The tokens of one process. `sign` gives the key of ours that signs now, for an algorithm.

    `jwks_url` is where services fetch the public halves.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        sign: Sign,
        clock: Callable[[], datetime],
        jwks_url: str | None = None,
    ) -> None:
        self._http, self._sign, self._clock, self._jwks_url = http, sign, clock, jwks_url
        self._kept: dict[Backend, _Kept] = {}
        self._asking: dict[Backend, asyncio.Task[_Kept]] = {}

    async def sent(
        self, backend: Backend | None, endpoint: str, send: Callable[[str | None], Awaitable[Got]]
    ) -> Got:
        """What `send` gives with the token that the endpoint asks for; with None where it asks for none.

        DeliveryLater or DeliveryRefused of `send`, or where there is no token to be had.
        """
        if backend is None:
            return await send(None)
        token = await self.token(backend, endpoint)
        try:
            return await send(token)
        except DeliveryRefused as refused:
            if refused.status != _UNKNOWN_TOKEN:
                raise
        self._forget(backend, token)
        return await send(await self.token(backend, endpoint))

    async def token(self, backend: Backend, endpoint: str) -> str:
        """The token that is kept, or a new one; whoever asks meanwhile waits for the same."""
        try:
            safe_token_url(backend.token_url, endpoint)
        except ValueError as wrong:
            raise DeliveryRefused(0, f"The service cannot be asked for a token: {wrong}") from None
        kept = self._kept.get(backend)
        if kept is not None and self._clock() < kept.until:
            return kept.token
        asking = self._asking.get(backend)
        if asking is None:
            asking = self._asking[backend] = asyncio.create_task(self._asked(backend))
            asking.add_done_callback(lambda done: self._settled(backend, done))
        return (await asyncio.shield(asking)).token

    def _settled(self, backend: Backend, done: "asyncio.Task[_Kept]") -> None:
        del self._asking[backend]
        if not done.cancelled() and done.exception() is None:
            self._kept[backend] = done.result()

    def _forget(self, backend: Backend, token: str) -> None:
        """Only that one: another may have got a newer one meanwhile."""
        kept = self._kept.get(backend)
        if kept is not None and kept.token == token:
            del self._kept[backend]

    async def _asked(self, backend: Backend) -> _Kept:
        now = self._clock()
        reply = await self._reply(backend, now)
        if reply.status != httpx.codes.OK:
            _refuse(reply.status)
        try:
            answer = TokenResponse.model_validate(reply.body or {})
        except ValidationError:
            raise DeliveryLater("The service's answer to a request for a token could not be used.") from None
        return _Kept(answer.access_token, now + timedelta(seconds=answer.expires_in or 0.0) - _EARLIER)

    async def _reply(self, backend: Backend, now: datetime) -> Reply:
        try:
            key = await self._sign(backend.alg)
        except LookupError:
            raise DeliveryLater("There is no signing key: tell whoever runs this app.") from None
        client = Client(backend.client_id, TokenAuth.PRIVATE_KEY_JWT, key=key, jwks_url=self._jwks_url)
        fields, headers = credentials(client, backend.token_url, now)
        form = {"grant_type": "client_credentials", "scope": backend.scope, **fields}
        try:
            return await fetch(
                self._http, "POST", backend.token_url, form=form, headers=headers, seconds=TOKEN_SECONDS
            )
        except LaunchRefused:  # its words are about a record system
            raise DeliveryLater("The service did not answer a request for a token.") from None


async def signing_key_of(store: Store, clock: Callable[[], datetime], alg: str) -> SigningKey:
    """The key of ours that signs now; LookupError where there is none of that algorithm."""
    stored = await store.signing_keys.current(alg, clock())
    return SigningKey(stored.kid, cast(Algorithm, stored.alg), stored.jwk)


def _refuse(status: int) -> None:
    """Not its own words: what a server writes beside a code is for nobody's page."""
    if status in _LATER or status >= _SERVER_FAULT:
        raise DeliveryLater("The service could not give a token just now.")
    raise DeliveryRefused(status, "The service does not let this app in: it gave no token.")
