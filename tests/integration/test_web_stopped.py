"""A newer launch of the same clinician stops the older visit, until somebody says that it goes on."""

import re
from collections.abc import Callable
from typing import Any

import pytest

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
POSITIVE = {"76500-8": YES}
QUIET = {"safe-today": "yes", "neck": "no", "suicide": "no"}
SHEET = {"service": "specialist", "way": "phone", "number": "07700 900123", "out": "yes", "back": "no"}
SHARE = {"service": "specialist", "way": "phone", "number": "07700 900123"} | {
    "decided_by": "Dr Osei, GP",
    "basis": "child",
    "told": "yes",
}
STEPS = ("start", "questions", "respond", "danger", "refer", "share", "sent", "done", "not-now", "finish")
SAME = {"Sec-Fetch-Site": "same-origin"}
Visitors = Callable[[], Any]

# How to come to a page, and what is then posted from it.
WAYS: dict[str, tuple[list[dict[str, Any] | str], dict[str, Any]]] = {
    "start": ([], {"door": "ask"}),
    "questions": ([{"door": "ask"}], NEGATIVE),
    "questions, declined": ([{"door": "ask"}], {"other": "declined"}),
    "never had a partner": ([{"door": "ask"}], {"other": "never-had-a-partner"}),
    "respond": ([{"door": "told"}], QUIET),
    "danger": ([{"door": "told"}, "danger"], {"call": "made"}),
    "refer": ([{"door": "told"}, QUIET], SHEET),
    "share": ([{"door": "told"}, QUIET, "share"], SHARE),
    "sent": ([{"door": "told"}, QUIET, SHEET, "finish"], {"action": "close"}),
    "done": ([{"door": "ask"}, NEGATIVE], {"action": "close"}),
    "done, follow-up": ([{"door": "ask"}, NEGATIVE], {"action": "follow-up"}),
    "not-now": ([{"door": "not-now"}], {"action": "follow-up"}),
    "not done": ([{"door": "not-now"}], {"action": "not-done", "reason": "declined"}),
    "finish": ([{"door": "told"}, QUIET, "finish"], {"action": "close"}),
}


async def walk(visitor: Any, way: str, patient: str = "anna-woman") -> Any:
    await visitor.launch(patient)
    for move in WAYS[way][0]:
        await (visitor.get(move) if isinstance(move, str) else visitor.post(move))
        assert visitor.page.status_code == 200, (way, visitor.text)
    return visitor


def everything(house: Any) -> dict[str, list[str]]:
    """Every version in the record system, and every message at the service."""
    record = [body["id"] for body in house.ehr.state.sandbox.memory.everything()]
    return {"record": record, "service": [str(one) for one in house.charity.state.sandbox.received()]}


def is_stopped(visitor: Any, name: str = "Anna Whitfield") -> None:
    assert (visitor.page.status_code, visitor.step) == (409, "stopped"), visitor.text
    assert f"This page is about {name}" in visitor.text
    assert f"Go on with {name}" in visitor.text
    assert visitor.page.text.count('class="button primary"') == 1
    assert f"/v/{visitor.visit}/exit" in visitor.page.text


@pytest.mark.parametrize("way", WAYS)
async def test_a_newer_launch_stops_every_page_and_every_form_of_the_older(
    house: Any, visitors: Visitors, way: str
) -> None:
    one = await walk(visitors(), way)
    url, forms = one.page.url, one.forms
    await house.app.state.rooms.dispatcher.run_once()
    await visitors().launch("freya-woman")
    before, stored = everything(house), await house.app.state.rooms.store.visits.get(one.visit)

    for step in STEPS:
        await one.get(step)
        is_stopped(one)
    one.page.request.url = url
    await one.post(WAYS[way][1], form=forms)
    is_stopped(one)
    token = dict(forms.forms[0]["fields"])["token"]
    kept = await one.browser.post(f"/v/{one.visit}/draft", data={"token": token} | POSITIVE, headers=SAME)
    assert kept.status_code == 409

    await house.app.state.rooms.dispatcher.run_once()
    assert everything(house) == before
    assert await house.app.state.rooms.store.visits.get(one.visit) == stored
    rooms = house.app.state.rooms
    assert [due.due for due in await rooms.store.followups.of_clinician(stored.ehr, stored.user_key)] == []


