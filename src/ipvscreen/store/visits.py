"""Visits: one for each launch, changed only by whoever has seen the last change."""

from dataclasses import replace
from typing import Any, Unpack

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.errors import OutOfOrder, VisitOver
from ipvscreen.ipv.visit import VisitState
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.sealed import Ring, SealedTable, blind_indexes
from ipvscreen.store.tables import visits
from ipvscreen.store.visit import Visit as Visit  # the other rooms know it from here
from ipvscreen.store.visit import VisitChanges, columns_of, visit_of

_UNFINISHED = (
    VisitState.ASKING,
    VisitState.DISCLOSED,
    VisitState.UNRECORDED,
    VisitState.RECORDED,
    VisitState.DEFERRED,
)


class Visits:
    """The table of visits. Expiry is not looked at here: an expired visit still holds its draft."""

    def __init__(self, engine: AsyncEngine, ring: Ring) -> None:
        self._engine = engine
        self._ring = ring
        self._sealed = SealedTable(ring, visits.name)

    async def create(self, visit: Visit, token: str) -> Visit:
        """Store a new visit with its access token."""
        values = columns_of(self._sealed, visit) | {
            "id": visit.id,
            "ehr": visit.ehr,
            "user_index": clinician_indexes(self._ring, visit.ehr, visit.user_key)[0]
            if visit.user_key
            else None,
            "opened_at": visit.opened_at,
            "token": self._sealed.seal("token", visit.id, token),
        }
        async with writing(self._engine) as connection:
            await connection.execute(insert(visits).values(values))
        return visit

    async def get(self, visit_id: str) -> Visit | None:
        """The visit as it stands; None where there is none."""
        async with reading(self._engine) as connection:
            return await stored(connection, self._sealed, visit_id)

    async def token(self, visit_id: str) -> str:
        """The access token of the visit; VisitOver where it has been taken away."""
        async with reading(self._engine) as connection:
            sealed = await connection.scalar(select(visits.c.token).where(visits.c.id == visit_id))
        token: str | None = None if sealed is None else self._sealed.open("token", visit_id, sealed)
        if token is None:
            raise VisitOver("This visit is over.")
        return token

    async def change(self, visit: Visit, **changes: Unpack[VisitChanges]) -> Visit:
        """The visit with these changes; OutOfOrder where it was changed since `visit` was read."""
        async with writing(self._engine) as connection:
            return await compare_and_set(connection, self._sealed, visit, changes)

    async def unfinished(self, ehr: str, user_key: str | None) -> list[Visit]:
        """This clinician's visits with a disclosure that was not sent on or finished, oldest first."""
        if user_key is None:
            return []
        mine = visits.c.user_index.in_(clinician_indexes(self._ring, ehr, user_key))
        waiting = (visits.c.held.is_(True), visits.c.state.in_(_UNFINISHED))
        query = select(visits).where(visits.c.ehr == ehr, mine, *waiting).order_by(visits.c.opened_at)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [visit_of(self._sealed, row) for row in rows]

    async def adopt(self, old: Visit, new: Visit, token: str) -> Visit:
        """`old` handed over to the launch that made `new`: its cookie, token, time, patient data and plan.

        The browser that had it loses it. Time, encounter and draft stay those of the conversation. `new`
        need not be stored. OutOfOrder for another record system, clinician or patient.
        """
        if old.user_key is None or _whose(old) != _whose(new):
            raise OutOfOrder(old.state, "resume by another launch")
        return await self.change(
            old,
            token=token,
            cookie_hash=new.cookie_hash,
            expires_at=new.expires_at,
            person=new.person,
            plan=new.plan,
            last_form=None,
        )


def clinician_indexes(ring: Ring, ehr: str, user_key: str) -> tuple[str, ...]:
    """What stands in `user_index` for this clinician: written with the first, looked up with all."""
    return blind_indexes(ring, "visits.user_index", f"{ehr} {user_key}")


async def stored(connection: AsyncConnection, sealed: SealedTable, visit_id: str) -> Visit | None:
    """The visit as this transaction sees it."""
    query = select(visits).where(visits.c.id == visit_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else visit_of(sealed, row)


async def compare_and_set(
    connection: AsyncConnection, sealed: SealedTable, visit: Visit, changes: VisitChanges
) -> Visit:
    """Change the visit in a transaction of the caller's; OutOfOrder where `visit` is not the last version."""
    fields: dict[str, Any] = {name: value for name, value in changes.items() if name != "token"}
    changed = replace(visit, **fields, version=visit.version + 1)
    values = columns_of(sealed, changed)
    if "token" in changes:
        values["token"] = sealed.seal("token", visit.id, changes["token"])
    unchanged = (visits.c.id == visit.id, visits.c.version == visit.version)
    done = await connection.execute(update(visits).where(*unchanged).values(values))
    if done.rowcount != 1:
        raise OutOfOrder(visit.state, "changed meanwhile")
    return changed


def _whose(visit: Visit) -> tuple[str, str, str | None, str]:
    return visit.ehr, visit.iss, visit.user_key, visit.patient_id
