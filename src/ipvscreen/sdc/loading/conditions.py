"""enableWhen: which answer to which question enables an item, refused where it could never be decided."""

from collections.abc import Mapping
from typing import Any

from ipvscreen.sdc.form import Condition
from ipvscreen.sdc.loading import typed
from ipvscreen.sdc.loading.node import Node
from ipvscreen.sdc.loading.options import OFFERS, offer
from ipvscreen.sdc.loading.reading import Reading

_SAME = ("=", "!=")
_OPERATORS = ("exists", *_SAME, ">", "<", ">=", "<=")
_ORDERED = frozenset({"decimal", "integer", "date", "dateTime", "time", "quantity"})
_ANSWERS = ("Boolean", "Decimal", "Integer", "Date", "DateTime", "Time", "String", "Coding", "Quantity")
_KEYS = frozenset({"id", "question", "operator"} | {f"answer{kind}" for kind in (*_ANSWERS, "Reference")})
# Types of answer[x] beside the one of the question: a whole number is a decimal, and there is no answerUri.
_ALSO = {"decimal": ("Integer",), "integer": ("Decimal",), "url": ("String",), "dateTime": ("Date",)}


def conditions(node: Node, reading: Reading) -> tuple[Condition, ...]:
    """Those of one item."""
    return node.each("enableWhen", lambda condition: _condition(condition, reading))


def enable_any(node: Node) -> bool:
    """Whether one of the conditions is enough."""
    behaviour = node.optional_text("enableBehavior")
    if behaviour not in (None, "all", "any"):
        raise node.refuse("must be 'all' or 'any'.", "enableBehavior")
    if behaviour is None and len(node.body.get("enableWhen", ())) > 1:
        raise node.refuse("is missing where there is more than one condition.", "enableBehavior")
    return behaviour == "any"


def _condition(node: Node, reading: Reading) -> Condition:
    node.only(_KEYS)
    question, operator = node.text("question"), node.text("operator")
    if operator not in _OPERATORS:
        raise node.refuse(f"must be one of {', '.join(_OPERATORS)}.", "operator")
    place = reading.places.get(question)
    if place is None or place.type in ("group", "display"):
        raise node.refuse("must be a question of this form.", "question")
    if operator not in ("exists", *_SAME) and place.type not in _ORDERED:
        raise node.refuse(f"'{operator}' has no meaning for a question of type '{place.type}'.", "operator")
    answer = typed.read(node, _allowed(operator, place.type), "answer")
    if operator in _SAME and place.type == "choice":
        _check_offered(node, place.node, answer, reading)
    return Condition(question, operator, answer)


def _allowed(operator: str, kind: str) -> tuple[str, ...]:
    if operator == "exists":
        return ("Boolean",)
    if kind in ("choice", "open-choice"):
        return OFFERS[kind]
    return typed.ANSWERS[kind] + _ALSO.get(kind, ())


def _check_offered(node: Node, question: Node, answer: Mapping[str, Any], reading: Reading) -> None:
    offered = offer(reading, question)
    if offered.elsewhere is None and not offered.holds(answer):
        raise node.refuse("is not an answer that the question offers.", next(iter(answer)))
