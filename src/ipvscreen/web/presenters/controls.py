"""How one item is typed or chosen: which control, which choices, which unit."""

from dataclasses import dataclass

from ipvscreen.messages import message
from ipvscreen.sdc.answering.fields import UNIT
from ipvscreen.sdc.answering.given import OTHER, PASS
from ipvscreen.sdc.answering.values import unit_value
from ipvscreen.sdc.form import Control, Item, Option, Unit
from ipvscreen.sdc.layout import Placed

MOST_SHOWN = 12  # options beside each other; more of them go into a list that opens

_KEYS = {"yes": "y", "no": "n", "oui": "y", "non": "n", "ja": "y", "nee": "n"}
_CHOSEN = frozenset({"choice", "open-choice", "boolean"})


@dataclass(frozen=True, slots=True)
class Choice:
    """One radio, checkbox or line of a list; `key` is the letter that chooses it, or empty."""

    value: str
    label: str
    key: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Inputs:
    """How a text is typed: the input's type, the keyboard that a tablet shows, and a word on what fits."""

    type: str = "text"
    mode: str = "text"
    hint: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class UnitField:
    """The unit beside a number: one that is fixed, or choices (`typed`: or one's own) in a field."""

    name: str
    fixed: str = ""
    choices: tuple[Choice, ...] = ()
    typed: bool = False
    value: str = ""


TEXT = Inputs()
# Numbers are typed as text: an input of type "number" posts nothing at all where something else was typed.
_INPUTS = {
    "integer": Inputs(mode="numeric"),
    "decimal": Inputs(mode="decimal"),
    "quantity": Inputs(mode="decimal"),
    "date": Inputs(type="date"),
    "dateTime": Inputs(type="datetime-local"),
    "time": Inputs(type="time"),
    "string": Inputs(wide=True),
    "url": Inputs(mode="url", hint=message("Such as https://example.org"), wide=True),
    "reference": Inputs(hint=message("Such as Patient/123"), wide=True),
}
# The lengths of what each of the browsers' own pickers can show: anything else is typed.
_PICKED = {"date": (10,), "datetime-local": (16, 19), "time": (5, 8)}
_PRINTED = {"group": "group", "display": "display", "text": "textarea"}


def control(placed: Placed) -> str:
    """The name under which components/question.html prints it."""
    item = placed.item
    if item.control in (Control.HELP, Control.HEADER, Control.FOOTER):
        return item.control.value
    if item.is_question and placed.read_only:
        return "shown"
    if is_chosen(item):
        return _chooser(placed)
    return _PRINTED.get(item.type, "input")


def is_chosen(item: Item) -> bool:
    """Whether it is answered by choosing: also a number or a text that offers its answers."""
    return item.type in _CHOSEN or bool(item.options)


def _chooser(placed: Placed) -> str:
    item = placed.item
    if item.repeats:
        return "checkbox"
    long = len(item.options) > MOST_SHOWN and item.control is not Control.RADIO
    return "select" if long or item.control is Control.DROP_DOWN else "radio"


def choices(placed: Placed) -> tuple[Choice, ...]:
    """What can be chosen, a pass among it where it is an answer."""
    item, values = placed.item, placed.values
    if not is_chosen(item):
        return ()
    offered = [(option.value, label(option)) for option in item.options]
    if item.type == "boolean":
        offered = [("true", message("Yes")), ("false", message("No"))]
    if item.is_open:
        offered.append((OTHER, message("Other")))
    made = [Choice(value, words, key(words), value in values) for value, words in offered]
    if item.offers_pass:
        made.append(Choice(PASS, message("Pass"), "p", PASS in values))
    return tuple(made)


def label(option: Option) -> str:
    """An option's words with what stands before them, as in "a) Yes"."""
    return f"{option.prefix} {option.display}" if option.prefix else option.display


def key(display: str) -> str:
    """The letter that chooses an option of those words; empty if none does."""
    return _KEYS.get(display.casefold(), "")


def values(placed: Placed) -> tuple[str, ...]:
    """What stands in the fields, or in words what is only shown."""
    if placed.read_only:
        return tuple(_words(placed, value) for value in placed.values)
    if is_chosen(placed.item) or not placed.item.is_question:
        return ()
    return placed.values or ("",)


def _words(placed: Placed, value: str) -> str:
    if value == OTHER:
        return placed.other
    chosen = next((choice.label for choice in choices(placed) if choice.value == value), value)
    unit = placed.unit or (placed.item.unit.display if placed.item.unit else "")
    return f"{chosen} {unit}".strip()


def inputs(placed: Placed) -> Inputs:
    """How it is typed; what a browser's picker could not show is typed as text, so that it is not lost."""
    made = _INPUTS.get(placed.item.type, TEXT)
    lengths = _PICKED.get(made.type)
    if lengths and any(value and len(value) not in lengths for value in placed.values):
        return Inputs()
    return made


def unit(placed: Placed) -> UnitField | None:
    """The unit that a number is given in, where the form names one or lets one be named."""
    item = placed.item
    if placed.read_only:
        return None
    offered = item.units or ((item.unit,) if item.unit else ())
    if len(offered) == 1 and not item.unit_open:
        return UnitField("", fixed=offered[0].display)
    if not offered and not item.unit_open:
        return None
    choices = tuple(_unit_choice(one, placed.unit) for one in offered)
    return UnitField(f"{placed.field}~{UNIT}", choices=choices, typed=item.unit_open, value=placed.unit)


def _unit_choice(unit: Unit, chosen: str) -> Choice:
    value = unit_value(unit)
    return Choice(value, unit.display, "", value == chosen)
