"""Services and stewards with Chromium's own authenticator, from link to last step; axe sees every page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.lasting import INVITATION
from ipvscreen.ipv.members import Member, Organisation, Role
from ipvscreen.ipv.proposals import Kind, Proposal
from ipvscreen.store.members import new_id, new_invitation
from ipvscreen.store.spent import Once

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Person:
    """Somebody with a browser and, in it, an authenticator; `examined` are the pages that axe has seen."""

    def __init__(self, page: Page, running: Any) -> None:
        self.page = page
        self.base = running.demo.addresses["inbox"].removesuffix("/i/in")
        self.examined: list[str] = []
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        self.device = self.new_device()

    def new_device(self) -> str:
        made: str = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})[
            "authenticatorId"
        ]
        return made

    def other_device(self) -> None:
        """The one before is away; a new one is at hand."""
        self._session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self.device})
        self.device = self.new_device()

    def unverified(self) -> None:
        """Finger, face and PIN fail from now on."""
        self._session.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self.device, "isUserVerified": False}
        )

    def open(self, path: str) -> None:
        self.page.goto(f"{self.base}{path}")

    def see(self, step: str) -> None:
        """The page of that step is shown, titled as every other, and accessible."""
        self.page.wait_for_selector(f"main[data-step='{step}']")
        assert self.page.title() == "Health questionnaire"
        report = Axe().run(self.page)
        assert report.violations_count == 0, report.generate_report()
        self.examined.append(step)

    def primary(self) -> None:
        assert self.page.locator("main .button.primary").count() == 1
        self.page.click("main .button.primary")

    def join(self, link: str, label: str) -> None:
        self.page.goto(link)
        self.see("join")
        self.page.fill("[name=label]", label)
        self.primary()
        self.see("home")

    def link(self, name: str) -> str:
        """What stands beside that name on the page."""
        one = self.page.locator("li", has_text=name).locator(".value").last
        return one.inner_text().strip()

    def text(self) -> str:
        return " ".join((self.page.text_content("main") or "").split())


@pytest.fixture
def people(browser: Browser, running: Any) -> Iterator[Callable[[], Person]]:
    """Makes people, each with a browser profile of their own."""
    contexts = []

    def person() -> Person:
        contexts.append(browser.new_context())
        contexts[-1].set_default_timeout(60_000)
        return Person(contexts[-1].new_page(), running)

    yield person
    for context in contexts:
        context.close()


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


class Harbour:
    """An organisation of a coordinator and two mentors, whose inbox has the referrals of a service."""

    def __init__(self, running: Any) -> None:
        self.running, self.store = running, running.rooms.store
        self.now = running.rooms.clock()
        self.organisation = Organisation(new_id(), f"Harbour {new_id()[:6]}", "020 7946 0123")
        self.sam = Member(new_id(), Role.STEWARD, "Sam")
        self.links: dict[str, str] = {}
        cora = Member(new_id(), Role.COORDINATOR, "Cora", self.organisation.id)
        invitation = self._invitation(cora)
        added = self.store.doing(Act.ORGANISATION_ADDED, self.now).organisations
        running.do(added.add(self.sam, self.organisation, cora, invitation, self._once()))
        for name in ("Mia", "Moe"):
            mentor = Member(new_id(), Role.WORKER, name, self.organisation.id)
            invited = self.store.doing(Act.INVITED, self.now).members
            running.do(invited.invite(cora, mentor, self._invitation(mentor), self._once()))

    @contextmanager
    def hosting(self, service: str) -> Iterator[None]:
        """Two stewards have decided so, long ago; afterwards they decide that it is as before."""
        here = Proposal(
            id=new_id(),
            kind=Kind.INBOX,
            about=service,
            value=self.organisation.id,
            by=self.sam.id,
            proposed_at=self.now - timedelta(hours=90),
            agreed_by="sol",
            agreed_at=self.now - timedelta(hours=90),
        )
        self._decided(here)
        yield
        service_fhir = self.running.demo.addresses["service_fhir"]
        later = {"id": new_id(), "agreed_at": self.now - timedelta(hours=80)}
        self._decided(replace(here, kind=Kind.ENDPOINT, value=service_fhir, **later))

    def _decided(self, proposal: Proposal) -> None:
        proposals = self.store.doing(Act.PROPOSED, self.now).proposals
        self.running.do(proposals.propose(self.sam, proposal, self._once()))

    def _invitation(self, member: Member) -> Any:
        made = new_invitation(member.id, self.now + INVITATION)
        inbox = self.running.demo.addresses["inbox"]
        self.links[member.name] = inbox.replace("/i/in", f"/i/join/{made.code}")
        return made

    def _once(self) -> Once:
        return Once(new_id(), self.now, self.now + INVITATION)


def refer(clinician: Any, patient: str, service: str) -> None:
    """Told without being asked, and referred with agreement; until the receipt is there."""
    clinician.launch(patient)
    clinician.door("told")
    clinician.see("respond")
    clinician.answer({"safe-today": "yes", "neck": "no", "suicide": "no"})
    clinician.primary()
    clinician.see("refer")
    clinician.choose("service", service)
    clinician.choose("way", "phone")
    clinician.type("number", "07700 900123")
    clinician.choose("out", "yes")
    clinician.choose("back", "yes")
    clinician.primary()
    clinician.see("sent")
    clinician.wait_until_received()


def open_first(person: Person) -> None:
    """The list, and the first case of it."""
    person.open("/i/cases")
    person.see("cases")
    person.page.click("main ul >> nth=0 >> a >> nth=0")
    person.see("case")


def does(person: Person, event: str, **chosen: str) -> None:
    """Fill in the form of that step, and send it."""
    form = person.page.locator(f"form:has(input[value='{event}'])")
    fold = person.page.locator(f"details:not([open]):has(input[value='{event}']) > summary")
    if fold.count():
        fold.click()
    for name, value in chosen.items():
        form.locator(f"[name='{name}'][value='{value}']").check()
    with person.page.expect_navigation():
        form.locator("button").click()
    person.see("case")


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
    cora.primary()
    cora.see("home")
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
    open_first(mia)
    mia.page.click("button:has-text('Show the name')")
    mia.page.wait_for_selector("text=Leyla Demir")
    moe.open("/i/cases")
    moe.see("cases")
    assert moe.page.locator("main li a[href*='/i/cases/']").count() == 1, "what Mia has she does not see"


def mentor_of(running: Any, harbour: Harbour, name: str) -> str:
    """The id by which the pages know that member."""
    members = running.do(harbour.store.members.of(harbour.organisation.id))
    return str(next(one.id for one in members if one.name == name))
