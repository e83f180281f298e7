"""One question at a time: what its controls hold is an answer, a mistake, or nothing a page of ours posts."""

from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest

from ipvscreen.errors import AnswerNotOffered
from ipvscreen.sdc.answering.entry import GAP, OWN_MISSING, OWN_OR_OPTION, as_entered, worked_out
from ipvscreen.sdc.answering.fields import Spot
from ipvscreen.sdc.answering.given import OTHER, PASS, Answer, Answers
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Form, Item, Option, Unit

KG, LB = Unit("kg", "urn:u", "kg"), Unit("lb", "urn:u", "lb")
OPTIONS = tuple(
    Option(code, code.upper(), value=code, fhir={"valueCoding": {"code": code}}, exclusive=code == "none")
    for code in ("a", "b", "c", "none")
)


def read(kind: str, entered: dict[str, list[str]], *items: Item, **parts: Any) -> Answers:
    options = OPTIONS if kind.endswith("choice") else ()
    which = Item("q", "Q?", kind, items=items, options=options, **parts)
    return read_answers(Form("f", "urn:f", "1", "F", "", items=(which,)), entered)


def test_pass_is_offered_on_a_choice_and_on_yes_or_no_alone() -> None:
    for kind in ("choice", "boolean"):
        assert read(kind, {"q": [PASS]}).given["q"] == Answer("q", (), passed=True)
    assert read("string", {"q": [PASS]}).values("q") == (PASS,)
    for kind in ("choice", "boolean"):
        with pytest.raises(AnswerNotOffered):
            read(kind, {"q": [PASS]}, required=True)
    with pytest.raises(AnswerNotOffered):
        read("boolean", {"q": ["yes"]})


@pytest.mark.parametrize(
    ("posted", "values", "fhir"),
    [
        ({"q": ["a"]}, ("a",), ({"valueCoding": {"code": "a"}},)),
        ({"q": [OTHER], "q~other": [" mauve "]}, (OTHER,), ({"valueString": "mauve"},)),
        ({"q~other": ["mauve"]}, (OTHER,), ({"valueString": "mauve"},)),
        (
            {"q": ["b", OTHER], "q~other": ["x"]},
            ("b", OTHER),
            ({"valueCoding": {"code": "b"}}, {"valueString": "x"}),
        ),
        (
            {"q": ["b"], "q~other": ["x"]},
            ("b", OTHER),
            ({"valueCoding": {"code": "b"}}, {"valueString": "x"}),
        ),
        ({"q": ["b"], "q~other": [" "]}, ("b",), ({"valueCoding": {"code": "b"}},)),
    ],
)
def test_own_text_is_an_answer(posted: dict[str, list[str]], values: Any, fhir: Any) -> None:
    answer = read("open-choice", posted, repeats=True).given["q"]
    assert (answer.values, answer.fhir) == (values, fhir)


def test_own_text_of_one_answer_is_not_a_second_one() -> None:
    assert read("open-choice", {"q": ["a"], "q~other": ["x"]}).mistakes == {"q": OWN_OR_OPTION}
    assert read("open-choice", {"q": [OTHER]}).mistakes == {"q": OWN_MISSING}
    assert read("open-choice", {"q~other": ["xx"]}, max_length=1).mistakes == {
        "q": "Enter at most 1 characters."
    }
    with pytest.raises(AnswerNotOffered):
        read("choice", {"q": [OTHER]})


def test_how_many() -> None:
    most = read("choice", {"q": ["a", "b", "c"]}, repeats=True, max_occurs=2)
    assert (most.mistakes, dict(most.given)) == ({"q": "Give at most 2 answers."}, {})
    assert read("string", {"q": ["a", "b"]}, repeats=True, max_occurs=1).mistakes == {
        "q": "Give at most one answer."
    }
    assert read("string", {"q": ["a", "a"]}, repeats=True).values("q") == ("a", "a")
    assert read("string", {"q": ["a", "a"]}).values("q") == ("a",)


def test_none_of_these_stands_alone() -> None:
    together = read("choice", {"q": ["a", "none"]}, repeats=True)
    assert together.mistakes == {"q": "'NONE' cannot be chosen together with another answer."}
    assert read("choice", {"q": ["none"]}, repeats=True).mistakes == {}


def test_a_quantity_is_a_number_and_its_unit() -> None:
    found = read("quantity", {"q": ["70"], "q~unit": ["lb"]}, units=(KG, LB))
    assert found.given["q"].fhir == (
        {"valueQuantity": {"value": Decimal(70), "unit": "lb", "system": "urn:u", "code": "lb"}},
    )
    assert read("quantity", {"q": ["70"]}, units=(KG, LB)).mistakes == {"q": "Choose a unit."}
    assert read("quantity", {"q~unit": ["lb"]}, units=(KG, LB)).given == {}
    with pytest.raises(AnswerNotOffered):
        read("quantity", {"q": ["70"], "q~unit": ["stone"]}, units=(KG, LB))


def test_an_empty_answer_before_another_leaves_no_place_for_what_stands_under_it() -> None:
    job = Item("job", "Job?", "string")
    assert read("string", {"q": ["x", "", "y"]}, job, repeats=True).mistakes == {"q": GAP}
    assert read("string", {"q": ["x", "y", ""], "job~2": ["z"]}, job, repeats=True).given.keys() == {
        "q",
        "job~2",
    }
    assert read("string", {"q": ["x", "", "y"]}, repeats=True).values("q") == ("x", "y")
    with pytest.raises(AnswerNotOffered):
        read("string", {"q": ["x"], "job~2": ["z"]}, job, repeats=True)


def test_several_typed_answers_are_each_looked_at() -> None:
    assert read("integer", {"q": ["1", "x"]}, repeats=True).mistakes == {
        "q": "Enter a whole number, such as 3."
    }


def test_what_the_form_gives_stands_in_its_controls() -> None:
    which = Spot(Item("q", "Q?", "open-choice", options=OPTIONS), (), "q")
    elements = [{"valueCoding": {"code": "b"}}, {"valueCoding": {"code": "z", "display": "Zed"}}]
    assert worked_out(which, elements, UTC).values == ("b", OTHER)
    assert as_entered(which, elements, UTC).own == "Zed"
    assert as_entered(which, [], UTC).values == ()
