"""fhirpath.js and we give the same for every expression that is shipped, and for sixty that score."""

import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from scored_form import ORDINAL, QUESTIONNAIRE, SYSTEM, response
from scoring_expressions import EXPRESSIONS

from ipvscreen.errors import ExpressionFailed
from ipvscreen.sdc import expressions
from ipvscreen.sdc.answers import PASS, read_answers
from ipvscreen.sdc.form import Form, Item
from ipvscreen.sdc.load import load_form
from ipvscreen.sdc.response import response as response_to
from ipvscreen.sdc.response import response_items
from ipvscreen.sdc.score import total

HERE = Path(__file__).parent
FORMS = {file.name: json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
         for file in sorted((HERE.parents[1] / "questionnaires").glob("*.json"))}  # fmt: skip
RESPONSES = 40 * int(os.environ.get("IPVSCREEN_SOAK", "1"))
SEED = int(os.environ.get("IPVSCREEN_SEED", "2026"))


@pytest.fixture(scope="module")
def theirs() -> Any:
    """What fhirpath.js gives for each (expression, resource, names); skips, in CI fails, without it."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / "fhirpath").is_dir():
        why = "fhirpath.js is not installed: it needs Node, and scripts/interop"
        pytest.fail(why) if os.environ.get("IPVSCREEN_CI") else pytest.skip(why)

    def evaluate(tasks: list[tuple[str, Any, Any]]) -> list[Any]:
        asked = [dict(zip(("expression", "resource", "names"), task, strict=True)) for task in tasks]
        done = subprocess.run(  # noqa: S603  our own script, with our own expressions
            [node, str(HERE / "fhirpath.mjs")],
            input=json.dumps(asked, default=float),
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        return json.loads(done.stdout)

    return evaluate


def plain(value: Any) -> Any:
    """A value as both can be compared by: numbers to eight places, as FHIRPath has; a quantity as a text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return round(float(value), 8)
    if isinstance(value, dict) and {"value", "code"} <= set(value):
        return f"{plain(value['value'])} {value['code']}"
    if isinstance(value, str) and value.endswith("'") and " '" in value:
        number, unit = value[:-1].split(" '", 1)
        return f"{plain(Decimal(number))} {unit}"
    return value


def ours(expression: str, resource: Any, names: Any) -> list[Any]:
    """What we give, or the kind of the error as theirs has it."""
    try:
        return [plain(value) for value in expressions.evaluate(expression, resource, names)]
    except ExpressionFailed as fault:
        return [{"error": str(fault)}]


def given(answer: Any) -> list[Any]:
    """Their answer in the same shape."""
    return [answer] if isinstance(answer, dict) else [plain(value) for value in answer]


def differences(tasks: list[tuple[str, Any, Any]], theirs: Any) -> list[tuple[str, Any, Any]]:
    """(expression, ours, theirs) wherever they are not the same."""
    both = [(task[0], ours(*task), given(answer)) for task, answer in zip(tasks, theirs(tasks), strict=True)]
    return [(expression, a, b) for expression, a, b in both if a != b]


def drawn(count: int) -> list[dict[str, Any]]:
    """Responses drawn with the seed."""
    draw = random.Random(SEED)  # noqa: S311  a drawing that can be repeated
    return [response(draw) for _ in range(count)]


def names(resource: dict[str, Any], questionnaire: dict[str, Any] = QUESTIONNAIRE) -> dict[str, Any]:
    """The %names that stand where a form calculates."""
    return {"resource": resource, "questionnaire": questionnaire}


@pytest.fixture(scope="module")
def scored(theirs: Any) -> dict[str, list[tuple[Any, Any]]]:
    """(ours, theirs) for each expression, over all responses; one run of Node."""
    resources = drawn(RESPONSES)
    tasks = [(text, resource, names(resource)) for text in EXPRESSIONS for resource in resources]
    both: dict[str, list[tuple[Any, Any]]] = {text: [] for text in EXPRESSIONS}
    for task, answer in zip(tasks, theirs(tasks), strict=True):
        both[task[0]].append((ours(*task), given(answer)))
    return both


def test_there_are_sixty_different_ones() -> None:
    assert len(set(EXPRESSIONS)) == len(EXPRESSIONS) == 60


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_the_same_score_for(text: str, scored: dict[str, list[tuple[Any, Any]]]) -> None:
    assert [(a, b) for a, b in scored[text] if a != b] == []
    assert len({json.dumps(a) for a, _ in scored[text]}) > 1, "it gives the same for every response"
    assert not [a for a, _ in scored[text] if a and isinstance(a[0], dict)], "it fails for some response"


def test_a_weight_that_is_missing_is_loud_with_us_and_left_out_with_them(theirs: Any) -> None:
    """The one difference that is meant: their sum is too low, and nothing says so."""
    unscored = json.loads(json.dumps(QUESTIONNAIRE, default=float))
    del unscored["item"][1]["answerOption"][3]["extension"]
    del unscored["item"][1]["answerOption"][3]["valueCoding"]["system"]
    answers = {"s1": {"system": SYSTEM, "code": "most"}, "s2": {"code": "all"}}
    items = [{"linkId": link, "answer": [{"valueCoding": coding}]} for link, coding in answers.items()]
    resource = {"resourceType": "QuestionnaireResponse", "status": "completed", "item": items}
    text = "%resource.item.where(linkId.startsWith('s')).answer.value.ordinal().sum()"

    assert theirs([(text, resource, names(resource, unscored))]) == [[2]]
    with pytest.raises(ExpressionFailed):
        expressions.evaluate(text, resource, names(resource, unscored))


