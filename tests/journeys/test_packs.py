"""Visits with other forms than those of general practice, told as clinical stories."""

from collections.abc import Callable
from typing import Any

from ipvscreen.ipv.packs_file import Shelf
from ipvscreen.sdc.load import load_form

SLEEP: dict[str, Any] = {
    "resourceType": "Questionnaire",
    "url": "https://clinic.test/Questionnaire/sleep",
    "version": "1",
    "name": "Sleep",
    "title": "Sleep",
    "status": "active",
    "language": "en",
    "copyright": "The clinic's own",
    "item": [
        {"linkId": "hours", "text": "How many hours do you sleep?", "type": "integer", "required": True}
    ],
}


def responses(running: Any, patient: str) -> dict[str, dict[str, Any]]:
    """By the last part of the canonical."""
    found = running.read("QuestionnaireResponse", patient=patient)
    return {body["questionnaire"].rpartition("/")[2].partition("|")[0]: body for body in found}


def given(items: list[dict[str, Any]]) -> dict[str, Any]:
    """The answers' values by linkId, in groups too."""
    found: dict[str, Any] = {}
    for item in items:
        found |= given(item.get("item", []))
        if "answer" in item:
            found[item["linkId"]] = [next(iter(answer.values())) for answer in item["answer"]]
    return found


def test_antenatal_care_asks_the_whole_screen(clinician: Any, running: Any) -> None:
    """Given Clara, pregnant; when she says yes to one item; then by whom is asked, and all is kept."""
    clinician.launch("clara-woman")
    clinician.page.click("summary:has-text('Setting')")
    clinician.page.select_option("select[name=setting]", "antenatal")
    clinician.door("ask")
    clinician.see("questions")
    for item, value in (
        ("aas-1", "no"),
        ("aas-2", "yes"),
        ("aas-3", "no"),
        ("aas-4", "pass"),
        ("aas-5", "no"),
    ):
        clinician.choose(item, value)
    clinician.choose("aas-2-whom", "ex-partner")
    clinician.type("aas-2-times", "2")
    clinician.primary()
    clinician.see("respond")
    clinician.answer({"safe-today": "yes", "neck": "no", "suicide": "no"})
    clinician.primary()
    clinician.see("refer")

    body = next(one for one in responses(running, "clara-woman").values() if "aas-2" in given(one["item"]))
    answers = given(body["item"])
    assert answers["aas-2"][0]["code"] == "yes"
    assert answers["aas-2-whom"][0]["code"] == "ex-partner"
    assert answers["aas-2-times"] == [2]
    assert "aas-4" not in answers, "a pass is no answer"
    assert "aas-4" in [item["linkId"] for item in body["item"]]


def test_mental_health_from_the_case_history(clinician: Any, running: Any) -> None:
    """Given an old letter; then what it did to his health is kept with source and date, never as a no."""
    clinician.launch("david-man", "dr-lindqvist")
    before = len(responses(running, "david-man"))
    clinician.door("from-record")
    clinician.see("respond")
    assert "I believe you" not in clinician.text(), "he is not there: nothing is said"
    clinician.click("button[name=open][value=impact]")
    clinician.see("form")
    clinician.choose("impact-source", "case-history")
    clinician.type("impact-source-date", "2019-05-02")
    clinician.choose("impact-who", "ex-partner")
    clinician.choose("impact-effects", "sleep")
    clinician.primary()
    clinician.see("respond")
    assert "Effects on health (begun)" in clinician.text()
    clinician.primary()
    clinician.page.wait_for_selector("main[data-step=refer]")

    found = responses(running, "david-man")
    answers = given(found["i9"]["item"])
    assert answers["impact-source"][0]["code"] == "case-history"
    assert answers["impact-source-date"] == ["2019-05-02"]
    assert "source" not in found["i9"]
    assert len(found) <= before + 1, "nothing was asked, so no form of it stands there as a no"


def test_a_form_of_ones_own_is_dropped_in(
    clinician: Any, running: Any, shipped_packs: Callable[..., Any]
) -> None:
    """Given the clinic's own form; then it has a button and a page, and is recorded with the rest."""
    sleep = load_form(SLEEP)
    forms = {**running.rooms.forms, "sleep": sleep}
    with running.changed(forms=forms, packs=shipped_packs(Shelf(forms, own=["sleep"]))):
        clinician.launch("edith-81")
        clinician.door("ask")
        clinician.see("questions")
        clinician.click("button[name=open][value=sleep]")
        clinician.see("form")
        clinician.type("hours", "all night")
        clinician.primary()
        clinician.see("form")
        assert "Put this right first" in clinician.text()
        assert clinician.page.input_value("[name=hours]") == "all night"
        clinician.type("hours", "5")
        clinician.primary()
        clinician.see("questions")
        clinician.click("button[value=declined]")
        clinician.see("done")

    assert given(responses(running, "edith-81")["sleep"]["item"]) == {"hours": [5]}


def test_owen_tells_of_his_own_conduct(clinician: Any, running: Any) -> None:
    """Given Owen, who says that he hits; then it is kept apart, and whom to ring is said."""
    before = len(responses(running, "owen-man"))
    clinician.launch("owen-man")
    clinician.page.click("summary:has-text('More')")
    clinician.click("button[name=account]")
    clinician.see("own")
    assert not clinician.page.is_visible("input[name=use-again]"), "it follows the first answer"
    clinician.choose("use-told", "yes")
    clinician.choose("use-what", "hurt")
    clinician.choose("use-children", "yes")
    clinician.choose("use-again", "yes")
    clinician.primary()
    clinician.see("own")
    assert "Ring the safeguarding lead" in clinician.text()
    assert "Children were there" in clinician.text()
    assert clinician.page.is_checked("input[name=use-what][value=hurt]")
    clinician.click("button[name=then][value=first-page]")
    clinician.see("start")

    assert len(responses(running, "owen-man")) == before
