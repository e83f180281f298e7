"""What a form's conditions and constraints say of a response."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ipvscreen.sdc.outcome import Issue
from ipvscreen.sdc.validate import validate

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
CANONICAL = "https://forms.example/Questionnaire/any"
CORE = "http://hl7.org/fhir/StructureDefinition/"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/"


def issues(items: list[Any], given: list[Any], status: str = "completed", **about: Any) -> tuple[Issue, ...]:
    questionnaire = {"resourceType": "Questionnaire", "item": items, **about}
    response = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": CANONICAL,
        "status": status,
        "item": given,
    }
    return validate(response, {CANONICAL: questionnaire}.get, now=NOW)


def check(items: list[Any], given: list[Any], **about: Any) -> list[tuple[str, str]]:
    """Rule and place of whatever is wrong."""
    return [
        (found.rule, found.expression.removeprefix("QuestionnaireResponse."))
        for found in issues(items, given, **about)
    ]


def question(link_id: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {"linkId": link_id, "text": link_id, "type": kind, **more}


def answer(link_id: str, **element: Any) -> dict[str, Any]:
    return {"linkId": link_id, "answer": [element]}


def when(question: str, operator: str = "=", **expected: Any) -> dict[str, Any]:
    return {"enableWhen": [{"question": question, "operator": operator, **expected}]}


ASKED = [question("a", "boolean"), question("b", required=True, **when("a", answerBoolean=True))]


def test_what_is_enabled_is_required_and_what_is_not_is_not() -> None:
    yes, no = answer("a", valueBoolean=True), answer("a", valueBoolean=False)
    assert check(ASKED, [yes]) == [("required", "QuestionnaireResponse")]
    assert check(ASKED, [no]) == []
    assert check(ASKED, []) == []
    assert check(ASKED, [yes, answer("b", valueString="x")]) == []


def test_an_answer_to_what_is_not_to_be_asked() -> None:
    given = [answer("a", valueBoolean=False), answer("b", valueString="x")]
    assert check(ASKED, given) == [("notEnabled", "item[1]")]
    assert [found.severity for found in issues(ASKED, given, "in-progress")] == ["warning"]
    assert check(ASKED, [given[0], {"linkId": "b"}]) == []


def test_a_group_that_is_not_to_be_asked_says_so_once() -> None:
    inner = [question("b"), question("c", maxLength=1)]
    items = [question("a", "boolean"), question("g", "group", item=inner, **when("a", answerBoolean=True))]
    group = {"linkId": "g", "item": [answer("b", valueString="x"), answer("c", valueString="too long")]}
    assert check(items, [answer("a", valueBoolean=False), group]) == [("notEnabled", "item[1]")]
    assert check(items, [answer("a", valueBoolean=True), group]) == [
        ("maxLength", "item[1].item[1].answer[0]")
    ]


@pytest.mark.parametrize(
    ("operator", "limit", "holds"),
    [("=", 3, True), ("!=", 3, False), (">", 2, True), ("<", 3, False), (">=", 3, True), ("<=", 2, False)],
)
def test_every_operator(operator: str, limit: int, holds: bool) -> None:
    items = [question("a", "integer"), question("b", **when("a", operator, answerInteger=limit))]
    given = [answer("a", valueInteger=3), answer("b", valueString="x")]
    assert check(items, given) == ([] if holds else [("notEnabled", "item[1]")])


def test_an_answer_that_is_wrong_meets_no_condition() -> None:
    items = [question("a", "integer"), question("b", **when("a", ">", answerInteger=0))]
    given = [answer("a", valueInteger="many"), answer("b", valueString="x")]
    assert check(items, given) == [("invalidValue", "item[0].answer[0]"), ("notEnabled", "item[1]")]


def test_an_answer_that_does_not_count_enables_nothing() -> None:
    items = [*ASKED, question("c", **when("b", "exists", answerBoolean=True))]
    given = [answer("a", valueBoolean=False), answer("b", valueString="x"), answer("c", valueString="y")]
    assert check(items, given) == [("notEnabled", "item[1]"), ("notEnabled", "item[2]")]


def test_a_condition_asks_the_same_instance_of_a_group() -> None:
    items = [question("g", "group", repeats=True, item=ASKED)]
    first = {"linkId": "g", "item": [answer("a", valueBoolean=False)]}
    second = {"linkId": "g", "item": [answer("a", valueBoolean=True)]}
    assert check(items, [first, second]) == [("required", "item[1]")]
    first["item"].append(answer("b", valueString="x"))
    assert check(items, [first, second]) == [("notEnabled", "item[0].item[1]"), ("required", "item[1]")]


def expression(text: str, name: str = "sdc-questionnaire-enableWhenExpression") -> dict[str, Any]:
    return {"url": f"{SDC}{name}", "valueExpression": {"language": "text/fhirpath", "expression": text}}


def test_an_enable_when_expression() -> None:
    shown = expression("%resource.item.where(linkId='a').answer.value > 3")
    items = [question("a", "integer"), question("b", extension=[shown])]
    more = answer("b", valueString="x")
    assert check(items, [answer("a", valueInteger=4), more]) == []
    assert check(items, [answer("a", valueInteger=3), more]) == [("notEnabled", "item[1]")]


def constraint(text: str, severity: str = "error", human: str = "Must hold.") -> dict[str, Any]:
    parts = {"key": ("valueId", "k"), "severity": ("valueCode", severity), "human": ("valueString", human)}
    extension = [{"url": url, element: value} for url, (element, value) in parts.items()]
    extension.append({"url": "expression", "valueString": text})
    return {"url": f"{CORE}questionnaire-constraint", "extension": extension}


@pytest.mark.parametrize(("severity", "told"), [("error", "error"), ("warning", "warning")])
def test_a_constraint_that_is_broken(severity: str, told: str) -> None:
    items = [question("a", repeats=True, extension=[constraint("answer.count() = 2", severity)])]
    (found,) = issues(items, [answer("a", valueString="x")])
    assert (found.rule, found.severity, found.sentence) == ("invariant", told, "Must hold.")
    assert (found.expression, found.link_id) == ("QuestionnaireResponse.item[0]", "a")
    twice = {"linkId": "a", "answer": [{"valueString": "x"}, {"valueString": "y"}]}
    assert issues(items, [twice]) == ()


def test_a_constraint_of_the_form() -> None:
    rule = constraint("item.where(linkId='a').exists() or item.where(linkId='b').exists()")
    items = [question("a"), question("b")]
    assert check(items, [], extension=[rule]) == [("invariant", "QuestionnaireResponse")]
    assert check(items, [answer("b", valueString="x")], extension=[rule]) == []


def test_constraints_ask_nothing_of_what_is_not_there_or_not_to_be_asked() -> None:
    never = [constraint("false")]
    items = [question("a", "boolean"), question("b", extension=never, **when("a", answerBoolean=True))]
    assert check(items, [answer("a", valueBoolean=True)]) == []
    assert check(items, [answer("a", valueBoolean=False), {"linkId": "b"}]) == []
    given = [answer("a", valueBoolean=True), answer("b", valueString="x")]
    assert check(items, given) == [("invariant", "item[1]")]


FAILS = "answer.value.toInteger() + 'x' > 3"


def test_an_expression_that_fails_is_told_at_its_item_and_stops_no_other() -> None:
    items = [
        question("a", extension=[constraint(FAILS)]),
        question("b", extension=[constraint("false")]),
        question("c", extension=[expression(FAILS.replace("answer", "%resource.item[0].answer"))]),
        question("d", extension=[expression("false")]),
    ]
    given = [answer(link_id, valueString="3") for link_id in "abcd"]
    assert check(items, given, extension=[constraint("item.count() > 4")]) == [
        ("notEnabled", "item[3]"),
        ("invariant", "QuestionnaireResponse"),
        ("invariantExecution", "item[0]"),
        ("invariant", "item[1]"),
        ("invariantExecution", "item[2]"),
    ]
    assert not any(found.serious for found in issues(items[:1], given[:1]))


def test_a_constraint_of_the_form_that_fails() -> None:
    found = check([question("a")], [answer("a", valueString="3")], extension=[constraint(f"item[0].{FAILS}")])
    assert found == [("invariantExecution", "QuestionnaireResponse")]


def test_calculations_are_not_done_again() -> None:
    score = expression("1 + 'x'", "sdc-questionnaire-calculatedExpression")
    items = [
        question("a", "integer", extension=[score]),
        question("b", extension=[constraint("%resource.item[0].answer.value = 7")]),
    ]
    assert check(items, [answer("a", valueInteger=7), answer("b", valueString="x")]) == []


def test_under_an_answer() -> None:
    below = [question("b", **when("a", answerString="x"))]
    items = [question("a", repeats=True, item=below)]
    answers = [{"valueString": "y", "item": [answer("b", valueString="z")]}]
    assert check(items, [{"linkId": "a", "answer": answers}]) == [("notEnabled", "item[0].answer[0].item[0]")]
    answers.append({"valueString": "x"})
    assert check(items, [{"linkId": "a", "answer": answers}]) == []
