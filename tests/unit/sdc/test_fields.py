"""A field names one place of a form; what names none, or more than a page would show, is refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvscreen.errors import AnswerNotOffered, FormRefused
from ipvscreen.sdc.answering.fields import MOST_PLACES, Grower, Names, Places, field_name, size
from ipvscreen.sdc.form import Form, Item, Option
from ipvscreen.sdc.load import load_form


def item(link_id: str, kind: str = "string", *items: Item, **parts: Any) -> Item:
    return Item(link_id, link_id, kind, items=items, **parts)


def form(*items: Item) -> Form:
    return Form("f", "urn:f", "1", "F", "", items=items)


OPTIONS = tuple(
    Option(code, code, value=code, fhir={"valueCoding": {"code": code}}) for code in ("a", "b", "c")
)
CHILDREN = form(
    item("who"),
    item(
        "child",
        "group",
        item("age", "integer"),
        item("stay", "group", item("days", "quantity", unit_open=True), repeats=True, max_occurs=3),
        repeats=True,
    ),
    item(
        "signs",
        "open-choice",
        item("signs-help", "display"),
        item("since", "date"),
        options=OPTIONS,
        repeats=True,
    ),
    item("names", "string", item("job", "string"), repeats=True),
    item("sure", "boolean", item("why", "text")),
)


def places(*fields: str, typed: dict[str, int] | None = None, more: str | None = None) -> Places:
    names = Names(CHILDREN)
    return Grower(names.counts([names.read(field) for field in fields]), typed or {}, more).places(CHILDREN)


def names(found: Places, *link_ids: str) -> list[str]:
    return [spot.field for spot in found.all if spot.item.link_id in link_ids]


def test_first_places_are_named_by_their_items() -> None:
    found = names(places(), "who", "child", "age", "stay", "days", "names", "job", "sure", "why", "signs")
    assert found == ["who", "child", "age", "stay", "days", "signs", "names", "job", "sure", "why"]


def test_places_are_counted_for_everything_around_that_repeats() -> None:
    found = places("age~2", "days~2.3")
    assert names(found, "child", "age") == ["child", "age", "child~2", "age~2"]
    assert names(found, "stay", "days") == [
        *("stay", "days", "stay~2.1", "days~2.1", "stay~2.2", "days~2.2", "stay~2.3", "days~2.3")
    ]
    days = found.by_field["days~2.3"]
    assert [spot.field for spot in days.line()] == ["stay~2.3", "child~2"]
    assert found.position["stay~2.1"] == found.position["days~2.1"] - 1


def test_what_stands_under_answers_is_there_for_each_option_and_for_own_text() -> None:
    found = places()
    since = [(spot.field, spot.under) for spot in found.all if spot.item.link_id == "since"]
    assert since == [("since", 1), ("since~2", 2), ("since~3", 3), ("since~4", 4)]
    assert names(found, "signs-help") == ["signs-help"]  # once, not with each answer
    assert names(places(typed={"names": 3}), "job") == ["job", "job~2", "job~3"]


@pytest.mark.parametrize(
    ("more", "found"),
    [
        (None, ["stay", "stay~2"]),
        ("stay", ["stay", "stay~2", "stay~1.3"]),
        ("stay~1.2", ["stay", "stay~2", "stay~1.3"]),
        ("who", ["stay", "stay~2"]),
    ],
)
def test_one_more_is_there_where_it_was_asked_for(more: str | None, found: list[str]) -> None:
    wanted = [name.replace("stay~2", "stay~1.2") for name in found]
    assert names(places("days~1.2", more=more), "stay") == wanted


def test_no_more_than_may_be() -> None:
    assert len(names(places("days~1.3", more="stay~1.3"), "stay")) == 3
    assert len(names(places("age~9999"), "child")) == MOST_PLACES


def test_as_many_as_must_be() -> None:
    two = form(item("g", "group", item("a"), repeats=True, min_occurs=2))
    assert [spot.field for spot in Grower({}, {}).places(two).all] == ["g", "a", "g~2", "a~2"]


@pytest.mark.parametrize(
    "field",
    [
        *(
            "nowhere",
            "",
            "~",
            "child",
            "signs-help",
            "age~1",
            "age~0",
            "age~02",
            "age~2.2",
            "days~2",
            "who~2",
        ),
        *("age~x", "age~-1", "age~2~2", "age~unit", "who~other", "who~unit~unit", "age~99999", "days~1.1"),
    ],
)
def test_what_names_no_question_is_refused(field: str) -> None:
    with pytest.raises(AnswerNotOffered) as caught:
        Names(CHILDREN).read(field)
    assert caught.value.link_id == field


@pytest.mark.parametrize(
    ("field", "numbers", "part", "whole"),
    [
        ("who", (), "", "who"),
        ("days~unit", (1, 1), "unit", "days"),
        ("days~2.1~unit", (2, 1), "unit", "days~2.1"),
        ("signs~other", (), "other", "signs"),
        ("since~4", (4,), "", "since~4"),
    ],
)
def test_a_field_is_taken_apart(field: str, numbers: tuple[int, ...], part: str, whole: str) -> None:
    name = Names(CHILDREN).read(field)
    assert (name.numbers, name.part, name.field) == (numbers, part, whole)


@settings(deadline=None)
@given(st.tuples(st.integers(1, 9999), st.integers(1, 9999)), st.sampled_from(["", "unit"]))
def test_a_name_that_was_made_is_read_again(numbers: tuple[int, int], part: str) -> None:
    name = Names(CHILDREN).read(field_name("days", numbers, part))
    assert (name.item.link_id, name.numbers, name.part) == ("days", numbers, part)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_field_or_refused(text: str) -> None:
    try:
        name = Names(CHILDREN).read(text)
    except AnswerNotOffered:
        return
    assert field_name(name.item.link_id, name.numbers, name.part) == text


def test_nobody_enters_what_is_hidden_read_only_or_calculated() -> None:
    found = Grower({}, {}).places(
        form(
            item("h", "group", item("in-h"), hidden=True),
            item("r", "group", item("in-r"), read_only=True),
            item("q", "string", item("in-q"), read_only=True),
            item("c", calculated="1"),
        )
    )
    fixed = {spot.field: (spot.fixed, spot.hidden) for spot in found.all}
    assert fixed == {
        "h": (True, True),
        "in-h": (True, True),
        "r": (True, False),
        "in-r": (True, False),
        "q": (True, False),
        "in-q": (False, False),
        "c": (True, False),
    }


def test_the_size_is_known_without_making_the_places() -> None:
    two = item(
        "g",
        "group",
        item("a"),
        item("h", "group", item("b"), repeats=True, min_occurs=3),
        repeats=True,
        min_occurs=2,
    )
    for which in (CHILDREN, form(two), form()):
        assert size(which) == len(Grower({}, {}).places(which).all)
    deep = item("q")
    for depth in range(12):
        deep = item(f"g{depth}", "group", deep, repeats=True, min_occurs=1000)
    assert size(form(deep)) > MOST_PLACES**12


def test_a_form_too_large_to_be_shown_is_refused_when_it_is_loaded() -> None:
    often = {"url": "http://hl7.org/fhir/StructureDefinition/questionnaire-minOccurs", "valueInteger": 50}
    deep: dict[str, Any] = {"linkId": "q", "text": "Q", "type": "string"}
    for depth in range(4):
        group = {"linkId": f"g{depth}", "text": "G", "type": "group", "repeats": True, "required": True}
        deep = {**group, "extension": [often], "item": [deep]}
    about = {"url": "urn:f", "version": "1", "name": "F", "title": "F", "status": "active", "copyright": "C"}
    with pytest.raises(FormRefused, match="more than 5000 items"):
        load_form({"resourceType": "Questionnaire", **about, "item": [deep]})
