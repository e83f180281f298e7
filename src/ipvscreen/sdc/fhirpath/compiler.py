"""A tree of FHIRPath → one Python function, put together once."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fhirpathpy.engine.nodes import FP_DateTime, FP_Quantity, FP_Time

from ipvscreen.sdc.fhirpath.elements import children, is_a, plain
from ipvscreen.sdc.fhirpath.frames import Fault, Frame, Step, bounded, single
from ipvscreen.sdc.fhirpath.functions import FUNCTIONS, TYPED, descendants
from ipvscreen.sdc.fhirpath.lookups import PREFIXES, arguments, function_name, lookup, variable_name
from ipvscreen.sdc.fhirpath.moments import read
from ipvscreen.sdc.fhirpath.operators import OPERATORS, distinct, number
from ipvscreen.sdc.fhirpath.others import taken_over
from ipvscreen.sdc.fhirpath.syntax import Node, text_of

_Quantity: Any = FP_Quantity  # fhirpathpy's classes have no types
_DateTime: Any = FP_DateTime
_Time: Any = FP_Time
_Make = Callable[[Node], Step]


def compiled(tree: Node, *, by_index: bool = True) -> Step:
    """What evaluates `tree`: (frame, input) → output. `by_index` looks items up by linkId where that is the
    same as searching for them. ValueError for a function that does not exist or takes other parameters."""
    rules = _RULES if by_index else {**_RULES, "InvocationExpression": _chained}

    def make(node: Node) -> Step:
        if node.signs and node.signs[0] in OPERATORS and len(node.parts) == 2:
            return _binary(node, make)
        return rules.get(node.kind, _literal)(node, make)

    return make(tree)


def _literal(node: Node, _: _Make) -> Step:
    try:
        values = _LITERALS[node.kind](node)
    except Exception:  # fhirpathpy and dateutil raise whatever comes for a month 13
        values = [None]
    if None in values:
        raise ValueError("The expression holds a date, time or number that is none.")
    return lambda *_: values


def _binary(node: Node, make: _Make) -> Step:
    operator = OPERATORS[node.signs[0]]
    left, right = (make(part) for part in node.parts)

    def binary(frame: Frame, data: list[Any]) -> list[Any]:
        one, other = left(frame, data), right(frame, data)
        frame.work.spend(1 + len(one) + len(other))
        return bounded(operator(one, other))

    return binary


def _typed(node: Node, make: _Make) -> Step:
    inner, wanted = make(node.parts[0]), _type_named(node.parts[1])
    if node.signs[0] == "as":
        return lambda frame, data: [value for value in inner(frame, data) if is_a(value, wanted)]

    def typed(frame: Frame, data: list[Any]) -> list[Any]:
        values = inner(frame, data)
        return [is_a(single(values), wanted)] if values else []

    return typed


def _signed(node: Node, make: _Make) -> Step:
    inner, sign = make(node.parts[0]), -1 if node.signs[0] == "-" else 1

    def signed(frame: Frame, data: list[Any]) -> list[Any]:
        value = plain(single(inner(frame, data)))
        if isinstance(value, FP_Quantity):
            return [_Quantity(sign * value.value, value.unit)]
        return [] if value is None else [sign * number(value)]

    return signed


def _indexed(node: Node, make: _Make) -> Step:
    inner, place = (make(part) for part in node.parts)

    def indexed(frame: Frame, data: list[Any]) -> list[Any]:
        wanted = plain(single(place(frame, data)))
        found = inner(frame, data)
        if wanted is None or number(wanted) < 0:
            return []
        return found[int(wanted) : int(wanted) + 1]

    return indexed


def _invocation(node: Node, make: _Make) -> Step:
    found = lookup(node)
    return _looked_up(node, make, *found) if found else _chained(node, make)


def _chained(node: Node, make: _Make) -> Step:
    left, right = (make(part) for part in node.parts)
    return lambda frame, data: right(frame, left(frame, data))


def _looked_up(node: Node, make: _Make, base: Node | None, axis: str, link: str) -> Step:
    start: Step = make(base) if base else lambda _, data: data
    way, search = (make(part) for part in node.parts)
    along = _ALONG[axis]

    def looked_up(frame: Frame, data: list[Any]) -> list[Any]:
        parents = start(frame, data)
        if frame.work.index is None or len(parents) != 1:
            return search(frame, way(frame, data))
        frame.work.spend(1)
        buckets = frame.work.index.bucket(parents[0], axis, lambda: along(frame, parents))
        found = buckets.get(link, [])
        return distinct(found) if axis == "repeat" and len(found) > 1 else list(found)

    return looked_up


def _member(node: Node, _: _Make) -> Step:
    name = text_of(node.parts[0].text)

    def member(frame: Frame, data: list[Any]) -> list[Any]:
        frame.work.spend(1 + len(data))
        return bounded([child for element in data for child in children(element, name)])

    return member


def _variable(node: Node, _: _Make) -> Step:
    name = variable_name(node)
    parts = name.partition("-")
    if parts[0] in PREFIXES:
        return lambda *_: [PREFIXES[parts[0]] + parts[2]]

    def variable(frame: Frame, _: list[Any]) -> list[Any]:
        if name not in frame.names:
            raise Fault(f"The expression uses %{name}, which is not known here.")
        return frame.names[name]

    return variable


def _call(node: Node, make: _Make) -> Step:
    name, inner = function_name(node), arguments(node)
    count, function = FUNCTIONS.get(name) or taken_over(name)
    if len(inner) not in count:
        raise ValueError(f"The function {name}() takes other parameters.")
    given: list[Any] = [_type_named(part) if name in TYPED else make(part) for part in inner]

    def call(frame: Frame, data: list[Any]) -> list[Any]:
        frame.work.spend(1 + len(data))
        return bounded(function(frame, data, *given))

    return call


def _type_named(node: Node) -> str:
    return ".".join(text_of(leaf.text) for leaf in node.walk() if leaf.kind == "Identifier")


def _items(_: Frame, data: list[Any]) -> list[Any]:
    return [child for element in data for child in children(element, "item")]


def _all_items(frame: Frame, data: list[Any]) -> list[Any]:
    """As repeat(item), level by level, but with what is equal: that is left out for each linkId."""
    found: list[Any] = []
    level = _items(frame, data)
    while level:
        frame.work.spend(len(level))
        found = bounded(found + level)
        level = _items(frame, level)
    return found


_ALONG: Mapping[str, Step] = {
    "item": _items,
    "repeat": lambda frame, data: _all_items(frame, data),
    "descendants": descendants,
}


def _number(node: Node) -> list[Any]:
    return [Decimal(node.text) if "." in node.text else int(node.text)]


def _moment(text: str) -> list[Any]:
    read(text)
    return [_DateTime(text)]


def _quantity(node: Node) -> list[Any]:
    (amount,) = node.parts
    leaf = [*amount.walk()][-1]
    return [_Quantity(Decimal(amount.signs[0]), leaf.signs[0])]


_LITERALS: Mapping[str, Callable[[Node], list[Any]]] = {
    "NullLiteral": lambda _: [],
    "BooleanLiteral": lambda node: [node.text == "true"],
    "StringLiteral": lambda node: [text_of(node.text)],
    "NumberLiteral": _number,
    "QuantityLiteral": _quantity,
    "DateTimeLiteral": lambda node: _moment(node.text[1:].removesuffix("T")),
    "TimeLiteral": lambda node: [_Time(node.text[2:])],
}


_RULES: Mapping[str, Callable[[Node, _Make], Step]] = {
    "TypeExpression": _typed,
    "PolarityExpression": _signed,
    "IndexerExpression": _indexed,
    "InvocationExpression": _invocation,
    "MemberInvocation": _member,
    "FunctionInvocation": _call,
    "ExternalConstantTerm": _variable,
    "ThisInvocation": lambda *_: lambda frame, _: frame.this,
    "IndexInvocation": lambda *_: lambda frame, _: [] if frame.index is None else [frame.index],
    "TotalInvocation": lambda *_: lambda frame, _: frame.total or [],
}
