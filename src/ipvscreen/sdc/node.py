"""FHIR JSON read strictly: each value with its path, and a refusal for whatever is not understood."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ipvscreen.errors import FormRefused


@dataclass(frozen=True, slots=True)
class Node:
    """One JSON object and its place, as FHIRPath writes it: `Questionnaire.item[2].answerOption[0]`."""

    body: Mapping[str, Any]
    path: str

    def refuse(self, sentence: str, key: str | None = None) -> FormRefused:
        """What to raise about this object, or about one of its elements."""
        return FormRefused(f"{self.path}.{key}" if key else self.path, sentence)

    def only(self, known: Iterable[str]) -> None:
        """FormRefused if there is an element that is not known: it could change the meaning."""
        unknown = sorted(set(self.body) - set(known))
        if unknown:
            raise self.refuse("is not supported.", unknown[0])

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

    def integer(self, key: str) -> int | None:
        """A whole number, or None if there is none."""
        value = self.body.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.refuse("must be a whole number.", key)
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

    def _node(self, body: object, path: str) -> "Node":
        if not isinstance(body, Mapping):
            raise FormRefused(path, "must be an object.")
        return Node(body, path)
