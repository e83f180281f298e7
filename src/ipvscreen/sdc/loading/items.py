"""One item of a Questionnaire and the items under it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ipvscreen.sdc.form import Code, Control, Item
from ipvscreen.sdc.loading import typed
from ipvscreen.sdc.loading.conditions import conditions, enable_any
from ipvscreen.sdc.loading.extensions import ON_ITEM, Extensions
from ipvscreen.sdc.loading.formulas import Names, constraints, formulas, variables
from ipvscreen.sdc.loading.node import Node
from ipvscreen.sdc.loading.options import OFFERS, offer
from ipvscreen.sdc.loading.outline import TYPES, children
from ipvscreen.sdc.loading.reading import Offer, Reading
from ipvscreen.sdc.loading.traits import traits
from ipvscreen.sdc.loading.units import units

_QUESTIONS = TYPES - {"group", "display"}
_ITEM = frozenset(
    {"id", "extension", "linkId", "definition", "code", "prefix", "_prefix", "text", "_text", "type", "item"}
    | {"enableWhen", "enableBehavior", "required", "repeats", "readOnly", "maxLength", "answerOption"}
    | {"answerValueSet", "initial"}
)
# Elements that fit some types only (R4 Questionnaire, que-1 to que-10, and what a page can do).
_FITS: Mapping[str, Collection[str]] = {
    "answerOption": OFFERS,
    "answerValueSet": {"choice", "open-choice"},
    "maxLength": {"string", "text", "url", "open-choice"},
    "initial": _QUESTIONS,
    "required": TYPES - {"display"},
    "repeats": TYPES - {"display", "boolean"},
    "readOnly": TYPES - {"display"},
    "item": TYPES - {"display"},
}


@dataclass(frozen=True, slots=True)
class Above:
    """What an item takes from those that hold it; `names` are the variables that it may use."""

    names: Names
    hidden: bool = False
    read_only: bool = False
    top: bool = True


def items(parent: Node, reading: Reading, above: Above) -> tuple[Item, ...]:
    """The items right under `parent`, with those under them."""
    return tuple(_item(node, reading, above) for node in children(parent, reading.places))


def codes(node: Node) -> tuple[Code, ...]:
    """The Codings of an item or a panel, without those that name no code of a system."""
    found = node.each("code", lambda coding: coding)
    for coding in found:
        coding.only(("id", "system", "version", "code", "display", "_display", "userSelected"))
    return tuple(
        Code(coding.text("system"), coding.text("code"), coding.optional_text("display"))
        for coding in found
        if coding.body.get("system") and coding.body.get("code")
    )


def _item(node: Node, reading: Reading, above: Above) -> Item:
    node.only(_ITEM)
    kind = node.body["type"]
    extensions = Extensions(node, ON_ITEM)
    fits = Node(
        {key: part for key, part in node.body.items() if _fits(node, key, kind)}, node.path, node.report
    )
    own = traits(extensions, kind) | units(extensions, kind, reading)
    inner = variables(extensions, above.names)
    names = (*above.names, *(variable.name for variable in inner))
    fields: dict[str, Any] = {
        "code": node.attempt(lambda: codes(node), ()),
        "required": fits.attempt(lambda: fits.flag("required"), False),
        "repeats": fits.attempt(lambda: fits.flag("repeats"), False),
        "max_length": fits.attempt(lambda: fits.integer("maxLength", least=1), None),
        "enable_when": conditions(node, reading),
        "enable_any": node.attempt(lambda: enable_any(node), False),
        "variables": inner,
        "constraints": constraints(extensions, names, reading.tongue),
        **own,
        **_words(node, reading, bool(own.get("hidden")) or above.hidden),
        **_offered(fits, reading),
        **formulas(extensions, kind, names),
        "hidden": bool(own.get("hidden")) or above.hidden,
        "read_only": fits.attempt(lambda: fits.flag("readOnly"), False) or above.read_only,
    }
    under = Above(names, fields["hidden"], fields["read_only"], top=False)
    item = Item(link_id=node.body["linkId"], type=kind, **fields, items=items(fits, reading, under))
    _check(node, item, above.top)
    return item


def _fits(node: Node, key: str, kind: str) -> bool:
    """Whether an element means anything on an item of this type; `false` and an empty list never do."""
    if kind in _FITS.get(key, (kind,)) or not node.body[key]:
        return True
    node.note(f"is not supported on an item of type '{kind}'.", key)
    return key == "answerValueSet"  # what is answered is to be a code of it all the same


def _words(node: Node, reading: Reading, hidden: bool) -> dict[str, Any]:
    words = node.attempt(lambda: reading.tongue.words(node, "text"), None)
    if words is None and not hidden and node.body["type"] != "group":
        node.note("is missing.", "text")
    return {
        "text": words.text if words else "",
        "html": words.html if words else None,
        "prefix": node.attempt(lambda: reading.tongue.text(node, "prefix"), None),
    }


def _offered(node: Node, reading: Reading) -> dict[str, Any]:
    kind = node.body["type"]
    if kind not in OFFERS:
        return {"initial": _initial(node, typed.ANSWERS[kind])} if kind in _QUESTIONS else {}
    found = offer(reading, node)
    initial = _initial(node, typed.ANSWERS[kind] if not found.options else OFFERS[kind] + ("String",))
    if initial and node.body.get("answerOption"):
        node.note("stands beside answerOption: initialSelected says what is selected at first.", "initial")
    _check_initial(node, initial, found)
    return {
        "options": found.options,
        "initial": initial or found.selected,
        "unchecked_options": found.elsewhere is not None,
        "value_set": found.elsewhere,
    }


def _initial(node: Node, allowed: Collection[str]) -> tuple[Mapping[str, Any], ...]:
    found = node.each("initial", lambda initial: _value(initial, allowed))
    if len(found) > 1 and node.body.get("repeats") is not True:
        node.note("holds more than one value.", "initial")
    return found


def _value(initial: Node, allowed: Collection[str]) -> Mapping[str, Any]:
    initial.only({"id", *(f"value{kind}" for kind in allowed)})
    return typed.read(initial, allowed)


def _check_initial(node: Node, initial: tuple[Mapping[str, Any], ...], offered: Offer) -> None:
    if node.body["type"] != "choice" or not offered.options:
        return
    for element in initial:
        if not offered.holds(element):
            node.note("is not an answer that the item offers.", "initial")


def _check(node: Node, item: Item, top: bool) -> None:
    """What no part of an item shows by itself."""
    for wrong, sentence in (
        (item.type == "attachment", "'attachment' is validated, not rendered."),
        (item.control is Control.PAGE and not top, "is a page inside another item."),
        (item.control is Control.CHECK_BOX and _single(item), "has check-boxes but takes one answer."),
        (item.control is Control.RADIO and item.repeats, "has radio-buttons but takes several answers."),
        (_wrong_order(item.min_value, item.max_value), "has a smallest value above its largest."),
        (_above(item.min_length, item.max_length), "has a smallest length above its largest."),
        (_above(item.min_occurs, item.max_occurs), "must be answered more often than it may be."),
        (not item.repeats and _above(max(item.min_occurs or 0, item.max_occurs or 0), 1), "does not repeat."),
        (item.initial and item.initial_expression, "has both initial and an initialExpression."),
        (item.enable_when and item.enable_expression, "has both enableWhen and an enableWhenExpression."),
    ):
        if wrong:
            node.note(sentence)


def _single(item: Item) -> bool:
    return item.type != "boolean" and not item.repeats


def _above(least: int | None, most: int | None) -> bool:
    return least is not None and most is not None and least > most


def _wrong_order(least: Mapping[str, Any] | None, most: Mapping[str, Any] | None) -> bool:
    """Only for numbers, and for dates and times of one precision; the rest is compared with the answers."""
    if not least or not most:
        return False
    low, high = (next(iter(limit.values())) for limit in (least, most))
    if isinstance(low, str) and isinstance(high, str):
        return len(low) == len(high) and low > high and "T" not in low  # offsets may differ
    numbers = int | Decimal
    return isinstance(low, numbers) and isinstance(high, numbers) and low > high
