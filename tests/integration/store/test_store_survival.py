"""Killed without warning: whatever a clinician was told is saved is there, whole, and goes out."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.person import Person, Setting
from ipvscreen.ipv.referral import ReferralState
from ipvscreen.ipv.visit import VisitState
from ipvscreen.resources.plan import WritePlan
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.grant import Grant
from ipvscreen.store.outbox import NewJob
from ipvscreen.store.referrals import Referral
from ipvscreen.store.sealed import Ring
from ipvscreen.store.visits import Visit

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
RING = Ring({"k1": bytes(32)}, current="k1")
LEASE = 30
GRANT = Grant("token", AT + timedelta(hours=1), None, "https://ehr.test/token", "launch")


async def work_until_killed(url: str) -> None:
    """Visit after visit is referred, every other one claimed; each is told on stdout once it is stored."""
    store = await open_store(url, RING)
    number = 0
    while True:
        number += 1
        await refer(store, f"visit-{number}")
        if number % 2:
            await store.outbox.claim(AT, 1, LEASE)
        os.write(1, f"visit-{number}\n".encode())


async def refer(store: Store, visit_id: str) -> None:
    visit = Visit(
        id=visit_id,
        ehr="practice",
        iss="https://ehr.test/fhir",
        patient_id=f"patient of {visit_id}",
        encounter_id=None,
        user=None,
        user_key="clinician",
        user_name=None,
        state=VisitState.RECORDED,
        setting=Setting.GP,
        opened_at=AT,
        expires_at=AT + timedelta(hours=1),
        person=Person(None, None),
        plan=WritePlan(True, True, ()),
        draft=Draft(),
        written=None,
        last_form=None,
        cookie_hash="",
        age_confirmed=False,
    )
    referral = Referral(
        id=f"key of {visit_id}",
        visit_id=visit_id,
        service_id="mentors",
        service_name="Mentors",
        phone="020 7946 0000",
        state=ReferralState.QUEUED,
        queued_at=AT,
        reply_by=AT + timedelta(hours=48),
    )
    job = NewJob(referral.id, referral.id, "https://service.test/fhir", {"about": visit_id})
    visit = await store.visits.create(visit, GRANT)
    await store.referrals.add(visit, referral, job, state=VisitState.REFERRED)


def killed_at_work(url: str) -> list[str]:
    """What a process told before SIGKILL ended it, some way into its work."""
    command = [sys.executable, __file__, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as working:  # noqa: S603  this file
        assert working.stdout is not None
        first = [working.stdout.readline() for _ in range(10)]
        time.sleep(0.05)
        working.kill()
        told = [*first, *working.stdout]
    assert working.returncode == -signal.SIGKILL
    return [line.strip() for line in told if line.endswith("\n")]


async def everything_left(url: str) -> tuple[dict[str, str], dict[str, list[Referral]]]:
    """What goes out after the leases ran out, by key; and the referrals of each visit that was touched."""
    store = await open_store(url, RING)
    jobs = await store.outbox.claim(AT + timedelta(seconds=LEASE), 100_000, LEASE, 100_000)
    for job in jobs:
        assert await store.outbox.finish(job, None, AT)
    referrals = {job.body["about"]: await store.referrals.of_visit(job.body["about"]) for job in jobs}
    for visit_id in referrals:
        visit = await store.visits.get(visit_id)
        assert visit is not None
        assert visit.state is VisitState.REFERRED
    await store.close()
    return {job.key: job.body["about"] for job in jobs}, referrals


def test_nothing_that_was_told_is_lost_by_a_kill(tmp_path: Path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'store.db'}"

    told = killed_at_work(url)
    sent, referrals = asyncio.run(everything_left(url))

    assert len(told) >= 10
    assert set(told) <= set(sent.values())
    assert len(sent) <= len(told) + 1  # at most the one that was under way
    assert all(key == f"key of {visit_id}" for key, visit_id in sent.items())
    assert all([each.state for each in found] == [ReferralState.RECEIVED] for found in referrals.values())


if __name__ == "__main__":
    asyncio.run(work_until_killed(sys.argv[1]))
