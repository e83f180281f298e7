"""What a form's conditions and constraints say of a response: what not to answer, and what is broken."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ipvscreen.sdc.answering.enabling import enabled
from ipvscreen.sdc.answering.fields import Places, Spot
from ipvscreen.sdc.answering.given import Answer
from ipvscreen.sdc.calculate import Place, Ruled, ruled
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.outcome import Issue, issue
from ipvscreen.sdc.validation.tree import Entry
from ipvscreen.sdc.validation.values import is_sound

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
    said = _ruled(form, response, names, now)
    # an expression that failed cannot forbid an answer
    expressed = {**dict.fromkeys(said.failed, True), **said.enabled}
    allowed = enabled(_spots(roots, names), _given(names), expressed)
    disabled = frozenset(entry for entry, name in names.items() if name not in allowed)
    return Verdict(disabled, tuple(_issues(said, names, disabled)))


def _ruled(form: Form, response: Mapping[str, Any], names: Mapping[Entry, str], now: datetime) -> Ruled:
    asking = any(entry.item.constraints or entry.item.enable_expression for entry in names)
    if not asking and not form.constraints:
        return Ruled({}, {}, frozenset())
    return ruled(form, response, _laid(names), now=now)


def _issues(said: Ruled, names: Mapping[Entry, str], disabled: frozenset[Entry]) -> Iterator[Issue]:
    """The constraints that are broken or failed, of the form and of what is to be answered."""
    yield from _at(said, "", ROOT, None)
    for entry, name in names.items():
        if entry not in disabled and entry.body is not None:
            yield from _at(said, name, entry.path, entry.item.link_id)


def _at(said: Ruled, field: str, path: str, link_id: str | None) -> Iterator[Issue]:
    for constraint in said.broken.get(field, ()):
        severity = "warning" if constraint.warning else "error"
        yield issue("invariant", path, constraint.human, link_id, severity=severity)
    if field in said.failed:
        sentence = "A rule of the Questionnaire could not be worked out, so it was not checked."
        yield issue("invariantExecution", path, sentence, link_id)


def _laid(names: Mapping[Entry, str]) -> tuple[Place, ...]:
    places: dict[Entry, Place] = {}
    for entry, name in names.items():  # parents come first
        above = places[entry.parent] if entry.parent is not None else None
        ancestors = (*above.ancestors, above) if above is not None else ()
        places[entry] = Place(entry.item, name, entry.body, ancestors, entry.answer)
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
