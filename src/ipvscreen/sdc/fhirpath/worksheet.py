"""A copy of the response in which calculated answers are filled in, and what has changed since when."""

from bisect import insort_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipvscreen.sdc.fhirpath.response_index import ResponseIndex
from ipvscreen.sdc.form import Form, Item


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One instance of an item: `field` as controls name it, `ancestors` from the outermost to the parent.

    `body` is its QuestionnaireResponse.item, the very object that stands in the response; None where nothing
    is there yet. `answer` is the very QuestionnaireResponse.item.answer that it stands under, where its
    parent is a question.
    """

    item: Item
    field: str
    body: Mapping[str, Any] | None = None
    ancestors: tuple["Place", ...] = ()
    answer: Mapping[str, Any] | None = None


class Worksheet:
    """`version` grows with each change; `changed_at` tells for a linkId when it last changed."""

    def __init__(self, form: Form, response: Mapping[str, Any], places: Sequence[Place]) -> None:
        copies: dict[int, Any] = {}
        self.response: dict[str, Any] = _copied(response, copies)
        self.index = ResponseIndex(self.response, form.source)
        self.version = 0
        self.changed_at: dict[str, int] = {}
        self._order = {item.link_id: place for place, item in enumerate(form.walk())}
        self._copies = copies
        self._bodies = {place.field: copies[id(place.body)] for place in places if place.body is not None}

    def body(self, place: Place) -> dict[str, Any] | None:
        """Its item in the copy; None where nothing is there."""
        return self._bodies.get(place.field)

    def put(self, place: Place, elements: Sequence[Mapping[str, Any]]) -> None:
        """Makes `elements` its answers, and puts its item, and the groups around it, where there is none."""
        body = self._made(place) if elements else self.body(place)
        before = body.get("answer", []) if body else []
        if body is None or [_value(answer) for answer in before] == [*map(dict, elements)]:
            return
        body["answer"] = [
            {**element, **({"item": before[at]["item"]} if at < len(before) and "item" in before[at] else {})}
            for at, element in enumerate(elements)
        ]
        self.index.answered(body)
        self._note(place)
        for answer in before[len(elements) :]:
            self._lost(answer.get("item", []))

    def unchanged(self, since: int, links: frozenset[str] | None) -> bool:
        """Whether none of `links` (None: nothing at all) has changed after that version."""
        if links is None:
            return self.version == since
        return all(self.changed_at.get(link, 0) <= since for link in links)

    def _note(self, place: Place) -> None:
        self.version += 1
        self.changed_at[place.item.link_id] = self.version

    def _lost(self, items: Sequence[Mapping[str, Any]]) -> None:
        """These went with the answer that they stood under."""
        for item in items:
            self.index.forget()
            self.changed_at[item["linkId"]] = self.version
            for part in (item, *item.get("answer", [])):
                self._lost(part.get("item", []))

    def _made(self, place: Place) -> dict[str, Any] | None:
        body = self._bodies.get(place.field)
        parent = self._parent(place) if body is None else None
        if parent is None:
            return body
        body = self._bodies[place.field] = {"linkId": place.item.link_id}
        insort_right(parent.setdefault("item", []), body, key=lambda item: self._order.get(item["linkId"], 0))
        self.index.added(parent, body)
        self._note(place)
        return body

    def _parent(self, place: Place) -> dict[str, Any] | None:
        """The response, the group, or the answer that it stands under; None below a question without one."""
        if place.answer is not None:
            found: dict[str, Any] = self._copies[id(place.answer)]
            return found
        if not place.ancestors:
            return self.response
        above = place.ancestors[-1]
        if not above.item.is_question:
            return self._made(above)
        answers = (self.body(above) or {}).get("answer") or [None]
        first: dict[str, Any] | None = answers[0]
        return first


def _value(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in answer.items() if name != "item"}


def _copied(value: Any, copies: dict[int, Any]) -> Any:
    if isinstance(value, Mapping):
        made = copies[id(value)] = {name: _copied(part, copies) for name, part in value.items()}
        return made
    return [_copied(part, copies) for part in value] if isinstance(value, list) else value
