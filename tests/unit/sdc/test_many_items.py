# ruff: noqa: E501  # strategies are read as tables
"""Large forms: looking items up is the same as searching for them, and takes no more than linear time."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvscreen.sdc.answering.fields import field_name
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.calculate import Place, computed
from ipvscreen.sdc.expressions import run
from ipvscreen.sdc.fhirpath import scope
from ipvscreen.sdc.fhirpath.elements import node, result_of
from ipvscreen.sdc.fhirpath.limits import Work
from ipvscreen.sdc.fhirpath.response_index import ResponseIndex
from ipvscreen.sdc.form import Condition, Constraint, Form, Item, Option
from ipvscreen.sdc.layout import layout
from ipvscreen.sdc.response import response_items
from ipvscreen.sdc.validate import validate

LINKS = ("a", "b", "g")
NOW = datetime(2026, 11, 22, tzinfo=UTC)

answers = st.builds(lambda value: {"valueInteger": value}, st.integers(0, 2))
items: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.builds(lambda link, given: {"linkId": link, "answer": given}, st.sampled_from(LINKS), st.lists(answers, max_size=2)),
    lambda below: st.builds(
        lambda link, inner, under: {"linkId": link, "item": inner, "answer": [{"valueInteger": 1, "item": under}]},
        st.sampled_from(LINKS), st.lists(below, max_size=3), st.lists(below, max_size=2),
    ),
    max_leaves=12,
)  # fmt: skip
ways = st.sampled_from(["item", "repeat(item)", "descendants()", "answer.item"])
steps = st.builds(lambda way, link: f"{way}.where(linkId = '{link}')", ways, st.sampled_from(LINKS))


@settings(max_examples=300, deadline=None)
@given(st.lists(items, max_size=5), st.lists(steps, min_size=1, max_size=3))
def test_looking_up_is_the_same_as_searching(found: list[dict[str, Any]], path: list[str]) -> None:
    response = {"resourceType": "QuestionnaireResponse", "item": found}
    focus = [node(response)]
    names = {"resource": focus}
    expression = ".".join(["%resource", *path])
    index = ResponseIndex(response)

    looked_up = [run(expression, focus, names, Work(index=index)) for _ in range(2)]
    searched = run(expression, focus, names, Work(), by_index=False)

    assert [[result_of(one) for one in some] for some in looked_up] == [
        [result_of(one) for one in searched]
    ] * 2


def large(count: int, calculated: int) -> tuple[Form, dict[str, Any], list[Place]]:
    asked = [Item(f"q{number}", "q", "integer") for number in range(count - calculated)]
    totals = [
        Item(f"c{number}", "c", "integer", calculated=" + ".join(
            f"%resource.item.where(linkId='q{4 * number + part}').answer.value" for part in range(3)
        ))
        for number in range(calculated)
    ]  # fmt: skip
    bodies = [{"linkId": item.link_id, "answer": [{"valueInteger": 1}]} for item in asked]
    places = [Place(item, item.link_id, body) for item, body in zip(asked, bodies, strict=True)]
    places += [Place(item, item.link_id) for item in totals]
    form = Form("f", "u", "1", "t", "c", items=(*asked, *totals))
    return form, {"resourceType": "QuestionnaireResponse", "item": bodies}, places


def worked(size: int) -> Form:
    """So many items in all, a fifth of them calculations; each of the others asks for the one before it."""
    asked = size - size // 5
    given = Condition("", "exists", {"answerBoolean": True})
    items = [
        Item(
            f"q{number}",
            "q",
            "integer",
            enable_when=(replace(given, question=f"q{number - 1}"),) * bool(number),
        )
        for number in range(asked)
    ]
    totals = [
        Item(f"c{number}", "c", "integer", calculated=f"%resource.item.where(linkId='q{number}').answer.value + 1")
        for number in range(asked // 4)
    ]  # fmt: skip
    return Form("f", "u", "1", "t", "c", items=(*items, *totals))


@pytest.mark.parametrize(("size", "evaluated"), [(100, 20), (200, 40), (400, 80)])
def test_every_calculation_is_evaluated_once(
    monkeypatch: pytest.MonkeyPatch, size: int, evaluated: int
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(scope, "run", lambda *given: ran.append(given[0]) or run(*given))

    found = read_answers(worked(size), {f"q{number}": ("1",) for number in range(size - size // 5)}, now=NOW)

    assert len(ran) == evaluated
    assert len(found.given) == size
    assert len(found.calculated) == size // 5


def steps(work: Callable[[], object]) -> int:
    """How many instructions of Python it takes: the same on every run, however busy the machine is."""
    counted = 0

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal counted
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        counted += event == "opcode"
        return trace

    work()  # what is compiled and kept is not counted
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return counted


def asks(link: str, operator: str = "exists", answer: Any = True) -> dict[str, Any]:
    return {"enable_when": (Condition(link, operator, {"answerBoolean": answer}),)}


def calculations(size: int) -> Callable[[], object]:
    """A fifth of the items adds up three others each."""
    form, response, places = large(size, size // 5)
    found = computed(form, response, places, {}, now=NOW).values
    assert [*found.values()] == [({"valueInteger": 3},)] * (size // 5)
    return lambda: computed(form, response, places, {}, now=NOW)


def backwards(size: int) -> Callable[[], object]:
    """Each is asked if the one after it is not."""
    items = [
        Item(f"q{number}", "q", "integer", **asks(f"q{number + 1}", answer=False)) for number in range(size)
    ]
    form = Form("f", "u", "1", "t", "c", items=(*items, Item(f"q{size}", "q", "integer")))
    return lambda: layout(form, {f"q{number}": ("1",) for number in range(size + 1)})


def again(size: int) -> Callable[[], object]:
    """Groups in groups, which ask each other and what stands elsewhere."""
    inner = Item(
        "i",
        "i",
        "group",
        repeats=True,
        required=True,
        min_occurs=1,
        items=(
            Item("a", "a", "integer"),
            Item("b", "b", "integer", **asks("a")),
            Item("c", "c", "integer", **asks("z")),
        ),
    )
    outer = Item("o", "o", "group", repeats=True, items=(inner,))
    beside = Item(
        "p",
        "p",
        "group",
        repeats=True,
        items=(Item("z", "z", "integer"), Item("y", "y", "integer", **asks("a"))),
    )
    form = Form("f", "u", "1", "t", "c", items=(outer, beside))
    places = [(one, two) for one in range(1, 11) for two in range(1, size // 10 + 1)]
    entered = {field_name(link, place): ("1",) for place in places for link in "abc"}
    entered |= {field_name(link, (number,)): ("1",) for number in range(1, size // 10 + 1) for link in "zy"}
    return lambda: response_items(read_answers(form, entered)) and layout(form, entered)


def failing(size: int) -> Callable[[], object]:
    """Each item has a rule that cannot be worked out."""
    rule = (Constraint("k", "answer.value + 'x' > 3", "Must hold."),)
    items = [Item(f"q{number}", "q", "integer", constraints=rule) for number in range(size)]
    form = Form("f", "u", "1", "t", "c", items=tuple(items))
    bodies = [{"linkId": item.link_id, "answer": [{"valueInteger": 1}]} for item in items]
    made = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": "u",
        "status": "completed",
        "item": bodies,
    }
    return lambda: validate(made, {"u": {}}.get, now=NOW, form_of=lambda _: form)


@pytest.mark.parametrize("shape", [calculations, backwards, again, failing])
def test_the_steps_grow_no_worse_than_the_form(shape: Callable[[int], Callable[[], object]]) -> None:
    few, many = steps(shape(50)), steps(shape(200))

    assert many / few <= 4.1  # positions are searched by halves, and sorted


def under_answers(size: int) -> Callable[[], object]:
    """Something to say under each of so many boxes that are ticked."""
    codes = [str(number) for number in range(size)]
    options = tuple(Option(code, code, value=code, fhir={"valueCoding": {"code": code}}) for code in codes)
    below = Item("w", "w", "string")
    form = Form("f", "u", "1", "t", "c", items=(
        Item("s", "s", "choice", options=options, repeats=True, items=(below,)),
    ))  # fmt: skip
    entered = {"s": tuple(codes)} | {field_name("w", (at,)): ("x",) for at in range(1, size + 1)}
    return lambda: response_items(read_answers(form, entered)) and layout(form, entered)


def test_each_answer_is_searched_among_the_options_and_no_more() -> None:
    few, many = steps(under_answers(25)), steps(under_answers(100))

    assert many / few <= 16, (few, many)
