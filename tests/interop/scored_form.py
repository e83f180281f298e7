"""A Questionnaire with every kind of item that scores are made of, and answers to it drawn with a seed."""

import random
from decimal import Decimal
from typing import Any

ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
WEIGHT = "http://hl7.org/fhir/StructureDefinition/itemWeight"
SYSTEM = "https://example.org/codes"


def option(code: str, weight: str, url: str) -> dict[str, Any]:
    """An answerOption with its weight."""
    coding = {"system": SYSTEM, "code": code, "display": code.upper()}
    return {"extension": [{"url": url, "valueDecimal": Decimal(weight)}], "valueCoding": coding}


def choice(link: str, weights: dict[str, str], url: str = ORDINAL, **more: Any) -> dict[str, Any]:
    """A choice item with these weights by code."""
    options = [option(code, weight, url) for code, weight in weights.items()]
    return {"linkId": link, "text": link, "type": "choice", "answerOption": options, **more}


WHOLE = {"none": "0", "some": "1", "most": "2", "all": "3"}
PARTS = {"low": "0.5", "mid": "1.25", "high": "-2"}
TICKS = {"one": "1", "two": "2", "four": "4"}
QUESTIONNAIRE: dict[str, Any] = {
    "resourceType": "Questionnaire",
    "url": "https://example.org/Questionnaire/scored",
    "version": "1",
    "name": "Scored",
    "status": "active",
    "item": [
        *(choice(f"s{n}", WHOLE) for n in range(1, 6)),
        choice("p", PARTS, WEIGHT),
        choice("ticks", TICKS, repeats=True),
        {"linkId": "yes", "text": "yes", "type": "boolean", "item": [{"linkId": "since", "type": "integer"}]},
        {
            "linkId": "body",
            "type": "group",
            "item": [
                {"linkId": "height", "type": "decimal"},
                {"linkId": "weight", "type": "decimal"},
                {"linkId": "born", "type": "date"},
                {"linkId": "seen", "type": "dateTime"},
            ],
        },
        {"linkId": "times", "type": "integer", "repeats": True},
        {"linkId": "dose", "type": "quantity", "repeats": True},
        {"linkId": "note", "type": "string"},
        {
            "linkId": "visit",
            "type": "group",
            "repeats": True,
            "item": [choice("pain", WHOLE), {"linkId": "n", "type": "integer"}],
        },
    ],
}


def coding(draw: random.Random, weights: dict[str, str]) -> dict[str, Any]:
    """One answer of a choice, as a response has it: without the weight."""
    code = draw.choice(list(weights))
    return {"valueCoding": {"system": SYSTEM, "code": code, "display": code.upper()}}


def some(draw: random.Random, link: str, *answers: dict[str, Any]) -> list[dict[str, Any]]:
    """The item with these answers, or nothing."""
    return [{"linkId": link, "answer": list(answers)}] if answers and draw.random() < 0.8 else []


def kilograms(draw: random.Random) -> dict[str, Any]:
    """A quantity."""
    value = Decimal(draw.randint(1, 400)) / 4
    return {
        "valueQuantity": {"value": value, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    }


def response(draw: random.Random) -> dict[str, Any]:
    """One QuestionnaireResponse; gaps included."""
    yes: dict[str, Any] = {"valueBoolean": draw.random() < 0.5}
    if draw.random() < 0.7:
        yes["item"] = [{"linkId": "since", "answer": [{"valueInteger": draw.randint(0, 30)}]}]
    body = [
        *some(draw, "height", {"valueDecimal": Decimal(draw.randint(140, 200)) / 100}),
        *some(draw, "weight", {"valueDecimal": Decimal(draw.randint(400, 1200)) / 10}),
        *some(draw, "born", {"valueDate": f"{draw.randint(1940, 2010)}-0{draw.randint(1, 9)}-11"}),
        *some(draw, "seen", {"valueDateTime": f"2026-05-02T10:{draw.randint(10, 59)}:00Z"}),
    ]
    ticked = draw.sample(list(TICKS), draw.randint(0, len(TICKS)))
    ticks = [{"valueCoding": {"system": SYSTEM, "code": code}} for code in ticked]
    times = [{"valueInteger": draw.randint(-3, 12)} for _ in range(draw.randint(0, 4))]
    doses = [kilograms(draw) for _ in range(draw.randint(0, 3))]
    visits = [
        [*some(draw, "pain", coding(draw, WHOLE)), *some(draw, "n", {"valueInteger": draw.randint(0, 9)})]
        for _ in range(draw.randint(0, 3))
    ]
    items = [
        *(entry for n in range(1, 6) for entry in some(draw, f"s{n}", coding(draw, WHOLE))),
        *some(draw, "p", coding(draw, PARTS)),
        *some(draw, "ticks", *ticks),
        *some(draw, "yes", yes),
        *([{"linkId": "body", "item": body}] if body else []),
        *some(draw, "times", *times),
        *some(draw, "dose", *doses),
        *some(draw, "note", {"valueString": draw.choice(["-", "Again", "twice a week", "ALL well"])}),
        *({"linkId": "visit", "item": visit} for visit in visits if visit),
    ]
    return {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "questionnaire": f"{QUESTIONNAIRE['url']}|{QUESTIONNAIRE['version']}",
        "authored": "2026-05-01T09:00:00Z",
        **({"item": items} if items else {}),
    }
