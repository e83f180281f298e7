"""People of services and stewards with a key each, an organisation with its inbox, and what they do there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
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


class Harbour:
    """An organisation of a coordinator and two mentors, whose inbox has the referrals of a service."""

    made = count()  # what was decided last holds: each decides after the one before

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
        decided = self.now - timedelta(hours=90) + timedelta(minutes=next(self.made))
        here = Proposal(
            id=new_id(),
            kind=Kind.INBOX,
            about=service,
            value=self.organisation.id,
            by=self.sam.id,
            proposed_at=decided,
            agreed_by="sol",
            agreed_at=decided,
        )
        self._decided(here)
        yield
        service_fhir = self.running.demo.addresses["service_fhir"]
        later = {"id": new_id(), "agreed_at": decided + timedelta(seconds=30)}
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


def mentor_of(running: Any, harbour: Harbour, name: str) -> str:
    """The id by which the pages know that member."""
    members = running.do(harbour.store.members.of(harbour.organisation.id))
    return str(next(one.id for one in members if one.name == name))
