"""What a page shows: each item at its place, what it holds, what is wrong, and when it is to be seen."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ipvscreen.sdc.answering.given import OTHER, PASS
from ipvscreen.sdc.form import Condition, Form, Item, Option, Unit
from ipvscreen.sdc.layout import Placed, layout

NOW = datetime(2024, 5, 31, 14, 30, tzinfo=UTC)
OPTIONS = tuple(
    Option(code, code.upper(), value=code, fhir={"valueCoding": {"code": code}}) for code in ("a", "b")
)
KG = Unit("kg", "http://unitsofmeasure.org", "kg")


def item(link_id: str, kind: str = "string", *items: Item, **parts: Any) -> Item:
    return Item(link_id, link_id, kind, items=items, **parts)


def form(*items: Item, **parts: Any) -> Form:
    return Form("f", "urn:f", "1", "F", "", items=items, **parts)


def when(*conditions: tuple[str, str, dict[str, Any]], **parts: Any) -> dict[str, Any]:
    return {"enable_when": tuple(Condition(*one) for one in conditions), **parts}


def shown(which: Form, entered: dict[str, list[str]] | None = None, **how: Any) -> dict[str, Placed]:
    found: dict[str, Placed] = {}
    stack = list(layout(which, entered or {}, **how))
    while stack:
        one = stack.pop()
        found[one.field] = one
        stack.extend(one.children)
    return found


def test_the_page_is_the_form_in_its_order() -> None:
    which = form(item("h", "display"), item("g", "group", item("a"), item("b")), item("c"))
    top = layout(which, {"b": ["x"]})
    assert [one.field for one in top] == ["h", "g", "c"]
    assert [(one.field, one.values) for one in top[1].children] == [("a", ()), ("b", ("x",))]


def test_a_hidden_item_is_not_on_the_page() -> None:
    which = form(item("a", hidden=True), item("g", "group", item("b"), hidden=True), item("c"))
    assert set(shown(which)) == {"c"}


def test_what_was_entered_stays_with_what_is_wrong_with_it() -> None:
    which = form(item("n", "integer"), item("c", "choice", options=OPTIONS), item("r", required=True))
    page = shown(which, {"n": ["many"], "c": [PASS]})
    assert page["n"].values == ("many",)
    assert page["n"].mistake == "Enter a whole number, such as 3."
    assert (page["c"].values, page["c"].mistake) == ((PASS,), None)
    assert page["r"].mistake == "Answer this question."
    assert shown(which, fresh=True)["r"].mistake is None


INITIAL = form(
    item("n", "integer", initial=({"valueInteger": 3},)),
    item("q", "quantity", initial=({"valueQuantity": {"value": Decimal(70), "code": "kg"}},), units=(KG,)),
    item("o", "open-choice", initial=({"valueString": "mauve"},), options=OPTIONS),
    item("c", "choice", initial=({"valueCoding": {"code": "b"}},), options=OPTIONS),
    item("fixed", read_only=True, initial=({"valueString": "ours"},)),
    item("follows", **when(("n", "=", {"answerInteger": 3}))),
)


def test_initial_values_stand_on_a_fresh_page() -> None:
    page = shown(INITIAL, fresh=True)
    assert (page["n"].values, page["follows"].enabled) == (("3",), True)
    assert (page["q"].values, page["q"].unit) == (("70",), "kg")
    assert (page["o"].values, page["o"].other) == ((OTHER,), "mauve")
    assert page["c"].values == ("b",)
    assert (page["fixed"].values, page["fixed"].read_only) == (("ours",), True)


def test_what_was_cleared_stays_clear() -> None:
    page = shown(INITIAL)
    assert [page[name].values for name in ("n", "q", "o", "c")] == [()] * 4
    assert page["fixed"].values == ("ours",)
    assert not page["follows"].enabled
    assert shown(INITIAL, {"n": ["4"]}, fresh=True)["n"].values == ("4",)


REPEATS = form(
    item("g", "group", item("a", initial=({"valueString": "new"},)), repeats=True, max_occurs=3),
    item("names", "string", repeats=True, max_occurs=3),
    item("two", "integer", repeats=True, min_occurs=2),
    item("ticks", "choice", options=OPTIONS, repeats=True),
    item("told", "string", repeats=True, read_only=True),
)


def test_another_place_can_be_added_after_the_last() -> None:
    page = shown(REPEATS, {"a": ["x"], "a~2": ["y"]})
    assert {field: (one.instance, one.more) for field, one in page.items() if one.item.type == "group"} == {
        "g": (1, False),
        "g~2": (2, True),
    }
    page = shown(REPEATS, {"a": ["x"], "a~2": ["y"]}, more="g~2")
    assert [(page[name].instance, page[name].more) for name in ("g~2", "g~3")] == [(2, False), (3, False)]
    assert page["a~3"].values == ("new",)  # its initial value, as it was not there before
    assert shown(REPEATS, {"a~3": ["y"]}, more="g~3").keys().isdisjoint({"g~4"})


def test_a_control_for_each_answer_that_is_typed() -> None:
    page = shown(REPEATS, {"names": ["x", "", "y"]})
    assert (page["names"].values, page["names"].more) == (("x", "y"), True)
    assert shown(REPEATS)["names"].values == ("",)
    assert shown(REPEATS, {"names": ["x"]}, more="names")["names"].values == ("x", "")
    full = shown(REPEATS, {"names": ["x", "y", "z"]}, more="names")["names"]
    assert (full.values, full.more) == (("x", "y", "z"), False)
    assert shown(REPEATS)["two"].values == ("", "")
    assert (page["ticks"].values, page["ticks"].more) == ((), False)
    assert (page["told"].values, page["told"].more) == ((), False)


@pytest.mark.parametrize(
    ("question", "conditions", "found"),
    [
        (item("q", "choice", options=OPTIONS), [("=", {"answerCoding": {"code": "b"}})], [("q", "=", "b")]),
        (item("q", "choice", options=OPTIONS), [("!=", {"answerCoding": {"code": "b"}})], [("q", "!=", "b")]),
        (item("q", "open-choice", options=OPTIONS), [("=", {"answerString": "x"})], None),
        (item("q", "boolean"), [("=", {"answerBoolean": False})], [("q", "=", "false")]),
        (item("q", "text"), [("exists", {"answerBoolean": True})], [("q", "exists", "true")]),
        (item("q", "integer"), [(">=", {"answerInteger": 3})], [("q", ">=", "3")]),
        (item("q", "decimal"), [("<", {"answerDecimal": Decimal("0.5")})], [("q", "<", "0.5")]),
        (item("q", "date"), [(">", {"answerDate": "2024-01-01"})], None),
        (item("q", "string"), [("=", {"answerString": "x"})], None),
        (
            item("q", "integer"),
            [(">", {"answerInteger": 3}), ("<", {"answerInteger": 9})],
            [("q", ">", "3"), ("q", "<", "9")],
        ),
        (item("q", "boolean", read_only=True), [("=", {"answerBoolean": False})], None),
    ],
)
def test_a_browser_is_told_what_it_can_decide(question: Item, conditions: Any, found: Any) -> None:
    which = form(question, item("a", **when(*[("q", *one) for one in conditions], enable_any=True)))
    placed = shown(which)["a"]
    assert placed.when == (found if found is None else tuple(found))
    assert placed.when_any is (len(conditions) > 1)


def test_what_only_the_server_can_decide_is_none() -> None:
    which = form(
        item("q"),
        item("a", enable_expression="true"),
        item("b", **when(("x", "exists", {"answerBoolean": True}))),
    )
    assert [shown(which, now=NOW)[name].when for name in ("q", "a", "b")] == [(), None, None]
    assert shown(which, now=NOW)["a"].enabled


def test_a_condition_names_the_control_of_its_own_place() -> None:
    group = item(
        "g",
        "group",
        item("q", "boolean"),
        item("a", **when(("q", "=", {"answerBoolean": True}))),
        repeats=True,
    )
    page = shown(form(group), {"q~2": ["true"]})
    assert page["a"].when == (("q", "=", "true"),)
    assert page["a~2"].when == (("q~2", "=", "true"),)
    assert [page[name].enabled for name in ("a", "a~2")] == [False, True]


def test_what_stands_under_an_answer_follows_it() -> None:
    two = when(
        ("x", "exists", {"answerBoolean": True}), ("q", "exists", {"answerBoolean": True}), enable_any=True
    )
    one = when(("x", "exists", {"answerBoolean": True}), enable_any=True)
    which = form(
        item("x"),
        item("q", "boolean", item("help", "display"), item("why"), item("any", **two), item("one", **one)),
        item("ticks", "open-choice", item("since", "date"), options=OPTIONS, repeats=True),
        item("names", "string", item("job"), repeats=True),
        item("set", "string", item("under"), read_only=True, initial=({"valueString": "x"},)),
    )
    page = shown(which)
    assert (page["help"].when, page["help"].enabled) == ((), True)
    assert page["why"].when == (("q", "exists", "true"),)
    assert page["any"].when is None
    assert page["one"].when == (("q", "exists", "true"), ("x", "exists", "true"))
    assert not page["one"].when_any
    assert [(page[name].when, page[name].instance) for name in ("since", "since~2", "since~3")] == [
        ((("ticks", "=", "a"),), 1),
        ((("ticks", "=", "b"),), 2),
        ((("ticks", "=", OTHER),), 3),
    ]
    assert page["job"].when == (("names", "exists", "true"),)
    assert (page["under"].when, page["under"].enabled) == ((), True)


def test_a_calculated_value_is_shown_and_not_entered() -> None:
    which = form(
        item("n", "integer"),
        item("twice", "integer", calculated="%resource.item.where(linkId='n').answer.value * 2"),
    )
    page = shown(which, {"n": ["4"]}, now=NOW)
    assert (page["twice"].values, page["twice"].read_only) == (("8",), True)


def test_another_place_is_counted_in_its_own_group() -> None:
    which = form(item("out", "group", item("in", "group", item("a"), repeats=True), repeats=True))
    page = shown(which, {"a~1.2": ["x"], "a~2.1": ["x"]})
    assert {name for name, one in page.items() if one.more} == {"out~2", "in~1.2", "in~2.1"}
