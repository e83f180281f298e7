"""A referral that a person brings: who, when, how, and whether it goes so at all."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ipvscreen.ipv.by_hand import EVENTS, ByHand, Handed, goes_by_hand, ways, when
from ipvscreen.ipv.finding import against, note
from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.referral import LATE, ReferralEvent, ReferralState, after, is_late
from ipvscreen.ipv.services import Kind, Need, Rule, Service
from ipvscreen.ipv.standing import reachable

NOW = datetime(2026, 3, 2, 10, 0, 30, tzinfo=UTC)
LETTER, TELEPHONE = ByHand.LETTER, ByHand.TELEPHONE
BOTH = frozenset(ByHand)
STATES = {
    ReferralState.DRAFTED: (),
    ReferralState.QUEUED: (),
    ReferralState.UNSENT: (LETTER, TELEPHONE),
    ReferralState.SENT: (TELEPHONE,),
    ReferralState.RECEIVED: (),
    ReferralState.REFUSED: (LETTER, TELEPHONE),
    ReferralState.CANCELLED: (),
    ReferralState.LAPSED: (),
    ReferralState.STOPPING: (),
    ReferralState.TOLD: (),
    ReferralState.UNTOLD: (),
}


@pytest.mark.parametrize("state", ReferralState)
def test_how_it_can_be_brought_in_each_state(state: ReferralState) -> None:
    assert ways(state, BOTH) == STATES[state]


def test_who_takes_no_letters_can_be_rung_all_the_same() -> None:
    assert ways(ReferralState.UNSENT, frozenset()) == (TELEPHONE,)
    assert ways(ReferralState.UNSENT, frozenset({LETTER})) == (LETTER, TELEPHONE)


def test_only_what_was_brought_counts_as_sent() -> None:
    assert after(ReferralState.DRAFTED, ReferralEvent.PREPARE) is ReferralState.UNSENT
    assert after(ReferralState.UNSENT, EVENTS[LETTER]) is ReferralState.SENT
    assert after(ReferralState.UNSENT, EVENTS[TELEPHONE]) is ReferralState.RECEIVED
    assert after(ReferralState.SENT, EVENTS[TELEPHONE]) is ReferralState.RECEIVED


@pytest.mark.parametrize("state", ReferralState)
def test_what_nobody_has_brought_is_late_like_any_other(state: ReferralState) -> None:
    waits = state in (ReferralState.QUEUED, ReferralState.UNSENT)

    assert is_late(state, NOW, NOW + LATE) is waits
    assert not is_late(state, NOW, NOW + LATE - timedelta(seconds=1))


def test_somebody_answers_for_it() -> None:
    assert Handed(LETTER, "Dr Osei", NOW).to == ""
    assert Handed(TELEPHONE, "Dr Osei", NOW, "Ms Reed").to == "Ms Reed"
    with pytest.raises(ValueError, match="by whom"):
        Handed(LETTER, " ", NOW)
    with pytest.raises(ValueError, match="with whom you have spoken"):
        Handed(TELEPHONE, "Dr Osei", NOW, " ")


def test_a_time_that_can_be_true() -> None:
    given = {"since": NOW - timedelta(minutes=5), "until": NOW + timedelta(days=1), "now": NOW}
    assert when(NOW, **given) == NOW
    assert when(NOW - timedelta(minutes=5, seconds=30), **given) < given["since"]
    assert when(NOW, **given | {"until": None}) == NOW
    with pytest.raises(ValueError, match="has not come yet"):
        when(NOW + timedelta(seconds=1), **given)
    with pytest.raises(ValueError, match="before the referral was made"):
        when(NOW - timedelta(minutes=6, seconds=1), **given)
    with pytest.raises(ValueError, match="had ended by then"):
        when(NOW, **given | {"until": NOW})


def test_where_it_goes_by_hand() -> None:
    assert goes_by_hand(BOTH, sent_elsewhere=False, first=False)
    assert goes_by_hand(BOTH, sent_elsewhere=True, first=True)
    assert not goes_by_hand(BOTH, sent_elsewhere=True, first=False)
    assert not goes_by_hand(frozenset(), sent_elsewhere=False, first=True)


def test_a_service_that_takes_it_by_hand_is_offered_and_says_so() -> None:
    service = Service(
        "h", Kind.SPECIALIST, "Harbour", "Harbour", "Adults.", "9 to 17", "01632 960 555", 48, ""
    )
    taking = replace(service, by_hand=BOTH)
    need = Need(30, Sex.FEMALE, Setting.GP, current=True, past=False, danger=False, day=NOW.date())

    assert reachable(taking, need) == note(
        Rule.ENDPOINT, "Nothing is sent to them from here: you hand it over."
    )
    assert reachable(service, need) == against(
        Rule.ENDPOINT, "Nothing can be sent to them from here: ring them."
    )
    assert reachable(replace(taking, endpoint="https://harbour.example/fhir"), need) is None
