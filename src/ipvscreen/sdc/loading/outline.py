"""Which items a Questionnaire holds, by linkId, before any of them is read: they may refer to later ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.loading.node import Node

TYPES = frozenset(
    {"group", "display", "boolean", "decimal", "integer", "date", "dateTime", "time", "string", "text", "url"}
    | {"choice", "open-choice", "quantity", "reference", "attachment"}
)
# Levels of items. Deeper ones are hard to read on a page, and a hostile file would nest without end.
DEEPEST = 12
MOST_ITEMS = 2000  # of one form, so that it is read in under a second
# Stands between a linkId and the place of a repeated item in the names of form controls.
KEPT = "~"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item stands; `above` is the linkId of the item that holds it."""

    node: Node
    above: str | None

    @property
    def type(self) -> str:
        """Its type, one of TYPES."""
        return str(self.node.body["type"])


def outline(questionnaire: Node) -> Mapping[str, Place]:
    """Every item by linkId, parents first; without linkId or type, nothing can be said about an item."""
    found: dict[str, Place] = {}
    waiting: list[tuple[Node, str | None, int]] = [(questionnaire, None, 0)]
    while waiting:
        node, above, depth = waiting.pop()
        if depth:
            above = _note(node, above, found)
        if depth == DEEPEST and node.body.get("item"):
            raise node.refuse(f"is nested more than {DEEPEST} levels deep.", "item")
        if len(found) > MOST_ITEMS:
            raise questionnaire.refuse(f"holds more than {MOST_ITEMS} items.", "item")
        if above is not None or not depth:
            waiting.extend((child, above, depth + 1) for child in reversed(_children(node)))
    return found


def children(node: Node, places: Mapping[str, Place]) -> Iterator[Node]:
    """The items right under `node` that are in the outline."""
    for child in _children(node):
        link_id = child.body.get("linkId")
        if isinstance(link_id, str) and link_id in places and places[link_id].node.path == child.path:
            yield child


def _children(node: Node) -> tuple[Node, ...]:
    return node.attempt(lambda: tuple(node.children("item")), ())


def _note(node: Node, above: str | None, found: dict[str, Place]) -> str | None:
    try:
        link_id, kind = node.text("linkId"), node.text("type")
        if link_id in found:
            raise node.refuse("is used twice.", "linkId")
        if kind not in TYPES and kind != "question":
            raise node.refuse(f"'{kind}' is not supported.", "type")
    except FormRefused as refused:
        node.report.fatal(refused)
        return None
    if kind == "question":
        node.note("'question' is abstract: nothing can answer it.", "type")
    if KEPT in link_id:
        node.note(f"'{KEPT}' is kept for repeated items.", "linkId")
    found[link_id] = Place(node, above)
    return link_id
