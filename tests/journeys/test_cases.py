"""What a service does with a case, in real Chromium, and what the referrer has of it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from serving import Harbour, Person, does, mentor_of, open_first, refer
from sheet import send, told


def test_of_two_who_belong_together_only_the_coordinator_hears_that_both_are_known(
    people: Callable[[], Person], clinician: Any, running: Any
) -> None:
    """Given both referred to one service; then nobody else sees a hint, or a name before they are apart."""
    harbour = Harbour(running)
    hint = "Both are, or may be, known here"
    with harbour.hosting("specialist"):
        for patient in ("leyla-interpreter", "lena-16"):
            refer(clinician, patient, "specialist")
    cora, mia, moe = people(), people(), people()
    cora.join(harbour.links["Cora"], "phone")
    mia.join(harbour.links["Mia"], "phone")
    moe.join(harbour.links["Moe"], "phone")
    open_first(cora)
    does(cora, "open")
    assert cora.page.locator("text=Show the name").count() == 0, "not before the question is answered"
    mentors = {name: mentor_of(running, harbour, name) for name in ("Mia", "Moe")}
    clear = {f"knows-{ident}": "no" for ident in mentors.values()}
    does(cora, "check", both="yes", **clear)
    does(cora, "accept")
    assert hint in cora.text()
    assert "nobody can be chosen yet" in cora.text()
    for mentor in (mia, moe):
        open_first(mentor)
        assert hint not in mentor.text()
        assert mentor.page.locator("text=Show the name").count() == 0
    does(cora, "check", both="yes", apart="true")
    assert hint not in cora.text()
    does(cora, "assign", mentor=mentors["Mia"])
    mia.open(urlsplit(cora.page.url).path)  # hers; in her list what nobody has opened comes before it
    mia.see("case")
    mia.page.click("button:has-text('Show the name')")
    mia.page.wait_for_selector("text=Leyla Demir")
    moe.open("/i/cases")
    moe.see("cases")
    assert moe.page.locator("main li a[href*='/i/cases/']").count() == 1, "what Mia has she does not see"


def test_a_decline_leads_to_the_next_and_nothing_fits_leaves_nobody_alone(
    people: Callable[[], Person], clinician: Any, running: Any
) -> None:
    """Given Edith; the first service has no place, the next is asked, and then there is none left."""
    told(clinician, "edith-81", {"children-or-pregnant": "none", "help-now": "legal"})
    harbour = Harbour(running)
    with harbour.hosting("specialist"):
        send(clinician, "specialist")
        clinician.wait_until_received()
    clinician.click("a:has-text('Finish')")
    clinician.see("finish")
    clinician.primary()
    clinician.page.wait_for_url(running.demo.clinic)

    cora = people()
    cora.join(harbour.links["Cora"], "phone")
    open_first(cora)
    does(cora, "open")
    does(cora, "decline", reason="no-capacity")
    assert "Edith" not in cora.page.content(), "declined before any name was shown"
    cora.open("/i/closed")
    cora.see("closed")

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

    store = running.rooms.store
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
