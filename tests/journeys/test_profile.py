"""A whole visit in a fresh browser profile; then Chromium quits, and every file of the profile is searched.

Every string that is shown or typed is a canary. The ids in the paths of pages, and what SMART puts into the
query of a launch and a callback, are in the browser's history by design: they open nothing once used.
"""

import base64
import json
import re
import secrets
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest
from playwright.sync_api import BrowserContext, Playwright, Response

from ipvscreen.ipv.packs_file import Shelf
from ipvscreen.parts import data_folder
from ipvscreen.sandbox import switches
from ipvscreen.sdc.load import load_form

MARK = "Qz7vXk2Jw9Lt"  # every canary of words begins with it: looked for first, for speed
YES, FIRST = "LA33-6", "76500-8"
NO_WORDS = frozenset(
    {"resourceType", "id", "reference", "url", "system", "code", "use", "linkId", "version", "name", "status"}
    | {"type", "gender", "birthDate", "operator", "enableBehavior", "question", "subjectType", "language"}
    | {"valueCode", "valueUrl", "valueDate", "availableStartTime", "availableEndTime", "daysOfWeek"}
)
SINKS = ("title", "body", "typed", "stored", "address", "posted")
OF_A_VISIT = {"start", "questions", "respond", "danger", "refer", "share", "sent", "done", "finish"}


@dataclass
class Canaries:
    """Unique random strings, each with the place it was put in."""

    made: dict[str, str] = field(default_factory=dict)

    def new(self, where: str) -> str:
        """A new one, which no search finds by chance."""
        canary = f"{MARK}{secrets.token_hex(6)}"
        self.made[canary] = where
        return canary

    def into(self, value: Any, where: str, also: frozenset[str] = frozenset()) -> Any:
        """A resource with a canary of its own in every string that is words."""
        if isinstance(value, dict):
            fixed = NO_WORDS - also
            return {
                k: v if k in fixed else self.into(v, f"{where}.{k}", also)  # a name is a key in some types
                for k, v in value.items()
            }
        if isinstance(value, list):
            return [self.into(one, where, also) for one in value]
        return self.new(where) if isinstance(value, str) else value


def spellings(canary: str) -> Iterator[bytes]:
    """The ways in which a browser may have written it down."""
    for text in {
        canary,
        canary.upper(),
        canary.lower(),
        quote(canary),
        quote_plus(canary),
        json.dumps(canary)[1:-1],
    }:
        yield text.encode()
        yield text.encode("utf-16-le")
        yield text.encode("utf-16-be")
    for shift in range(3):  # base64 of it in the middle of something, without the characters at its ends
        yield base64.b64encode(b"\0" * shift + canary.encode())[4:-4]


def contents(profile: Path) -> Iterator[tuple[str, bytes]]:
    """Every file, and what is compressed in it."""
    for path in sorted(profile.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        body = path.read_bytes()
        yield str(path.relative_to(profile)), body
        for found in re.finditer(rb"\x1f\x8b\x08", body):
            try:
                yield f"{path.name}, unpacked", zlib.decompressobj(31).decompress(body[found.start() :])
            except zlib.error:
                continue


def search(profile: Path, canaries: set[str]) -> dict[str, set[str]]:
    """The canaries that were found, each with the files it was found in."""
    marks = set(spellings(MARK))
    marked = {canary for canary in canaries if canary.startswith(MARK)}
    found: dict[str, set[str]] = {}
    for name, body in contents(profile):
        near = marked if any(mark in body for mark in marks) else set()
        for canary in near | (canaries - marked):
            if any(spelling in body for spelling in spellings(canary)):
                found.setdefault(canary, set()).add(name)
    return found


@dataclass
class House:
    """The house with canaries in everything it shows; what was really sent to the browser is kept."""

    canaries: Canaries
    number: str
    sent: list[str] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)

    def note(self, answer: Response) -> None:
        """A page as it came, and the cookies with it."""
        for header in answer.headers_array():
            if header["name"].lower() == "set-cookie":
                value = header["value"].partition("=")[2].partition(";")[0]
                self.secrets |= {value} if len(value) > 20 else set()
        if answer.request.resource_type == "document" and answer.status not in (302, 303):
            self.sent.append(answer.text())


