"""Conditions decide what is asked: every operator, in the right place, in any order, however many."""

import time
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvscreen.sdc.answering.enabling import enabled, holds
from ipvscreen.sdc.answering.fields import Grower, Places, Spot
from ipvscreen.sdc.answering.filling import fill
from ipvscreen.sdc.answering.given import Answer
from ipvscreen.sdc.answering.nearest import Nearest, answer_above, stands
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Condition, Form, Item, Option


def item(link_id: str, kind: str = "string", *items: Item, **parts: Any) -> Item:
    return Item(link_id, link_id, kind, items=items, **parts)


def form(*items: Item) -> Form:
    return Form("f", "urn:f", "1", "F", "", items=items)


def when(question: str, operator: str, **answer: Any) -> dict[str, Any]:
    return {"enable_when": (Condition(question, operator, answer),)}


OPTIONS = tuple(
    Option(code, code, value=code, fhir={"valueCoding": {"code": code}}) for code in ("a", "b", "c")
)


def on(which: Form, **entered: list[str]) -> set[str]:
    return set(read_answers(which, {name.replace("__", "~"): v for name, v in entered.items()}).enabled)


@pytest.mark.parametrize(
    ("operator", "wanted", "answers", "found"),
    [
        ("exists", {"answerBoolean": True}, [3], True),
        ("exists", {"answerBoolean": True}, [], False),
        ("exists", {"answerBoolean": False}, [3], False),
        ("exists", {"answerBoolean": False}, [], True),
        ("=", {"answerInteger": 3}, [1, 3], True),
        ("=", {"answerInteger": 3}, [1], False),
        ("=", {"answerInteger": 3}, [], False),
        ("!=", {"answerInteger": 3}, [1], True),
        ("!=", {"answerInteger": 3}, [1, 3], False),
        ("!=", {"answerInteger": 3}, [], True),
        (">", {"answerInteger": 3}, [4], True),
        (">", {"answerInteger": 3}, [3], False),
        (">", {"answerInteger": 3}, [], False),
        ("<", {"answerInteger": 3}, [2, 9], True),
        ("<", {"answerInteger": 3}, [3], False),
        (">=", {"answerDecimal": Decimal("2.5")}, [3], True),
        (">=", {"answerInteger": 3}, [3], True),
        (">=", {"answerInteger": 3}, [2], False),
        ("<=", {"answerInteger": 3}, [3], True),
        ("<=", {"answerInteger": 3}, [4], False),
        ("<=", {"answerDate": "2024"}, [4], False),  # no comparison, so it is not met
    ],
)
def test_every_operator(operator: str, wanted: dict[str, Any], answers: list[int], found: bool) -> None:
    elements = tuple({"valueInteger": number} for number in answers)
    assert holds(Condition("q", operator, wanted), elements) is found


def test_any_or_all() -> None:
    both = (
        Condition("a", "exists", {"answerBoolean": True}),
        Condition("b", "exists", {"answerBoolean": True}),
    )
    which = form(
        item("a"), item("b"), item("all", enable_when=both), item("any", enable_when=both, enable_any=True)
    )
    assert on(which) == {"a", "b"}
    assert on(which, a=["x"]) == {"a", "b", "any"}
    assert on(which, a=["x"], b=["x"]) == {"a", "b", "any", "all"}


def test_a_question_may_come_later_or_in_another_group() -> None:
    which = form(item("first", **when("last", "=", answerString="x")), item("g", "group", item("last")))
    assert on(which) == {"g", "last"}
    assert on(which, last=["x"]) == {"first", "g", "last"}


def test_an_answer_to_what_is_not_asked_counts_for_nothing() -> None:
    which = form(
        item("c", **when("b", "=", answerString="x")),
        item("not-b", **when("b", "!=", answerString="x")),
        item("b", **when("a", "=", answerString="x")),
        item("a"),
    )
    assert on(which, a=["x"], b=["x"], c=["x"]) == {"a", "b", "c"}
    assert on(which, a=["y"], b=["x"], c=["x"]) == {"a", "not-b"}


def test_what_is_inside_follows_what_is_around() -> None:
    which = form(
        item("a"),
        item(
            "g",
            "group",
            item("b", **when("a", "exists", answerBoolean=False)),
            **when("c", "exists", answerBoolean=True),
        ),
        item("c"),
    )
    assert on(which) == {"a", "c"}
    assert on(which, c=["x"]) == {"a", "c", "g", "b"}
    assert on(which, c=["x"], a=["x"]) == {"a", "c", "g"}


CHILD = form(
    item("all", **when("sees", "=", answerString="yes")),
    item(
        "child",
        "group",
        item("sees"),
        item("what", **when("sees", "=", answerString="yes")),
        item("note", **when("home", "=", answerString="yes")),
        repeats=True,
    ),
    item("home"),
    item("after", **when("sees", "=", answerString="yes")),
)


