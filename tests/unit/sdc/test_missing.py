"""What a form still wants: required answers, enough of them, and what its constraints say."""

from datetime import UTC, datetime
from typing import Any

from ipvscreen.sdc.answering.given import Answers
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Constraint, Form, Item, Option

NOW = datetime(2024, 5, 31, 14, 30, tzinfo=UTC)
OPTIONS = tuple(
    Option(code, code, value=code, fhir={"valueCoding": {"code": code}}) for code in ("a", "b", "c")
)


def item(link_id: str, kind: str = "string", *items: Item, **parts: Any) -> Item:
    return Item(link_id, link_id, kind, items=items, **parts)


def form(*items: Item, **parts: Any) -> Form:
    return Form("f", "urn:f", "1", "F", "", items=items, **parts)


def read(which: Form, entered: dict[str, list[str]] | None = None) -> Answers:
    return read_answers(which, entered or {}, now=NOW)


def value(link_id: str) -> str:
    return f"%resource.descendants().where(linkId='{link_id}').answer.value"


def test_a_constraint_says_its_own_sentence_at_its_item() -> None:
    least = Constraint("k", f"{value('a')} < {value('b')}", "The first must be less.")
    hint = Constraint("w", "false", "Only a hint.", warning=True)
    which = form(
        item("a", "integer"),
        item("g", "group", item("b", "integer"), constraints=(hint, least)),
        constraints=(Constraint("f", f"{value('a')} != 9", "Not nine."),),
    )
    assert read(which, {"a": ["1"], "b": ["2"]}).mistakes == {}
    broken = read(which, {"a": ["9"], "b": ["2"]})
    assert broken.mistakes == {"g": "The first must be less.", "": "Not nine."}
    assert set(broken.given) == {"a", "b"}


def test_a_constraint_of_what_is_hidden_is_said_where_it_can_be_seen() -> None:
    wrong = (Constraint("k", "false", "Wrong."),)
    hidden = {"hidden": True, "initial": ({"valueString": "x"},), "constraints": wrong}
    assert read(form(item("g", "group", item("n"), item("h", **hidden)), item("n2"))).mistakes == {
        "g": "Wrong."
    }
    assert read(form(item("h", **hidden), item("n"))).mistakes == {"": "Wrong."}


def test_how_many_there_must_be() -> None:
    which = form(
        item("two", repeats=True, min_occurs=2),
        item("must", repeats=True, min_occurs=2, required=True),
        item("ticks", "choice", options=OPTIONS, repeats=True, min_occurs=2),
        item("g", "group", item("a"), repeats=True, min_occurs=2),
        item("h", "group", item("b"), required=True),
        item("fixed", required=True, read_only=True),
    )
    assert read(which).mistakes == {
        "must": "Answer this question.",
        "h": "Answer at least one of these questions.",
    }
    begun = {"two": ["x"], "must": ["x"], "a~2": ["x"], "b": ["x"], "ticks": ["a"]}
    few = "Give at least 2 answers."
    wanted = {"two": few, "must": few, "ticks": few, "g": "Fill in at least 2 of these."}
    assert read(which, begun).mistakes == wanted
    whole = {"two": ["x", "y"], "must": ["x", "y"], "a": ["x"], "a~2": ["x"], "b": ["x"], "ticks": ["pass"]}
    assert read(which, whole).mistakes == {}


def test_one_mistake_at_an_item_is_enough() -> None:
    twice = (Constraint("k", "false", "First."), Constraint("l", "false", "Second."))
    assert read(form(item("n", constraints=twice)), {"n": ["x"]}).mistakes == {"n": "First."}
    which = form(item("n", "integer", required=True))
    assert read(which, {"n": ["x"]}).mistakes == {"n": "Enter a whole number, such as 3."}


def test_places_are_counted_in_their_own_group() -> None:
    inner = item("in", "group", item("a"), repeats=True, min_occurs=2)
    which = form(item("out", "group", inner, repeats=True))
    assert read(which, {"a": ["x"], "a~2.1": ["x"]}).mistakes.keys() == {"in", "in~2.1"}
