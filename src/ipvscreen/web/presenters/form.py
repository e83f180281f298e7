"""A form on pages of its own: one page at a time, the way between them, and what has to be put right."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ipvscreen.messages import joined, message
from ipvscreen.sdc.answering.fields import OWN, UNIT
from ipvscreen.sdc.form import Control, Form
from ipvscreen.sdc.layout import Placed, layout
from ipvscreen.web.presenters.frame import Frame
from ipvscreen.web.presenters.items import Entered, Question, id_of, printed

_EVERYWHERE = (Control.HEADER, Control.FOOTER)


@dataclass(frozen=True, slots=True)
class Part:
    """One page of a form. `page` and its neighbours count from 0; a neighbour is None where there is none.

    `names` are the fields that this page posts: what it does not post was taken away. `update`: something
    here follows from the answers that only the server can work out, so a button asks for it.
    `mistakes`: the id of a place and what is wrong there; the id is empty for what stands on no page.
    """

    questions: tuple[Question, ...]
    names: frozenset[str]
    page: int
    number: int
    count: int
    back: int | None
    next: int | None
    update: bool
    adds: bool
    mistakes: tuple[tuple[str, str], ...]
    copyright: str


@dataclass(frozen=True, slots=True)
class FormPage:
    """A page of a form inside a visit."""

    frame: Frame
    part: Part


def part(
    form: Form,
    entered: Entered,
    *,
    page: int = 0,
    mistakes: Mapping[str, str] | None = None,
    launch: Mapping[str, Any] | None = None,
    now: datetime | None = None,
    more: str | None = None,
    fresh: bool = False,
) -> Part:
    """The page of that number, or the last one before it that is to be shown."""
    placed = layout(form, entered, launch=launch, now=now, more=more, fresh=fresh)
    sheets = _sheets(placed)
    shown = [number for number, sheet in enumerate(sheets) if any(one.enabled for one in sheet)] or [0]
    at = max((number for number in shown if number <= page), default=shown[0])
    place = shown.index(at)
    found = mistakes or {}
    asked = printed(
        [*_on_each(placed, Control.HEADER), *sheets[at], *_on_each(placed, Control.FOOTER)], found
    )
    below = [one for question in asked for one in question.walk()]
    return Part(
        questions=asked,
        names=frozenset(name for one in below for name in names_of(one)),
        page=at,
        number=place + 1,
        count=len(shown),
        back=shown[place - 1] if place else None,
        next=shown[place + 1] if place + 1 < len(shown) else None,
        update=any(_follows_a_post(one) for top in sheets[at] for one in _walk(top)),
        adds=any(one.add for one in below),
        mistakes=tuple(_told(below, found)),
        copyright=message(form.copyright),
    )


def wrong_page(form: Form, entered: Entered, mistakes: Mapping[str, str], **given: Any) -> int | None:
    """The first page with a mistake on it; None if none of them stands on a page."""
    for number, sheet in enumerate(_sheets(layout(form, entered, **given))):
        if any(one.field in mistakes for top in sheet for one in _walk(top)):
            return number
    return None


def begun(form: Form, **given: Any) -> dict[str, tuple[str, ...]]:
    """What a form holds before anybody has entered anything: its initial values, by field."""
    found: dict[str, tuple[str, ...]] = {}
    for one in (one for top in layout(form, {}, fresh=True, **given) for one in _walk(top)):
        if one.item.is_question and not one.read_only:
            for name, values in _held(one):
                found[name] = values
    return found


def _held(placed: Placed) -> Iterator[tuple[str, tuple[str, ...]]]:
    parts = ((placed.field, placed.values), (f"{placed.field}~{OWN}", (placed.other,)))
    for name, values in (*parts, (f"{placed.field}~{UNIT}", (placed.unit,))):
        if filled := tuple(value for value in values if value):
            yield name, filled


def turned(
    form: Form, entered: Entered, mistakes: Mapping[str, str], *, at: int, to: int | None, **given: Any
) -> tuple[int, Mapping[str, str]]:
    """The page to show after a post from page `at`, and what it has to say is wrong.

    `to` is the page that was asked for: a later one only once this one is right, none (Save) only once all
    are. Then there are no mistakes to say.
    """
    if to is None and mistakes:
        wrong = wrong_page(form, entered, mistakes, **given)
        return at if wrong is None else wrong, mistakes
    if to is not None and to > at:
        here = part(form, entered, page=at, **given).names
        if wrong_here := {name: words for name, words in mistakes.items() if name in here}:
            return at, wrong_here
    return at if to is None else to, {}


def names_of(question: Question) -> Iterator[str]:
    """The fields that its controls post."""
    yield question.name
    if question.other is not None:
        yield f"{question.name}~{OWN}"
    if question.unit is not None and question.unit.name:
        yield question.unit.name


def merged(entered: Entered, posted: Entered, names: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """What is entered once the page of those fields was posted: the other pages keep what they had."""
    return {name: values for name, values in entered.items() if name not in names} | dict(posted)


def _sheets(placed: Sequence[Placed]) -> list[list[Placed]]:
    """What stands on each page; items between the pages make a page of their own."""
    sheets: list[list[Placed]] = []
    alone = True
    for one in (one for one in placed if one.item.control not in _EVERYWHERE):
        is_page = one.item.control is Control.PAGE
        if is_page or alone:
            sheets.append([])
        sheets[-1].append(one)
        alone = is_page
    return sheets or [[]]


def _on_each(placed: Sequence[Placed], control: Control) -> list[Placed]:
    return [one for one in placed if one.item.control is control]


def _walk(placed: Placed) -> Iterator[Placed]:
    yield placed
    for child in placed.children:
        yield from _walk(child)


def _follows_a_post(placed: Placed) -> bool:
    item = placed.item
    return placed.when is None or item.enable_expression is not None or item.calculated is not None


def _told(below: Sequence[Question], mistakes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """In the order of the page, then what is wrong elsewhere."""
    here = {one.name: one.text for one in below if one.name in mistakes}
    for name, text in here.items():
        yield id_of(name), joined(" ", (text, mistakes[name]))
    yield from (("", sentence) for name, sentence in mistakes.items() if name not in here)
