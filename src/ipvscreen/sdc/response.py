"""Answers → QuestionnaireResponse.item (FHIR R4)."""

from typing import Any

from ipvscreen.sdc.answers import Answer, Answers
from ipvscreen.sdc.form import Item

# http://terminology.hl7.org/CodeSystem/data-absent-reason
DATA_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
ASKED_DECLINED = "asked-declined"


def response_items(answers: Answers) -> list[dict[str, Any]]:
    """The items of a QuestionnaireResponse, in the order of the form.

    An item that was passed stands without an answer and says why; one that was left, and a group in which
    nothing was answered, do not stand at all.
    """
    return _items(answers, answers.form.items)


def _items(answers: Answers, items: tuple[Item, ...]) -> list[dict[str, Any]]:
    found = (_item(answers, item) for item in items)
    return [body for body in found if body]


def _item(answers: Answers, item: Item) -> dict[str, Any] | None:
    about = {"linkId": item.link_id, "text": item.text}
    if item.type == "group":
        inner = _items(answers, item.items)
        return {**about, "item": inner} if inner else None
    answer = answers.given.get(item.link_id)
    return {**about, **_answered(item, answer)} if answer else None


def _answered(item: Item, answer: Answer) -> dict[str, Any]:
    if answer.passed:
        return {"extension": [{"url": DATA_ABSENT_REASON, "valueCode": ASKED_DECLINED}]}
    return {"answer": [_value(item, value) for value in answer.values]}


def _value(item: Item, value: str) -> dict[str, Any]:
    if item.type == "integer":
        return {"valueInteger": int(value)}
    if item.type == "string":
        return {"valueString": value}
    option = next(option for option in item.options if option.value == value)
    coding = {"system": option.system, "code": option.code, "display": option.display}
    return {"valueCoding": {key: part for key, part in coding.items() if part is not None}}
