"""No word of the topic where a bystander, a browser, a portal or a log could show it."""

import asyncio
import html
import json
import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from ipvscreen.parts import data_folder
from ipvscreen.web.templates import static_files

WORDS = (
    *("abuse", "abused", "violence", "violent", "domestic", "partner", "victim", "hark", "ipv", "dv"),
    *("rape", "screening", "battered", "perpetrator", "refuge", "ipvscreen"),
)
# The short ones as whole words, wherever a word ends (also at "_" and "-"); the long ones anywhere: they
# also hide in words joined by capitals.
TOPIC = re.compile(
    rf"(?<![a-z0-9])(?:{'|'.join(WORDS)})s?(?![a-z0-9])|abus|violen|domestic|partner|victim|perpetrat|batter",
    re.IGNORECASE,
)
# Random values, which could spell anything; a name in camel case has no digit, "-" or "_" and stays.
OPAQUE = re.compile(r"(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*[\d_-])[\w-]{20,}")

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
POSITIVE = dict.fromkeys(HARK, NO) | {"76501-6": YES}
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
QUICK = {"safe-today": "yes", "neck": "no", "children-or-pregnant": "children", "flag": "yes"}
CONTACT = {"service": "mentor-mothers", "way": "phone", "number": "07700 900123"}
SHEET = CONTACT | {"out": "yes", "back": "yes"}
SHARED = CONTACT | {"decided_by": "Dr Osei, GP", "basis": "child", "told": "no", "why_not_told": "not now"}
# Pages that may be seen by whoever is in the room, as far as they are not folded.
IN_SIGHT = {"start", "not-now", "sent", "finish", "problem", "cover"}
# What a portal may show of the record, whatever its labels say.
SHOWN = ("Flag", "Task", "ServiceRequest", "Consent", "Provenance", "Procedure", "Device", "Communication")


def hits(text: object) -> list[str]:
    """The words of the topic in it."""
    return TOPIC.findall(OPAQUE.sub("*", str(text)))


class Watch:
    """Everything of an exchange that others than the two of them can see."""

    def __init__(self) -> None:
        self.seen: dict[str, set[str]] = {}
        self.bodies: dict[str, str] = {}

    def note(self, where: str, *texts: object) -> None:
        self.seen.setdefault(where, set()).update(map(str, texts))

    def on(self, client: httpx.AsyncClient, who: str) -> None:
        """Watch this client from now on."""

        async def asked(request: httpx.Request) -> None:
            self.note(f"{who}: request line", f"{request.method} {request.url}")
            self.note(f"{who}: request header", *_lines(request.headers))

        async def answered(response: httpx.Response) -> None:
            self.note(f"{who}: response header", *_lines(response.headers))
            if who == "browser" and response.headers.get("content-type", "").startswith("text/html"):
                self._page(response.request.url, (await response.aread()).decode())

        client.event_hooks = {"request": [asked], "response": [answered]}

    def _page(self, url: httpx.URL, text: str) -> None:
        if url.host != "app.test":
            return
        self.note("page: title", *re.findall(r"<title>(.*?)</title>", text))
        self.note("page: address", *re.findall(r'(?:href|action|src|url|data-draft)="?([^">]+)', text))
        self.note("page: comment", *re.findall(r"<!--(.*?)-->", text, re.DOTALL))
        step = re.search(r'data-step="([a-z-]+)"', text)
        name = step[1] if step else "blank"
        self.bodies[name] = text
        if name in IN_SIGHT:
            self.note(f"page: {name} in sight", _in_sight(text))

    def found(self) -> dict[str, list[str]]:
        """By place, what should not be there."""
        return {where: found for where, texts in self.seen.items() if (found := hits("\n".join(texts)))}


def _lines(headers: httpx.Headers) -> Iterator[str]:
    return (f"{name}: {value}" for name, value in headers.multi_items())


