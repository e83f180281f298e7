"""Bad input: each a plain page with the right status, nothing lost, nothing written, no internals."""

import asyncio
import html
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from ipvscreen.ipv.visit import PAGES, Step, VisitState
from ipvscreen.pathway.keep import keep
from ipvscreen.store.journal import Begun, Journal
from ipvscreen.web import launch, pages, tokens, visit, writing
from ipvscreen.web.rooms import Locks
from ipvscreen.web.turn import Turn

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
POSITIVE = dict.fromkeys(HARK, NO) | {"76501-6": YES}
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
QUICK = {
    "safe-today": "yes",
    "neck": "no",
    "suicide": "no",
    "children-or-pregnant": "children",
    "flag": "yes",
}
SHEET = {"service": "mentor-mothers", "way": "phone", "number": "07700 900123", "out": "yes", "back": "yes"}
DECISION = {"decided_by": "Dr Osei, GP", "basis": "child", "told": "no", "why_not_told": "not safe"}
SHARED = {name: SHEET[name] for name in ("service", "way", "number")} | DECISION

HEADERS = {
    "content-security-policy": "default-src 'none'; img-src 'self'; style-src 'self'; connect-src 'self';"
    " script-src https://app.test/s/page.js; require-trusted-types-for 'script'; trusted-types 'none';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
}
# What only a program says: error classes, our names for things, paths, types, markup that was not meant.
INSIDE = re.compile(
    r"Traceback|\.py\b|ipvscreen|site-packages|/src/|/home/|\bNone\b(?! [a-z])|pydantic|sqlalchemy|starlette"
    r"|httpx|<class|object at 0x|\{\{|undefined|\[type=|urn:uuid|\w+(?:Error|Exception|Refused|OutOfOrder)\b",
)


def plain(answer: httpx.Response, *statuses: int) -> str:
    """The words of a page that failed as it should: status, headers, and nothing of the inside."""
    assert answer.status_code in statuses, (answer.status_code, answer.text[:2000])
    guarded(answer)
    assert answer.headers["content-type"].startswith("text/html")
    assert "<title>Health questionnaire</title>" in answer.text
    words = html.unescape(re.sub(r"<[^>]+>", " ", answer.text.partition("</head>")[2]))
    assert not INSIDE.search(words), INSIDE.search(words)
    assert re.search(r"<h1>\s*\S", answer.text), "a heading says what is the matter"
    return " ".join(words.split())


def guarded(answer: httpx.Response) -> None:
    """Every header that keeps a page to itself, and none that tells of the inside."""
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["permissions-policy"]
    assert not {"server", "x-powered-by", "location"} & set(answer.headers)


class Record:
    """What the record system and the service hold by now, against what they held at first."""

    def __init__(self, house: Any) -> None:
        self.house = house
        self.memory = house.ehr.state.sandbox.memory
        self.before = self._counts()

    def _counts(self) -> Counter[str]:
        kinds = Counter(body["resourceType"] for body in self.memory.everything())
        del kinds["Encounter"]  # the record system's own, one a launch
        return kinds

    def new(self) -> dict[str, int]:
        return dict(self._counts() - self.before)

    async def delivered(self) -> int:
        """How many messages the service holds once nothing is on its way."""
        for _ in range(100):
            busy = await self.house.app.state.rooms.dispatcher.run_once()
            await asyncio.sleep(0.01)
            if not busy:
                break
        return len(self.house.charity.state.sandbox.received())


@pytest.fixture
def record(house: Any) -> Record:
    """What was written since the test began."""
    return Record(house)


async def standing(house: Any, visitor: Any) -> Any:
    """The visit as it is stored."""
    return await house.app.state.rooms.store.visits.get(visitor.visit)


async def send(visitor: Any, url: str, fields: Any, **headers: str | None) -> httpx.Response:
    """A post as a browser sends it from our own page, unless `headers` say otherwise."""
    usual = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Sec-Fetch-Site": "same-origin",
        "Origin": "https://app.test",
    }
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in (usual | given).items() if value is not None}
    body = fields if isinstance(fields, str | bytes) else str(httpx.QueryParams(fields))
    answer: httpx.Response = await visitor.browser.post(url, content=body, headers=kept)
    return answer


def token_of(visitor: Any) -> str:
    """The token of the form on the page."""
    return dict(visitor.forms.forms[0]["fields"])["token"]


# --- from the record system to a visit ---------------------------------------------------------------------


