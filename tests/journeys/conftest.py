"""Real Chromium against the whole house on loopback; the clinician counts what she has to do."""

import asyncio
import dataclasses
import gzip
import os
import re
import shutil
import sqlite3
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from ipvscreen.cli.demo import Demo, open_demo
from ipvscreen.ipv.packs import Packs
from ipvscreen.ipv.packs_file import Shelf, packs_of
from ipvscreen.parts import data_folder
from ipvscreen.sandbox.switches import Refuse

sys.path.append(str(Path(__file__).parent))  # pytest's importlib mode puts no folder on the path
from leaving import left  # noqa: F401  # a fixture, found by the line above
from serving import people  # noqa: F401  # as above

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
WITH_BACK_FORWARD_CACHE = ["--disable-back-forward-cache"]  # what Playwright adds and users do not have
WAIT = 60_000  # milliseconds; patience on a noisy machine, not a measurement


class Weaker:
    """The app with layers of its defence taken away, for the controls: the names in `without`.

    `script`, `autocomplete`: the page's own; `cookie-deletion`: cookies stay on the ways out; `entrance`:
    pages cannot tell where a browser comes from; `partitioned`, `same-site`, `frame-ancestors`: attributes.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self.without: frozenset[str] = frozenset()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not self.without:
            await self._app(scope, receive, send)
            return
        if "entrance" in self.without:
            kept = [(n, v) for n, v in scope["headers"] if not n.startswith(b"sec-fetch")]
            scope = {**scope, "headers": kept} if scope["method"] == "GET" else scope
        answer: dict[str, Any] = {}
        body = bytearray()

        async def collect(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.update(message)
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, collect)
        weaker = self._body(scope["path"], bytes(body))
        headers = [self._header(n, v) for n, v in answer["headers"] if n != b"content-length"]
        answer["headers"] = [h for h in headers if h[1]] + [(b"content-length", str(len(weaker)).encode())]
        await send(answer)
        await send({"type": "http.response.body", "body": weaker})

    def _body(self, path: str, body: bytes) -> bytes:
        if "script" in self.without and path.endswith("/page.js"):
            return b""
        return body.replace(b' autocomplete="off"', b"") if "autocomplete" in self.without else body

    def _header(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        if name == b"set-cookie":
            return name, self._cookie(value)
        if name == b"content-security-policy" and "frame-ancestors" in self.without:
            return name, b"; ".join(r for r in value.split(b"; ") if not r.startswith(b"frame-ancestors"))
        return name, value

    def _cookie(self, line: bytes) -> bytes:
        if "cookie-deletion" in self.without and re.search(rb"Max-Age=[01];", line):
            return b""
        if "same-site" in self.without:
            line = line.replace(b"SameSite=Lax", b"SameSite=None")
        return line.replace(b"; Partitioned", b"") if "partitioned" in self.without else line


class Running:
    """The demonstration in a thread of its own, with its switches at hand."""

    def __init__(self, **given: Any) -> None:
        """`given` goes to `open_demo`."""
        self._given = given
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self.demo: Demo
        self._thread.start()
        assert self._ready.wait(30), "the sandbox did not start"
        for _ in range(300):  # its apps are ready a moment after its addresses are known
            if self._server.started:
                return
            time.sleep(0.1)
        raise AssertionError("the sandbox does not serve")

    async def _serve(self) -> None:
        async with open_demo((0, 0, 0), **self._given) as self.demo:
            port = next(iter(self.demo.apps))
            self.weaker = self.demo.apps[port] = Weaker(self.demo.apps[port])
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

    @property
    def origin(self) -> str:
        """The app's own."""
        return self.demo.addresses["app"]

    @property
    def rooms(self) -> Any:
        """What the app has joined for its pages."""
        return self.weaker.state.rooms

    @contextmanager
    def changed(self, **rooms: Any) -> Iterator[None]:
        """The app with other rooms for a while, such as a clock that is ahead."""
        before = self.rooms
        self.weaker.state.rooms = dataclasses.replace(before, **rooms)
        try:
            yield
        finally:
            self.weaker.state.rooms = before

    def later(self, by: timedelta) -> Any:
        """The app with its clock ahead for a while."""
        clock = self.rooms.clock
        return self.changed(clock=lambda: clock() + by)

    @contextmanager
    def without(self, *layers: str) -> Iterator[None]:
        """The app with layers of its defence taken away for a while; see `Weaker`."""
        self.weaker.without = frozenset(layers)
        try:
            yield
        finally:
            self.weaker.without = frozenset()

    def everything_stored(self) -> dict[str, list[Any]]:
        """Every row of every table of the app, and every version of every resource in the record."""
        path = self.rooms.store._engine.url.database
        with closing(sqlite3.connect(path)) as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = {name: db.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables}  # noqa: S608
        memory = self.demo.ehr.state.sandbox.memory
        return rows | {"record": [list(memory._versions), [len(v) for v in memory._versions.values()]]}

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run it where the demonstration runs."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

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


