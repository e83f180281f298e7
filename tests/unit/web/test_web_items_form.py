"""A form on pages of its own: one page at a time, and nothing of the others is lost."""

from typing import Any

import pytest

from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Control, Form, Item, Unit
from ipvscreen.web.presenters.form import begun, merged, names_of, part, turned, wrong_page
from ipvscreen.web.presenters.items import questions

YES = Item("yes", "Well?", "boolean")


def form(*items: Item) -> Form:
    return Form("f", "urn:f", "1", "Form", "Made up.", items=items)


def page(link_id: str, *items: Item, **more: Any) -> Item:
    return Item(link_id, link_id.capitalize(), "group", control=Control.PAGE, items=items, **more)


HEAD = Item("head", "", "group", control=Control.HEADER, items=(Item("told", "Told", "display"),))
THREE = form(
    HEAD,
    Item("loose", "Loose", "string"),
    page("one", Item("a", "A", "integer", required=True)),
    page(
        "two",
        Item("b", "B", "integer"),
        Item("g", "G", "group", repeats=True, items=(Item("n", "N", "string"),)),
    ),
)


def names(shown: Any) -> list[str]:
    return [q.name for top in shown.questions for q in top.walk()]


def test_pages_follow_each_other_with_the_header_on_each() -> None:
    first, second, third = (part(THREE, {}, page=number) for number in range(3))
    assert names(first) == ["head", "told", "loose"]
    assert names(second) == ["head", "told", "one", "a"]
    assert names(third) == ["head", "told", "two", "b", "g", "n"]
    assert [(p.back, p.next, p.number, p.count) for p in (first, second, third)] == [
        (None, 1, 1, 3),
        (0, 2, 2, 3),
        (1, None, 3, 3),
    ]
    assert (second.adds, third.adds) == (False, True)


def test_a_form_without_pages_is_one() -> None:
    only = part(form(YES, Item("s", "S", "string")), {}, page=7)
    assert (only.page, only.count, only.back, only.next) == (0, 1, None, None)


def test_a_page_that_is_not_due_is_passed_over() -> None:
    """Which it is, follows from another page: so the server decides."""
    from ipvscreen.sdc.form import Condition

    due = (Condition("yes", "=", {"answerBoolean": True}),)
    two = page("two", Item("b", "B", "string"), enable_when=due)
    built = form(page("one", YES), two, page("three", Item("c", "C", "string")))
    assert part(built, {"yes": ("false",)}).next == 2
    assert part(built, {"yes": ("true",)}).next == 1
    assert part(built, {"yes": ("false",)}, page=1).page == 0


def test_what_another_page_holds_stays() -> None:
    shown = part(THREE, {}, page=1)
    before = {"loose": ("x",), "a": ("1",)}
    assert merged(before, {"a": ("2",)}, shown.names) == {"loose": ("x",), "a": ("2",)}
    assert merged(before, {}, shown.names) == {"loose": ("x",)}, (
        "what this page no longer posts was taken away"
    )


def test_names_hold_the_parts_of_an_answer() -> None:
    built = form(
        Item("q", "Q", "quantity", units=(Unit("kg"), Unit("g"))),
        Item("o", "O", "open-choice"),
        Item("n", "N", "integer", unit=Unit("days")),
    )
    found = [list(names_of(q)) for q in questions(built, {})]
    assert found == [["q", "q~unit"], ["o", "o~other"], ["n"]]


@pytest.mark.parametrize(
    ("at", "to", "entered", "page", "told"),
    [
        (1, 2, {}, 1, {"a"}),  # forward only from a page that is right
        (1, 2, {"a": ("1",)}, 2, set()),
        (1, 0, {}, 0, set()),  # back from any
        (1, 1, {}, 1, set()),  # an update scolds nobody
        (2, None, {}, 1, {"a"}),  # Save goes to what is wrong
        (2, None, {"a": ("1",)}, 2, set()),
    ],
)
def test_turning_over(at: int, to: int | None, entered: Any, page: int, told: set[str]) -> None:
    mistakes = read_answers(THREE, entered).mistakes
    shown, wrong = turned(THREE, entered, mistakes, at=at, to=to)
    assert (shown, set(wrong)) == (page, told)


def test_mistakes_are_told_in_the_order_of_the_page_and_those_elsewhere_last() -> None:
    mistakes = {"gone": "Somewhere.", "a": "Enter a number."}
    shown = part(THREE, {}, page=1, mistakes=mistakes)
    assert shown.mistakes == (("i-a", "A Enter a number."), ("", "Somewhere."))
    assert wrong_page(THREE, {}, {"gone": "x"}) is None


def test_what_stands_there_before_anything_is_entered() -> None:
    built = form(
        Item("s", "S", "string", initial=({"valueString": "x"},)),
        Item("r", "R", "string", read_only=True, initial=({"valueString": "y"},)),
        Item("e", "E", "string"),
    )
    assert begun(built) == {"s": ("x",)}


def test_what_only_the_server_can_work_out_asks_for_an_update() -> None:
    assert not part(form(YES), {}).update
    calculated = Item("c", "C", "integer", read_only=True, calculated="1")
    from datetime import UTC, datetime

    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert part(form(YES, calculated), {}, now=now).update
