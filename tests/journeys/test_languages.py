"""A visit in Dutch and one in French: nothing of ours is left in English, and the keyboard answers."""

import dataclasses
import json
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Browser

from ipvscreen.sandbox.directory import services_bundle
from ipvscreen.web.presenters.closing import CODES

# Every text, attributes that are read aloud included, folded or not.
TEXTS = """() => {
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT)
  const found = [document.title]
  for (let n; n = walker.nextNode();) n.parentElement.closest('script, style') || found.push(n.data)
  for (const e of document.querySelectorAll('[aria-label], [title], [placeholder], [alt]'))
    found.push(...['aria-label', 'title', 'placeholder', 'alt'].map(a => e.getAttribute(a) ?? ''))
  return found.map(t => t.replace(/\\s+/g, ' ').trim())
}"""
COUNTRIES = {
    "nl-NL": (
        "nl",
        "Gezondheidsvragenlijst",
        "beoordeelde versie in het Nederlands",
        "Ontvangen door",
        "112",
    ),
    "fr-CA": ("qc", "Questionnaire de santé", "version révisée en français", "Reçu par", "911"),
}
PATIENT = "owen-man"  # of no other journey: others count what stands in a record
# The same word in two languages, and what is no language.
SAME = {"Ex-partner", "Observations", "Questions", "Service", "Urgent", "Note", "Sms", "AAS", "HARK", "·"}


def speaking(running: Any, locale: str) -> Any:
    """The app with its record systems in that locale, and the numbers of a country."""
    pack, *_, number = COUNTRIES.get(locale, (None, "999"))
    ehrs = {
        name: dataclasses.replace(entry, locale=locale, pack=pack)
        for name, entry in running.rooms.ehrs.items()
    }
    numbers = dataclasses.replace(running.rooms.numbers, emergency=number, silent=number)
    return running.changed(ehrs=ehrs, numbers=numbers)


def names(running: Any) -> set[str]:
    """What is not ours: the directory's own words, codes, the people of the sandbox."""
    made = services_bundle(running.demo.addresses["service_fhir"], date(2026, 3, 2))
    bundle = json.dumps(made, ensure_ascii=False)
    codes = {f"{code} {display}" for code, display in CODES}
    return set(re.findall(r'"([^"]+)"', bundle)) | codes | SAME


class Reader:
    """A clinician who keeps every text that she has seen, by page."""

    def __init__(self, clinician: Any) -> None:
        self.clinician = clinician
        self.seen: dict[str, set[str]] = {}

    def see(self, step: str) -> None:
        self.clinician.see(step)
        self.note(step)

    def note(self, step: str) -> None:
        texts = {one for one in self.clinician.page.evaluate(TEXTS) if re.search(r"[^\W\d_]{2}", one)}
        self.seen.setdefault(step, set()).update(texts)

    def everything(self) -> set[str]:
        return set().union(*self.seen.values())


def visit(reader: Reader, running: Any, patient: str, received: str = "Received by") -> None:
    """Already told me → a form → danger → respond → record → refer → sent → done → finish."""
    clinician, page = reader.clinician, reader.clinician.page
    clinician.launch(patient)
    reader.note("start")
    clinician.door("told")
    reader.see("respond")
    clinician.click("button[name=open][value=impact]")
    reader.see("form")
    clinician.click("details:has(button[name=leave]) > summary")
    clinician.click("button[name=leave]")
    reader.see("respond")
    clinician.click("a.danger")
    reader.see("danger")
    clinician.primary()
    reader.see("danger")  # with what is missing
    clinician.choose("call", "declined")
    clinician.primary()
    reader.see("respond")
    page.focus("[name='safe-today']")
    for key in "YNN":
        clinician.press(key)
    assert [page.locator(f"[name='{name}']:checked").count() for name in ("safe-today", "suicide")] == [1, 1]
    assert page.locator("[name='safe-today']:checked").get_attribute("value") == "yes"
    clinician.choose("flag", "yes")
    clinician.primary()
    reader.see("refer")
    clinician.click("a[href$='/share']")
    reader.see("share")
    clinician.primary()
    reader.see("share")
    clinician.click("a[href$='/refer']")
    reader.see("refer")
    clinician.primary()
    reader.see("refer")
    clinician.choose("service", page.locator("[name=service]").first.get_attribute("value"))
    clinician.choose("way", "phone")
    clinician.type("number", "07700 900123")
    clinician.choose("out", "yes")
    clinician.choose("back", "yes")
    clinician.primary()
    reader.see("sent")
    for _ in range(50):  # the dispatcher runs beside
        if received in clinician.text():
            break
        page.wait_for_timeout(200)
        page.reload()
    assert received in clinician.text()
    reader.see("sent")
    clinician.click("a[href$='/done']")
    reader.see("done")
    clinician.click("a[href$='/finish']")
    reader.see("finish")
    clinician.click("a[href$='/cover']")
    reader.see("cover")
    clinician.launch(patient)
    reader.note("start")  # now with what was written before
    clinician.door("not-now")
    reader.see("not-now")
    page.goto(f"{running.origin}/v/nothing/start")
    page.wait_for_selector("main[data-step=problem]")


@pytest.fixture(scope="module")
def english(running: Any, browser: Browser, make_clinician: Callable[..., Any]) -> set[str]:
    """Every text of that visit in English; one visit for all languages."""
    context = browser.new_context()
    reader = Reader(make_clinician(context.new_page()))
    visit(reader, running, PATIENT)
    context.close()
    return reader.everything()


@pytest.mark.parametrize("locale", COUNTRIES)
def test_a_visit_in_another_language(locale: str, clinician: Any, running: Any, english: set[str]) -> None:
    """Given a patient who has told; then she is referred, and no page has a line of ours in English."""
    _, title, refused, received, number = COUNTRIES[locale]
    clinician.title = title
    reader = Reader(clinician)
    with speaking(running, locale):
        visit(reader, running, PATIENT, received)

    start = " ".join(reader.seen["start"])
    assert refused in start, "no reviewed version of the instrument: it is not asked, and the page says why"
    assert number in " ".join(reader.seen["danger"])
    left = reader.everything() & english - names(running)
    assert {one for one in left if not any(part in one for part in ("Owen", "Osei"))} == set()


@pytest.mark.parametrize("locale", COUNTRIES)
def test_the_page_names_its_language_and_no_instrument_is_asked(
    locale: str, clinician: Any, running: Any
) -> None:
    """Given a record system of that locale; then `lang` says so, and the door "ask" is shut."""
    clinician.title = COUNTRIES[locale][1]
    with speaking(running, locale):
        clinician.launch("lena-16")

        assert clinician.page.get_attribute("html", "lang") == locale
        assert clinician.page.locator("button[name=door][value=ask]").count() == 0
        assert clinician.page.locator("button[name=door][value=told]").count() == 1
