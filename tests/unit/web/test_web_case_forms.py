"""The forms of a case are the tables: one for each event of state and role, with its fields."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

import pytest

from ipvscreen.errors import OutOfOrder, StepRefused
from ipvscreen.ipv.case import MAY, TRANSITIONS, CaseEvent, CaseRole, CaseState
from ipvscreen.ipv.case_codes import ENDS, Decline, Outcome, Tried
from ipvscreen.ipv.case_step import SAID, Case, case_of, possible, taken
from ipvscreen.ipv.conflict import Answer, Facts
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact
from ipvscreen.resources.neutral import topic_word
from ipvscreen.web.fields import FieldsRefused
from ipvscreen.web.inbox import case_words
from ipvscreen.web.inbox.case_forms import KNOWS, Form, form, forms, step_of

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
AGREED = Agreement(out=True, back=True, until=date(2026, 9, 2))
TEAM = {"w": "Wim", "x": "Xia"}
PHONE = SafeContact(ContactWay.PHONE, "07700 900123", text=True)
CLEAR = Facts(Answer.NO, mentors={"w": Answer.NO, "x": Answer.YES})


def case(contact: SafeContact = PHONE, **changes: Any) -> Case:
    made = case_of("key", ReferralRequest("mentors", contact, agreement=AGREED), AT)
    return replace(made, **changes)


def fields_of(one: Form) -> dict[str, tuple[str, ...]]:
    """The first choice of each field, as a browser posts it."""
    posted = {field.name: (field.options[0][0],) for field in one.fields if field.kind == "radio"}
    dates = {
        field.name: (f"2026-0{3 + (field.name == 'until')}-01",)
        for field in one.fields
        if field.kind == "date"
    }
    return {"event": (one.event.value,), "seen": ("0",)} | posted | dates


@pytest.mark.parametrize(("state", "role"), list(product(CaseState, (CaseRole.WORKER, CaseRole.COORDINATOR))))
def test_there_is_a_form_for_each_event_of_the_tables_and_it_is_taken(
    state: CaseState, role: CaseRole
) -> None:
    """The member is the mentor; each form, filled in with its first choices, makes a step that is allowed."""
    one = case(state=state, mentor="w", facts=CLEAR)
    made = [*forms(one, role, "w", TEAM)]
    if CaseEvent.DANGER in possible(one, role, "w"):
        made.append(form(one, CaseEvent.DANGER, TEAM))

    assert {each.event for each in made} == set(TRANSITIONS[state]) & MAY[role]
    for each in made:
        step, seen = step_of(fields_of(each), role, "w", TEAM)
        after = taken(one, step, AT)
        assert (after.state, seen) == (TRANSITIONS[state][each.event], 0)


@pytest.mark.parametrize(("state", "role"), list(product(CaseState, CaseRole)))
def test_what_has_no_form_is_refused(state: CaseState, role: CaseRole) -> None:
    for member, mentor in (("w", "w"), ("x", "w"), ("w", None)):
        one = case(state=state, mentor=mentor, facts=CLEAR)
        for event in set(CaseEvent) - set(possible(one, role, member)):
            step, _ = step_of(fields_of(form(case(facts=CLEAR), event, TEAM)), role, member, TEAM)
            with pytest.raises((OutOfOrder, StepRefused)):
                taken(one, step, AT)


def test_only_safe_ways_and_what_may_be_left_there_are_offered() -> None:
    contact = form(case(), CaseEvent.CONTACT, TEAM)
    offered = {field.name: {value for value, _ in field.options} for field in contact.fields}
    assert offered["way"] == {"phone", "text", "she-calls"}
    assert offered["tried"] == {one.value for one in Tried} - {"voicemail"}
    left = form(case(replace(PHONE, voicemail=True)), CaseEvent.CONTACT, TEAM)
    assert "voicemail" in {value for field in left.fields for value, _ in field.options}
    she = form(case(SafeContact(ContactWay.SHE_CALLS)), CaseEvent.CONTACT, TEAM)
    assert {value for field in she.fields if field.name == "way" for value, _ in field.options} == {
        "she-calls"
    }
    assert she.hint == "Make no contact: the person will ring you."


def test_nobody_is_offered_who_may_not_have_it() -> None:
    assigned = form(case(facts=CLEAR), CaseEvent.ASSIGN, TEAM)
    assert assigned.fields[0].options == (("w", "Wim"),)
    assert not assigned.blocked
    for facts in (Facts(), Facts(Answer.YES, mentors=CLEAR.mentors)):
        assert form(case(facts=facts), CaseEvent.ASSIGN, TEAM).blocked


def test_each_outcome_and_each_reason_is_offered_where_it_belongs() -> None:
    for event in (CaseEvent.COMPLETE, CaseEvent.FAIL):
        (field,) = form(case(), event, TEAM).fields
        assert {value for value, _ in field.options} == {one for one in Outcome if ENDS[one] is event}
    (field,) = form(case(), CaseEvent.DECLINE, TEAM).fields
    assert {value for value, _ in field.options} == set(Decline)


def test_what_comes_first_is_what_is_likeliest() -> None:
    def first(**changes: Any) -> CaseEvent:
        return forms(case(**changes), CaseRole.COORDINATOR, "c", TEAM)[0].event

    assert first() is CaseEvent.OPEN
    assert first(state=CaseState.OPENED) is CaseEvent.CHECK
    assert first(state=CaseState.OPENED, facts=CLEAR) is CaseEvent.ACCEPT
    assert first(state=CaseState.ACCEPTED, facts=CLEAR) is CaseEvent.ASSIGN
    assert first(state=CaseState.ACCEPTED, facts=CLEAR, mentor="w") is CaseEvent.CONTACT
    assert first(state=CaseState.ENGAGED, facts=CLEAR, mentor="w") is CaseEvent.WEEKLY


def test_what_was_answered_is_the_steps_facts() -> None:
    posted = {
        "event": ("check",),
        "seen": ("3",),
        "both": ("yes",),
        "apart": ("true",),
        f"{KNOWS}w": ("not-sure",),
    }
    step, seen = step_of(posted, CaseRole.COORDINATOR, "c", TEAM)
    assert (step.facts, seen) == (Facts(Answer.YES, apart=True, mentors={"w": Answer.NOT_SURE}), 3)
    more, _ = step_of({**posted, "both": ()} | {"both": ("no",)}, CaseRole.COORDINATOR, "c", TEAM)
    assert more.facts is not None
    empty, _ = step_of({"event": ("check",), "seen": ("3",)}, CaseRole.COORDINATOR, "c", TEAM)
    assert empty.facts is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"mentor": ("stranger",)},
        {f"{KNOWS}stranger": ("no",)},
        {f"{KNOWS}w": ("perhaps",)},
        {f"{KNOWS}w": ("no", "yes")},
        {"event": ("vanish",)},
        {"seen": ("many",)},
        {"more": ("x",)},
    ],
)
def test_what_the_page_does_not_offer_is_refused(wrong: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(FieldsRefused):
        step_of({"event": ("assign",), "seen": ("0",)} | wrong, CaseRole.COORDINATOR, "c", TEAM)


def test_a_release_that_does_not_end_is_none() -> None:
    posted = {"event": ("release",), "seen": ("0",), "signed_on": ("2026-03-02",), "until": ("2026-03-02",)}
    with pytest.raises(ValueError, match="must end"):
        step_of(posted, CaseRole.COORDINATOR, "c", TEAM)


def test_every_event_says_something_and_there_is_a_word_for_each_code() -> None:
    assert set(SAID) == set(case_words.EVENTS) == set(CaseEvent)
    assert set(case_words.STATES) == set(CaseState)
    for table in (case_words.STATES, case_words.EVENTS, case_words.TRIED, case_words.WAYS, case_words.PLACES):
        assert [words for words in table.values() if topic_word(words)] == []
