"""The items of a QuestionnaireResponse: what was answered, what was passed, and nothing else."""

import json
from decimal import Decimal
from typing import Any

import pytest
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse

from ipvscreen.sdc.answering.given import Answer, Answers
from ipvscreen.sdc.answers import PASS, read_answers
from ipvscreen.sdc.form import Form, Item, Option, Unit
from ipvscreen.sdc.load import load_form
from ipvscreen.sdc.response import response, response_items

DATA_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


def items(questionnaire: dict[str, Any], entered: dict[str, list[str]]) -> list[dict[str, Any]]:
    return response_items(read_answers(load_form(questionnaire), entered))


def coding(code: str) -> dict[str, Any]:
    return {"valueCoding": {"system": "urn:x", "code": code, "display": code.title()}}


def test_every_type_has_its_value(questionnaire: dict[str, Any]) -> None:
    entered = {"well": ["n"], "where": ["head", "else"], "what": ["ear"], "times": ["3"]}
    found = items(questionnaire, entered)
    assert found == [
        {"linkId": "well", "text": "Are you well?", "answer": [coding("n")]},
        {
            "linkId": "more",
            "text": "More",
            "item": [
                {"linkId": "where", "text": "Where?", "answer": [coding("head"), coding("else")]},
                {"linkId": "what", "text": "What?", "answer": [{"valueString": "ear"}]},
            ],
        },
        {"linkId": "times", "text": "How often?", "answer": [{"valueInteger": 3}]},
    ]
    assert QuestionnaireResponse.model_validate({"status": "completed", "item": found})


def test_passed_says_why_and_left_does_not_stand(questionnaire: dict[str, Any]) -> None:
    declined = [{"url": DATA_ABSENT_REASON, "valueCode": "asked-declined"}]
    found = items(questionnaire, {"well": [PASS]})
    assert found == [{"linkId": "well", "text": "Are you well?", "extension": declined}]
    assert QuestionnaireResponse.model_validate({"status": "completed", "item": found})
    assert items(questionnaire, {}) == []
    assert [item["linkId"] for item in items(questionnaire, {"well": ["n"]})] == ["well"]


def test_a_code_without_a_system_is_written_without_one(questionnaire: dict[str, Any]) -> None:
    entered = {"well": ["n"], "where": ["head", "foot"], "both": ["k"]}
    assert items(questionnaire, entered)[-1]["answer"] == [{"valueCoding": {"code": "k", "display": "K"}}]


KG = Unit("kg", "http://unitsofmeasure.org", "kg")
OPTIONS = tuple(
    Option(code, code, value=code, fhir={"valueCoding": {"system": "urn:x", "code": code}})
    for code in ("a", "b")
)
RICH = Form(
    *("rich", "urn:f", "1", "F", ""),
    items=(
        Item("w", "Weight", "quantity", units=(KG,)),
        Item("d", "Ratio", "decimal"),
        Item("r", "Who", "reference"),
        Item(
            *("g", "Child", "group"),
            repeats=True,
            items=(
                Item("age", "Age", "integer"),
                Item("stay", "Stay", "group", repeats=True, items=(Item("when", "When", "date"),)),
            ),
        ),
        Item(
            *("sign", "Sign", "open-choice"),
            options=OPTIONS,
            repeats=True,
            items=(
                Item("help", "Tick all", "display"),
                Item("since", "Since", "date"),
                Item("sub", "", "group", items=(Item("deep", "", "time"),)),
            ),
        ),
    ),
)


def rich(entered: dict[str, list[str]]) -> list[dict[str, Any]]:
    found = response_items(read_answers(RICH, entered))
    assert QuestionnaireResponse.model_validate({"status": "completed", "item": found})
    found_again: list[dict[str, Any]] = json.loads(json.dumps(found))
    assert found_again == found
    return found


def test_numbers_are_ready_for_json_as_they_were_written() -> None:
    weight, ratio, who = rich({"w": ["70"], "d": ["0.10"], "r": ["Patient/1"]})
    assert weight["answer"][0]["valueQuantity"]["value"] == 70
    assert isinstance(weight["answer"][0]["valueQuantity"]["value"], int)
    assert ratio["answer"] == [{"valueDecimal": 0.1}]
    assert who["answer"] == [{"valueReference": {"reference": "Patient/1"}}]


def test_repeated_groups_stand_one_after_the_other_without_the_empty_ones() -> None:
    found = rich({"age": ["3"], "age~3": ["7"], "when~3.2": ["2024"]})
    assert [(group["linkId"], [inner["linkId"] for inner in group["item"]]) for group in found] == [
        ("g", ["age"]),
        ("g", ["age", "stay"]),
    ]
    assert found[1]["item"][1]["item"] == [
        {"linkId": "when", "text": "When", "answer": [{"valueDate": "2024"}]}
    ]


def test_items_stand_under_the_answer_that_they_belong_to() -> None:
    entered = {
        "sign": ["b", "a"],
        "sign~other": ["c"],
        "since": ["2021"],
        "since~3": ["2023"],
        "deep~2": ["10:00"],
    }
    (sign,) = rich(entered)
    b, a, own = sign["answer"]
    assert b == {
        **OPTIONS[1].fhir,
        "item": [{"linkId": "sub", "item": [{"linkId": "deep", "answer": [{"valueTime": "10:00:00"}]}]}],
    }
    assert a == {
        **OPTIONS[0].fhir,
        "item": [{"linkId": "since", "text": "Since", "answer": [{"valueDate": "2021"}]}],
    }
    assert own == {
        "valueString": "c",
        "item": [{"linkId": "since", "text": "Since", "answer": [{"valueDate": "2023"}]}],
    }


def test_what_stands_under_no_answer_does_not_stand() -> None:
    since = Answer("since", ("2021",), field="since", fhir=({"valueDate": "2021"},))
    assert response_items(Answers(RICH, {"since": since})) == []
    passed = Answer("sign", (), passed=True)
    assert "answer" not in response_items(Answers(RICH, {"since": since, "sign": passed}))[0]


def test_a_response_for_expressions_is_as_small_as_it_can_be() -> None:
    found = response(RICH, [{"linkId": "d"}], "in-progress")
    assert found == {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": "urn:f|1",
        "status": "in-progress",
        "item": [{"linkId": "d"}],
    }


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.0", 1.0), ("-3", -3), ("0.000001", 0.000001), ("123456789.12345", 123456789.12345)],
)
def test_a_decimal_keeps_its_value(text: str, number: float) -> None:
    (found,) = rich({"d": [text]})
    assert found["answer"][0]["valueDecimal"] == number
    assert Decimal(str(found["answer"][0]["valueDecimal"])) == Decimal(text)
