"""A small Questionnaire that uses everything that is supported."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
MINIMUM = "http://hl7.org/fhir/StructureDefinition/minValue"


def option(code: str, weight: float | None = None) -> dict[str, Any]:
    extension = {} if weight is None else {"extension": [{"url": ORDINAL, "valueDecimal": weight}]}
    return {**extension, "valueCoding": {"system": "urn:x", "code": code, "display": code.title()}}


def when(question: str, code: str) -> dict[str, Any]:
    return {"question": question, "operator": "=", "answerCoding": {"system": "urn:x", "code": code}}


QUESTIONNAIRE: dict[str, Any] = {
    "resourceType": "Questionnaire",
    "url": "https://forms.example/Questionnaire/small",
    "version": "2",
    "name": "Small_Form",
    "title": "Small form",
    "status": "active",
    "copyright": "Ours",
    "code": [{"system": "urn:x", "code": "panel", "display": "Panel"}],
    "item": [
        {"linkId": "intro", "text": "Please read this", "type": "display"},
        {
            "linkId": "well",
            "text": "Are you well?",
            "type": "choice",
            "answerOption": [option("y", 1), option("n", 0)],
        },
        {
            "linkId": "more",
            "text": "More",
            "type": "group",
            "enableWhen": [when("well", "n")],
            "item": [
                {
                    "linkId": "where",
                    "text": "Where?",
                    "type": "choice",
                    "repeats": True,
                    "answerOption": [option("head", 2), option("foot", 0.5), option("else")],
                },
                {
                    "linkId": "what",
                    "text": "What?",
                    "type": "string",
                    "maxLength": 10,
                    "enableWhen": [when("where", "else")],
                },
            ],
        },
        {
            "linkId": "times",
            "text": "How often?",
            "type": "integer",
            "extension": [{"url": MINIMUM, "valueInteger": 0}],
            "enableBehavior": "any",
            "enableWhen": [when("well", "n"), when("well", "y")],
        },
        {
            "linkId": "both",
            "text": "Both?",
            "type": "choice",
            "required": True,
            "enableBehavior": "all",
            "enableWhen": [when("where", "head"), when("where", "foot")],
            "answerOption": [{"valueCoding": {"code": "k", "display": "K"}}],
        },
        {"linkId": "free", "text": "Anything else?", "type": "string"},
        {"linkId": "count", "text": "Any number", "type": "integer"},
    ],
}


@pytest.fixture
def questionnaire() -> dict[str, Any]:
    """A copy that a test may spoil."""
    return copy.deepcopy(QUESTIONNAIRE)


@pytest.fixture
def with_item(questionnaire: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """The Questionnaire with one item only: a choice with these elements changed."""

    def build(**changes: Any) -> dict[str, Any]:
        item = {"linkId": "a", "text": "A?", "type": "choice", "answerOption": [option("y"), option("n")]}
        item.update(changes)
        questionnaire["item"] = [{key: value for key, value in item.items() if value is not None}]
        return questionnaire

    return build
