"""FHIRPath's functions, where fhirpathpy lacks them, has them wrong, or sets no limit."""

from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import re2  # type: ignore[import-untyped]  # it has no types
from fhirpathpy.engine.nodes import FP_Quantity

from ipvscreen.sdc.fhirpath.elements import below, keyed, members, plain, result_of
from ipvscreen.sdc.fhirpath.limits import Fault, Function, bounded, single
from ipvscreen.sdc.fhirpath.operators import distinct, number, order, plus, truth

_Context = dict[str, Any]
_Work = Callable[[list[Any]], list[Any]]  # an expression that is a parameter


def _each(ctx: _Context, data: list[Any], work: _Work) -> Iterator[tuple[Any, list[Any]]]:
    for place, element in enumerate(data):
        ctx["$index"] = place
        yield element, work([element])


def where(ctx: _Context, data: list[Any], criteria: _Work) -> list[Any]:
    """The elements for which the criteria are true; each is asked once."""
    return [element for element, found in _each(ctx, data, criteria) if truth(found)]


def select(ctx: _Context, data: list[Any], work: _Work) -> list[Any]:
    """What `work` finds for each element."""
    result: list[Any] = []
    for _, found in _each(ctx, data, work):
        ctx["work"].spend(len(found))
        result += found
    return result


def exists(ctx: _Context, data: list[Any], criteria: _Work | None = None) -> bool:
    """Whether there is any element, or any that fits."""
    return bool(where(ctx, data, criteria) if criteria else data)


def every(ctx: _Context, data: list[Any], criteria: _Work) -> bool:
    """FHIRPath's all()."""
    return all(truth(found) for _, found in _each(ctx, data, criteria))


def repeat(ctx: _Context, data: list[Any], work: _Work) -> list[Any]:
    """Level by level, without what is there already."""
    found: dict[Any, Any] = {}
    while data:
        fresh = keyed(select(ctx, data, work))
        data = [value for key, value in fresh.items() if key not in found]
        found |= fresh
    return list(found.values())


def aggregate(ctx: _Context, data: list[Any], work: _Work, start: list[Any] | None = None) -> list[Any]:
    """The last $total; what is left of an element is bounded each time."""
    ctx["$total"] = start or []
    for _, found in _each(ctx, data, work):
        ctx["$total"] = bounded(found)
    total: list[Any] = ctx["$total"]
    return total


def iif(_: _Context, data: list[Any], test: _Work, then: _Work, other: _Work | None = None) -> list[Any]:
    """What the test decides; the other one is not asked."""
    return then(data) if truth(test(data)) else other(data) if other else []


def member(ctx: _Context, data: list[Any], name: list[str]) -> list[Any]:
    """The elements of that name."""
    return select(ctx, data, lambda parents: members(ctx, parents[0], name[0]))


def children(ctx: _Context, data: list[Any]) -> list[Any]:
    """The children of each element."""
    return select(ctx, data, lambda parents: below(ctx, parents[0]))


def descendants(ctx: _Context, data: list[Any]) -> list[Any]:
    """All below each element, level by level."""
    found: list[Any] = []
    while data:
        data = children(ctx, data)
        found = bounded(found + data)
    return found


def looked_up(axis: str) -> Function:
    """Items by linkId from the index of the response; else from `search`, which is what it stands for."""

    def found_in(ctx: _Context, data: list[Any], link: list[str], search: _Work) -> list[Any]:
        index = ctx["work"].index
        if index is None or len(data) != 1:
            return search(data)
        buckets = index.bucket(data[0], axis, lambda: ALONG[axis](ctx, data))
        found: list[Any] = buckets.get(link[0], [])
        return distinct(found) if axis == "repeat" and len(found) > 1 else list(found)

    return found_in


def _items(ctx: _Context, data: list[Any]) -> list[Any]:
    return member(ctx, data, ["item"])


def _all_items(ctx: _Context, data: list[Any]) -> list[Any]:
    """As repeat(item), level by level, but with what is equal: that is left out for each linkId."""
    found: list[Any] = []
    while data:
        ctx["work"].spend(len(data))
        data = _items(ctx, data)
        found = bounded(found + data)
    return found


