"""A Questionnaire as a form: what is rendered and answered, refused when it cannot be done faithfully."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Code:
    """A Coding of a Questionnaire item or panel."""

    system: str
    code: str
    display: str | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One answerOption: its Coding, and its ordinalValue if it has one."""

    code: str
    display: str
    system: str | None = None
    weight: Decimal | None = None

    @property
    def value(self) -> str:
        """What a form control posts for this option."""
        return self.code


@dataclass(frozen=True, slots=True)
class Condition:
    """One enableWhen: the item answered with this code (operator `=`)."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Item:
    """One item. `type` is group, display, choice, integer or string."""

    link_id: str
    text: str
    type: str
    options: tuple[Option, ...] = ()
    code: tuple[Code, ...] = ()
    required: bool = False
    repeats: bool = False
    max_length: int | None = None
    min_value: int | None = None
    enable_when: tuple[Condition, ...] = ()
    enable_any: bool = False
    items: tuple["Item", ...] = ()

    @property
    def is_question(self) -> bool:
        """Whether it can be answered."""
        return self.type not in ("group", "display")

    @property
    def offers_pass(self) -> bool:
        """Whether 'pass' is an answer: on every choice that is not required."""
        return self.type == "choice" and not self.required


@dataclass(frozen=True, slots=True)
class Form:
    """A Questionnaire that can be rendered faithfully; `name` is its Questionnaire.name in lower case."""

    name: str
    url: str
    version: str
    title: str
    copyright: str
    code: tuple[Code, ...] = ()
    items: tuple[Item, ...] = field(default=())

    @property
    def canonical(self) -> str:
        """`url|version`, as QuestionnaireResponse.questionnaire wants it."""
        return f"{self.url}|{self.version}"

    def walk(self) -> Iterator[Item]:
        """Every item, parents first."""
        stack = list(reversed(self.items))
        while stack:
            item = stack.pop()
            yield item
            stack.extend(reversed(item.items))

    def questions(self) -> tuple[Item, ...]:
        """Every item that can be answered, in order."""
        return tuple(item for item in self.walk() if item.is_question)

    def item(self, link_id: str) -> Item:
        """The item of that linkId; KeyError if there is none."""
        for item in self.walk():
            if item.link_id == link_id:
                return item
        raise KeyError(link_id)