async def launch_url(visitor: Any, patient: str = "anna-woman") -> httpx.URL:
    """Where a click in the record system leads: our launch page, not yet opened."""
    clicked = await visitor.browser.get(
        "https://ehr.test/launch/new", params={"patient": patient}, follow_redirects=False
    )
    return httpx.URL(clicked.headers["location"])


async def callback_url(visitor: Any) -> httpx.URL:
    """A callback with code and state, not yet opened."""
    started = await visitor.browser.get(await launch_url(visitor), follow_redirects=False)
    answered = await visitor.browser.get(started.headers["location"], follow_redirects=False)
    return httpx.URL(answered.headers["location"])


def no_visit(answer: httpx.Response) -> None:
    """Nothing was opened."""
    assert "/v/" not in str(answer.url)
    assert 'data-step="problem"' in answer.text
    assert "Whitfield" not in answer.text
    assert len(re.findall("from (?:the|a) patient", answer.text)) <= 1, "it says the same twice"


NOWHERE: tuple[dict[str, Any], ...] = (
    {"iss": "https://elsewhere.test/fhir", "launch": "x"},
    {"iss": "https://ehr.test/fhir/../fhir", "launch": "x"},
    {"iss": "https://ehr.test/fhir?x", "launch": "x"},
    {"iss": ["https://ehr.test/fhir", "https://elsewhere.test/fhir"], "launch": "x"},
    {"iss": "https://ehr.test/fhir", "launch": ""},
    {"iss": "https://ehr.test/fhir", "launch": "x" * 5000},
    {"launch": "x"},
    {},
)


async def test_a_launch_from_nowhere(visitor: Any) -> None:
    for query in NOWHERE:
        answer = await visitor.browser.get("/launch", params=query)

        assert "from a patient's record" in plain(answer, 400), query
        no_visit(answer)


async def test_a_launch_that_was_used(visitors: Callable[[], Any], record: Record) -> None:
    first, again = visitors(), visitors()
    url = await launch_url(first)
    assert (await first.browser.get(url)).status_code == 200

    answer = await again.browser.get(url)

    words = plain(answer, 403)
    no_visit(answer)
    assert "from the patient's record" in words, "it says how to go on"


async def test_a_launch_that_the_record_system_does_not_know(visitor: Any) -> None:
    query = {"iss": "https://ehr.test/fhir", "launch": "made-up"}

    answer = await visitor.browser.get("/launch", params=query)

    assert "from the patient's record" in plain(answer, 403)
    no_visit(answer)


async def test_a_callback_whose_state_is_missing_or_unknown(visitor: Any) -> None:
    url = await callback_url(visitor)
    for state in (None, "", "unknown", "x" * 5000):
        query = {"code": url.params["code"]} | ({} if state is None else {"state": state})

        answer = await visitor.browser.get("/callback/sandbox", params=query)

        assert "from" in plain(answer, 400)
        no_visit(answer)


async def test_a_callback_in_another_browser_and_a_second_one_in_its_own(visitors: Callable[[], Any]) -> None:
    mine, other = visitors(), visitors()
    url = await callback_url(mine)

    assert "in another browser" in plain(await other.browser.get(url), 400)
    opened = await mine.browser.get(url)
    again = await mine.browser.get(url)

    assert opened.status_code == 200, "the other browser has not spoilt it"
    assert "Open it again" in plain(again, 400)
    no_visit(again)


async def test_a_callback_after_five_minutes(house: Any, visitor: Any) -> None:
    url = await callback_url(visitor)
    house.clock.forward(minutes=5)

    answer = await visitor.browser.get(url)

    assert "too long ago" in plain(answer, 400)
    no_visit(answer)


async def test_a_callback_of_another_server_or_without_a_code(visitors: Callable[[], Any]) -> None:
    for change in ({"iss": "https://elsewhere.test"}, {"code": ""}):
        visitor = visitors()
        url = await callback_url(visitor)

        answer = await visitor.browser.get(url.copy_merge_params(change))

        assert "from the patient's record" in plain(answer, 400)
        no_visit(answer)


async def test_a_denied_authorization(house: Any, visitor: Any) -> None:
    house.ehr.state.sandbox.switches.deny_authorization = True

    await visitor.launch("anna-woman")

    assert "told not to let this page in" in plain(visitor.page, 403)
    no_visit(visitor.page)