@pytest.fixture
def house(
    running: Any, monkeypatch: pytest.MonkeyPatch, shipped_packs: Callable[..., Any]
) -> Iterator[House]:
    """Canaries in patient, clinician, services, questions and the record system's own words."""
    canaries = Canaries()
    store = running.rooms.store.services
    memory = running.demo.ehr.state.sandbox.memory
    services = running.do(store.all())
    people = [memory.current(*who).body for who in (("Patient", "anna-woman"), ("Practitioner", "dr-osei"))]
    now = running.rooms.clock()
    for body in people:
        memory.put(canaries.into(body, body["resourceType"], frozenset({"name"})), now)
    running.do(store.replace([canaries.into(s, "Service", frozenset({"name"})) for s in services]))
    monkeypatch.setitem(switches._WORDS, 500, ("exception", canaries.new("OperationOutcome")))
    files = {p.stem: json.loads(p.read_text()) for p in sorted(data_folder("questionnaires").glob("*.json"))}
    bodies = {stem: body for stem, body in files.items() if body.get("resourceType") == "Questionnaire"}
    loaded = [load_form(canaries.into(body, stem)) for stem, body in bodies.items()]
    forms = {form.name: form for form in loaded}
    with running.changed(forms=forms, packs=shipped_packs(Shelf(forms))):
        yield House(canaries, f"07700 9{secrets.randbelow(10**5):05}")
    running.do(store.replace(services))
    for body in people:
        memory.put(body, running.rooms.clock())


def visit(c: Any, house: House, running: Any) -> None:
    """A yes, a write that is refused, one without an answer, a form with mistakes, and a referral."""
    page, canaries = c.page, house.canaries
    page.goto(f"{running.demo.addresses['launch']}?patient=anna-woman")
    c.see("start")
    c.door("ask")
    c.see("questions")
    c.choose(FIRST, YES)
    running.switches.refuse[("POST", "*")] = 500
    c.primary()
    c.see("respond")
    c.answer({"safe-today": "yes", "neck": "no", "suicide": "no", "help-now": "someone-to-talk-to"})
    c.primary()
    c.see("done")
    assert "NOT recorded" in c.text()
    running.switches.refuse.clear()
    without_an_answer(c, running)
    assert "Not yet recorded" in c.text()
    page.click("a[href$='/refer']")
    c.see("refer")
    c.choose("way", "phone")
    c.type("number", canaries.new("typed.mistaken"))
    c.type("times", canaries.new("typed.times"))
    c.primary()
    page.wait_for_selector(".mistakes")
    c.choose("service", "specialist")
    c.type("number", house.number)
    page.click("a[href$='/share']")
    c.see("share")
    c.type("decided_by", canaries.new("typed.decided_by"))
    c.choose("told", "no")
    c.type("why_not_told", canaries.new("typed.why_not_told"))
    c.primary()
    page.wait_for_selector(".mistakes")
    page.click("a[href$='/refer']")
    c.see("refer")
    c.choose("service", "specialist")
    c.choose("way", "phone")
    c.type("number", house.number)
    c.choose("out", "yes")
    c.choose("back", "yes")
    c.primary()
    c.see("sent")
    visit_id = page.url.split("/")[-2]
    grant = running.do(running.rooms.store.visits.grant(visit_id))
    house.secrets |= {grant.access} | ({grant.refresh} if grant.refresh else set())
    page.click("[data-exit]")
    page.wait_for_url(re.compile("^http://localhost"))


