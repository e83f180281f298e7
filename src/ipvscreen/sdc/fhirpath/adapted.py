"""A tree of FHIRPath → one that fhirpathpy evaluates by our table alone.

fhirpathpy asks its table for functions and operators, but not for members, literals, signs and [indexes].
These become calls of functions, or constants.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fhirpathpy.engine.evaluators import evaluators

from ipvscreen.sdc.fhirpath.lookups import PREFIXES, arguments, function_name, lookup, variable_name
from ipvscreen.sdc.fhirpath.moments import read
from ipvscreen.sdc.fhirpath.supplement import TABLE
from ipvscreen.sdc.fhirpath.syntax import Node, text_of, walk

_theirs: Mapping[str, Any] = evaluators  # fhirpathpy's functions have no types
_Make = Callable[[Node], Node]
_Keep = Callable[[list[Any]], Node]
Adapted = tuple[Node, Mapping[str, list[Any]]]


def adapted(tree: Node, *, by_index: bool = True) -> Adapted:
    """The tree, and the variables that stand for its literals. `by_index` looks items up by linkId where that
    is the same as searching for them. ValueError for a function that takes other parameters."""
    rules = _RULES if by_index else {**_RULES, "InvocationExpression": _same}
    constants: dict[str, list[Any]] = {}

    def keep(values: list[Any]) -> Node:
        name = f"={len(constants)}"
        constants[name] = values
        return _variable(name)

    def make(node: Node) -> Node:
        return rules.get(node["type"], _same)(node, make, keep)

    return make(tree), constants


def _same(node: Node, make: _Make, _: _Keep) -> Node:
    return {**node, "children": [make(part) for part in node["children"]]}


def _invocation(node: Node, make: _Make, keep: _Keep) -> Node:
    found = lookup(node)
    if not found:
        return _same(node, make, keep)
    base, axis, link = found
    way, search = node["children"]
    steps = [make(way if base is None else way["children"][1]), make(search)]
    call = _call(f"={axis}", keep([link]), _after(*steps))
    return call if base is None else _after(make(base), call)


def _typed(node: Node, make: _Make, _: _Keep) -> Node:
    value, wanted = node["children"]
    return _after(make(value), _call(node["terminalNodeText"][0], {"text": _dotted(wanted)}))


def _signed(node: Node, make: _Make, keep: _Keep) -> Node:
    factors = [keep([-1 if node["terminalNodeText"] == ["-"] else 1]), make(node["children"][0])]
    return {"type": "MultiplicativeExpression", "terminalNodeText": ["*"], "children": factors}


def _indexed(node: Node, make: _Make, _: _Keep) -> Node:
    value, place = (make(part) for part in node["children"])
    return _after(value, _call("=at", place))


def _external(node: Node, _: _Make, keep: _Keep) -> Node:
    name = variable_name(node)
    parts = name.partition("-")
    return keep([PREFIXES[parts[0]] + parts[2]]) if parts[0] in PREFIXES else _variable(name)


def _function(node: Node, make: _Make, _: _Keep) -> Node:
    name, given = function_name(node), arguments(node)
    entry = TABLE.get(name, {"arity": {}})
    arity = entry.get("arity", {0: []})
    if len(given) not in arity and "variadic" not in entry:
        raise ValueError(f"The function {name}() takes other parameters.")
    if arity.get(1) == ["TypeSpecifier"]:
        return _call(name, {"text": _dotted(given[0])})
    return _call(name, *(make(part) for part in given))


def _literal(read_from: Callable[[Node], Any]) -> Callable[[Node, _Make, _Keep], Node]:
    def literal(node: Node, _: _Make, keep: _Keep) -> Node:
        try:
            value = read_from(node)
        except Exception:  # fhirpathpy raises whatever comes for a month 13
            value = None
        if value is None:
            raise ValueError("The expression holds a date, time or number that is none.")
        return keep([value])

    return literal


def _moment(node: Node) -> Any:
    text = node["text"].removesuffix("T")
    read(text[1:])
    return _theirs["DateTimeLiteral"]({}, [], {"text": text})[0]


_RULES: Mapping[str, Callable[[Node, _Make, _Keep], Node]] = {
    "InvocationExpression": _invocation,
    "MemberInvocation": lambda node, _, keep: _call("=member", keep([text_of(node["children"][0]["text"])])),
    "TypeExpression": _typed,
    "PolarityExpression": _signed,
    "IndexerExpression": _indexed,
    "ExternalConstantTerm": _external,
    "FunctionInvocation": _function,
    "StringLiteral": _literal(lambda node: text_of(node["text"])),
    "NumberLiteral": _literal(lambda node: (Decimal if "." in node["text"] else int)(node["text"])),
    "DateTimeLiteral": _literal(_moment),
    **{
        f"{kind}Literal": _literal(lambda node: _theirs[node["type"]]({}, [], node)[0])
        for kind in ("Time", "Quantity")
    },
}


def _dotted(node: Node) -> str:
    return ".".join(text_of(leaf["text"]) for leaf in walk(node) if leaf["type"] == "Identifier")


def _after(value: Node, call: Node) -> Node:
    return {"type": "InvocationExpression", "children": [value, call]}


def _variable(name: str) -> Node:
    return {"type": "ExternalConstantTerm", "children": [{"children": [{"text": name}]}]}


def _call(name: str, *given: Node) -> Node:
    parameters: list[Node] = [{"type": "ParamList", "children": [*given]}] if given else []
    functn = {"type": "Functn", "children": [{"type": "Identifier", "text": name}, *parameters]}
    return {"type": "FunctionInvocation", "children": [functn]}
