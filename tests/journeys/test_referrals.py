"""Around a referral, in real Chromium: a house, a child, a change of mind, a decline, nothing that fits."""

import json
from typing import Any

from ipvscreen.ipv.case import CaseEvent, CaseRole
from ipvscreen.ipv.case_codes import Decline
from ipvscreen.ipv.case_step import Step
from ipvscreen.ipv.referral import ContactWay, ReferralRequest, SafeContact

SAFE = {"safe-today": "yes", "neck": "no", "suicide": "no"}


def received(running: Any, name: str) -> list[str]:
    """What the charity has got about that person, as text."""
    return [text for one in running.read("Bundle", base="service_fhir") if name in (text := json.dumps(one))]


def told(clinician: Any, patient: str, answers: dict[str, str]) -> None:
    """Already told me, the quick items, and so to the sheet; these pages are looked at elsewhere."""
    clinician.examined = False
    clinician.launch(patient)
    clinician.door("told")
    clinician.see("respond")
    clinician.answer(SAFE | answers)
    clinician.primary()
    clinician.examined = True
    clinician.see("refer")


def send(clinician: Any, service: str | None) -> None:
    """She rings them herself: no number is asked for."""
    if service:
        clinician.choose("service", service)
    clinician.choose("way", "she-calls")
    clinician.choose("out", "yes")
    clinician.choose("back", "yes")
    clinician.primary()
    clinician.see("sent")


def test_a_house_for_her_a_service_for_her_child_and_she_may_change_her_mind(
    clinician: Any, running: Any
) -> None:
    """Given Leyla with a child; two services are asked, one is stopped while it waits, and she rings them."""
    switches = running.demo.charity.state.sandbox.switches
    before = {one["id"] for one in running.read("Task", patient="leyla-interpreter")}
    told(clinician, "leyla-interpreter", {"children-or-pregnant": "children", "help-now": "housing"})
    switches.refuse = 503
    try:
        send(clinician, "house")
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
    send(clinician, "specialist")
    clinician.wait_until_received()

    running.do(running.rooms.dispatcher.run_once())
    arrived = received(running, "Leyla")
    assert len(arrived) == 2, "for the child and for her; the house was never told"
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


def test_a_decline_leads_to_the_next_and_nothing_fits_leaves_nobody_alone(
    clinician: Any, running: Any
) -> None:
    """Given Edith; the first service has no place, the next is asked, and then there is none left."""
    told(clinician, "edith-81", {"children-or-pregnant": "none", "help-now": "legal"})
    send(clinician, "specialist")
    clinician.wait_until_received()
    visit = clinician.page.url.split("/")[-2]
    clinician.click("a:has-text('Finish')")
    clinician.see("finish")
    clinician.primary()
    clinician.page.wait_for_url(running.demo.clinic)

    store = running.rooms.store
    running.do(declined(store, visit, running.rooms.clock()))
    clinician.launch("edith-81")
    assert "An answer has come." in clinician.text()
    clinician.click("summary:has-text('Earlier forms')")
    clinician.click("summary:has-text('Sent on to')")
    clinician.see("start")
    assert "Ask the patient first; nothing is sent by itself." in clinician.text()
    clinician.click("button[name=again]")
    clinician.see("refer")
    assert clinician.page.locator("input[value=specialist]").count() == 0
    send(clinician, None)

    directory = running.do(store.services.all())
    running.do(store.services.replace([]))
    try:
        clinician.click("a:has-text('Another service')")
        clinician.see("refer")
        assert clinician.page.locator("main a").count() == 0, "no way out but the ways out"
        clinician.type("who", "Sister Ward, nurse")
        clinician.primary()
        clinician.page.wait_for_selector("text=Follow-up noted for")
        clinician.see("refer")
        clinician.primary()
        clinician.see("finish")
        clinician.primary()
        clinician.page.wait_for_url(running.demo.clinic)
    finally:
        running.do(store.services.replace(directory))
    assert [one.count for one in running.do(store.gaps.counts())] == [1]


async def declined(store: Any, visit: str, now: Any) -> None:
    """The service has taken the case in, opened it, and has no place."""
    (referral,) = await store.referrals.of_visit(visit)
    key, service = referral.id, referral.service_id
    contact = SafeContact(ContactWay.SHE_CALLS)
    await store.cases.take_in(key, ReferralRequest(service, contact, agreement=referral.agreement), "E", now)
    steps = (
        Step(CaseEvent.OPEN, CaseRole.COORDINATOR, "c"),
        Step(CaseEvent.DECLINE, CaseRole.COORDINATOR, "c", reason=Decline.NO_CAPACITY),
    )
    for seen, step in enumerate(steps):
        await store.cases.move(key, service, step, seen=seen, now=now)
