"""A QuestionnaireResponse known by heart: items by linkId, and the item that each answer belongs to."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from ipvscreen.sdc.fhirpath.elements import bare, node
from ipvscreen.sdc.fhirpath.weights import Weights, weights_of

ITEM = "QuestionnaireResponse.item"


class ResponseIndex:
    """Of one response; built where it is first asked, and told of what is added (`added`).

    Elements are known by their identity; what is held here cannot be replaced by another of the same id.
    """

    def __init__(self, response: Any, questionnaire: Mapping[str, Any] | None = None) -> None:
        self._response = response
        self._questionnaire = questionnaire
        self._found: dict[tuple[str, int], tuple[Any, dict[str, list[Any]]]] = {}

    @cached_property
    def weights(self) -> Weights:
        """Of the Questionnaire's options."""
        return weights_of(self._questionnaire or {})

    @cached_property
    def _links(self) -> dict[int, tuple[Any, str]]:
        """By the id of an answer or of its value: the object itself, and the linkId of its item."""
        return {id(part): (part, link) for link, part in _answers(self._response)}

    def weight(self, element: Any, key: Any) -> Any:
        """The weight of the option that an answer or Coding of the response was given from; None without."""
        _, link = self._links.get(id(element), (None, ""))
        return self.weights.get(link, {}).get(key)

    def bucket(self, parent: Any, axis: str, elements: Any) -> dict[str, list[Any]]:
        """What `elements()` finds from `parent`, by linkId; asked once for each parent and axis."""
        data = bare(parent)
        known = self._found.get((axis, id(data)))
        if known is None:
            buckets: dict[str, list[Any]] = {}
            for element in elements():
                link = _link_of(element)
                if isinstance(link, str):
                    buckets.setdefault(link, []).append(element)
            known = self._found[axis, id(data)] = (data, buckets)
        return known[1]

    def added(self, parent: Any, item: Mapping[str, Any]) -> None:
        """`item`, with no items of its own, was put among the items of `parent`."""
        link = item["linkId"]
        for key in [key for key in self._found if key[0] != "item" or key[1] == id(parent)]:
            _, buckets = self._found[key]
            if link in buckets or key[1] not in (id(parent), id(self._response)):
                del self._found[key]
            else:
                buckets[link] = [node(item, ITEM)]

    def forget(self) -> None:
        """Items have gone."""
        self._found.clear()

    def answered(self, item: Mapping[str, Any]) -> None:
        """The answers of `item` are other ones."""
        self._links.update({id(part): (part, link) for link, part in _parts(item)})


def _link_of(element: Any) -> Any:
    data = bare(element)
    return data.get("linkId") if isinstance(data, Mapping) else None


def _answers(response: Any) -> Iterator[tuple[str, Any]]:
    stack = list(response.get("item") or ()) if isinstance(response, Mapping) else []
    while stack:
        item = stack.pop()
        stack.extend(item.get("item") or ())
        for answer in item.get("answer") or ():
            stack.extend(answer.get("item") or ())
        yield from _parts(item)


def _parts(item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for answer in item.get("answer") or ():
        for part in (answer, *(value for value in answer.values() if isinstance(value, Mapping))):
            yield item.get("linkId", ""), part
