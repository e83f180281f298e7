"""Where an expression stands while it is evaluated, and how much it may still do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

MOST_STEPS = 100_000  # about a third of a second
MOST_ELEMENTS = 50_000
LONGEST_TEXT = 100_000  # characters


class Fault(ValueError):
    """Why an expression has no result, in a sentence that holds nothing of what it worked on."""


@dataclass(slots=True)
class Work:
    """Shared by all frames of one evaluation."""

    now: datetime | None = None
    index: Any = None
    steps: int = MOST_STEPS

    def spend(self, steps: int) -> None:
        """Counts what is done. Fault once it is too much."""
        self.steps -= steps
        if self.steps < 0:
            raise Fault("The expression takes too long.")


@dataclass(frozen=True, slots=True)
class Frame:
    """`this` is $this; `root` is what the expression was given; `index` and `total` are $index and $total."""

    names: Mapping[str, list[Any]]
    root: list[Any]
    this: list[Any]
    work: Work = field(default_factory=Work)
    index: int | None = None
    total: list[Any] | None = None

    def at(self, element: Any, index: int) -> "Frame":
        """The frame for one element of a collection."""
        return Frame(self.names, self.root, [element], self.work, index, self.total)

    def with_this(self, this: list[Any]) -> "Frame":
        """The same place with another $this."""
        return replace(self, this=this)

    def with_total(self, total: list[Any]) -> "Frame":
        """The same place with another $total."""
        return replace(self, total=total)


Function = Callable[..., list[Any]]
Step = Callable[[Frame, list[Any]], list[Any]]


def single(values: list[Any]) -> Any:
    """The one value; None if there is none. Fault for several."""
    if len(values) > 1:
        raise Fault("The expression needs one value where there are several.")
    return values[0] if values else None


def bounded(values: list[Any]) -> list[Any]:
    """`values`, unless there are too many of them or a text among them is too long."""
    if len(values) > MOST_ELEMENTS:
        raise Fault("The expression finds too many elements.")
    if any(isinstance(value, str) and len(value) > LONGEST_TEXT for value in values):
        raise Fault("The expression makes too long a text.")
    return values
