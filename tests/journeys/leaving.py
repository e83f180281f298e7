"""Pages of a visit, the ways out of it, and what can be seen afterwards, back-forward cache and all."""

import json
import re
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, Page

from ipvscreen.ipv.visit import Step

YES, NO = "LA33-6", "LA32-8"
FIRST, SECOND = "76500-8", "76501-6"
NUMBER = "07700 900417"
TIMES, DECIDED, REASON = (f"{word} Zq{word[::-1]}7" for word in ("lantern", "pebble", "thimble"))
TYPED = (NUMBER, TIMES, DECIDED, REASON)
AFTER_THE_END = timedelta(minutes=61)
# data-step; the last two are shown in place of a page
OF_A_VISIT = frozenset(Step) | {"stopped", "saving"}
ATTEMPTS = 10  # at a control; on a busy machine about every second one finds the page dropped by the browser
SETTLED = 60  # ms between two looks that must be the same: a page may be about to wipe or reload itself

# Runs before the page's own script: how the page was shown, and when it was blank after the way out.
WATCH = """
  addEventListener('pageshow', e => { window.__persisted = e.persisted })
  let begun
  for (const kind of ['click', 'keydown']) addEventListener(kind, e => {
    begun = kind === 'keydown' || e.target.closest('[data-out]') ? e.timeStamp : undefined
  }, true)
  new MutationObserver(() => {
    if (begun === undefined || document.querySelector('main')) return
    console.debug(`blank ${performance.now() - begun}`)
    begun = undefined
  }).observe(document, {childList: true, subtree: true})
"""

# What somebody in front of the screen sees, and what any control holds, seen or not.
LOOK = """(typed) => {
  const seen = e => e.checkVisibility({visibilityProperty: true, opacityProperty: true})
  const main = document.querySelector('main[data-step]')
  const controls = [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
  const text = document.body?.innerText ?? ''
  return {
    step: main && seen(main) ? main.dataset.step : null,
    persisted: window.__persisted ?? null,
    answers: controls.filter(c => c.checked && seen(c) && c.id !== 'keys').map(c => `${c.name}=${c.value}`),
    typed: typed.filter(t => text.includes(t) || controls.some(c => c.value.includes(t))),
  }
}"""


@dataclass
class Sightings:
    """What was seen on all pages that Back and Forward reach."""

    steps: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    persisted: int = 0
    looked: int = 0

    def add(self, look: dict[str, Any]) -> None:
        self.looked += 1
        self.steps += [look["step"]] if look["step"] in OF_A_VISIT else []
        self.answers += look["answers"] if look["step"] in OF_A_VISIT else []
        self.typed += look["typed"]
        self.persisted += bool(look["persisted"])

    @property
    def nothing(self) -> bool:
        return not (self.steps or self.answers or self.typed)


def settle(page: Page) -> dict[str, Any]:
    """What can be seen once the page has come to rest: shown, wiped, reloaded or sent elsewhere."""
    last: Any = None
    for _ in range(200):
        page.wait_for_timeout(SETTLED)
        try:
            now = page.evaluate(f"() => [location.href, document.readyState, ({LOOK})({json.dumps(TYPED)})]")
        except Error:  # between two pages
            last = None
            continue
        if now == last and now[1] == "complete":
            return now[2]
        last = now
    pytest.fail(f"the page did not come to rest: {last}")


def history(page: Page) -> tuple[int, list[str]]:
    """Where the tab stands in its history, and the addresses of that."""
    for _ in range(100):
        try:
            found = page.context.new_cdp_session(page).send("Page.getNavigationHistory")
            return found["currentIndex"], [entry["url"] for entry in found["entries"]]
        except Error:  # a page from the back-forward cache is attached anew
            page.wait_for_timeout(20)
    pytest.fail("the tab has no history")


def go_to(page: Page, index: int) -> dict[str, Any]:
    """Back or Forward to that place, and what can be seen there."""
    by = index - history(page)[0]
    page.evaluate(f"setTimeout(() => history.go({by}), 20)")
    while history(page)[0] != index:
        page.wait_for_timeout(20)
    return settle(page)


def sightings(page: Page, origin: str) -> Sightings:
    """What can be seen where the tab stands, and by Back and Forward on every page of the app."""
    found = Sightings()
    found.add(settle(page))
    _, addresses = history(page)
    ours = [index for index, address in enumerate(addresses) if address.startswith(origin)]
    for index in [*reversed(ours), *ours[1:]]:
        if index != history(page)[0]:
            found.add(go_to(page, index))
    return found


# Pages. Each function goes from the first page to its own and leaves something on it.


def begin(c: Any) -> None:
    """The first page."""


def questions(c: Any) -> None:
    c.door("ask")
    c.see("questions")
    c.choose(FIRST, YES)
    c.choose(SECOND, NO)


def respond(c: Any) -> None:
    c.door("told")
    c.see("respond")
    c.answer({"safe-today": "yes", "neck": "yes-recent", "suicide": "no"})


def form(c: Any) -> None:
    c.door("ask")
    c.see("questions")
    c.click("button[name=open][value=children]")
    c.see("form")
    c.page.locator("main input[type=radio]").first.check()


def own(c: Any) -> None:
    c.click("summary:has-text('More')")
    c.click("button[name=account]")
    c.see("own")
    c.choose("use-told", "yes")


def earlier(c: Any) -> None:
    done(c)
    c.primary()
    c.page.wait_for_url(f"{c.running.demo.addresses['launch'].partition('/launch')[0]}/**")
    c.page.goto(c.running.demo.addresses["launch"])
    c.see("start")
    c.click("summary:has-text('Earlier forms')")
    c.page.locator("button[name=earlier]").first.click()
    c.see("earlier")


