"""Forms on a page of their own, packs, and a deployer's own forms: whole visits over the routes."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from ipvscreen.app import create_app

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
QUICK = {"safe-today": "yes", "neck": "no", "suicide": "no"}
FORMS = "https://health-questionnaire.example/fhir/Questionnaire"
Visitors = Callable[[], Any]
Houses = Callable[..., Awaitable[Any]]

WORRIES = {
    "resourceType": "Questionnaire",
    "url": "https://clinic.test/Questionnaire/sleep",
    "version": "3",
    "name": "Sleep",
    "title": "Sleep",
    "status": "active",
    "language": "en",
    "copyright": "Ours",
    "item": [
        {
            "linkId": f"page-{n}",
            "text": f"Part {n}",
            "type": "group",
            "extension": [
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/questionnaire-itemControl",
                    "valueCodeableConcept": {
                        "coding": [
                            {"system": "http://hl7.org/fhir/questionnaire-item-control", "code": "page"}
                        ]
                    },
                }
            ],
            "item": [item],
        }
        for n, item in (
            (1, {"linkId": "hours", "text": "How many hours?", "type": "integer", "required": True}),
            (2, {"linkId": "since", "text": "Since when?", "type": "date"}),
        )
    ],
}


async def asking(visitor: Any, patient: str = "anna-woman", setting: str = "gp", **fields: Any) -> Any:
    await visitor.launch(patient)
    await visitor.post({"door": "ask", "setting": setting})
    assert visitor.step == "questions", visitor.text
    return visitor


async def responses(house: Any, patient: str) -> dict[str, dict[str, Any]]:
    """By the last part of the canonical, with the version that was sent first."""
    found = {}
    async with house.reader() as reader:
        bundle = (await reader.get("/QuestionnaireResponse", params={"patient": patient})).json()
        for entry in bundle.get("entry", []):
            first = await reader.get(f"/QuestionnaireResponse/{entry['resource']['id']}/_history/1")
            body = first.json()
            found[body["questionnaire"].rpartition("/")[2].partition("|")[0]] = body
    return found


async def observations(house: Any, patient: str) -> list[dict[str, Any]]:
    async with house.reader() as reader:
        bundle = (await reader.get("/Observation", params={"patient": patient})).json()
    return [entry["resource"] for entry in bundle.get("entry", [])]


def links(body: dict[str, Any]) -> list[str]:
    return [item["linkId"] for item in body.get("item", [])]


async def test_a_form_is_opened_filled_and_recorded_with_the_same_save(house: Any, visitor: Any) -> None:
    await asking(visitor)
    await visitor.post(dict.fromkeys(HARK, NO) | {"open": "children"})
    assert visitor.step == "form", visitor.text
    assert visitor.page.url.path.endswith("/form"), "no word of the form stands in the address"

    await visitor.post({"child-who": "child", "child-age": "7", "more": "child-each"})
    assert visitor.step == "form"
    assert {"child-age", "child-age~2"} <= visitor.forms.forms[0]["names"]
    assert ("child-age", "7") in visitor.forms.forms[0]["fields"]
    await visitor.post({"child-who~2": "child", "child-age~2": "3"})

    assert visitor.step == "questions", visitor.text
    assert (HARK[0], NO) in visitor.forms.forms[0]["fields"], "what was entered before is still there"
    assert "Children (begun)" in visitor.text
    await visitor.post(NEGATIVE)
    assert visitor.step == "done", visitor.text

    found = await responses(house, "anna-woman")
    assert set(found) == {"h4", "a1", "q6", "c8"}
    children = found["c8"]
    assert links(children) == ["child-each", "child-each"]
    ages = [group["item"][1]["answer"][0]["valueInteger"] for group in children["item"]]
    assert ages == [7, 3]
    assert [label["code"] for label in children["meta"]["security"]] == ["V", "SDV", "NOPAT"]
    seen = json.dumps(await observations(house, "anna-woman"))
    assert "child" not in seen, "it leaves no Observations"


async def test_a_form_that_was_opened_and_left_empty_is_not_recorded(house: Any, visitor: Any) -> None:
    await asking(visitor)
    await visitor.post({"open": "impact"})
    await visitor.post({})
    assert visitor.step == "questions"
    await visitor.post(NEGATIVE)
    assert "i9" not in await responses(house, "anna-woman")


async def test_a_mistake_is_shown_at_its_place_and_nothing_is_recorded(house: Any, visitor: Any) -> None:
    await asking(visitor)
    await visitor.post({"open": "children"})
    await visitor.post({"child-who": "child", "child-age": "seven"})

    assert visitor.step == "form"
    assert "Put this right first" in visitor.text
    assert ("child-age", "seven") in visitor.forms.forms[0]["fields"], "the input is kept"
    assert await responses(house, "anna-woman") == {}
    await visitor.get("form")
    assert "Put this right first" not in visitor.text, "it is said once"

    await visitor.get("questions")
    await visitor.post(NEGATIVE)
    assert visitor.step == "questions"
    assert "Finish these, or leave them out: Children." in visitor.text
    assert await responses(house, "anna-woman") == {}

    await visitor.post({"open": "children"})
    await visitor.post({"leave": "yes"})
    assert visitor.step == "questions"
    assert "begun" not in visitor.text
    await visitor.post(NEGATIVE)
    assert visitor.step == "done", visitor.text
    assert "c8" not in await responses(house, "anna-woman")


async def test_a_form_is_opened_from_the_page_that_responds_and_leads_back_there(
    house: Any, visitor: Any
) -> None:
    await visitor.launch("anna-woman")
    await visitor.post({"door": "told"})
    await visitor.post({"safe-today": "no", "flag": "yes", "open": "dash-result"})
    assert visitor.step == "form"
    await visitor.post({})
    assert visitor.step == "respond"
    fields = visitor.forms.forms[0]["fields"]
    assert ("safe-today", "no") in fields
    assert ("flag", "yes") in fields


async def test_long_ago_is_past_and_not_current(house: Any, visitor: Any) -> None:
    await asking(visitor, "david-man", "mental-health")
    await visitor.post({"open": "past"})
    await visitor.post({"ever-a": "yes"})
    await visitor.post(NEGATIVE)
    assert visitor.step == "respond", "a yes about the past is a disclosure"
    assert "contact" in visitor.forms.forms[0]["names"], "all is past: is there still contact?"
    await visitor.post(QUICK)
    found = await responses(house, "david-man")
    assert links(found["p4"]) == ["ever-a"]
    codes = {one["code"].get("coding", [{}])[0].get("code") for one in await observations(house, "david-man")}
    assert not {"ever-a", "past"} & codes


async def test_from_the_record_has_its_source_and_is_never_a_negative(house: Any, visitor: Any) -> None:
    await visitor.launch("david-man")
    await visitor.post({"door": "from-record", "setting": "mental-health"})
    assert visitor.step == "respond"
    await visitor.post({"open": "impact"})
    await visitor.post({"impact-source": "case-history"})
    assert visitor.step == "respond", visitor.text
    await visitor.post({})
    found = await responses(house, "david-man")
    assert set(found) == {"i9"}, "nothing was asked, so no form says no"
    assert "impact-source" in links(found["i9"])
    assert "source" not in found["i9"], "the patient was not the source"
    (learned,) = await observations(house, "david-man")
    assert learned["valueCodeableConcept"]["coding"][0]["code"] == "from-record"


async def test_the_reason_is_one_tap_and_stands_in_a_restricted_entry(house: Any, visitor: Any) -> None:
    await asking(visitor)
    await visitor.post(NEGATIVE | {"reason": "symptoms"})
    assert visitor.step == "done"
    async with house.reader() as reader:
        bundle = (await reader.get("/Provenance", params={"patient": "anna-woman"})).json()
    (body,) = [entry["resource"] for entry in bundle["entry"]]
    assert body["reason"][0]["text"] == "Symptoms"
    assert "V" in {label["code"] for label in body["meta"]["security"]}


async def test_routine_asking_has_no_reason(houses: Houses) -> None:
    house = await houses(pack="gp-routine")
    visitor = house.visitor()
    await asking(visitor)
    assert "reason" not in visitor.forms.forms[0]["names"]
    await visitor.browser.aclose()


async def test_without_a_reviewed_translation_nothing_is_asked_and_all_else_goes_on(houses: Houses) -> None:
    house = await houses(pack="nl")
    visitor = house.visitor()
    await visitor.launch("anna-woman")
    assert "no reviewed Dutch version" in visitor.text
    assert 'value="ask"' not in visitor.page.text
    start = visitor.forms
    await visitor.post({"door": "told"})
    assert visitor.step == "respond"
    assert "Kinderen" in visitor.text
    other = await house.visitor().launch("freya-woman")
    other.page = await other.post({"door": "ask"}, form=None)
    assert other.page.status_code == 409, "the door is shut also to who knocks"
    assert start.step == "start"
    await visitor.browser.aclose()
    await other.browser.aclose()


async def test_a_form_that_is_dropped_in_is_asked_page_by_page(houses: Houses, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "sleep.json").write_text(json.dumps(WORRIES))
    house = await houses(questionnaires=folder)
    visitor = house.visitor()
    await asking(visitor)
    await visitor.post({"open": "sleep"})
    assert "Page 1 of 2" in visitor.text
    await visitor.post({"page": "1"})
    assert "Page 1 of 2" in visitor.text, "what is needed is still missing"
    assert "Put this right first" in visitor.text
    await visitor.post({"hours": "6", "page": "1"})
    assert "Page 2 of 2" in visitor.text, visitor.text
    await visitor.post({"since": "yesterday"})
    assert "Put this right first" in visitor.text
    await visitor.post({"since": "2025-12-01", "page": "0"})
    assert ("hours", "6") in visitor.forms.forms[0]["fields"]
    await visitor.post({"hours": "5", "page": "1"})
    await visitor.post({"since": "2025-12-01"})
    assert visitor.step == "questions", visitor.text
    await visitor.post(NEGATIVE)
    body = (await responses(house, "anna-woman"))["sleep"]
    given = [group["item"][0]["answer"][0] for group in body["item"]]
    assert given == [{"valueInteger": 5}, {"valueDate": "2025-12-01"}]
    assert body["questionnaire"] == "https://clinic.test/Questionnaire/sleep|3"
    await visitor.browser.aclose()


async def test_a_mistake_on_another_page_leads_there(houses: Houses, tmp_path: Path) -> None:
    (tmp_path / "sleep.json").write_text(json.dumps(WORRIES))
    house = await houses(questionnaires=tmp_path)
    visitor = house.visitor()
    await asking(visitor)
    await visitor.post({"open": "sleep"})
    await visitor.post({"hours": "6", "page": "1"})
    await visitor.post({"since": "2025-12-01", "page": "0"})
    form = visitor.forms
    form.forms[0]["names"] |= {"since"}  # saved from the first page by who takes the last one's button
    await visitor.post({"hours": "six"}, form=form)
    assert "Page 1 of 2" in visitor.text
    assert "Put this right first" in visitor.text
    await visitor.browser.aclose()


async def test_the_script_keeps_a_page_of_a_form_beside_the_others(houses: Houses, tmp_path: Path) -> None:
    (tmp_path / "sleep.json").write_text(json.dumps(WORRIES))
    house = await houses(questionnaires=tmp_path)
    visitor = house.visitor()
    await asking(visitor)
    await visitor.post({"open": "sleep", HARK[0]: NO, "recording": "conversation", "reason": "other"})
    await visitor.post({"hours": "6", "page": "1"})
    form = visitor.forms.forms[0]
    fields = [(name, value) for name, value in form["fields"] if name == "token"]
    body = httpx.QueryParams([*fields, ("since", "2025-12-01")])
    kept = await visitor.browser.post(
        f"/v/{visitor.visit}/draft",
        content=str(body),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Sec-Fetch-Site": "same-origin",
            "Origin": "https://app.test",
        },
    )
    assert kept.status_code == 204
    draft = (await house.app.state.rooms.store.visits.get(visitor.visit)).draft
    assert draft.entered["sleep"] == {"hours": ("6",), "since": ("2025-12-01",)}
    assert draft.entered["hark"] == {HARK[0]: (NO,)}
    assert (draft.recording, draft.reason) == ("conversation", "other")
    await visitor.browser.aclose()


async def test_a_page_of_another_form_is_out_of_order(visitors: Visitors) -> None:
    visitor = visitors()
    await asking(visitor)
    questions = visitor.forms
    await visitor.post({"open": "children"})
    older = visitor.forms
    await visitor.get("questions")
    await visitor.post({"open": "impact"})
    await visitor.post({"child-age": "7"}, form=older)
    assert visitor.page.status_code == 409
    assert questions.step == "questions"


async def test_a_form_that_the_pack_does_not_have_is_not_opened(visitors: Visitors) -> None:
    visitor = visitors()
    await asking(visitor)
    await visitor.post({"open": "past"})
    assert visitor.page.status_code == 422
    await visitor.get("form")
    assert visitor.step == "questions", "no form is open"


async def test_a_pack_of_the_deployers_own(houses: Houses, tmp_path: Path) -> None:
    (tmp_path / "packs.toml").write_text(
        '[pack.adults]\nsettings = ["gp"]\nlocale = "en-GB"\nage_from = 120\n'
        'ask = [{ form = "hark" }]\ntoday = ["quick"]\n'
    )
    house = await houses(questionnaires=tmp_path, pack="adults")
    visitor = await house.visitor().launch("anna-woman")
    assert "Under 120: the questions are not asked here." in visitor.text
    assert 'value="ask"' not in visitor.page.text
    await visitor.browser.aclose()


@pytest.mark.parametrize(
    ("files", "changes", "words"),
    [
        ({}, {"pack": "uk"}, "'uk' names no pack"),
        ({"packs.toml": "[pack.gp]\n"}, {}, "pack.gp: 'settings' is missing"),
        ({"packs.toml": "[packs.gp]\n"}, {}, "'packs' is not known"),
        ({"mine.json": json.dumps(WORRIES | {"name": "HARK"})}, {}, "two forms named hark"),
        ({"mine.json": json.dumps(WORRIES | {"implicitRules": "x"})}, {}, "implicitRules"),
        ({"mine.json": "[]"}, {}, "must be a JSON object"),
    ],
)
async def test_what_cannot_be_asked_is_said_at_start(
    house: Any, tmp_path: Path, files: dict[str, str], changes: dict[str, str], words: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    ehr = house.settings.ehr[0].model_copy(update=changes)
    settings = house.settings.model_copy(update={"questionnaires": tmp_path, "ehr": (ehr,)})
    with pytest.raises(Exception, match=words):
        create_app(settings)


async def test_a_sum_that_cannot_be_done_is_said_and_stops_nothing(houses: Houses, tmp_path: Path) -> None:
    """An option without its weight: what was said is recorded, without a number, and help stays open."""
    often = {
        "linkId": "often",
        "text": "How often?",
        "type": "choice",
        "answerOption": [
            {"valueCoding": {"system": "urn:x", "code": code, "display": code}} for code in ("now", "then")
        ],
    }
    sums = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression"
    weighed = "%resource.item.where(linkId='often').answer.value.weight()"
    total = {
        "linkId": "total",
        "text": "Total",
        "type": "decimal",
        "readOnly": True,
        "extension": [{"url": sums, "valueExpression": {"language": "text/fhirpath", "expression": weighed}}],
    }
    (tmp_path / "sleep.json").write_text(json.dumps(WORRIES | {"item": [often, total]}), encoding="utf-8")
    house = await houses(questionnaires=tmp_path)
    visitor = await asking(house.visitor())
    await visitor.post(dict.fromkeys(HARK, NO) | {"open": "sleep"})
    await visitor.post({"often": "now"})
    assert visitor.step == "questions", visitor.text
    assert "could not work out a result (Item total: An answer has no weight.)" in visitor.text
    await visitor.get("danger")
    assert visitor.step == "danger"
    await visitor.get("questions")
    await visitor.post({"76501-6": YES})
    assert visitor.step == "respond"
    assert "do the sum yourself" in visitor.text
    await visitor.post(QUICK)
    assert visitor.step == "refer"
    (item,) = (await responses(house, "anna-woman"))["sleep"]["item"]
    assert (item["linkId"], item["answer"][0]["valueCoding"]["code"]) == ("often", "now")


async def test_a_time_of_day_is_that_of_the_clinic(houses: Houses, tmp_path: Path) -> None:
    """It is ten o'clock in London, and five in the morning in Toronto."""
    since = {"linkId": "since", "text": "Since when?", "type": "dateTime"}
    (tmp_path / "sleep.json").write_text(json.dumps(WORRIES | {"item": [since]}), encoding="utf-8")
    house = await houses(questionnaires=tmp_path, zone="America/Toronto")
    visitor = await asking(house.visitor())
    assert "This visit ends at 06:00." in visitor.text
    await visitor.post({"open": "sleep"})
    await visitor.post({"since": "2026-03-01T22:15"})
    assert visitor.step == "questions", visitor.text
    await visitor.post(NEGATIVE)
    (item,) = (await responses(house, "anna-woman"))["sleep"]["item"]
    assert item["answer"] == [{"valueDateTime": "2026-03-01T22:15:00-05:00"}]


async def test_a_child_who_is_not_safe_leads_to_the_telephone(house: Any, visitor: Any) -> None:
    """Also where every answer about herself is no: it is recorded, and the call comes before a service."""
    await asking(visitor)
    await visitor.post(dict.fromkeys(HARK, NO) | {"open": "children"})
    await visitor.post({"child-who": "child", "child-safe": "yes", "more": "child-each"})
    await visitor.post(
        {"child-who": "child", "child-safe": "yes", "child-who~2": "child", "child-safe~2": "no"}
    )
    assert visitor.step == "questions", visitor.text
    await visitor.post(NEGATIVE)
    assert visitor.step == "danger", visitor.text
    assert len((await responses(house, "anna-woman"))["c8"]["item"]) == 2
    await visitor.get("done")
    assert "A child or dependant is not safe today" in visitor.text
    await visitor.get("refer")
    assert "Telephone first" in visitor.text
    await visitor.get("danger")
    await visitor.post({"call": "made"})
    await visitor.get("refer")
    assert "Telephone first" not in visitor.text