async def test_a_launch_without_a_patient(house: Any, visitor: Any) -> None:
    house.ehr.state.sandbox.switches.omit_patient = True

    await visitor.launch("anna-woman")

    assert "which patient" in plain(visitor.page, 400)
    no_visit(visitor.page)


WHO = "launch openid fhirUser patient/Patient.r patient/Encounter.r"


async def test_a_narrowed_scope_is_said_before_the_first_question_and_the_visit_works(
    house: Any, visitor: Any, record: Record
) -> None:
    kinds = ("QuestionnaireResponse", "Observation", "Provenance")
    house.ehr.state.sandbox.switches.narrow_scope = " ".join([WHO, *(f"patient/{k}.crs" for k in kinds)])

    await visitor.launch("anna-woman")

    assert "<details open>" in visitor.page.text, "it opens itself"
    for name in ("Flags", "Service requests", "Tasks", "Consents", "Procedures"):
        assert f"was not given the right to write {name}." in visitor.text
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)
    await visitor.post(QUICK)
    done = await visitor.get("done")
    assert "Recorded and checked: the answers, the results, who recorded it." in visitor.text
    assert "a flag" in visitor.text
    assert "Set the record system's own alert by hand" in visitor.text
    assert done.status_code == 200
    await visitor.get("refer")
    await visitor.post(SHEET)
    assert visitor.step == "sent"
    assert "The service still gets the referral; note it by hand as restricted." in visitor.text
    assert set(record.new()) == set(kinds)
    assert await record.delivered() == 1


@pytest.mark.parametrize("scope", [WHO, WHO.replace("openid fhirUser ", ""), "launch patient/Patient.read"])
async def test_where_nothing_can_be_recorded_nobody_is_told_that_it_was(
    house: Any, visitor: Any, record: Record, scope: str
) -> None:
    house.ehr.state.sandbox.switches.narrow_scope = scope

    await visitor.launch("anna-woman")
    assert "was not given the right to write Observations." in visitor.text
    await visitor.post({"door": "ask"})
    await visitor.post(NEGATIVE)

    assert visitor.page.status_code == 200
    assert "NOT recorded" in visitor.text
    assert "by hand" in visitor.text
    assert record.new() == {}
    assert not re.search(r"<h1>\s*Saved", visitor.page.text), "nothing was saved"


async def test_a_scope_without_search_is_recorded_and_not_called_checked(
    house: Any, visitor: Any, record: Record
) -> None:
    kinds = ("QuestionnaireResponse", "Observation", "Flag", "Provenance")
    house.ehr.state.sandbox.switches.narrow_scope = " ".join([WHO, *(f"patient/{k}.cr" for k in kinds)])
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})

    await visitor.post(NEGATIVE)

    assert "Recorded, and not yet found again by a search" in visitor.text
    assert record.new()["QuestionnaireResponse"] == 3


# --- forms -------------------------------------------------------------------------------------------------


async def at_questions(visitor: Any) -> None:
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    assert visitor.step == "questions"


async def at_respond(visitor: Any) -> None:
    await at_questions(visitor)
    await visitor.post(POSITIVE)
    assert visitor.step == "respond"


async def at_done(visitor: Any) -> None:
    await at_questions(visitor)
    await visitor.post(NEGATIVE)
    assert visitor.step == "done"


async def at_refer(visitor: Any) -> None:
    await at_respond(visitor)
    await visitor.post(QUICK)
    await visitor.get("refer")
    assert visitor.step == "refer"


async def at_share(visitor: Any) -> None:
    await at_refer(visitor)
    await visitor.get("share")


async def at_start(visitor: Any) -> None:
    await visitor.launch("anna-woman")


async def at_not_now(visitor: Any) -> None:
    await visitor.launch("anna-woman")
    await visitor.post({"door": "not-now"})


async def at_danger(visitor: Any) -> None:
    await visitor.launch("anna-woman")
    await visitor.get("danger")


