"""Clinical stories in real Chromium, each with a patient of its own; axe looks at every page."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

YES, NO, PASS = "LA33-6", "LA32-8", "pass"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
SAFE = {"safe-today": "yes", "neck": "no", "suicide": "no"}
KINDS = ("QuestionnaireResponse", "Observation", "Flag", "ServiceRequest", "Task", "Consent")
PICTURE = Path(__file__).parents[2] / "docs" / "images" / "respond.png"


def counts(running: Any, patient: str) -> dict[str, int]:
    """How many resources of each kind the record holds about the patient."""
    return {kind: len(running.read(kind, patient=patient)) for kind in KINDS}


def messages(running: Any, name: str) -> list[dict[str, Any]]:
    """What the charity has received about that person."""
    return [b for b in running.read("Bundle", base="service_fhir") if name in json.dumps(b)]


def ask(clinician: Any, answers: str) -> None:
    """Through the door, and one key for each question."""
    clinician.door("ask")
    clinician.see("questions")
    for key in answers:
        clinician.press(key)


def send(clinician: Any, service: str, number: str = "07700 900123") -> None:
    """The sheet with agreement: service, safe way, number, out, back, Send."""
    clinician.see("refer")
    clinician.choose("service", service)
    clinician.choose("way", "phone")
    clinician.type("number", number)
    clinician.choose("out", "yes")
    clinician.choose("back", "yes")
    clinician.primary()
    clinician.see("sent")


def test_a_mother_who_says_yes_is_referred_to_a_mentor_mother(clinician: Any, running: Any) -> None:
    """Given Rosa with two children; when she says yes to one question; then a mentor mother is asked."""
    clinician.launch("rosa-mother")
    ask(clinician, "NYNN")
    clinician.primary()
    clinician.see("respond")
    clinician.answer(SAFE | {"children-or-pregnant": "children", "help-now": "someone-who-has-been-there"})
    picture(clinician)
    clinician.choose("flag", "yes")
    clinician.primary()
    clinician.see("refer")
    assert "Recorded and checked" in clinician.text()
    send(clinician, "mentor-mothers")

    assert clinician.pages == ["start", "questions", "respond", "refer", "sent"]
    assert clinician.typed == 1
    assert clinician.actions == 18  # the budget is about 22
    assert counts(running, "rosa-mother") == {
        "QuestionnaireResponse": 3,
        "Observation": 7,
        "Flag": 1,
        "ServiceRequest": 1,
        "Task": 1,
        "Consent": 1,
    }
    clinician.wait_until_received()
    clinician.page.goto(running.demo.addresses["service_fhir"].removesuffix("/fhir"))
    assert "Rosa Delgado" in clinician.text()
    assert "07700 900123" in clinician.text()
    (message,) = messages(running, "Rosa")
    for word in (*HARK, "76499-3", "76504-0", "aas-1", YES, NO, "Observation", "QuestionnaireResponse"):
        assert word not in json.dumps(message)


def picture(clinician: Any) -> None:
    """The picture of the README; renewed with IPVSCREEN_PICTURE=1."""
    if os.environ.get("IPVSCREEN_PICTURE"):
        PICTURE.parent.mkdir(exist_ok=True)
        clinician.page.screenshot(path=PICTURE, full_page=True)
    assert PICTURE.read_bytes().startswith(b"\x89PNG")


def test_a_negative_takes_eight_actions_at_most(clinician: Any, running: Any) -> None:
    """Given Freya; when every answer is no; then it is recorded and checked, and support is offered."""
    clinician.launch("freya-woman")
    ask(clinician, "NNNNN")  # the fifth is the question about any time in the past
    clinician.primary()
    clinician.see("done")

    assert clinician.actions == 7  # the budget is 8 on 2 pages, the last page not counted
    assert clinician.pages == ["start", "questions", "done"]
    assert "Recorded and checked" in clinician.text()
    assert "This rules nothing out; your concern outranks the form." in clinician.text()
    found = counts(running, "freya-woman")
    assert (found["QuestionnaireResponse"], found["Observation"]) == (3, 7)
    assert [found[kind] for kind in ("Flag", "ServiceRequest", "Task", "Consent")] == [0, 0, 0, 0]


def test_she_has_already_told(clinician: Any, running: Any) -> None:
    """Given Nadia, who has told; then she is not asked again, and what helps now is recorded."""
    clinician.launch("nadia-woman")
    clinician.door("told")
    clinician.see("respond")
    assert "I believe you" in clinician.text()
    clinician.answer(SAFE | {"children-or-pregnant": "none", "help-now": "safety"})
    clinician.primary()
    send(clinician, "specialist")
    clinician.click("a:has-text('Finish')")
    clinician.see("finish")
    clinician.primary()
    clinician.page.wait_for_url(running.demo.clinic)

    found = counts(running, "nadia-woman")
    assert (found["QuestionnaireResponse"], found["Observation"], found["Flag"]) == (1, 1, 0)
    assert found["ServiceRequest"] == 1


def test_a_man_with_past_abuse_is_referred_to_a_peer_mentor(clinician: Any, running: Any) -> None:
    """Given David under the mental-health team; when only the past says yes; then no current flag."""
    clinician.launch("david-man", "dr-lindqvist")
    ask(clinician, "NNNNY")
    clinician.primary()
    clinician.see("respond")
    assert "this patient is a man" in clinician.page.content()
    clinician.answer({"contact": "no", "help-now": "someone-who-has-been-there"})
    clinician.primary()
    clinician.page.wait_for_selector("input[name=service][value=peer-mentoring]")
    assert "For women; this patient is a man." in clinician.text()
    assert clinician.page.locator("input[name=service][value=mentor-mothers]").count() == 0
    send(clinician, "peer-mentoring")

    found = counts(running, "david-man")
    assert (found["Flag"], found["ServiceRequest"]) == (0, 1)
    clinician.wait_until_received()
    assert "Received by Peer mentoring" in clinician.text()
    clinician.see("sent")
    assert len(messages(running, "David")) == 1


def test_in_danger_the_telephone_comes_first(clinician: Any, running: Any) -> None:
    """Given Helen, not safe today; then nothing can be sent before the call."""
    clinician.launch("helen-woman")
    ask(clinician, "YYNY")
    clinician.primary()
    clinician.see("respond")
    clinician.answer({"safe-today": "no", "neck": "yes-recent", "suicide": "no"})
    clinician.primary()
    clinician.see("danger")
    assert "999" in clinician.text()
    clinician.page.evaluate("location.href = location.href.replace('/danger', '/refer')")
    clinician.see("refer")
    assert clinician.page.locator("button:has-text('Send')").is_disabled()
    clinician.page.evaluate("setTimeout(() => history.back(), 50)")  # Playwright's own waits for a load
    clinician.see("danger")
    clinician.choose("call", "made")
    clinician.primary()
    send(clinician, "high-risk")

    assert counts(running, "helen-woman")["ServiceRequest"] == 1


def test_not_now_adds_nothing_to_the_record(clinician: Any, running: Any) -> None:
    """Given somebody else in the room; then the page is neutral and nothing is written."""
    clinician.launch("irene-proxy")
    before = counts(running, "irene-proxy")
    clinician.door("not-now")
    clinician.see("not-now")
    assert "Not today. Nothing was added to the health record." in clinician.text()
    clinician.click("button:has-text('Note the follow-up')")
    clinician.see("not-now")

    assert counts(running, "irene-proxy") == before


def test_declining_is_an_answer(clinician: Any, running: Any) -> None:
    """Given Edith, who does not want to answer; then that is recorded, and her care stays the same."""
    clinician.launch("edith-81")
    before = counts(running, "edith-81")
    there = {observation["id"] for observation in running.read("Observation", patient="edith-81")}
    clinician.door("ask")
    clinician.see("questions")
    clinician.click("button:has-text('Declined')")
    clinician.see("done")

    assert "That is fine. Your care stays the same" in clinician.text()
    found = {kind: count - before[kind] for kind, count in counts(running, "edith-81").items()}
    assert (found["QuestionnaireResponse"], found["Observation"], found["Flag"]) == (3, 7, 0)
    for observation in running.read("Observation", patient="edith-81"):
        if observation["id"] in there:
            continue
        assert "valueCodeableConcept" not in observation
        assert "valueQuantity" not in observation


def test_sharing_without_agreement_says_who_decided(clinician: Any, running: Any) -> None:
    """Given Clara, who does not agree, and serious harm; then who decided and why is asked and kept."""
    clinician.launch("clara-woman")
    before = counts(running, "clara-woman")
    ask(clinician, "NNNY")
    clinician.primary()
    clinician.see("respond")
    clinician.primary()
    clinician.see("refer")
    clinician.click("a:has-text('Share without agreement')")
    clinician.see("share")
    clinician.choose("service", "high-risk")
    clinician.choose("way", "she-calls")
    clinician.type("decided_by", "Dr Osei with the practice lead")
    clinician.choose("basis", "serious-harm")
    clinician.choose("told", "no")
    clinician.type("why_not_told", "It could put her at risk today")
    clinician.primary()
    clinician.see("sent")

    found = counts(running, "clara-woman")
    assert found["Consent"] == before["Consent"]
    (request,) = running.read("ServiceRequest", patient="clara-woman")
    assert "without the person's agreement" in request["note"][0]["text"]
    assert "could put her at risk" not in json.dumps(request)


def test_the_record_system_refuses_halfway(clinician: Any, running: Any) -> None:
    """Given entries one by one and a refusal after three; then the page says so, and a retry completes."""
    switches = running.switches
    switches.no_transaction = True
    clinician.launch("maya-maternity", "dr-osei")
    switches.refuse[("POST", "*")] = running.refuse(422, after=3)
    try:
        clinician.door("ask")
        clinician.see("questions")
        for link_id in ("aas-1", "aas-2", "aas-3", "aas-4", "aas-5"):
            clinician.choose(link_id, "no")
        clinician.primary()
        clinician.see("done")
        assert "NOT recorded" in clinician.text()
        assert "A rule of this practice does not allow this entry." in clinician.text()
    finally:
        switches.refuse.clear()
    clinician.primary()
    clinician.see("done")
    switches.no_transaction = False

    assert "Recorded and checked" in clinician.text()
    found = counts(running, "maya-maternity")
    assert (found["QuestionnaireResponse"], found["Observation"]) == (2, 6)  # the panel and five items


def test_by_keyboard_alone(clinician: Any, running: Any) -> None:
    """Given no mouse; then Tab, Enter, Space and the keys Y, N and P do all of a negative."""
    clinician.launch("leyla-interpreter")
    clinician.tab_to("button[value=ask]")
    clinician.press("Enter")
    clinician.see("questions")
    for key in "NPNNN":
        clinician.press(key)
    clinician.tab_to("main .button.primary")
    clinician.press("Enter")
    clinician.see("done")

    assert "Recorded and checked" in clinician.text()
    observations = running.read("Observation", patient="leyla-interpreter")
    (total,) = [o for o in observations if o["code"]["coding"][0]["code"] == "76504-0"]
    assert "valueQuantity" not in total
    assert total["dataAbsentReason"]


def test_with_javascript_off(browser: Browser, running: Any, make_clinician: Any) -> None:
    """Given a browser without script; then a positive still gets to a service."""
    context = browser.new_context(java_script_enabled=False)
    clinician = make_clinician(context.new_page(), script=False)
    clinician.launch("peter-man")
    clinician.door("ask")
    clinician.see("questions")
    clinician.answer(dict(zip(HARK, (NO, NO, NO, YES), strict=True)))
    clinician.primary()
    clinician.see("respond")
    clinician.answer(SAFE | {"children-or-pregnant": "none", "help-now": "someone-to-talk-to"})
    clinician.primary()
    send(clinician, "specialist")
    clinician.click("header a:has-text('Exit')")
    context.close()

    assert counts(running, "peter-man")["ServiceRequest"] == 1


@pytest.mark.parametrize("way", ["closed window", "exit"])
def test_interrupted_after_the_first_yes(
    context: BrowserContext, running: Any, make_clinician: Any, way: str
) -> None:
    """Given a yes that was not saved; when the visit ends; then it waits at the next launch."""
    patient = {"closed window": "lena-16", "exit": "owen-man"}[way]
    first = make_clinician(context.new_page())
    first.launch(patient)
    first.door("ask")
    first.see("questions")
    with first.page.expect_response(re.compile("/draft$")):
        first.press("Y")
    if way == "exit":
        first.click("header a:has-text('Exit')")
        first.page.wait_for_url(re.compile("localhost"))
    else:
        first.page.close()

    again = make_clinician(context.new_page())
    again.launch(patient)
    assert "This patient, begun" in again.page.content()
    again.click("summary:has-text('Begun and not finished')")
    again.click("button:has-text('Resume')")
    again.see("questions")
    assert again.page.is_checked(f"input[name='{HARK[0]}'][value='{YES}']")


def test_a_child_is_not_asked_with_an_adult_form(clinician: Any) -> None:
    """Given Kim, 15; then there is no door to the questions, and the page says what to do."""
    clinician.launch("kim-15")

    assert clinician.page.locator("button[value=ask]").count() == 0
    assert "safeguarding lead" in clinician.text()


def test_without_usable_demographics_the_age_is_confirmed_first(clinician: Any) -> None:
    """Given no date of birth; then asking needs a tick that the patient is 16 or over."""
    clinician.launch("unknown-person")
    clinician.door("ask")
    clinician.see("start")
    clinician.choose("age_confirmed", "yes")
    clinician.door("ask")
    clinician.see("questions")


def test_shift_three_times_leaves_at_once(clinician: Any) -> None:
    """Given somebody at the door; then three shifts blank the page and lead to the clinic list."""
    clinician.launch("anna-woman")
    clinician.door("ask")
    clinician.see("questions")
    visit = clinician.page.url
    for _ in range(3):
        clinician.press("Shift")
    clinician.page.wait_for_url(re.compile("^http://localhost"))
    answer = clinician.page.goto(visit)

    assert answer.status == 404
    assert "main[data-step='questions']" not in clinician.page.content()
