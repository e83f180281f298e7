"""What a form works out by itself: variables, enableWhenExpression, calculatedExpression, constraints."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ipvscreen.errors import ExpressionFailed
from ipvscreen.sdc.fhirpath.operators import truth
from ipvscreen.sdc.fhirpath.results import elements_of
from ipvscreen.sdc.fhirpath.scope import Scopes
from ipvscreen.sdc.fhirpath.worksheet import Place, Worksheet
from ipvscreen.sdc.form import Constraint, Form

__all__ = ["Computed", "Place", "Ruled", "computed", "ruled"]

MOST_ROUNDS = 10
_Elements = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Computed:
    """By field: elements from calculatedExpression (`values`; () where the result is empty) and from
    initialExpression (`initial`), whether an enableWhenExpression holds, and the constraints that are
    broken. Constraints of the form itself are under the field ""."""

    values: Mapping[str, _Elements]
    initial: Mapping[str, _Elements]
    enabled: Mapping[str, bool]
    broken: Mapping[str, tuple[Constraint, ...]]


@dataclass(frozen=True, slots=True)
class Ruled:
    """As Computed, nothing being calculated; `failed` are fields with a rule that could not be evaluated."""

    enabled: Mapping[str, bool]
    broken: Mapping[str, tuple[Constraint, ...]]
    failed: frozenset[str]


def computed(
    form: Form,
    response: Mapping[str, Any],
    places: Sequence[Place],
    launch: Mapping[str, Mapping[str, Any]],
    *,
    now: datetime,
) -> Computed:
    """All that the form's expressions say of this response; `places` in document order, enabled or not.

    The response is not changed. Calculations see each other's results; constraints see them all. A
    constraint is broken only where it is false: where it is empty it cannot be told, and an item that is
    not in the response has none. ExpressionFailed where an expression cannot be worked out (a missing
    weight, a wrong type) or the calculations do not settle within ten rounds.
    """
    sheet = Worksheet(form, response, places)
    scopes = Scopes(form, sheet, launch, now)
    values = _calculated(scopes, sheet, [place for place in places if place.item.calculated])
    return Computed(
        values,
        {
            place.field: elements_of(place.item, scopes.evaluate(place, place.item.initial_expression))
            for place in places
            if place.item.initial_expression
        },
        {place.field: _holds(scopes, place) for place in places if place.item.enable_expression},
        {field: found for field, place in _ruling(form, places) if (found := _broken(form, scopes, place))},
    )


def ruled(form: Form, response: Mapping[str, Any], places: Sequence[Place], *, now: datetime) -> Ruled:
    """What the form's conditions and constraints say of a response as it stands, calculating nothing.

    A rule that cannot be evaluated stops no other; but they share the steps that one response may take.
    """
    scopes = Scopes(form, Worksheet(form, response, places), {}, now)
    enabled: dict[str, bool] = {}
    broken: dict[str, tuple[Constraint, ...]] = {}
    failed: set[str] = set()
    for field, place in _ruling(form, places):
        try:
            if place is not None and place.item.enable_expression:
                enabled[field] = _holds(scopes, place)
            broken[field] = _broken(form, scopes, place)
        except ExpressionFailed:
            failed.add(field)
    return Ruled(enabled, broken, frozenset(failed))


def _calculated(scopes: Scopes, sheet: Worksheet, places: Sequence[Place]) -> dict[str, _Elements]:
    values: dict[str, _Elements] = {}
    done: dict[str, int] = {}  # field → the version of the worksheet that its value is right for
    needs = {place.field: scopes.needs(place, place.item.calculated or "") for place in places}
    ordered = _in_order(places, needs)
    for _ in range(MOST_ROUNDS):
        stale = False
        for place in ordered:
            need = needs[place.field]
            if place.field in done and sheet.unchanged(done[place.field], need):
                continue
            stale, before = True, sheet.version
            values[place.field] = elements_of(place.item, scopes.evaluate(place, place.item.calculated or ""))
            sheet.put(place, values[place.field])
            itself = need is not None and place.item.link_id in need
            done[place.field] = before if itself else sheet.version
        if not stale:
            return values
    raise ExpressionFailed("The calculations of the form do not come to an end.")


def _in_order(places: Sequence[Place], needs: Mapping[str, frozenset[str] | None]) -> list[Place]:
    """Each after those that it reads, as far as that shows; in document order where they read each other."""
    graph: dict[str, list[str]] = {place.item.link_id: [] for place in places}
    for place in places:
        link = place.item.link_id
        graph[link] += sorted((needs[place.field] or frozenset()) & graph.keys() - {link})
    try:
        rank = {link: at for at, link in enumerate(TopologicalSorter(graph).static_order())}
    except CycleError:
        return list(places)
    return sorted(places, key=lambda place: rank[place.item.link_id])


def _ruling(form: Form, places: Sequence[Place]) -> Iterator[tuple[str, Place | None]]:
    """What has rules, by field: the form itself under "", and its items."""
    if form.constraints:
        yield "", None
    for place in places:
        if place.item.constraints or place.item.enable_expression:
            yield place.field, place


def _holds(scopes: Scopes, place: Place) -> bool:
    return truth(scopes.evaluate(place, place.item.enable_expression or "")) is True


def _broken(form: Form, scopes: Scopes, place: Place | None) -> tuple[Constraint, ...]:
    if place is not None and scopes.sheet.body(place) is None:
        return ()
    constraints = form.constraints if place is None else place.item.constraints
    return tuple(one for one in constraints if truth(scopes.evaluate(place, one.expression)) is False)
