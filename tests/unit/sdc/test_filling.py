"""Values from the start, what a form works out by itself, and what it still wants."""

import time
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ipvscreen.errors import AnswerNotOffered
from ipvscreen.sdc.answering.filling import has_expressions
from ipvscreen.sdc.answering.given import Answers
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Condition, Constraint, Form, Item, Option, Variable
from ipvscreen.sdc.layout import layout
from ipvscreen.sdc.response import response_items

NOW = datetime(2024, 5, 31, 14, 30, tzinfo=UTC)
OPTIONS = tuple(
    Option(code, code, value=code, fhir={"valueCoding": {"code": code}}) for code in ("a", "b", "c")
)


def item(link_id: str, kind: str = "string", *items: Item, **parts: Any) -> Item:
    return Item(link_id, link_id, kind, items=items, **parts)


def form(*items: Item, **parts: Any) -> Form:
    return Form("f", "urn:f", "1", "F", "", items=items, **parts)


def read(which: Form, entered: dict[str, list[str]] | None = None, **how: Any) -> Answers:
    return read_answers(which, entered or {}, now=NOW, **how)


def value(link_id: str) -> str:
    return f"%resource.descendants().where(linkId='{link_id}').answer.value"


def when(question: str, operator: str, **answer: Any) -> dict[str, Any]:
    return {"enable_when": (Condition(question, operator, answer),)}


def test_what_nobody_can_enter_has_its_initial_value() -> None:
    which = form(
        item("h", "integer", hidden=True, initial=({"valueInteger": 3},)),
        item("r", read_only=True, initial=({"valueString": "ours"},)),
        item("v", "integer", initial=({"valueInteger": 4},)),
        item("off", hidden=True, initial=({"valueString": "x"},), **when("h", ">", answerInteger=3)),
        item("on", **when("h", "=", answerInteger=3)),
    )
    found = read(which)
    assert {field: answer.values for field, answer in found.given.items()} == {"h": ("3",), "r": ("ours",)}
    assert "on" in found.enabled
    for field in ("h", "r"):
        with pytest.raises(AnswerNotOffered):
            read(which, {field: ["9"]})
    assert read(which, {"h": [" "]}).value("h") == "3"


def test_a_calculation_follows_what_was_entered_and_others() -> None:
    which = form(
        item("four", "integer", calculated=f"{value('two')} * 2"),
        item("n", "integer"),
        item("two", "integer", calculated=f"{value('n')} * 2"),
        item("much", **when("four", ">", answerInteger=10)),
    )
    found = read(which, {"n": ["3"]})
    assert (found.value("two"), found.value("four")) == ("6", "12")
    assert found.calculated == {"two", "four"}
    assert "much" in found.enabled
    assert [body["linkId"] for body in response_items(found)] == ["four", "n", "two"]
    assert read(which).given == {}
    with pytest.raises(AnswerNotOffered):
        read(which, {"n": ["3"], "two": ["7"]})


def test_a_calculation_that_is_not_asked_is_not_seen() -> None:
    which = form(
        item("n", "integer"),
        item("two", "integer", calculated="2", **when("n", "exists", answerBoolean=True)),
        item("seen", "integer", calculated=f"{value('two')} + 1"),
    )
    assert read(which).given == {}
    assert read(which, {"n": ["1"]}).value("seen") == "3"


def test_an_expression_decides_what_is_asked() -> None:
    which = form(
        item("n", "integer"),
        item("a", enable_expression=f"{value('n')} > 2"),
        item("b", enable_expression=f"{value('a')} = 'x'"),
    )
    assert read(which, {"n": ["1"], "a": ["x"]}).enabled == {"n"}
    assert read(which, {"n": ["3"], "a": ["x"]}).enabled == {"n", "a", "b"}
    assert read(which, {"n": ["3"], "a": ["y"]}).enabled == {"n", "a"}


def test_conditions_that_take_each_other_back_are_not_followed_for_ever() -> None:
    which = form(
        item(
            "a",
            hidden=True,
            initial=({"valueString": "x"},),
            enable_expression=f"{value('b')}.exists().not()",
        ),
        item(
            "b",
            hidden=True,
            initial=({"valueString": "x"},),
            enable_expression=f"{value('a')}.exists().not()",
        ),
    )
    assert "does not come to an end" in read(which).failed


LAUNCH = {"patient": {"resourceType": "Patient", "gender": "female", "birthDate": "1990-01-01"}}


