"""A request stands on exactly one footing and can reach the person; agreements end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvscreen.ipv.referral import (
    Agreement,
    ContactWay,
    ReferralRequest,
    SafeContact,
    Sharing,
    default_review,
    default_until,
    to_be_asked_again,
)

SHE_CALLS = SafeContact(ContactWay.SHE_CALLS)
AGREEMENT = Agreement(out=True, back=False, until=date(2026, 9, 2))
SHARING = Sharing("Dr A", "risk-to-child", told=True)
NO_NUMBER = "This is not a telephone number: use digits, spaces and a leading +."


def refusal(made: Callable[[], object]) -> str:
    """The sentence that a clinician reads, whole."""
    try:
        made()
    except ValueError as refused:
        return str(refused)
    return "not refused"


def test_everything_unsafe_is_preset_no() -> None:
    contact = SafeContact(ContactWay.PHONE, "07700 900123")
    unsafe = (
        contact.voicemail,
        contact.text,
        contact.letter,
        contact.email,
        contact.says_who,
        contact.portal,
    )
    assert unsafe == (False,) * 6
    assert (contact.code_word, contact.not_to_know, contact.review) == (None,) * 3


def test_a_safe_way_is_believed_until_a_day_and_that_day_included() -> None:
    day = date(2026, 3, 2)
    assert default_review(day) == date(2026, 3, 30)
    assert default_review(date(2028, 2, 1), 29) == date(2028, 3, 1)
    assert [to_be_asked_again(one, day) for one in (None, day, date(2026, 3, 1))] == [False, False, True]


def test_a_safe_way_is_not_believed_for_longer_than_what_was_agreed() -> None:
    last = SafeContact(ContactWay.PHONE, "07700 900123", review=AGREEMENT.until)
    assert ReferralRequest("s", last, agreement=AGREEMENT).contact is last
    later = replace(last, review=date(2026, 9, 3))
    sentence = refusal(lambda: ReferralRequest("s", later, agreement=AGREEMENT))
    assert sentence == "The safe way is not to be believed for longer than what was agreed."
    assert ReferralRequest("s", later, sharing=SHARING).contact is later


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        (ContactWay.PHONE, "Give the number that is safe to ring."),
        (ContactWay.TEXT, "Give the number that is safe for texts."),
        (ContactWay.EMAIL, "Give the e-mail address that is safe."),
        (ContactWay.LETTER, "Give the postal address that is safe."),
    ],
)
@pytest.mark.parametrize("number", [None, "", "  "])
def test_a_way_needs_what_it_uses(way: ContactWay, number: str | None, sentence: str) -> None:
    assert refusal(lambda: SafeContact(way, number)) == sentence


@pytest.mark.parametrize(
    ("way", "number"),
    [
        (ContactWay.PHONE, "07700 900123"),
        (ContactWay.PHONE, " +44 (0)20 7946 0123 "),
        (ContactWay.TEXT, "+1-202-555-0143"),
        (ContactWay.EMAIL, "a.b@example.org"),
        (ContactWay.LETTER, "c/o A, 1 Some Street"),
        (ContactWay.SHE_CALLS, None),
    ],
)
def test_what_can_be_used_is_taken(way: ContactWay, number: str | None) -> None:
    assert SafeContact(way, number).number == number


@pytest.mark.parametrize("number", ["1234", "ring me", "0770090012x", "+", "0" * 21, "++44 20 7946 0123"])
@pytest.mark.parametrize("way", [ContactWay.PHONE, ContactWay.TEXT])
def test_what_is_no_telephone_number_is_refused(way: ContactWay, number: str) -> None:
    assert refusal(lambda: SafeContact(way, number)) == NO_NUMBER


@pytest.mark.parametrize("number", ["a", "a@b", "a b@example.org", "@example.org"])
def test_what_is_no_address_is_refused(number: str) -> None:
    assert refusal(lambda: SafeContact(ContactWay.EMAIL, number)) == "This is not an e-mail address."


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"decided_by": " "}, "Say who decided to share without agreement."),
        ({"basis": ""}, "Say on what basis this is shared without agreement."),
        ({"told": False}, "Say why the person has not been told."),
        ({"told": False, "why_not_told": " "}, "Say why the person has not been told."),
    ],
)
def test_sharing_without_agreement_is_answered_for(changes: dict[str, Any], sentence: str) -> None:
    complete = {"decided_by": "Dr A", "basis": "risk-to-child", "told": True}
    assert Sharing(**complete)
    assert Sharing(**complete | {"told": False, "why_not_told": "She would be in danger"})
    assert refusal(lambda: Sharing(**complete | changes)) == sentence


@pytest.mark.parametrize(
    ("footing", "sentence"),
    [
        ({}, "Nothing is sent without the person's agreement or a recorded decision to share."),
        (
            {"agreement": AGREEMENT, "sharing": SHARING},
            "Either the person agrees, or it is shared without agreement: not both.",
        ),
        (
            {"agreement": Agreement(out=False, back=True, until=date(2026, 9, 2))},
            "The person has not agreed that anything is sent.",
        ),
    ],
)
def test_exactly_one_footing(footing: dict[str, Any], sentence: str) -> None:
    assert ReferralRequest("a", SHE_CALLS, agreement=AGREEMENT).sharing is None
    assert ReferralRequest("a", SHE_CALLS, sharing=SHARING).agreement is None
    assert refusal(lambda: ReferralRequest("a", SHE_CALLS, **footing)) == sentence


@pytest.mark.parametrize(
    ("today", "until"),
    [
        (date(2026, 3, 2), date(2026, 9, 2)),
        (date(2026, 8, 31), date(2027, 2, 28)),
        (date(2027, 8, 31), date(2028, 2, 29)),
        (date(2026, 6, 30), date(2026, 12, 30)),
        (date(2026, 7, 1), date(2027, 1, 1)),
    ],
)
def test_six_months_on(today: date, until: date) -> None:
    assert default_until(today) == until


def test_a_pack_may_say_another_number_of_months() -> None:
    assert default_until(date(2026, 11, 30), 3) == date(2027, 2, 28)
    assert default_until(date(2026, 3, 2), 12) == date(2027, 3, 2)


@given(st.dates(date(2020, 1, 1), date(2100, 1, 1)))
def test_six_months_are_never_less_than_the_sixteen_weeks(today: date) -> None:
    assert 181 <= (default_until(today) - today).days <= 184
