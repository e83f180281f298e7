"""Plans for children are sealed and go with their person; gaps are counted and are nobody's."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.children import ChildNeed, Exposure, Sequence, child_plan
from ipvscreen.ipv.draft import Draft, Left
from ipvscreen.ipv.gap import Gap
from ipvscreen.ipv.person import Sex
from ipvscreen.ipv.retention import Days
from ipvscreen.ipv.services import Kind, Rule
from ipvscreen.ipv.visit import VisitState
from ipvscreen.store.facade import Store
from ipvscreen.store.persons import Person
from ipvscreen.store.reseal import reseal
from ipvscreen.store.sealed import Ring
from ipvscreen.store.visits import Visit

GAP = Gap(frozenset({Kind.REFUGE}), frozenset({Rule.PLACES}), None, "2026-03")
CHILD = ChildNeed(7, Exposure.ONGOING, Sex.MALE)
DUE = date(2026, 3, 9)


@pytest.fixture
async def visit(store: Store, new_visit, new_grant) -> Visit:
    return await store.visits.create(new_visit(state=VisitState.RECORDED, held=True), new_grant())


async def planned(store: Store, visit: Visit, at: datetime) -> None:
    plan = child_plan("canary-owner", "canary-interim", DUE, Sequence.TOGETHER, day=at.date())
    await store.child_plans.add(visit, CHILD, plan, None)


async def test_a_plan_comes_back_as_it_was_kept_and_stands_nowhere_plain(
    store: Store, visit: Visit, at: datetime, file: Path
) -> None:
    await planned(store, visit, at)
    (kept,) = await store.child_plans.of_visit(visit.id)
    assert (kept.need, kept.plan.owner, kept.plan.review) == (CHILD, "canary-owner", DUE)
    assert kept.plan.sequence is Sequence.TOGETHER
    lying = b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    assert visit.id.encode() in lying, "the search finds what lies there"
    assert b"canary-owner" not in lying
    assert b"canary-interim" not in lying


async def test_a_plan_is_sealed_anew_with_everything_else(
    store: Store, visit: Visit, at: datetime, url: str
) -> None:
    await planned(store, visit, at)
    done = await reseal(url, Ring({"k1": bytes(range(32)), "k2": bytes(32)}, current="k2"))
    assert (done.rows["child_plans"], done.left) == (1, {})


async def test_a_plan_goes_with_its_person_and_in_its_time(store: Store, visit: Visit, at: datetime) -> None:
    await planned(store, visit, at)
    person = Person(visit.ehr, visit.iss, visit.patient_id)
    assert len((await store.persons.held(person)).child_plans) == 1

    days = Days()
    late = datetime(2026, 3, 9, 12, tzinfo=at.tzinfo) + timedelta(days=days.followups)
    assert (await store.retention.purge(days, late - timedelta(days=2), dry_run=True))["child_plans"] == 0
    assert (await store.retention.purge(days, late + timedelta(days=2), dry_run=True))["child_plans"] == 1
    assert (await store.persons.forget(person))["child_plans"] == 1
    assert await store.child_plans.of_visit(visit.id) == []


async def test_a_gap_is_counted_with_the_follow_up_or_not_at_all(
    store: Store, visit: Visit, at: datetime
) -> None:
    kept = await store.gaps.keep(visit, GAP, due=DUE, text="again", draft=Draft(left=Left.KEPT))
    with pytest.raises(OutOfOrder):
        await store.gaps.keep(visit, GAP, due=DUE, text="again")  # from before the change
    assert [(one.gap, one.count) for one in await store.gaps.counts()] == [(GAP, 1)]
    await store.gaps.keep(kept, GAP, due=DUE, text="again")
    assert [one.count for one in await store.gaps.counts()] == [2]
    person = Person(visit.ehr, visit.iss, visit.patient_id)
    assert "gaps" not in await store.persons.forget(person)
    assert [one.count for one in await store.gaps.counts()] == [2], "it is nobody's"
