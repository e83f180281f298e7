"""Conditions, expressions and constraints: each checked where it stands, and none in a circle."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.form import Condition, Constraint, Variable
from ipvscreen.sdc.load import define, load_form
from ipvscreen.sdc.loading.extensions import Ext

Json = dict[str, Any]
Build = Callable[..., Json]

TYPES = {
    "boolean": ({"answerBoolean": True}, ("=", "!=")),
    "decimal": ({"answerDecimal": 1.5}, ("=", "!=", ">", "<", ">=", "<=")),
    "integer": ({"answerInteger": 1}, ("=", "!=", ">", "<", ">=", "<=")),
    "date": ({"answerDate": "2020"}, ("=", "!=", ">", "<", ">=", "<=")),
    "dateTime": ({"answerDateTime": "2020"}, ("=", "!=", ">", "<", ">=", "<=")),
    "time": ({"answerTime": "10:00:00"}, ("=", "!=", ">", "<", ">=", "<=")),
    "string": ({"answerString": "x"}, ("=", "!=")),
    "text": ({"answerString": "x"}, ("=", "!=")),
    "url": ({"answerString": "x"}, ("=", "!=")),
    "open-choice": ({"answerString": "x"}, ("=", "!=")),
    "quantity": ({"answerQuantity": {"value": 1}}, ("=", "!=", ">", "<", ">=", "<=")),
    "reference": ({"answerReference": {"reference": "Patient/1"}}, ("=", "!=")),
}


def asked(with_item: Build, kind: str, **condition: Any) -> Json:
    """The item depends on a later one of that type."""
    later: Json = {"linkId": "q", "text": "Q?", "type": kind}
    if kind == "open-choice":
        later["answerOption"] = [{"valueString": "y"}]
    body = with_item(type="string", answerOption=None, enableWhen=[{"question": "q", **condition}])
    body["item"].append(later)
    return body


def refused(body: Json, path: str, sentence: str) -> None:
    with pytest.raises(FormRefused, match=re.escape(sentence)) as caught:
        load_form(body)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("kind", "operator"),
    [(kind, operator) for kind, (_, operators) in TYPES.items() for operator in operators],
)
def test_every_operator_that_fits_the_type(with_item: Build, kind: str, operator: str) -> None:
    answer = TYPES[kind][0]
    form = load_form(asked(with_item, kind, operator=operator, **answer))
    (condition,) = form.item("a").enable_when
    assert (condition.question, condition.operator, list(condition.answer)) == ("q", operator, list(answer))


@pytest.mark.parametrize("kind", TYPES)
def test_whether_a_question_is_answered_at_all(with_item: Build, kind: str) -> None:
    form = load_form(asked(with_item, kind, operator="exists", answerBoolean=False))
    assert form.item("a").enable_when == (Condition("q", "exists", {"answerBoolean": False}),)


@pytest.mark.parametrize("kind", ["boolean", "string", "text", "url", "open-choice", "reference"])
@pytest.mark.parametrize("operator", [">", "<", ">=", "<="])
def test_what_has_no_order_is_not_compared(with_item: Build, kind: str, operator: str) -> None:
    body = asked(with_item, kind, operator=operator, **TYPES[kind][0])
    sentence = f"'{operator}' has no meaning for a question of type '{kind}'."
    refused(body, "Questionnaire.item[0].enableWhen[0].operator", sentence)


def test_an_answer_of_another_type_is_refused(with_item: Build) -> None:
    body = asked(with_item, "integer", operator="=", answerString="3")
    refused(body, "Questionnaire.item[0].enableWhen[0].answerString", "is not supported here.")


def test_options_that_are_not_at_hand_are_not_compared(with_item: Build) -> None:
    body = with_item(answerOption=None, answerValueSet="urn:v")
    when = {"question": "a", "operator": "=", "answerCoding": {"code": "x"}}
    body["item"].append({"linkId": "b", "type": "display", "text": "B", "enableWhen": [when]})
    assert define(body).item("b").enable_when


def when(question: str) -> Json:
    return {"question": question, "operator": "exists", "answerBoolean": True}


def expression(text: str, **more: str) -> Json:
    return {"valueExpression": {"language": "text/fhirpath", "expression": text, **more}}


def reads(link_id: str) -> str:
    return f"%resource.item.where(linkId='{link_id}').answer.value"


def question(link_id: str, *extensions: Json, **more: Any) -> Json:
    return {"linkId": link_id, "text": "?", "type": "integer", "extension": list(extensions), **more}


CALCULATED = {"url": Ext.CALCULATED}
ENABLED = {"url": Ext.ENABLE_EXPRESSION}


def variable(name: str, text: str) -> Json:
    return {"url": Ext.VARIABLE, **expression(text, name=name)}


@pytest.mark.parametrize(
    ("items", "circle"),
    [
        ([question("a", enableWhen=[when("a")])], "a → a"),
        ([question("a", enableWhen=[when("b")]), question("b", enableWhen=[when("a")])], "a → b → a"),
        ([question("a", enableWhen=[when("b")], item=[question("b")])], "a → b → a"),
        ([question("a", CALCULATED | expression(reads("a")))], "a → a"),
        (
            [question("a", CALCULATED | expression(reads("b"))), question("b", enableWhen=[when("a")])],
            "a → b → a",
        ),
        ([question("a", ENABLED | expression(reads("b") + " > 1"), item=[question("b")])], "a → b → a"),
        ([question("a", variable("v", reads("a")), CALCULATED | expression("%v + 1"))], "v a → a → v a"),
        (
            [question(str(n), enableWhen=[when(str((n + 1) % 7))]) for n in range(7)],
            "0 → 1 → 2 → 3 → 4 → …",
        ),
    ],
)
def test_a_circle_is_refused(questionnaire: Json, items: list[Json], circle: str) -> None:
    with pytest.raises(FormRefused, match="depends on itself: ") as caught:
        load_form(questionnaire | {"item": items})
    assert caught.value.sentence == f"depends on itself: {circle}."
    assert caught.value.path.startswith("Questionnaire.item[")


def test_a_circle_of_the_forms_variables_is_refused_at_the_item_it_passes(questionnaire: Json) -> None:
    root = [variable("v", reads("a"))]
    items = [question("b"), question("a", CALCULATED | expression("%v"))]
    body = questionnaire | {"item": items, "extension": root}
    refused(body, "Questionnaire.item[1]", "depends on itself: v → a → v.")


def test_what_is_used_twice_is_no_circle(questionnaire: Json) -> None:
    items = [
        question("c", enableWhen=[when("a"), when("b")], enableBehavior="any"),
        question("b", enableWhen=[when("a")]),
        question("a"),
    ]
    assert load_form(questionnaire | {"item": items}).item("c").enable_any


def test_expressions_are_read(questionnaire: Json) -> None:
    launch = {
        "url": Ext.LAUNCH_CONTEXT,
        "extension": [
            {"url": "name", "valueCoding": {"code": "patient"}},
            {"url": "type", "valueCode": "Patient"},
        ],
    }
    again = {"url": Ext.LAUNCH_CONTEXT, "extension": [{"url": "name", "valueId": "patient"}]}
    root = [launch, again, variable("one", "1"), variable("two", "%one + 1")]
    inner = [
        variable("three", "%two + 1"),
        CALCULATED | expression("%three + 1"),
        ENABLED | expression("%patient.active"),
        {"url": Ext.INITIAL_EXPRESSION, **expression("%patient.id")},
    ]
    form = load_form(questionnaire | {"item": [question("a", *inner)], "extension": root})
    item = form.item("a")
    assert form.launch == ("patient",)
    assert form.variables == (Variable("one", "1"), Variable("two", "%one + 1"))
    assert item.variables == (Variable("three", "%two + 1"),)
    assert (item.calculated, item.enable_expression) == ("%three + 1", "%patient.active")
    assert item.initial_expression == "%patient.id"


E0 = "Questionnaire.item[0].extension[0]"


@pytest.mark.parametrize(
    ("extension", "path", "sentence"),
    [
        (
            CALCULATED | {"valueExpression": {"language": "text/cql", "expression": "x"}},
            ".valueExpression.language",
            "'text/cql' is not supported: only text/fhirpath is.",
        ),
        (
            CALCULATED | {"valueExpression": {"language": "text/fhirpath", "reference": "urn:x"}},
            ".valueExpression.reference",
            "is not supported.",
        ),
        (
            CALCULATED | {"valueExpression": {"language": "text/fhirpath"}},
            ".valueExpression.expression",
            "is missing.",
        ),
        (CALCULATED | expression("1 +"), ".valueExpression.expression", "is not FHIRPath"),
        (CALCULATED | expression("%patient.id"), ".valueExpression.expression", "%patient"),
        (CALCULATED, ".valueExpression", "must be an object."),
        ({"url": Ext.VARIABLE, **expression("1")}, ".valueExpression.name", "is missing."),
        (variable("a b", "1"), ".valueExpression.name", "must be letters, digits and underscores."),
        (variable("resource", "1"), ".valueExpression.name", "'resource' is a name already."),
    ],
)
def test_expressions_that_cannot_be_evaluated_are_refused(
    questionnaire: Json, extension: Json, path: str, sentence: str
) -> None:
    refused(questionnaire | {"item": [question("a", extension)]}, E0 + path, sentence)


def test_a_variable_keeps_its_name(questionnaire: Json) -> None:
    body = questionnaire | {"item": [question("a", variable("v", "1"), variable("v", "2"))]}
    refused(body, "Questionnaire.item[0].extension[1].valueExpression.name", "'v' is a name already.")


@pytest.mark.parametrize(
    ("parts", "path", "sentence"),
    [
        ([], "", "has no name."),
        (
            [{"url": "name", "valueCoding": {"code": "study"}}],
            ".extension[0]",
            "'study' is not at hand: only patient, user, encounter are.",
        ),
        ([{"url": "other"}], ".extension[0].url", "'other' is not supported here."),
    ],
)
def test_only_what_is_at_hand_is_launched_with(
    questionnaire: Json, parts: list[Json], path: str, sentence: str
) -> None:
    body = questionnaire | {"extension": [{"url": Ext.LAUNCH_CONTEXT, "extension": parts}]}
    refused(body, "Questionnaire.extension[0]" + path, sentence)


@pytest.mark.parametrize(
    ("more", "other"),
    [
        ({"initial": [{"valueInteger": 1}]}, {"url": Ext.INITIAL_EXPRESSION, **expression("1")}),
        ({"enableWhen": [when("b")]}, ENABLED | expression("true")),
    ],
)
def test_one_way_of_saying_it(questionnaire: Json, more: Json, other: Json) -> None:
    items = [question("a", other, **more), question("b")]
    refused(questionnaire | {"item": items}, "Questionnaire.item[0]", "has both ")


def constraint(url: str, **changes: Json | None) -> Json:
    parts: dict[str, Json | None] = {
        "key": {"valueId": "k"},
        "requirements": {"valueString": "why"},
        "severity": {"valueCode": "error"},
        "expression": {"valueString": "true"},
        "human": {"valueString": "Say more."},
        "location": {"valueString": "item"},
    }
    extension = [{"url": name, **part} for name, part in (parts | changes).items() if part is not None]
    return {"url": url, "extension": extension}


def test_constraints_are_read_by_either_extension(questionnaire: Json) -> None:
    target = constraint(Ext.TARGET_CONSTRAINT, expression=expression("1 = 1"))
    warning = constraint(Ext.CONSTRAINT, severity={"valueCode": "warning"})
    body = questionnaire | {"item": [question("a", warning, target)], "extension": [warning]}
    form = load_form(body)
    soft = Constraint("k", "true", "Say more.", warning=True)
    assert form.constraints == (soft,)
    assert form.item("a").constraints == (Constraint("k", "1 = 1", "Say more."), soft)


@pytest.mark.parametrize(
    ("changes", "path", "sentence"),
    [
        ({"key": None}, "", "has no key."),
        ({"human": None}, "", "has no human."),
        ({"severity": {"valueCode": "fatal"}}, ".extension[2].valueCode", "must be 'error' or 'warning'."),
        ({"expression": {"valueString": "(("}}, ".extension[3].valueString", "is not FHIRPath"),
        ({"else": {"valueString": "x"}}, ".extension[6].url", "'else' is not supported here."),
    ],
)
def test_constraints_that_cannot_be_checked_are_refused(
    questionnaire: Json, changes: dict[str, Json | None], path: str, sentence: str
) -> None:
    body = questionnaire | {"item": [question("a", constraint(Ext.CONSTRAINT, **changes))]}
    refused(body, E0 + path, sentence)


def test_an_expression_that_is_wrong_is_kept_where_answers_are_only_validated(questionnaire: Json) -> None:
    wrong = constraint(Ext.CONSTRAINT, expression={"valueString": "(("})
    items = [question("a", wrong, CALCULATED | expression("%nowhere"))]
    item = define(questionnaire | {"item": items}).item("a")
    assert item.constraints[0].expression == "(("
    items = [question("a", CALCULATED | expression("(("))]
    assert define(questionnaire | {"item": items}).item("a").calculated == "(("