def danger(c: Any) -> None:
    respond(c)
    c.click("header a:has-text('Danger now')")
    c.see("danger")
    c.choose("call", "declined")


def refer(c: Any) -> None:
    c.door("told")
    c.see("respond")
    c.primary()
    c.see("refer")
    fill_in(c)


def fill_in(c: Any) -> None:
    c.choose("service", "specialist")
    c.choose("way", "phone")
    c.type("number", NUMBER)
    c.type("times", TIMES)


def share(c: Any) -> None:
    refer(c)
    c.click("a:has-text('Share without agreement')")
    c.see("share")
    fill_in(c)
    c.type("decided_by", DECIDED)
    c.choose("told", "no")
    c.type("why_not_told", REASON)


def sent(c: Any) -> None:
    refer(c)
    c.choose("out", "yes")
    c.choose("back", "yes")
    c.primary()
    c.see("sent")


def done(c: Any) -> None:
    c.door("ask")
    c.see("questions")
    for key in "NNNNN":
        c.press(key)
    c.primary()
    c.see("done")


def not_now(c: Any) -> None:
    c.door("not-now")
    c.see("not-now")


def finish(c: Any) -> None:
    refer(c)
    c.click("a:has-text('None now: finish')")
    c.see("finish")


def stopped(c: Any) -> None:
    """Another record is opened by the same clinician, in a tab beside it."""
    questions(c)
    beside = c.page.context.new_page()
    beside.goto(c.running.demo.addresses["launch"] + "?patient=clara-woman")
    beside.wait_for_selector("main[data-step='start']")
    beside.close()
    c.page.reload()
    c.see("stopped")


PAGES: dict[str, Callable[[Any], None]] = {
    "start": begin,
    "questions": questions,
    "respond": respond,
    "danger": danger,
    "refer": refer,
    "share": share,
    "sent": sent,
    "done": done,
    "not-now": not_now,
    "finish": finish,
    "form": form,
    "own": own,
    "earlier": earlier,
    "stopped": stopped,
}

# Ways out. Each answers the tab in which somebody then looks.


def by_exit(c: Any) -> Page:
    c.page.click("[data-exit]")
    c.page.wait_for_url(re.compile("^http://localhost"))
    return c.page


def by_three_shifts(c: Any) -> Page:
    c.page.wait_for_selector("html.js")  # the keys are the script's, which comes after the page
    for _ in range(3):
        c.page.keyboard.press("Shift")
    c.page.wait_for_url(re.compile("^http://localhost"))
    return c.page


def by_cover(c: Any) -> Page:
    c.page.click("header a:has-text('Someone came in')")
    c.page.wait_for_selector("main[data-step='cover']")
    return c.page


def by_closing(c: Any) -> Page:
    """The tab is closed; half a minute later somebody opens its address, as from the browser's history."""
    address = c.page.url
    c.page.close()
    page = c.page.context.new_page()
    page.add_init_script(WATCH)
    with c.running.later(timedelta(seconds=31)):
        page.goto(address)
    return page


def by_sign_out(c: Any) -> Page:
    """The record system signs out: it takes the window to its own page."""
    c.page.evaluate("url => { location.href = url }", c.running.demo.clinic)
    c.page.wait_for_url(c.running.demo.clinic)
    return c.page


def by_timeout(c: Any) -> Page:
    """The visit's time is over, and somebody touches the page; the clock is set back by who calls."""
    c.page.reload()
    return c.page


def by_other_site(c: Any) -> Page:
    """Somebody types another address."""
    c.page.goto(c.elsewhere)
    return c.page


WAYS: dict[str, Callable[[Any], Page]] = {
    "exit": by_exit,
    "three shifts": by_three_shifts,
    "cover": by_cover,
    "closing": by_closing,
    "sign-out": by_sign_out,
    "timeout": by_timeout,
    "other site": by_other_site,
}


@pytest.fixture
def left(
    everyday: BrowserContext, running: Any, other_site: Any, make_clinician: Any
) -> Iterator[Callable[..., Sightings]]:
    """Does a page and a way out in a tab of its own; answers what can be seen afterwards."""

    def leave(page: str, way: str, blank: list[float] | None = None, rest: Any = "load") -> Sightings:
        c = make_clinician(everyday.new_page(), examined=False)
        c.page.add_init_script(WATCH)
        c.elsewhere = other_site.url("/weather")
        c.page.on("console", lambda m: blank is not None and blank.extend(blank_after(m.text)))
        c.page.goto(running.demo.addresses["launch"])
        c.see("start")
        PAGES[page](c)
        c.page.wait_for_load_state(rest)  # a page that is still loading is not kept, and proves nothing
        if way != "timeout":
            return sightings(WAYS[way](c), running.origin)
        with running.later(AFTER_THE_END):
            return sightings(by_timeout(c), running.origin)

    yield leave
    for page in everyday.pages[1:]:
        page.close()


def blank_after(line: str) -> list[float]:
    return [float(line.removeprefix("blank "))] if line.startswith("blank ") else []


def nothing_left(page: str, left: Callable[..., Sightings], record_property: Any) -> None:
    """Seven ways out; then Back and Forward as far as they go show nothing of the visit."""
    blank: list[float] = []
    found = {way: left(page, way, blank) for way in WAYS}

    assert {way: f for way, f in found.items() if not f.nothing} == {}
    assert found["other site"].looked > 1  # it stays in the tab's history
    if blank:
        record_property("ms until blank", f"median {statistics.median(blank):.1f}, most {max(blank):.1f}")
        print(f"{page}: blank after a median of {statistics.median(blank):.1f} ms, {max(blank):.1f} at most")  # noqa: T201  a figure for a reader of -rP
