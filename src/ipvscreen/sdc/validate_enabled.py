"""What a form's conditions and constraints say of a response: what not to answer, and what is broken."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ipvscreen.errors import ExpressionFailed
from ipvscreen.sdc.calculate import Place, computed
from ipvscreen.sdc.enabling import enabled
from ipvscreen.sdc.fields import Places, Spot
from ipvscreen.sdc.form import Constraint, Form
from ipvscreen.sdc.given import Answer
from ipvscreen.sdc.outcome import Issue, issue
from ipvscreen.sdc.validate_tree import Entry
from ipvscreen.sdc.validate_values import is_sound

ROOT = "QuestionnaireResponse"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`disabled`: the places that are not to be answered; `issues`: constraints that are broken or failed."""

    disabled: frozenset[Entry]
    issues: tuple[Issue, ...] = ()


def verdict(form: Form, response: Mapping[str, Any], roots: Sequence[Entry], now: datetime) -> Verdict:
    """What follows from the answers as they stand. Calculations are not done again."""
    names = {
        entry: str(number) for number, entry in enumerate(each for root in roots for each in root.walk())
    }
    said = _Said(form, response, _laid(names), now)
    allowed = enabled(_spots(roots, names), _given(names), said.expressed())
    disabled = frozenset(entry for entry, name in names.items() if name not in allowed)
    return Verdict(disabled, tuple(said.issues(names, disabled)))


class _Said:
    """What the expressions say, each item's apart where one of them fails."""

    def __init__(
        self, form: Form, response: Mapping[str, Any], places: Sequence[Place], now: datetime
    ) -> None:
        self.enabled: dict[str, bool] = {}
        self.broken: dict[str, tuple[Constraint, ...]] = {}
        self.failed: set[str] = set()
        self._form, self._response, self._now = form, response, now
        asking = [place for place in places if place.item.constraints or place.item.enable_expression]
        if asking or form.constraints:
            self._ask(form, places, asking)

    def _ask(self, form: Form, places: Sequence[Place], asking: Sequence[Place]) -> None:
        try:
            self._note(form, places)
        except ExpressionFailed:
            silent = {place: _silent(place) for place in places}
            for place in asking:
                self._alone(
                    replace(form, constraints=()), [*({**silent, place: place}.values())], place.field
                )
            self._alone(form, list(silent.values()), "")

    def _alone(self, form: Form, places: Sequence[Place], field: str) -> None:
        try:
            self._note(form, places)
        except ExpressionFailed:
            self.failed.add(field)

    def _note(self, form: Form, places: Sequence[Place]) -> None:
        found = computed(form, self._response, places, {}, now=self._now)
        self.enabled.update(found.enabled)
        self.broken.update(found.broken)

    def expressed(self) -> Mapping[str, bool]:
        """Whether each enableWhenExpression holds; one that failed cannot forbid an answer."""
        return {**dict.fromkeys(self.failed, True), **self.enabled}

    def issues(self, names: Mapping[Entry, str], disabled: frozenset[Entry]) -> Iterator[Issue]:
        """The constraints that are broken or failed, of the form and of what is to be answered."""
        yield from self._at("", ROOT, None)
        for entry, name in names.items():
            if entry not in disabled and entry.body is not None:
                yield from self._at(name, entry.path, entry.item.link_id)

    def _at(self, field: str, path: str, link_id: str | None) -> Iterator[Issue]:
        for constraint in self.broken.get(field, ()):
            severity = "warning" if constraint.warning else "error"
            yield issue("invariant", path, constraint.human, link_id, severity=severity)
        if field in self.failed:
            sentence = "A rule of the Questionnaire could not be worked out, so it was not checked."
            yield issue("invariantExecution", path, sentence, link_id)


def _silent(place: Place) -> Place:
    return replace(place, item=replace(place.item, constraints=(), enable_expression=None))


def _laid(names: Mapping[Entry, str]) -> tuple[Place, ...]:
    places: dict[Entry, Place] = {}
    for entry, name in names.items():  # parents come first
        above = places[entry.parent] if entry.parent is not None else None
        ancestors = (*above.ancestors, above) if above is not None else ()
        item = replace(entry.item, calculated=None, initial_expression=None)
        places[entry] = Place(item, name, entry.body, ancestors, entry.answer)
    return tuple(places.values())


def _spots(roots: Sequence[Entry], names: Mapping[Entry, str]) -> Places:
    def lay(entry: Entry, parent: Spot | None) -> Spot:
        spot = Spot(entry.item, (), names[entry], parent)
        spot.children.extend(lay(child, spot) for child in entry.children)
        return spot

    return Places(tuple(lay(root, None) for root in roots))


def _given(names: Mapping[Entry, str]) -> Mapping[str, Answer]:
    """The answers that can be compared: one that is not what its item asks for meets no condition."""
    found: dict[str, Answer] = {}
    for entry, name in names.items():
        sound = tuple(element for _, element in entry.elements if is_sound(entry.item, element))
        if entry.item.is_question and sound:
            found[name] = Answer(entry.item.link_id, (), field=name, fhir=sound)
    return found