def test_a_condition_asks_its_own_place_first_then_outwards() -> None:
    found = on(CHILD, sees=["yes"], sees__2=["no"], home=["yes"])
    assert found >= {"what", "note", "note~2"}
    assert "what~2" not in found
    found = on(CHILD, sees=["no"], sees__2=["yes"])
    assert "what~2" in found
    assert not found & {"what", "note", "note~2"}


def test_from_outside_the_nearest_before_counts_or_else_the_first_after() -> None:
    assert on(CHILD, sees=["yes"], sees__2=["no"]) & {"all", "after"} == {"all"}
    assert on(CHILD, sees=["no"], sees__2=["yes"]) & {"all", "after"} == {"after"}


def test_a_question_of_the_same_place_counts_even_if_it_comes_later() -> None:
    child = item("child", "group", item("what", **when("sees", "=", answerString="yes")), item("sees"))
    which = form(replace(child, repeats=True))
    assert on(which, sees=["no"], sees__2=["yes"]) & {"what", "what~2"} == {"what~2"}
    assert on(which, sees=["yes"], sees__2=["no"]) & {"what", "what~2"} == {"what"}


SIGNS = form(
    item(
        "sign",
        "choice",
        item("help", "display"),
        item("since", "date"),
        item("sub", "group", item("deep")),
        options=OPTIONS,
        repeats=True,
    ),
    item("late", **when("since", "=", answerDate="2024-01-01")),
    item("sure", "boolean", item("why")),
    item("name", "string", item("job"), repeats=True),
)


def test_what_stands_under_an_answer_waits_for_it() -> None:
    assert on(SIGNS) == {"sign", "help", "late", "sure", "name"} - {"late"}
    assert on(SIGNS, sign=["b"]) >= {"since~2", "sub~2", "deep~2"}
    assert not on(SIGNS, sign=["b"]) & {"since", "since~3"}
    assert "why" in on(SIGNS, sure=["false"])
    assert "why" not in on(SIGNS, sure=["pass"])
    assert on(SIGNS, name=["x", "y"]) >= {"job", "job~2"}


@pytest.mark.parametrize(
    ("field", "entered", "answer"),
    [
        ("sign", {"sign": ["a"]}, None),  # stands under nothing
        ("why", {"sure": ["false"]}, 0),
        ("why", {"sure": ["pass"]}, None),
        ("why", {}, None),
        ("job", {"name": ["x"]}, 0),
        ("job~2", {"name": ["x", "y"]}, 1),
        ("job~2", {"name": ["x", ""]}, None),  # the second control was left empty
        ("since", {"sign": ["c", "a"]}, 1),
        ("since~3", {"sign": ["c", "a"]}, 0),
        ("since~2", {"sign": ["c", "a"]}, None),
    ],
)
def test_the_answer_that_something_stands_under(
    field: str, entered: dict[str, list[str]], answer: int | None
) -> None:
    filled = fill(SIGNS, entered)
    assert answer_above(filled.places.by_field[field], filled.answers.given) == answer


def test_of_places_that_no_answer_opened_the_nearest_one_before_is_asked() -> None:
    places = fill(SIGNS, {}).places
    near, by_field = Nearest(places, {}), places.by_field
    assert near.place(by_field["since~3"], "since") is by_field["since~2"]
    assert near.place(by_field["since"], "since") is by_field["since"]


@pytest.mark.parametrize(
    ("expressed", "found"), [({"a": True}, True), ({"a": False}, False), ({}, False), (None, False)]
)
def test_an_expression_that_did_not_come_to_true_asks_nothing(
    expressed: dict[str, bool] | None, found: bool
) -> None:
    places = Places((Spot(item("a", enable_expression="%any"), (), "a"), Spot(item("b"), (), "b")))
    assert enabled(places, {}, expressed) == ({"a", "b"} if found else {"b"})


def test_only_the_answers_given_are_near() -> None:
    early = {"since": ["2024-01-01"]}
    assert "late" in on(SIGNS, sign=["a"], **early)
    assert "late" in on(SIGNS, sign=["a"], **early, since__3=["2023-01-01"])
    assert "late" not in on(SIGNS, sign=["c", "a"], **early, since__3=["2023-01-01"])
    assert "late" not in on(SIGNS, sign=["b"], **early)


def test_own_text_has_its_place_too() -> None:
    which = form(item("sign", "open-choice", item("since", "date"), options=OPTIONS, repeats=True))
    assert on(which, sign__other=["dizzy"]) == {"sign", "since~4"}
    assert on(which, sign=["a"]) == {"sign", "since"}


