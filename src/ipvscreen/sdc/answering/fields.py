"""The names of controls, and every place of a form that they stand for: `link`, `link~2.3`, `link~2~unit`."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as made
from functools import cached_property

from ipvscreen.errors import AnswerNotOffered
from ipvscreen.sdc.form import Form, Item

UNIT, OWN = "unit", "other"
PARTS = frozenset({UNIT, OWN})
MOST_PLACES = 50  # of one repeating group: more are hard to read, and a hostile number would fill the memory

_NUMBERS = re.compile(r"[1-9][0-9]{0,3}(\.[1-9][0-9]{0,3})*")


def field_name(link_id: str, numbers: tuple[int, ...] = (), part: str = "") -> str:
    """The name of a control; `numbers` count the places of everything around it that repeats, from 1."""
    placed = "" if all(number == 1 for number in numbers) else f"~{'.'.join(map(str, numbers))}"
    return f"{link_id}{placed}~{part}" if part else f"{link_id}{placed}"


def typed_again(item: Item) -> bool:
    """Whether it repeats by having a control for each answer, not by ticking more than one option."""
    return item.repeats and item.is_question and not item.options and item.type != "boolean"


@dataclass(frozen=True, slots=True)
class Name:
    """A field taken apart; `numbers` has one number for each thing around it that repeats."""

    item: Item
    numbers: tuple[int, ...]
    part: str = ""

    @property
    def field(self) -> str:
        """The field without its part."""
        return field_name(self.item.link_id, self.numbers)


@dataclass(slots=True, eq=False)
class Spot:
    """One place of an item. `under` is the answer of its parent that it stands under, counted from 1.

    Display items stand under their question, not under one of its answers: then it is 0, as in a group.
    """

    item: Item
    numbers: tuple[int, ...]
    field: str
    parent: "Spot | None" = None
    under: int = 0
    fixed: bool = False  # hidden, read-only or calculated, or inside such a group: nobody can enter it
    hidden: bool = False
    children: list["Spot"] = made(default_factory=list)

    def line(self) -> Iterator["Spot"]:
        """What it stands in, from its parent outwards."""
        around = self.parent
        while around is not None:
            yield around
            around = around.parent


@dataclass(frozen=True)
class Places:
    """Every place of a form, in document order."""

    roots: tuple[Spot, ...]

    @cached_property
    def all(self) -> tuple[Spot, ...]:
        """Parents first."""
        found, stack = [], list(reversed(self.roots))
        while stack:
            spot = stack.pop()
            found.append(spot)
            stack.extend(reversed(spot.children))
        return tuple(found)

    @cached_property
    def by_field(self) -> Mapping[str, Spot]:
        """By the name of its control."""
        return {spot.field: spot for spot in self.all}

    @cached_property
    def position(self) -> Mapping[str, int]:
        """By field, where it comes in the document."""
        return {spot.field: place for place, spot in enumerate(self.all)}

    @cached_property
    def by_link_id(self) -> Mapping[str, tuple[Spot, ...]]:
        """Every place of one item, in document order."""
        found: dict[str, list[Spot]] = {}
        for spot in self.all:
            found.setdefault(spot.item.link_id, []).append(spot)
        return {link_id: tuple(spots) for link_id, spots in found.items()}

    @cached_property
    def _by_group(self) -> Mapping[tuple[str, tuple[int, ...]], tuple[Spot, ...]]:
        found: dict[tuple[str, tuple[int, ...]], list[Spot]] = {}
        for spot in self.all:
            found.setdefault((spot.item.link_id, spot.numbers[:-1]), []).append(spot)
        return {group: tuple(spots) for group, spots in found.items()}

    def beside(self, spot: Spot) -> tuple[Spot, ...]:
        """The places of a repeating group around `spot`, one of them, that stand in the same thing."""
        return self._by_group[spot.item.link_id, spot.numbers[:-1]]


class Names:
    """Fields of one form, taken apart."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._around = _around(form)

    def read(self, name: str) -> Name:
        """What a field stands for; AnswerNotOffered if it names no question of the form."""
        link_id, *rest = name.split("~")
        part = rest.pop() if rest and rest[-1] in PARTS else ""
        around = self._around.get(link_id)
        if around is None or not self._form.item(link_id).is_question:
            raise AnswerNotOffered(name)
        numbers = _numbers(rest, len(around))
        item = self._form.item(link_id)
        fits = {"": True, UNIT: item.type == "quantity", OWN: item.is_open}[part]
        if numbers is None or not fits or field_name(link_id, numbers, part) != name:
            raise AnswerNotOffered(name)
        return Name(item, numbers, part)

    def counts(self, names: Iterable[Name]) -> Mapping[tuple[str, tuple[int, ...]], int]:
        """How many places each thing that repeats has at least, by linkId and the numbers around it."""
        found: dict[tuple[str, tuple[int, ...]], int] = {}
        for name in names:
            for depth, item in enumerate(self._around[name.item.link_id]):
                key = (item.link_id, name.numbers[:depth])
                found[key] = max(found.get(key, 0), name.numbers[depth])
        return found


