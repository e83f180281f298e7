"""Real Chromium against the whole house on loopback; the clinician counts what she has to do."""

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from ipvscreen.cli.demo import Demo, open_demo
from ipvscreen.sandbox.switches import Refuse

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT = 15_000  # milliseconds; a limit for a noisy machine, not a measurement


class Running:
    """The demonstration in a thread of its own, with its switches at hand."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self.demo: Demo
        self._thread.start()
        assert self._ready.wait(30), "the sandbox did not start"

    async def _serve(self) -> None:
        async with open_demo((0, 0, 0)) as self.demo:
            self._server = self.demo.server()
            self._ready.set()
            await self.demo.serve(self._server)

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "the sandbox did not end"
        self._loop.close()

    @property
    def switches(self) -> Any:
        """What makes the sandbox record system fail."""
        return self.demo.ehr.state.sandbox.switches

    def refuse(self, status: int, after: int) -> Refuse:
        """A refusal after so many calls that pass."""
        return Refuse(status, after=after)

    def read(self, kind: str, base: str = "ehr_fhir", **params: str) -> list[dict[str, Any]]:
        """Every resource of that type, read with the sandbox's own token."""
        addresses = self.demo.addresses
        answer = httpx.get(
            f"{addresses[base]}/{kind}",
            params=params,
            headers={"Authorization": f"Bearer {addresses['token']}"},
        )
        answer.raise_for_status()
        return [entry["resource"] for entry in answer.json().get("entry", [])]


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    """One demonstration for all journeys; each takes a patient of its own."""
    server = Running()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; where it is missing a user's machine skips, CI fails."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("IPVSCREEN_CI"):
            pytest.fail("no Chromium: the journeys could not run")
        pytest.skip("no Chromium on this machine (looked for `chromium`)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@dataclass
class Clinician:
    """A person at the keyboard. Every click and key is one action; typed fields are counted apart."""

    page: Page
    running: Running
    script: bool = True
    actions: int = 0
    typed: int = 0
    pages: list[str] = field(default_factory=list)

    def launch(self, patient: str, clinician: str = "dr-osei") -> None:
        """Open the app from the record system's clinic list; this is not counted."""
        self.page.goto(self.running.demo.clinic)
        self.page.check(f"input[name='clinician'][value='{clinician}']")
        self.page.check(f"input[name='patient'][value='{patient}']")
        self.page.click("button:has-text('Launch')")
        self.see("start")

    def see(self, step: str) -> None:
        """The page of that step is shown, titled as every other, and accessible."""
        self.page.wait_for_selector(f"main[data-step='{step}']", timeout=WAIT)
        assert self.page.title() == "Health questionnaire"
        if not self.pages or self.pages[-1] != step:
            self.pages.append(step)
        if not self.script:
            return  # axe is a script, and these are the pages that it has seen with script on
        report = Axe().run(self.page)
        assert report.violations_count == 0, report.generate_report()

    def door(self, name: str) -> None:
        """Go through a door of the first page."""
        self._act(lambda: self.page.click(f"button[name=door][value='{name}']"))

    def choose(self, name: str, value: str) -> None:
        """Tick or choose one control."""
        self._act(lambda: self.page.check(f"input[name='{name}'][value='{value}']"))

    def type(self, name: str, text: str) -> None:
        """Fill in one field; counted apart from the actions."""
        self.typed += 1
        self.page.fill(f"[name='{name}']", text)

    def press(self, key: str) -> None:
        """One key."""
        self._act(lambda: self.page.keyboard.press(key))

    def primary(self) -> None:
        """The one primary button of the page."""
        assert self.page.locator("main .button.primary").count() == 1
        self._act(lambda: self.page.click("main .button.primary"))

    def click(self, selector: str) -> None:
        """Any other control."""
        self._act(lambda: self.page.click(selector))

    def answer(self, answers: dict[str, str]) -> None:
        """Answer items by their linkId."""
        for link_id, value in answers.items():
            self.choose(link_id, value)

    def tab_to(self, selector: str) -> None:
        """Tab until the control has the focus; not counted."""
        for _ in range(80):
            if self.page.locator(selector).evaluate("e => e === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        pytest.fail(f"the keyboard does not reach {selector}")

    def wait_until_received(self) -> None:
        """Look again until the page says that the service has it."""
        for _ in range(50):
            if "Received by" in self.text():
                return
            self.page.wait_for_timeout(200)
            self.page.reload()
        pytest.fail(f"no receipt: {self.text()}")

    def text(self) -> str:
        """What stands on the page, what is folded included."""
        return " ".join(self.page.text_content("main").split())

    def _act(self, action: Any) -> None:
        self.actions += 1
        action()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of its own."""
    fresh = browser.new_context()
    fresh.set_default_timeout(WAIT)
    yield fresh
    fresh.close()


@pytest.fixture
def make_clinician(running: Running) -> Callable[..., Clinician]:
    """Makes a clinician of a page."""
    return lambda page, **given: Clinician(page, running, **given)


@pytest.fixture
def clinician(context: BrowserContext, make_clinician: Callable[..., Clinician]) -> Clinician:
    """A clinician with a fresh browser."""
    return make_clinician(context.new_page())
