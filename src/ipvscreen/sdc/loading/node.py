"""FHIR JSON read strictly: each value with its path, and a refusal for whatever is not understood."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto
from typing import Any, TypeVar

from ipvscreen.errors import FormRefused

T = TypeVar("T")
U = TypeVar("U")


class Mode(Enum):
    """What becomes of a refusal."""

    RAISE = auto()  # a form is wanted that can be rendered faithfully
    GATHER = auto()  # a list is wanted of whatever stands against that
    LET_BE = auto()  # answers are to be checked; what is only rendered does not matter


@dataclass(slots=True)
class Report:
    """The refusals of one reading; `found` in the order in which they were met."""

    mode: Mode = Mode.RAISE
    found: list[FormRefused] = field(default_factory=list)

    def add(self, refused: FormRefused) -> None:
        """Raise it, keep it or let it be."""
        if self.mode is Mode.RAISE:
            raise refused
        self.found.append(refused)

    def fatal(self, refused: FormRefused) -> None:
        """The same, for what nothing can be checked without."""
        if self.mode is not Mode.GATHER:
            raise refused
        self.found.append(refused)


@dataclass(frozen=True, slots=True)
class Node:
    """One JSON object and its place, as FHIRPath writes it: `Questionnaire.item[2].answerOption[0]`."""

    body: Mapping[str, Any]
    path: str
    report: Report = field(default_factory=Report)

    def refuse(self, sentence: str, key: str | None = None) -> FormRefused:
        """What to raise about this object, or about one of its elements."""
        return FormRefused(f"{self.path}.{key}" if key else self.path, sentence)

    def note(self, sentence: str, key: str | None = None) -> None:
        """A refusal after which the rest can still be read."""
        self.report.add(self.refuse(sentence, key))

    def attempt(self, read: Callable[[], T], otherwise: U) -> T | U:
        """What `read` reads; `otherwise` where it refuses and the report does not raise."""
        try:
            return read()
        except FormRefused as refused:
            self.report.add(refused)
            return otherwise

    def only(self, known: Iterable[str]) -> None:
        """A refusal for each element that is not known: it could change the meaning."""
        allowed = frozenset(known)
        for key in self.body:
            if key not in allowed:
                self.note("is not supported.", key)

    def text(self, key: str) -> str:
        """A text that must be there."""
        value = self.optional_text(key)
        if value is None:
            raise self.refuse("is missing.", key)
        return value

    def optional_text(self, key: str) -> str | None:
        """A text, or None if there is none."""
        value = self.body.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.refuse("must be a text that is not empty.", key)
        return value

    def flag(self, key: str) -> bool:
        """True or false; false if there is none."""
        value = self.body.get(key, False)
        if not isinstance(value, bool):
            raise self.refuse("must be true or false.", key)
        return value

    def integer(self, key: str, *, least: int) -> int | None:
        """A whole number of at least `least`, or None if there is none."""
        value = self.body.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.refuse("must be a whole number.", key)
        if value < least:
            raise self.refuse(f"must be at least {least}.", key)
        return value

    def decimal(self, key: str) -> Decimal:
        """A finite number that must be there."""
        value = self.body.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise self.refuse("must be a number.", key)
        number = Decimal(str(value))  # str first: 0.1 as written, not as the nearest binary fraction
        if not number.is_finite():
            raise self.refuse("must be a finite number.", key)
        return number

    def child(self, key: str) -> "Node":
        """The object under `key`, which must be there."""
        return self._node(self.body.get(key), f"{self.path}.{key}")

    def children(self, key: str) -> Iterator["Node"]:
        """The objects of the list under `key`; nothing if there is none."""
        value = self.body.get(key, [])
        if not isinstance(value, list):
            raise self.refuse("must be a list.", key)
        for index, body in enumerate(value):
            yield self._node(body, f"{self.path}.{key}[{index}]")

    def each(self, key: str, read: Callable[["Node"], T]) -> tuple[T, ...]:
        """What `read` makes of each object of the list under `key`, without those that it refuses."""
        nodes = self.attempt(lambda: list(self.children(key)), list[Node]())
        found: list[T] = []
        for node in nodes:
            found += node.attempt(lambda node=node: [read(node)], [])  # type: ignore[misc]  # mypy #4226
        return tuple(found)

    def _node(self, body: object, path: str) -> "Node":
        if not isinstance(body, Mapping):
            raise FormRefused(path, "must be an object.")
        return Node(body, path, self.report)
