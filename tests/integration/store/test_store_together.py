"""What is settled at the same moment shares a transaction, and stays its own whatever befalls the others."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event

from ipvscreen.errors import NotStored
from ipvscreen.ipv.referral import ReferralState
from ipvscreen.store.facade import Store
from ipvscreen.store.outbox import Standing
from ipvscreen.store.together import Together

SERVICES = 8


async def waiting(store: Store, new_visit, new_grant, new_referral, at: datetime) -> list:
    """Eight messages, claimed."""
    visit = await store.visits.create(new_visit(), new_grant())
    for number in range(SERVICES):
        referral, job = new_referral(f"referral-{number}")
        job = replace(job, key=f"key-{number}", endpoint=f"https://s{number}.example/fhir")
        visit = await store.referrals.add(visit, referral, job)
    return await store.outbox.claim(at, SERVICES, 30.0)


def commits(store: Store) -> list[int]:
    """Grows by one with each transaction that is committed from here on."""
    seen: list[int] = []
    event.listen(store._engine.sync_engine, "commit", lambda _: seen.append(1))
    return seen


async def test_those_that_end_at_once_are_on_disk_by_two_transactions(
    store: Store, new_visit, new_grant, new_referral, at: datetime
):
    jobs = await waiting(store, new_visit, new_grant, new_referral, at)
    seen = commits(store)

    assert await asyncio.gather(*(store.outbox.standing(job, at) for job in jobs)) == [Standing.GO] * SERVICES
    stopped, refused, later, lapsed, *received = jobs
    ends = asyncio.gather(
        store.outbox.lapse(stopped, Standing.STOPPED),
        store.outbox.refuse(refused, "No."),
        store.outbox.fail(later, at + timedelta(hours=1), "Not now."),
        store.outbox.lapse(lapsed, Standing.LAPSED),
        *(store.outbox.finish(job, f"Bundle/{job.key}", at) for job in received),
    )

    assert await ends == [True] * SERVICES
    assert len(seen) <= 2
    found = [await store.referrals.get(job.referral_id) for job in jobs]
    states = [ReferralState.QUEUED, ReferralState.REFUSED, ReferralState.QUEUED, ReferralState.LAPSED]
    assert [one.state for one in found] == states + [ReferralState.RECEIVED] * len(received)
    assert [one.words for one in found[:4]] == [None, "No.", "Not now.", None]
    assert [one.receipt for one in found[4:]] == [f"Bundle/{job.key}" for job in received]
    assert {one.received_at for one in found[4:]} == {at}
    assert [job.key for job in await store.outbox.claim(at + timedelta(hours=1), 9, 30.0)] == [later.key]


async def test_whose_lease_has_gone_changes_nothing_among_others_that_do(
    store: Store, new_visit, new_grant, new_referral, at: datetime
):
    slow, *others = await waiting(store, new_visit, new_grant, new_referral, at)

    ended = await asyncio.gather(
        store.outbox.finish(replace(slow, lease="of another"), "Bundle/late", at),
        *(store.outbox.finish(job, None, at) for job in others),
        store.outbox.finish(slow, "Bundle/mine", at),
    )

    assert ended == [False, *[True] * len(others), True]
    assert (await store.referrals.get(slow.referral_id)).receipt == "Bundle/mine"


async def test_each_is_asked_for_itself(store: Store, new_visit, new_grant, new_referral, at: datetime):
    jobs = await waiting(store, new_visit, new_grant, new_referral, at)
    gone = replace(jobs[0], lease="of another")
    await store.outbox.refuse(jobs[1], "No.")

    found = await asyncio.gather(*(store.outbox.standing(job, at) for job in (gone, *jobs[1:])))

    assert found == [Standing.GONE, Standing.GONE, *[Standing.GO] * (SERVICES - 2)]


async def doubled(items: Sequence[int]) -> list[int]:
    await asyncio.sleep(0)
    if 3 in items:
        raise ZeroDivisionError
    return [2 * item for item in items]


async def test_one_that_fails_spoils_no_other():
    together = Together(doubled)

    found = await asyncio.gather(*map(together.add, range(6)), return_exceptions=True)

    assert [*map(str, found)] == ["0", "2", "4", "", "8", "10"]
    assert isinstance(found[3], ZeroDivisionError)


async def test_where_nothing_is_stored_each_hears_and_nobody_waits_for_a_second_try():
    calls = []

    async def full(items: Sequence[int]) -> list[int]:
        calls.append(items)
        raise NotStored("The disk did not take it.")

    together = Together(full)

    found = await asyncio.gather(*map(together.add, range(6)), return_exceptions=True)

    assert [type(one) for one in found] == [NotStored] * 6
    assert len(calls) == 1


async def test_who_stops_waiting_keeps_nothing_from_being_done():
    done = []

    async def noted(items: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0.01)
        done.extend(items)
        return items

    together = Together(noted)
    given_up, other = (asyncio.create_task(together.add(number)) for number in (1, 2))
    await asyncio.sleep(0)
    given_up.cancel()

    assert await other == 2
    assert done == [1, 2]
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert await together.add(3) == 3
