"""A referral and its message: stored together or not at all, sent by one sender at a time, settled once."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.referral import ReferralState
from ipvscreen.ipv.visit import VisitState
from ipvscreen.store.engine import writing
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.outbox import Cancelled, Job, Standing, enqueue
from ipvscreen.store.sealed import KeyMissing, Ring
from ipvscreen.store.visits import Visit

LEASE = 30


@pytest.fixture
async def visit(store: Store, new_visit, new_grant) -> Visit:
    return await store.visits.create(new_visit(state=VisitState.RECORDED), new_grant())


@pytest.fixture
async def job(store: Store, visit: Visit, new_referral, at: datetime) -> Job:
    """One referral, its message claimed."""
    await store.referrals.add(visit, *new_referral())
    (claimed,) = await store.outbox.claim(at, 10, LEASE)
    return claimed


async def test_referral_message_and_visit_are_stored_together(
    store: Store, visit: Visit, new_referral, at: datetime
):
    referral, job = new_referral()

    changed = await store.referrals.add(visit, referral, job, state=VisitState.REFERRED)

    assert await store.visits.get(visit.id) == changed == replace(visit, state="referred", version=2)
    assert await store.referrals.get(referral.id) == referral
    assert await store.referrals.of_visit(visit.id) == [referral]
    (sent,) = await store.outbox.claim(at, 10, LEASE)
    assert (sent.key, sent.correlation, sent.endpoint, sent.body) == (
        job.key,
        job.correlation,
        job.endpoint,
        job.body,
    )
    assert (sent.referral_id, sent.attempts, sent.queued_at) == (referral.id, 1, at)


async def test_the_same_form_twice_is_one_referral(store: Store, visit: Visit, new_referral, at: datetime):
    once = await store.referrals.add(visit, *new_referral(), state=VisitState.REFERRED)

    again = await store.referrals.add(visit, *new_referral(at=at + timedelta(seconds=1)), last_form="again")

    assert again == once
    assert await store.referrals.of_visit(visit.id) == [new_referral()[0]]
    assert len(await store.outbox.claim(at, 10, LEASE)) == 1


async def test_ten_times_at_once_too(store: Store, visit: Visit, new_referral, at: datetime):
    adding = (store.referrals.add(visit, *new_referral(), state=VisitState.REFERRED) for _ in range(10))
    results = await asyncio.gather(*adding)

    assert all(result == results[0] for result in results)
    assert len(await store.outbox.claim(at, 10, LEASE)) == 1


async def test_a_visit_that_changed_meanwhile_refers_to_nothing(
    store: Store, visit: Visit, new_referral, at: datetime
):
    await store.visits.change(visit, last_form="f1")

    with pytest.raises(OutOfOrder):
        await store.referrals.add(visit, *new_referral())

    assert await store.referrals.of_visit(visit.id) == []
    assert await store.outbox.claim(at, 10, LEASE) == []


async def test_when_the_message_cannot_be_stored_nothing_is(store: Store, visit: Visit, new_referral):
    visit = await store.referrals.add(visit, *new_referral())
    other, _ = new_referral("key-2")
    _, same_message = new_referral("key-1")

    with pytest.raises(IntegrityError):
        await store.referrals.add(visit, other, same_message, state=VisitState.REFERRED)

    assert await store.visits.get(visit.id) == visit
    assert await store.referrals.get("key-2") is None


async def test_there_is_no_referral_of_an_unknown_id(store: Store):
    assert await store.referrals.get("none") is None
    assert await store.referrals.of_visit("none") == []


async def test_a_message_is_not_due_before_it_was_queued(
    store: Store, visit: Visit, new_referral, at: datetime
):
    await store.referrals.add(visit, *new_referral())

    assert await store.outbox.claim(at - timedelta(seconds=1), 10, LEASE) == []


async def test_senders_never_share_a_job(
    store: Store, url: str, ring: Ring, visit, new_referral, at: datetime
):
    keys = [f"key-{number}" for number in range(20)]
    for key in keys:
        visit = await store.referrals.add(visit, *new_referral(key))
    other = await open_store(url, ring)

    claims = [each.outbox.claim(at, 3, LEASE, 99) for each in (store, other) * 5]
    jobs = [job for claimed in await asyncio.gather(*claims) for job in claimed]

    await other.close()
    assert sorted(job.key for job in jobs) == sorted(keys)


async def test_the_oldest_go_first_and_no_more_than_asked(
    store: Store, visit: Visit, new_referral, at: datetime
):
    for minutes in (1, 0, 2):
        queued = at + timedelta(minutes=minutes)
        visit = await store.referrals.add(visit, *new_referral(f"key-{minutes}", at=queued))

    now = at + timedelta(minutes=5)
    assert [job.key for job in await store.outbox.claim(now, 2, LEASE)] == ["key-0", "key-1"]


async def test_a_dead_senders_job_comes_back_when_the_lease_runs_out(store: Store, job: Job, at: datetime):
    assert await store.outbox.claim(at + timedelta(seconds=LEASE - 1), 10, LEASE) == []

    (back,) = await store.outbox.claim(at + timedelta(seconds=LEASE), 10, LEASE)

    assert back == replace(job, attempts=2, lease=back.lease)
    assert back.lease != job.lease


async def test_a_finished_job_is_a_received_referral(store: Store, job: Job, at: datetime, new_referral):
    later = at + timedelta(seconds=5)

    assert await store.outbox.finish(job, "Bundle/1", later) is True

    expected = replace(new_referral()[0], state=ReferralState.RECEIVED, received_at=later, receipt="Bundle/1")
    assert await store.referrals.get(job.referral_id) == expected
    assert await store.outbox.claim(at + timedelta(days=9), 10, LEASE) == []


async def test_a_finished_message_is_not_kept(store: Store, job: Job, at: datetime):
    before = await message_of(store)
    await store.outbox.finish(job, None, at)

    assert before["body"] == job.body
    assert await message_of(store) is None


async def test_a_sender_that_was_too_slow_settles_nothing(store: Store, job: Job, at: datetime):
    (back,) = await store.outbox.claim(at + timedelta(seconds=LEASE), 10, LEASE)

    assert await store.outbox.finish(job, "late", at) is False
    assert await store.outbox.refuse(job, "late") is False
    assert await store.outbox.fail(job, at, "late") is False

    waiting = await store.referrals.get(job.referral_id)
    assert waiting is not None
    assert (waiting.state, waiting.receipt, waiting.words) == (ReferralState.QUEUED, None, None)
    assert await store.outbox.finish(back, "in time", at) is True


async def test_a_job_is_settled_once(store: Store, job: Job, at: datetime):
    assert await store.outbox.finish(job, "first", at) is True

    assert await store.outbox.finish(job, "second", at) is False
    assert await store.outbox.refuse(job, "second") is False


async def test_a_referral_that_was_cancelled_meanwhile_stays_so(
    store: Store, file: Path, job: Job, at: datetime
):
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE referrals SET state = 'cancelled'")

    assert await store.outbox.finish(job, "Bundle/1", at) is True

    cancelled = await store.referrals.get(job.referral_id)
    assert cancelled is not None
    assert (cancelled.state, cancelled.received_at) == (ReferralState.CANCELLED, None)


async def test_a_lease_that_ran_out_but_was_not_taken_still_settles(store: Store, job: Job, at: datetime):
    assert await store.outbox.finish(job, "slow", at + timedelta(hours=1)) is True


async def test_a_failed_job_waits_until_it_is_due(store: Store, job: Job, at: datetime):
    due = at + timedelta(minutes=10)

    assert await store.outbox.fail(job, due, "The service is busy.") is True

    assert await store.outbox.claim(due - timedelta(seconds=1), 10, LEASE) == []
    (again,) = await store.outbox.claim(due, 10, LEASE)
    assert (again.key, again.attempts, again.body) == (job.key, 2, job.body)
    waiting = await store.referrals.get(job.referral_id)
    assert waiting is not None
    assert (waiting.state, waiting.words) == (ReferralState.QUEUED, "The service is busy.")


async def test_a_failed_job_is_no_longer_the_senders(store: Store, job: Job, at: datetime):
    await store.outbox.fail(job, at, "busy")

    assert await store.outbox.finish(job, "after all", at) is False


async def test_what_waited_longest_goes_first_however_often_it_failed(
    store: Store, visit: Visit, new_referral, at: datetime
):
    visit = await store.referrals.add(visit, *new_referral("key-1"))
    (first,) = await store.outbox.claim(at, 1, LEASE)
    await store.outbox.fail(first, at + timedelta(minutes=9), "busy")
    await store.referrals.add(visit, *new_referral("key-2", at=at + timedelta(minutes=1)))

    later = await store.outbox.claim(at + timedelta(minutes=10), 10, LEASE)

    assert [each.key for each in later] == ["key-1", "key-2"]


async def test_a_refused_job_is_a_refused_referral_and_keeps_its_message(
    store: Store, job: Job, at: datetime
):
    assert await store.outbox.refuse(job, "Not our area.") is True

    refused = await store.referrals.get(job.referral_id)
    assert refused is not None
    assert (refused.state, refused.words) == (ReferralState.REFUSED, "Not our area.")
    assert await store.outbox.claim(at + timedelta(days=9), 10, LEASE) == []
    assert (await message_of(store))["body"] == job.body


async def test_without_its_key_a_message_waits_and_is_not_refused(
    store: Store, url: str, ring: Ring, visit: Visit, new_referral, at: datetime
):
    await store.referrals.add(visit, *new_referral())
    keyless = await open_store(url, Ring({"another": b"a" * 32}, "another"))

    with pytest.raises(KeyMissing):
        await keyless.outbox.claim(at, 10, LEASE)

    await keyless.close()
    assert len(await store.outbox.claim(at + timedelta(seconds=LEASE), 10, LEASE)) == 1


async def test_and_it_does_not_hold_up_the_others(url: str, new_visit, new_grant, new_referral, at: datetime):
    for key_id, secret in (("lost", b"l" * 32), ("kept", b"k" * 32)):
        opened = await open_store(url, Ring({key_id: secret}, key_id))
        visit = await opened.visits.create(new_visit(id=key_id), new_grant())
        await opened.referrals.add(visit, *new_referral(key_id, visit_id=key_id))
        jobs = await opened.outbox.claim(at, 10, LEASE) if key_id == "kept" else []
        await opened.close()

    assert [each.key for each in jobs] == ["kept"]


async def test_a_referral_of_another_visit_is_not_taken_for_its_own(store: Store, visit: Visit, new_referral):
    await store.referrals.add(visit, *new_referral())

    with pytest.raises(OutOfOrder):
        await store.referrals.add(replace(visit, id="unknown"), *new_referral())


HANGS, WELL = "https://hangs.test/fhir", "https://well.test/fhir"


async def queue(store: Store, visit: Visit, new_referral, *jobs: tuple[str, str]) -> Visit:
    """A referral of each key, to that endpoint."""
    for key, endpoint in jobs:
        referral, job = new_referral(key)
        visit = await store.referrals.add(visit, referral, replace(job, endpoint=endpoint))
    return visit


async def test_one_recipient_never_has_more_than_its_places(
    store: Store, url: str, ring: Ring, visit: Visit, new_referral, at: datetime
):
    await queue(store, visit, new_referral, *((f"a-{n}", HANGS) for n in range(9)), ("b", f"{WELL}/"))
    other = await open_store(url, ring)

    claims = [each.outbox.claim(at, 3, LEASE, 4) for each in (store, other) * 4]
    keys = [job.key for claimed in await asyncio.gather(*claims) for job in claimed]
    assert sorted(keys) == [*(key for key in sorted(keys) if key.startswith("a-")), "b"]
    assert len(keys) == 5, "four to the one that hangs, and the other is not kept waiting"

    assert await other.outbox.claim(at, 9, LEASE, 4) == []
    after = await other.outbox.claim(at + timedelta(seconds=LEASE), 9, LEASE, 9)
    await other.close()
    assert len(after) == 9, "a lease that ran out takes no place"


async def test_of_one_referral_the_later_message_waits_for_the_earlier(
    store: Store, visit: Visit, new_referral, at: datetime
):
    referral, job = new_referral()
    await store.referrals.add(visit, referral, job)
    async with writing(store._engine) as connection:
        for key in ("second", "third"):
            await enqueue(connection, store.outbox._sealed, replace(job, key=key), referral.id, at)

    for key in ("key-1", "second", "third"):
        (claimed,) = await store.outbox.claim(at, 9, LEASE)
        assert claimed.key == key
        assert await store.outbox.claim(at, 9, LEASE) == [], "nothing of it while one is on its way"
        await store.outbox.fail(claimed, at + timedelta(hours=1), "Later.")
        assert await store.outbox.claim(at, 9, LEASE) == [], "nor while one waits"
        (claimed,) = await store.outbox.claim(at + timedelta(hours=1), 9, LEASE)
        assert (claimed.key, await store.outbox.finish(claimed, None, at)) == (key, True)

    assert await store.outbox.claim(at + timedelta(days=1), 9, LEASE) == []
    received = await store.referrals.get(referral.id)
    assert received is not None
    assert received.state is ReferralState.RECEIVED


async def test_all_messages_of_a_stopped_referral_go(store: Store, visit: Visit, new_referral, at: datetime):
    referral, job = new_referral()
    await store.referrals.add(visit, referral, job)
    async with writing(store._engine) as connection:
        await enqueue(connection, store.outbox._sealed, replace(job, key="second"), referral.id, at)

    assert await store.outbox.cancel(referral.id, at) is Cancelled.STOPPED
    assert await store.outbox.claim(at + timedelta(days=9), 9, LEASE) == []


async def test_it_stands_until_it_is_stopped_taken_over_or_gone(
    store: Store, visit: Visit, job: Job, at: datetime
):
    assert await store.outbox.standing(job, at) is Standing.GO

    later = at + timedelta(seconds=LEASE)
    (again,) = await store.outbox.claim(later, 9, LEASE)
    assert await store.outbox.standing(job, later) is Standing.GONE
    assert await store.outbox.standing(again, later) is Standing.GO
    async with writing(store._engine) as connection:
        await connection.exec_driver_sql("UPDATE referrals SET state = 'cancelled'")
    assert await store.outbox.standing(again, later) is Standing.STOPPED
    assert await store.outbox.lapse(again, Standing.STOPPED)
    assert await message_of(store) is None
    stopped = await store.referrals.get(job.referral_id)
    assert stopped is not None
    assert stopped.state is ReferralState.CANCELLED
    async with writing(store._engine) as connection:
        await connection.exec_driver_sql("DELETE FROM outbox")
    assert await store.outbox.standing(again, later) is Standing.GONE


async def test_an_agreement_that_has_ended_is_found_before_each_try(
    store: Store, visit: Visit, new_referral, at: datetime
):
    referral, job = new_referral()
    period = {"resourceType": "Consent", "provision": {"period": {"end": "2026-03-03"}}}
    agreed = {"entry": [{"resource": {"resourceType": "Patient"}}, {"resource": period}]}
    await store.referrals.add(visit, referral, replace(job, body=agreed))
    (claimed,) = await store.outbox.claim(at, 9, LEASE)
    ends = datetime(2026, 3, 4, tzinfo=UTC)

    assert await store.outbox.standing(claimed, ends - timedelta(seconds=1)) is Standing.GO
    assert await store.outbox.standing(claimed, ends) is Standing.LAPSED
    assert await store.outbox.lapse(claimed, Standing.LAPSED)

    lapsed = await store.referrals.get(referral.id)
    assert lapsed is not None
    assert lapsed.state is ReferralState.LAPSED
    assert await message_of(store) is None
    assert await store.outbox.cancel(referral.id, ends) is Cancelled.STOPPED_BEFORE
    assert await store.outbox.claim(ends, 9, LEASE) == []


async def test_once_a_recipient_takes_messages_again_what_was_put_off_is_due(
    store: Store, visit: Visit, new_referral, at: datetime
):
    await queue(store, visit, new_referral, ("a-1", HANGS), ("a-2", HANGS), ("a-3", HANGS), ("b", WELL))
    first, *others = sorted(await store.outbox.claim(at, 9, LEASE), key=lambda job: job.key)
    for claimed in others:
        await store.outbox.fail(claimed, at + timedelta(days=1), "Nobody answered.")
    soon = at + timedelta(seconds=LEASE / 2)
    assert await store.outbox.claim(soon, 9, LEASE) == []

    assert await store.outbox.finish(first, None, at, hurry=soon)

    assert {one.key for one in await store.outbox.claim(soon, 9, LEASE)} == {"a-2", "a-3"}


async def test_what_is_late_is_counted(store: Store, visit: Visit, new_referral, at: datetime):
    await queue(store, visit, new_referral, ("a", HANGS), ("b", WELL))

    assert await store.outbox.late(at + timedelta(minutes=14)) == 0
    assert await store.outbox.late(at + timedelta(minutes=15)) == 2
    (one, _) = await store.outbox.claim(at, 9, LEASE)
    await store.outbox.finish(one, None, at)
    assert await store.outbox.late(at + timedelta(minutes=15)) == 1


async def test_messages_of_an_earlier_version_get_their_recipient(
    store: Store, visit: Visit, new_referral, at: datetime
):
    await queue(store, visit, new_referral, *((f"a-{n}", HANGS) for n in range(3)), ("b", WELL))
    async with writing(store._engine) as connection:
        await connection.exec_driver_sql("UPDATE outbox SET recipient = NULL")
    assert len(await store.outbox.claim(at, 9, LEASE, 2)) == 2, "all as one recipient until then"

    await store.outbox.name_recipients()

    later = at + timedelta(seconds=LEASE)
    keys = [one.key for one in await store.outbox.claim(later, 9, LEASE, 2)]
    assert len(keys) == 3
    assert "b" in keys


async def message_of(store: Store):
    """The one stored message, opened."""
    box = store.outbox
    async with box._engine.connect() as connection:
        row = (await connection.exec_driver_sql("SELECT id, message FROM outbox")).one()
    return box._sealed.open("message", row.id, row.message)
