"""The texts are those that were agreed, word for word; numbers and names come from outside."""

import pytest

from ipvscreen.ipv.nations import Nation
from ipvscreen.web import words
from ipvscreen.web.words import Numbers

NUMBERS = Numbers(helpline="0800 1", lead="0123 1", advocate="0123 2")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        (words.GATE, "Private health questions. Only the two of you", "Unsure? Choose Not now."),
        (words.LIMITS, "What you tell me stays within your care.", "telling you first when safe."),
        (words.BEFORE_FIRST, "How people close to us treat us", "nothing about your care depends on it."),
        (words.AFTER_POSITIVE, "Thank you for telling me. I believe you.", "quick things about today?"),
        (words.AFTER_NEGATIVE, "Thank you. If something like this happens", "that worries you?"),
        (words.DECLINED, "That is fine. Your care stays the same", "What would you like us to do today?"),
        (words.NOT_NOW, "Not today. Nothing was added", "a routine follow-up, one to one."),
        (words.CHILDREN, "Are you pregnant, or do children", "before I share, if that is safe."),
        (words.CHOOSING, "Different people can help", "make the first call together from here."),
        (words.SAFE_CONTACT, "How can they reach you", "Or you can ring them."),
    ],
)
def test_each_text_begins_and_ends_as_agreed(text: str, start: str, end: str) -> None:
    assert text.startswith(start)
    assert text.endswith(end)
    assert "  " not in text


def test_danger_gives_every_number() -> None:
    text = words.immediate_danger(NUMBERS)
    for number in ("999; unable to speak on a mobile: 999, then 55", "0123 1", "0800 1"):
        assert number in text
    assert text.endswith("A sent referral does not protect tonight.")


def test_a_number_that_is_not_set_is_said_to_be_missing() -> None:
    assert words.immediate_danger(Numbers()).count(words.NOT_SET) == 2
    assert words.NOT_SET in words.strangulation(Numbers())
    assert words.NOT_SET not in words.strangulation(NUMBERS)


def test_consent_names_the_service_and_the_day() -> None:
    text = words.consent("Millbrook mothers", "2 June 2026")
    assert text.startswith("I would send Millbrook mothers your name, the safe way to reach you")
    assert "not your answers" in text
    assert "It ends on 2 June 2026;" in text


def test_received_says_by_when_and_who_phones() -> None:
    assert words.received(
        "Millbrook mothers", "14:05", "Wednesday 4 March, 14:05", "the manager", "01632"
    ) == (
        "Received by Millbrook mothers at 14:05, not yet opened. Reply expected by Wednesday 4 March, 14:05."
        " If none comes, tell the manager, who phones: this app tells nobody by itself yet."
        " Needed sooner: 01632."
    )


def test_nothing_fits_keeps_a_person_and_a_day() -> None:
    text = words.nothing_fits("the directory is empty", "Dr Osei", "9 March", NUMBERS)
    assert text.startswith(
        "Nothing listed fits: the directory is empty. The gap is counted without a name. The patient"
        " still needs someone: Dr Osei"
    )
    assert "next on 9 March. National help: 0800 1" in text


def test_a_nations_line_stands_where_the_organisation_names_none() -> None:
    nation = Nation("wales", "0808 80 10 800", "a page", ())
    assert words.numbers_in(words.Numbers(), nation).helpline == "0808 80 10 800"
    assert words.numbers_in(words.Numbers(helpline="0800 1"), nation).helpline == "0800 1"
    assert words.numbers_in(words.Numbers(), None).helpline is None