def found_in(node: Any) -> Iterator[str]:
    """Every FHIRPath expression in a Questionnaire."""
    if isinstance(node, dict):
        if node.get("language") == "text/fhirpath":
            yield node["expression"]
        if node.get("url") == "expression" and "valueString" in node:
            yield node["valueString"]
        for value in node.values():
            yield from found_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from found_in(value)


def shipped() -> list[tuple[str, str]]:
    """(file, expression) of every expression that is shipped."""
    return [(name, text) for name, form in FORMS.items() for text in dict.fromkeys(found_in(form))]


def answered(draw: random.Random, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Items of a response to any form that is shipped; about one in five is left out."""
    found = []
    for item in items:
        below = answered(draw, item.get("item", []))
        value = {
            "choice": lambda item=item: draw.choice(
                [
                    {name: value for name, value in option.items() if name.startswith("value")}
                    for option in item["answerOption"]
                ]
            ),
            "boolean": lambda: {"valueBoolean": draw.random() < 0.5},
            "integer": lambda: {"valueInteger": draw.randint(0, 30)},
            "decimal": lambda: {"valueDecimal": draw.randint(0, 300) / 10},
            "date": lambda: {"valueDate": f"20{draw.randint(10, 26)}-0{draw.randint(1, 9)}-11"},
            "string": lambda: {"valueString": draw.choice(["a", "b b"])},
            "text": lambda: {"valueString": "several words"},
        }.get(item["type"])
        entry: dict[str, Any] = {"linkId": item["linkId"]}
        if item["type"] == "group" and below:
            found.append(entry | {"item": below})
        elif value and draw.random() < 0.8:
            found.append(entry | {"answer": [value() | ({"item": below} if below else {})]})
    return found


def test_the_same_for_every_expression_that_is_shipped(theirs: Any) -> None:
    draw = random.Random(SEED)  # noqa: S311  a drawing that can be repeated
    tasks = []
    for file, text in shipped():
        assert expressions.names_in(text) <= expressions.STANDARD, "a %variable has to be given to both first"
        for _ in range(RESPONSES):
            items = answered(draw, FORMS[file]["item"])
            resource = {"resourceType": "QuestionnaireResponse", "status": "completed", "item": items}
            tasks.append((text, resource, names(resource, FORMS[file])))

    assert differences(tasks, theirs) == []


def scored_items(form: Form) -> list[Item]:
    """The items whose every option has a weight."""
    return [
        item for item in form.questions() if item.options and all(o.weight is not None for o in item.options)
    ]


@pytest.mark.parametrize("file", ["aas-1.json", "aas.json", "hark.json"])
def test_the_total_of_an_instrument_is_what_they_make_of_its_response(file: str, theirs: Any) -> None:
    """Every combination of answers, passes and gaps: our total never saw a FHIRPath expression."""
    form = load_form(FORMS[file])
    items = scored_items(form)
    links = [item.link_id for item in items]
    where = " or ".join(f"linkId = '{link}'" for link in links)
    answers = f"%resource.descendants().where({where}).answer"
    text = f"iif({answers}.value.count() = {len(links)}, {answers}.value.ordinal().sum(), {{}})"
    totals, tasks = [], []
    for values in product(*([*(o.value for o in item.options), PASS, ""] for item in items)):
        read = read_answers(form, {link: [value] for link, value in zip(links, values, strict=True)})
        resource = response_to(form, response_items(read))
        totals.append(total(read, links))
        tasks.append((text, resource, names(resource, FORMS[file])))

    assert [given(answer) for answer in theirs(tasks)] == [[] if t is None else [float(t)] for t in totals]
    assert {len(links)} <= {t for t in totals if t is not None}, "all yes was never reached"


def test_every_expression_of_a_form_is_found() -> None:
    """The control: expressions wherever they stand."""
    url = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression"
    expression = {"url": url, "valueExpression": {"language": "text/fhirpath", "expression": "1 + 1"}}
    rule = {"url": "rule", "extension": [{"url": "expression", "valueString": "a = b"}]}

    assert list(found_in({"item": [{"extension": [expression, rule]}]})) == ["1 + 1", "a = b"]


def test_a_weight_on_the_coding_itself_is_found_by_both(theirs: Any) -> None:
    scored = {"system": SYSTEM, "code": "x", "extension": [{"url": ORDINAL, "valueDecimal": 7}]}
    items = [{"linkId": "s1", "answer": [{"valueCoding": scored}]}]
    resource = {"resourceType": "QuestionnaireResponse", "status": "completed", "item": items}

    assert differences([("item.answer.value.ordinal().sum()", resource, names(resource))], theirs) == []
    assert ours("item.answer.value.ordinal().sum()", resource, names(resource)) == [7.0]
