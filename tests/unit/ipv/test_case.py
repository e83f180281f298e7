"""The tables of a case: against the Task of HL7 SDOH Clinical Care, its roles, its audit; an end is one."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv import case_codes
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.case import (
    AUDITED,
    CLOSED,
    HANDED_OVER,
    MAY,
    STATUS,
    TRANSITIONS,
    BusinessStatus,
    CaseEvent,
    CaseRole,
    CaseState,
    TaskStatus,
    after,
)
from ipvscreen.ipv.case_codes import (
    DECLINE_WORDS,
    ENDS,
    OUTCOME_WORDS,
    STATE_WORDS,
    Decline,
    Outcome,
    why_words,
)
from ipvscreen.resources.neutral import topic_word

# The edges of SDOHCC-TaskForReferralManagement (facts on referral, 1.1), without those of a draft.
SDOHCC = """
requested: accepted rejected cancelled
accepted: in-progress on-hold completed failed cancelled
in-progress: on-hold completed failed cancelled
on-hold: in-progress completed failed cancelled
"""
EDGES = {
    (line.partition(":")[0], to)
    for line in SDOHCC.split("\n")
    if line
    for to in line.partition(":")[2].split()
}
events = st.lists(st.sampled_from(CaseEvent), max_size=40)


def walked(steps: list[CaseEvent]) -> list[CaseState]:
    """The states that come after one another; what a state does not have is left out."""
    states = [CaseState.DELIVERED]
    for event in steps:
        if event in TRANSITIONS[states[-1]]:
            states.append(after(states[-1], event))
    return states


@given(events)
def test_every_walk_is_one_of_the_task_too(steps: list[CaseEvent]) -> None:
    tasks = [STATUS[state][0] for state in walked(steps)]

    moves = {(a, b) for a, b in pairwise(tasks) if a is not b}
    assert {move for move in moves if move[1] is not TaskStatus.IN_ERROR} <= EDGES


def test_each_edge_of_the_task_is_one_of_a_case() -> None:
    ours = {
        (STATUS[state][0], STATUS[to][0]) for state, events in TRANSITIONS.items() for to in events.values()
    }
    assert ours >= EDGES


@given(events)
def test_nothing_leads_out_of_a_closed_state(steps: list[CaseEvent]) -> None:
    states = walked(steps)
    closed = [place for place, state in enumerate(states) if state in CLOSED]
    assert closed in ([], [len(states) - 1])
    for state, event in product(CLOSED, CaseEvent):
        with pytest.raises(OutOfOrder):
            after(state, event)


def test_closed_is_what_the_task_calls_an_end() -> None:
    assert {state for state, (_, business) in STATUS.items() if business is BusinessStatus.CLOSED} == CLOSED
    ends = {"rejected", "completed", "failed", "cancelled", "entered-in-error"}
    assert {STATUS[state][0] for state in CLOSED} == ends


def test_each_state_is_reached_and_each_event_is_possible_somewhere() -> None:
    reached, to_go = set[CaseState](), [next(iter(TRANSITIONS))]
    while to_go:
        reached.add(state := to_go.pop())
        to_go += set(TRANSITIONS[state].values()) - reached
    assert reached == set(CaseState) == set(TRANSITIONS) == set(STATUS)
    assert {event for row in TRANSITIONS.values() for event in row} == set(CaseEvent)


def test_a_person_may_stop_it_and_silence_it_in_every_state_that_is_open() -> None:
    for state in set(CaseState) - CLOSED:
        assert after(state, CaseEvent.WITHDRAW) is CaseState.CANCELLED
        assert after(state, CaseEvent.TELL_NOTHING) is state


def test_danger_is_passed_on_from_every_state_once_it_was_opened() -> None:
    for state in set(CaseState) - CLOSED - {CaseState.DELIVERED}:
        assert after(state, CaseEvent.DANGER) is state


def test_who_may_do_what() -> None:
    decides = {"accept", "wait", "decline", "check", "assign", "release", "error"}
    assert {event.value for event in MAY[CaseRole.COORDINATOR] - MAY[CaseRole.WORKER]} == decides
    assert MAY[CaseRole.COORDINATOR] == set(CaseEvent)
    assert {event.value for event in MAY[CaseRole.REFERRER]} == {"withdraw", "tell-nothing", "error"}
    assert set(MAY) == set(CaseRole)
    assert MAY[CaseRole.WORKER] - HANDED_OVER == {CaseEvent.OPEN, CaseEvent.DANGER}


def test_every_event_has_an_act_of_its_own_in_the_audit_log() -> None:
    assert set(AUDITED) == set(CaseEvent)
    assert len(set(AUDITED.values())) == len(CaseEvent)
    assert set(AUDITED.values()) <= set(Act)
    assert not any(topic_word(act.value.replace("-", " ")) for act in Act)


def test_every_code_has_words_and_none_is_of_the_topic() -> None:
    assert set(DECLINE_WORDS) == set(Decline)
    assert set(OUTCOME_WORDS) == set(ENDS) == set(Outcome)
    assert set(STATE_WORDS) == set(CaseState)
    assert set(ENDS.values()) == {CaseEvent.COMPLETE, CaseEvent.FAIL}
    words = [*DECLINE_WORDS.values(), *OUTCOME_WORDS.values(), *STATE_WORDS.values()]
    codes = [code.value.replace("-", " ") for kind in (Decline, Outcome, CaseState) for code in kind]
    assert not any(topic_word(text) for text in (*words, *codes))
    assert topic_word("near the perpetrator"), "the control"
    assert "safe" not in case_codes.__doc__ + " ".join(words + codes).lower()


def test_why_is_the_reason_or_the_outcome() -> None:
    assert why_words(None, None) == ""
    assert why_words(Decline.DUPLICATE, None) == "sent twice"
    assert why_words(None, Outcome.MOVED_ON) == "went on to another service"
