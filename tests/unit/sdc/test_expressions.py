# ruff: noqa: E501  # tables of expressions are read as tables
"""Expressions: what may be used, what they read, what they come to, and what they may cost."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ipvscreen.errors import ExpressionFailed
from ipvscreen.sdc.expressions import check, evaluate, links_in, names_in, reads
from ipvscreen.sdc.fhirpath import limits

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
KG = {"value": 2, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}


def answered(link_id: str, *answers: dict[str, Any]) -> dict[str, Any]:
    return {"linkId": link_id, "answer": list(answers)}


RESPONSE: dict[str, Any] = {
    "resourceType": "QuestionnaireResponse",
    "item": [
        answered("a", {"valueInteger": 3}),
        answered("b", {"valueCoding": {"system": "urn:x", "code": "y"}, "item": [answered("under", {"valueBoolean": True})]}),
        {"linkId": "g", "item": [answered("d", {"valueDate": "2020-02-29"}), answered("c", {"valueDecimal": 1.5})]},
        {"linkId": "g", "item": [answered("d", {"valueDate": "2021-01-31"}), answered("c", {"valueDecimal": 2})]},
        answered("q", {"valueQuantity": KG}),
        answered("t", {"valueTime": "10:30:00"}),
        answered("i", {"valueDateTime": "2024-05-01T10:00:00Z"}),
        answered("s", {"valueString": "Some text"}),
        {"linkId": "w", "extension": [{"url": "urn:e", "valueString": "x"}]},
        answered("p", {"valueString": "x", "_valueString": {"extension": [{"url": "urn:e", "valueCode": "why"}]}}),
    ],
}  # fmt: skip


def of(expression: str, **names: Any) -> list[Any]:
    return evaluate(expression, RESPONSE, names, now=NOW)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("item.where(linkId='a').answer.value", [3]),
        ("%resource.item.where('a' = linkId).answer.value", [3]),
        ("%resource.item.where(linkId ~ 'a').answer.value", [3]),
        ("QuestionnaireResponse.item.linkId.first()", ["a"]),
        ("Patient.name", []),
        ("item.where(linkId='nothing')", []),
        ("descendants().where(linkId='under').answer.value", [True]),
        ("%resource.descendants().where(linkId='c').answer.value", [Decimal("1.5"), 2]),
        ("%resource.repeat(item).where(linkId='c').answer.value", [Decimal("1.5"), 2]),
        ("repeat(item).where(linkId='under')", []),
        ("item.item.where(linkId='c').answer.value", [Decimal("1.5"), 2]),
        ("item.where(linkId='b').answer.item.where(linkId='under').answer.value", [True]),
        ("item.where(linkId='w').extension('urn:e').value", ["x"]),
        ("item.where(linkId='p').answer.value.extension('urn:e').value", ["why"]),
        ("item.where(linkId='b').answer.value.code", ["y"]),
        ("item[0].linkId | item[1].linkId", ["a", "b"]),
        ("item[item.count()].linkId", []),
        ("item[-1]", []),
        ("item[{}]", []),
        ("item.where($index = 1).linkId", ["b"]),
        ("item.select($this.linkId).take(2)", ["a", "b"]),
        ("item.where(answer.where(value = 3).exists() and $this.linkId = 'a').count()", [1]),
        ("$this.item.count()", [10]),
        ("$index", []),
        ("$total", []),
        ("%context.item.count() = %rootResource.item.count()", [True]),
        ("%ucum", ["http://unitsofmeasure.org"]),
        ("%`ext-x`", ["http://hl7.org/fhir/StructureDefinition/x"]),
        ("%x + %'y'", [3]),
        ("%nothing", []),
        ("today()", ["2026-11-22"]),
        ("now()", ["2026-11-22T09:30:00.000+00:00"]),
        ("timeOfDay()", ["09:30:00.000"]),
        ("'a\\'b\\u00e9\\n'", ["a'bé\n"]),
        ("// said\n1", [1]),
        ("{}", []),
        ("true", [True]),
        ("1.50", [Decimal("1.50")]),
        ("2 'kg'", [{"value": 2, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}]),
        ("2 years", [{"value": 2, "unit": "years"}]),
        ("-(2 'kg')", [{"value": -2, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}]),
        ("+3", [3]),
        ("-{}", []),
        ("-item.where(linkId='a').answer.value", [-3]),
        ("(-%y) + (-%y)", [-4]),
        ("item[item.where(linkId='a').answer.value].linkId", ["g"]),
        ("item.where(linkId='p').answer.value.count()", [1]),
        ("item.select(answer.where(value = 3).select(1).combine($this.linkId)).take(2)", [1, "a"]),
        ("(1 'kg').unit", ["kg"]),
        ("@2020-01", ["2020-01"]),
        ("@T10:30 = item.where(linkId='t').answer.value.toString().toTime()", []),
        ("item.where(linkId='q').answer.value.value", [2]),
        ("(1 'kg').value", [1]),
        ("item.where(linkId='q').answer.valueQuantity.unit", ["kg"]),
        ("'a'.b", []),
    ],
)  # fmt: skip
def test_what_an_expression_comes_to(expression: str, result: list[Any]) -> None:
    found = of(expression, x=1, y=[2], nothing=None)

    assert found == result
    assert [isinstance(one, bool) for one in found] == [isinstance(one, bool) for one in result]


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("1 +", "The expression is not FHIRPath."),
        ("1 )", "The expression is not FHIRPath."),
        ("'open", "The expression is not FHIRPath."),
        ("", "The expression is not FHIRPath."),
        ("'" + "x" * 2000 + "'", "The expression is longer than 2000 characters."),
        ("(" * 900 + "1" + ")" * 900, "The expression is nested too deeply."),
        ("-" * 900 + "1", "The expression has more than 800 words and signs."),
        ("-" * 700 + "1", "The expression is nested too deeply."),
        ("a." * 150 + "b", "The expression is nested too deeply."),
        ("1" + "+1" * 990, "The expression has more than 800 words and signs."),
        ("trace('x')", "The function trace() is not allowed: it shows answers to whoever reads the log."),
        ("a.resolve()", "The function resolve() is not allowed: it fetches from elsewhere."),
        ("a.where(b.memberOf('x'))", "The function memberOf() is not allowed: it needs a terminology service."),
        ("a.no_such()", "The function no_such() is not allowed: it is not among the functions that forms may use."),
        ("a.type()", "The function type() is not allowed: it is not among the functions that forms may use."),
        ("@2020-13-45", "The expression holds a date, time or number that is none."),
        ("%other", "The expression uses %other, which is not known here."),
        ("where()", "The function where() takes other parameters."),
        ("'a'.substring()", "The function substring() takes other parameters."),
    ],
)  # fmt: skip
def test_what_may_not_be_used_is_refused_with_one_sentence_at_once(expression: str, sentence: str) -> None:
    began = time.process_time()

    with pytest.raises(ValueError) as refused:  # noqa: PT011  # its words are compared below
        check(expression, ("known",))

    assert str(refused.value) == sentence
    assert time.process_time() - began < 1  # of the processor: the machine may be busy
    with pytest.raises(ExpressionFailed) as failed:
        evaluate(expression, RESPONSE)
    assert failed.value.sentence == sentence


def test_names_that_are_known_may_be_used() -> None:
    check("%known + %resource.item.count()", ("known",))


@pytest.mark.parametrize(
    ("expression", "links", "names", "read"),
    [
        ("%resource.item.where(linkId='a').answer.value", {"a"}, {"resource"}, {"a"}),
        ("repeat(item).where(linkId='a')", {"a"}, set(), {"a"}),
        ("descendants().where(linkId='a').item.where('b' = linkId)", {"a", "b"}, set(), {"a", "b"}),
        ("%resource.item.where(linkId='a' or linkId='b')", {"a", "b"}, {"resource"}, None),
        ("item.where(linkId in ('a' | 'b'))", {"a", "b"}, set(), None),
        ("item.where(linkId = %x)", set(), {"x"}, None),
        ("item.where(text = 'a')", set(), set(), None),
        ("repeat(answer.item).where(linkId='a')", {"a"}, set(), None),
        ("children().where(linkId='a')", {"a"}, set(), None),
        ("%`x` + %'y' + %`vs-z`.length()", set(), {"x", "y"}, set()),
        ("where(linkId='a')", {"a"}, set(), set()),
        ("answer.where(value='a')", set(), set(), set()),
        ("item.first(linkId='a')", {"a"}, set(), None),
    ],
)
def test_what_an_expression_reads(
    expression: str, links: set[str], names: set[str], read: set[str] | None
) -> None:
    assert links_in(expression) == links
    assert names_in(expression) == names
    assert reads(expression) == read


@pytest.mark.parametrize(
    "expression",
    [
        "item.linkId + 'x'",  # several where one is needed
        "'x' + 1",
        "item.where(linkId='q').answer.value > 1 'm2' = 'x' + 1",
        "'abc'.substring('b')",
        "(1).aggregate($total & 'x') & 2",
        "10000000000000000000000 * 10000000000000000000000",
        "item.where(1 | 2)",
        "1.power('x')",
        "'x'.matches('(')",
        "10.power(999999999)",
        "(1 | 2) and true",
    ],
)
def test_what_cannot_be_worked_out_is_loud_and_says_nothing_of_the_answers(expression: str) -> None:
    with pytest.raises(ExpressionFailed) as failed:
        of(expression)

    assert failed.value.__suppress_context__ or failed.value.__cause__ is None
    assert "Some text" not in str(failed.value)


def test_an_unexpected_fault_of_the_engine_does_not_quote_what_it_worked_on() -> None:
    with pytest.raises(ExpressionFailed, match=r"^The expression could not be worked out\.$"):
        of("item.answer.value.upper()")


@pytest.mark.parametrize("expression", ["now()", "today()", "timeOfDay()"])
def test_without_a_clock_there_is_no_time(expression: str) -> None:
    with pytest.raises(ExpressionFailed, match="no clock"):
        evaluate(expression, RESPONSE)


@pytest.mark.parametrize(
    "expression",
    [
        "descendants().select(%resource.descendants()).select(%resource.descendants()).count()",
        "descendants().select(%resource.descendants()).select(%resource).item.item.item",
        "descendants().aggregate($total * $total, 3)",
        "repeat(%resource.descendants().select($this.descendants().combine(%resource.descendants())))",
        "descendants().where(%resource.descendants().where(%resource.descendants().exists()).exists())",
        "descendants().aggregate($total.combine($total).combine(%resource.descendants()), 1)",
    ],
)
def test_what_would_grow_without_end_is_stopped(expression: str) -> None:
    began = time.process_time()

    with pytest.raises(ExpressionFailed):
        of(expression)

    assert time.process_time() - began < 3  # half a second where nothing else runs


def test_a_text_that_grows_too_long_is_stopped() -> None:
    with pytest.raises(ExpressionFailed, match="too long a text"):
        of("descendants().aggregate($total & $total, 'xxxxxxxxxxxxxxxx')")


def test_a_collection_that_grows_too_large_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_ELEMENTS", 5)

    with pytest.raises(ExpressionFailed, match="too many elements"):
        of("item")


def test_the_list_of_functions_can_be_left_aside() -> None:
    assert evaluate("1.trace('x')", RESPONSE, checked=False) == [1]
    assert evaluate("1.type().name", RESPONSE, checked=False) == ["Integer"]
    with pytest.raises(ExpressionFailed):
        evaluate("%unknown", RESPONSE, checked=False)
    with pytest.raises(ExpressionFailed):
        evaluate("1.no_such()", RESPONSE, checked=False)


def test_elements_without_a_resource_are_read_as_they_are() -> None:
    assert evaluate("value + 1", {"linkId": "a", "valueInteger": 2}) == [3]
    assert evaluate("value.exists()", {"linkId": "a"}) == [False]
    assert evaluate("value > 1 'kg'", [{"value": KG}]) == [True]
    assert evaluate("value.value", {"valueQuantity": KG}) == [2]
    assert evaluate("$this > 1 'kg'", [KG]) == [True]
    assert evaluate("1", []) == [1]
    assert evaluate("item.where(linkId='a').exists()", None) == [False]
