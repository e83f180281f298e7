"""Items of a form as what is printed: a control for each, named by its field, and when it shows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ipvscreen.sdc.form import Control, Form
from ipvscreen.sdc.layout import Placed, layout
from ipvscreen.web.presenters import controls
from ipvscreen.web.presenters.controls import Choice
from ipvscreen.web.presenters.rich import Part, parts

Entered = Mapping[str, tuple[str, ...]]

# What a browser compares: the signs that the difference between answer and value may have.
_SIGNS = {"=": [0], "!=": [0], ">": [1], "<": [-1], ">=": [0, 1], "<=": [-1, 0]}


@dataclass(frozen=True, slots=True)
class Question:
    """One item at one place. `control` names how it is printed: see components/question.html.

    `when` is JSON for the script, which hides the item unless all (`any`: one) of it holds. `values` are what
    stands in typed fields, one each; `inputs` says how they are typed. `add`: what a button posts that adds
    another place.
    """

    name: str
    text: str
    control: str
    choices: tuple[Choice, ...] = ()
    values: tuple[str, ...] = ()
    inputs: controls.Inputs = controls.TEXT
    when: str = ""
    any: bool = False
    follows: bool = False
    prefix: str = ""
    rich: tuple[Part, ...] = ()
    stacked: bool = False
    other: str | None = None
    unit: controls.UnitField | None = None
    required: bool = False
    mistake: str = ""
    help: tuple["Question", ...] = ()
    children: tuple["Question", ...] = ()
    instance: int = 1
    add: str = ""

    @property
    def id(self) -> str:
        """Its id on the page: apart from those of the page itself, and without spaces."""
        return id_of(self.name)

    @property
    def value(self) -> str:
        """The first of what stands in its fields; empty if nothing does."""
        return next(iter(self.values), "")

    @property
    def described(self) -> str:
        """The ids of what is told about its control."""
        told = {
            "rich": self.rich,
            "hint": self.control == "input" and self.inputs.hint,
            "mistake": self.mistake,
        }
        return " ".join(f"{self.id}-{what}" for what, there in told.items() if there)

    def walk(self) -> Iterator["Question"]:
        """It and everything below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def id_of(name: str) -> str:
    """The id of the place of that field."""
    return f"i-{quote(name, safe='')}"


def questions(
    form: Form,
    entered: Entered,
    *,
    but: str | None = None,
    mistakes: Mapping[str, str] | None = None,
    launch: Mapping[str, Any] | None = None,
    now: datetime | None = None,
    more: str | None = None,
    fresh: bool = False,
) -> tuple[Question, ...]:
    """What is printed of a form as far as it has been entered, all `but` one linkId.

    Mistakes are shown only where they are given: a page that nobody has posted yet scolds nobody.
    """
    placed = layout(form, entered, launch=launch, now=now, more=more, fresh=fresh)
    return printed([one for one in placed if one.item.link_id != but], mistakes)


def printed(placed: Sequence[Placed], mistakes: Mapping[str, str] | None = None) -> tuple[Question, ...]:
    """The questions of the places that stand on one page together."""
    asked = frozenset(one.field for top in placed for one in _walk(top) if _asks(one))
    return tuple(_questions(placed, asked, mistakes or {}))


def when_all_no(form: Form) -> str:
    """The condition "every yes-or-no item of this form is answered no"; empty if it has none."""
    noes = list(_noes(form))
    return json.dumps(noes) if noes else ""


def _noes(form: Form) -> Iterator[list[Any]]:
    for item in form.questions():
        no = next((option.value for option in item.options if controls.key(option.display) == "n"), None)
        if no is not None:
            yield [item.link_id, True, no, [0]]


def _walk(placed: Placed) -> Iterator[Placed]:
    yield placed
    for child in placed.children:
        yield from _walk(child)


def _asks(placed: Placed) -> bool:
    return placed.item.is_question and not placed.read_only


def _questions(
    placed: Sequence[Placed], asked: frozenset[str], mistakes: Mapping[str, str]
) -> Iterator[Question]:
    for one in placed:
        when = _when(one, asked)
        if one.enabled or when or not _conditional(one):  # the last: only because what is around it is not
            yield _question(one, when, asked, mistakes)


def _conditional(placed: Placed) -> bool:
    return bool(placed.item.enable_when or placed.item.enable_expression)


def _when(placed: Placed, asked: frozenset[str]) -> str:
    """Empty unless the browser can decide it from what is on this page."""
    if not placed.when or not asked.issuperset(field for field, _, _ in placed.when):
        return ""
    return json.dumps([_test(*condition) for condition in placed.when])


def _test(field: str, operator: str, value: str) -> list[Any]:
    if operator == "exists":
        return [field, value == "true"]
    return [field, operator != "!=", value, _SIGNS[operator]]


def _question(one: Placed, when: str, asked: frozenset[str], mistakes: Mapping[str, str]) -> Question:
    item = one.item
    below = tuple(_questions(one.children, asked, mistakes))
    return Question(
        name=one.field,
        text=item.text,
        control=controls.control(one),
        choices=controls.choices(one),
        values=controls.values(one),
        inputs=controls.inputs(one),
        when=when,
        any=one.when_any,
        follows=_conditional(one),
        prefix=item.prefix or "",
        rich=parts(item.html) if item.html else (),
        stacked=item.horizontal is False,
        other=one.other if item.is_open and not one.read_only else None,
        unit=controls.unit(one),
        required=item.required and not one.read_only,
        mistake=mistakes.get(one.field, ""),
        help=tuple(child for child in below if child.control == Control.HELP),
        children=tuple(child for child in below if child.control != Control.HELP),
        instance=one.instance if item.repeats and item.type == "group" else 1,
        add=one.field if one.more else "",
    )
