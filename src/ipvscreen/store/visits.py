"""Visits: one for each launch, changed only by whoever has seen the last change."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Unpack

from sqlalchemy import RowMapping, and_, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.errors import OutOfOrder, VisitOver
from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.visit import VisitState
from ipvscreen.store.audit import Noting, Subject, of_visit
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.grant import Grant, grant_from_json, grant_to_json
from ipvscreen.store.sealed import Ring, SealBroken, SealedTable
from ipvscreen.store.tables import journal, visits
from ipvscreen.store.visit import Visit as Visit  # the other rooms know it from here
from ipvscreen.store.visit import VisitChanges, clinician_indexes, columns_of, visit_of

REFRESH_LEASE = timedelta(seconds=15)  # a request to the record system ends after ten

_LOOKED_THROUGH = 200  # visits of one clinician; whose they are is sealed, so each has to be opened

_UNFINISHED = (
    VisitState.ASKING,
    VisitState.DISCLOSED,
    VisitState.UNRECORDED,
    VisitState.RECORDED,
    VisitState.DEFERRED,
)
_ON_ITS_WAY = select(journal.c.id).where(journal.c.visit_id == visits.c.id, journal.c.open.is_(True)).exists()


class Visits:
    """The table of visits. Expiry is not looked at here: an expired visit still holds its draft."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine = engine
        self._sealed = SealedTable(ring, visits.name)
        self._noting = noting

    async def create(self, visit: Visit, grant: Grant) -> Visit:
        """Store a new visit with what was granted; the clinician's other open ones are stopped."""
        values = columns_of(self._sealed, visit) | {
            "id": visit.id,
            "ehr": visit.ehr,
            "opened_at": visit.opened_at,
            "token": _sealed_grant(self._sealed, visit.id, grant),
        }
        async with writing(self._engine) as connection:
            await connection.execute(insert(visits).values(values))
            await _only(connection, self._sealed, visit)
            await self._noting.note(connection, of_visit(visit))
        return visit

    async def get(self, visit_id: str) -> Visit | None:
        """The visit as it stands; None where there is none."""
        async with reading(self._engine) as connection:
            return await stored(connection, self._sealed, visit_id)

    async def with_grant(self, visit_id: str) -> tuple[Visit | None, Grant | None]:
        """The visit as it stands, and what was granted for it; None where there is none."""
        async with reading(self._engine) as connection:
            row = await _row(connection, visit_id)
        return (visit_of(self._sealed, row), self._opened(visit_id, row["token"])) if row else (None, None)

    async def change(self, visit: Visit, **changes: Unpack[VisitChanges]) -> Visit:
        """The visit with these changes; OutOfOrder where it was changed since `visit` was read."""
        async with writing(self._engine) as connection:
            changed = await compare_and_set(connection, self._sealed, visit, changes)
            await self._noting.note(connection, of_visit(changed))
        return changed

    async def go_on(self, visit: Visit) -> Visit:
        """The clinician goes on with this one: it is not stopped any more, her other open ones are.

        VisitOver where it is not there.
        """
        async with writing(self._engine) as connection:
            await _only(connection, self._sealed, visit)
            await self._noting.note(connection, of_visit(visit))
            return await _standing(connection, self._sealed, visit)

    async def unfinished(
        self, ehr: str, user_key: str | None, *, shown_to: Subject | None = None
    ) -> list[Visit]:
        """This clinician's visits with a disclosure that was not sent on or finished, oldest first.

        And those whose way into the record was interrupted, whatever was said in them. With `shown_to` it is
        an act of its own, and noted in the log in the same transaction.
        """
        if user_key is None:
            return []
        mine = visits.c.user_index.in_(clinician_indexes(self._sealed, ehr, user_key))
        waiting = or_(and_(visits.c.held.is_(True), visits.c.state.in_(_UNFINISHED)), _ON_ITS_WAY)
        query = select(visits).where(visits.c.ehr == ehr, mine, waiting).order_by(visits.c.opened_at)
        async with writing(self._engine) if shown_to else reading(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
            if shown_to:
                await self._noting.note(connection, shown_to)
        return [visit_of(self._sealed, row) for row in rows]

    async def earlier(self, visit: Visit) -> tuple[list[Visit], bool]:
        """This clinician's other visits of the same patient, without a draft, and whether there may be more.

        None of a clinician who is not known. One that does not open any more is left out: it must not keep
        the first page of a visit of today from being shown.
        """
        if visit.user_key is None:
            return [], False
        mine = visits.c.user_index.in_(clinician_indexes(self._sealed, visit.ehr, visit.user_key))
        others = (visits.c.ehr == visit.ehr, mine, visits.c.id != visit.id)
        query = select(visits).where(*others).order_by(visits.c.opened_at.desc()).limit(_LOOKED_THROUGH)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
        found: list[Visit] = []
        for row in rows:
            with suppress(SealBroken):
                found.append(visit_of(self._sealed, row))
        same = [replace(old, draft=Draft()) for old in found if _whose(old) == _whose(visit)]
        return same, len(rows) == _LOOKED_THROUGH

    async def adopt(self, old: Visit, new: Visit, grant: Grant) -> Visit:
        """`old` handed over to the launch that made `new`: its cookie, grant, time, patient, plan, policy.

        The browser that had it loses it. Time, encounter and draft stay those of the conversation. `new`
        need not be stored. OutOfOrder for another record system, clinician or patient.
        """
        if old.user_key is None or _whose(old) != _whose(new):
            raise OutOfOrder(old.state, "resume by another launch")
        changes: VisitChanges = {
            "grant": grant,
            "cookie_hash": new.cookie_hash,
            "expires_at": new.expires_at,
            "person": new.person,
            "plan": new.plan,
            "policy": new.policy,
            "contacts": new.contacts,
            "last_form": None,
        }
        async with writing(self._engine) as connection:
            await compare_and_set(connection, self._sealed, old, changes)
            await _only(connection, self._sealed, old)
            await self._noting.note(connection, of_visit(old))
            return await _standing(connection, self._sealed, old)

    async def grant(self, visit_id: str) -> Grant:
        """What was granted for the visit; VisitOver where it has been taken away."""
        async with reading(self._engine) as connection:
            granted = await self._granted(connection, visit_id)
        if granted is None:
            raise VisitOver("This visit is over.")
        return granted

    async def take_refresh(self, visit_id: str, now: datetime) -> bool:
        """Whether the caller is the one to refresh the token, and has `REFRESH_LEASE` from `now` for it.

        A lease that nobody ended runs out; one that ends later than any could is of a clock put back. Whoever
        finds it taken has only read: many wait for one, and would keep all others from writing.
        """
        until = visits.c.refresh_until
        free = (visits.c.id == visit_id, or_(until.is_(None), until <= now, until > now + REFRESH_LEASE))
        async with reading(self._engine) as connection:
            if await connection.scalar(select(visits.c.id).where(*free)) is None:
                return False
        taken = update(visits).where(*free).values(refresh_until=now + REFRESH_LEASE)
        async with writing(self._engine) as connection:
            return (await connection.execute(taken)).rowcount == 1

    async def refreshed(self, visit_id: str, old: Grant, new: Grant | None) -> None:
        """End the lease, with the `new` grant where there is one.

        Nothing happens where `old` is no longer what the visit has: it was finished, or handed over to
        another launch, and what came too late must not undo that.
        """
        async with writing(self._engine) as connection:
            if await self._granted(connection, visit_id) != old:
                return
            values: dict[str, Any] = {"refresh_until": None}
            if new is not None:
                values["token"] = _sealed_grant(self._sealed, visit_id, new)
            await connection.execute(update(visits).where(visits.c.id == visit_id).values(values))

    async def _granted(self, connection: AsyncConnection, visit_id: str) -> Grant | None:
        sealed = await connection.scalar(select(visits.c.token).where(visits.c.id == visit_id))
        return self._opened(visit_id, sealed)

    def _opened(self, visit_id: str, sealed: bytes | None) -> Grant | None:
        return None if sealed is None else grant_from_json(self._sealed.open("token", visit_id, sealed))


async def stored(connection: AsyncConnection, sealed: SealedTable, visit_id: str) -> Visit | None:
    """The visit as this transaction sees it."""
    row = await _row(connection, visit_id)
    return None if row is None else visit_of(sealed, row)


async def _row(connection: AsyncConnection, visit_id: str) -> RowMapping | None:
    query = select(visits).where(visits.c.id == visit_id)
    return (await connection.execute(query)).mappings().one_or_none()


async def _standing(connection: AsyncConnection, sealed: SealedTable, visit: Visit) -> Visit:
    """As it stands; VisitOver where it is not there, which takes back what this transaction did."""
    if (standing := await stored(connection, sealed, visit.id)) is None:
        raise VisitOver("This visit is over.")
    return standing


async def compare_and_set(
    connection: AsyncConnection, sealed: SealedTable, visit: Visit, changes: VisitChanges
) -> Visit:
    """Change the visit in a transaction of the caller's; OutOfOrder where `visit` is not the last version."""
    fields: dict[str, Any] = {name: value for name, value in changes.items() if name != "grant"}
    changed = replace(visit, **fields, version=visit.version + 1)
    values = columns_of(sealed, changed)
    if "grant" in changes:  # whoever refreshes the former one comes too late
        values |= {"token": _sealed_grant(sealed, visit.id, changes["grant"]), "refresh_until": None}
    unchanged = (visits.c.id == visit.id, visits.c.version == visit.version)
    done = update(visits).where(*unchanged).values(values).returning(visits.c.stopped)
    stopped = (await connection.execute(done)).scalar_one_or_none()
    if stopped is None:
        raise OutOfOrder(visit.state, "changed meanwhile")
    return replace(changed, stopped=stopped)


async def _only(connection: AsyncConnection, sealed: SealedTable, visit: Visit) -> None:
    """This visit is not stopped, and every other open one of its clinician is.

    Of a clinician who is not known nothing is stopped: the others could be a colleague's.
    """
    this = visits.c.id == visit.id
    await connection.execute(update(visits).where(this, visits.c.stopped).values(stopped=False))
    if visit.user_key is None:
        return
    mine = visits.c.user_index.in_(clinician_indexes(sealed, visit.ehr, visit.user_key))
    going_on = (visits.c.state != VisitState.CLOSED, visits.c.stopped.is_(False))
    others = update(visits).where(visits.c.ehr == visit.ehr, mine, ~this, *going_on)
    await connection.execute(others.values(stopped=True))


def _sealed_grant(sealed: SealedTable, visit_id: str, grant: Grant | None) -> bytes:
    return sealed.seal("token", visit_id, None if grant is None else grant_to_json(grant))


def _whose(visit: Visit) -> tuple[str, str, str | None, str]:
    return visit.ehr, visit.iss, visit.user_key, visit.patient_id