At = Callable[[Any], Awaitable[None]]
Fields = dict[str, str | list[str]]
REFUSED: dict[At, list[Fields]] = {
    at_start: [
        {"door": "window"},
        {"door": ["ask", "told"]},
        {"door": "ask", "setting": "prison"},
        {"door": "ask", "patient": "helen-woman"},
    ],
    at_questions: [
        POSITIVE | {"76500-8": "LA0-0"},
        POSITIVE | {"76500-8": "yes"},
        POSITIVE | {"76500-8": [YES, NO]},
        POSITIVE | {"76504-0": "4"},
        POSITIVE | {"aas-2": "yes"},
        POSITIVE | {"subject": "Patient/helen-woman"},
        POSITIVE | {"recording": "everything"},
        POSITIVE | {"recording": ["full", "nothing"]},
        POSITIVE | {"flag": "yes"},
        {"other": "whatever"},
    ],
    at_respond: [
        QUICK | {"safe-today": "maybe"},
        QUICK | {"help-now": ["legal", "money"]},
        QUICK | {"flag": "perhaps"},
        QUICK | {"call": "made"},
    ],
    at_danger: [{"call": "later"}, {}],
    at_refer: [
        SHEET | {"service": "nowhere"},
        SHEET | {"service": ["mentor-mothers", "specialist"]},
        SHEET | {"service": "programme"},
        SHEET | {"way": "pigeon"},
        SHEET | {"way": ""},
        SHEET | {"number": ""},
        SHEET | {"number": "ring me"},
        SHEET | {"out": "no"},
        SHEET | {"out": ""},
        SHEET | {"back": ""},
        SHEET | {"until": "2026-03-02"},
        SHEET | {"until": "2028-03-02"},
        SHEET | {"until": "tomorrow"},
        SHEET | {"help": ["legal", "money"]},
        SHEET | {"endpoint": "https://elsewhere.test/fhir"},
        SHEET | {"times": "x" * 301},
    ],
    at_share: [
        SHARED | {"basis": "curiosity"},
        SHARED | {"decided_by": ""},
        SHARED | {"told": ""},
        SHARED | {"why_not_told": ""},
        SHARED | {"out": "yes"},
    ],
    at_done: [
        {"action": "explode"},
        {},
        {"action": "not-done", "reason": "declined"},
        {"action": "follow-up", "due": "2026-03-02"},
        {"action": "follow-up", "due": "soon"},
    ],
    at_not_now: [
        {"action": "not-done", "reason": "bored"},
        {"action": "not-done"},
        {"action": "by-hand"},
    ],
}


@pytest.mark.parametrize("at", REFUSED, ids=lambda at: at.__name__[3:])
async def test_what_the_form_does_not_offer_is_refused_and_changes_nothing(
    house: Any, visitor: Any, at: At
) -> None:
    """422, or the page again with what has to be put right, which a redirect leads to."""
    await at(visitor)
    record, before = Record(house), await standing(house, visitor)
    for fields in REFUSED[at]:
        pairs = [(name, one) for name, value in fields.items() for one in _each(value)]

        answer = await send(visitor, visitor.page.url, [("token", token_of(visitor)), *pairs])

        mistaken = bool(answer.history)
        words = plain(answer, 200 if mistaken else 422)
        assert ("Put this right first" in words) is mistaken
        assert record.new() == {}, fields
        assert replace(await standing(house, visitor), version=before.version) == before, fields
        sent = [value for _, value in pairs if len(value) > 4]
        if 'data-step="problem"' in answer.text:
            assert not [value for value in sent if value in words], "it repeats what was sent"
    assert await record.delivered() == 0