ALONG: Mapping[str, Function] = {"item": _items, "repeat": _all_items, "descendants": descendants}


def extension(ctx: _Context, data: list[Any], url: list[Any]) -> list[Any]:
    """The extensions of that url, of elements and of primitive values."""
    found = member(ctx, data, ["extension"])
    return [one for one in found if one.data.get("url") == plain(single(url))]


def total(_: _Context, data: list[Any]) -> Any:
    """The sum of numbers, or of quantities of one unit; empty for nothing, never 0."""
    values = [plain(value) for value in data]
    so_far = values[0] if values else None
    if values and not isinstance(so_far, FP_Quantity):
        number(so_far)
    for value in values[1:]:
        so_far = plus(so_far, value)
    return so_far


def average(_: _Context, data: list[Any]) -> Any:
    """The sum by the number; empty for nothing."""
    whole = total(_, data)
    if isinstance(whole, FP_Quantity):
        amount: Any = whole
        return type(amount)(amount.value / len(data), amount.unit)
    return None if whole is None else Decimal(whole) / len(data)


def extreme(sign: int) -> Function:
    """min() for -1, max() for 1."""

    def found_in(_: _Context, data: list[Any]) -> Any:
        values = [plain(value) for value in data]
        best = values[0] if values else None
        for value in values[1:]:
            found = order(value, best)
            if found is None:
                raise Fault("The expression compares amounts whose units do not tell.")
            best = value if found == sign else best
        return best

    return found_in


def rounded(_: _Context, data: list[Any], places: list[Any] | None = None) -> Any:
    """A half is rounded away from 0."""
    value = plain(single(data))
    if value is None:
        return None
    kept = number(plain(single(places))) if places else 0
    if not 0 <= kept <= 28:
        raise Fault("The expression rounds to a number of places that no number has.")
    exact = Decimal(number(value)).quantize(Decimal(1).scaleb(-int(kept)), rounding=ROUND_HALF_UP)
    return exact if kept else int(exact)


def absolute(_: _Context, data: list[Any]) -> Any:
    """Of a number or quantity."""
    value: Any = plain(single(data))
    if isinstance(value, FP_Quantity):
        amount: Any = value
        return type(amount)(abs(amount.value), amount.unit)
    return None if value is None else abs(number(value))


def written(_: _Context, data: list[Any]) -> str | None:
    """FHIRPath's toString()."""
    value: Any = plain(single(data))
    if isinstance(value, FP_Quantity):
        amount: Any = value
        return str(amount.asStr)
    found = str(value).lower() if isinstance(value, bool) else result_of(value)
    return None if found is None or isinstance(found, Mapping) else str(found)


def to_boolean(_: _Context, data: list[Any]) -> bool | None:
    """True or false for the words and numbers that FHIRPath lists."""
    word = str(plain(single(data))).lower()
    return next((value for value, words in _BOOLEANS if word in words), None)


_BOOLEANS = ((True, ("true", "t", "yes", "y", "1", "1.0")), (False, ("false", "f", "no", "n", "0", "0.0")))


def of_texts(work: Callable[[str, str], bool]) -> Function:
    """A function of a text and another; empty where one of them is."""

    def found_in(_: _Context, data: list[Any], other: list[Any]) -> bool | None:
        texts = plain(single(data)), plain(single(other))
        if not all(text is None or isinstance(text, str) for text in texts):
            raise Fault("The expression looks into something that is no text.")
        return None if None in texts else work(*texts)

    return found_in


def matches(text: str, regex: str) -> bool:
    """In linear time; a dot is any sign."""
    try:
        return re2.search(f"(?s){regex}", text) is not None
    except re2.error:
        raise Fault("The expression has a pattern that cannot be used.") from None


def matches_full(text: str, regex: str) -> bool:
    """As `matches`, of the whole text."""
    return matches(text, f"^(?:{regex})$")
