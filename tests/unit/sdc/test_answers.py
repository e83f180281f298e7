"""Reading is strict: an unknown answer raises, a known one arrives, one to a hidden item does not."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipvscreen.errors import AnswerNotOffered
from ipvscreen.sdc.answers import PASS, Answer, read_answers
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.load import load_form


@pytest.fixture
def form(questionnaire: dict[str, Any]) -> Form:
    return load_form(questionnaire)


def test_answers_of_every_type_arrive(form: Form) -> None:
    entered = {"well": ["n"], "where": ["head", "else"], "what": [" ear "], "times": ["3"], "count": ["-12"]}
    answers = read_answers(form, entered)
    assert answers.given == {
        "well": Answer("well", ("n",)),
        "where": Answer("where", ("head", "else")),
        "what": Answer("what", ("ear",)),
        "times": Answer("times", ("3",)),
        "count": Answer("count", ("-12",)),
    }
    assert answers.value("where") == "head"
    assert answers.values("where") == ("head", "else")
    assert answers.value("free") is None
    assert answers.values("free") == ()


def test_pass_is_an_answer_without_a_value(form: Form) -> None:
    answers = read_answers(form, {"well": [PASS]})
    assert answers.given["well"] == Answer("well", (), passed=True)
    assert answers.value("well") is None
    assert answers.values("well") == ()


def test_nothing_entered_is_nothing_answered(form: Form) -> None:
    assert read_answers(form, {"well": [""], "where": [], "free": ["  "]}).given == {}


def test_posted_twice_is_answered_once(form: Form) -> None:
    assert read_answers(form, {"well": ["y", "y"]}).values("well") == ("y",)


def test_order_is_that_of_the_form(form: Form) -> None:
    assert list(read_answers(form, {"free": ["x"], "well": ["y"]}).given) == ["well", "free"]


@pytest.mark.parametrize(
    ("link_id", "values"),
    [
        ("nowhere", ["y"]),
        ("nowhere", [""]),
        ("intro", ["y"]),
        ("more", ["y"]),
        ("well", ["Y"]),
        ("well", ["y", "n"]),
        ("well", ["y", PASS]),
        ("where", ["head", PASS]),
        ("where", ["head", "hand"]),
        ("both", [PASS]),
        ("times", ["1", "2"]),
        ("free", ["one", "two"]),
        ("free~2", ["one"]),
        ("free~other", ["one"]),
        ("times~unit", ["kg"]),
    ],
)
def test_what_the_form_does_not_offer_raises(form: Form, link_id: str, values: list[str]) -> None:
    with pytest.raises(AnswerNotOffered) as caught:
        read_answers(form, {"well": ["n"], **{link_id: values}})
    assert caught.value.link_id == link_id


@pytest.mark.parametrize(
    ("link_id", "value", "sentence"),
    [
        ("times", "-1", "Enter a number of at least 0."),
        ("times", "1.5", "Enter a whole number, such as 3."),
        ("times", "many", "Enter a whole number, such as 3."),
        ("times", "٣", "Enter a whole number, such as 3."),
        ("times", PASS, "Enter a whole number, such as 3."),
        ("count", "12345678901", "Enter a number of at most 2147483647."),
        ("what", "eleven char", "Enter at most 10 characters."),
    ],
)
def test_what_was_mistyped_is_said_and_not_given(form: Form, link_id: str, value: str, sentence: str) -> None:
    answers = read_answers(form, {"well": ["n"], "where": ["else"], link_id: [value]})
    assert answers.mistakes == {link_id: sentence}
    assert set(answers.given) == {"well", "where"}


def test_a_mistake_in_what_is_not_asked_is_none(form: Form) -> None:
    assert read_answers(form, {"well": ["y"], "what": ["eleven char"]}).mistakes == {}


def test_what_is_required_is_missing_only_where_it_is_asked(form: Form) -> None:
    both = {"well": ["n"], "where": ["foot", "head"]}
    assert read_answers(form, {}).mistakes == {}
    assert read_answers(form, both).mistakes == {"both": "Answer this question."}
    assert read_answers(form, {**both, "both": ["k"]}).mistakes == {}


def test_an_unknown_answer_raises_even_where_the_item_is_hidden(form: Form) -> None:
    with pytest.raises(AnswerNotOffered):
        read_answers(form, {"well": ["y"], "where": ["hand"]})


@pytest.mark.parametrize(
    ("entered", "enabled"),
    [
        ({}, {"intro", "well", "free", "count"}),
        ({"well": ["y"]}, {"intro", "well", "times", "free", "count"}),
        ({"well": ["n"]}, {"intro", "well", "more", "where", "times", "free", "count"}),
        (
            {"well": ["n"], "where": ["else"]},
            {"intro", "well", "more", "where", "what", "times", "free", "count"},
        ),
        (
            {"well": ["n"], "where": ["foot", "head"]},
            {"intro", "well", "more", "where", "times", "both", "free", "count"},
        ),
        # the answer to a question inside a group that is not enabled does not count
        ({"well": ["y"], "where": ["foot", "head"]}, {"intro", "well", "times", "free", "count"}),
    ],
)
def test_conditions_decide_what_is_asked(
    form: Form, entered: dict[str, Sequence[str]], enabled: set[str]
) -> None:
    assert read_answers(form, entered).enabled == enabled


def test_answers_to_items_that_are_not_asked_are_left_out(form: Form) -> None:
    answers = read_answers(form, {"well": ["y"], "where": ["else"], "what": ["ear"]})
    assert set(answers.given) == {"well"}


OFFERED = {
    "well": [["y"], ["n"], [PASS], [""], []],
    "where": [["head"], ["foot", "else"], ["else"], [PASS], []],
    "what": [["ear"], [""]],
    "times": [["0"], ["12"], []],
    "both": [["k"], []],
    "free": [["anything"], [PASS]],
    "count": [["-3"], ["999999999"]],
}
NOT_OFFERED = st.text(min_size=1).map(lambda text: "?" + text)  # no code and no number begins so


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entered=st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in OFFERED.items()}))
def test_whatever_is_offered_is_read_and_nothing_enabled_is_lost(
    form: Form, entered: dict[str, list[str]]
) -> None:
    answers = read_answers(form, entered)
    assert set(answers.given) == {
        link_id for link_id, values in entered.items() if any(values) and link_id in answers.enabled
    }
    for link_id, answer in answers.given.items():
        passed = entered[link_id] == [PASS] and form.item(link_id).type == "choice"
        assert answer.passed is passed
        assert list(answer.values) == ([] if passed else entered[link_id])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entered=st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in OFFERED.items()}),
    link_id=st.sampled_from(["well", "where", "both"]),
    value=NOT_OFFERED,
)
def test_one_unknown_value_anywhere_raises(
    form: Form, entered: dict[str, list[str]], link_id: str, value: str
) -> None:
    with pytest.raises(AnswerNotOffered):
        read_answers(form, {**entered, link_id: [value]})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(link_id=st.text(), values=st.lists(st.text()))
def test_an_unknown_item_raises(form: Form, link_id: str, values: list[str]) -> None:
    if link_id not in OFFERED:
        with pytest.raises(AnswerNotOffered):
            read_answers(form, {link_id: values})
