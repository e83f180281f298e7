"""What the controls of one question hold → its answer, or what is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from ipvscreen.errors import AnswerNotOffered
from ipvscreen.messages import message
from ipvscreen.sdc.answering.fields import OWN, UNIT, Spot, typed_again
from ipvscreen.sdc.answering.given import OTHER, PASS, Answer
from ipvscreen.sdc.answering.mistakes import mistake
from ipvscreen.sdc.answering.values import posted, posted_unit, shown, to_fhir, unit_of
from ipvscreen.sdc.form import Item

OWN_MISSING = message("Write your own answer, or choose another.")
GAP = message("Do not leave an answer empty before another.")
OWN_OR_OPTION = message("Choose one answer, or clear the one that you wrote.")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the controls of one place hold; texts are stripped, empty ones left out.

    `gap`: one was empty before another that was not, so that what stands under each answer has no place.
    """

    values: tuple[str, ...] = ()
    own: str = ""
    unit: str = ""
    gap: bool = False

    def __bool__(self) -> bool:
        """Whether anything was entered; a unit alone is not."""
        return bool(self.values or self.own)


def entry(spot: Spot, entered: Mapping[str, Sequence[str]]) -> Entry:
    """What was entered at a place."""
    values = tuple(value.strip() for value in entered.get(spot.field, ()))
    kept = tuple(value for value in values if value)
    gap = bool(spot.item.items) and values[: len(kept)] != kept
    if not typed_again(spot.item):
        kept = tuple(dict.fromkeys(kept))  # the same choice posted twice is one
    return Entry(kept, _first(entered, f"{spot.field}~{OWN}"), _first(entered, f"{spot.field}~{UNIT}"), gap)


def answered(spot: Spot, one: Entry, zone: tzinfo) -> Answer | str:
    """The answer, or the sentence that says what is wrong.

    AnswerNotOffered for a value that no control offers, and for two where one is taken.
    """
    item = spot.item
    if one.values == (PASS,) and item.offers_pass and not one.own:
        return Answer(item.link_id, (), passed=True, field=spot.field)
    if one.unit and unit_of(item, one.unit) is None:
        raise AnswerNotOffered(spot.field)
    chosen = _with_own(one)
    if any(not _offered(item, value) for value in one.values) or (len(one.values) > 1 and not item.repeats):
        raise AnswerNotOffered(spot.field)
    return next(_wrong(item, one, chosen, zone), None) or _answer(spot, one, chosen, zone)


def worked_out(spot: Spot, elements: Sequence[Mapping[str, object]], zone: tzinfo) -> Answer:
    """The answer that the form gives by itself: an initial or a calculated value."""
    values = tuple(posted(spot.item, element, zone=zone) for element in elements)
    return Answer(spot.item.link_id, values, field=spot.field, fhir=tuple(elements))


def as_entered(spot: Spot, elements: Sequence[Mapping[str, object]], zone: tzinfo) -> Entry:
    """What the controls hold that show these elements."""
    values = worked_out(spot, elements, zone).values
    own = [shown(element) for element, value in zip(elements, values, strict=True) if value == OTHER]
    units = [posted_unit(element) for element in elements]
    return Entry(values, ", ".join(own), units[0] if units else "")


def _first(entered: Mapping[str, Sequence[str]], field: str) -> str:
    return next((value.strip() for value in entered.get(field, ())), "")


def _with_own(one: Entry) -> tuple[str, ...]:
    """Own text that was typed is an answer, whether or not its choice was pressed."""
    return one.values if OTHER in one.values or not one.own else (*one.values, OTHER)


def _offered(item: Item, value: str) -> bool:
    if item.type == "boolean":
        return value in ("true", "false")
    if item.type not in ("choice", "open-choice"):
        return True
    return value in {option.value for option in item.options} or (item.is_open and value == OTHER)


def _wrong(item: Item, one: Entry, chosen: tuple[str, ...], zone: tzinfo) -> Iterator[str]:
    if one.gap and typed_again(item):
        yield GAP
    if OTHER in chosen and not one.own:
        yield OWN_MISSING
    if len(chosen) > 1 and not item.repeats:
        yield OWN_OR_OPTION
    if item.max_occurs is not None and len(chosen) > item.max_occurs:
        yield _at_most(item.max_occurs)
    alone = [option.display for option in item.options if option.exclusive and option.value in chosen]
    if alone and len(chosen) > 1:
        yield message("'{answer}' cannot be chosen together with another answer.", answer=alone[0])
    for text in _typed(item, one, chosen):
        wrong = mistake(item, text, unit=one.unit, zone=zone)
        if wrong is not None:
            yield wrong


def _typed(item: Item, one: Entry, chosen: tuple[str, ...]) -> tuple[str, ...]:
    if item.options or item.type in ("choice", "open-choice"):
        return (one.own,) if OTHER in chosen else ()
    return one.values


def _at_most(count: int) -> str:
    if count == 1:
        return message("Give at most one answer.")
    return message("Give at most {most} answers.", most=count)


def _answer(spot: Spot, one: Entry, chosen: tuple[str, ...], zone: tzinfo) -> Answer:
    texts = (one.own if value == OTHER else value for value in chosen)
    elements = tuple(to_fhir(spot.item, text, unit=one.unit, zone=zone) for text in texts)
    return Answer(spot.item.link_id, chosen, field=spot.field, fhir=elements)