@pytest.fixture
def another() -> Iterator[Callable[..., Running]]:
    """Makes a demonstration of a test's own, such as one with a clock of its own."""
    started: list[Running] = []

    def start(**given: Any) -> Running:
        started.append(Running(**given))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def shipped_packs() -> Callable[[Shelf], Packs]:
    """The shipped packs, made of other forms."""
    document = tomllib.loads((data_folder("questionnaires") / "packs.toml").read_text(encoding="utf-8"))
    return lambda shelf: packs_of(document, shelf)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives Chromium; where that is missing a user's machine skips, CI fails."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("IPVSCREEN_CI"):
            pytest.fail("no Chromium: the journeys could not run")
        pytest.skip("no Chromium on this machine (looked for `chromium`)")
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium_options() -> dict[str, Any]:
    """How every Chromium of the journeys is started: the back-forward cache is on, as users have it."""
    return {
        "executable_path": CHROMIUM,
        "args": FLAGS,
        "ignore_default_args": WITH_BACK_FORWARD_CACHE,
    }


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium_options: dict[str, Any]) -> Iterator[Browser]:
    """One Chromium for all journeys."""
    chromium = playwright.chromium.launch(**chromium_options)
    yield chromium
    chromium.close()


@pytest.fixture(scope="session")
def everyday(
    playwright: Playwright,
    chromium_options: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
    running: Running,
) -> Iterator[BrowserContext]:
    """A Chromium with a profile, as somebody uses it every day; it has met the app before.

    A page whose icon is being fetched stays out of the back-forward cache (our icon is `no-store`): a
    profile that has never seen the icon is safer than those of users, and would prove too much.
    """
    profile = tmp_path_factory.mktemp("everyday")
    context = playwright.chromium.launch_persistent_context(profile, **chromium_options)
    context.set_default_timeout(WAIT)
    for _ in range(2):
        context.pages[0].goto(running.demo.addresses["launch"])
        context.pages[0].wait_for_timeout(500)
    yield context
    context.close()


@dataclass
class OtherSite:
    """A server of the tests: plain pages by path, and every request that came in."""

    server: ThreadingHTTPServer
    pages: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    def url(self, path: str, host: str = "localhost") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest.fixture(scope="session")
def other_site() -> Iterator[OtherSite]:
    """A site that knows nothing of the app and has none of its headers; `localhost` is not our site."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """A post that is answered with a page, as our own are not."""
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            site.asked.append((self.path, dict(self.headers)))
            body = site.pages.get(path, "<!doctype html><title>Weather</title><main>Weather</main>").encode()
            self.send_response(200)
            if path.startswith("/kept"):  # in the browser's cache, compressed
                body = gzip.compress(body)
                self.send_header("Content-Encoding", "gzip")
                self.send_header("Cache-Control", "max-age=3600")
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    site = OtherSite(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
    thread = threading.Thread(target=site.server.serve_forever, daemon=True)
    thread.start()
    yield site
    site.server.shutdown()
    site.server.server_close()
    thread.join(10)


@dataclass
class Clinician:
    """A person at the keyboard. Every click and key is one action; typed fields are counted apart."""

    page: Page
    running: Running
    script: bool = True
    examined: bool = True
    title: str = "Health questionnaire"
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

    def open_list(self, clinician: str) -> None:
        """Open the app from the record system without a patient."""
        self.page.goto(self.running.demo.clinic)
        self.page.check(f"input[name='clinician'][value='{clinician}']")
        self.page.click("button:has-text('Open without a patient')")
        self.see("list")

    def see(self, step: str) -> None:
        """The page of that step is shown, titled as every other, and accessible."""
        self.page.wait_for_selector(f"main[data-step='{step}']", timeout=WAIT)
        assert self.page.title() == self.title
        if not self.pages or self.pages[-1] != step:
            self.pages.append(step)
        if not self.script or not self.examined:
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


@pytest.fixture(scope="session")
def make_clinician(request: pytest.FixtureRequest) -> Callable[..., Clinician]:
    """Makes a clinician of a page; `at` is the demonstration, the common one unless told."""

    def made(page: Page, at: Running | None = None, **given: Any) -> Clinician:
        return Clinician(page, at or request.getfixturevalue("running"), **given)

    return made


@pytest.fixture
def clinician(context: BrowserContext, make_clinician: Callable[..., Clinician]) -> Clinician:
    """A clinician with a fresh browser."""
    return make_clinician(context.new_page())
