"""One visit of a clinician at a time: a newer launch stops the older until she confirms that she goes on."""

import asyncio
from datetime import datetime, timedelta

import pytest

from ipvscreen.errors import VisitOver
from ipvscreen.ipv.visit import VisitState
from ipvscreen.resources.written import Check, Written, WrittenOne
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.sealed import Ring

WRITTEN = Written((WrittenOne("k", "Flag", "Flag/1", Check.VERIFIED, ""),))


async def stopped(store: Store, *visit_ids: str) -> list[bool]:
    """Of each of these visits, as it stands."""
    visits = [await store.visits.get(visit_id) for visit_id in visit_ids]
    return [visit is not None and visit.stopped for visit in visits]


async def test_a_newer_launch_stops_the_older(store: Store, new_visit, new_grant):
    await store.visits.create(new_visit(id="v1"), new_grant())
    assert await stopped(store, "v1") == [False]

    await store.visits.create(new_visit(id="v2", patient_id="patient-2"), new_grant())
    assert await stopped(store, "v1", "v2") == [True, False]

    await store.visits.create(new_visit(id="v3"), new_grant())
    assert await stopped(store, "v1", "v2", "v3") == [True, True, False]


async def test_going_on_turns_it_round(store: Store, new_visit, new_grant):
    first = await store.visits.create(new_visit(id="v1"), new_grant())
    await store.visits.create(new_visit(id="v2"), new_grant())

    standing = await store.visits.go_on(first)

    assert standing == first
    assert await stopped(store, "v1", "v2") == [False, True]
    assert await store.visits.go_on(first) == first, "and asking again changes nothing"


async def test_going_on_gives_the_visit_as_it_stands(store: Store, new_visit, new_grant):
    seen = await store.visits.create(new_visit(id="v1"), new_grant())
    changed = await store.visits.change(seen, last_form="f1")
    await store.visits.create(new_visit(id="v2"), new_grant())

    assert await store.visits.go_on(seen) == changed


async def test_one_cannot_go_on_with_what_is_not_there(store: Store, new_visit, new_grant):
    await store.visits.create(new_visit(id="v1"), new_grant())

    with pytest.raises(VisitOver):
        await store.visits.go_on(new_visit(id="unknown"))

    assert await stopped(store, "v1") == [False], "and nothing else is stopped for it"


@pytest.mark.parametrize("other", [{"user_key": "another"}, {"ehr": "hospital"}, {"user_key": None}])
async def test_nobody_elses_visit_is_stopped(
    store: Store, new_visit, new_grant, other: dict[str, str | None]
):
    await store.visits.create(new_visit(id="theirs", **other), new_grant())

    mine = await store.visits.create(new_visit(id="mine"), new_grant())
    await store.visits.go_on(mine)

    assert await stopped(store, "theirs") == [False]


async def test_of_a_clinician_who_is_not_known_nothing_is_stopped(store: Store, new_visit, new_grant):
    unknown = [new_visit(id=f"v{number}", user_key=None) for number in range(2)]
    for visit in [*unknown, new_visit(id="known")]:
        await store.visits.create(visit, new_grant())

    assert await store.visits.go_on(unknown[0]) == unknown[0]

    assert await stopped(store, "v0", "v1", "known") == [False, False, False]


async def test_a_closed_visit_stays_as_it_is(store: Store, new_visit, new_grant):
    await store.visits.create(new_visit(id="v1", state=VisitState.CLOSED), new_grant())

    await store.visits.create(new_visit(id="v2"), new_grant())

    assert await stopped(store, "v1") == [False]


async def test_a_write_in_progress_keeps_its_result(store: Store, new_visit, new_grant):
    writing = await store.visits.create(new_visit(id="v1"), new_grant())
    await store.visits.create(new_visit(id="v2"), new_grant())  # between the write and its result

    kept = await store.visits.change(writing, written=WRITTEN, state=VisitState.RECORDED)

    assert (kept.written, kept.stopped) == (WRITTEN, True)
    assert await store.visits.get("v1") == kept


async def test_what_is_resumed_is_not_stopped_and_the_others_are(
    store: Store, new_visit, new_grant, at: datetime
):
    old = await store.visits.create(new_visit(id="old", held=True), new_grant())
    await store.visits.create(new_visit(id="other", patient_id="patient-2"), new_grant())
    new = await store.visits.create(new_visit(id="new", opened_at=at + timedelta(minutes=1)), new_grant())
    standing = await store.visits.get("old")
    assert standing is not None
    assert standing.stopped

    adopted = await store.visits.adopt(standing, new, new_grant())

    assert not adopted.stopped
    assert await stopped(store, old.id, "other", "new") == [False, True, True]


async def test_of_many_launches_at_once_one_is_not_stopped(
    store: Store, url: str, ring: Ring, new_visit, new_grant
):
    other = await open_store(url, ring)
    ids = [f"v{number}" for number in range(10)]

    creating = [
        each.visits.create(new_visit(id=visit_id), new_grant())
        for each, visit_id in zip([store, other] * 5, ids, strict=True)
    ]
    await asyncio.gather(*creating)

    await other.close()
    assert (await stopped(store, *ids)).count(False) == 1


async def test_a_visit_of_before_a_key_rotation_is_stopped_too(url: str, new_visit, new_grant):
    before = await open_store(url, Ring({"old": b"o" * 32}, "old"))
    await before.visits.create(new_visit(id="v1"), new_grant())
    await before.close()

    after = await open_store(url, Ring({"new": b"n" * 32, "old": b"o" * 32}, "new"))
    await after.visits.create(new_visit(id="v2"), new_grant())
    seen = await stopped(after, "v1", "v2")
    await after.close()

    assert seen == [True, False]
