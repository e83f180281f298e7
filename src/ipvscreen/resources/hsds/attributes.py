"""The attributes of an HSDS service that are terms of ours → values by part of the profile."""

from collections.abc import Iterable
from typing import Any

from ipvscreen.resources.hsds.node import Node
from ipvscreen.resources.service_parts import TAXONOMY, TERMS, Part, typed


def part_of(attribute: Node) -> str | None:
    """The code of our term that this attribute states; None where its taxonomy is another's."""
    for term in attribute.all("taxonomy_term"):
        named = (term.text("taxonomy"), *(one.text("uri") for one in term.all("taxonomy_detail")))
        if TAXONOMY in named:
            return term.text("code")
    return None


def values_of(attributes: Iterable[Node]) -> dict[str, list[Any]]:
    """Values by part; ValueError with place and sentence where a statement cannot be read.

    A statement that cannot be read may be a rule about whom the service does not take, so nothing is
    passed over: not a term without its row, and not a code of ours that is unknown.
    """
    found: dict[str, list[Any]] = {}
    for attribute in attributes:
        if not attribute.all("taxonomy_term"):
            raise ValueError(f"{attribute.place}: names a term that is not there.")
        code = part_of(attribute)
        if code is None:
            continue
        part = TERMS.get(code)
        if part is None:
            raise ValueError(f"{attribute.place}: '{code[:40]}' is not one of our terms.")
        found.setdefault(part.name, []).append(_value(attribute, part))
    return found


def _value(attribute: Node, part: Part) -> Any:
    text = attribute.text("value")
    if not text:
        raise ValueError(f"{attribute.place}: its '{part.term}' has no value.")
    try:
        return typed(part, text)
    except ValueError as wrong:
        raise ValueError(f"{attribute.place}: its '{part.term}' {wrong}.") from None
