"""Around a referral, in real Chromium: a house, a child, a change of mind, own conduct."""

import json
from typing import Any

from sheet import send, told

from ipvscreen.sandbox.directory import services


def received(running: Any, name: str) -> list[str]:
    """What the charity has got about that person, as text."""
    return [text for one in running.read("Bundle", base="service_fhir") if name in (text := json.dumps(one))]


def test_a_house_for_her_a_service_for_her_child_and_she_may_change_her_mind(
    clinician: Any, running: Any
) -> None:
    """Given Leyla with a child; one service is stopped while it waits, two are asked, and she rings them."""
    switches = running.demo.charity.state.sandbox.switches
    before = {one["id"] for one in running.read("Task", patient="leyla-interpreter")}
    told(clinician, "leyla-interpreter", {"children-or-pregnant": "children", "help-now": "housing"})
    switches.refuse = 503
    try:
        assert clinician.page.locator("input[name=service][value=uses-violence]").count() == 0
        assert "this was not said and is never inferred" in clinician.text()
        send(clinician, "specialist")
        clinician.click("summary:has-text('does not want it any more')")
        clinician.click("button[name=stop]")
        clinician.page.wait_for_selector("text=stopped, nothing more is sent")
        clinician.see("sent")
    finally:
        switches.refuse = None
    clinician.primary()
    clinician.see("finish")
    clinician.click("summary:has-text('A plan for each child')")
    clinician.type("child_age", "7")
    clinician.choose("exposure", "ongoing")
    clinician.type("owner", "Ms Reed, health visitor")
    clinician.type("interim", "School knows whom to ring")
    clinician.click("button[value=plan]")
    clinician.page.wait_for_selector("h2:has-text('A child aged 7')")
    clinician.see("finish")
    clinician.click("button[name=child]")
    clinician.see("refer")
    assert "For a child aged 7" in clinician.text()
    send(clinician, "play-and-talk")
    clinician.click("a:has-text('Another service')")
    clinician.see("refer")
    assert "For a child aged 7" not in clinician.text()
    send(clinician, "house")
    clinician.wait_until_received()

    running.do(running.rooms.dispatcher.run_once())
    arrived = received(running, "Leyla")
    assert len(arrived) == 2, "for the child and for her; who was stopped was never told"
    clinician.page.reload()
    assert "Received by The house" in clinician.text()
    for text in arrived:
        assert "contacting-subject-prohibited" in text
        assert "the person will ring you" in text
        for never in ("telecom", "address", "Ms Reed", "QuestionnaireResponse"):
            assert never not in text
    tasks = running.read("Task", patient="leyla-interpreter")
    assert sorted(one["status"] for one in tasks if one["id"] not in before) == [
        "cancelled",
        "requested",
        "requested",
    ]


def recorded(running: Any, patient: str) -> list[int]:
    """How many resources of each kind that we write the record holds about the patient."""
    kinds = ("QuestionnaireResponse", "Observation", "Flag", "ServiceRequest", "Task", "Consent", "Condition")
    return [len(running.read(kind, patient=patient)) for kind in kinds]


def go(clinician: Any, url: str) -> Any:
    """To that page as from a page of ours: who types an address does not get in; its answer."""
    with clinician.page.expect_navigation() as there:
        clinician.page.evaluate("url => { location.href = url }", url)
    return there.value


def test_who_uses_violence_meets_no_service_for_who_was_hurt(clinician: Any, running: Any) -> None:
    """Given Peter, who says so and wants help; then whom to ring, who is there for the other."""
    hurt = [one["name"] for one in services("https://service.test") if one["id"] != "uses-violence"]
    stored, came = recorded(running, "peter-man"), received(running, "Peter")
    clinician.launch("peter-man")
    clinician.click("summary:has-text('More')")
    clinician.click("button[name=account]")
    clinician.see("own")
    clinician.answer(
        {"use-told": "yes", "use-last": "within-3-months", "use-again": "yes", "use-help": "yes"}
    )
    clinician.primary()
    clinician.page.wait_for_selector("text=Turning Round: ring 01632 960026")
    clinician.see("own")
    own = clinician.page.url
    for words in (
        "The other person is supported by the Harbour service.",
        "Ring the safeguarding lead (01632 960 001) before the patient leaves",
        "Say nothing to the other person",
    ):
        assert words in clinician.text()
    assert [name for name in hurt if name in clinician.text()] == []
    for step in ("refer", "share", "sent"):
        assert go(clinician, own.replace("/own", f"/{step}")).status == 409
        assert clinician.page.locator(f"main[data-step='{step}'], [name=service]").count() == 0, step
    go(clinician, own)
    clinician.click("button[value='first-page']")
    clinician.see("start")
    clinician.click("header a:has-text('Exit')")
    clinician.page.wait_for_url(running.demo.clinic)

    assert recorded(running, "peter-man") == stored
    assert received(running, "Peter") == came