def size(form: Form) -> int:
    """How many places an empty form has, known without making them: nested, they multiply."""
    total, stack = 0, [(item, 1) for item in form.items]
    while stack:
        item, around = stack.pop()
        here = around * (_least(item) if item.type == "group" and item.repeats else 1)
        answers = len(item.options) + item.is_open if item.repeats and item.options else 1
        total += here
        stack.extend((child, here if _beside(item, child) else here * answers) for child in item.items)
    return total


def _least(item: Item) -> int:
    return min(max(1, item.min_occurs or 0), item.max_occurs or MOST_PLACES, MOST_PLACES)


def _around(form: Form) -> Mapping[str, tuple[Item, ...]]:
    """By linkId what around an item repeats, from the outermost, a repeating group itself included."""
    found: dict[str, tuple[Item, ...]] = {}
    stack: list[tuple[Item, tuple[Item, ...]]] = [(item, ()) for item in form.items]
    while stack:
        item, outer = stack.pop()
        inner = (*outer, item) if item.repeats else outer
        found[item.link_id] = inner if item.type == "group" else outer
        stack.extend((child, outer if _beside(item, child) else inner) for child in item.items)
    return found


def _beside(parent: Item, child: Item) -> bool:
    """Whether it stands under the question itself: help and headings are shown once, not with each answer."""
    return parent.is_question and child.type == "display"


def _numbers(rest: list[str], count: int) -> tuple[int, ...] | None:
    if not rest:
        return (1,) * count
    if len(rest) > 1 or not _NUMBERS.fullmatch(rest[0]):
        return None
    numbers = tuple(int(number) for number in rest[0].split("."))
    return numbers if len(numbers) == count else None


@dataclass(frozen=True, slots=True)
class Grower:
    """Lays out the places of a form: `counts` from Names.counts, `typed` how many answers a field holds.

    `more` is the field of one group that gets one place more.
    """

    counts: Mapping[tuple[str, tuple[int, ...]], int]
    typed: Mapping[str, int]
    more: str | None = None

    def places(self, form: Form) -> Places:
        """Every place."""
        return Places(tuple(spot for item in form.items for spot in self._spots(item, (), None)))

    def _spots(self, item: Item, numbers: tuple[int, ...], parent: Spot | None, under: int = 0) -> list[Spot]:
        if item.type != "group" or not item.repeats:
            return [self._spot(item, numbers, parent, under)]
        count = self._count(item, numbers)
        return [self._spot(item, (*numbers, number), parent, under) for number in range(1, count + 1)]

    def _count(self, item: Item, numbers: tuple[int, ...]) -> int:
        most = min(item.max_occurs or MOST_PLACES, MOST_PLACES)
        count = min(max(_least(item), self.counts.get((item.link_id, numbers), 0)), most)
        names = (field_name(item.link_id, (*numbers, number)) for number in range(1, count + 1))
        return min(count + 1, most) if self.more is not None and self.more in names else count

    def _spot(self, item: Item, numbers: tuple[int, ...], parent: Spot | None, under: int) -> Spot:
        hidden = item.hidden or (parent is not None and parent.hidden)
        fixed = hidden or item.read_only or item.calculated is not None
        outer = parent is not None and parent.fixed and not parent.item.is_question
        spot = Spot(item, numbers, field_name(item.link_id, numbers), parent, under, fixed or outer, hidden)
        for child in item.items:
            for inner, answer in self._under(spot, child):
                spot.children.extend(self._spots(child, inner, spot, answer))
        return spot

    def _under(self, spot: Spot, child: Item) -> Iterator[tuple[tuple[int, ...], int]]:
        """The numbers and the answer under which a child stands: once, or with each answer."""
        item = spot.item
        if not item.is_question or _beside(item, child):
            yield spot.numbers, 0
        elif not item.repeats:
            yield spot.numbers, 1
        else:
            for answer in range(1, self.answers(spot) + 1):
                yield (*spot.numbers, answer), answer

    def answers(self, spot: Spot) -> int:
        """How many answers of a repeating question may have items of their own: all options, or all typed."""
        item = spot.item
        if item.options:
            return len(item.options) + item.is_open
        return min(max(1, self.typed.get(spot.field, 0)), MOST_PLACES)