class NoAnswer(httpx.AsyncHTTPTransport):
    """What a client sees of a record system that does not answer a write within the time."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            raise httpx.ReadTimeout("no answer", request=request)
        return await super().handle_async_request(request)


def without_an_answer(c: Any, running: Any) -> None:
    """Try again, and no answer comes."""
    silent = httpx.AsyncClient(transport=NoAnswer())
    ehrs = {name: replace(entry, http=silent) for name, entry in running.rooms.ehrs.items()}
    with running.changed(ehrs=ehrs), c.page.expect_navigation():
        c.primary()
    running.do(silent.aclose())
    c.see("done")


def control(context: BrowserContext, other_site: Any) -> dict[str, str]:
    """A page without protection; answers a canary for each place where a browser keeps something."""
    kept = {sink: f"{MARK}{secrets.token_hex(6)}" for sink in SINKS}
    other_site.pages["/kept"] = (
        f"<!doctype html><title>{kept['title']}</title><p>{kept['body']}</p>"
        f"<form action='/kept'><input name=email id=a></form>"
        f"<form action='/kept' method=post autocomplete=off><input name=note id=b autocomplete=off></form>"
    )
    page = context.new_page()
    page.goto(other_site.url(f"/kept?{kept['address']}"))
    page.evaluate("value => localStorage.setItem('k', value)", kept["stored"])
    page.click("#a")
    page.keyboard.type(kept["typed"])
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    page.wait_for_timeout(500)
    page.click("#b")
    page.keyboard.type(kept["posted"])
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    page.wait_for_timeout(500)
    return kept


def opened(playwright: Playwright, profile: Path, options: dict[str, Any]) -> BrowserContext:
    context = playwright.chromium.launch_persistent_context(profile, **options)
    context.set_default_timeout(60_000)
    return context


def test_nothing_of_a_visit_is_in_the_profile(
    playwright: Playwright,
    chromium_options: dict[str, Any],
    tmp_path: Path,
    running: Any,
    house: House,
    other_site: Any,
    make_clinician: Any,
) -> None:
    """Thirty canaries and more: none is in any file; those of a page without protection are."""
    context = opened(playwright, tmp_path, chromium_options)
    context.on("response", lambda r: house.note(r) if r.url.startswith(running.origin) else None)
    visit(make_clinician(context.new_page(), examined=False), house, running)
    kept = control(context, other_site)
    context.pages[0].wait_for_timeout(1100)  # the cookie that comes with the way out lasts a second
    assert [c["name"] for c in context.cookies(running.origin)] == []
    context.close()

    tokens = set(re.findall(r'name="token" value="([^"]+)"', "".join(house.sent)))
    typed = {c for c, where in house.canaries.made.items() if where.startswith("typed.")}
    shown = {c for c in house.canaries.made if any(c in page for page in house.sent)} | typed
    assert {house.canaries.made[c].partition(".")[0] for c in shown} >= {
        "Patient",
        "Service",
        "hark",
        "quick",
        "OperationOutcome",
        "typed",
    }
    assert len(shown) >= 30
    assert len(tokens) >= 8
    assert len(house.secrets) >= 3  # the access token, the launch's cookie, the visit's cookie

    hits = search(tmp_path, shown | tokens | house.secrets | {house.number})
    assert {(house.canaries.made.get(c, c[:12]), *where) for c, where in hits.items()} == set()
    found = search(tmp_path, set(kept.values()))
    assert {sink for sink, canary in kept.items() if canary not in found} == set()
    assert any("unpacked" in name for name in found[kept["body"]])

    titles, addresses = history(tmp_path, running.origin)
    assert titles - addresses <= {"Health questionnaire", "Clinic list", ""}  # of a wiped page: its address
    again = opened(playwright, tmp_path, chromium_options)
    for address in addresses:
        page = again.new_page()
        page.goto(address)
        step = page.get_attribute("main", "data-step")
        assert step not in OF_A_VISIT, address
        page.close()
    again.close()


def test_without_the_script_a_refused_form_is_not_in_the_profile_either(
    playwright: Playwright,
    chromium_options: dict[str, Any],
    tmp_path: Path,
    running: Any,
    house: House,
    other_site: Any,
    make_clinician: Any,
) -> None:
    """A form with mistakes is answered with a redirect; the body of one answered with a page stays."""
    context = opened(playwright, tmp_path, chromium_options)
    with running.without("script"):
        visit(make_clinician(context.new_page(), examined=False), house, running)
    kept = control(context, other_site)
    context.close()

    typed = {c for c, where in house.canaries.made.items() if where.startswith("typed.")}
    assert len(typed) == 4
    assert search(tmp_path, typed | {house.number}) == {}
    assert any("Sessions" in name for name in search(tmp_path, {kept["posted"]})[kept["posted"]])


def test_a_browser_that_is_closed_in_the_middle_of_a_visit_takes_up_no_cookie_of_ours(
    playwright: Playwright,
    chromium_options: dict[str, Any],
    tmp_path: Path,
    running: Any,
    house: House,
) -> None:
    """Without exit. Chromium writes cookies of a session too, sealed, and drops them when it starts again."""
    context = opened(playwright, tmp_path, chromium_options)
    context.on("response", lambda r: house.note(r) if r.url.startswith(running.origin) else None)
    page = context.new_page()
    page.goto(f"{running.demo.addresses['launch']}?patient=anna-woman")
    page.wait_for_selector("main[data-step=start]")
    address = page.url
    page.wait_for_timeout(1100)  # as above
    assert [c["expires"] for c in context.cookies(running.origin)] == [-1]
    context.close()

    assert {row for row in cookie_rows(tmp_path) if row[1]} == set(), "one of ours that outlives the browser"
    assert search(tmp_path, house.secrets) == {}
    again = opened(playwright, tmp_path, chromium_options)
    assert again.cookies(running.origin) == []
    page = again.new_page()
    page.goto(address)
    assert page.get_attribute("main", "data-step") == "problem"
    again.close()
    assert cookie_rows(tmp_path) == set()


def cookie_rows(profile: Path) -> set[tuple[str, int]]:
    """Name of each cookie of the app in the profile's file, and whether it outlives the browser."""
    with closing(sqlite3.connect(profile / "Default" / "Cookies")) as db:
        rows = db.execute(
            "SELECT name, is_persistent FROM cookies WHERE name LIKE '\\_\\_Host-%' ESCAPE '\\'"
        )
        return set(rows.fetchall())


def history(profile: Path, origin: str) -> tuple[set[str], set[str]]:
    """Titles and addresses of the app's pages in the list of visited pages."""
    with closing(sqlite3.connect(profile / "Default" / "History")) as db:
        rows = db.execute("SELECT title, url FROM urls WHERE url LIKE ?", (f"{origin}%",)).fetchall()
    return {f"http://{title}" if "/v/" in title else title for title, _ in rows}, {url for _, url in rows}
