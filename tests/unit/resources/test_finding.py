"""What the doctor says: that red lines say what to do, and that nothing secret is in them."""

import pytest

from ipvscreen.resources.finding import (
    Finding,
    Level,
    bad,
    discreet,
    finding_to_json,
    good,
    warning,
    worst,
)


def test_what_is_bad_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="does not say what to do"):
        Finding(Level.BAD, "Discovery", "It does not answer.")
    with pytest.raises(ValueError, match="does not say what to do"):
        bad("Discovery", "It does not answer.", "")


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([], Level.GOOD),
        ([Level.GOOD], Level.GOOD),
        ([Level.WARNING, Level.GOOD], Level.WARNING),
        ([Level.WARNING, Level.BAD, Level.GOOD], Level.BAD),
    ],
)
def test_the_worst_counts(levels: list[Level], expected: Level) -> None:
    assert worst(Finding(level, "t", do="d") for level in levels) is expected


def test_only_the_words_of_others_are_searched_for_secrets() -> None:
    one = warning("Anna", "Anna", "Anna", said="Anna Whitfield, WHITFIELD; token abc.def")

    (shown,) = discreet([one], ["Anna", "Whitfield", "abc.def", "A", ""])

    assert shown == warning("Anna", "Anna", "Anna", said="… …, …; token …")


def test_the_longest_secret_goes_first_and_is_no_pattern() -> None:
    one = warning("t", "w", said="Ann Annabel a+b aab")

    assert discreet([one], ["Ann", "Annabel", "a+b"])[0].said == "… … … aab"
    assert discreet([one], []) == (one,)


def test_as_json_a_finding_has_every_field() -> None:
    assert finding_to_json(good("Clock", "Right.")) == {
        "level": "good",
        "title": "Clock",
        "words": "Right.",
        "do": "",
        "said": "",
    }
