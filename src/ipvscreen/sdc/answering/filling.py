"""A form filled in: what was entered, what stands there from the start, and what follows from both."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from ipvscreen.errors import AnswerNotOffered, ExpressionFailed
from ipvscreen.sdc.answering.enabling import enabled
from ipvscreen.sdc.answering.entry import Entry, answered, entry, worked_out
from ipvscreen.sdc.answering.fields import Grower, Names, Places, Spot
from ipvscreen.sdc.answering.given import Answer, Answers
from ipvscreen.sdc.answering.missing import missing
from ipvscreen.sdc.calculate import Computed, Place, computed
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.response import bodies, response

_ROUNDS = 10
_NOTHING = Computed({}, {}, {}, {})

Launch = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Filled:
    """The places of a form, what the controls of each hold, and the answers that this comes to."""

    places: Places
    entries: Mapping[str, Entry]
    answers: Answers
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class _Start:
    """Before anything was worked out: answers and mistakes by field, and who may get an initial value."""

    given: Mapping[str, Answer]
    wrong: Mapping[str, str]
    untouched: tuple[Spot, ...]


def fill(
    form: Form,
    entered: Mapping[str, Sequence[str]],
    *,
    launch: Launch | None = None,
    now: datetime | None = None,
    more: str | None = None,
    fresh: bool = False,
) -> Filled:
    """See answers.read_answers and layout.layout."""
    zone = (now.tzinfo if now is not None else None) or UTC
    places, added = _places(form, entered, more)
    entries = {spot.field: entry(spot, entered) for spot in places.all if spot.item.is_question}
    start = _start(places, entries, zone, {spot.field for spot in places.all} if fresh else added)
    if not has_expressions(form):
        return _filled(form, places, entries, start, start.given, _NOTHING, zone)
    if now is None:
        raise ValueError("A form with expressions needs the moment at which it is read.")
    try:
        return _worked_out(form, places, entries, start, launch or {}, now, zone)
    except ExpressionFailed as failed:
        # What was said must stand, whatever a form cannot make of it: a total may be missing, an answer not.
        expressed = {spot.field: True for spot in places.all if spot.item.enable_expression}
        found = replace(_NOTHING, enabled=expressed)
        return _filled(form, places, entries, start, start.given, found, zone, failed=str(failed))


def has_expressions(form: Form) -> bool:
    """Whether anything of the form has to be worked out."""
    return bool(form.variables or form.constraints) or any(
        item.variables
        or item.constraints
        or item.calculated
        or item.initial_expression
        or item.enable_expression
        for item in form.walk()
    )


def _places(form: Form, entered: Mapping[str, Sequence[str]], more: str | None) -> tuple[Places, set[str]]:
    """Every place, and the fields that only `more` has added."""
    names = Names(form)
    read = {field: names.read(field) for field in entered}
    filled = {field: name for field, name in read.items() if any(value.strip() for value in entered[field])}
    typed = {field: len(entered[field]) for field in filled}
    grower = Grower(names.counts(filled.values()), typed)
    places = grower.places(form)
    for field, name in filled.items():
        spot = places.by_field.get(name.field)
        if spot is None or spot.fixed:
            raise AnswerNotOffered(field)
    if more is None:
        return places, set()
    wider = replace(grower, more=more).places(form)
    return wider, set(wider.by_field) - set(places.by_field)


def _start(places: Places, entries: Mapping[str, Entry], zone: tzinfo, fresh: set[str]) -> _Start:
    given: dict[str, Answer] = {}
    wrong: dict[str, str] = {}
    untouched = []
    for spot in places.all:
        if not spot.item.is_question:
            continue
        if entries[spot.field]:
            found = answered(spot, entries[spot.field], zone)
            if isinstance(found, Answer):
                given[spot.field] = found
            else:
                wrong[spot.field] = found
        elif spot.fixed or spot.field in fresh:
            untouched.append(spot)
            if spot.item.initial and spot.item.calculated is None:
                given[spot.field] = worked_out(spot, spot.item.initial, zone)
    return _Start(given, wrong, tuple(untouched))


def _worked_out(
    form: Form,
    places: Places,
    entries: Mapping[str, Entry],
    start: _Start,
    launch: Launch,
    now: datetime,
    zone: tzinfo,
) -> Filled:
    """In rounds, until what is asked no longer changes: calculations see only what is asked."""
    given, found, before = dict(start.given), _NOTHING, None
    for _ in range(_ROUNDS):
        on = enabled(places, given, found.enabled)
        state = (on, given.keys() - found.values.keys())  # calculations follow each other by themselves
        if state == before:
            return _filled(form, places, entries, start, given, found, zone)
        before = state
        found = _computed(form, places, on, given, launch, now)
        given = _with(places, start, found, zone)
    raise ExpressionFailed("What this form works out does not come to an end.")


def _computed(
    form: Form,
    places: Places,
    on: Collection[str],
    given: Mapping[str, Answer],
    launch: Launch,
    now: datetime,
) -> Computed:
    given = {field: answer for field, answer in given.items() if field in on}
    stand = bodies(places, given)
    found: dict[str, Place] = {}
    for spot in places.all:
        around = found[spot.parent.field] if spot.parent is not None else None
        line = (*around.ancestors, around) if around is not None else ()
        # a calculation that is not asked for must not be seen by another
        unseen = spot.item.calculated and spot.field not in on
        item = replace(spot.item, calculated=None) if unseen else spot.item
        body = stand.by_field.get(spot.field)
        found[spot.field] = Place(item, spot.field, body, line, stand.above(spot, given))
    return computed(form, response(form, stand.items, "in-progress"), tuple(found.values()), launch, now=now)


def _with(places: Places, start: _Start, found: Computed, zone: tzinfo) -> dict[str, Answer]:
    """The answers of the start, with initial values where nothing stands yet and what was calculated."""
    given = dict(start.given)
    for spot in start.untouched:
        elements = found.initial.get(spot.field, ())
        if elements and spot.field not in given:
            given[spot.field] = worked_out(spot, elements, zone)
    for spot in places.all:
        elements = found.values.get(spot.field, ())
        if elements:
            given[spot.field] = worked_out(spot, elements, zone)
    return given


def _filled(
    form: Form,
    places: Places,
    entries: Mapping[str, Entry],
    start: _Start,
    given: Mapping[str, Answer],
    found: Computed,
    zone: tzinfo,
    *,
    failed: str = "",
) -> Filled:
    on = enabled(places, given, found.enabled)
    kept = {spot.field: given[spot.field] for spot in places.all if spot.field in given and spot.field in on}
    wrong = {field: sentence for field, sentence in start.wrong.items() if field in on}
    mistakes = missing(places, on, kept, found.broken) | wrong
    calculated = frozenset(spot.field for spot in places.all if spot.field in kept and spot.item.calculated)
    return Filled(places, entries, Answers(form, kept, mistakes, on, calculated, failed), zone)
