"""A referral that is stopped: its message goes, unless it is on its way or there already."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.hearing import Cause
from ipvscreen.ipv.referral import ReferralState
from ipvscreen.ipv.services import Backend, SigningAlg
from ipvscreen.ipv.visit import VisitState
from ipvscreen.resources.stopping import stop_key
from ipvscreen.store import visits as store_visits
from ipvscreen.store.engine import writing
from ipvscreen.store.facade import Store
from ipvscreen.store.outbox import Cancelled, Standing
from ipvscreen.store.tables import outbox
from ipvscreen.store.visits import Visit

LEASE = 30


@pytest.fixture
async def visit(store: Store, new_visit, new_grant, new_referral) -> Visit:
    made = await store.visits.create(new_visit(state=VisitState.RECORDED), new_grant())
    return await store.referrals.add(made, *new_referral())


async def state(store: Store, visit: Visit) -> ReferralState:
    (one,) = await store.referrals.of_visit(visit.id)
    return one.state


async def stop(store: Store, visit: Visit, now: datetime) -> Cancelled:
    (one,) = await store.referrals.of_visit(visit.id)
    return await store.outbox.cancel(one.id, now)


async def test_what_waits_is_never_sent(store: Store, visit: Visit, at: datetime):
    assert await stop(store, visit, at) is Cancelled.STOPPED
    assert await state(store, visit) is ReferralState.CANCELLED
    assert await store.outbox.claim(at + timedelta(days=9), 10, LEASE) == []
    assert await stop(store, visit, at) is Cancelled.STOPPED_BEFORE


async def test_what_was_tried_may_have_arrived(store: Store, visit: Visit, at: datetime):
    (job,) = await store.outbox.claim(at, 10, LEASE)
    await store.outbox.fail(job, at + timedelta(hours=1), "Nobody answered.")

    assert await stop(store, visit, at) is Cancelled.TRIED
    assert await store.outbox.claim(at + timedelta(hours=2), 10, LEASE) == []


async def test_what_is_on_its_way_is_not_called_stopped(store: Store, visit: Visit, at: datetime):
    (job,) = await store.outbox.claim(at, 10, LEASE)
    assert await stop(store, visit, at) is Cancelled.ON_ITS_WAY
    assert await state(store, visit) is ReferralState.QUEUED

    assert await store.outbox.finish(job, "R-1", at)
    assert await stop(store, visit, at) is Cancelled.TOO_LATE
    assert await state(store, visit) is ReferralState.RECEIVED


async def test_a_sender_that_died_keeps_nothing(store: Store, visit: Visit, at: datetime):
    (job,) = await store.outbox.claim(at, 10, LEASE)
    later = at + timedelta(seconds=LEASE)
    assert await stop(store, visit, later) is Cancelled.TRIED
    assert not await store.outbox.finish(job, "R-1", later), "its lease is gone"
    assert await state(store, visit) is ReferralState.CANCELLED


async def test_what_was_refused_can_be_stopped(store: Store, visit: Visit, at: datetime):
    (job,) = await store.outbox.claim(at, 10, LEASE)
    await store.outbox.refuse(job, "Not ours.")
    assert await stop(store, visit, at) is Cancelled.TRIED
    assert await state(store, visit) is ReferralState.CANCELLED


async def test_nothing_to_stop_is_out_of_order(store: Store, visit: Visit, at: datetime):
    with pytest.raises(OutOfOrder):
        await store.outbox.cancel("unknown", at)


async def test_earlier_visits_are_those_of_this_clinician_and_patient(
    store: Store, visit: Visit, new_visit, new_grant, at: datetime, file: Path
):
    now = await store.visits.create(new_visit(id="now", opened_at=at + timedelta(days=1)), new_grant())
    assert [old.id for old in (await store.visits.earlier(now))[0]] == [visit.id]
    await store.visits.create(replace(now, id="broken"), new_grant())
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE visits SET person = context WHERE id = 'broken'")
    assert [old.id for old in (await store.visits.earlier(now))[0]] == [visit.id], (
        "what was altered is left out"
    )
    other = await store.visits.create(replace(now, id="p", patient_id="another"), new_grant())
    colleague = await store.visits.create(replace(now, id="c", user_key="another"), new_grant())
    nobody = await store.visits.create(replace(now, id="n", user_key=None), new_grant())
    for one in (other, colleague, nobody):
        assert await store.visits.earlier(one) == ([], False)


@pytest.mark.parametrize(("most", "more"), [(1, True), (2, False)])
async def test_where_not_every_visit_was_looked_through_there_may_be_more(
    store: Store, visit: Visit, new_visit, new_grant, at: datetime, monkeypatch, most: int, more: bool
):
    monkeypatch.setattr(store_visits, "_LOOKED_THROUGH", most)
    now = await store.visits.create(new_visit(id="now", opened_at=at + timedelta(days=1)), new_grant())
    found, cut = await store.visits.earlier(now)
    assert ([old.id for old in found], cut) == ([visit.id], more)


# What the service has


TASK = {"resourceType": "Task", "status": "requested"}
SENT = {"resourceType": "Bundle", "type": "message", "entry": [{"fullUrl": "urn:uuid:1", "resource": TASK}]}
TOKENS = Backend("https://service.test/token", "us", "system/*.c", SigningAlg.ES384)


async def received(store: Store, visit: Visit, new_referral, at: datetime, **job) -> str:
    referral, new = new_referral("key-2")
    await store.referrals.add(visit, referral, replace(new, body=SENT, backend=TOKENS, **job))
    for one in await store.outbox.claim(at, 10, LEASE):
        assert await store.outbox.finish(one, "R-1", at)
    return referral.id


def cancels(left):
    return {"stops": left["entry"][0]["resource"]["resourceType"]}


async def test_what_the_service_has_is_stopped_by_a_message_to_where_it_went(
    store: Store, visit: Visit, new_referral, at: datetime
):
    key, later = await received(store, visit, new_referral, at), at + timedelta(days=3)
    assert await store.stops.stop(key, cancels, later) is Cancelled.TELLING
    assert await store.stops.stop(key, cancels, later + timedelta(days=1)) is Cancelled.TELLING
    (job,) = await store.outbox.claim(later, 10, LEASE)
    assert (job.key, job.correlation) == (stop_key(key), "about-key-2")
    assert (job.endpoint, job.backend) == ("https://service.test/fhir", TOKENS)
    assert job.body == {"stops": "Task"}
    assert await store.outbox.standing(job, later) is Standing.GO

    await store.outbox.fail(job, later, "Nobody answered.")
    waiting = await store.referrals.get(key)
    assert waiting
    assert (waiting.state, waiting.stopped_at) == (ReferralState.STOPPING, later)
    (job,) = await store.outbox.claim(later, 10, LEASE)
    assert await store.outbox.finish(job, "R-2", later)

    told = await store.referrals.get(key)
    assert told
    assert (told.state, told.told_at) == (ReferralState.TOLD, later)
    assert (told.received_at, told.receipt) == (at, "R-1"), "what came before stays as it was"
    assert await store.stops.stop(key, cancels, later) is Cancelled.STOPPED_BEFORE


@pytest.mark.parametrize("how", ["refused", "unreadable", "in an inbox here", "nothing kept"])
async def test_where_no_message_tells_it_somebody_has_to_ring(
    store: Store, visit: Visit, new_referral, at: datetime, how: str
):
    inbox = {"endpoint": "inbox:org", "asked": {}} if how == "in an inbox here" else {}
    key = await received(store, visit, new_referral, at, **inbox)
    if how in ("unreadable", "nothing kept"):
        async with writing(store._engine) as connection:
            mine = outbox.c.key == key
            row = await connection.scalar(select(outbox.c.id).where(mine))
            kept = b"x" if how == "unreadable" else store.outbox._sealed.seal("message", str(row), None)
            await connection.execute(update(outbox).where(mine).values(message=kept))
    stopped = await store.stops.stop(key, cancels, at)
    assert stopped is (Cancelled.TELLING if how == "refused" else Cancelled.RING)
    for job in await store.outbox.claim(at, 10, LEASE):
        await store.outbox.refuse(job, "Not ours.")

    one = await store.referrals.get(key)
    assert one
    assert (one.state, one.receipt, one.words) == (ReferralState.UNTOLD, "R-1", None)
    assert await store.stops.stop(key, cancels, at) is Cancelled.RING
    (fact,) = [each for each in await store.waiting.referrals("practice", at) if each.about == key]
    assert (fact.cause, fact.since) == (Cause.UNTOLD, at)


async def test_what_was_not_received_is_no_stop_of_this_kind(store: Store, visit: Visit, at: datetime):
    (one,) = await store.referrals.of_visit(visit.id)
    assert await store.stops.stop(one.id, cancels, at) is Cancelled.TOO_LATE
    assert await state(store, visit) is ReferralState.QUEUED


async def test_what_was_held_was_not_tried(store: Store, visit: Visit, at: datetime):
    (job,) = await store.outbox.claim(at, 10, LEASE)
    assert await store.outbox.hold(job, at + timedelta(minutes=1))
    assert not await store.outbox.hold(job, at), "its lease has gone"
    assert await store.outbox.claim(at, 10, LEASE) == []
    (again,) = await store.outbox.claim(at + timedelta(minutes=1), 10, LEASE)
    assert again.attempts == 1
    await store.outbox.hold(again, at + timedelta(hours=1))
    assert await stop(store, visit, at) is Cancelled.STOPPED
