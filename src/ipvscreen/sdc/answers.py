"""What was entered into a form, read strictly: nothing unknown passes, nothing is silently dropped."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ipvscreen.errors import AnswerNotOffered
from ipvscreen.sdc.form import Form, Item

PASS = "pass"  # noqa: S105  # not a password: what a control posts when the person would rather not answer

_INTEGER = re.compile(r"-?[0-9]{1,9}")  # nine digits: safely within FHIR's 32 bits


@dataclass(frozen=True, slots=True)
class Answer:
    """To one item: option codes, or one number or text; or `passed`, then without values."""

    link_id: str
    values: tuple[str, ...]
    passed: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """To one form; `given` holds only enabled items that were answered or passed, by linkId."""

    form: Form
    given: Mapping[str, Answer]

    def value(self, link_id: str) -> str | None:
        """The first value; None if the item was passed or left."""
        answer = self.given.get(link_id)
        return answer.values[0] if answer and answer.values else None

    def values(self, link_id: str) -> tuple[str, ...]:
        """Every value; none if the item was passed or left."""
        answer = self.given.get(link_id)
        return answer.values if answer else ()


def read_answers(form: Form, entered: Mapping[str, Sequence[str]]) -> Answers:
    """The answers among what the controls posted (linkId → option codes, a number, a text, or PASS).

    Empty texts are no answer; an answer to an item that is not enabled is left out. AnswerNotOffered for a
    linkId that is no question of the form, for a value that it does not offer, and for two answers where
    it takes one.
    """
    questions = {item.link_id: item for item in form.questions()}
    for link_id in entered:
        if link_id not in questions:
            raise AnswerNotOffered(link_id)
    cleaned = {link_id: _cleaned(values) for link_id, values in entered.items()}
    read = {link_id: _answer(questions[link_id], values) for link_id, values in cleaned.items() if values}
    enabled = _enabled(form, cleaned)
    return Answers(
        form, {link_id: read[link_id] for link_id in questions if link_id in read and link_id in enabled}
    )


def is_enabled(form: Form, item: Item, entered: Mapping[str, Sequence[str]]) -> bool:
    """Whether `item` is to be asked, given what was entered so far; not inside a group that is not."""
    return item.link_id in _enabled(form, entered)


def _enabled(form: Form, entered: Mapping[str, Sequence[str]]) -> frozenset[str]:
    found: set[str] = set()

    def visit(items: Sequence[Item]) -> None:
        for item in items:
            if _holds(item, entered, found):
                found.add(item.link_id)
                visit(item.items)

    visit(form.items)
    return frozenset(found)


def _holds(item: Item, entered: Mapping[str, Sequence[str]], enabled: set[str]) -> bool:
    """Whether its conditions are met; an answer to an item that is not enabled itself counts for nothing."""
    if not item.enable_when:
        return True
    met = [c.question in enabled and c.answer in entered.get(c.question, ()) for c in item.enable_when]
    return any(met) if item.enable_any else all(met)


def _cleaned(values: Sequence[str]) -> tuple[str, ...]:
    stripped = (value.strip() for value in values)
    return tuple(dict.fromkeys(value for value in stripped if value))


def _answer(item: Item, values: tuple[str, ...]) -> Answer:
    if values == (PASS,) and item.offers_pass:
        return Answer(item.link_id, (), passed=True)
    if (len(values) > 1 and not item.repeats) or not all(_offered(item, value) for value in values):
        raise AnswerNotOffered(item.link_id)
    return Answer(item.link_id, values)


def _offered(item: Item, value: str) -> bool:
    if item.type == "choice":
        return value in {option.value for option in item.options}
    if item.type == "integer":
        return _INTEGER.fullmatch(value) is not None and (
            item.min_value is None or int(value) >= item.min_value
        )
    return item.max_length is None or len(value) <= item.max_length
