"""Whatever a page lets a person enter comes out as a response in which the validator finds nothing wrong."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from ipvscreen.sdc.answering.given import OTHER, PASS
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Item
from ipvscreen.sdc.layout import Placed, layout
from ipvscreen.sdc.load import load_form
from ipvscreen.sdc.response import response, response_items
from ipvscreen.sdc.validate import validate

NOW = datetime(2024, 5, 31, 14, 30, tzinfo=UTC)
EXTENSION = "http://hl7.org/fhir/StructureDefinition/questionnaire-"


def codes(*names: str) -> list[dict[str, Any]]:
    return [{"valueCoding": {"system": "urn:x", "code": name, "display": name.title()}} for name in names]


def item(link_id: str, kind: str, *items: dict[str, Any], **parts: Any) -> dict[str, Any]:
    inner = {"item": list(items)} if items else {}
    return {"linkId": link_id, "text": f"{link_id}?", "type": kind, **inner, **parts}


def when(question: str, operator: str, **answer: Any) -> dict[str, Any]:
    return {"enableWhen": [{"question": question, "operator": operator, **answer}]}


UNITS = [
    {
        "url": f"{EXTENSION}unitOption",
        "valueCoding": {"system": "http://unitsofmeasure.org", "code": code, "display": code},
    }
    for code in ("kg", "g")
]
CALCULATED = {
    "url": "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression",
    "valueExpression": {
        "language": "text/fhirpath",
        "expression": "%resource.descendants().where(linkId='age').answer.value.sum()",
    },
}
QUESTIONNAIRE: dict[str, Any] = {
    "resourceType": "Questionnaire",
    "url": "https://forms.example/Questionnaire/all",
    "version": "1",
    "name": "All",
    "title": "All",
    "status": "active",
    "copyright": "Ours",
    "item": [
        item("yes", "boolean", item("why", "text"), item("note", "display")),
        item("later", "integer", **when("last", "=", answerCoding={"system": "urn:x", "code": "red"})),
        item(
            *("child", "group"),
            item("age", "integer"),
            item("toys", "group", item("toy", "string"), repeats=True),
            item("born", "date", **when("age", ">", answerInteger=3)),
            repeats=True,
        ),
        item("signs", "choice", item("since", "dateTime"), repeats=True, answerOption=codes("a", "b")),
        item("free", "open-choice", item("more", "url"), answerOption=codes("a", "b")),
        item("names", "string", item("job", "time"), repeats=True),
        item("weight", "quantity", extension=UNITS),
        item("ratio", "decimal", **when("yes", "!=", answerBoolean=True)),
        item("who", "reference"),
        item("last", "choice", answerOption=codes("red", "blue")),
        item("sum", "decimal", extension=[CALCULATED], readOnly=True),
    ],
}
FORM = load_form(QUESTIONNAIRE)
TYPED = {
    "integer": ["0", "4", "-7"],
    "decimal": ["0.5", "-3"],
    "quantity": ["70.5"],
    "date": ["2020-02-29", "2019"],
    "dateTime": ["2020-02-29T08:15", "2019-05"],
    "time": ["08:15"],
    "string": ["words"],
    "text": ["more\nwords"],
    "url": ["https://x.example/"],
    "reference": ["Patient/1"],
    "boolean": ["true", "false", PASS],
}


def every(placed: Iterable[Placed]) -> Iterator[Placed]:
    for one in placed:
        yield one
        yield from every(one.children)


def offered(item: Item) -> list[str]:
    own = [OTHER] if item.is_open else []
    return [*(option.value for option in item.options), *own] or TYPED[item.type]


def filled(chance: Random) -> dict[str, list[str]]:
    """As a person would: look at the page, enter something where one can, add a place, look again."""
    entered: dict[str, list[str]] = {}
    for _ in range(3):
        more = chance.choice([None, "child", "child~2", "toys", "toys~2.1", "names"])
        for one in every(layout(FORM, entered, now=NOW, more=more)):
            if one.item.is_question and one.enabled and not one.read_only and chance.random() < 0.6:
                offers = offered(one.item)
                entered[one.field] = chance.sample(offers, min(len(offers), 1 + one.item.repeats))
                if one.item.type == "quantity":
                    entered[f"{one.field}~unit"] = ["g"]
                if one.item.is_open:
                    entered[f"{one.field}~other"] = ["own"] if OTHER in entered[one.field] else []
    return entered


@pytest.mark.parametrize("seed", range(60))
def test_what_can_be_entered_is_valid(seed: int) -> None:
    entered = filled(Random(seed))  # noqa: S311  # a choice of examples, the same each time
    answers = read_answers(FORM, entered, now=NOW)
    assert answers.mistakes == {}
    body = json.loads(json.dumps(response(FORM, response_items(answers), "completed")))
    issues = validate(body, {FORM.canonical: QUESTIONNAIRE}.get, now=NOW)
    assert [(one.rule, one.expression) for one in issues if one.severity in ("error", "fatal")] == []
    asked = {field for field in entered if field in answers.enabled}
    assert answers.given.keys() - answers.calculated == asked
    assert json.dumps(body).count('"answer"') == len(answers.given) - sum(
        a.passed for a in answers.given.values()
    )
