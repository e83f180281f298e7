"""The directory of services, and the follow-ups."""

from datetime import date, timedelta

import pytest

from ipvscreen.store.facade import Store


async def test_the_directory_is_replaced_as_a_whole(store: Store):
    first = [{"id": "b", "name": "B"}, {"id": "a", "name": "A"}]
    await store.services.replace(first)
    assert await store.services.all() == first

    second = [{"id": "c", "telecom": [{"system": "phone", "value": "020 7946 0000"}]}]
    await store.services.replace(second)
    assert await store.services.all() == second

    await store.services.replace([])
    assert await store.services.all() == []


@pytest.mark.parametrize("wrong", [[{"id": "a"}, {"id": "a"}], [{"name": "no id"}], [{"id": ""}]])
async def test_a_directory_with_unclear_ids_changes_nothing(store: Store, wrong: list[dict[str, str]]):
    await store.services.replace([{"id": "a", "name": "A"}])

    with pytest.raises(ValueError, match="id of its own"):
        await store.services.replace(wrong)

    assert await store.services.all() == [{"id": "a", "name": "A"}]


async def test_a_follow_up_asked_twice_stands_once(store: Store, new_visit, new_grant):
    visit = await store.visits.create(new_visit(), new_grant())
    day = date(2026, 3, 9)

    await store.followups.add(visit, due=day, text="Routine")
    later = await store.followups.add(visit, due=day + timedelta(days=7), text="Routine")

    assert await store.followups.of_clinician(visit.ehr, visit.user_key) == [later]
    assert (later.visit_id, later.due, later.text) == (visit.id, date(2026, 3, 16), "Routine")


async def test_follow_ups_are_the_clinicians_own_the_earliest_first(store: Store, new_visit, new_grant):
    dues = {"v1": date(2026, 3, 9), "v2": date(2026, 3, 8)}
    for visit_id, due in dues.items():
        visit = await store.visits.create(new_visit(id=visit_id), new_grant())
        await store.followups.add(visit, due=due, text="Routine")
    for number, other in enumerate([{"user_key": "another"}, {"ehr": "hospital"}, {"user_key": None}]):
        visit = await store.visits.create(new_visit(id=f"other-{number}", **other), new_grant())
        await store.followups.add(visit, due=date(2026, 3, 1), text="Routine")

    mine = await store.followups.of_clinician(new_visit().ehr, new_visit().user_key)

    assert [entry.visit_id for entry in mine] == ["v2", "v1"]
    assert await store.followups.of_clinician(new_visit().ehr, None) == []