def _each(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


async def test_a_refused_form_can_be_put_right_and_sent(house: Any, visitor: Any, record: Record) -> None:
    """The token of a form that was refused is not used up."""
    await at_questions(visitor)
    url, form = visitor.page.url, [("token", token_of(visitor))]
    assert (await send(visitor, url, [*form, ("76500-8", "LA0-0")])).status_code == 422

    answer = await send(visitor, url, [*form, *NEGATIVE.items()])

    assert answer.status_code == 200
    assert record.new()["QuestionnaireResponse"] == 3


NO_FORM = (
    (b"\xff\xfe=1", "application/x-www-form-urlencoded"),
    (b"76500-8=%FF", "application/x-www-form-urlencoded"),
    (b"x=1&" * 2_100, "application/x-www-form-urlencoded"),
    (b"x=" + b"1" * 210_000, "application/x-www-form-urlencoded"),
    (b'{"door": "ask"}', "application/json"),
    (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
    (b"token=1", ""),
)


async def test_what_is_no_form_of_ours(house: Any, visitor: Any, record: Record) -> None:
    await at_questions(visitor)
    before = await standing(house, visitor)

    for body, kind in NO_FORM:
        plain(await send(visitor, visitor.page.url, body, Content_Type=kind), 422)

    assert await standing(house, visitor) == before
    assert record.new() == {}


ODD = ("\x00", "\x1f", "Dr\x0bOsei", "\x85x", "\u202e", "<b>x</b>", "\U0001d518", "x" * 300)


@pytest.mark.parametrize("where", ["times", "decided_by", "why_not_told"])
async def test_odd_characters_never_break_the_sheet_or_reach_anybody(
    house: Any, visitors: Callable[[], Any], record: Record, where: str
) -> None:
    """FHIR R4, string: no character below 32 but tab and line ends; a strict service refuses a message."""
    answers = {}
    for odd in ODD:
        visitor = visitors()
        await visitor.launch("anna-woman")
        await visitor.post({"door": "told"})
        await visitor.post(QUICK | {"recording": "nothing"})
        await visitor.get("share")
        async with unraised(house, visitor) as browser:
            visitor.browser = browser
            answers[odd] = await send(
                visitor, visitor.page.url, SHARED | {where: odd, "token": token_of(visitor)}
            )

    assert {odd: a.status_code for odd, a in answers.items() if a.status_code not in (303, 422)} == {}
    await record.delivered()
    told = [*record.memory.everything(), *house.charity.state.sandbox.received()]
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "\n".join(map(_texts, told)))


def unraised(house: Any, visitor: Any) -> httpx.AsyncClient:
    """The visitor's browser, before which a failure of the app is a 500 as on a socket."""
    transport = httpx.ASGITransport(house.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, cookies=visitor.browser.cookies)


def _texts(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(_texts(one) for one in value.values())
    return "\n".join(map(_texts, value)) if isinstance(value, list) else str(value)


# --- order, repetition, other people's pages ---------------------------------------------------------------


async def opened(house: Any, visitor: Any) -> None:
    await visitor.launch("anna-woman")


async def asking(house: Any, visitor: Any) -> None:
    await at_questions(visitor)


async def disclosed(house: Any, visitor: Any) -> None:
    await at_respond(visitor)


async def recorded(house: Any, visitor: Any) -> None:
    await at_done(visitor)


async def unrecorded(house: Any, visitor: Any) -> None:
    switches = house.ehr.state.sandbox.switches
    switches.refuse[("POST", "*")] = 422
    await at_done(visitor)
    switches.refuse.clear()


async def referred(house: Any, visitor: Any) -> None:
    await at_refer(visitor)
    await visitor.post(SHEET)
    assert visitor.step == "sent"


async def deferred(house: Any, visitor: Any) -> None:
    await at_not_now(visitor)


async def account(house: Any, visitor: Any) -> None:
    await at_start(visitor)
    await visitor.post({"account": "yes"})


async def saving(house: Any, visitor: Any, state: VisitState = VisitState.SAVING) -> None:
    await disclosed(house, visitor)
    await house.app.state.rooms.store.visits.change(await standing(house, visitor), state=state)


async def interrupted(house: Any, visitor: Any) -> None:
    await saving(house, visitor, VisitState.INTERRUPTED)


async def earlier(house: Any, visitor: Any) -> None:
    await closed(house, visitor)
    await opened(house, visitor)
    await visitor.post(
        {"earlier": visitor.page.text.partition('name="earlier" value="')[2].partition('"')[0]}
    )


async def closed(house: Any, visitor: Any) -> None:
    await at_done(visitor)
    await visitor.post({"action": "close"})


STATES = {
    VisitState[fn.__name__.upper()]: fn
    for fn in (
        *(opened, asking, disclosed, saving, interrupted, recorded, unrecorded, referred, deferred),
        *(account, earlier, closed),
    )
}
assert set(STATES) == set(VisitState), "a state that is not brought about here"

# For each page with a form, what would be done if it were not out of order.
PERFECT: dict[Step, dict[str, str]] = {
    Step.START: {"door": "ask"},
    Step.QUESTIONS: NEGATIVE,
    Step.RESPOND: QUICK,
    Step.FORM: {},
    Step.OWN: {"use-told": "yes"},
    Step.EARLIER: {"action": "withdraw"},
    Step.DANGER: {"call": "made"},
    Step.REFER: SHEET | {"until": "2026-06-02"},
    Step.SHARE: SHARED,
    Step.SENT: {},
    Step.DONE: {"action": "close"},
    Step.NOT_NOW: {"action": "close"},
    Step.FINISH: {"action": "close"},
}
OUT_OF_ORDER = {
    state: [step for step in Step if step not in shown] for state, shown in PAGES.items() if shown
}


async def perfect_token(house: Any, visitor: Any, step: Step) -> str:
    """A token as our own page of that step would carry, for a page that the visit does not show."""
    rooms, visit = house.app.state.rooms, await standing(house, visitor)
    none = dict.fromkeys((Step.FORM, Step.EARLIER), ())  # of these, no form is open
    names = (none | {Step.OWN: ("use",)}).get(step, ("hark", "aas-1", "quick"))
    forms = tuple(rooms.forms[name].canonical for name in names)
    return tokens.issue(rooms.ring, tokens.claims_of(visit, step, forms))


@pytest.mark.parametrize("state", OUT_OF_ORDER)
async def test_every_step_out_of_order_is_409_and_writes_nothing(
    house: Any, visitor: Any, state: VisitState
) -> None:
    await STATES[state](house, visitor)
    record, before = Record(house), await standing(house, visitor)
    assert before.state is state
    sent = await record.delivered()

    for step in OUT_OF_ORDER[state]:
        url = f"/v/{visitor.visit}/{step}"
        form = PERFECT[step] | {"token": await perfect_token(house, visitor, step)}
        for answer in (await visitor.browser.get(url), await send(visitor, url, form)):
            words = plain(answer, 409)
            assert "Nothing was saved or sent by it." in words
            assert f'href="/v/{visitor.visit}/{PAGES[state][0]}"' in answer.text, "the way to the right page"
    assert await standing(house, visitor) == before
    assert await house.app.state.rooms.store.accounts.latest(before) is None
    assert record.new() == {}
    assert await record.delivered() == sent


async def test_the_forms_of_the_last_test_are_taken_where_they_are_in_order(house: Any, visitor: Any) -> None:
    """Its control: the same tokens and fields do something in a state that shows the page."""
    for step in (Step.START, Step.QUESTIONS):
        if step is Step.START:
            await opened(house, visitor)
        form = PERFECT[step] | {"token": await perfect_token(house, visitor, step)}
        answer = await send(visitor, f"/v/{visitor.visit}/{step}", form)
        assert answer.status_code == 200
    assert (await standing(house, visitor)).state is VisitState.RECORDED


async def test_a_closed_visit_shows_no_page_and_takes_no_form(
    house: Any, visitor: Any, record: Record
) -> None:
    await at_questions(visitor)
    old, url = token_of(visitor), visitor.page.url
    await visitor.post(NEGATIVE)
    await visitor.post({"action": "close"})
    written, before = record.new(), await standing(house, visitor)

    for step in Step:
        shown = await visitor.browser.get(f"/v/{visitor.visit}/{step}", follow_redirects=False)
        assert shown.status_code in (303, 404)
        assert "Whitfield" not in shown.text
    answer = await send(visitor, url, POSITIVE | {"token": old})

    assert "Whitfield" not in answer.text
    assert await standing(house, visitor) == before
    assert record.new() == written


def forged(token: str) -> list[str]:
    """Tokens that nobody made."""
    return ["", "x", "é", token[:-4], token[:20] + ("A" if token[20] != "A" else "B") + token[21:], token * 2]


async def test_a_form_without_our_token_is_403(house: Any, visitor: Any, record: Record) -> None:
    await at_questions(visitor)
    before = await standing(house, visitor)

    for token in forged(token_of(visitor)):
        plain(await send(visitor, visitor.page.url, NEGATIVE | {"token": token}), 403)
    plain(await send(visitor, visitor.page.url, NEGATIVE), 403)

    assert await standing(house, visitor) == before
    assert record.new() == {}


async def test_a_form_of_another_page_or_with_other_questions_is_409(house: Any, visitor: Any) -> None:
    await visitor.launch("anna-woman")
    start = token_of(visitor)
    await visitor.get("start")
    await visitor.post({"door": "ask"})
    rooms, before = house.app.state.rooms, await standing(house, visitor)
    older = tokens.issue(rooms.ring, tokens.claims_of(before, Step.QUESTIONS, ("an-older-form|1",)))

    for token in (start, older):
        plain(await send(visitor, visitor.page.url, NEGATIVE | {"token": token}), 409)

    assert await standing(house, visitor) == before


TWICE: dict[str, tuple[At, Fields]] = {
    "door": (at_start, {"door": "ask"}),
    "negative": (at_questions, NEGATIVE),
    "declined": (at_questions, {"other": "declined"}),
    "never": (at_questions, {"other": "never-had-a-partner"}),
    "positive": (at_questions, POSITIVE),
    "respond": (at_respond, QUICK),
    "refer": (at_refer, SHEET),
    "share": (at_share, SHARED),
    "call": (at_danger, {"call": "made"}),
    "not-done": (at_not_now, {"action": "not-done", "reason": "acute-illness"}),
    "follow-up": (at_not_now, {"action": "follow-up", "due": "2026-04-01"}),
}


async def once(house: Any, visitor: Any, name: str) -> tuple[dict[str, int], int]:
    """What that form leaves when it is posted once."""
    at, fields = TWICE[name]
    await at(visitor)
    record = Record(house)
    await send(visitor, visitor.page.url, _posted(visitor, fields))
    return record.new(), await record.delivered()


def _posted(visitor: Any, fields: Fields) -> list[tuple[str, str]]:
    """The fields with those that the page had filled in itself."""
    own = dict(visitor.forms.forms[0]["fields"]) if "action" not in fields else {"token": token_of(visitor)}
    kept = [(name, value) for name, value in own.items() if name not in fields]
    return [*kept, *((name, one) for name, value in fields.items() for one in _each(value))]


@pytest.mark.parametrize("name", TWICE)
async def test_the_same_form_again_does_nothing_more(
    house: Any, visitors: Callable[[], Any], name: str
) -> None:
    expected, messages = await once(house, visitors(), name)
    visitor, (at, fields) = visitors(), TWICE[name]
    await at(visitor)
    record = Record(house)
    form = _posted(visitor, fields)

    first = await send(visitor, visitor.page.url, form)
    assert first.status_code == 200
    after_first = await standing(house, visitor)
    second = await send(visitor, visitor.page.url, form)

    assert second.status_code in (200, 409)
    assert await standing(house, visitor) == after_first
    assert record.new() == expected
    assert await record.delivered() == 2 * messages


def in_several_processes(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each request met another process, before a server that takes everything twice."""
    monkeypatch.setattr(Locks, "of", lambda self, visit_id: asyncio.Lock())
    switches = house.ehr.state.sandbox.switches
    switches.no_transaction = switches.no_conditional_create = True


async def ten_at_once(visitor: Any, fields: Fields, *, apart: float = 0) -> set[int]:
    """The statuses that the form on the page gets, posted ten times at once, or some seconds apart."""
    form = _posted(visitor, fields)

    async def one(number: int) -> httpx.Response:
        await asyncio.sleep(number * apart)
        return await send(visitor, visitor.page.url, form)

    answers = await asyncio.gather(*(one(number) for number in range(10)))
    return {answer.status_code for answer in answers}


@pytest.mark.parametrize("processes", ["one process", "several processes"])
@pytest.mark.parametrize("name", ["negative", "respond", "refer", "not-done"])
async def test_ten_at_once_are_one(
    house: Any, visitors: Callable[[], Any], name: str, processes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, messages = await once(house, visitors(), name)
    if processes == "several processes":
        in_several_processes(house, monkeypatch)
    visitor, (at, fields) = visitors(), TWICE[name]
    await at(visitor)
    record = Record(house)

    statuses = await ten_at_once(visitor, fields)

    assert statuses <= ({200} if processes == "one process" else {200, 409})
    assert record.new() == expected
    assert await record.delivered() == 2 * messages
    assert len(await house.app.state.rooms.store.referrals.of_visit(visitor.visit)) == messages


async def test_ten_at_once_are_more_than_one_where_nobody_claims_the_form(
    house: Any, visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the last test: without our own claim such a server is written to many times."""

    async def unclaimed(turn: Turn, draft: Any, **_: Any) -> Any:
        return await keep(turn.rooms.store, turn.visit, draft, pack=turn.pack)

    async def unleased(_: Journal, visit: Any, new: Any, silent: Any = None, **__: Any) -> Begun:
        return Begun(visit, new, None, silent)

    async def untold(_: Journal, *__: Any) -> Any:
        return await house.app.state.rooms.store.visits.get(visitor.visit)

    in_several_processes(house, monkeypatch)
    monkeypatch.setattr(writing, "keep_posted", unclaimed)
    monkeypatch.setattr(Journal, "begin", unleased)  # the second guard: one writes at a time
    monkeypatch.setattr(Journal, "tell", untold)
    await at_questions(visitor)
    switches = house.ehr.state.sandbox.switches
    switches.at, switches.hang = ("POST", "*"), 3.0  # so that all have looked before the first is stored
    record = Record(house)

    await ten_at_once(visitor, NEGATIVE, apart=0.2)  # each finds the visit as the one before has left it

    assert record.new()["QuestionnaireResponse"] > 3


FOREIGN: dict[str, dict[str, str | None]] = {
    "cross-site": {"Sec_Fetch_Site": "cross-site"},
    "same-site": {"Sec_Fetch_Site": "same-site"},
    "typed": {"Sec_Fetch_Site": "none"},
    "cross-site with our origin": {"Sec_Fetch_Site": "cross-site", "Origin": "https://app.test"},
    "another origin": {"Sec_Fetch_Site": None, "Origin": "https://elsewhere.test"},
    "no origin to name": {"Sec_Fetch_Site": None, "Origin": "null"},
    "nothing": {"Sec_Fetch_Site": None, "Origin": None},
}


@pytest.mark.parametrize("path", ["questions", "draft"])
async def test_a_post_from_elsewhere_is_refused(house: Any, visitor: Any, record: Record, path: str) -> None:
    await at_questions(visitor)
    before, form = await standing(house, visitor), NEGATIVE | {"token": token_of(visitor)}
    url = f"/v/{visitor.visit}/{path}"

    for name, headers in FOREIGN.items():
        answer = await send(visitor, url, form, **headers)
        assert "did not come from a page of this app" in plain(answer, 403), name

    assert await standing(house, visitor) == before
    assert record.new() == {}
    assert (await send(visitor, url, form)).is_success, "the form itself was good"


async def test_the_cookie_of_another_visit_opens_nothing(
    house: Any, visitors: Callable[[], Any], record: Record
) -> None:
    mine, other = visitors(), visitors()
    await at_questions(mine)
    await other.launch("helen-woman")
    before = await standing(house, mine)
    (name,) = [cookie.name for cookie in mine.browser.cookies.jar]
    (value,) = [cookie.value for cookie in other.browser.cookies.jar]
    form = NEGATIVE | {"token": token_of(mine)}

    for borrowed in (False, True):
        if borrowed:
            other.browser.cookies.set(name, value, domain="app.test")
        for step in Step:
            words = plain(await other.browser.get(f"/v/{mine.visit}/{step}"), 404)
            assert "Whitfield" not in words
        for step in ("questions", "draft"):
            plain(await send(other, f"/v/{mine.visit}/{step}", form), 404)

    assert await standing(house, mine) == before
    assert record.new() == {}


async def test_the_token_that_reads_the_sandbox_opens_nothing_of_the_app(house: Any, visitors: Any) -> None:
    mine, stranger = visitors(), visitors()
    await at_respond(mine)
    bearer = {"Authorization": "Bearer reads-everything-here"}
    paths = [route.path for room in (pages, launch, visit) for route in room.router.routes]
    assert len(paths) >= 8
    paths.remove("/jwks.json")  # public, and the one answer that may be kept
    ways = [f"/v/{mine.visit}/{step}" for step in Step]
    ways += [path.format(visit_id=mine.visit, step="respond", name="page.css") for path in paths]

    for path in ways:
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"):
            answer = await stranger.browser.request(method, path, headers=bearer, follow_redirects=False)
            without = await stranger.browser.request(method, path, follow_redirects=False)
            assert answer.status_code == without.status_code
            assert "Whitfield" not in answer.text
            assert "76500-8" not in answer.text
            assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "Whitfield" in (await mine.get("respond")).text


NOTHING = (
    *("/", "/nothing", "/v", "/v/x", "/v/x/start", "/v/%00/start", "/v/%FF/start", "/docs", "/openapi.json"),
    *("/s/..%2Fpage.css", "/s/nothing.css", "/v/x/../../launch/x"),
)


async def test_an_address_where_nothing_is(visitor: Any) -> None:
    for path in NOTHING:
        plain(await visitor.browser.get(path), 404)
        plain(await visitor.browser.put(path), 404, 405)


async def test_an_unexpected_failure_tells_nothing_of_itself(
    house: Any, visitor: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    await at_questions(visitor)

    async def broken(visit_id: str) -> None:
        raise RuntimeError("a secret of /home/someone/store.py")

    monkeypatch.setattr(house.app.state.rooms.store.visits, "with_grant", broken)
    async with unraised(house, visitor) as browser:
        answer = await browser.get(visitor.page.url)

    assert "What was shown as saved is saved." in plain(answer, 500)
    assert "a secret" not in "".join(capfd.readouterr())
