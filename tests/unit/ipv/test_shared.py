"""What a record system's log is told of: acts of every visit, or on an entry of whatever kind."""

from ipvscreen.ipv.audit import KEEPING, LISTS, LOG, POSTED, Act
from ipvscreen.ipv.shared import SHARED, TRIES, Fate
from ipvscreen.ipv.visit import Step

TELLING = (Act.SENT, Act.CALLED, Act.STOPPED, Act.NOTED, Act.PUT_OFF, Act.EARLIER_OPENED, Act.CLOSED)


def test_what_only_a_visit_with_a_disclosure_has_is_not_shared() -> None:
    assert SHARED.isdisjoint(TELLING)
    assert Act.SENT is POSTED[Step.REFER] is POSTED[Step.SHARE]


def test_own_conduct_and_whatever_is_unfinished_is_not_shared() -> None:
    assert POSTED[Step.OWN] is Act.KEPT
    assert Act.KEPT not in SHARED


def test_acts_of_no_visit_are_not_shared() -> None:
    lists = {Act.LIST_OPENED, Act.LIST_SHOWN, Act.LIST_CLOSED, Act.PURGED, Act.FORGOTTEN}

    assert SHARED.isdisjoint(lists)
    assert len({LISTS, KEEPING, LOG}) == 3


def test_who_looked_and_who_changed_is_shared() -> None:
    assert {Act.OPENED, Act.EARLIER_READ, Act.CHANGED, Act.TAKEN_BACK, Act.HIDDEN, Act.SAVED} == SHARED


def test_every_fate_is_another_word_and_there_are_a_few_tries() -> None:
    assert len({*Fate}) == 4
    assert 1 < TRIES <= 5
