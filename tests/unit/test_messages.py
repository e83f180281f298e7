"""A message is its English sentence, and keeps what it takes to be said in another language."""

import copy
import json
import pickle
from datetime import date, datetime

import pytest

from ipvscreen.errors import LaunchRefused
from ipvscreen.messages import (
    Dated,
    Message,
    clock_said,
    day_said,
    joined,
    message,
    message_from_json,
    message_to_json,
    moment_said,
)

AT = datetime(2025, 11, 3, 14, 5)  # noqa: DTZ001  local time, as it is shown


def test_a_message_is_its_english_sentence() -> None:
    said = message("Ring {who} ({number}).", who=message("the lead"), number="123")

    assert said == "Ring the lead (123)."
    assert (said.msgid, said.parts) == ("Ring {who} ({number}).", {"who": "the lead", "number": "123"})
    assert json.dumps(said) == '"Ring the lead (123)."'


def test_braces_stay_as_they_are_where_nothing_is_put_in() -> None:
    assert message("Confirm {age}.") == "Confirm {age}."
    assert message("Confirm {age}.").given(age=16) == "Confirm 16."


@pytest.mark.parametrize("again", [str, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])  # noqa: S301
@pytest.mark.parametrize("one", [message("Ring {who}.", who="her"), day_said(AT.date())])
def test_it_stays_one_when_it_is_copied(again: object, one: str) -> None:
    made = again(one)  # type: ignore[operator]

    assert (made, type(made), vars(made)) == (one, type(one), vars(one))


def test_the_words_of_an_error_are_still_a_message() -> None:
    assert isinstance(str(LaunchRefused(message("No."))), Message)


def test_texts_are_joined_by_a_separator_that_may_be_a_message_too() -> None:
    said = joined(message(" and "), [message("women"), "{men}"])

    assert said == "women and {men}"
    assert said.parts["s"].msgid == " and "
    assert joined(", ", []) == ""


def test_days_and_times_are_said_in_english() -> None:
    assert day_said(AT.date()) == "3 November 2025"
    assert moment_said(AT) == "Monday 3 November, 14:05"
    assert clock_said(AT) == "14:05"


@pytest.mark.parametrize(
    "one",
    [
        "plain",
        7,
        message("No."),
        message("{a}; {b} and {c}", a=message("x {y}", y=1), b=day_said(date(2025, 1, 2)), c=clock_said(AT)),
        joined(", ", [moment_said(AT), "Rosa"]),
    ],
)
def test_what_is_kept_as_json_is_the_same_again(one: object) -> None:
    again = message_from_json(json.loads(json.dumps(message_to_json(one))))

    assert (again, type(again)) == (one, type(one))
    if isinstance(one, Message):
        assert (again.msgid, again.parts) == (one.msgid, one.parts)


def test_an_old_row_holds_plain_english() -> None:
    assert type(message_from_json("The record system did not answer.")) is str
    with pytest.raises(KeyError):
        message_from_json({"shape": "year", "at": "2025-01-01"})


def test_what_was_made_without_a_day_says_so_much() -> None:
    assert Dated("soon").at == date.min
