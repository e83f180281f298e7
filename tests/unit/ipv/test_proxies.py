"""Who else may read or answer: numbers are one in any spelling, and a warning never comes from a town."""

import pytest

from ipvscreen.ipv.proxies import Contacts, Reach, Relative, Way, belongs_to_another, contacts_of
from ipvscreen.ipv.referral import ContactWay

HERS = Reach(("07700 900 456",), ("Helen@Example.org ",), (("1 Mill Lane", "AB1 2CD"),))


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        (Reach(), set()),
        (Reach(phones=("+44 7700 900456",)), {Way.PHONE}),
        (Reach(phones=("00447700900456", "01632 960000")), {Way.PHONE}),
        (Reach(phones=("07700 900 457",)), set()),
        (Reach(emails=("helen@example.org",)), {Way.EMAIL}),
        (Reach(addresses=(("1, mill lane", "ab12cd"),)), {Way.ADDRESS}),
        (Reach(addresses=(("1 Mill Lane", "AB1 2CE"),)), set()),
        (Reach(addresses=(("2 Mill Lane", "AB1 2CD"),)), set()),
    ],
)
def test_what_is_shared_is_found_in_any_spelling(other: Reach, shared: set[Way]) -> None:
    found = contacts_of(HERS, [Relative(Reach(phones=("0808 157 0142",))), Relative(other)], read=True)
    assert (found.shared, found.proxy, found.read) == (shared, False, True)


@pytest.mark.parametrize(
    "empty",
    [Reach(phones=("", "999")), Reach(addresses=(("", "AB1 2CD"), ("1 Mill Lane", ""), ("", "")))],
)
def test_what_says_too_little_is_nobodys(empty: Reach) -> None:
    assert contacts_of(empty, [Relative(empty)], read=True) == Contacts(read=True)


def test_a_proxy_among_several_is_enough_and_nobody_read_is_said() -> None:
    people = [Relative(Reach()), Relative(Reach(), proxy=True)]
    assert contacts_of(HERS, people, read=True).proxy
    assert not contacts_of(HERS, [], read=False).read


@pytest.mark.parametrize(
    ("way", "typed", "warned"),
    [
        (ContactWay.PHONE, "+447700900456", True),
        (ContactWay.TEXT, "07700 900456", True),
        (ContactWay.PHONE, "07700 900123", False),
        (ContactWay.EMAIL, " HELEN@example.org", True),
        (ContactWay.EMAIL, "sam@example.org", False),
        (ContactWay.LETTER, "c/o Ann, 1 Mill Lane, Town, AB1 2CD", True),
        (ContactWay.LETTER, "c/o Ann, 3 Mill Lane, Town, AB1 2CE", False),
        (ContactWay.LETTER, "07700 900456", False),
    ],
)
def test_what_is_typed_is_held_against_the_others(way: ContactWay, typed: str, warned: bool) -> None:
    known = contacts_of(Reach(), [Relative(HERS)], read=True)
    assert known.shared == frozenset()
    assert belongs_to_another(known, way, typed) is warned
    assert not belongs_to_another(Contacts(), way, typed)


def test_the_details_of_others_are_not_printed() -> None:
    assert "900456" not in repr(contacts_of(Reach(), [Relative(HERS)], read=True))