@pytest.mark.parametrize("way", WAYS)
async def test_gone_on_with_it_is_where_it_was(house: Any, visitors: Visitors, way: str) -> None:
    one = await walk(visitors(), way)
    home = (await house.app.state.rooms.store.visits.get(one.visit)).state
    await visitors().launch("freya-woman")
    await one.get("start")
    await one.post({})
    assert one.page.status_code == 200
    assert (await house.app.state.rooms.store.visits.get(one.visit)).state is home
    assert "Anna Whitfield" in one.page.text


async def test_on_and_back_again_between_two_patients(house: Any, visitors: Visitors) -> None:
    anna, freya = await walk(visitors(), "questions"), visitors()
    await freya.launch("freya-woman")
    await freya.post({"door": "ask"})
    for _ in range(2):
        await anna.get("questions")
        is_stopped(anna)
        await anna.post({})
        assert anna.step == "questions"
        await freya.get("questions")
        is_stopped(freya, "Freya Nystrom")
        await freya.post({})
        assert freya.step == "questions"
    await freya.post(NEGATIVE)
    assert freya.step == "done"
    await anna.get("questions")
    await anna.post({})
    await anna.post(NEGATIVE)
    assert anna.step == "done"
    written = house.ehr.state.sandbox.memory.all("QuestionnaireResponse")
    subjects = [body["subject"]["reference"] for body in written]
    assert subjects.count("Patient/anna-woman") == subjects.count("Patient/freya-woman") > 0


async def test_a_second_launch_of_the_same_patient_stops_the_first(visitors: Visitors) -> None:
    one = await walk(visitors(), "questions")
    await visitors().launch("anna-woman")
    await one.get("questions")
    is_stopped(one)


async def test_a_colleague_stops_nobody(visitors: Visitors) -> None:
    one = await walk(visitors(), "questions")
    await visitors().launch("freya-woman", "dr-lindqvist")
    assert (await one.get("questions")).status_code == 200


@pytest.mark.parametrize("way", ["exit", "cover"])
async def test_the_ways_out_stay_open(visitors: Visitors, way: str) -> None:
    one = await walk(visitors(), "questions")
    await visitors().launch("freya-woman")
    answer = await one.browser.get(f"/v/{one.visit}/{way}", follow_redirects=False)
    assert answer.status_code == (303 if way == "exit" else 200)
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert (await one.get("questions")).status_code == 404


async def test_what_was_taken_up_again_is_not_stopped(visitors: Visitors) -> None:
    first = await walk(visitors(), "respond")
    again = await visitors().launch("anna-woman")
    await again.post({"resume": first.visit})
    assert (again.page.status_code, again.step) == (200, "respond")


async def test_the_telephone_is_there_without_a_step_of_the_visit(house: Any, visitors: Visitors) -> None:
    one = await walk(visitors(), "questions")
    await visitors().launch("freya-woman")
    await one.get("danger")
    is_stopped(one)
    folded = re.search(
        r"<details>\s*<summary>Telephone numbers</summary>(.*?)</details>", one.page.text, re.S
    )
    assert folded is not None
    numbers = house.settings.numbers
    for number in (numbers.emergency, numbers.silent, numbers.lead, numbers.helpline):
        assert f"<dd>{number}</dd>" in folded[1]
    assert not re.search(r"<(a|form|button|input)\b", folded[1])
    assert not re.search(r"violen|abus|partner|danger", one.text, re.I)


# What was entered when it was stopped


