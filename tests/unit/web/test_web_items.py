"""Items as controls: named by their field, with keys, hidden until they are due; what is typed is kept."""

import json
from typing import Any

import pytest

from ipvscreen.sdc.form import Code, Control, Form, Item, Option, Unit
from ipvscreen.sdc.layout import Placed
from ipvscreen.web.presenters.controls import OTHER, Choice, UnitField, control, inputs, label
from ipvscreen.web.presenters.items import Question, id_of, printed, questions, when_all_no


def placed(kind: str = "string", **more: Any) -> Placed:
    """One place of an item "x" of that type; what is no part of Placed belongs to its item."""
    own = {key: more.pop(key) for key in list(more) if key not in Placed.__slots__}
    return Placed(Item("x", "Text", kind, **own), more.pop("field", "x"), more.pop("enabled", True), **more)


def one(shown: Placed, mistakes: dict[str, str] | None = None) -> Question:
    (found,) = printed([shown], mistakes)
    return found


def offered(*codes: str) -> tuple[Option, ...]:
    return tuple(Option(code, code.upper(), value=code) for code in codes)


def test_each_control_is_named_by_its_link_id_and_offers_pass(forms: dict[str, Form]) -> None:
    shown = questions(forms["hark"], {})
    assert [q.name for q in shown] == ["76500-8", "76501-6", "76502-4", "76503-2"]
    assert [(c.value, c.label, c.key) for c in shown[0].choices] == [
        ("LA33-6", "Yes", "y"),
        ("LA32-8", "No", "n"),
        ("pass", "Pass", "p"),
    ]
    assert not any(choice.checked for q in shown for choice in q.choices)


def test_what_was_entered_is_chosen_again(forms: dict[str, Form]) -> None:
    shown = questions(forms["hark"], {"76500-8": ("LA33-6",), "76501-6": ("pass",)})
    chosen = [[c.value for c in q.choices if c.checked] for q in shown]
    assert chosen == [["LA33-6"], ["pass"], [], []]


def test_follow_ups_wait_for_their_yes(forms: dict[str, Form]) -> None:
    shown = {q.name: q for q in questions(forms["aas"], {"aas-2-times": ("3",)})}
    assert shown["aas-2"].when == ""
    assert json.loads(shown["aas-2-whom"].when) == [["aas-2", True, "yes", [0]]]
    assert shown["aas-2-whom"].follows
    assert (shown["aas-2-times"].control, shown["aas-2-times"].value) == ("input", "3")
    assert shown["aas-2-times"].inputs.mode == "numeric"
    assert shown["aas-2-times"].choices == ()


def test_more_than_one_may_be_chosen_where_it_repeats(forms: dict[str, Form]) -> None:
    help_now = next(q for q in questions(forms["quick"], {}) if q.name == "help-now")
    assert help_now.control == "checkbox"
    assert {c.key for c in help_now.choices} <= {"", "p"}


def test_one_can_be_left_out(forms: dict[str, Form]) -> None:
    everything = [q.name for q in questions(forms["quick"], {})]
    assert [*(q.name for q in questions(forms["quick"], {}, but="contact")), "contact"] == everything


def test_all_no_is_a_condition_over_every_item(forms: dict[str, Form]) -> None:
    noes = json.loads(when_all_no(forms["hark"]))
    assert noes == [[name, True, "LA32-8", [0]] for name in ("76500-8", "76501-6", "76502-4", "76503-2")]
    without = Form("f", "u", "1", "t", "c", code=(Code("s", "c"),), items=(Item("n", "N", "integer"),))
    assert when_all_no(without) == ""


@pytest.mark.parametrize(
    ("operator", "value", "test"),
    [
        ("=", "5", ["n", True, "5", [0]]),
        ("!=", "5", ["n", False, "5", [0]]),
        (">", "5", ["n", True, "5", [1]]),
        ("<", "5", ["n", True, "5", [-1]]),
        (">=", "5", ["n", True, "5", [0, 1]]),
        ("<=", "5", ["n", True, "5", [-1, 0]]),
        ("exists", "true", ["n", True]),
        ("exists", "false", ["n", False]),
    ],
)
def test_a_condition_says_what_the_difference_may_be(operator: str, value: str, test: list[Any]) -> None:
    asked = Placed(Item("n", "N", "integer"), "n", True)
    follower = placed(when=(("n", operator, value),), enable_when=("some",), enabled=False)
    assert json.loads(printed([asked, follower])[1].when) == [test]


def test_what_the_browser_cannot_decide_is_there_only_when_it_is_enabled() -> None:
    """On another page, or only for the server: the script is not asked."""
    elsewhere = {"when": (("n", "=", "5"),), "enable_when": ("some",)}
    assert printed([placed(enabled=False, **elsewhere)]) == ()
    assert printed([placed(enabled=False, when=None, enable_expression="e")]) == ()
    assert one(placed(**elsewhere)).when == ""


