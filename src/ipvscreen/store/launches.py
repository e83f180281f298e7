"""Launches under way: what a callback needs, once, from the browser that began it, within five minutes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from ipvscreen.store.engine import writing
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.tables import launches

LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class PendingLaunch:
    """One authorization under way; `browser` is the SHA-256 of the cookie given to that browser.

    `scope` is what was asked for: what is granted is measured by it, whatever the settings say by then.
    """

    state: str
    ehr: str
    iss: str
    verifier: str
    nonce: str
    browser: str
    endpoints: dict[str, Any]
    created_at: datetime
    purpose: Literal["visit", "list"] = "visit"
    scope: str = ""


class Launches:
    """The table of launches under way; the state itself is not stored, only its hash."""

    def __init__(self, engine: AsyncEngine, ring: Ring) -> None:
        self._engine = engine
        self._sealed = SealedTable(ring, launches.name)

    async def put(self, launch: PendingLaunch) -> None:
        """Keep it; those that have run out go."""
        row = _row_id(launch.state)
        handshake = {
            "ehr": launch.ehr,
            "iss": launch.iss,
            "verifier": launch.verifier,
            "nonce": launch.nonce,
            "endpoints": launch.endpoints,
            "purpose": launch.purpose,
            "scope": launch.scope,
        }
        values = {
            "id": row,
            "browser": launch.browser,
            "created_at": launch.created_at,
            "handshake": self._sealed.seal("handshake", row, handshake),
        }
        async with writing(self._engine) as connection:
            ran_out = launches.c.created_at <= launch.created_at - LIFETIME
            await connection.execute(delete(launches).where(ran_out))
            await connection.execute(insert(launches).values(values))

    async def take(self, state: str, browser: str, now: datetime) -> PendingLaunch | None:
        """The launch, which is gone with that; None where there is none for this state, browser and time.

        A wrong browser leaves it where it is: the state has 256 bits and cannot be probed, while whoever
        saw it in passing (a proxy, a history) could otherwise spoil the clinician's own launch.
        """
        row = _row_id(state)
        taken = (
            delete(launches)
            .where(
                launches.c.id == row, launches.c.browser == browser, launches.c.created_at > now - LIFETIME
            )
            .returning(launches.c.created_at, launches.c.handshake)
        )
        async with writing(self._engine) as connection:
            found = (await connection.execute(taken)).one_or_none()
        if found is None:
            return None
        handshake = self._sealed.open("handshake", row, found.handshake)
        return PendingLaunch(state=state, browser=browser, created_at=found.created_at, **handshake)


def _row_id(state: str) -> str:
    return sha256(state.encode()).hexdigest()
