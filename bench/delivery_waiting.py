"""Referrals that wait to be sent, put into a store as a visit would have; for bench and tests."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select

from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.referral import ReferralState
from ipvscreen.ipv.visit import VisitState
from ipvscreen.resources.plan import WritePlan
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.facade import open_store
from ipvscreen.store.grant import Grant
from ipvscreen.store.outbox import NewJob, enqueue
from ipvscreen.store.referrals import Referral
from ipvscreen.store.sealed import Ring
from ipvscreen.store.tables import outbox, referrals
from ipvscreen.store.visits import Visit

RING = Ring({"k1": bytes(range(32))}, "k1")


def message(about: str) -> dict[str, Any]:
    """As long as one of ours, with what was agreed in it."""
    agreed = {"resourceType": "Consent", "provision": {"period": {"end": "2199-12-31"}}}
    entries = [{"resource": {"resourceType": "Basic", "id": str(n), "text": "x" * 400}} for n in range(8)]
    entries.append({"resource": agreed})
    return {"resourceType": "Bundle", "type": "message", "about": about, "entry": entries}


async def queued(
    url: str, keys: Sequence[str], to: str, services: int = 4, body: Mapping[str, Any] | None = None
) -> None:
    """A referral and its message for each key, for so many services at that address, in turn."""
    now = datetime.now(UTC)
    store = await open_store(url, RING)
    if await store.visits.get("v") is None:
        await store.visits.create(a_visit(now), Grant("t", now, None, "https://ehr.test/token", "launch"))
    async with writing(store._engine) as connection:
        for number, key in enumerate(keys):
            row = Referral(
                key, "v", "s", "Mentors", "020", ReferralState.QUEUED, now, now + timedelta(days=2)
            )
            job = NewJob(key, key, f"{to}/{number % services}", {"about": key, **(body or {})})
            await connection.execute(insert(referrals).values(store.referrals._columns(row)))
            await enqueue(connection, store.outbox._sealed, job, key, now)
    await store.close()


def a_visit(now: datetime) -> Visit:
    """One from which referrals come."""
    return Visit(
        *("v", "practice", "https://ehr.test/fhir", "p", None, "Practitioner/1", "u", None),
        state=VisitState.REFERRED,
        setting=Setting.GP,
        opened_at=now,
        expires_at=now + timedelta(hours=1),
        person=Person("Anna Example", date(1990, 5, 17), Sex.FEMALE),
        plan=WritePlan(True, True, ()),
        draft=Draft(),
        written=None,
        last_form=None,
        cookie_hash="",
        age_confirmed=False,
    )


async def left(url: str) -> dict[str, str]:
    """The referrals that are not received or, once stopped, told; or whose message is not settled; why."""
    store = await open_store(url, RING, migrate=False)
    query = select(outbox.c.key, outbox.c.status, referrals.c.state).join(
        referrals, referrals.c.id == outbox.c.referral_id
    )
    settled = (outbox.c.status == "done") & referrals.c.state.in_(("received", "told"))
    async with reading(store._engine) as connection:
        rows = (await connection.execute(query.where(~settled))).all()
    await store.close()
    return {row.key: f"{row.status} {row.state}" for row in rows}


async def held(url: str) -> int:
    """How many messages the store knows of, in whatever state."""
    store = await open_store(url, RING, migrate=False)
    async with reading(store._engine) as connection:
        number = await connection.scalar(select(func.count()).select_from(outbox))
    await store.close()
    return number or 0
