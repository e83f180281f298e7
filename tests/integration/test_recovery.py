"""What a process leaves behind when it dies: finished by another, or told as interrupted, and resumed."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ipvscreen.ehr.points import Point
from ipvscreen.ipv.draft import Recording
from ipvscreen.ipv.visit import VisitState
from ipvscreen.pathway import carry_on
from ipvscreen.sandbox.switches import Switches
from ipvscreen.store.journal import Journal, Then
from ipvscreen.web import writing
from ipvscreen.web.recovery import Recovery

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
POSITIVE = dict.fromkeys(HARK, NO) | {HARK[1]: YES}
QUIET = {"safe-today": "yes", "neck": "no", "suicide": "no", "flag": "yes"}
SHEET = {"service": "specialist", "way": "phone", "number": "07700 900123", "out": "yes", "back": "no"}
SCREEN = ("QuestionnaireResponse", "Observation", "Flag", "Procedure", "Provenance")
WHOLE = {"QuestionnaireResponse": 3, "Observation": 7, "Flag": 1, "Provenance": 1}
Visitors = Callable[[], Any]


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only these tests look at what is left behind; the app's own look comes too late."""
    monkeypatch.setattr("ipvscreen.web.recovery._LOOKS", 1e-6)


class Died(Exception):
    """Stands for the end of the process; what runs beside the request goes on."""


def dies(house: Any, at: Point | None) -> None:
    """Let the next write end at that point; None: let all pass."""

    def reached(point: Point) -> None:
        if point is at:
            raise Died

    rooms = house.app.state.rooms
    object.__setattr__(rooms, "care", replace(rooms.care, reached=reached))


def entries(house: Any, *kinds: str) -> Counter[str]:
    memory = house.ehr.state.sandbox.memory
    return Counter(body["resourceType"] for kind in kinds or SCREEN for body in memory.all(kind))


async def left_behind(house: Any, visitor: Any, point: Point, saved: dict[str, str] | None = None) -> None:
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    if saved is None:
        await visitor.post(POSITIVE)
    dies(house, point)
    with pytest.raises(Died):
        await visitor.post(saved or QUIET)
    dies(house, None)
    house.clock.forward(seconds=house.app.state.rooms.care.lease.total_seconds())


async def state(house: Any, visitor: Any) -> VisitState:
    return (await house.app.state.rooms.store.visits.get(visitor.visit)).state


@pytest.mark.parametrize("point", [Point.FROZEN, Point.SENT, Point.VERIFIED])
async def test_another_process_finishes_it_and_the_page_says_so(
    house: Any, visitor: Any, point: Point
) -> None:
    before = entries(house)
    await left_behind(house, visitor, point)
    shown = await visitor.get("done")
    assert "Still being written" in visitor.text
    assert '<meta http-equiv="refresh" content="3">' in shown.text
    assert "Danger now" in visitor.text

    done = await asyncio.gather(*(Recovery(house.app.state.rooms).run_once() for _ in range(3)))

    assert sum(done) == 1, "one process's alone"
    assert entries(house) - before == WHOLE
    await visitor.get("done")
    assert "Saved" in visitor.text
    assert await Recovery(house.app.state.rooms).run_once() == 0
    assert await house.app.state.rooms.store.journal.of_visit(visitor.visit) == {}