def _in_sight(text: str) -> str:
    """The words of a page without what is folded."""
    unfolded = re.sub(r"<details>(.*?)</summary>.*?</details>", r"\1", text, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", " ", unfolded))


@pytest.fixture
def watch(house: Any, visitors: Callable[[], Any]) -> Watch:
    """On every browser and on the app's own requests to the record system and the service."""
    made = Watch()
    made.on(house.app.state.rooms.http, "app")
    return made


# --- visits ------------------------------------------------------------------------------------------------


async def asked(visitor: Any, answers: dict[str, str], patient: str = "anna-woman", **launch: str) -> None:
    await visitor.launch(patient, **launch)
    await visitor.post({"door": "ask"})
    await visitor.post(answers)


async def positive(visitor: Any) -> None:
    await asked(visitor, POSITIVE)
    await visitor.post(QUICK)
    await visitor.get("done")
    await visitor.get("danger")
    await visitor.post({"call": "made"})
    await visitor.get("refer")
    await visitor.post(SHEET)
    await visitor.get("sent")
    await visitor.get("finish")
    await visitor.post({"action": "close"})


async def shared(visitor: Any) -> None:
    await visitor.launch("helen-woman")
    await visitor.post({"door": "told"})
    await visitor.post(QUICK | {"recording": "conversation"})
    await visitor.get("share")
    await visitor.post(SHARED)
    assert visitor.step == "sent"


async def negative(visitor: Any) -> None:
    await asked(visitor, NEGATIVE)
    await visitor.post({"action": "close"})


async def declined(visitor: Any) -> None:
    await asked(visitor, {"other": "declined"})


async def never(visitor: Any) -> None:
    await asked(visitor, {"other": "never-had-a-partner"})


async def not_now(visitor: Any) -> None:
    await visitor.launch("anna-woman")
    await visitor.post({"door": "not-now"})
    await visitor.post({"action": "follow-up", "due": "2026-04-01"})
    await visitor.post({"action": "not-done", "reason": "never-had-a-partner"})


async def past(visitor: Any) -> None:
    await visitor.launch("david-man", "dr-lindqvist")
    await visitor.post({"door": "from-record"})
    await visitor.post({"recording": "full", "flag": "yes"})


async def antenatal(visitor: Any) -> None:
    await asked(visitor, {"aas-1": "no"}, "maya-maternity")


async def ways_out(visitor: Any) -> None:
    await asked(visitor, POSITIVE)
    await visitor.get("cover")
    await asked(visitor, POSITIVE)
    await visitor.get("exit")
    for name in ("page.css", "page.js", "icon.svg"):
        assert (await visitor.browser.get(f"/s/{name}")).status_code == 200


async def mistakes(visitor: Any) -> None:
    await visitor.browser.get("/nothing")
    await visitor.browser.get("/launch", params={"iss": "https://elsewhere.test", "launch": "x"})
    await visitor.browser.get("/callback", params={"state": "x"})
    await visitor.launch("anna-woman")
    await visitor.get("refer")
    await visitor.get("start")
    await visitor.post({"door": "window"})
    await visitor.get("start")
    await visitor.browser.post(f"/v/{visitor.visit}/start", data={"door": "ask"})
    visitor.browser.cookies.clear()
    await visitor.get("start")


async def refused(visitor: Any) -> None:
    """With a record system that says no."""
    await asked(visitor, POSITIVE)
    await visitor.post(QUICK)
    await visitor.get("done")
    await visitor.get("refer")
    await visitor.post(SHEET)


Visit = Callable[[Any], Awaitable[None]]
VISITS: tuple[Visit, ...] = (
    positive, shared, negative, declined, never, not_now, past, antenatal, ways_out, mistakes, refused,
)  # fmt: skip


@asynccontextmanager
async def watched(visitors: Callable[[], Any], watch: Watch) -> AsyncIterator[Any]:
    visitor = visitors()
    watch.on(visitor.browser, "browser")
    yield visitor


async def all_of_them(house: Any, visitors: Callable[[], Any], watch: Watch) -> None:
    """Every kind of visit, each in a browser of its own; the last with a record system that fails."""
    for visit in VISITS:
        if visit is refused:
            house.ehr.state.sandbox.switches.refuse[("POST", "*")] = 500
            house.charity.state.sandbox.switches.refuse = 503
        async with watched(visitors, watch) as visitor:
            await visit(visitor)
        await house.app.state.rooms.dispatcher.run_once()


async def test_nothing_around_a_page_and_nothing_between_systems_tells_the_topic(
    house: Any, visitors: Callable[[], Any], watch: Watch
) -> None:
    await all_of_them(house, visitors, watch)

    assert watch.found() == {}
    assert watch.seen["page: title"] == {"Health questionnaire"}
    everywhere = {"request line", "request header", "response header"}
    assert set(watch.seen) >= {f"{who}: {what}" for who in ("app", "browser") for what in everywhere}
    assert {f"page: {name} in sight" for name in IN_SIGHT} <= set(watch.seen), "each was looked at"
    assert len(watch.seen["app: request line"]) > 100
    lines = "\n".join(watch.seen["app: request line"])
    assert "https://service.test/fhir/$process-message" in lines
    cookies = re.findall(r"set-cookie: ([^=]+)=", "\n".join(watch.seen["browser: response header"]))
    assert cookies
    assert all(re.fullmatch(r"__Host-[0-9a-f]{16}", name) for name in cookies), "opaque names"


async def test_the_page_of_questions_does_hold_such_words(
    house: Any, visitors: Callable[[], Any], watch: Watch
) -> None:
    """The control: where they belong they are found, and in each place that is watched they would be."""
    async with watched(visitors, watch) as visitor:
        await visitor.launch("anna-woman")
        await visitor.post({"door": "ask"})
        assert {"partner", "abuse"} <= {word.lower() for word in hits(watch.bodies["questions"])}
        assert watch.found() == {}
        await visitor.browser.get("/v/domestic?hark=1", headers={"X-Topic": "dv_screening"})

    assert set(watch.found()) == {"browser: request line", "browser: request header"}


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("DomesticAbuseTask", True),
        ("the IPV form", True),
        ("ipv_form", True),
        ("h-a-r-k", False),
        ("harkness, therapeutic, scrape, DVD", False),
        ("/fhir/QuestionnaireResponse?identifier=urn", False),
        ("Rape", True),
        ("refuges", True),
        ("state=ab-dv-CdEf0123456789ghij", False),
    ],
)
def test_words_are_told_from_parts_of_words(text: str, hidden: bool) -> None:
    assert bool(hits(text)) is hidden


