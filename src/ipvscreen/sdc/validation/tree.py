"""A QuestionnaireResponse laid over its form: every item at its place, and what is wrong with the shape."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ipvscreen.sdc.form import Form, Item
from ipvscreen.sdc.outcome import Issue, issue


@dataclass(eq=False, slots=True)
class Entry:
    """One item at one place of a response; `body` is None where the response does not have it.

    `path` is the FHIRPath of the item, or of what it is missing from. `answers` are its answers with their
    paths, those without a value included. `answer` is the one that it stands under, in a question.
    """

    item: Item
    path: str
    body: Mapping[str, Any] | None = None
    parent: "Entry | None" = None
    answer: Mapping[str, Any] | None = None
    answers: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    children: list["Entry"] = field(default_factory=list)

    @property
    def elements(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """The value[x] of each answer that has one, with the answer's path."""
        return tuple((path, element) for path, answer in self.answers if (element := value_of(answer)))

    def walk(self) -> Iterator["Entry"]:
        """This place and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def is_answered(self) -> bool:
        """Whether it or anything below it has an answer."""
        return any(entry.elements for entry in self.walk())


def value_of(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The value[x] of an answer as a one-entry mapping; None if it has none."""
    return next(({key: value} for key, value in answer.items() if key.startswith("value")), None)


def overlay(form: Form, response: Mapping[str, Any]) -> tuple[tuple[Entry, ...], tuple[Issue, ...]]:
    """The places at the top, and what is wrong with the shape of the response."""
    reader = _Reader(form)
    root = reader.level(form.items, response, "QuestionnaireResponse", None, None)
    return tuple(root), tuple(reader.issues)


class _Reader:
    def __init__(self, form: Form) -> None:
        self.known = {item.link_id for item in form.walk()}
        self.issues: list[Issue] = []

    def say(self, rule: str, path: str, sentence: str, link_id: str | None = None) -> None:
        self.issues.append(issue(rule, path, sentence, link_id))

    def level(
        self,
        items: Sequence[Item],
        holder: Mapping[str, Any],
        path: str,
        parent: Entry | None,
        answer: Mapping[str, Any] | None,
    ) -> list[Entry]:
        """The places of these items under one holder (the response, a group, an answer)."""
        found = self._found(items, holder, path)
        entries: list[Entry] = []
        for item in items:
            for place, body in found.get(item.link_id, [(path, None)]):
                entry = Entry(item, place, body, parent, answer)
                entries.append(entry)
                if body is not None:
                    self._fill(entry, body)
        return entries

    def _found(
        self, items: Sequence[Item], holder: Mapping[str, Any], path: str
    ) -> Mapping[str, list[tuple[str, Mapping[str, Any] | None]]]:
        place = {item.link_id: index for index, item in enumerate(items)}
        found: dict[str, list[tuple[str, Mapping[str, Any] | None]]] = {}
        last = -1
        for where, body in self._objects(holder, "item", path):
            link_id = body.get("linkId")
            if not isinstance(link_id, str):
                self.say("malformed", where, "An item must have a linkId.")
            elif link_id not in place:
                self._stray(link_id, where)
            else:
                if place[link_id] < last:
                    self.say(
                        "itemOrder", where, "The items must stand in the Questionnaire's order.", link_id
                    )
                last = max(last, place[link_id])
                found.setdefault(link_id, []).append((where, body))
        return found

    def _stray(self, link_id: str, where: str) -> None:
        says = "has this item elsewhere" if link_id in self.known else "does not have this item"
        self.say("invalidLinkId", where, f"The Questionnaire {says}.", link_id)

    def _fill(self, entry: Entry, body: Mapping[str, Any]) -> None:
        entry.answers = tuple(self._objects(body, "answer", entry.path))
        if entry.item.is_question:
            if body.get("item"):
                sentence = "What belongs to a question stands under its answer."
                self.say("itemOutsideAnswer", entry.path, sentence, entry.item.link_id)
            for where, answer in entry.answers:
                self._answer(entry, where, answer)
        else:
            entry.children.extend(self.level(entry.item.items, body, entry.path, entry, None))

    def _answer(self, entry: Entry, where: str, answer: Mapping[str, Any]) -> None:
        values = [key for key in answer if key.startswith("value")]
        if len(values) > 1:
            self.say("malformed", where, "An answer has one value only.", entry.item.link_id)
        if not values and not any(key == "extension" or key.startswith("_value") for key in answer):
            self.say("emptyAnswer", where, "An answer must have a value.", entry.item.link_id)
        entry.children.extend(self.level(entry.item.items, answer, where, entry, answer))

    def _objects(
        self, holder: Mapping[str, Any], key: str, path: str
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        bodies = holder.get(key, [])
        if not isinstance(bodies, list | tuple):
            self.say("malformed", f"{path}.{key}", "This must be a list.")
            return
        for index, body in enumerate(bodies):
            if isinstance(body, Mapping):
                yield f"{path}.{key}[{index}]", body
            else:
                self.say("malformed", f"{path}.{key}[{index}]", "This must be an object.")