async def test_a_write_that_was_held_up_is_not_taken_for_dead_by_its_own_process(
    house: Any, visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the machine was suspended: the lease is over, and whoever has it goes on."""
    before, passes, arrived = entries(house), asyncio.Event(), asyncio.Event()
    at_once = Switches.before

    async def held_up(self: Switches, method: str, what: str) -> None:
        if method == "POST":
            arrived.set()
            await passes.wait()
        await at_once(self, method, what)

    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)
    monkeypatch.setattr(Switches, "before", held_up)
    saving = asyncio.create_task(visitor.post(QUIET))
    await arrived.wait()
    house.clock.forward(seconds=house.app.state.rooms.care.lease.total_seconds())

    recovering = asyncio.create_task(Recovery(house.app.state.rooms).run_once())
    await asyncio.wait({recovering}, timeout=1.0)  # it would look, and send as well
    passes.set()
    await saving

    assert await recovering == 0
    assert entries(house) - before == WHOLE
    await visitor.get("done")
    assert "Saved" in visitor.text


@pytest.mark.parametrize("kind", ["answers", "referral"])
async def test_what_failed_once_is_not_told_as_failed_when_the_next_try_died(
    house: Any, visitor: Any, kind: str
) -> None:
    """It was sent then; and that it could not be looked at since does not make it absent."""
    before, switches = entries(house), house.ehr.state.sandbox.switches
    page, saved = ("done", QUIET) if kind == "answers" else ("sent", SHEET)
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)
    if kind == "referral":
        await visitor.post(QUIET)
        await visitor.get("refer")
    switches.refuse[("POST", "*")] = 422
    await visitor.post(saved)
    await visitor.get(page)
    assert "NOT recorded: " in visitor.text
    switches.refuse.clear()
    dies(house, Point.SENT)
    with pytest.raises(Died):
        await visitor.post({"action": "retry"})
    dies(house, None)
    house.clock.forward(seconds=house.app.state.rooms.care.lease.total_seconds())
    switches.refuse[("GET", "*")] = 501

    await Recovery(house.app.state.rooms).run_once()

    await visitor.get(page)
    assert entries(house) - before == WHOLE
    assert "NOT recorded: " not in visitor.text
    assert "No answer came: it may be there or not: " in visitor.text
    switches.refuse.clear()
    await visitor.post({"action": "retry"})
    await visitor.get(page)
    assert "Recorded and checked: " in visitor.text
    assert entries(house) - before == WHOLE


async def test_the_entries_are_those_that_were_frozen(house: Any, visitor: Any) -> None:
    """Whatever the draft says by then: here as after an upgrade that reads it otherwise."""
    before, store = entries(house), house.app.state.rooms.store
    await left_behind(house, visitor, Point.FROZEN)
    visit = await store.visits.get(visitor.visit)
    await store.visits.change(visit, draft=replace(visit.draft, recording=Recording.CONVERSATION))

    await Recovery(house.app.state.rooms).run_once()

    assert entries(house) - before == WHOLE


@pytest.mark.parametrize("saved", [None, NEGATIVE], ids=["positive", "negative"])
async def test_when_the_sign_in_has_ended_it_waits_on_the_list_and_one_button_finishes_it(
    house: Any, visitors: Visitors, saved: dict[str, str] | None
) -> None:
    first, later = visitors(), visitors()
    await left_behind(house, first, Point.SENT, saved)
    there = entries(house)
    house.clock.forward(hours=2)

    await Recovery(house.app.state.rooms).run_once()

    assert await state(house, first) is VisitState.INTERRUPTED
    assert await Recovery(house.app.state.rooms).run_once() == 0, "nobody goes on with it unaided"
    await later.launch("anna-woman")
    assert "Begun and not finished" in later.text
    await later.post({"resume": first.visit})
    assert later.step == "done"
    assert "Saved" in later.text
    assert entries(house) == there, "what had been sent was found, and not sent again"


async def test_with_the_record_system_down_the_button_leads_to_the_truth(
    house: Any, visitors: Visitors
) -> None:
    first, later = visitors(), visitors()
    await left_behind(house, first, Point.SENT)
    house.clock.forward(hours=2)
    await Recovery(house.app.state.rooms).run_once()
    await later.launch("anna-woman")
    house.ehr.state.sandbox.switches.refuse[("GET", "*")] = 500
    await later.post({"resume": first.visit})

    assert "Not yet recorded" in later.text
    assert "it may be there or not" in later.text
    house.ehr.state.sandbox.switches.refuse.clear()
    later.visit = first.visit
    await later.get("done")
    await later.post({"action": "retry"})
    await later.get("done")
    assert "Saved" in later.text


async def test_another_patient_in_the_record_is_not_written_to_unaided(house: Any, visitor: Any) -> None:
    await left_behind(house, visitor, Point.FROZEN)
    there, memory = entries(house), house.ehr.state.sandbox.memory
    memory.put({**memory.find("Patient", "anna-woman"), "birthDate": "1971-02-03"}, house.clock())

    await Recovery(house.app.state.rooms).run_once()

    assert entries(house) == there
    assert await state(house, visitor) is VisitState.INTERRUPTED
    await visitor.get("done")
    assert "Interrupted: not finished" in visitor.text
    assert "it may be there or not" in visitor.text


async def refused(house: Any, visitor: Any) -> None:
    """It was on disk, the record showed another patient, and the process died before that was taken back."""
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)
    memory = house.ehr.state.sandbox.memory
    memory.put({**memory.find("Patient", "anna-woman"), "birthDate": "1971-02-03"}, house.clock())
    dies(house, Point.REFUSED)
    with pytest.raises(Died):
        await visitor.post(QUIET)
    dies(house, None)
    house.clock.forward(seconds=house.app.state.rooms.care.lease.total_seconds())


async def test_who_goes_on_asks_for_the_same_patient_again(house: Any, visitor: Any) -> None:
    there = entries(house)
    await refused(house, visitor)
    assert await state(house, visitor) is VisitState.SAVING

    assert await Recovery(house.app.state.rooms).run_once() == 1

    assert entries(house) == there
    assert await state(house, visitor) is VisitState.INTERRUPTED
    await visitor.get("done")
    assert "Interrupted: not finished" in visitor.text


async def test_without_that_look_who_goes_on_would_write_it(
    house: Any, visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""

    async def unseen(*_: Any) -> None:
        return None

    there = entries(house)
    await refused(house, visitor)
    monkeypatch.setattr(carry_on, "same_patient", unseen)

    await Recovery(house.app.state.rooms).run_once()

    assert entries(house) - there == WHOLE


async def test_the_entries_of_a_referral_can_be_tried_again(house: Any, visitor: Any) -> None:
    kinds = ("ServiceRequest", "Task", "Consent")
    before = entries(house, *kinds)
    await visitor.launch("anna-woman")
    await visitor.post({"door": "told"})
    await visitor.post(QUIET)
    house.ehr.state.sandbox.switches.refuse[("POST", "*")] = 422
    await visitor.post(SHEET)
    assert "NOT recorded: the referral" in visitor.text
    assert entries(house, *kinds) == before
    house.ehr.state.sandbox.switches.refuse.clear()

    await visitor.get("sent")
    await visitor.post({"action": "retry"})

    assert "Recorded and checked: the referral" in visitor.text
    assert entries(house, *kinds) - before == dict.fromkeys(kinds, 1)
    assert 'value="retry"' not in visitor.page.text


async def test_what_is_left_behind_counts_only_once_its_lease_has_ended(house: Any, visitor: Any) -> None:
    """The control: while its process lives nobody else touches it."""
    await left_behind(house, visitor, Point.FROZEN)
    rooms = house.app.state.rooms
    held = await rooms.store.journal.take_due(house.clock(), rooms.care.lease)

    assert held is not None
    assert await Recovery(rooms).run_once() == 0
    house.clock.forward(seconds=rooms.care.lease.total_seconds())
    assert await Recovery(rooms).run_once() == 1
    assert await rooms.store.journal.tell(held, lambda _: {}, Then.GOES) is None, "it came too late"


@pytest.mark.parametrize("taken", [True, False], ids=["another has taken it", "nobody has: the control"])
async def test_a_save_that_stood_still_for_longer_than_its_lease(
    house: Any, visitor: Any, monkeypatch: pytest.MonkeyPatch, *, taken: bool
) -> None:
    """It sends nothing any more once somebody else goes on with it."""
    rooms, there, write_out = house.app.state.rooms, entries(house), writing.write_out

    async def late(*given: Any) -> Any:
        house.clock.forward(seconds=rooms.care.lease.total_seconds())
        if taken:
            assert await rooms.store.journal.take_due(house.clock(), rooms.care.lease) is not None
        return await write_out(*given)

    monkeypatch.setattr(writing, "write_out", late)
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)
    await visitor.post(QUIET)

    assert ("Still being written" in visitor.text) is taken
    assert entries(house) - there == ({} if taken else WHOLE)
    house.clock.forward(seconds=rooms.care.lease.total_seconds())
    assert await Recovery(rooms).run_once() == taken
    assert entries(house) - there == WHOLE


async def test_a_save_that_stood_still_before_it_asked_anything_sends_nothing(
    house: Any, visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms, there, freeze = house.app.state.rooms, entries(house), Journal.freeze

    async def late(*given: Any) -> Any:
        begun = await freeze(*given)
        house.clock.forward(seconds=rooms.care.lease.total_seconds())
        assert await rooms.store.journal.take_due(house.clock(), rooms.care.lease) is not None
        return begun

    monkeypatch.setattr(Journal, "freeze", late)
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)
    await visitor.post(QUIET)

    assert "Still being written" in visitor.text
    assert entries(house) == there
    house.clock.forward(seconds=rooms.care.lease.total_seconds())
    assert await Recovery(rooms).run_once() == 1
    assert entries(house) - there == WHOLE