# --- logs --------------------------------------------------------------------------------------------------


async def test_no_log_line_tells_the_topic_or_the_patient(
    house: Any,
    visitors: Callable[[], Any],
    watch: Watch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)

    await all_of_them(house, visitors, watch)

    printed = "".join(capfd.readouterr())
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert "page.problem" in printed, "the app's own lines are here"
    assert "https://ehr.test/fhir" in logged, "and those of its libraries"
    assert hits(printed) == []
    # The driver's own lines quote sealed bytes, in which chance may spell a short word.
    spelt = (record.getMessage() for record in caplog.records if record.name != "aiosqlite")
    assert hits("\n".join(spelt)) == []
    for name in ("Whitfield", "Brookes", "07700 900123", YES, "Achebe"):
        assert name not in printed
        assert name not in logged


def test_a_line_that_did_would_be_caught(capfd: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger().warning("page.problem", kind="partner")

    assert hits("".join(capfd.readouterr())) == ["partner"]


def trust_loopback(browser: httpx.Client) -> None:
    """Send Secure cookies to 127.0.0.1 over http too, as browsers do: loopback counts as secure."""

    def add(request: httpx.Request) -> None:
        if request.url.host == "127.0.0.1":
            pairs = (f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
            request.headers["Cookie"] = "; ".join(pairs)

    browser.event_hooks = {"request": [add]}


def test_a_server_process_prints_nothing_of_it(tmp_path: Path) -> None:
    """The same with uvicorn around it, which has lines of its own about what it cannot read."""
    ports = [word for name in ("app", "ehr", "service") for word in (f"--port-{name}", "0")]
    command = [sys.executable, "-m", "ipvscreen", "sandbox", "--json", *ports]
    with subprocess.Popen(  # noqa: S603  our own program
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path
    ) as server:
        assert server.stdout is not None
        try:
            line = json.loads(server.stdout.readline())
            patient = httpx.HTTPTransport(retries=6)
            with httpx.Client(follow_redirects=True, base_url=line["app"], transport=patient) as browser:
                trust_loopback(browser)
                start = browser.get(line["launch"])
                assert "Before you begin" in start.text
                browser.get(f"{start.url}/nothing")
                browser.get("/callback?state=unknown")
                browser.post(start.url, content=b"\xff", headers={"Sec-Fetch-Site": "same-origin"})
        finally:
            server.terminate()
            printed = server.stdout.read().decode()
    assert "page.problem" in printed
    assert hits(printed) == []
    assert "Whitfield" not in printed


# --- what is stored elsewhere ------------------------------------------------------------------------------


async def test_no_text_that_a_portal_can_show_tells_the_topic(
    house: Any, visitors: Callable[[], Any], watch: Watch
) -> None:
    memory = house.ehr.state.sandbox.memory
    there = {body["id"] for body in memory.everything()}

    for visit in VISITS[:-1]:
        async with watched(visitors, watch) as visitor:
            await visit(visitor)

    new = [body for body in memory.everything() if body["id"] not in there]
    kinds = {body["resourceType"] for body in new}
    assert kinds >= {"Flag", "Task", "ServiceRequest", "Consent", "Provenance", "Procedure"}
    for body in new:
        if body["resourceType"] in SHOWN:
            assert hits(json.dumps(body)) == [], body
        assert hits(json.dumps(body["meta"])) == [], "a label's display would say it too"
        assert hits([body.get(name) for name in ("identifier", "questionnaire", "note", "text")]) == [], body


async def test_what_a_service_gets_says_no_reason(
    house: Any, visitors: Callable[[], Any], watch: Watch
) -> None:
    for visit in (positive, shared):
        async with watched(visitors, watch) as visitor:
            await visit(visitor)
    received = house.charity.state.sandbox.received
    for _ in range(100):
        await house.app.state.rooms.dispatcher.run_once()
        await asyncio.sleep(0.01)
        if len(received()) == 2:
            break

    assert len(received()) == 2
    assert [hits(json.dumps(bundle)) for bundle in received()] == [[], []]


def test_no_file_that_is_served_is_named_for_it() -> None:
    files = static_files(data_folder("smart_app"))

    assert {"page.css", "page.js", "icon.svg"} <= set(files)
    for name, content in files.items():
        assert hits(name) == []
        assert hits(content.decode()) == [], name
