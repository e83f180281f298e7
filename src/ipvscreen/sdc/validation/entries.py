"""What is wrong with each item of a response: how many answers it has, and each of them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ipvscreen.sdc.answering.values import option_of
from ipvscreen.sdc.outcome import Issue, issue
from ipvscreen.sdc.validation.codes import Lists, wrong_choice, wrong_unit
from ipvscreen.sdc.validation.references import Finding
from ipvscreen.sdc.validation.tree import Entry
from ipvscreen.sdc.validation.values import is_sound, wrong_value


@dataclass(frozen=True, slots=True)
class Checks:
    """What an item is checked with.

    `lists` knows the value sets. `unfinished`: of a response that is not complete, what is missing or too
    much may still change, and is a warning. `without`: there was nobody to ask for a value set.
    """

    lists: Lists
    disabled: Collection[Entry]
    unfinished: bool
    without: bool

    def level(self, entries: Collection[Entry]) -> Iterator[Issue]:
        """What is wrong with these places, in order, and with all below them."""
        yield from self._instances(entries)
        for entry in entries:
            if entry in self.disabled:
                yield from self._disabled(entry)
            else:
                yield from self._entry(entry)
                yield from self.level(entry.children)

    def _instances(self, entries: Collection[Entry]) -> Iterator[Issue]:
        """How often an item stands; a question once, whatever the number of its answers."""
        times: dict[tuple[int, str], list[Entry]] = {}
        for entry in entries:
            if entry not in self.disabled:  # those of each answer of the parent are counted apart
                times.setdefault((id(entry.answer), entry.item.link_id), []).append(entry)
        for found in times.values():
            if found[0].item.is_question:
                for again in found[1:]:
                    yield self._say("itemTwice", again, "A question stands once, with all its answers.")
            else:
                yield from self._groups(found)

    def _groups(self, found: list[Entry]) -> Iterator[Issue]:
        item, count = found[0].item, sum(entry.body is not None for entry in found)
        if not item.repeats:
            for again in found[1:]:
                yield self._count("repeats", again, "The group may stand once only.")
        elif item.max_occurs is not None and count > item.max_occurs:
            yield self._count("maxCount", found[-1], f"The group may stand at most {item.max_occurs} times.")
        if count and item.min_occurs is not None and count < item.min_occurs:
            yield self._count("minCount", found[0], f"The group must stand at least {item.min_occurs} times.")

    def _disabled(self, entry: Entry) -> Iterator[Issue]:
        if entry.is_answered:
            yield self._count(
                "notEnabled", entry, "This item is not to be answered, given the other answers."
            )

    def _entry(self, entry: Entry) -> Iterator[Issue]:
        if entry.item.type == "question":
            yield self._say("invalidType", entry, "The Questionnaire says only 'question', which is no type.")
        elif entry.item.type == "display":
            if entry.answers:
                yield self._say("displayAnswer", entry, "What is only shown has no answer.")
        elif entry.item.type == "group":
            yield from self._group(entry)
        else:
            yield from self._answers(entry)

    def _group(self, entry: Entry) -> Iterator[Issue]:
        if entry.body is not None and "answer" in entry.body:
            sentence = "A group has no answer of its own: its items stand in 'item'."
            yield issue("groupShouldNotHaveAnswers", f"{entry.path}.answer", sentence, entry.item.link_id)
        if entry.item.required and not any(child.is_answered for child in entry.children):
            yield self._count("required", entry, "The group must have an answer.")

    def _answers(self, entry: Entry) -> Iterator[Issue]:
        yield from self._counts(entry)
        for path, element in entry.elements:
            for rule, sentence in self._wrong(entry, element):
                severity = "warning" if rule == "tsError" and self.without else None
                yield issue(rule, path, sentence, entry.item.link_id, severity=severity)
        yield from self._exclusive(entry)

    def _counts(self, entry: Entry) -> Iterator[Issue]:
        item, count = entry.item, len(entry.elements)
        if item.required and not count:
            yield self._count("required", entry, "The question must be answered.")
        elif item.min_occurs is not None and count < item.min_occurs:
            yield self._count("minCount", entry, f"The question takes at least {item.min_occurs} answers.")
        if not item.repeats and count > 1:
            yield self._count("repeats", entry, "The question takes one answer.")
        elif item.max_occurs is not None and count > item.max_occurs:
            yield self._count("maxCount", entry, f"The question takes at most {item.max_occurs} answers.")

    def _wrong(self, entry: Entry, element: Mapping[str, Any]) -> Iterator[Finding]:
        yield from wrong_value(entry.item, element)
        if not is_sound(entry.item, element):
            return
        yield from wrong_choice(entry.item, self.lists, element)
        if "valueQuantity" in element:
            yield from wrong_unit(entry.item, self.lists, element["valueQuantity"])

    def _exclusive(self, entry: Entry) -> Iterator[Issue]:
        for path, element in entry.elements if len(entry.elements) > 1 else ():
            option = option_of(entry.item, element) if is_sound(entry.item, element) else None
            if option and option.exclusive:
                sentence = "This answer cannot stand beside another."
                yield issue("exclusiveAnswerOption", path, sentence, entry.item.link_id)

    def _say(self, rule: str, entry: Entry, sentence: str) -> Issue:
        return issue(rule, entry.path, sentence, entry.item.link_id)

    def _count(self, rule: str, entry: Entry, sentence: str) -> Issue:
        severity = "warning" if self.unfinished else None
        return issue(rule, entry.path, sentence, entry.item.link_id, severity=severity)
