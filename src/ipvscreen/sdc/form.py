"""A Questionnaire as a form: what is rendered and answered, refused when it cannot be done faithfully."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any


class Control(StrEnum):
    """questionnaire-itemControl, as far as it is rendered; DEFAULT is what the type suggests."""

    DEFAULT = "default"
    RADIO = "radio-button"
    DROP_DOWN = "drop-down"
    CHECK_BOX = "check-box"
    HELP = "help"
    HEADER = "header"
    FOOTER = "footer"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Code:
    """A Coding of a Questionnaire item or panel."""

    system: str
    code: str
    display: str | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that an item offers, from answerOption or a contained value set.

    `value` is what a form control posts for it: the code, or `system|code` where another option has the same
    code. `fhir` is the answer's element with its name, such as {"valueCoding": {…}}; of a Coding without the
    extensions that only score it. `weight` is its ordinalValue or itemWeight.
    """

    code: str
    display: str
    system: str | None = None
    weight: Decimal | None = None
    value: str = ""
    fhir: Mapping[str, Any] = field(default_factory=dict)
    prefix: str | None = None
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One enableWhen. `answer` is the answer[x] element with its name; {"answerBoolean": …} for `exists`."""

    question: str
    operator: str  # exists = != > < >= <=
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Variable:
    """A FHIRPath expression with the name under which later ones know its result."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class Constraint:
    """A targetConstraint: what must be true (FHIRPath), and the sentence to show where it is not."""

    key: str
    expression: str
    human: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that a quantity may be given in."""

    display: str
    system: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One item; `type` as FHIR R4 names it, all but `attachment`, which is validated and not rendered.

    Values (`min_value`, `initial`) are value[x] elements with their names. `html` is the sanitised rendering
    of the text where it has one; without it `text` is what is shown.
    """

    link_id: str
    text: str
    type: str
    options: tuple[Option, ...] = ()
    code: tuple[Code, ...] = ()
    required: bool = False
    repeats: bool = False
    max_length: int | None = None
    min_length: int | None = None
    regex: str | None = None
    min_value: Mapping[str, Any] | None = None
    max_value: Mapping[str, Any] | None = None
    max_decimal_places: int | None = None
    min_occurs: int | None = None
    max_occurs: int | None = None
    enable_when: tuple[Condition, ...] = ()
    enable_any: bool = False
    enable_expression: str | None = None
    control: Control = Control.DEFAULT
    horizontal: bool | None = None
    prefix: str | None = None
    html: str | None = None
    hidden: bool = False
    read_only: bool = False
    initial: tuple[Mapping[str, Any], ...] = ()
    initial_expression: str | None = None
    calculated: str | None = None
    variables: tuple[Variable, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    unit: Unit | None = None  # the one unit of a quantity, or of a number, where it is shown beside it
    units: tuple[Unit, ...] = ()
    unit_open: bool = False  # whether another unit may be typed
    references: tuple[str, ...] = ()  # resource types that a reference may point to; any if empty
    max_size: Decimal | None = None  # bytes of an attachment
    mime_types: tuple[str, ...] = ()
    unchecked_options: bool = False  # bound to a value set that is not at hand: codes cannot be checked
    value_set: str | None = None  # the url of that value set
    unit_value_set: str | None = None  # the same of a quantity's units
    items: tuple["Item", ...] = ()

    @property
    def is_question(self) -> bool:
        """Whether it can be answered."""
        return self.type not in ("group", "display")

    @property
    def offers_pass(self) -> bool:
        """Whether 'pass' is an answer: on every choice and yes-or-no that is not required, shown at once."""
        return self.type in ("choice", "boolean") and not (self.required or self.read_only)

    @property
    def is_open(self) -> bool:
        """Whether an answer of one's own may be typed beside the options."""
        return self.type == "open-choice"


@dataclass(frozen=True)
class Form:
    """A Questionnaire that can be rendered faithfully; `name` is its Questionnaire.name in lower case,
    or its id or the end of its url; `version` and `copyright` are empty where it has none.

    `launch` names the launchContext that its expressions may use (patient, user, encounter). `source` is the
    Questionnaire itself, for expressions that ask it.
    """

    name: str
    url: str
    version: str
    title: str
    copyright: str
    code: tuple[Code, ...] = ()
    items: tuple[Item, ...] = field(default=())
    language: str | None = None
    variables: tuple[Variable, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    launch: tuple[str, ...] = ()
    source: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def canonical(self) -> str:
        """`url|version`, as QuestionnaireResponse.questionnaire wants it; `url` where there is no version."""
        return f"{self.url}|{self.version}" if self.version else self.url

    def walk(self) -> Iterator[Item]:
        """Every item, parents first."""
        stack = list(reversed(self.items))
        while stack:
            item = stack.pop()
            yield item
            stack.extend(reversed(item.items))

    @cached_property
    def _by_link_id(self) -> Mapping[str, Item]:
        return {item.link_id: item for item in self.walk()}

    def questions(self) -> tuple[Item, ...]:
        """Every item that can be answered, in order."""
        return tuple(item for item in self.walk() if item.is_question)

    def item(self, link_id: str) -> Item:
        """The item of that linkId; KeyError if there is none."""
        return self._by_link_id[link_id]