def test_what_stands_in_a_group_that_waits_is_printed_with_it() -> None:
    asked = Placed(Item("n", "N", "integer"), "n", True)
    group = placed(
        "group",
        enabled=False,
        when=(("n", "=", "5"),),
        enable_when=("some",),
        children=(placed(enabled=False),),
    )
    assert [child.name for child in printed([asked, group])[1].children] == ["x"]


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        (placed("choice", options=offered("a")), "radio"),
        (placed("choice", options=offered("a"), repeats=True), "checkbox"),
        (placed("choice", options=offered("a"), control=Control.DROP_DOWN), "select"),
        (placed("choice", options=offered(*"abcdefghijkl")), "radio"),
        (placed("choice", options=offered(*"abcdefghijklm")), "select"),
        (placed("choice", options=offered(*"abcdefghijklm"), control=Control.RADIO), "radio"),
        (placed("integer", options=offered("1")), "radio"),
        (placed("boolean"), "radio"),
        (placed("text"), "textarea"),
        (placed("group"), "group"),
        (placed("group", control=Control.HEADER), "header"),
        (placed("display", control=Control.HELP), "help"),
        (placed("display"), "display"),
        (placed("quantity"), "input"),
        (placed("string", read_only=True), "shown"),
    ],
)
def test_each_type_has_its_control(shown: Placed, name: str) -> None:
    assert control(shown) == name


def test_what_a_picker_could_not_show_is_typed() -> None:
    assert inputs(placed("date", values=("2026-01-02",))).type == "date"
    assert inputs(placed("date", values=("2019-05",))).type == "text"
    assert inputs(placed("dateTime", values=("2026-01-02T03:04",))).type == "datetime-local"
    assert inputs(placed("time", values=("about noon",))).type == "text"


def test_choices_of_a_boolean_and_of_an_open_choice() -> None:
    boolean = one(placed("boolean", values=("false",)))
    assert [(c.value, c.key, c.checked) for c in boolean.choices] == [
        ("true", "y", False),
        ("false", "n", True),
        ("pass", "p", False),
    ]
    own = one(placed("open-choice", options=offered("a"), values=(OTHER,), other="mine"))
    assert own.choices[-1] == Choice(OTHER, "Other", "", True)
    assert own.other == "mine"
    assert label(Option("a", "Tea", prefix="a)")) == "a) Tea"


def test_what_is_only_shown_is_in_words() -> None:
    kg = Unit("kg")
    assert one(placed("choice", options=offered("a"), values=("a",), read_only=True)).values == ("A",)
    assert one(placed("integer", values=("3",), unit="", read_only=True)).values == ("3",)
    weight = Placed(Item("x", "T", "quantity", unit=kg), "x", True, values=("3",), read_only=True)
    assert one(weight).values == ("3 kg",)
    own = placed("open-choice", options=offered("a"), values=(OTHER,), other="mine", read_only=True)
    assert (one(own).values, one(own).other, one(own).unit) == (("mine",), None, None)


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (Item("x", "T", "string"), None),
        (Item("x", "T", "integer", unit=Unit("days")), UnitField("", fixed="days")),
        (Item("x", "T", "quantity", units=(Unit("kg"),)), UnitField("", fixed="kg")),
        (
            Item("x", "T", "quantity", units=(Unit("kilo", "s", "kg"), Unit("g"))),
            UnitField(
                "x~unit", choices=(Choice("kg", "kilo", "", False), Choice("g", "g", "", True)), value="g"
            ),
        ),
        (Item("x", "T", "quantity", unit_open=True), UnitField("x~unit", typed=True, value="g")),
    ],
)
def test_a_unit_is_fixed_chosen_or_typed(item: Item, field: UnitField | None) -> None:
    assert one(Placed(item, "x", True, unit="g")).unit == field


def test_a_mistake_is_told_with_its_control_and_only_where_it_is_given() -> None:
    assert one(placed(mistake="from the layout")).mistake == ""
    wrong = one(placed("url"), {"x": "Enter an address."})
    assert wrong.mistake == "Enter an address."
    assert wrong.described == "i-x-hint i-x-mistake"


def test_help_stands_at_its_question() -> None:
    tip = Placed(Item("h", "Help", "display", control=Control.HELP), "h", True)
    more = Placed(Item("why", "Why", "string"), "why", True)
    shown = one(placed(children=(tip, more)))
    assert [h.text for h in shown.help] == ["Help"]
    assert [child.name for child in shown.children] == ["why"]
    assert [q.name for q in shown.walk()] == ["x", "why"]


def test_ids_hold_whatever_a_link_id_holds() -> None:
    assert id_of("a b/c~2") == "i-a%20b%2Fc~2"
    assert len({id_of(name) for name in ("a b", "a%20b", "a+b")}) == 3
