"""FHIRPath's sums, extremes, weights and roundings: exact, and empty or loud rather than 0."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhirpathpy.engine.nodes import FP_Quantity

from ipvscreen.sdc.fhirpath.elements import plain
from ipvscreen.sdc.fhirpath.frames import Fault, Frame, Function, Step, single
from ipvscreen.sdc.fhirpath.operators import OPERATORS, number, order
from ipvscreen.sdc.fhirpath.weights import weighed


def total(data: list[Any]) -> list[Any]:
    """The sum of numbers, or of quantities of one unit; empty for nothing, never 0."""
    values = [plain(value) for value in data]
    if not values:
        return []
    so_far = values[0] if isinstance(values[0], FP_Quantity) else number(values[0])
    for value in values[1:]:
        (so_far,) = OPERATORS["+"]([so_far], [value])
    return [so_far]


def average(data: list[Any]) -> list[Any]:
    whole = total(data)
    if whole and isinstance(whole[0], FP_Quantity):
        return [type(whole[0])(whole[0].value / len(data), whole[0].unit)]
    return [Decimal(value) / len(data) for value in whole]


def extreme(sign: int) -> Callable[[list[Any]], list[Any]]:
    def found_in(data: list[Any]) -> list[Any]:
        values = [plain(value) for value in data]
        best = values[:1]
        for value in values[1:]:
            found = order(value, best[0])
            if found is None:
                raise Fault("The expression compares amounts whose units do not tell.")
            best = [value] if found == sign else best
        return best

    return found_in


def weights(frame: Frame, data: list[Any]) -> list[Any]:
    return [weighed(answer, frame.work.index) for answer in data]


def rounded(rounding: str) -> Function:
    def to_places(frame: Frame, data: list[Any], places: Step | None = None) -> list[Any]:
        value = plain(single(data))
        if value is None:
            return []
        kept = number(plain(single(places(frame, frame.this)))) if places else 0
        if not 0 <= kept <= 28:
            raise Fault("The expression rounds to a number of places that no number has.")
        exact = Decimal(number(value)).quantize(Decimal(1).scaleb(-int(kept)), rounding=rounding)
        return [exact if kept else int(exact)]

    return to_places


def absolute(_: Frame, data: list[Any]) -> list[Any]:
    value = plain(single(data))
    if isinstance(value, FP_Quantity):
        return [type(value)(abs(value.value), value.unit)]
    return [] if value is None else [abs(number(value))]
