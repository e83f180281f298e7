"""What was answered in a form: by field, as its controls posted it and as FHIR says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as made
from typing import Any

from ipvscreen.sdc.form import Form

PASS = "pass"  # noqa: S105  # not a password: what a control posts when the person would rather not answer
OTHER = "~other"  # the choice of an own text beside the options


@dataclass(frozen=True, slots=True)
class Answer:
    """To one item: option values, or numbers or texts; or `passed`, then without values.

    `field` is its linkId with the numbers of the repeated groups that it stands in. `fhir` are the values as
    value[x] elements, of numbers as Decimal. Own text beside options is OTHER among the values.
    """

    link_id: str
    values: tuple[str, ...]
    passed: bool = False
    field: str = ""
    fhir: tuple[Mapping[str, Any], ...] = made(default=(), compare=False)

    def __post_init__(self) -> None:
        """Without repeated groups a field is named as its item."""
        if not self.field:
            object.__setattr__(self, "field", self.link_id)


@dataclass(frozen=True, slots=True)
class Answers:
    """To one form; `given` holds only enabled items that were answered, passed or worked out, by field.

    `mistakes`: what is wrong, or still missing, by field (of the form as a whole under ""), one sentence
    each; a value that is wrong is not given. `enabled`: every item to be asked or shown. `calculated`: what
    the form worked out by itself. `failed`: why it could not, in a sentence; then nothing is calculated, no
    constraint is held against the answers, and what an expression would hide is shown.
    """

    form: Form
    given: Mapping[str, Answer]
    mistakes: Mapping[str, str] = made(default_factory=dict)
    enabled: frozenset[str] = frozenset()
    calculated: frozenset[str] = frozenset()
    failed: str = ""

    def value(self, name: str) -> str | None:
        """The first value; None if the item was passed or left."""
        answer = self.given.get(name)
        return answer.values[0] if answer and answer.values else None

    def values(self, name: str) -> tuple[str, ...]:
        """Every value; none if the item was passed or left."""
        answer = self.given.get(name)
        return answer.values if answer else ()
