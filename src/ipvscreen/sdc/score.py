"""A total from the weights of the options: all of it or none of it."""

from collections.abc import Sequence
from decimal import Decimal

from ipvscreen.sdc.answering.given import Answers
from ipvscreen.sdc.form import Item


def total(answers: Answers, link_ids: Sequence[str]) -> int | None:
    """The sum of the weights of the answers to these items.

    None unless every one was answered (passed is not answered), and for no items at all: an empty sum is
    not 0. ValueError if an answer has no weight, if one of them was answered in more than one place, or if
    the sum is not whole; KeyError for an unknown linkId.
    """
    items = [answers.form.item(link_id) for link_id in link_ids]
    if any(answer.link_id in link_ids and answer.link_id != field for field, answer in answers.given.items()):
        raise ValueError("An item that repeats has no one answer to weigh.")
    if not items or not all(answers.values(item.link_id) for item in items):
        return None
    found = sum(_weight(item, value) for item in items for value in answers.values(item.link_id))
    if found != int(found):
        raise ValueError("The weights do not add up to a whole number.")
    return int(found)


def _weight(item: Item, value: str) -> Decimal:
    for option in item.options:
        if option.value == value and option.weight is not None:
            return option.weight
    raise ValueError(f"An answer to item {item.link_id} has no weight.")
