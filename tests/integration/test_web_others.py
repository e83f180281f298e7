"""Other people, through the routes: proxies, shared telephones, the other person as a patient, children."""

import json
from typing import Any

import pytest

YES, NO = "LA33-6", "LA32-8"
POSITIVE = {"76500-8": NO, "76501-6": YES, "76502-4": NO, "76503-2": NO}
QUICK = {
    "safe-today": "yes",
    "neck": "no",
    "suicide": "no",
    "children-or-pregnant": ["children"],
    "help-now": ["someone-who-has-been-there"],
}
SHEET = {"service": "mentor-mothers", "way": "phone", "number": "07700 900123", "out": "true", "back": "true"}
LEAD = "01632 960 001"


async def responding(visitor: Any, patient: str) -> None:
    await visitor.launch(patient)
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)
    assert visitor.step == "respond", visitor.text


async def received(house: Any) -> list[dict[str, Any]]:
    """The Bundles that the charity holds."""
    async with house.reader("https://service.test") as reader:
        bundle = (await reader.get("/Bundle")).json()
    return [entry["resource"] for entry in bundle.get("entry", [])]


async def test_a_proxy_in_the_record_is_warned_of_after_the_gate_and_not_before(visitor: Any) -> None:
    await visitor.launch("irene-proxy")
    warning = "somebody who may act for this patient"
    assert warning not in visitor.text
    await visitor.post({"door": "told"})
    assert warning in visitor.text


async def test_without_the_right_to_read_related_people_that_is_said(house: Any, visitor: Any) -> None:
    house.ehr.state.sandbox.switches.narrow_scopes = {"patient/RelatedPerson.rs"}
    await responding(visitor, "irene-proxy")
    assert "could not be looked up here" in visitor.text
    assert "may act for this patient" not in visitor.text


async def test_with_it_and_nobody_there_nothing_is_said(visitor: Any) -> None:
    await responding(visitor, "anna-woman")
    assert "could not be looked up here" not in visitor.text
    assert "may act for this patient" not in visitor.text


async def test_a_shared_number_is_warned_of_and_taken_only_when_asked_again(house: Any, visitor: Any) -> None:
    await responding(visitor, "helen-woman")
    await visitor.post(QUICK)
    assert visitor.step == "refer"
    assert "also belongs to a contact in the record. Do not use it." in visitor.text
    assert "safe all the same" not in visitor.text

    await visitor.post(SHEET | {"number": "07700900456"})
    assert visitor.step == "refer"
    assert "tick below if the patient says that it is safe" in visitor.text
    assert await received(house) == []

    await visitor.post({"shared": "yes"})
    await visitor.until("Received by")
    (bundle,) = await received(house)
    assert "07700900456" in json.dumps(bundle)


async def test_a_number_that_is_hers_alone_goes_through(visitor: Any) -> None:
    await responding(visitor, "helen-woman")
    await visitor.post(QUICK)
    await visitor.post(SHEET)
    assert visitor.step == "sent", visitor.text


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ("registered", ["nothing is written in it", "a colleague take one", "not set by your organisation"]),
        ("staff", ["nothing is written in it", "not to one within your organisation"]),
        ("no", []),
        ("", []),
    ],
)
async def test_the_other_person_is_asked_about_in_one_tap_and_stays_with_us(
    house: Any, visitor: Any, known: str, said: list[str]
) -> None:
    await responding(visitor, "helen-woman")
    await visitor.post(QUICK | {"known": known})
    await visitor.get("done")
    for words in said:
        assert words in visitor.text
    assert ("nothing is written in it" in visitor.text) is bool(said)
    async with house.reader() as reader:
        found = [
            (await reader.get(f"/{kind}", params={"patient": "helen-woman"})).text
            for kind in ("QuestionnaireResponse", "Observation", "Provenance", "Flag", "Task")
        ]
    assert not any("registered" in text or "staff" in text for text in found)


async def test_whoever_is_named_in_the_record_only_the_launched_patient_is_written_to(
    house: Any, visitor: Any
) -> None:
    async def of(patient: str) -> list[str]:
        async with house.reader() as reader:
            answers = [
                (await reader.get(f"/{kind}", params={"patient": patient})).json()
                for kind in ("QuestionnaireResponse", "Observation", "Flag", "Task", "ServiceRequest")
            ]
        return [one["resource"]["id"] for bundle in answers for one in bundle.get("entry", [])]

    before = await of("owen-man")
    await responding(visitor, "helen-woman")
    await visitor.post(QUICK | {"known": "registered", "flag": "true"})
    await visitor.post(SHEET)
    assert visitor.step == "sent", visitor.text
    assert len(await of("helen-woman")) > 8
    assert await of("owen-man") == before


async def test_children_are_for_the_lead_and_codes_are_the_uks(houses: Any) -> None:
    for labels, codes in (("uk", True), ("us", False)):
        house = await houses(labels=labels)
        visitor = house.visitor()
        await responding(visitor, "rosa-mother")
        await visitor.post(QUICK)
        await visitor.get("finish")
        assert f"safeguarding lead ({LEAD})" in visitor.text
        for code in ("836881000000105", "1064961000000107", "1364731000000104"):
            assert (code in visitor.text) is codes
        async with house.reader() as reader:
            written = (await reader.get("/Task", params={"patient": "rosa-mother"})).text
        assert "836881000000105" not in written
        await visitor.browser.aclose()


async def test_where_no_child_was_mentioned_none_is(visitor: Any) -> None:
    await responding(visitor, "anna-woman")
    await visitor.post(QUICK | {"children-or-pregnant": ["neither"]})
    await visitor.get("finish")
    assert "safeguarding lead" not in visitor.text