@pytest.mark.parametrize("way", ["questions", "respond"])
async def test_what_was_entered_meanwhile_is_kept_only_by_who_goes_on(
    house: Any, visitors: Visitors, way: str
) -> None:
    one = await walk(visitors(), way)
    forms, url = one.forms, one.page.url
    await visitors().launch("freya-woman")
    one.page.request.url = url
    await one.post({"76501-6": YES}, form=forms)
    is_stopped(one)
    assert "it is shown again" in one.text
    assert "76501-6" not in one.page.text
    assert YES not in one.page.text
    stored = await house.app.state.rooms.store.visits.get(one.visit)
    assert not any(stored.draft.entered.values())

    await one.post({})
    assert one.step == way
    assert 'name="76501-6" value="LA33-6" data-key="y" checked' in one.page.text
    assert everything(house)["service"] == []
    written = house.ehr.state.sandbox.memory.all("QuestionnaireResponse")
    assert [body for body in written if "anna-woman" in str(body)] == []


async def test_what_one_page_carries_is_not_taken_in_another_visit(visitors: Visitors) -> None:
    one = await walk(visitors(), "questions")
    forms, url = one.forms, one.page.url
    other = await visitors().launch("freya-woman")
    one.page.request.url = url
    await one.post(POSITIVE, form=forms)
    entered = dict(one.forms.forms[0]["fields"])["entered"]
    await visitors().launch("anna-woman")
    await other.get("start")
    is_stopped(other, "Freya Nystrom")
    form = other.forms
    form.forms[0]["names"].add("entered")
    await other.post({"entered": entered}, form=form)
    assert other.page.status_code == 403
    assert (await other.get("start")).status_code == 409


# What must be proved to go on


async def _post(one: Any, data: dict[str, str], headers: dict[str, str] = SAME) -> int:
    answer = await one.browser.post(f"/v/{one.visit}/go-on", data=data, headers=headers)
    return int(answer.status_code)


async def test_to_go_on_needs_the_form_of_the_page_that_says_so(visitors: Visitors) -> None:
    one = await walk(visitors(), "questions")
    elsewhere = dict(one.forms.forms[0]["fields"])["token"]
    stranger = visitors()
    await visitors().launch("freya-woman")
    await one.get("questions")
    token = dict(one.forms.forms[0]["fields"])["token"]
    stranger.visit = one.visit

    assert await _post(one, {"token": elsewhere}) == 409
    assert await _post(one, {"token": ""}) == 403
    assert await _post(one, {"token": token}, {"Sec-Fetch-Site": "cross-site"}) == 403
    assert await _post(one, {"token": token, "state": "recorded"}) == 422
    assert await _post(one, {"token": token, "entered": "forged"}) == 403
    assert await _post(stranger, {"token": token}) == 404
    assert (await one.get("questions")).status_code == 409
    assert await _post(one, {"token": token}) == 200
    assert (await one.get("questions")).status_code == 200


async def test_a_form_of_the_stopped_page_is_no_form_of_any_other(visitors: Visitors) -> None:
    one = await walk(visitors(), "questions")
    await visitors().launch("freya-woman")
    await one.get("questions")
    token = dict(one.forms.forms[0]["fields"])["token"]
    await one.post({})
    answer = await one.browser.post(
        f"/v/{one.visit}/questions", data={"token": token} | NEGATIVE, headers=SAME
    )
    assert answer.status_code == 409


# What is being written


async def test_what_was_being_written_when_the_next_chart_opened_keeps_its_result(
    house: Any, visitors: Visitors, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ipvscreen.pathway import write_out

    one, other = await walk(visitors(), "questions"), visitors()
    write = write_out.write

    async def meanwhile(*given: Any, **named: Any) -> Any:
        await other.launch("freya-woman")
        return await write(*given, **named)

    monkeypatch.setattr(write_out, "write", meanwhile)
    await one.post(NEGATIVE)
    is_stopped(one)
    await one.post({})
    assert one.step == "done"
    assert "Recorded and checked: the answers, the results" in one.text