def test_a_question_that_is_not_there_is_not_answered() -> None:
    which = form(
        item("a", **when("nowhere", "exists", answerBoolean=True)),
        item("b", **when("x", "!=", answerString="y")),
    )
    assert on(which) == {"b"}


def test_a_circle_ends() -> None:
    ring = form(
        item("a", **when("b", "exists", answerBoolean=False)),
        item("b", **when("a", "exists", answerBoolean=False)),
    )
    assert on(ring, a=["x"], b=["x"]) in ({"a"}, {"b"})


def test_what_asks_a_circle_follows_it() -> None:
    ring = form(
        item("c", **when("b", "exists", answerBoolean=True)),
        item("a", **when("b", "exists", answerBoolean=False)),
        item("b", **when("a", "exists", answerBoolean=False)),
    )
    found = on(ring, a=["x"], b=["x"], c=["x"])
    assert ("c" in found) is ("b" in found)


def test_a_question_may_ask_itself_of_another_place() -> None:
    """Not something to do; but it has an answer: its own place is the nearest."""
    own = item("a", **when("a", "exists", answerBoolean=False))
    assert on(form(item("g", "group", own, repeats=True)), a__2=["x"]) >= {"g", "g~2", "a"}


@pytest.mark.parametrize("backwards", [False, True])
def test_a_long_chain_is_followed_to_its_end_and_quickly(backwards: bool) -> None:
    links = [item("q0"), *(item(f"q{n}", **when(f"q{n - 1}", "=", answerString="x")) for n in range(1, 1000))]
    which = form(*(reversed(links) if backwards else links))
    entered = {f"q{n}": ["x"] for n in range(1000)}
    start = time.process_time()
    assert len(read_answers(which, entered).given) == 1000
    assert len(read_answers(which, {**entered, "q500": ["y"]}).given) == 501
    assert time.process_time() - start < 2


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("xy")), max_size=9), st.sets(st.integers(0, 9)))
def test_any_order_of_the_items_comes_to_the_same(links: list[tuple[int, str]], answered: set[int]) -> None:
    """Earlier items only are asked, so by hand it is one pass; the order on the page does not matter."""
    items = [item("q0")]
    for number, (asked, wanted) in enumerate(links, 1):
        items.append(item(f"q{number}", **when(f"q{asked % number}", "=", answerString=wanted)))
    entered = {f"q{number}": ["x"] for number in answered if number < len(items)}
    expected: set[str] = set()
    for one in items:
        met = [
            c.question in expected and entered.get(c.question) == [c.answer["answerString"]]
            for c in one.enable_when
        ]
        expected |= {one.link_id} if all(met) else set()
    assert on(form(*items), **entered) == on(form(*reversed(items)), **entered) == expected


NESTED = form(
    item("q"),
    item(
        "g",
        "group",
        item("a"),
        item(
            "sign", "choice", item("since"), item("sub", "group", item("deep")), options=OPTIONS, repeats=True
        ),
        item("h", "group", item("b"), repeats=True),
        repeats=True,
    ),
    item("typed", "string", item("why"), repeats=True),
    item("z"),
)


def searched(places: Places, spot: Spot, link_id: str, answers: Mapping[str, Answer]) -> Spot | None:
    """FHIR's words one after the other, each time from the start."""
    occurrences = places.by_link_id.get(link_id, ())
    there = [one for one in occurrences if all(stands(each, answers) for each in (one, *one.line()))]
    rings = [[one for one in there if one is here or here in one.line()] for here in (spot, *spot.line())]
    if len(occurrences) < 2:
        rings = []
    found = next((ring for ring in (*rings, there, list(occurrences)) if ring), [])
    before = [one for one in found if places.position[one.field] < places.position[spot.field]]
    return next(iter(before[-1:] or found[:1]), None)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_the_nearest_place_is_the_one_that_a_plain_search_finds(data: st.DataObject) -> None:
    groups = st.one_of(st.just(("g", ())), st.tuples(st.just("h"), st.tuples(st.integers(1, 3))))
    counts = data.draw(st.dictionaries(groups, st.integers(1, 3)))
    places = Grower(counts, {"typed": 2}).places(NESTED)
    chosen: dict[str, Answer] = {}
    for spot in places.by_link_id["sign"]:
        ticked = [option for option in OPTIONS if data.draw(st.booleans())]
        values, elements = tuple(one.value for one in ticked), tuple(one.fhir for one in ticked)
        chosen[spot.field] = Answer("sign", values, field=spot.field, fhir=elements)
    near = Nearest(places, chosen)

    for spot in places.all:
        for link_id in ("q", "a", "b", "sign", "since", "deep", "why", "z", "none"):
            assert near.place(spot, link_id) is searched(places, spot, link_id, chosen)
