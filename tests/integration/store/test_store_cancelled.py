"""A referral that is stopped: its message goes, unless it is on its way or there already."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.referral import ReferralState
from ipvscreen.ipv.visit import VisitState
from ipvscreen.store import visits as store_visits
from ipvscreen.store.facade import Store
from ipvscreen.store.outbox import Cancelled
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
