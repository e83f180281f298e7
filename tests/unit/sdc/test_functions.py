# ruff: noqa: E501  # tables of expressions are read as tables
"""Operators and functions: exact, three-valued, empty or loud, and never 0 for nothing."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from fhirpathpy.engine.invocations import invocation_registry
from hypothesis import given
from hypothesis import strategies as st

from ipvscreen.errors import ExpressionFailed
from ipvscreen.sdc.expressions import evaluate
from ipvscreen.sdc.fhirpath.moments import read
from ipvscreen.sdc.fhirpath.supplement import ALLOWED, REFUSED

ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
WEIGHT = "http://hl7.org/fhir/StructureDefinition/itemWeight"
UCUM = "http://unitsofmeasure.org"


def of(expression: str, focus: Any = None, **names: Any) -> list[Any]:
    return evaluate(expression, focus, names, now=datetime(2026, 11, 22, tzinfo=UTC))


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("1 = 1.0", True), ("1 = true", False), ("(1|2) = (1|3)", False), ("(1|2) = (1|2)", True),
        ("(1|2) = 1", False), ("{} = 1", None), ("1 != 2", True), ("'a' = 'A'", False), ("'a' ~ 'A'", True),
        ("(1|2) ~ (2|1)", True), ("1 ~ (1|2)", False), ("1 !~ 2", True), ("{} ~ {}", True),
        ("@2020 = @2020-05", None), ("@2020 != @2020-05", None), ("@2020-05-01 = @2020-05-01", True),
        ("@2020-05-01 = '2020-05-01'", True), ("'10:30' = @T10:30", True), ("'x' = @2020", False),
        ("'2020-05-01' < @2020-06-01", True), ("@T10:00 < @T11:00", True), ("@2020 < @2020-05", None),
        ("1 'kg' = 1000 'g'", True), ("1 'kg' = 1 'm'", None), ("1 'kg' > 999 'g'", True),
        ("1 'lb' = 1 'lb'", True), ("1 'x' < 2 'y'", None), ("2 years = 24 months", True),
        ("1 week = 7 days", True), ("1 < 2", True), ("2 <= 2.0", True), ("3 >= 4", False), ("'b' > 'a'", True),
        ("{} < 1", None), ("1 > {}", None),
        ("1 + 2", 3), ("0.1 + 0.2", Decimal("0.3")), ("'a' + 'b'", "ab"), ("'a' & {}", "a"), ("'a' + {}", None),
        ("5 - 2", 3), ("2 * 3", 6), ("1 / 4", Decimal("0.25")), ("1 / 0", None), ("-7 div 2", -3), ("7 div 0", None),
        ("-7 mod 3", -1), ("7.5 mod 2", Decimal("1.5")), ("7 mod 0", None),
        ("@2020 + 25 months", "2022"), ("@2020-01 + 31 days", "2020-02"), ("@2020-01-31 + 49 hours", "2020-02-02"),
        ("@2020 - 366 days", "2019"), ("@2020-01-31T10 + 90 minutes", "2020-01-31T11"),
        ("@2020-01-31T10:00 - 90 seconds", "2020-01-31T09:59"), ("@2020-01-31 + 1 week", "2020-02-07"),
        ("@2020-02-29T10:00:00+02:00 + 1 year", "2021-02-28T10:00:00+02:00"),
        ("@2020-02-29T10:00:00.5Z + 10 'ms'", "2020-02-29T10:00:00.510Z"),
        ("@T23:30 + 1 hour", "00:30"), ("@T10:00:00.100 - 1 'min'", "09:59:00.100"),
        ("@2020-02-29 + 1 year", "2021-02-28"), ("@2020-03-31 - 1 month", "2020-02-29"),
        ("today() - 18 years", "2008-11-22"),
        ("true and {}", None), ("false and {}", False), ("true and true", True), ("{} or true", True),
        ("{} or false", None), ("false or false", False), ("true xor {}", None), ("true xor false", True),
        ("false implies {}", True), ("true implies false", False), ("{} implies true", True),
        ("{} implies false", None), ("{} implies {}", None), ("'text' and true", True),
        ("1 in (1|2)", True), ("{} in (1|2)", None), ("(1|2) contains 3", False), ("{} contains 1", False),
        ("1 is Integer", True), ("1 is Decimal", False), ("@2020 is Date", True), ("@2020-01-01T10:00 is DateTime", True),
        ("{} is Integer", None), ("(1 as Integer) + 1", 2), ("(1 as String)", None), ("1.is(System.Integer)", True),
        ("1.is(FHIR.integer)", False), ("1.as(Integer)", 1), ("%coding is Coding", True), ("%coding is Element", True),
        ("(1|2|'a').ofType(Integer).count()", 2), ("({} is Integer).empty()", True), ("%other is Any", True),
        ("iif(true, 1, 2)", 1), ("iif({}, 1)", None), ("iif(false, 1, 2)", 2), ("'x'.iif($this = 'x', 1)", 1),
        ("{}.coalesce({}, 2, 3)", 2), ("coalesce({})", None),
        ("(1|2|3).all($this > 0)", True), ("(1|2|3).all($this > 1)", False), ("(1|2).exists($this > 1)", True),
        ("{}.exists()", False), ("(1|2|3).aggregate($this + $total, 0)", 6), ("{}.aggregate($this, 0)", 0),
        ("(1|2).aggregate(iif($total.empty(), $this, $this * $total))", 2),
        ("(1|2).subsetOf(1|2|3)", True), ("(1|2).supersetOf(1)", True), ("(1|2).intersect(2|3)", 2),
        ("(1|2).exclude(2)", 1), ("1.combine(1).count()", 2), ("1.union(1).count()", 1),
        ("1.combine(1).isDistinct()", False), ("1.combine(1).distinct().count()", 1), ("{}.single()", None),
        ("1.not()", False), ("{}.not()", None), ("true.not()", False),
        ("2.5.round()", 3), ("(-2.5).round()", -3), ("1.245.round(2)", Decimal("1.25")), ("{}.round()", None),
        ("1.2.ceiling()", 2), ("(-1.2).floor()", -2), ("(-1.9).truncate()", -1), ("(-3).abs()", 3), ("{}.abs()", None),
        ("(-(2 'kg')).abs() = 2 'kg'", True),
        ("true.toString()", "true"), ("1.5.toString()", "1.5"), ("{}.toString()", None), ("%coding.toString()", None), ("1 week.toString()", "1 week"),
        ("'yes'.toBoolean()", True), ("1.0.toBoolean()", True), ("0.toBoolean()", False), ("'x'.toBoolean()", None),
        ("'x'.convertsToBoolean()", False), ("{}.convertsToBoolean()", None), ("'3'.toInteger()", 3),
        ("'abc'.matches('B')", False), ("'a\nbc'.matches('a.b')", True), ("'abc'.matchesFull('b')", False),
        ("'abc'.matchesFull('a.c')", True), ("'abc'.matches({})", None), ("{}.matches('a')", None),
        ("'abc'.startsWith('ab')", True), ("''.startsWith('')", True), ("{}.startsWith('a')", None),
        ("'abc'.substring(1, 1)", "b"), ("{}.substring(1)", None), ("'abc'.substring({})", None), ("'abc'.length()", 3),
        ("'a'.upper()", "A"), ("'3'.toDate()", None), ("4.sqrt()", 2), ("2.power(3)", 8), ("8.log(2)", 3),
        ("1.hasValue()", True), ("%coding.hasValue()", False), ("(1|2).hasValue()", False), ("{}.hasValue()", False),
        ("(3|1|2).min()", 1), ("(3|1|2).max()", 3), ("('b'|'a').min()", "a"), ("(@2020|@2021).max()", "2021"),
        ("{}.sum()", None), ("{}.avg()", None), ("{}.min()", None), ("{}.max()", None), ("5.sum()", 5),
        ("(1|2|3).avg()", 2), ("(1|2).avg()", Decimal("1.5")), ("(1 'kg').combine(2 'kg').sum() = 3 'kg'", True),
        ("(1 'kg').combine(2 'kg').avg() = 1500 'g'", True), ("(1 'kg').combine(2 'g').min() = 2 'g'", True),
        ("3 'kg' - 1 'kg' = 2 'kg'", True), ("1 week + 1 week = 14 days", True),
        ("true.select($this)", True), ("%coding.repeat($this).count()", 1), ("%coding.children().count()", 2),
        ("%coding = %coding", True), ("%coding.where(code = 'y').code", "y"),
    ],
)  # fmt: skip
def test_operators_and_functions(expression: str, result: Any) -> None:
    coding = {"system": "urn:x", "code": "y"}
    from ipvscreen.sdc.fhirpath.elements import node

    found = of(expression, coding=node(coding, "Coding"), other=node([], None))

    assert found == ([] if result is None else [result])
    assert not found or isinstance(found[0], bool) is isinstance(result, bool)


@pytest.mark.parametrize(
    "expression",
    [
        "1 'kg' + 1 'm'", "1 < 'a'", "true + 1", "'a' & 1", "(1|'a').sum()", "(1 'kg').combine(1 's').min()",
        "(1 'kg').combine(1).sum()", "1.round(99)", "(1|2).single()", "(1|2).as(Integer)", "1.startsWith('a')",
        "'a'.matches('(')", "1.substring(0)", "'abc'.substring('a')", "(1|2) + 1", "(1|2) is Integer",
        "true.sum()", "@2020 + 1 'mo'", "@9999 + 1 year", "2 'cm' * 2 'm'", "(1|2) in (1|2)",
    ],
)  # fmt: skip
def test_what_has_no_right_result_has_none_at_all(expression: str) -> None:
    with pytest.raises(ExpressionFailed):
        of(expression)


def weighing(url: str = ORDINAL, value: float = 2) -> dict[str, Any]:
    return {"extension": [{"url": "urn:other"}, {"url": url, "valueDecimal": value}]}


Y: dict[str, Any] = {"system": "urn:x", "code": "y"}
QUESTIONNAIRE: dict[str, Any] = {
    "resourceType": "Questionnaire",
    "contained": [
        {"id": "set", "compose": {"include": [{"system": "urn:x", "concept": [{"code": "y", **weighing(value=5)}]}, {}]}},
        {"id": "wide", "expansion": {"contains": [{"system": "urn:x", "code": "y", **weighing(WEIGHT, 6)}, {"code": "z"}]}},
    ],
    "item": [
        {"linkId": "option", "answerOption": [{"valueCoding": Y, **weighing()}, {"valueCoding": {"code": "z"}}]},
        {"linkId": "coding", "answerOption": [{"valueCoding": {**Y, **weighing(WEIGHT, 3)}}]},
        {"linkId": "number", "answerOption": [{"valueInteger": 1, "_valueInteger": weighing(value=4)}]},
        {"linkId": "g", "item": [{"linkId": "set", "answerValueSet": "#set"}, {"linkId": "wide", "answerValueSet": "#wide"}]},
        {"linkId": "none"},
    ],
}  # fmt: skip


def weight_of(answer: dict[str, Any], link_id: str, expression: str) -> list[Any]:
    response = {"resourceType": "QuestionnaireResponse", "item": [{"linkId": link_id, "answer": [answer]}]}
    return of(f"item.answer.{expression}", response, questionnaire=QUESTIONNAIRE)


@pytest.mark.parametrize("expression", ["weight()", "ordinal()", "value.weight()", "value.ordinal()"])
@pytest.mark.parametrize(("link_id", "weight"), [("option", 2), ("coding", 3), ("set", 5), ("wide", 6)])
def test_the_weight_is_that_of_the_option_in_the_questionnaire(
    expression: str, link_id: str, weight: int
) -> None:
    assert weight_of({"valueCoding": dict(Y)}, link_id, expression) == [weight]


def test_the_weight_of_an_answer_goes_before_that_of_its_option() -> None:
    assert weight_of({"valueCoding": {**Y, **weighing(value=9)}}, "option", "weight()") == [9]
    assert weight_of({"valueCoding": {**Y, **weighing(WEIGHT, 0)}}, "none", "value.weight()") == [0]
    assert weight_of({"valueInteger": 1, "_valueInteger": weighing(value=7)}, "none", "weight()") == [7]


def test_an_option_that_is_no_coding_weighs_too() -> None:
    assert weight_of({"valueInteger": 1}, "number", "weight()") == [4]


@pytest.mark.parametrize(
    ("answer", "link_id"),
    [
        ({"valueCoding": {"code": "z"}}, "option"),
        ({"valueCoding": dict(Y)}, "none"),
        ({"valueCoding": dict(Y)}, "unknown"),
        ({"valueString": "own words"}, "option"),
        ({"valueInteger": 2}, "number"),
    ],
)
def test_a_missing_weight_is_loud_and_never_0(answer: dict[str, Any], link_id: str) -> None:
    for expression in ("weight()", "value.weight()", "weight().sum()"):
        with pytest.raises(ExpressionFailed, match=r"^An answer has no weight\.$"):
            weight_of(answer, link_id, expression)


def test_without_a_questionnaire_only_the_answer_can_tell_its_weight() -> None:
    assert of("$this.weight()", [{**Y, **weighing()}]) == [2]
    with pytest.raises(ExpressionFailed):
        of("$this.weight()", [dict(Y)])
    with pytest.raises(ExpressionFailed):
        of("1.weight()")


def test_no_answers_weigh_nothing_at_all() -> None:
    assert of("item.answer.weight().sum()", {"resourceType": "QuestionnaireResponse"}) == []


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=20))
def test_sum_min_max_and_avg_agree_with_python(numbers: list[int]) -> None:
    response = {
        "resourceType": "QuestionnaireResponse",
        "item": [{"linkId": "n", "answer": [{"valueInteger": number} for number in numbers]}],
    }
    values = "item.where(linkId='n').answer.value"

    assert of(f"{values}.sum()", response) == [sum(numbers)]
    assert of(f"{values}.min()", response) == [min(numbers)]
    assert of(f"{values}.max()", response) == [max(numbers)]
    assert of(f"{values}.avg()", response) == [Decimal(sum(numbers)) / len(numbers)]


def test_a_pattern_that_would_take_for_ever_elsewhere_is_matched_at_once() -> None:
    assert of("%text.matches('^(a+)+$')", text="a" * 5000 + "b") == [False]


def test_the_functions_of_fhirpathpy_are_as_they_were() -> None:
    assert invocation_registry["sum"]["fn"].__module__.startswith("fhirpathpy.")
    assert not {"weight", "ordinal", "matchesFull"} & set(invocation_registry)


def test_no_function_is_both_allowed_and_refused() -> None:
    assert not ALLOWED & set(REFUSED)
    assert all(re.fullmatch(r"[a-z][A-Za-z]+", name) for name in ALLOWED)


def test_what_is_no_date_is_none() -> None:
    with pytest.raises(ValueError, match="no date"):
        read("soon")


def test_a_quantity_without_a_value_is_no_amount() -> None:
    with pytest.raises(ExpressionFailed):
        of("value > 1 'kg'", {"resourceType": "Observation", "valueQuantity": {"unit": "kg"}})
