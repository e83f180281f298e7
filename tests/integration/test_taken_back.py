"""What went to disk while the record system was asked is taken back where that ends in an error."""

import asyncio
from typing import Any

import pytest

from ipvscreen.errors import NotStored
from ipvscreen.ipv.visit import VisitState
from ipvscreen.pathway import record
from ipvscreen.sandbox.switches import Switches
from ipvscreen.store.journal import Journal
from ipvscreen.web.recovery import Recovery

HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
POSITIVE = dict.fromkeys(HARK, "LA32-8") | {HARK[1]: "LA33-6"}
QUIET = {"safe-today": "yes", "neck": "no", "suicide": "no"}


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only these tests look at what is left behind."""
    monkeypatch.setattr("ipvscreen.web.recovery._LOOKS", 1e-6)


async def disclosed(visitor: Any) -> None:
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)


def another_patient(house: Any) -> None:
    memory = house.ehr.state.sandbox.memory
    memory.put({**memory.find("Patient", "anna-woman"), "birthDate": "1971-02-03"}, house.clock())


async def ended(house: Any, visitor: Any) -> None:
    """The sign-in: nothing is left of what was granted."""
    visits = house.app.state.rooms.store.visits
    await visits.change(await visits.get(visitor.visit), grant=None)


def written(house: Any) -> int:
    return len(list(house.ehr.state.sandbox.memory.all("Provenance")))


@pytest.mark.parametrize("why", ["another patient", "the sign-in has ended"])
async def test_nothing_is_on_its_way_any_more_and_what_was_entered_is_kept(
    house: Any, visitor: Any, why: str
) -> None:
    store, before = house.app.state.rooms.store, written(house)
    await disclosed(visitor)
    if why == "another patient":
        another_patient(house)
    else:
        await ended(house, visitor)

    await visitor.post(QUIET)

    visit = await store.visits.get(visitor.visit)
    assert visitor.page.status_code in (409, 410), visitor.text
    assert (visit.state, visit.held, visit.written) == (VisitState.DISCLOSED, True, None)
    assert visit.draft.entered["quick"]["safe-today"] == ("yes",)
    assert await store.journal.of_visit(visit.id) == {}
    house.clock.forward(seconds=house.app.state.rooms.care.lease.total_seconds())
    assert await Recovery(house.app.state.rooms).run_once() == 0
    assert written(house) == before


async def test_where_it_is_not_taken_back_it_is_on_its_way(
    house: Any, visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""

    async def nothing(*_: Any) -> None:
        return None

    monkeypatch.setattr(record, "_taken_back", nothing)
    await disclosed(visitor)
    another_patient(house)

    await visitor.post(QUIET)

    store = house.app.state.rooms.store
    assert await store.journal.of_visit(visitor.visit) == {f"{visitor.visit}.answers": True}
    assert (await store.visits.get(visitor.visit)).state is VisitState.SAVING


async def test_where_the_disk_does_not_take_that_the_page_says_so_and_nothing_is_written(
    house: Any, visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise NotStored("The disk did not take it.")

    before = written(house)
    await disclosed(visitor)
    another_patient(house)
    with monkeypatch.context() as broken:
        broken.setattr(Journal, "tell", full)
        await visitor.post(QUIET)
    assert visitor.page.status_code == 507
    assert "It is tried again by itself" in visitor.text

    assert await Recovery(house.app.state.rooms).run_once() == 1, "at once, and it asks again"

    assert written(house) == before
    visit = await house.app.state.rooms.store.visits.get(visitor.visit)
    assert visit.state is VisitState.INTERRUPTED


async def test_nobody_takes_it_over_while_the_record_system_is_asked(
    house: Any, visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for as long as it takes to answer, which can be longer than a lease."""
    at_once, arrived, passes = Switches.before, asyncio.Event(), asyncio.Event()

    async def held_up(self: Switches, method: str, what: str) -> None:
        if what == "Patient":
            arrived.set()
            await passes.wait()
        await at_once(self, method, what)

    await disclosed(visitor)
    rooms = house.app.state.rooms
    monkeypatch.setattr(Switches, "before", held_up)
    saving = asyncio.create_task(visitor.post(QUIET))
    await arrived.wait()
    for _ in range(500):
        if await rooms.store.journal.of_visit(visitor.visit):
            break
        await asyncio.sleep(0.01)
    assert not saving.done(), "on disk before the patient is known to be the same"
    house.clock.forward(seconds=rooms.care.lease.total_seconds())

    assert await Recovery(rooms).run_once() == 0

    passes.set()
    await saving
    assert (await rooms.store.visits.get(visitor.visit)).state is VisitState.RECORDED
