"""From the first link to a second key and back in, by Chromium's own authenticator; axe sees every page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.lasting import INVITATION
from ipvscreen.ipv.members import Member, Role
from ipvscreen.store.members import new_id, new_invitation

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
        contexts[-1].set_default_timeout(15_000)
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
