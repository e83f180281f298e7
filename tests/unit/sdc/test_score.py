"""A total is all of it or none of it: never a smaller number because something is missing."""

from decimal import Decimal
from typing import Any

import pytest

from ipvscreen.sdc.answers import PASS, read_answers
from ipvscreen.sdc.form import Form, Item, Option
from ipvscreen.sdc.load import load_form
from ipvscreen.sdc.score import total

YES = {"valueCoding": {"code": "y"}}


def scored(questionnaire: dict[str, Any], entered: dict[str, list[str]], *link_ids: str) -> int | None:
    return total(read_answers(load_form(questionnaire), entered), link_ids)


def test_weights_add_up(questionnaire: dict[str, Any]) -> None:
    assert scored(questionnaire, {"well": ["y"]}, "well") == 1
    assert scored(questionnaire, {"well": ["n"]}, "well") == 0
    assert scored(questionnaire, {"well": ["n"], "where": ["head"]}, "well", "where") == 2


@pytest.mark.parametrize("entered", [{}, {"well": [PASS]}, {"well": [""]}, {"where": ["head"]}])
def test_anything_missing_leaves_no_number(
    questionnaire: dict[str, Any], entered: dict[str, list[str]]
) -> None:
    assert scored(questionnaire, entered, "well", "where") is None


def test_an_empty_sum_is_not_zero(questionnaire: dict[str, Any]) -> None:
    assert scored(questionnaire, {"well": ["y"]}) is None


def test_an_answer_without_a_weight_is_loud(questionnaire: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^An answer to item where has no weight\.$"):
        scored(questionnaire, {"well": ["n"], "where": ["head", "else"]}, "where")
    with pytest.raises(ValueError, match="free has no weight"):
        scored(questionnaire, {"free": ["2"]}, "free")


def test_a_sum_that_is_not_whole_is_loud(questionnaire: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^The weights do not add up to a whole number\.$"):
        scored(questionnaire, {"well": ["n"], "where": ["foot"]}, "where")


def test_an_unknown_item_is_loud(questionnaire: dict[str, Any]) -> None:
    with pytest.raises(KeyError):
        scored(questionnaire, {}, "nowhere")


def test_an_item_in_more_than_one_place_is_loud() -> None:
    weighed = Item("w", "W?", "choice", options=(Option("y", "Y", weight=Decimal(1), value="y", fhir=YES),))
    form = Form("f", "urn:f", "1", "F", "", items=(Item("g", "G", "group", items=(weighed,), repeats=True),))
    assert total(read_answers(form, {"w": ["y"]}), ["w"]) == 1
    with pytest.raises(ValueError, match=r"^An item that repeats has no one answer to weigh\.$"):
        total(read_answers(form, {"w": ["y"], "w~2": ["y"]}), ["w"])
