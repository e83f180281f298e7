"""The two state tables: what is not in them raises, nothing is out of reach, the pages agree."""

from collections.abc import Mapping
from enum import StrEnum
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv import referral, visit
from ipvscreen.ipv.diagram import mermaid
from ipvscreen.ipv.referral import ReferralEvent, ReferralState
from ipvscreen.ipv.visit import PAGES, Event, Step, VisitState, shows


def reachable(table: Mapping[StrEnum, Mapping[StrEnum, StrEnum]], start: StrEnum) -> set[StrEnum]:
    found, waiting = {start}, [start]
    while waiting:
        fresh = set(table[waiting.pop()].values()) - found
        found |= fresh
        waiting += fresh
    return found


@pytest.mark.parametrize(("state", "event"), list(product(VisitState, Event)))
def test_a_visit_moves_as_its_table_says(state: VisitState, event: Event) -> None:
    if event in visit.TRANSITIONS[state]:
        assert visit.after(state, event) is visit.TRANSITIONS[state][event]
    else:
        with pytest.raises(OutOfOrder) as caught:
            visit.after(state, event)
        assert (caught.value.state, caught.value.event) == (state, event)


@pytest.mark.parametrize(("state", "event"), list(product(ReferralState, ReferralEvent)))
def test_a_referral_moves_as_its_table_says(state: ReferralState, event: ReferralEvent) -> None:
    if event in referral.TRANSITIONS[state]:
        assert referral.after(state, event) is referral.TRANSITIONS[state][event]
    else:
        with pytest.raises(OutOfOrder) as caught:
            referral.after(state, event)
        assert (caught.value.state, caught.value.event) == (state, event)


def test_every_state_stands_in_its_table_and_can_be_reached() -> None:
    assert reachable(visit.TRANSITIONS, VisitState.OPENED) == set(VisitState) == set(visit.TRANSITIONS)
    assert reachable(referral.TRANSITIONS, ReferralState.DRAFTED) == set(ReferralState)
    assert set(referral.TRANSITIONS) == set(ReferralState)


def test_every_event_leads_somewhere() -> None:
    assert {event for events in visit.TRANSITIONS.values() for event in events} == set(Event)
    assert {event for events in referral.TRANSITIONS.values() for event in events} == set(ReferralEvent)


@pytest.mark.parametrize("state", VisitState)
def test_every_visit_can_be_brought_to_an_end(state: VisitState) -> None:
    assert VisitState.CLOSED in reachable(visit.TRANSITIONS, state)


@given(st.lists(st.sampled_from(Event), max_size=12))
def test_a_closed_visit_stays_closed_and_a_referral_follows_a_record(events: list[Event]) -> None:
    state, path = VisitState.OPENED, []
    for event in events:
        try:
            state = visit.after(state, event)
        except OutOfOrder:
            continue
        path.append(event)
    if state is VisitState.CLOSED:
        assert path[-1] is Event.FINISH
    if Event.REFER in path:
        before = path[: path.index(Event.REFER)]
        begun = {Event.RECORD, Event.RECORD_FAILED, Event.INTERRUPT, Event.CHOOSE_AGAIN}
        assert begun & set(before), "or after a decline, of what was recorded then"


def test_a_refusal_of_the_record_system_keeps_nobody_from_help() -> None:
    assert visit.after(VisitState.UNRECORDED, Event.REFER) is VisitState.UNRECORDED
    assert shows(VisitState.UNRECORDED, Step.REFER)


def test_what_was_received_is_not_sent_again_and_what_was_refused_may_be() -> None:
    with pytest.raises(OutOfOrder):
        referral.after(ReferralState.RECEIVED, ReferralEvent.SEND)
    assert referral.after(ReferralState.REFUSED, ReferralEvent.SEND) is ReferralState.QUEUED


def test_every_page_belongs_to_a_state_and_every_open_state_has_a_page() -> None:
    assert set(PAGES) == set(VisitState)
    assert {step for steps in PAGES.values() for step in steps} == set(Step)
    assert [state for state in VisitState if not PAGES[state]] == [VisitState.CLOSED]


@pytest.mark.parametrize(("state", "step"), list(product(VisitState, Step)))
def test_a_page_shows_where_the_table_has_it(state: VisitState, step: Step) -> None:
    assert shows(state, step) is (step in PAGES[state])


def test_no_questions_once_disclosed_and_no_start_once_begun() -> None:
    assert [state for state in VisitState if shows(state, Step.START)] == [VisitState.OPENED]
    assert [state for state in VisitState if shows(state, Step.QUESTIONS)] == [VisitState.ASKING]


def test_a_diagram_has_every_transition() -> None:
    text = mermaid(visit.TRANSITIONS)
    lines = text.splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> opened"]
    assert "    saving --> unrecorded: record-failed" in lines
    assert "    closed --> [*]" in lines
    ends = [events for events in visit.TRANSITIONS.values() if not events]
    assert len(lines) == 2 + sum(len(events) for events in visit.TRANSITIONS.values()) + len(ends)
    assert text.endswith("\n")


def test_a_diagram_spells_names_as_identifiers() -> None:
    class Light(StrEnum):
        RED_AMBER = "red-amber"

    class Change(StrEnum):
        GO_ON = "go-on"

    text = mermaid({Light.RED_AMBER: {Change.GO_ON: Light.RED_AMBER}})
    assert "red_amber --> red_amber: go-on" in text
