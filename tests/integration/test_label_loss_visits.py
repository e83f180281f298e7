"""Whole visits in which the record system loses labels: what the page says, and what still goes where."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ipvscreen.ehr.writer import write
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.visit import VisitState
from ipvscreen.resources.loss import Loss
from ipvscreen.resources.scopes import written_kinds
from ipvscreen.resources.written import Check
from ipvscreen.sandbox.kinds import WRITABLE
from ipvscreen.sandbox.switches import Switches

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
POSITIVE = dict.fromkeys(HARK, NO) | {"76501-6": YES}
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
QUICK = {
    "safe-today": "yes",
    "neck": "no",
    "suicide": "no",
    "children-or-pregnant": "children",
    "flag": "yes",
}
SHEET = {"service": "mentor-mothers", "way": "phone", "number": "07700 900123", "out": "yes", "back": "yes"}
TAKEN_BACK = "ALARM: its protection was not kept, so it was taken back: "
SAID: dict[Loss, tuple[str, ...]] = {
    Loss.DROPPED: (TAKEN_BACK, "It was saved without its protection. It was taken out of the record again"),
    Loss.DOWNGRADED: (TAKEN_BACK, "It was saved with less protection than was sent."),
    Loss.ON_UPDATE: (TAKEN_BACK, "lost that when the record system changed it."),
    Loss.OTHER_SYSTEM: (TAKEN_BACK, "saved as a code of another system"),
    Loss.IN_SEARCH: ("lists in the record system may show it without its protection.",),
    Loss.IN_HISTORY: ("its earlier versions may show without protection.",),
    Loss.NOT_SAVED: ("NOT recorded: ", "The record system took it, but does not hold it."),
    Loss.LATE: ("Recorded and checked: ", "showed only at a second look"),
}
UNRECORDED = {loss for loss in Loss if SAID[loss][0] in (TAKEN_BACK, "NOT recorded: ")}


@pytest.fixture(autouse=True)
def _no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "lag" in write.__kwdefaults__
    monkeypatch.setitem(write.__kwdefaults__, "lag", 0.0)


@pytest.fixture
def switches(house: Any) -> Switches:
    found: Switches = house.ehr.state.sandbox.switches
    return found


def ours(house: Any) -> list[str]:
    """What of ours the record system holds about anybody."""
    memory = house.ehr.state.sandbox.memory
    bodies = (body for kind in WRITABLE for body in memory.all(kind))
    return [body["resourceType"] for body in bodies if "clara" not in body["id"] and not _noted(body)]


def _noted(body: dict[str, Any]) -> bool:
    """A problem that others have noted: none of theirs has an identifier."""
    return body["resourceType"] == "Condition" and "identifier" not in body


async def asked(visitor: Any, answers: dict[str, str]) -> None:
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    await visitor.post(answers)


async def rows(house: Any, visitor: Any) -> int:
    """How many rows of the log tell of a loss in this visit."""
    entries = house.app.state.rooms.store.audit.entries(visit=visitor.visit)
    return len([entry async for entry in entries if entry.act is Act.PROTECTION_LOST])


async def visit_of(house: Any, visitor: Any) -> Any:
    return await house.app.state.rooms.store.visits.get(visitor.visit)


@pytest.mark.parametrize("loss", Loss)
async def test_the_page_says_what_happened_and_what_was_done(
    house: Any, visitor: Any, switches: Switches, loss: Loss
) -> None:
    switches.label_loss = dict.fromkeys(WRITABLE, loss.value)

    await asked(visitor, NEGATIVE)

    visit = await visit_of(house, visitor)
    assert {one.loss for one in visit.written.items} == {loss}, "stored, and read again"
    assert visit.state is (VisitState.UNRECORDED if loss in UNRECORDED else VisitState.RECORDED)
    for words in SAID[loss]:
        assert words in visitor.text
    assert ("ALARM" in visitor.text) is (SAID[loss][0] == TAKEN_BACK)
    assert ('value="retry"' in visitor.page.text) is (loss is Loss.NOT_SAVED)
    assert bool(ours(house)) is (loss not in UNRECORDED)
    assert await rows(house, visitor) == (1 if SAID[loss][0] == TAKEN_BACK else 0)
    assert house.recorders["https://ehr.test"].seen


async def test_after_a_loss_the_record_gets_nothing_more_and_the_service_gets_the_referral(
    house: Any, visitor: Any, switches: Switches
) -> None:
    switches.label_loss = {"Flag": "dropped"}
    await asked(visitor, POSITIVE)
    await visitor.post(QUICK)
    assert ours(house) == []
    switches.label_loss.clear()
    sent = house.recorders["https://ehr.test"].seen
    sent.clear()

    await visitor.get("refer")
    assert TAKEN_BACK in visitor.text
    await visitor.post(SHEET)

    assert "Withheld: the record system has not kept the protection" in visitor.text
    await visitor.until("Received")
    assert len(house.charity.state.sandbox.received()) == 1
    assert sent == []
    assert ours(house) == []
    assert (await visit_of(house, visitor)).draft.entered["hark"], "what was said is kept"


async def test_after_a_loss_at_the_referral_another_one_is_withheld_and_the_alarm_stays(
    house: Any, visitor: Any, switches: Switches
) -> None:
    await asked(visitor, POSITIVE)
    await visitor.post(QUICK)
    before = sorted(ours(house))
    switches.label_loss = {"Task": "downgraded"}
    await visitor.post(SHEET)
    assert TAKEN_BACK in visitor.text
    assert sorted(ours(house)) == before
    switches.label_loss.clear()

    await visitor.get("refer")
    await visitor.post(SHEET | {"service": "specialist"})

    written = (await visit_of(house, visitor)).referred_in_record
    assert {one.check for one in written.items} >= {Check.WITHDRAWN}
    assert TAKEN_BACK in visitor.text
    assert sorted(ours(house)) == before


async def test_with_the_policy_to_leave_it_nothing_is_asked_for_and_nothing_taken_out(
    houses: Callable[..., Any],
) -> None:
    house = await houses(on_label_loss="leave")
    house.ehr.state.sandbox.switches.label_loss = {"Observation": "dropped"}
    sent, visitor = house.watch(), house.visitor()

    await asked(visitor, NEGATIVE)

    assert "ALARM: stored without protection: the results." in visitor.text
    assert "It was left there, as your organisation has set." in visitor.text
    assert "Observation" in ours(house)
    assert {request.method for request in sent} == {"GET", "POST"}
    assert "patient/Observation.ud" not in await granted(house, visitor)
    await visitor.browser.aclose()


async def test_to_take_it_out_is_asked_for_at_the_sign_in(house: Any, visitor: Any) -> None:
    await visitor.launch("anna-woman")
    assert {f"patient/{kind}.ud" for kind in written_kinds()} <= set(await granted(house, visitor))


async def granted(house: Any, visitor: Any) -> list[str]:
    return (await house.app.state.rooms.store.visits.grant(visitor.visit)).scope.split()


async def test_a_request_that_lost_its_labels_on_the_way_out_is_seen(recorder: Any) -> None:
    """The control of what every house is closed with."""
    whole = {
        "resourceType": "Task",
        "meta": {
            "security": [
                {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"},
                {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SDV"},
            ]
        },
    }
    one = recorder(httpx.MockTransport(lambda _: httpx.Response(200)))
    async with httpx.AsyncClient(transport=one) as http:
        await http.post("https://ehr.test/fhir/Task", json=whole)
        assert one.bare == []
        await http.put("https://ehr.test/fhir/Task/1", json=whole | {"meta": {}})
        bundle = whole | {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [{"resource": {"resourceType": "Flag"}}],
        }
        await http.post("https://ehr.test/fhir", json=bundle)
    assert one.bare == ["Task", "Flag"]


async def unrecorded_and_referred(visitor: Any, switches: Switches, lost: dict[str, Any]) -> None:
    """The answers are refused, and the referral is sent all the same."""
    switches.refuse[("POST", "*")] = 422
    await asked(visitor, POSITIVE)
    await visitor.post(QUICK)
    assert visitor.step == "done"
    switches.refuse.clear()
    switches.label_loss = lost
    await visitor.get("refer")
    await visitor.post(SHEET)
    switches.label_loss = {}
    await visitor.get("done")


async def test_a_loss_at_the_referral_keeps_the_answers_from_being_sent_after_it(
    house: Any, visitor: Any, switches: Switches
) -> None:
    await unrecorded_and_referred(visitor, switches, {"Task": "dropped"})
    sent = house.recorders["https://ehr.test"].seen
    sent.clear()

    if 'value="retry"' in visitor.page.text:
        await visitor.post({"action": "retry"})

    assert sent == []
    assert ours(house) == []
    assert (await visit_of(house, visitor)).state is VisitState.UNRECORDED


async def test_without_a_loss_the_answers_are_sent_after_the_referral(
    house: Any, visitor: Any, switches: Switches
) -> None:
    """The control of the last test."""
    await unrecorded_and_referred(visitor, switches, {})

    await visitor.post({"action": "retry"})

    assert {"QuestionnaireResponse", "Observation", "Task"} <= set(ours(house))
