"""The token of a visit, made new before it ends: one request at a time asks for that, the others wait."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ipvscreen.errors import EhrUnreachable, LaunchRefused, VisitOver
from ipvscreen.messages import message
from ipvscreen.smart.authorization import RefreshGone, refresh
from ipvscreen.smart.client import Client
from ipvscreen.smart.context import expiry
from ipvscreen.store.facade import Store
from ipvscreen.store.grant import Grant

EARLY = timedelta(seconds=60)  # two clocks, and a write that takes its time
_LOOK_SECONDS = 0.05
_WAIT_SECONDS = 12.0  # a token request ends after ten; the lease of one that died outlives this

_SILENT = message("The record system did not renew the sign-in. Wait a moment, then try again.")
_OVER = "The record system's sign-in for this visit has ended."

_begun: set[asyncio.Task[str]] = set()


async def access_token(
    store: Store,
    http: Any,
    visit_id: str,
    client: Callable[[], Awaitable[Client]],
    now: datetime,
    grant: Grant | None = None,
) -> str:
    """The visit's access token, refreshed where it has less than a minute left; `http` is the EHR's client.

    `grant`: what the visit had a moment ago, where that was read with it.

    With rotation a refresh token counts once, and the second use of one revokes them all (RFC 9700, section
    4.14.2): so one request takes the store's lease and asks, and the others wait for what it gets. VisitOver
    where there is no token any more, EhrUnreachable where a new one could not be asked for just now.
    """
    grant = grant or await store.visits.grant(visit_id)
    if grant.refresh is None or now < grant.expires_at - EARLY:
        return _living(grant, now)
    if not await store.visits.take_refresh(visit_id, now):
        found = await _awaited(store, visit_id, grant, now)
        if found is not None:
            return found
    # Shielded: a rotated token that was asked for and not stored would be lost, and the sign-in with it.
    task = asyncio.create_task(_renewed(store, http, visit_id, client, now))
    _begun.add(task)
    task.add_done_callback(_begun.discard)
    return await asyncio.shield(task)


async def _renewed(
    store: Store, http: Any, visit_id: str, client: Callable[[], Awaitable[Client]], now: datetime
) -> str:
    """The new token; where it is refused the old one, for as long as that lives."""
    grant = await store.visits.grant(visit_id)  # under the lease: another may just have renewed it
    if grant.refresh is None or now < grant.expires_at - EARLY:
        await store.visits.refreshed(visit_id, grant, None)
        return _living(grant, now)
    new: Grant | None = None
    try:
        visit = await store.visits.get(visit_id)
        token = await refresh(
            http,
            grant.token_url,
            await client(),
            grant.refresh,
            now,
            patient=visit.patient_id if visit else None,
        )
        new = Grant(
            access=token.access_token,
            expires_at=expiry(token, now),
            refresh=token.refresh_token or grant.refresh,
            token_url=grant.token_url,
            scope=grant.scope if token.scope is None else token.scope,
        )
    except RefreshGone:
        new = replace(grant, refresh=None)
    except LaunchRefused:
        if now >= grant.expires_at:
            raise EhrUnreachable(_SILENT, may_have_happened=False) from None
    finally:
        await store.visits.refreshed(visit_id, grant, new)
    return _living(new or grant, now)


async def _awaited(store: Store, visit_id: str, old: Grant, now: datetime) -> str | None:
    """What the request that holds the lease came to; the old token where that is nothing, while it lives.

    None where it does not, and the lease has come over to the caller.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    while (waited := loop.time() - began) < _WAIT_SECONDS:
        await asyncio.sleep(_LOOK_SECONDS)
        grant = await store.visits.grant(visit_id)
        if grant != old:
            return _living(grant, now)
        if await store.visits.take_refresh(visit_id, now + timedelta(seconds=waited)):
            grant = await store.visits.grant(visit_id)  # it may have been renewed since it was looked at
            if grant == old and now >= old.expires_at:
                return None
            await store.visits.refreshed(visit_id, grant, None)
            return _living(grant, now)
    if now >= old.expires_at:
        raise EhrUnreachable(_SILENT, may_have_happened=False)
    return old.access


def _living(grant: Grant, now: datetime) -> str:
    if now >= grant.expires_at:
        raise VisitOver(_OVER)
    return grant.access
