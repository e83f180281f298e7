"""The practice's list: what stands on it, for whom, what was done; and nothing referred without it."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from ipvscreen.app import notices_of
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.by_hand import ByHand
from ipvscreen.ipv.case import CaseEvent, CaseRole
from ipvscreen.ipv.case_codes import Decline
from ipvscreen.ipv.case_step import Step as CaseStep
from ipvscreen.ipv.hearing import Cause
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact
from ipvscreen.ipv.visit import Step, VisitState
from ipvscreen.resources.directory import kept_service, resource_of
from ipvscreen.resources.neutral import topic_word
from ipvscreen.store.engine import writing
from ipvscreen.store.tables import visits
from ipvscreen.web.watch import Watch

APP, EHR = "https://app.test", "https://ehr.test"
YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
POSITIVE = dict(zip(HARK, (NO, YES, NO, NO), strict=True))
QUICK = {"safe-today": "yes", "neck": "no", "suicide": "no", "help-now": ["someone-to-talk-to"]}
SHEET = {"service": "mentor-mothers", "way": "phone", "number": "07700 900123", "out": "true", "back": "true"}
POST = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Sec-Fetch-Site": "same-origin",
    "Origin": APP,
}
DUTY, LEAD, GP = "dr-marsh", "dr-adeyemi", "dr-osei"
Houses = Callable[..., Awaitable[Any]]


@pytest.fixture
async def sitters(house: Any) -> AsyncIterator[Callable[..., Awaitable[httpx.Response]]]:
    """Opens the list as that clinician; the browser stays at `house.sitting`."""
    browsers = []

    async def opened(who: str) -> httpx.Response:
        browser = house.browser()
        browsers.append(browser)
        answer: httpx.Response = await browser.get(f"{EHR}/launch/list", params={"clinician": who})
        house.sitting = browser
        assert answer.status_code == 200, answer.text
        return answer

    yield opened
    for browser in browsers:
        await browser.aclose()


def told(answer: httpx.Response) -> list[tuple[str, str]]:
    """Name and words of each entry."""
    found = re.findall(r'<h2 id="e\d+">([^<]+?)\s*(?:<strong>.*?</strong>)?</h2>\n<p>(.*?)</p>', answer.text)
    return [(name.strip(), words.replace("&#39;", "'")) for name, words in found]


async def referred(visitor: Any) -> None:
    """As far as the page that says what became of the referral; its service does not answer."""
    await visitor.launch("anna-woman", GP)
    for fields in ({"door": "ask"}, POSITIVE, QUICK):
        await visitor.post(fields)
    await visitor.get("refer")
    await visitor.post(SHEET)
    assert visitor.step == "sent", visitor.text


async def test_a_referral_that_nobody_confirms_is_on_the_list_with_whom_to_ring(
    house: Any, visitor: Any, sitters: Any
) -> None:
    away(house)
    await referred(visitor)
    house.clock.forward(minutes=14)
    assert told(await sitters(DUTY)) == []
    house.clock.forward(minutes=2)

    answer = await sitters(DUTY)

    ((name, words),) = told(answer)
    assert name == "Anna Whitfield"
    assert "Not received by" in words
    assert re.search(r"Ring [\d ]+, and tell Dr Grace Osei", words)
    assert topic_word(answer.text.partition("<main")[2]) is None
    (alert,) = await house.app.state.rooms.store.alerts.of_visit(visitor.visit)
    assert (alert.cause, alert.shown_at) == (Cause.UNRECEIVED, house.clock())
    assert "ask again" not in words
    house.clock.forward(days=29)
    assert "held until 30 March 2026: ask again before anybody uses it." in told(await sitters(DUTY))[0][1]


def away(house: Any) -> None:
    """Its service does not answer any more."""

    async def nobody(request: httpx.Request) -> None:
        if request.url.host == "service.test":
            raise httpx.ConnectError("away", request=request)

    house.app.state.rooms.http.event_hooks["request"].append(nobody)


async def test_only_the_role_sees_it_and_the_lead_once_it_is_a_working_day_old(
    house: Any, visitor: Any, sitters: Any
) -> None:
    away(house)
    await referred(visitor)
    house.clock.forward(hours=1)
    assert "Waiting for the practice" not in (await sitters(GP)).text
    assert told(await sitters(LEAD)) == []
    store = house.app.state.rooms.store
    (alert,) = await store.alerts.of_visit(visitor.visit)
    assert alert.shown_at is None, "none of them was somebody of the role to whom it was shown"
    house.clock.forward(hours=25)

    late = await sitters(LEAD)

    assert [name for name, _ in told(late)] == ["Anna Whitfield"]
    assert "Here for a working day" in late.text
    (alert,) = await store.alerts.of_visit(visitor.visit)
    assert alert.shown_at is None, "the lead is no member"
    await sitters(DUTY)
    (alert,) = await store.alerts.of_visit(visitor.visit)
    assert alert.shown_at == house.clock()


async def seen(browser: httpx.AsyncClient, page: httpx.Response, **headers: str) -> httpx.Response:
    """Press the button of the first entry."""
    entry = re.search(r'name="entry" value="(\w+)"', page.text)
    action = re.search(r'action="(/l/[^"]+/seen)"', page.text)
    assert entry
    assert action
    body = {"entry": entry[1], "done": "rang-service"}
    answer: httpx.Response = await browser.post(
        f"{APP}{action[1]}", content=str(httpx.QueryParams(body)), headers=POST | headers
    )
    return answer


async def test_seen_to_with_who_and_what_was_done_and_then_it_is_gone(
    house: Any, visitor: Any, sitters: Any
) -> None:
    away(house)
    await referred(visitor)
    house.clock.forward(hours=1)
    page = await sitters(DUTY)
    refused = await seen(house.sitting, page, **{"Sec-Fetch-Site": "cross-site"})
    assert refused.status_code == 403

    after = await seen(house.sitting, page)

    assert after.status_code == 200
    assert told(after) == []
    store = house.app.state.rooms.store
    (alert,) = await store.alerts.of_visit(visitor.visit)
    assert (alert.seen_by, alert.done) == ("Practitioner/dr-marsh", "rang-service")
    assert (await seen(house.sitting, page)).status_code == 409, "it does not wait any more"
    rows = [one async for one in store.audit.entries()]
    acts = [(one.act, one.subject.user, one.subject.patient_id) for one in rows]
    assert acts.count((Act.SEEN_TO, "Practitioner/dr-marsh", "anna-woman")) == 1
    assert sum(act is Act.WORKLIST_SHOWN for act, _, _ in acts) == 2, "every opening is a row"
    house.clock.forward(days=2)
    assert [words for _, words in told(await sitters(DUTY)) if "Not received" in words] == []


async def test_who_is_not_of_the_role_sees_to_nothing(house: Any, visitor: Any, sitters: Any) -> None:
    away(house)
    await referred(visitor)
    house.clock.forward(hours=1)
    page = await sitters(DUTY)
    entry = re.search(r'name="entry" value="(\w+)"', page.text)
    assert entry
    await sitters(GP)
    own = next(iter(re.findall(r"/l/[\w-]{22}", str((await sitters(GP)).url))))
    body = str(httpx.QueryParams({"entry": entry[1], "done": "rang-service"}))

    answer = await house.sitting.post(f"{APP}{own}/seen", content=body, headers=POST)

    assert answer.status_code == 404
    assert [name for name, _ in told(await sitters(DUTY))] == ["Anna Whitfield"]


SAID = {
    Step.START: ({"door": "worried"},),
    Step.QUESTIONS: ({"door": "ask"}, POSITIVE),
    Step.RESPOND: ({"door": "ask"}, POSITIVE),
    Step.FORM: ({"door": "ask"}, POSITIVE),
    Step.DANGER: ({"door": "danger"},),
    Step.DONE: ({"door": "ask"}, POSITIVE, QUICK),
    Step.REFER: ({"door": "ask"}, POSITIVE, QUICK),
    Step.SHARE: ({"door": "ask"}, POSITIVE, QUICK),
    Step.FINISH: ({"door": "ask"}, POSITIVE, QUICK),
    Step.SENT: ({"door": "ask"}, POSITIVE, QUICK, SHEET),
    Step.NOT_NOW: ({"door": "ask"}, "a yes, put off"),
}
# Own conduct stands in no list at all, and in an earlier form nothing new is said: ADR 0037, 0043.
NOTHING_SAID = {Step.OWN, Step.EARLIER}


def test_every_step_is_among_those_after_which_a_visit_is_left() -> None:
    assert set(SAID) | NOTHING_SAID == set(Step)


@pytest.mark.parametrize("step", SAID, ids=str)
async def test_a_visit_left_after_any_step_is_on_the_list_and_never_silently_closed(
    house: Any, visitor: Any, sitters: Any, step: Step
) -> None:
    away(house)
    await visitor.launch("anna-woman", GP)
    for fields in SAID[step]:
        if fields is SHEET:
            await visitor.get("refer")
        if isinstance(fields, str):
            await put_off(visitor)
        else:
            await visitor.post(fields)
    if step is not Step.NOT_NOW:  # that left already
        assert (await visitor.get(step)).status_code in (200, 409)
    await visitor.browser.get(f"{APP}/v/{visitor.visit}/exit")
    assert told(await sitters(DUTY)) == [], "a control: it is her own until it ends"
    house.clock.forward(minutes=61)

    found = told(await sitters(DUTY))

    assert [name for name, _ in found] == ["Anna Whitfield"], step
    visit = await house.app.state.rooms.store.visits.get(visitor.visit)
    assert visit.state != "closed"


# In these states nothing was said, or it is over; own conduct and earlier forms: as above.
SILENT = {VisitState.OPENED, VisitState.ACCOUNT, VisitState.EARLIER, VisitState.CLOSED}


async def test_in_any_state_of_the_table_but_the_silent_ones_what_was_said_is_on_the_list(
    house: Any, visitor: Any, sitters: Any
) -> None:
    """A state more is tried here by itself, also those that no form leads to."""
    await visitor.launch("anna-woman", GP)
    for fields in ({"door": "ask"}, POSITIVE):
        await visitor.post(fields)
    rooms = house.app.state.rooms
    house.clock.forward(minutes=61)
    for state in set(VisitState) - SILENT:
        for now, there in (
            (VisitState.CLOSED, 0),
            (state, 1),
        ):  # the control: nothing is left of the one before
            async with writing(rooms.store._engine) as connection:
                await connection.execute(update(visits).values(state=now.value))
            await Watch(rooms, None).run_once()
            assert len(await rooms.store.alerts.open("sandbox")) == there, (now, state)
    assert [name for name, _ in told(await sitters(DUTY))] == ["Anna Whitfield"]


async def named(house: Any, visitor: Any) -> None:
    """Nothing fits, and somebody is named who keeps contact."""
    await nothing_fits(house, visitor)
    await visitor.post({"action": "keep", "who": "Sister Ward", "due": "2026-03-09"})
    assert "Follow-up noted" in visitor.text


async def nothing_fits(house: Any, visitor: Any) -> None:
    await house.app.state.rooms.store.services.replace([])
    await visitor.get("refer")
    assert "Nothing listed fits" in visitor.text


async def shared(house: Any, visitor: Any) -> None:
    """Without agreement."""
    await visitor.get("share")
    why = {"decided_by": "Dr Osei", "basis": "serious-harm", "told": "no", "why_not_told": "not safe"}
    await visitor.post({"service": "specialist", "way": "she-calls"} | why)
    assert visitor.step == "sent", visitor.text


async def agreed(house: Any, visitor: Any) -> None:
    await visitor.get("refer")
    await visitor.post(SHEET | {"service": "specialist"})
    assert visitor.step == "sent", visitor.text


async def stopped(house: Any, visitor: Any) -> None:
    """She does not want it any more, while it waits."""
    await agreed(house, visitor)
    await visitor.post({"stop": re.findall(r'name="stop" value="([^"]+)"', visitor.page.text)[0]})
    assert "nothing more is sent" in visitor.text


async def planned(house: Any, visitor: Any) -> None:
    """A plan for a child."""
    await visitor.get("finish")
    plan = {"child_age": "7", "exposure": "ongoing", "owner": "Ms Reed", "interim": "school knows"}
    await visitor.post(plan | {"action": "plan", "review": "2026-03-09"})
    assert "A child aged 7" in visitor.text


async def for_a_child(house: Any, visitor: Any) -> None:
    """On the sheet for that child."""
    await planned(house, visitor)
    await visitor.post({"child": re.findall(r'name="child" value="([^"]+)"', visitor.page.text)[0]})
    assert "For a child aged 7" in visitor.text


async def childs(house: Any, visitor: Any) -> None:
    await for_a_child(house, visitor)
    await visitor.post(SHEET | {"service": "children"})
    assert visitor.step == "sent", visitor.text


async def unsent(house: Any, visitor: Any) -> None:
    """For a service that nothing can be sent to: the letter is there, and nobody has said that it went."""
    store = house.app.state.rooms.store
    services = [kept_service(one) for one in await store.services.all()]
    by_hand = [replace(one, endpoint="", by_hand=frozenset(ByHand)) for one in services]
    await store.services.replace([resource_of(one) for one in by_hand])
    await agreed(house, visitor)
    assert "Not sent yet" in visitor.text
    (sent,) = await store.referrals.of_visit(visitor.visit)
    url, site = f"/v/{visitor.visit}/letter/{sent.id}", {"Sec-Fetch-Site": "same-origin"}
    assert (await visitor.browser.get(url, headers=site)).content.startswith(b"%PDF")


async def refused_by_the_record(house: Any, visitor: Any) -> None:
    """What was said does not get into the record, and the visit goes on to the sheet."""
    house.ehr.state.sandbox.switches.refuse[("POST", "*")] = 422
    await visitor.get("respond")
    await visitor.post(QUICK)
    assert "NOT recorded" in visitor.text


# What may be left around a referral: how it gets there, where the visit stands then, what the list says.
LEFT, SENT = "Begun and not finished", "Not received by"
AROUND: dict[str, tuple[Callable[[Any, Any], Awaitable[None]], VisitState, str]] = {
    "agreed": (agreed, VisitState.REFERRED, SENT),
    "shared without agreement": (shared, VisitState.REFERRED, SENT),
    "stopped while it waits": (stopped, VisitState.REFERRED, LEFT),
    "nothing fits": (nothing_fits, VisitState.RECORDED, LEFT),
    "nothing fits, somebody is named": (named, VisitState.RECORDED, LEFT),
    "a plan for a child": (planned, VisitState.RECORDED, LEFT),
    "the sheet for a child": (for_a_child, VisitState.RECORDED, LEFT),
    "a child's service is asked": (childs, VisitState.REFERRED, SENT),
    "by hand, and nobody said that it went": (unsent, VisitState.REFERRED, SENT),
    "the record refuses": (refused_by_the_record, VisitState.UNRECORDED, LEFT),
}


@pytest.mark.parametrize("what", AROUND)
async def test_a_visit_left_around_a_referral_is_on_the_list(
    house: Any, visitor: Any, sitters: Any, what: str
) -> None:
    away(house)
    walk, state, says = AROUND[what]
    await visitor.launch("rosa-mother", GP)
    for fields in ({"door": "ask"}, POSITIVE):
        await visitor.post(fields)
    if state is not VisitState.UNRECORDED:
        await visitor.post(QUICK | {"children-or-pregnant": ["children"]})
    await walk(house, visitor)
    visit = await house.app.state.rooms.store.visits.get(visitor.visit)
    assert visit.state is state, visitor.text
    await visitor.browser.get(f"{APP}/v/{visitor.visit}/exit")
    house.clock.forward(minutes=61)

    ((name, words),) = told(await sitters(DUTY))

    assert name == "Rosa Delgado"
    assert words.startswith(says)
    assert (await house.app.state.rooms.store.visits.get(visitor.visit)).state is state


async def put_off(visitor: Any) -> None:
    """A yes as the script keeps it, then "not now"."""
    token = dict(visitor.forms.forms[0]["fields"])["token"]
    body = httpx.QueryParams([("token", token), (HARK[1], YES)])
    kept = await visitor.browser.post(f"{APP}/v/{visitor.visit}/draft", content=str(body), headers=POST)
    assert kept.status_code == 204, kept.text
    await visitor.get("not-now")
    await visitor.post({"action": "close"})


async def test_without_a_word_said_nothing_is_on_the_list(house: Any, visitor: Any, sitters: Any) -> None:
    await visitor.launch("anna-woman", GP)
    await visitor.post({"door": "ask"})
    house.clock.forward(hours=2)

    assert told(await sitters(DUTY)) == []


async def test_what_is_not_certain_to_be_recorded_and_a_follow_up_are_on_it(
    house: Any, visitor: Any, sitters: Any
) -> None:
    await visitor.launch("helen-woman", GP)
    await visitor.post({"door": "ask"})
    house.ehr.state.sandbox.switches.labels_missing_in_search = True
    await visitor.post(dict.fromkeys(HARK, NO))
    await visitor.get("done")
    await visitor.post({"action": "follow-up", "due": "2026-03-04"})
    house.clock.at = datetime(2026, 3, 4, 8, 30, tzinfo=UTC)

    words = [words for _, words in told(await sitters(DUTY))]

    assert any("To be seen again" in one for one in words), words
    assert any("Not certain to stand in the record" in one for one in words), words
    assert len(words) == 2


async def test_a_decline_is_on_it_until_another_service_is_asked(
    house: Any, visitor: Any, sitters: Any
) -> None:
    await referred(visitor)
    await visitor.until("Received by")
    store = house.app.state.rooms.store
    (sent,) = await store.referrals.of_visit(visitor.visit)
    contact = SafeContact(ContactWay.PHONE, "07700 900123")
    agreement = Agreement(out=True, back=True, until=datetime(2026, 9, 2, tzinfo=UTC).date())
    request = ReferralRequest("mentor-mothers", contact, agreement=agreement)
    await store.cases.take_in(sent.id, request, "Anna", house.clock())
    for number, step in enumerate(
        (
            CaseStep(CaseEvent.OPEN, CaseRole.COORDINATOR, "c"),
            CaseStep(CaseEvent.DECLINE, CaseRole.COORDINATOR, "c", reason=Decline.NO_CAPACITY),
        )
    ):
        await store.cases.move(sent.id, "mentor-mothers", step, seen=number, now=house.clock())

    ((_, words),) = told(await sitters(DUTY))

    assert "cannot take it on" in words
    house.clock.forward(minutes=5)
    await visitor.get("refer")
    others = set(re.findall(r'name="service" value="([\w-]+)"', visitor.page.text)) - {"mentor-mothers"}
    await visitor.post(SHEET | {"service": min(others)})
    assert told(await sitters(DUTY)) == []


async def test_where_a_release_is_required_a_decline_is_not_on_it_and_silence_tells_nothing(
    houses: Houses,
) -> None:
    """Declined or not: nothing until an answer is due, then the same line. Its control is the test above."""
    seen = []
    for steps in ((), (CaseStep(CaseEvent.DECLINE, CaseRole.COORDINATOR, "c", reason=Decline.NO_CAPACITY),)):
        house = await houses(
            questionnaires=Path(__file__).parents[1] / "united_states", pack="us", nation="united-states"
        )
        visitor = house.visitor()
        await visitor.launch("anna-woman", GP)
        for fields in ({"door": "told"}, QUICK):
            await visitor.post(fields)
        await visitor.get("refer")
        await visitor.post(SHEET | {"back": "no"})
        await visitor.until("Received by")
        store = house.app.state.rooms.store
        (sent,) = await store.referrals.of_visit(visitor.visit)
        agreement = Agreement(out=True, back=True, until=datetime(2026, 9, 2, tzinfo=UTC).date())
        request = ReferralRequest(sent.service_id, SafeContact(ContactWay.SHE_CALLS), agreement=agreement)
        await store.cases.take_in(sent.id, request, "Anna", house.clock())
        opened = CaseStep(CaseEvent.OPEN, CaseRole.COORDINATOR, "c")
        for number, step in enumerate((opened, *steps)):
            await store.cases.move(sent.id, sent.service_id, step, seen=number, now=house.clock())
        for wait in (timedelta(minutes=5), sent.reply_by - house.clock()):
            house.clock.at += wait
            await Watch(house.app.state.rooms, None).run_once()
            waiting = await store.alerts.of_visit(visitor.visit)
            seen.append([one.cause for one in waiting if one.about == sent.id])
        await visitor.browser.aclose()

    assert seen == [[], [Cause.UNANSWERED]] * 2


async def test_an_answer_that_is_overdue_is_on_it(house: Any, visitor: Any, sitters: Any) -> None:
    await referred(visitor)
    await visitor.until("Received by")
    assert told(await sitters(DUTY)) == []
    house.clock.forward(days=6)

    assert "No answer is known" in told(await sitters(DUTY))[0][1]


@pytest.mark.parametrize("lacking", ["staffed", "hours", "members", "mailbox", "mail"])
async def test_nothing_is_referred_where_nobody_would_hear(houses: Houses, lacking: str) -> None:
    whole = await houses()
    role = whole.settings.ehr[0].staffed
    given = {name: getattr(role, name) for name in ("members", "hours", "mailbox")}
    staffed = None if lacking == "staffed" else {k: v for k, v in given.items() if k != lacking}
    changes = {"mail": None} if lacking == "mail" else {"staffed": staffed}
    house = await houses(**changes)
    visitor = house.visitor()
    await visitor.launch("anna-woman", GP)
    for fields in ({"door": "ask"}, POSITIVE, QUICK):
        await visitor.post(fields)
    await visitor.get("refer")

    assert "Nothing can be sent from here" in visitor.text
    assert 'name="service"' not in visitor.page.text
    assert re.search(r"Telephone [\d ]{9,}", visitor.text), "whom to ring instead"
    token = dict(visitor.forms.forms[0]["fields"])["token"]
    body = str(httpx.QueryParams({"token": token} | SHEET))
    answer = await visitor.browser.post(f"{APP}/v/{visitor.visit}/refer", content=body, headers=POST)
    assert answer.url.path.endswith("/refer")
    assert await house.app.state.rooms.store.referrals.of_visit(visitor.visit) == []
    await visitor.browser.aclose()


async def test_friday_five_to_six(house: Any, visitors: Callable[[], Any], sitters: Any) -> None:
    """An urgent one and an ordinary one, and nobody at the services until Monday."""
    sent: list[tuple[datetime, str, str]] = []

    async def send(recipient: str, address: str, now: datetime) -> None:
        sent.append((now, recipient, address))

    rooms = house.app.state.rooms
    watch = Watch(rooms, notices_of(house.settings, rooms, send))
    house.clock.at = friday = datetime(2026, 3, 6, 17, 55, tzinfo=UTC)
    away(house)
    for patient, more in (("anna-woman", {"urgent": "yes"}), ("nadia-woman", {})):
        one = await visitors().launch(patient, GP)
        for fields in ({"door": "ask"}, POSITIVE, QUICK):
            await one.post(fields)
        await one.get("refer")
        await one.post(SHEET | more)
        assert one.step == "sent", one.text
        await one.get("finish")
        await one.post({"action": "close"})  # and home
    while house.clock() < friday + timedelta(days=3):
        house.clock.forward(minutes=60 if house.clock().weekday() > 4 else 10)
        await watch.run_once()

    told_at = {at.isoformat() for at, to, _ in sent if to == "duty@practice.test"}
    assert sorted(told_at)[0] == (friday + timedelta(minutes=20)).isoformat(), "at once, on Friday evening"
    assert sorted(told_at)[1] == "2026-03-09T10:55:00+00:00", "and on Monday, before four hours are over"
    links = [address for _, _, address in sent]
    assert all(re.fullmatch(r"https://app\.test/n/[\w-]{43}", link) for link in links)
    assert len(set(links)) == len(links) == 2
    async with house.browser() as browser:
        pages = [await browser.get(link) for link in (*links, f"{APP}/n/anything")]
    assert len({page.text for page in pages}) == 1, "the door says the same to everybody"
    assert "Open the list from your record system" in pages[0].text
    assert "Whitfield" not in pages[0].text
    assert [name for name, _ in told(await sitters(DUTY))] == ["Anna Whitfield", "Nadia Rahman"]


async def test_two_processes_that_look_at_once_raise_each_thing_once(house: Any, visitor: Any) -> None:

    away(house)
    await referred(visitor)
    house.clock.forward(hours=1)
    rooms = house.app.state.rooms
    await asyncio.gather(*(Watch(rooms, None).run_once() for _ in range(5)))

    alerts = await rooms.store.alerts.of_visit(visitor.visit)
    assert [alert.cause for alert in alerts] == [Cause.UNRECEIVED]


async def test_a_fault_with_one_record_system_keeps_no_other_from_being_looked_at(houses: Houses) -> None:
    house = await houses(two=True)
    visitor = house.visitor()
    away(house)
    await referred(visitor)
    await visitor.browser.aclose()
    house.clock.forward(hours=1)
    rooms, faults = house.app.state.rooms, list[BaseException]()
    waiting = rooms.store.waiting
    real = waiting.referrals

    async def broken(ehr: str, *more: Any) -> Any:
        if ehr == "sandbox":
            raise RuntimeError("one that cannot be read")
        return await real(ehr, *more)

    waiting.referrals = broken
    await Watch(rooms, None, on_fault=faults.append).run_once()
    assert [str(fault) for fault in faults] == ["one that cannot be read"]
    assert await rooms.store.alerts.of_visit(visitor.visit) == []
    waiting.referrals = real
    await Watch(rooms, None).run_once()
    assert len(await rooms.store.alerts.of_visit(visitor.visit)) == 1


async def test_what_does_not_open_any_more_is_there_without_a_name_and_can_be_seen_to(
    house: Any, visitor: Any, sitters: Any
) -> None:
    await visitor.launch("anna-woman", GP)
    for fields in ({"door": "ask"}, POSITIVE):
        await visitor.post(fields)
    store = house.app.state.rooms.store
    async with writing(store._engine) as connection:
        await connection.execute(update(visits).values(draft=b"damaged"))
    house.clock.forward(hours=2)

    page = await sitters(DUTY)

    assert [name for name, _ in told(page)] == ["Name not known"]
    assert "Today, at once" in page.text, "nobody can say that there is no danger"
    assert told(await seen(house.sitting, page)) == []
