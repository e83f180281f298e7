"""Services and stewards with Chromium's own authenticator, from link to last step; axe sees every page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from serving import Harbour, Person, does, mentor_of, open_first, refer

from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.lasting import INVITATION
from ipvscreen.ipv.members import Member, Role
from ipvscreen.store.members import new_id, new_invitation


def first_link(running: Any, name: str) -> str:
    """As `stewards add` prints it."""
    store, now = running.rooms.store, running.rooms.clock()
    member = Member(new_id(), Role.STEWARD, name)
    invitation = new_invitation(member.id, now + INVITATION)
    running.do(store.doing(Act.INVITED, now).members.first_steward(member, invitation, now))
    return running.demo.addresses["inbox"].replace("/i/in", f"/i/join/{invitation.code}")


@contextmanager
def refusing(person: Person) -> Iterator[None]:
    """What the browser is asked for in here it does not give, and the page says so."""
    yield
    person.page.wait_for_selector("[data-note]:not([hidden])")


def test_a_service_comes_in_loses_a_device_and_comes_back(people: Callable[[], Person], running: Any) -> None:
    """Given a steward; when she adds an organisation; then its people sign in, and one gets back in."""
    sam, cora = people(), people()
    sam.join(first_link(running, "Sam"), "phone")
    sam.page.click("text=Organisations")
    sam.see("organisations")
    for name, value in (("name", "Harbour"), ("phone", "020 7946 0123"), ("coordinator", "Cora")):
        sam.page.fill(f"[name={name}]", value)
    sam.primary()
    sam.see("organisations")

    cora.join(sam.link("Cora"), "phone")
    assert "one key only" in cora.text()
    cora.primary()  # signs out
    cora.see("in")
    cora.primary()
    cora.see("home")
    cora.page.click("text=Your keys")
    cora.see("keys")
    cora.other_device()
    cora.page.fill("[name=label]", "laptop")
    cora.primary()
    cora.page.wait_for_selector("li:has-text('laptop')")
    cora.see("keys")
    cora.page.click("text=Your team")
    cora.see("team")
    cora.page.fill("[name=name]", "Wim")
    cora.primary()
    cora.page.wait_for_selector("li:has-text('Wim')")
    cora.see("team")

    wim = people()
    wim.join(cora.link("Wim"), "phone")
    assert "Your team" not in wim.text()
    cora.page.click("li:has-text('Wim') >> text=Lost device")
    cora.page.wait_for_selector("li:has-text('Wim') .value")
    wim.open("/i/home")
    wim.see("problem")
    wim.page.click("text=Sign in")
    wim.see("in")
    wim.primary()
    wim.see("problem")
    wim.other_device()
    wim.join(cora.link("Wim"), "new phone")

    sam.page.click("text=Where referrals go")
    sam.see("services")
    sam.page.check("[name=service] >> nth=0")
    sam.page.check("[name=organisation] >> nth=0")
    sam.primary()
    sam.see("proposals")
    assert "waits for a second steward" in sam.text()
    sam.page.click("text=Where referrals go")
    assert "Referrals wait until" in sam.text()
    sam.open("/i/proposals")
    sam.page.click("main button:has-text('Stop')")
    sam.see("proposals")
    assert "stopped" in sam.text()
    assert {*sam.examined, *cora.examined, *wim.examined} == {
        *("in", "join", "home", "keys", "team", "organisations", "services", "proposals", "problem")
    }


def test_who_is_not_verified_gets_nothing_and_leaving_leaves_nothing(
    people: Callable[[], Person], running: Any
) -> None:
    sol = people()
    sol.join(first_link(running, "Sol"), "phone")
    sol.unverified()
    sol.open("/i/in")
    with refusing(sol):
        sol.primary()
    sol.see("in")
    sol.open("/i/home")
    sol.see("home")
    for _ in range(3):
        sol.page.keyboard.press("Shift")
    sol.page.wait_for_url(lambda url: "/i/" not in url)
    sol.open("/i/home")
    sol.see("problem")
    assert "not signed in" in sol.text()
    assert sol.page.context.cookies(sol.base) == []


def test_a_mentor_mother_is_asked_and_what_came_of_it_comes_back(
    people: Callable[[], Person], clinician: Any, running: Any
) -> None:
    """Given a service without a system; when a GP refers; then its people take it on, and the GP hears."""
    harbour = Harbour(running)
    with harbour.hosting("mentor-mothers"):
        refer(clinician, "irene-proxy", "mentor-mothers")
    cora, mia = people(), people()
    cora.join(harbour.links["Cora"], "phone")
    cora.primary()  # signs out
    cora.see("in")
    cora.open(f"/i/n/{running.do(harbour.store.links.make(harbour.organisation.id, harbour.now))}")
    cora.see("notice")
    cora.primary()
    cora.see("in")
    cora.primary()
    cora.see("cases")  # where the notice leads, without another press
    open_first(cora)
    assert "Irene" not in cora.page.content()
    does(cora, "open")
    knows = f"knows-{mentor_of(running, harbour, 'Mia')}"
    assert cora.page.locator("form:has(.primary) input[value='check']").count() == 1, "before all else"
    does(cora, "check", **{"both": "no", knows: "no"})
    cora.page.click("button:has-text('Show the name')")
    cora.page.wait_for_selector("text=Irene Castell")
    cora.see("case")
    does(cora, "accept")
    does(cora, "assign", mentor=knows.removeprefix("knows-"))

    mia.join(harbour.links["Mia"], "phone")
    open_first(mia)
    assert "Telephone, The person rings you" in mia.text()
    assert "07700 900123" not in mia.page.content()
    contact = mia.page.locator("form:has(input[value='contact']) [name=way]")
    assert [one.get_attribute("value") for one in contact.all()] == ["phone", "she-calls"]
    mia.page.click("button:has-text('for printing')")
    mia.see("sheet")
    assert "07700 900123" in mia.text()
    mia.page.emulate_media(media="print")
    assert mia.page.locator("text=Irene Castell").is_visible()
    mia.page.emulate_media(media="screen")
    mia.primary()
    mia.see("case")
    mia.page.emulate_media(media="print")
    assert not mia.page.locator("main").is_visible(), "nothing else is printed"
    mia.page.emulate_media(media="screen")
    does(mia, "contact", way="phone", tried="reached")
    does(mia, "engage")
    does(mia, "weekly", way="phone")
    does(mia, "complete", outcome="as-planned")
    mia.open("/i/closed")
    mia.see("closed")
    cora.open("/i/home")
    cora.see("home")

    clinician.launch("irene-proxy")
    told = clinician.text().partition("Earlier forms")[2]
    for words in ("it has arrived", "taken on", "they are in touch", "ended: ended as planned"):
        assert words in told
    assert running.read("Task", patient="irene-proxy")[0]["status"] == "completed"
