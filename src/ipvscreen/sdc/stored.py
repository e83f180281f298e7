"""A stored response back in the controls of its form: the other way of `response_items`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from ipvscreen.errors import AnswerNotOffered
from ipvscreen.sdc.answering.entry import as_entered
from ipvscreen.sdc.answering.fields import OWN, UNIT, Spot, field_name
from ipvscreen.sdc.answering.filling import Launch
from ipvscreen.sdc.answers import PASS, read_answers
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.response import ASKED_DECLINED, DATA_ABSENT_REASON, response_items

Entered = dict[str, tuple[str, ...]]
_WORDS = frozenset({"text", "display"})  # what a translation changes, and no answer


def entered_from(
    form: Form, items: Sequence[Mapping[str, Any]], *, launch: Launch | None = None, now: datetime
) -> Entered | None:
    """What the controls held when this was answered, by field; `now` is the time of the answers.

    None where the form would not say exactly the same again: then nobody can tell what saving it anew would
    change besides the answer that is to be corrected.
    """
    try:
        entered = dict(_all(form, items, (), now.tzinfo or UTC))
        again = response_items(read_answers(form, entered, launch=launch, now=now))
    except (AnswerNotOffered, KeyError, TypeError, ValueError, AttributeError):
        return None
    return entered if without_words(again) == without_words(list(items)) else None


def without_words(value: Any) -> Any:
    """The same without texts and displays, which are in the language of the page."""
    if isinstance(value, Mapping):
        return {name: without_words(part) for name, part in value.items() if name not in _WORDS}
    return [without_words(part) for part in value] if isinstance(value, list) else value


def _all(
    form: Form, items: Iterable[Mapping[str, Any]], numbers: tuple[int, ...], zone: tzinfo
) -> Iterator[tuple[str, tuple[str, ...]]]:
    places: Counter[str] = Counter()
    for body in items:
        item = form.item(body["linkId"])
        places[item.link_id] += 1
        if item.type == "group":
            inner = (*numbers, places[item.link_id]) if item.repeats else numbers
            yield from _all(form, body.get("item", ()), inner, zone)
            continue
        spot = Spot(item, numbers, field_name(item.link_id, numbers))
        if not (item.read_only or item.hidden or item.calculated):  # those the form gives by itself
            yield from _one(spot, body, zone)
        for place, answer in enumerate(body.get("answer", ()), start=1):
            below = (*numbers, place) if item.repeats else numbers
            yield from _all(form, answer.get("item", ()), below, zone)


def _one(spot: Spot, body: Mapping[str, Any], zone: tzinfo) -> Iterator[tuple[str, tuple[str, ...]]]:
    if any(_declined(extension) for extension in body.get("extension", ())):
        yield spot.field, (PASS,)
        return
    given = body.get("answer", ())
    elements = [{name: value for name, value in one.items() if name.startswith("value")} for one in given]
    held = as_entered(spot, elements, zone)
    for part, values in (("", held.values), (OWN, (held.own,)), (UNIT, (held.unit,))):
        if any(values):
            yield (f"{spot.field}~{part}" if part else spot.field), values


def _declined(extension: Mapping[str, Any]) -> bool:
    return extension.get("url") == DATA_ABSENT_REASON and extension.get("valueCode") == ASKED_DECLINED
