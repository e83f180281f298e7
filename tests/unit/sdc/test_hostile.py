"""A hostile Questionnaire is refused in under a second with a sentence that says why, or made harmless."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.file import parse
from ipvscreen.sdc.load import MOST_PLACES_SHOWN, define, load_form, problems
from ipvscreen.sdc.loading.extensions import Ext
from ipvscreen.sdc.loading.traits import pattern

Json = dict[str, Any]
Build = Callable[..., Json]


@pytest.fixture(autouse=True)
def _under_a_second() -> Iterator[None]:
    """Processor time, so that a busy machine is no fault of the form."""
    start = time.process_time()
    yield
    assert time.process_time() - start < 1


def refused(body: Json, sentence: str) -> None:
    with pytest.raises(FormRefused, match=sentence):
        load_form(parse(json.dumps(body).encode()))


def test_five_megabytes(questionnaire: Json) -> None:
    raw = json.dumps(questionnaire | {"description": "x" * 5_000_000}).encode()
    with pytest.raises(FormRefused, match="is larger than 1024 KiB"):
        parse(raw)


@pytest.mark.parametrize("opening", [b'{"item":[', b"[", b'{"a":'])
def test_a_depth_of_ten_thousand(opening: bytes) -> None:
    with pytest.raises(FormRefused, match="is nested more than 64 levels deep"):
        parse(opening * 10_000)


def deep(levels: int) -> Json:
    item: Json = {"linkId": "leaf", "text": "Leaf", "type": "string"}
    for level in range(levels):
        item = {"linkId": f"group-{level}", "text": "Group", "type": "group", "item": [item]}
    return item


@pytest.mark.parametrize("load", [load_form, define])
def test_a_depth_of_ten_thousand_that_was_not_read_from_a_file(
    questionnaire: Json, load: Callable[[Json], object]
) -> None:
    questionnaire["item"] = [deep(10_000)]
    with pytest.raises(FormRefused, match="levels deep"):
        load(questionnaire)
    assert len(problems(questionnaire)) == 1


def test_a_depth_that_hides_where_nothing_is_read(questionnaire: Json) -> None:
    questionnaire["contained"] = [{"resourceType": "Basic", "x": deep(10_000)}]
    with pytest.raises(FormRefused, match="is nested too deeply"):
        load_form(questionnaire)


def test_a_circle_of_a_thousand(questionnaire: Json) -> None:
    def asked(n: int) -> Json:
        condition = {"question": str((n + 1) % 1000), "operator": "exists", "answerBoolean": True}
        return {"linkId": str(n), "text": "?", "type": "boolean", "enableWhen": [condition]}

    refused(questionnaire | {"item": [asked(n) for n in range(1000)]}, "depends on itself: ")


def test_groups_that_repeat_inside_groups_that_repeat(questionnaire: Json) -> None:
    item: Json = {"linkId": "q", "text": "?", "type": "string"}
    least = [{"url": Ext.MIN_OCCURS, "valueInteger": 100}]
    for link_id in ("c", "b", "a"):
        item = {"linkId": link_id, "type": "group", "repeats": True, "extension": least, "item": [item]}
    refused(questionnaire | {"item": [item]}, f"would show more than {MOST_PLACES_SHOWN} items at once")


def test_more_items_than_any_form_needs(questionnaire: Json) -> None:
    items = [{"linkId": str(n), "text": "?", "type": "string"} for n in range(8000)]
    refused(questionnaire | {"item": items}, "holds more than 2000 items")


def test_many_conditions_on_many_options(questionnaire: Json) -> None:
    options = [{"valueInteger": n} for n in range(500)]
    items: list[Json] = [{"linkId": "q", "text": "?", "type": "choice", "answerOption": options}]
    when = [{"question": "q", "operator": "=", "answerInteger": 499}]
    items += [{"linkId": str(n), "text": "?", "type": "display", "enableWhen": when} for n in range(500)]
    assert len(load_form(questionnaire | {"item": items}).items) == 501


@pytest.mark.parametrize("regex", ["(a{1,1000}){1000}", "((a{100}){100}){100}", "(?=a)", r"(a)\1", "["])
def test_a_regex_bomb(with_item: Build, regex: str) -> None:
    extension = [{"url": Ext.REGEX, "valueString": regex}]
    refused(
        with_item(type="string", answerOption=None, extension=extension), "cannot be checked in linear time"
    )


def test_a_regex_that_would_never_end_elsewhere_ends(with_item: Build) -> None:
    assert not pattern("(a+)+b").fullmatch("a" * 50_000)


SCRIPT = "<script>alert(1)</script>"


def test_a_script_in_a_text_stays_a_text_and_in_markdown_is_no_element(with_item: Build) -> None:
    marked = {"extension": [{"url": Ext.MARKDOWN, "valueMarkdown": f"**A** {SCRIPT} <b onclick='x'>b</b>"}]}
    options = [{"valueCoding": {"code": "y", "display": SCRIPT}}]
    item = load_form(with_item(text=SCRIPT, prefix=SCRIPT, _text=marked, answerOption=options)).item("a")
    assert (item.text, item.prefix, item.options[0].display) == (SCRIPT, SCRIPT, SCRIPT)
    assert item.html == (
        "<p><strong>A</strong> &lt;script&gt;alert(1)&lt;/script&gt; &lt;b onclick='x'&gt;b&lt;/b&gt;</p>"
    )


@pytest.mark.parametrize("piece", ["a**b", "**a", "[[", "![", "> ", "`", "- "])
def test_markdown_without_end(questionnaire: Json, piece: str) -> None:
    marked = {"extension": [{"url": Ext.MARKDOWN, "valueMarkdown": (piece * 4000)[:4000]}]}
    items = [{"linkId": str(n), "text": "?", "_text": marked, "type": "string"} for n in range(200)]
    refused(questionnaire | {"item": items}, "over 200000 characters of markdown")


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("1+" * 5000 + "1", "expression"),
        ("(" * 900 + "1" + ")" * 900, "expression"),
        ("'a'.trace('b')", "trace"),
        ("%resource.item.resolve()", "resolve"),
        ("%resource.item.answer.value.memberOf('urn:v')", "memberOf"),
        ("%secret", "secret"),
    ],
)
def test_an_expression_that_is_huge_or_forbidden(with_item: Build, expression: str, sentence: str) -> None:
    value = {"language": "text/fhirpath", "expression": expression}
    extension = [{"url": Ext.CALCULATED, "valueExpression": value}]
    refused(with_item(type="string", answerOption=None, extension=extension), sentence)


def test_expressions_that_each_need_the_next(questionnaire: Json) -> None:
    def calculated(n: int) -> Json:
        text = f"%resource.item.where(linkId='{(n + 1) % 50}').answer.value"
        value = {"language": "text/fhirpath", "expression": text}
        extension = [{"url": Ext.CALCULATED, "valueExpression": value}]
        return {"linkId": str(n), "text": "?", "type": "integer", "extension": extension}

    refused(questionnaire | {"item": [calculated(n) for n in range(50)]}, "depends on itself: ")
