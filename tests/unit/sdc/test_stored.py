"""A stored response goes back into the controls, or not at all."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from ipvscreen.sdc.answers import PASS, read_answers
from ipvscreen.sdc.load import load_form
from ipvscreen.sdc.response import response_items
from ipvscreen.sdc.stored import entered_from, without_words

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def item(link_id: str, kind: str, *items: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {
        "linkId": link_id,
        "text": f"{link_id}?",
        "type": kind,
        **({"item": list(items)} if items else {}),
        **parts,
    }


CODES = [{"valueCoding": {"system": "urn:x", "code": one, "display": one.title()}} for one in ("a", "b")]
SUM = {
    "url": "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression",
    "valueExpression": {
        "language": "text/fhirpath",
        "expression": "%resource.descendants().where(linkId='age').answer.value.sum()",
    },
}
UNIT = {
    "url": "http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption",
    "valueCoding": {"system": "http://unitsofmeasure.org", "code": "kg", "display": "kg"},
}
FORM = load_form(
    {
        "resourceType": "Questionnaire",
        "url": "https://forms.example/Questionnaire/stored",
        "version": "1",
        "name": "Stored",
        "title": "Stored",
        "status": "active",
        "copyright": "Ours",
        "item": [
            item("one", "choice", item("why", "string"), answerOption=CODES),
            item("free", "open-choice", answerOption=CODES),
            item("part", "group", item("in", "boolean")),
            item("child", "group", item("age", "integer"), repeats=True),
            item("names", "string", item("job", "string"), repeats=True),
            item("weight", "quantity", extension=[UNIT]),
            item("sum", "decimal", extension=[SUM], readOnly=True),
        ],
    }
)
ENTERED = {
    "one": ("a",),
    "why": ("so",),
    "free": ("~other",),
    "free~other": ("mine",),
    "in": ("true",),
    "age": ("4",),
    "age~2": ("7",),
    "names": ("x", "y"),
    "job": ("p",),
    "job~2": ("q",),
    "weight": ("61.5",),
    "weight~unit": ("kg",),
}


def stored(entered: Mapping[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    return response_items(read_answers(FORM, entered, now=NOW))


def test_all_that_was_entered_comes_back() -> None:
    assert entered_from(FORM, stored(ENTERED), now=NOW) == ENTERED


def test_nothing_entered_is_nothing() -> None:
    assert entered_from(FORM, [], now=NOW) == {}


def test_a_pass_comes_back() -> None:
    entered = {"one": (PASS,), "in": (PASS,)}
    body = stored(entered)
    body[0]["extension"].insert(0, {"url": "urn:other", "valueCode": "x"})
    assert entered_from(FORM, stored(entered), now=NOW) == entered
    assert entered_from(FORM, body, now=NOW) is None, "what another has added would be lost"


@pytest.mark.parametrize(
    "items",
    [
        [{"linkId": "unknown", "answer": [{"valueString": "x"}]}],
        [{"linkId": "one", "answer": [{"valueCoding": {"system": "urn:x", "code": "z"}}]}],
        [{"linkId": "in", "answer": [{"valueBoolean": True}]}],
        [{"linkId": "one", "extension": [{"url": "urn:other"}]}],
        [{"linkId": "sum", "answer": [{"valueDecimal": 99}]}],
        [{"answer": []}],
        [{"linkId": "one", "answer": [{}]}],
        [{"linkId": "one", "answer": 3}],
        ["one"],
    ],
    ids=[
        "unknown",
        "no option",
        "wrong place",
        "foreign",
        "not its sum",
        "nameless",
        "empty",
        "no list",
        "text",
    ],
)
def test_what_the_form_would_not_say_again_is_refused(items: list[Any]) -> None:
    assert entered_from(FORM, items, now=NOW) is None


def test_words_are_no_answers() -> None:
    plain = [{"a": 1, "text": "x", "c": [{"display": "y", "code": "z"}]}, 3]
    assert without_words(plain) == [{"a": 1, "c": [{"code": "z"}]}, 3]
