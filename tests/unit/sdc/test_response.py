"""The items of a QuestionnaireResponse: what was answered, what was passed, and nothing else."""

from typing import Any

from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse

from ipvscreen.sdc.answers import PASS, read_answers
from ipvscreen.sdc.load import load_form
from ipvscreen.sdc.response import response_items

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