def test_initial_values_come_from_the_launch() -> None:
    which = form(
        item("born", "date", initial_expression="%patient.birthDate"),
        item("sex", hidden=True, initial_expression="%patient.gender"),
        item("set", hidden=True, initial_expression="%patient.gender", initial=({"valueString": "ours"},)),
        launch=("patient",),
    )
    found = read(which, launch=LAUNCH)
    assert {field: answer.values for field, answer in found.given.items()} == {
        "sex": ("female",),
        "set": ("ours",),
    }
    page = layout(which, {}, launch=LAUNCH, now=NOW, fresh=True)
    assert [one.values for one in page] == [("1990-01-01",)]
    page = layout(which, {"born": ["1991-01-01"]}, launch=LAUNCH, now=NOW, fresh=True)
    assert [one.values for one in page] == [("1991-01-01",)]


def test_each_place_is_calculated_for_itself() -> None:
    twice = item("twice", "integer", calculated="%v * 2")
    group = item(
        "g",
        "group",
        item("n", "integer"),
        twice,
        repeats=True,
        variables=(Variable("v", "item.where(linkId='n').answer.value"),),
    )
    found = read(form(group), {"n": ["1"], "n~2": ["5"]})
    assert (found.value("twice"), found.value("twice~2")) == ("2", "10")
    under = item(
        "q",
        "choice",
        item("n", "integer"),
        item("m", "integer", calculated="7"),
        options=OPTIONS,
        repeats=True,
    )
    found = read(form(under), {"q": ["c", "b"], "n~2": ["1"]})
    assert found.calculated == {"m~2", "m~3"}
    assert [[inner["linkId"] for inner in a["item"]] for a in response_items(found)[0]["answer"]] == [
        ["m"],
        ["n", "m"],
    ]


def test_a_time_is_that_of_the_practice() -> None:
    which = form(item("at", "dateTime"))
    london = datetime(2024, 7, 1, 9, tzinfo=ZoneInfo("Europe/London"))
    for now, moment in [(london, "2024-07-01T14:30:00+01:00"), (None, "2024-07-01T14:30:00+00:00")]:
        found = read_answers(which, {"at": ["2024-07-01T14:30"]}, now=now)
        assert found.given["at"].fhir == ({"valueDateTime": moment},)
    assert read_answers(which, {"at": ["2024"]}, now=datetime(2024, 1, 1)).value("at") == "2024"  # noqa: DTZ001


@pytest.mark.parametrize(
    "parts",
    [
        {"variables": (Variable("v", "1"),)},
        {"constraints": (Constraint("k", "true", "x"),)},
        {"calculated": "1"},
        {"initial_expression": "1"},
        {"enable_expression": "true"},
    ],
)
def test_a_form_with_expressions_wants_to_know_the_moment(parts: dict[str, Any]) -> None:
    assert not has_expressions(form(item("n")))
    assert has_expressions(form(item("g", "group", item("n", **parts))))
    with pytest.raises(ValueError, match="moment"):
        read_answers(form(item("n", **parts)), {})


def test_a_form_of_four_hundred_items_is_read_in_one_go() -> None:
    items = [
        item(
            f"g{g}",
            "group",
            *(item(f"q{g}-{n}", "integer") for n in range(9)),
            item(f"s{g}", **when(f"q{g}-0", ">", answerInteger=3)),
        )
        for g in range(40)
    ]
    entered = {f"q{g}-{n}": [str(n)] for g in range(40) for n in range(9)}
    start = time.process_time()
    assert len(layout(form(*items), entered)) == 40
    assert time.process_time() - start < 1


def test_what_is_calculated_has_no_initial_value() -> None:
    which = form(item("n", "integer", calculated="{}", initial=({"valueInteger": 3},)))
    assert read(which).given == {}


def test_what_cannot_be_worked_out_takes_no_answer_away() -> None:
    """A total that is missing is said; it hides no question, blocks no Save and is never a number."""
    broken = "%resource.item.where(linkId='a').answer.value.weight().sum()"
    which = form(
        item("a", "choice", options=OPTIONS),
        item("total", "integer", calculated=broken, required=True, read_only=True),
        item("shown", enable_expression=f"{broken} > 3", initial=({"valueString": "x"},)),
        item("b", "integer", constraints=(Constraint("k", "false", "Never right."),), required=True),
        item("late", required=True),
    )
    found = read(which, {"a": ["b"], "b": ["7"], "shown": ["typed"]})
    assert found.failed == "Item total: An answer has no weight."
    assert {field: answer.values for field, answer in found.given.items()} == {
        "a": ("b",),
        "b": ("7",),
        "shown": ("typed",),
    }
    assert found.calculated == frozenset()
    assert found.mistakes == {"late": "Answer this question."}
    whole = read(which, {"b": ["7"], "late": ["x"]})
    assert (whole.failed, whole.mistakes, "shown" in whole.enabled) == ("", {"b": "Never right."}, False)
