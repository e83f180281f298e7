"""Long lists, a page at a time: what comes first stands on the first, and each says how many there are."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

PER_PAGE = 50
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")

_One = TypeVar("_One")


@dataclass(frozen=True, slots=True)
class Part(Generic[_One]):
    """One page of a list: `number` of `pages`, which count from 1, of `total` in all."""

    rows: Sequence[_One]
    number: int
    pages: int
    total: int
    name: str

    @property
    def before(self) -> int | None:
        """The page before; None on the first."""
        return self.number - 1 if self.number > 1 else None

    @property
    def after(self) -> int | None:
        """The next page; None on the last."""
        return self.number + 1 if self.number < self.pages else None


def part_of(rows: Sequence[_One], asked: Mapping[str, str], name: str = "page") -> Part[_One]:
    """The page that the address asks for by that `name`; the first where it asks for none that is a number.

    The last one for a number beyond it: while somebody read, what stood there may have been seen to.
    """
    said = asked.get(name, "")
    pages = max(1, -(-len(rows) // PER_PAGE))
    number = min(int(said), pages) if _NUMBER.fullmatch(said) else 1
    first = (number - 1) * PER_PAGE
    return Part(rows[first : first + PER_PAGE], number, pages, len(rows), name)
