"""One record of an HSDS file: its texts, what hangs on it, and where in the file it stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Node:
    """`texts`: scalars as text, trimmed; `below`: nested records, and linked rows alike, by HSDS's name.

    `odd` holds a sentence where the record itself cannot be relied on.
    """

    place: str
    texts: Mapping[str, str]
    below: Mapping[str, tuple["Node", ...]] = field(default_factory=dict)
    odd: str = ""

    def text(self, name: str) -> str:
        """The text of that name, or an empty one."""
        return self.texts.get(name, "")

    def all(self, name: str) -> tuple["Node", ...]:
        """What hangs on it by that name."""
        return self.below.get(name, ())

    def walk(self, name: str) -> Iterator["Node"]:
        """What hangs on it by that name, at any depth."""
        for key, nodes in self.below.items():
            for node in nodes:
                if key == name:
                    yield node
                yield from node.walk(name)
