"""The pages of a visit over their routes: in order, once, and with plain words for what goes wrong."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
POSITIVE = {"76500-8": YES}
QUIET = {"safe-today": "yes", "neck": "no", "suicide": "no", "help-now": ["someone-to-talk-to"]}
SHEET = {"service": "specialist", "way": "phone", "number": "07700 900123", "out": "yes", "back": "no"}
DECISION = {"decided_by": "Dr Osei, GP", "basis": "child", "told": "no", "why_not_told": "Not safe to."}
SAME = {"Sec-Fetch-Site": "same-origin"}
Visitors = Callable[[], Any]


async def held(house: Any, patient: str, kind: str = "QuestionnaireResponse") -> int:
    """How many of that type the record system holds about the patient."""
    async with house.reader() as reader:
        bundle = (await reader.get(f"/{kind}", params={"patient": patient})).json()
    return len(bundle.get("entry", []))


async def at_questions(visitor: Any, patient: str = "anna-woman") -> Any:
    await visitor.launch(patient)
    await visitor.post({"door": "ask"})
    assert visitor.step == "questions", visitor.text
    return visitor


async def at_respond(visitor: Any, patient: str = "anna-woman") -> Any:
    await at_questions(visitor, patient)
    await visitor.post(POSITIVE)
    assert visitor.step == "respond", visitor.text
    return visitor


async def at_refer(visitor: Any, patient: str = "anna-woman") -> Any:
    await at_respond(visitor, patient)
    await visitor.post(QUIET)
    assert visitor.step == "refer", visitor.text
    return visitor


def mistaken(visitor: Any, step: str) -> bool:
    """Whether the form was answered by a redirect to its own page, which says what is wrong in it."""
    before = [answer.status_code for answer in visitor.page.history]
    assert (before, visitor.page.status_code, visitor.step) == ([303], 200, step), visitor.text
    return "Put this right first" in visitor.text


# Doors


@pytest.mark.parametrize(
    ("door", "step"),
    [
        ("ask", "questions"),
        ("told", "respond"),
        ("worried", "respond"),
        ("danger", "danger"),
        ("not-now", "not-now"),
    ],
)
async def test_each_door_leads_to_its_page(visitor: Any, door: str, step: str) -> None:
    await visitor.launch()
    await visitor.post({"door": door})
    assert visitor.step == step


async def test_from_the_record_is_for_mental_health_alone(visitors: Visitors) -> None:
    trust = await visitors().launch("david-man", "dr-lindqvist")
    await trust.post({"door": "from-record"})
    assert trust.step == "respond"
    gp = await visitors().launch("david-man")
    await gp.post({"door": "from-record"})
    assert gp.page.status_code == 409


async def test_a_child_is_not_asked_whatever_is_posted(visitor: Any) -> None:
    await visitor.launch("kim-15")
    assert "not asked" in visitor.text
    await visitor.post({"door": "ask"})
    assert visitor.page.status_code == 409
    assert (await visitor.get("questions")).status_code == 409


async def test_an_unknown_age_is_confirmed_first(visitor: Any) -> None:
    await visitor.launch("unknown-person")
    await visitor.post({"door": "ask"})
    assert mistaken(visitor, "start")
    assert "Confirm that the patient is 16 or over" in visitor.text
    await visitor.post({"door": "ask", "age_confirmed": "yes"})
    assert visitor.step == "questions"


async def test_the_setting_can_be_changed(visitor: Any) -> None:
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask", "setting": "antenatal"})
    assert 'name="aas-5"' in visitor.page.text


# Questions


async def test_a_negative_is_recorded_and_support_offered_anyway(house: Any, visitor: Any) -> None:
    await at_questions(visitor)
    await visitor.post(NEGATIVE)
    assert visitor.step == "done"
    assert "Recorded and checked: the answers, the results" in visitor.text
    assert "This rules nothing out" in visitor.text
    assert "Offer support anyway" in visitor.text
    await visitor.get("refer")
    assert visitor.step == "refer"


async def test_declining_is_an_answer(house: Any, visitor: Any) -> None:
    await at_questions(visitor)
    await visitor.post({"other": "declined"})
    assert visitor.step == "done"
    assert "Your care stays the same" in visitor.text
    assert await held(house, "anna-woman") > 0


async def test_a_yes_before_declining_stays_a_yes(visitor: Any) -> None:
    await at_questions(visitor)
    await visitor.post(POSITIVE | {"other": "declined"})
    assert visitor.step == "respond"


async def test_never_had_a_partner_is_recorded_as_such_and_is_no_negative(house: Any, visitor: Any) -> None:
    await at_questions(visitor)
    await visitor.post({"other": "never-had-a-partner"})
    assert visitor.step == "not-now"
    assert "Recorded and checked" in visitor.text
    assert "Nothing was added" not in visitor.text
    assert await held(house, "anna-woman") == 0
    assert await held(house, "anna-woman", "Observation") == 1


async def test_incomplete_is_recorded_as_such(visitor: Any) -> None:
    await at_questions(visitor)
    await visitor.post({"76500-8": NO})
    assert visitor.step == "done"
    assert "Incomplete: not every item was answered" in visitor.text
    assert "Total" not in visitor.text


async def test_nothing_in_the_record_if_that_is_chosen(house: Any, visitor: Any) -> None:
    await at_questions(visitor)
    await visitor.post(NEGATIVE | {"recording": "nothing"})
    assert "Nothing was added to the health record." in visitor.text
    assert await held(house, "anna-woman") == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"76500-8": "LA99-9"},
        {"recording": "loud"},
        {"flag": "yes"},
        {"state": "recorded"},
        {"patient_id": "x"},
        {"99999-9": YES},
    ],
)
async def test_what_the_page_does_not_offer_is_422_and_the_form_can_be_sent_again(
    house: Any, visitor: Any, wrong: dict[str, str]
) -> None:
    await at_questions(visitor)
    form = visitor.forms
    form.forms[0]["names"] |= set(wrong)
    await visitor.post(NEGATIVE | wrong, form=form)
    assert (visitor.page.status_code, visitor.step) == (422, "problem")
    assert await held(house, "anna-woman") == 0
    await visitor.post(NEGATIVE, form=form)
    assert visitor.step == "done"


# Respond, danger


async def test_respond_records_and_goes_on_to_a_service(house: Any, visitor: Any) -> None:
    await at_respond(visitor)
    await visitor.post(QUIET | {"flag": "yes"})
    assert visitor.step == "refer"
    assert "Recorded and checked: the answers, the results, a flag" in visitor.text
    assert await held(house, "anna-woman", "Flag") == 1


async def test_an_answer_can_be_put_right_on_the_page_that_responds(visitor: Any) -> None:
    await at_respond(visitor)
    await visitor.post(QUIET | {"76501-6": YES})
    await visitor.get("done")
    assert "HARK At least one yes" in visitor.text


async def test_in_danger_the_telephone_comes_first(house: Any, visitor: Any) -> None:
    await at_respond(visitor)
    await visitor.post(QUIET | {"safe-today": "no", "neck": "yes-recent"})
    assert visitor.step == "danger"
    assert "Life at risk: 999" in visitor.text
    assert "Neck squeezed" in visitor.text

    await visitor.get("refer")
    assert "disabled" in visitor.page.text
    form = visitor.forms
    await visitor.post(SHEET, form=form)
    assert visitor.page.status_code == 409
    assert await held(house, "anna-woman", "ServiceRequest") == 0

    await visitor.get("danger")
    await visitor.post({"call": "made"})
    assert visitor.step == "refer"
    await visitor.post(SHEET)
    assert visitor.step == "sent"


async def test_a_call_has_an_outcome(visitor: Any) -> None:
    await visitor.launch()
    await visitor.get("danger")
    await visitor.post({}, form=visitor.forms)
    assert mistaken(visitor, "danger")
    await visitor.post({"call": "impossible"})
    assert visitor.step == "respond"


async def test_danger_during_the_questions_goes_on_to_respond(visitor: Any) -> None:
    await at_questions(visitor)
    await visitor.get("danger")
    await visitor.post({"call": "declined"})
    assert visitor.step == "respond"


# Services


async def test_a_sheet_says_what_is_missing_and_keeps_the_rest(visitor: Any) -> None:
    await at_refer(visitor)
    await visitor.post({"times": "Tuesdays", "out": "no"})
    assert mistaken(visitor, "refer")
    for sentence in ("Choose a service.", "Choose the safe way", "Without agreement nothing is sent"):
        assert sentence in visitor.text
    assert 'value="Tuesdays"' in visitor.page.text
    await visitor.post(SHEET)
    assert visitor.step == "sent"


async def test_what_is_wrong_is_said_once_and_then_no_longer_kept(house: Any, visitor: Any) -> None:
    await at_refer(visitor)
    await visitor.post({"times": "Tuesdays", "help": ["legal"]})
    assert mistaken(visitor, "refer")
    assert 'value="legal" checked' in visitor.page.text
    stored = await house.app.state.rooms.store.visits.get(visitor.visit)
    assert stored.draft.mistaken is None
    await visitor.get("refer")
    assert "Put this right" not in visitor.text
    assert "Tuesdays" not in visitor.page.text


async def test_what_was_mistaken_on_one_page_is_not_shown_on_another(house: Any, visitor: Any) -> None:
    visits = house.app.state.rooms.store.visits
    await at_refer(visitor)
    form, at = visitor.forms, f"/v/{visitor.visit}"
    body = dict(form.forms[0]["fields"]) | {"times": "Tuesdays"}
    answer = await visitor.browser.post(f"{at}/refer", data=body, headers=SAME, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{at}/refer")
    assert answer.content == b""
    for step in ("share", "done", "danger", "finish"):
        await visitor.get(step)
        assert "Put this right" not in visitor.text
        assert "Tuesdays" not in visitor.page.text
    assert (await visits.get(visitor.visit)).draft.mistaken.values["times"] == "Tuesdays"

    await visitor.get("danger")
    await visitor.post({"call": "made"})
    assert (await visits.get(visitor.visit)).draft.mistaken is None, "a form that was taken ends it"
    assert "Put this right" not in visitor.text


async def test_a_refused_sheet_of_a_visit_that_is_closed_is_gone(house: Any, visitor: Any) -> None:
    visits = house.app.state.rooms.store.visits
    await at_refer(visitor)
    body = dict(visitor.forms.forms[0]["fields"]) | {"times": "Tuesdays"}
    await visitor.browser.post(f"/v/{visitor.visit}/refer", data=body, headers=SAME, follow_redirects=False)
    await visitor.get("finish")
    await visitor.post({"action": "close"})
    assert (await visits.get(visitor.visit)).draft.mistaken is None


async def test_a_page_that_is_shown_twice_at_once_is_shown_twice(house: Any, visitor: Any) -> None:
    await at_refer(visitor)
    body = dict(visitor.forms.forms[0]["fields"]) | {"times": "Tuesdays"}
    at = f"/v/{visitor.visit}/refer"
    await visitor.browser.post(at, data=body, headers=SAME, follow_redirects=False)
    both = await asyncio.gather(*(visitor.browser.get(at, headers=SAME) for _ in range(4)))
    assert {answer.status_code for answer in both} == {200}
    assert any("Put this right" in answer.text for answer in both)


@pytest.mark.parametrize("service", ["uses-violence", "unknown"])
async def test_a_service_that_does_not_fit_cannot_be_chosen(house: Any, visitor: Any, service: str) -> None:
    await at_refer(visitor)
    await visitor.post(SHEET | {"service": service})
    assert mistaken(visitor, "refer")
    assert "Choose another." in visitor.text
    assert await held(house, "anna-woman", "ServiceRequest") == 0


async def test_help_that_is_not_offered_is_refused(visitor: Any) -> None:
    await at_refer(visitor)
    await visitor.post(SHEET | {"help": ["money"]})
    assert (visitor.page.status_code, visitor.step) == (422, "problem")


async def test_a_referral_is_received(house: Any, visitor: Any) -> None:
    await at_refer(visitor)
    await visitor.post(SHEET)
    await visitor.until("Received by Harbour service at 10:00, not yet opened.")
    assert "tell the practice manager, who phones" in visitor.text


async def test_sharing_without_agreement_needs_a_decision(house: Any, visitor: Any) -> None:
    await at_refer(visitor)
    await visitor.get("share")
    sheet = {name: value for name, value in SHEET.items() if name not in ("out", "back")}
    await visitor.post(sheet)
    assert mistaken(visitor, "share")
    assert "Say who decided." in visitor.text
    await visitor.post(sheet | DECISION)
    assert visitor.step == "sent"
    assert await held(house, "anna-woman", "Consent") == 0


# The record refuses


async def test_a_record_that_refuses_never_keeps_a_person_from_help(house: Any, visitor: Any) -> None:
    refuse = house.ehr.state.sandbox.switches.refuse
    await at_respond(visitor)
    refuse[("POST", "*")] = 403
    await visitor.post(QUIET)
    assert visitor.step == "done"
    assert "Not yet recorded" in visitor.text
    assert "Do this:" in visitor.text
    await visitor.get("refer")
    await visitor.post(SHEET)
    assert visitor.step == "sent"

    refuse.clear()
    await visitor.get("done")
    await visitor.post({"action": "retry"})
    assert "Recorded and checked: the answers" in visitor.text


async def test_entered_by_hand_ends_the_visit(house: Any, visitor: Any) -> None:
    house.ehr.state.sandbox.switches.refuse[("POST", "*")] = 500
    await at_questions(visitor)
    await visitor.post(NEGATIVE)
    await visitor.post({"action": "by-hand"})
    assert "url=https://ehr.test/" in visitor.page.text
    assert (await visitor.get("done")).status_code == 404


async def test_a_lost_label_is_an_alarm(house: Any, visitor: Any) -> None:
    house.ehr.state.sandbox.switches.drop_labels = {"Observation"}
    await at_questions(visitor)
    await visitor.post(NEGATIVE)
    assert (
        "ALARM: its protection was not kept, so it was taken back: the answers, the results, who recorded it."
        in visitor.text
    )


async def test_trying_again_is_for_what_failed(visitor: Any) -> None:
    await at_questions(visitor)
    await visitor.post(NEGATIVE)
    await visitor.post({"action": "retry"}, form=_with_action(visitor))
    assert visitor.page.status_code == 409


def _with_action(visitor: Any) -> Any:
    form = visitor.forms
    for one in form.forms:
        one["names"] |= {"action", "reason", "due"}
    return form


# Not now, follow-up, closing


async def test_not_now_writes_nothing_and_notes_a_follow_up(house: Any, visitor: Any) -> None:
    await visitor.launch()
    await visitor.post({"door": "not-now"})
    assert "Nothing was added to the health record." in visitor.text
    await visitor.post({"action": "follow-up", "due": "2026-03-20"})
    assert "Follow-up noted for 20 March 2026." in visitor.text
    await visitor.post({"action": "close"})
    assert "url=https://ehr.test/" in visitor.page.text
    assert await held(house, "anna-woman", "Observation") == 0


@pytest.mark.parametrize("due", ["2026-03-02", "soon", ""])
async def test_a_follow_up_is_on_a_day_to_come(visitor: Any, due: str) -> None:
    await visitor.launch()
    await visitor.post({"door": "not-now"})
    await visitor.post({"action": "follow-up", "due": due})
    assert visitor.page.status_code == 422


async def test_not_done_is_a_choice_with_a_reason(house: Any, visitor: Any) -> None:
    await at_questions(visitor)
    await visitor.get("not-now")
    await visitor.post({"action": "not-done", "reason": "acute-illness"})
    assert visitor.step == "not-now"
    assert "Recorded and checked" in visitor.text
    assert await held(house, "anna-woman", "Observation") == 1
    await visitor.post({"action": "not-done", "reason": "boredom"}, form=_with_action(visitor))
    assert visitor.page.status_code == 422


async def test_a_button_of_another_page_is_refused(visitor: Any) -> None:
    await visitor.launch()
    await visitor.post({"door": "not-now"})
    await visitor.post({"action": "by-hand"}, form=_with_action(visitor))
    assert visitor.page.status_code == 422


async def test_finish_closes_and_takes_the_cookie(visitor: Any) -> None:
    await at_refer(visitor)
    await visitor.get("finish")
    assert "SNOMED" in visitor.text
    await visitor.post({"action": "close"})
    assert "Max-Age=0" in visitor.page.headers["set-cookie"]
    assert (await visitor.get("finish")).status_code == 404


# Once, in order, for this patient


async def test_the_same_form_at_once_writes_once(house: Any, visitor: Any) -> None:
    await at_questions(visitor)
    fields = [(n, v) for n, v in visitor.forms.forms[0]["fields"] if n == "token"] + list(NEGATIVE.items())
    answers = await asyncio.gather(
        *(visitor.browser.post(visitor.page.url, data=dict(fields), headers=SAME) for _ in range(8))
    )
    assert {answer.url.path.rsplit("/", 1)[1] for answer in answers} == {"done"}
    assert await held(house, "anna-woman") == 3
    assert await held(house, "anna-woman", "Observation") == 7


async def test_an_old_form_in_another_state_is_409_with_the_way_on(visitor: Any) -> None:
    await visitor.launch()
    start, url = visitor.forms, visitor.page.url
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)
    visitor.page.request.url = url
    await visitor.post({"door": "not-now"}, form=start)
    assert visitor.page.status_code == 409
    assert f"/v/{visitor.visit}/respond" in visitor.page.text


async def test_a_form_of_another_patient_is_refused(house: Any, visitors: Visitors) -> None:
    one, other = visitors(), visitors()
    await at_questions(one, "anna-woman")
    await at_questions(other, "freya-woman")
    await other.post(NEGATIVE, form=_retargeted(one.forms, other.page.url.path))
    assert other.page.status_code == 403
    assert await held(house, "freya-woman") == 0
    assert await held(house, "anna-woman") == 0


def _retargeted(form: Any, path: str) -> Any:
    form.forms[0]["action"] = path
    return form


async def test_sent_has_no_form(visitor: Any) -> None:
    await at_refer(visitor)
    form = visitor.forms
    await visitor.post(SHEET)
    await visitor.post({}, form=_retargeted(form, f"/v/{visitor.visit}/sent"))
    assert visitor.page.status_code in (303, 200, 422)
    assert visitor.step in ("sent", "problem")


# Draft and resume


async def save_draft(visitor: Any, fields: dict[str, str], **headers: str) -> int:
    token = dict(visitor.forms.forms[0]["fields"])["token"]
    answer = await visitor.browser.post(
        f"/v/{visitor.visit}/draft",
        data={"token": token} | fields,
        headers=SAME | headers,
    )
    return int(answer.status_code)


async def test_what_was_interrupted_after_a_yes_waits_for_this_clinician_and_patient(
    visitors: Visitors,
) -> None:
    first = await at_questions(visitors(), "anna-woman")
    assert await save_draft(first, POSITIVE | {"recording": "full"}) == 204

    elsewhere = await visitors().launch("freya-woman")
    assert "Another patient, begun" in elsewhere.text
    assert 'name="resume"' not in elsewhere.page.text
    assert "Anna" not in elsewhere.text

    colleague = await visitors().launch("anna-woman", "dr-lindqvist")
    assert "Begun and not finished" not in colleague.text

    again = await visitors().launch("anna-woman")
    await again.post({"resume": first.visit})
    assert again.step == "questions"
    assert f"/v/{first.visit}/" in str(again.page.url)
    assert 'value="LA33-6" data-key="y" checked' in again.page.text
    again.visit = first.visit
    await again.post(POSITIVE)
    assert again.step == "respond"

    assert (await first.get("questions")).status_code == 404, "the browser that had it has lost it"


async def test_a_draft_of_another_patient_is_not_resumed_whatever_is_posted(visitors: Visitors) -> None:
    first = await at_questions(visitors(), "anna-woman")
    await save_draft(first, POSITIVE)
    other = await visitors().launch("freya-woman")
    form = other.forms
    form.forms[0]["names"].add("resume")
    await other.post({"resume": first.visit}, form=form)
    assert other.page.status_code == 409


async def test_a_draft_without_a_yes_is_on_no_list(visitors: Visitors) -> None:
    first = await at_questions(visitors())
    assert await save_draft(first, {"76500-8": NO}) == 204
    again = await visitors().launch()
    assert "Begun and not finished" not in again.text


async def test_a_draft_leaves_the_form_unused(visitor: Any) -> None:
    await at_questions(visitor)
    assert await save_draft(visitor, POSITIVE) == 204
    await visitor.post(NEGATIVE)
    assert visitor.step == "done"


async def test_a_draft_is_as_strict_as_the_form(visitor: Any) -> None:
    await at_questions(visitor)
    assert await save_draft(visitor, {"state": "recorded"}) == 422
    assert await save_draft(visitor, {"76500-8": "LA99-9"}) == 422
    assert await save_draft(visitor, POSITIVE, **{"Sec-Fetch-Site": "cross-site"}) == 403


async def test_a_draft_that_comes_late_is_409(visitor: Any) -> None:
    await at_questions(visitor)
    late = visitor.forms
    await visitor.post(POSITIVE)
    await visitor.post(QUIET)
    token = dict(late.forms[0]["fields"])["token"]
    answer = await visitor.browser.post(f"/v/{visitor.visit}/draft", data={"token": token}, headers=SAME)
    assert answer.status_code == 409


async def test_a_page_without_questions_keeps_no_draft(visitor: Any) -> None:
    await visitor.launch()
    assert await save_draft(visitor, {}) == 422
