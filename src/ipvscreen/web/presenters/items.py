"""Items of a form as controls: named by linkId, with the keys that answer them and when they show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ipvscreen.sdc.answers import PASS
from ipvscreen.sdc.form import Form, Item, Option

_KEYS = {"yes": "y", "no": "n"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One radio or checkbox; `key` is the letter that chooses it, or empty."""

    value: str
    label: str
    key: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Question:
    """One item. `when` is "name=value name=value": the script hides it until all of these are chosen."""

    name: str
    text: str
    control: str  # radio, checkbox, number, text
    choices: tuple[Choice, ...] = ()
    value: str = ""
    when: str = ""
    any: bool = False
    follows: bool = False


def questions(
    form: Form, entered: Mapping[str, tuple[str, ...]], *, but: str | None = None
) -> tuple[Question, ...]:
    """The questions of a form as far as it has been entered, all `but` one linkId."""
    wanted = (item for item in form.questions() if item.link_id != but)
    return tuple(_question(item, entered.get(item.link_id, ())) for item in wanted)


def when_all_no(form: Form) -> str:
    """The condition "every yes-or-no item of this form is answered no"; empty if it has none."""
    return " ".join(_noes(form))


def _noes(form: Form) -> Iterator[str]:
    for item in form.questions():
        no = next((option.value for option in item.options if _key(option) == "n"), None)
        if no is not None:
            yield f"{item.link_id}={no}"


def _question(item: Item, values: tuple[str, ...]) -> Question:
    chosen = item.type == "choice"
    return Question(
        name=item.link_id,
        text=item.text,
        control=_control(item),
        choices=tuple(_choices(item, values)) if chosen else (),
        value="" if chosen else next(iter(values), ""),
        when=" ".join(f"{condition.question}={condition.answer}" for condition in item.enable_when),
        any=item.enable_any,
        follows=bool(item.enable_when),
    )


def _control(item: Item) -> str:
    if item.type != "choice":
        return "number" if item.type == "integer" else "text"
    return "checkbox" if item.repeats else "radio"


def _choices(item: Item, values: tuple[str, ...]) -> Iterator[Choice]:
    for option in item.options:
        yield Choice(option.value, option.display, _key(option), option.value in values)
    if item.offers_pass:
        yield Choice(PASS, "Pass", "p", PASS in values)


def _key(option: Option) -> str:
    return _KEYS.get(option.display.casefold(), "")
