"""What a form works out by itself: variables, enableWhenExpression, calculatedExpression, constraints."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ipvscreen.errors import ExpressionFailed
from ipvscreen.sdc.fhirpath.operators import truth
from ipvscreen.sdc.form import Constraint, Form
from ipvscreen.sdc.results import elements_of
from ipvscreen.sdc.scope import Scopes
from ipvscreen.sdc.worksheet import Place, Worksheet

__all__ = ["Computed", "Place", "computed"]

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
        {
            place.field: truth(scopes.evaluate(place, place.item.enable_expression)) is True
            for place in places
            if place.item.enable_expression
        },
        dict(_broken(form, scopes, sheet, places)),
    )


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


def _broken(
    form: Form, scopes: Scopes, sheet: Worksheet, places: Sequence[Place]
) -> Iterator[tuple[str, tuple[Constraint, ...]]]:
    whole = [(place, place.item.constraints) for place in places if sheet.body(place) is not None]
    for place, constraints in [(None, form.constraints), *whole]:
        found = tuple(one for one in constraints if truth(scopes.evaluate(place, one.expression)) is False)
        if found:
            yield (place.field if place else ""), found
