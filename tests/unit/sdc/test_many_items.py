# ruff: noqa: E501  # strategies are read as tables
"""Large forms: looking items up is the same as searching for them, and takes no more than linear time."""

import time
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ipvscreen.sdc.calculate import Place, computed
from ipvscreen.sdc.expressions import run
from ipvscreen.sdc.fhirpath.elements import node, result_of
from ipvscreen.sdc.fhirpath.frames import Work
from ipvscreen.sdc.fhirpath.response_index import ResponseIndex
from ipvscreen.sdc.form import Form, Item

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


def seconds(count: int, calculated: int) -> float:
    form, response, places = large(count, calculated)
    best = float("inf")
    for _ in range(7):
        began = time.process_time()
        found = computed(form, response, places, {}, now=NOW)
        best = min(best, time.process_time() - began)
        assert all(value == ({"valueInteger": 3},) for value in found.values.values())
    return best


def test_four_times_the_items_and_calculations_take_no_more_than_linear_time() -> None:
    few, many = seconds(100, 20), seconds(400, 80)

    assert many < 0.5
    assert many / few < 6  # 4 is linear, 16 would be quadratic; the rest is noise
