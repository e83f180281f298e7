"""Doors, quick items and what they add to the forms."""

from collections.abc import Callable

import pytest

from ipvscreen.ipv.assessment import Assessment, Danger, Outcome, assess
from ipvscreen.ipv.visit import Door
from ipvscreen.sdc.answers import Answers

Answer = Callable[..., dict[str, Answers]]

NOT_ASKED = [door for door in Door if door is not Door.ASK]


def test_nothing_is_nothing() -> None:
    assert assess({}) == Assessment(results=(), current=False, past=False)


@pytest.mark.parametrize(
    ("door", "current", "past", "dangers"),
    [
        (Door.ASK, False, False, ()),
        (Door.TOLD, True, False, ()),
        (Door.WORRIED, False, False, ()),
        (Door.DANGER, False, False, (Danger.CLINICIAN,)),
        (Door.NOT_NOW, False, False, ()),
        (Door.FROM_RECORD, False, True, ()),
    ],
)
def test_what_a_door_says(door: Door, current: bool, past: bool, dangers: tuple[Danger, ...]) -> None:
    found = assess({}, door=door)
    assert (found.current, found.past, found.dangers) == (current, past, dangers)
    assert found.any_yes is (current or past)
    assert found.past_only is past


@pytest.mark.parametrize("door", NOT_ASKED)
def test_a_form_that_was_not_asked_has_no_result(answer: Answer, door: Door) -> None:
    assert assess(answer("hark", {}) | answer("aas-1", {}), door=door).results == ()


@pytest.mark.parametrize("door", NOT_ASKED)
def test_answers_count_behind_every_door(answer: Answer, door: Door) -> None:
    found = assess(answer("hark", {"76501-6": "LA33-6"}), door=door)
    assert [result.outcome for result in found.results] == [Outcome.POSITIVE]
    assert found.current


@pytest.mark.parametrize("door", [None, Door.ASK])
def test_asked_and_left_is_incomplete(answer: Answer, door: Door | None) -> None:
    found = assess(answer("hark", {}) | answer("aas-1", {}), door=door)
    outcomes = [(result.instrument, result.outcome) for result in found.results]
    assert outcomes == [("hark", Outcome.INCOMPLETE), ("aas-1", Outcome.INCOMPLETE)]


def test_declined_is_an_answer_for_every_form(answer: Answer) -> None:
    found = assess(answer("hark", {}) | answer("aas-1", {}) | answer("aas", {}), door=Door.ASK, declined=True)
    assert {result.outcome for result in found.results} == {Outcome.DECLINED}
    assert len(found.results) == 3
    assert not found.any_yes


def test_past_beside_now_is_not_past_only(answer: Answer) -> None:
    both = answer("hark", {"76500-8": "LA33-6"}) | answer("aas-1", {"aas-1": "yes"})
    found = assess(both)
    assert (found.current, found.past, found.past_only) == (True, True, False)


def test_past_with_danger_is_not_past_only(answer: Answer) -> None:
    found = assess(answer("aas-1", {"aas-1": "yes"}) | answer("quick", {"suicide": "yes"}))
    assert (found.past, found.past_only) == (True, False)


@pytest.mark.parametrize(
    ("item", "code", "danger"),
    [
        ("safe-today", "no", Danger.NOT_SAFE_TODAY),
        ("safe-today", "yes", None),
        ("safe-today", "pass", None),
        ("neck", "yes-recent", Danger.NECK),
        ("neck", "yes-past", None),
        ("neck", "no", None),
        ("neck", "pass", None),
        ("suicide", "yes", Danger.SUICIDE),
        ("suicide", "no", None),
        ("suicide", "pass", None),
    ],
)
def test_each_quick_item_has_its_danger(answer: Answer, item: str, code: str, danger: Danger | None) -> None:
    found = assess(answer("quick", {item: code}))
    assert found.dangers == ((danger,) if danger else ())
    assert found.results == ()


def test_dangers_stand_in_one_order(answer: Answer) -> None:
    quick = answer("quick", {"suicide": "yes", "neck": "yes-recent", "safe-today": "no"})
    others = answer("aas", {"aas-5": "yes"}) | answer("children", {"child-safe": "no"})
    found = assess(quick | others, danger=True)
    assert found.dangers == tuple(Danger)


@pytest.mark.parametrize(
    ("given", "dangers"),
    [
        ({"child-safe": "no"}, (Danger.CHILD,)),
        ({"child-safe": "yes", "child-safe~2": "not-known", "child-safe~3": "no"}, (Danger.CHILD,)),
        ({"child-safe": "yes", "child-safe~2": "not-known"}, ()),
        ({"child-safe": "pass", "child-name": "no"}, ()),
        ({"child-other-parent": "no", "child-who": "child"}, ()),
    ],
)
def test_one_child_who_is_not_safe_is_danger(
    answer: Answer, given: dict[str, str], dangers: tuple[Danger, ...]
) -> None:
    found = assess(answer("children", given), door=Door.ASK)
    assert found.dangers == dangers
    assert (found.current, found.past, found.any_yes) == (False, False, False)


@pytest.mark.parametrize(("code", "past"), [("yes", True), ("no", False), ("pass", False), ("", False)])
@pytest.mark.parametrize("item", ["ever-h", "ever-a", "ever-r", "ever-k"])
def test_more_than_a_year_ago_is_past_and_never_current(
    answer: Answer, item: str, code: str, past: bool
) -> None:
    found = assess(answer("past", {item: code}), door=Door.ASK)
    assert (found.past, found.current, found.any_yes, found.past_only) == (past, False, past, past)
    assert found.results == (), "it is no instrument: it has no result and no number"


def test_the_clinicians_word_is_enough() -> None:
    assert assess({}, danger=True).dangers == (Danger.CLINICIAN,)


@pytest.mark.parametrize(
    ("given", "children", "pregnant"),
    [
        ([], None, None),
        (["pass"], None, None),
        (["none"], False, False),
        (["children"], True, False),
        (["pregnant"], False, True),
        (["pregnant", "children"], True, True),
        (["children", "none"], True, False),
    ],
)
def test_children_and_pregnancy(
    answer: Answer, given: list[str], children: bool | None, pregnant: bool | None
) -> None:
    found = assess(answer("quick", {"children-or-pregnant": given}))
    assert (found.children, found.pregnant) == (children, pregnant)


def test_wishes_are_kept(answer: Answer) -> None:
    found = assess(answer("quick", {"help-now": ["legal", "someone-who-has-been-there"]}))
    assert found.wishes == {"legal", "someone-who-has-been-there"}
    assert assess(answer("quick", {"help-now": "pass"})).wishes == frozenset()


@pytest.mark.parametrize(("code", "contact"), [("yes", True), ("no", False), ("pass", None), ("", None)])
def test_contact(answer: Answer, code: str, contact: bool | None) -> None:
    assert assess(answer("quick", {"contact": code})).contact is contact
