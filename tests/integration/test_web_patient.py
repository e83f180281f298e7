"""The patient is read again before each write: another one, or none, and nothing is written."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ipvscreen.ehr import asking
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.patient import same_patient
from ipvscreen.errors import PatientChanged
from ipvscreen.ipv.person import Person, Sex
from ipvscreen.pathway import refer

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
QUIET = {"safe-today": "yes", "neck": "no", "suicide": "no"}
SHEET = {"service": "specialist", "way": "phone", "number": "07700 900123", "out": "yes", "back": "no"}
SHARE = {"service": "specialist", "way": "phone", "number": "07700 900123"} | {
    "decided_by": "Dr Osei, GP",
    "basis": "child",
    "told": "yes",
}
WRITTEN = ("QuestionnaireResponse", "Observation", "Flag", "Procedure", "Provenance")
ENTRIES = ("ServiceRequest", "Task", "Consent")
Visitors = Callable[[], Any]

# What may have become of a patient between the page and the press of its button, and what is then said.
CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "name": ({"name": [{"use": "official", "family": "Other", "given": ["Somebody"]}]}, "The name in the"),
    "no name": ({"name": []}, "The name in the"),
    "birth date": ({"birthDate": "1971-02-03"}, "The date of birth"),
    "birth date gone": ({"birthDate": "1990"}, "The date of birth"),
    "sex": ({"gender": "male"}, "The sex in the"),
    "inactive": ({"active": False}, "no longer in use"),
    "merged": ({"link": [{"other": {"reference": "Patient/helen-woman"}, "type": "replaced-by"}]}, "joined"),
    "merged, not told where": ({"link": [{"type": "replaced-by"}]}, "joined"),
}
SAME = {
    "address": {"address": [{"city": "Elsewhere"}]},
    "an old name": {"name": None},
    "this one took another's place": {
        "link": [{"other": {"reference": "Patient/helen-woman"}, "type": "replaces"}]
    },
    "active": {"active": True},
}
# Every page from which something is written: how to come there, and what is posted.
WRITES: dict[str, tuple[list[dict[str, Any] | str], dict[str, Any]]] = {
    "questions": ([{"door": "ask"}], NEGATIVE),
    "declined": ([{"door": "ask"}], {"other": "declined"}),
    "never had a partner": ([{"door": "ask"}], {"other": "never-had-a-partner"}),
    "respond": ([{"door": "told"}], QUIET),
    "refer": ([{"door": "told"}, QUIET], SHEET),
    "share": ([{"door": "told"}, QUIET, "share"], SHARE),
    "not done": ([{"door": "not-now"}], {"action": "not-done", "reason": "declined"}),
}


def change(house: Any, fields: dict[str, Any], ident: str = "anna-woman") -> None:
    """The same patient with these elements; `name: None` adds a former name."""
    memory = house.ehr.state.sandbox.memory
    body = dict(memory.find("Patient", ident))
    if fields == SAME["an old name"]:
        fields = {"name": [*body["name"], {"use": "old", "family": "Former", "given": ["Anna"]}]}
    memory.put(body | fields, house.clock())


def held(house: Any) -> list[str]:
    """What the visits of this test have left in the record."""
    memory = house.ehr.state.sandbox.memory
    bodies = (body for kind in (*WRITTEN, *ENTRIES) for body in memory.all(kind))
    return [
        body["id"] for body in bodies if "anna-woman" in str(body) or body["resourceType"] == "Provenance"
    ]


async def walk(visitor: Any, moves: list[dict[str, Any] | str]) -> Any:
    await visitor.launch("anna-woman")
    for move in moves:
        await (visitor.get(move) if isinstance(move, str) else visitor.post(move))
        assert visitor.page.status_code == 200, visitor.text
    return visitor


async def sent(house: Any) -> list[Any]:
    """What the service has once everything that waits has been sent."""
    while await house.app.state.rooms.dispatcher.run_once():
        pass
    return list(house.charity.state.sandbox.received())


@pytest.mark.parametrize("way", WRITES)
async def test_nothing_is_written_or_sent_for_a_patient_who_has_changed(
    house: Any, visitors: Visitors, way: str
) -> None:
    moves, fields = WRITES[way]
    one = await walk(visitors(), moves)
    before = held(house)
    change(house, CHANGES["name"][0])

    await one.post(fields)

    assert (one.page.status_code, one.step) == (409, "problem")
    assert "The patient's record has changed" in one.text
    assert "Nothing was written to the record, and nothing was sent." in one.text
    assert "Somebody" not in one.text
    assert held(house) == before
    assert await sent(house) == []
    assert await house.app.state.rooms.store.referrals.of_visit(one.visit) == []


@pytest.mark.parametrize("what", CHANGES)
async def test_each_change_that_could_be_another_patient_is_told_in_words(
    house: Any, visitors: Visitors, what: str
) -> None:
    one = await walk(visitors(), WRITES["questions"][0])
    fields, words = CHANGES[what]
    change(house, fields)
    await one.post(NEGATIVE)
    assert one.page.status_code == 409
    assert words in one.text
    assert held(house) == []


async def test_a_patient_who_is_not_there_any_more(house: Any, visitors: Visitors) -> None:
    one = await walk(visitors(), WRITES["questions"][0])
    house.ehr.state.sandbox.memory.delete("Patient", "anna-woman", house.clock())
    await one.post(NEGATIVE)
    assert one.page.status_code == 409
    assert "no longer holds this patient" in one.text
    assert held(house) == []


async def test_what_does_not_say_who_somebody_is_may_change(house: Any, visitors: Visitors) -> None:
    one = await walk(visitors(), WRITES["questions"][0])
    for fields in SAME.values():
        change(house, fields)
    await one.post(NEGATIVE)
    assert one.step == "done"
    assert held(house) != []


async def test_a_disclosure_waits_for_the_record_to_be_opened_again(house: Any, visitors: Visitors) -> None:
    one = await walk(visitors(), WRITES["respond"][0])
    change(house, CHANGES["name"][0])
    await one.post(QUIET | {"76500-8": YES})
    assert one.page.status_code == 409
    again = await visitors().launch("anna-woman")
    await again.post({"resume": one.visit})
    assert again.step == "respond"
    assert "Somebody Other" in again.text
    assert 'name="76500-8" value="LA33-6" data-key="y" checked' in again.page.text
    await again.post(QUIET)
    assert again.step == "refer"


# The record system cannot be asked


@pytest.mark.parametrize("status", [401, 403, 429, 500])
async def test_unasked_nothing_is_written_and_the_draft_is_kept(
    house: Any, visitors: Visitors, status: int
) -> None:
    switches = house.ehr.state.sandbox.switches
    one = await walk(visitors(), WRITES["questions"][0])
    switches.refuse[("GET", "Patient")] = status
    await one.post(NEGATIVE)
    assert one.step == "done"
    assert "NOT recorded" in one.text
    assert "Nothing was sent." in one.text
    assert held(house) == []
    switches.refuse.clear()
    await one.post({"action": "retry"})
    assert "Recorded and checked: the answers, the results" in one.text


async def test_unasked_the_service_still_hears_of_her(house: Any, visitors: Visitors) -> None:
    one = await walk(visitors(), WRITES["refer"][0])
    before = held(house)
    house.ehr.state.sandbox.switches.at = ("GET", "Patient")
    house.ehr.state.sandbox.switches.hang_up = True
    await one.post(SHEET)
    assert one.step == "sent"
    assert "NOT recorded: the referral, the task that follows it, what was agreed" in one.text
    assert held(house) == before
    assert len(await sent(house)) == 1


async def test_what_an_earlier_try_may_have_left_stays_open(house: Any, visitors: Visitors) -> None:
    """Not "nothing was sent": a clinician who believed that would enter by hand what may be there."""
    switches = house.ehr.state.sandbox.switches
    one = await walk(visitors(), WRITES["questions"][0])
    switches.at, switches.hang_up = ("POST", "*"), True
    await one.post(NEGATIVE)
    assert "it may be there or not" in one.text
    switches.at, switches.hang_up = ("*", "*"), False
    switches.refuse[("GET", "Patient")] = 500
    await one.post({"action": "retry"})
    assert "it may be there or not" in one.text
    assert "NOT recorded" not in one.text


# Controls


@pytest.mark.parametrize(("way", "step"), [("questions", asking), ("refer", refer), ("not done", asking)])
async def test_without_that_look_it_would_be_written(
    house: Any, visitors: Visitors, monkeypatch: pytest.MonkeyPatch, way: str, step: Any
) -> None:
    async def unseen(*_: Any) -> None:
        return None

    moves, fields = WRITES[way]
    one = await walk(visitors(), moves)
    before = held(house)
    monkeypatch.setattr(step, "same_patient", unseen)
    change(house, CHANGES["merged"][0] | CHANGES["name"][0])
    await one.post(fields)
    assert one.page.status_code == 200
    assert held(house) != before


@pytest.mark.parametrize("body", [{"id": "helen-woman"}, {}, {"id": None}])
async def test_the_id_that_answers_counts(body: dict[str, Any]) -> None:
    """A server that follows a merge by itself answers with the other record under the old address."""
    answer = {"resourceType": "Patient", "name": [{"text": "Anna"}]} | body
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))

    async def token() -> str:
        return "t"

    async with httpx.AsyncClient(transport=transport) as http:
        client = FhirClient(http, "https://ehr.test/fhir", token)
        with pytest.raises(PatientChanged, match="another patient's record"):
            await same_patient(client, "anna-woman", Person("Anna", None, Sex.UNKNOWN))
