"""A FHIR R4 Questionnaire → a form; whatever could not be rendered faithfully is refused, with its path."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.answers import PASS
from ipvscreen.sdc.form import Code, Condition, Form, Item, Option
from ipvscreen.sdc.node import Node

# http://hl7.org/fhir/R4/extension-ordinalvalue.html and extension-minvalue.html
ORDINAL_VALUE = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
MIN_VALUE = "http://hl7.org/fhir/StructureDefinition/minValue"

TYPES = frozenset({"group", "display", "choice", "integer", "string"})
# Levels of groups. Deeper ones are hard to read on a page, and a hostile file would nest without end.
DEEPEST = 8

# Elements that say what a Questionnaire is and do not change how it is asked.
_ABOUT = frozenset(
    {"resourceType", "id", "meta", "text", "language", "identifier", "experimental", "date", "publisher"}
    | {"contact", "description", "useContext", "jurisdiction", "purpose", "approvalDate", "lastReviewDate"}
    | {"effectivePeriod", "subjectType"}
)
_FORM = _ABOUT | {"url", "version", "name", "title", "status", "copyright", "code", "item"}
_ITEM = frozenset(
    {"id", "extension", "linkId", "definition", "code", "text", "type", "enableWhen", "enableBehavior"}
    | {"required", "repeats", "maxLength", "answerOption", "item"}
)
_ONLY_FOR = {
    "answerOption": "choice",
    "repeats": "choice",
    "maxLength": "string",
    "extension": "integer",
    "item": "group",
}


def load_form(questionnaire: Mapping[str, Any]) -> Form:
    """The form of a Questionnaire (FHIR R4 JSON); FormRefused names the path of what is not supported."""
    node = Node(questionnaire, "Questionnaire")
    node.only(_FORM)
    for key, must_be in (("resourceType", "Questionnaire"), ("status", "active")):
        if node.text(key) != must_be:
            raise node.refuse(f"must be '{must_be}'.", key)
    seen: dict[str, Item] = {}
    form = Form(
        name=node.text("name").lower().replace("_", "-"),
        url=node.text("url"),
        version=node.text("version"),
        title=node.text("title"),
        copyright=node.text("copyright"),
        code=_codes(node),
        items=_items(node, seen, depth=1),
    )
    if not form.questions():
        raise node.refuse("must hold at least one question.", "item")
    return form


def _items(parent: Node, seen: dict[str, Item], depth: int) -> tuple[Item, ...]:
    if depth > DEEPEST and parent.body.get("item"):
        raise parent.refuse(f"is nested more than {DEEPEST} levels deep.", "item")
    return tuple(_item(node, seen, depth) for node in parent.children("item"))


def _item(node: Node, seen: dict[str, Item], depth: int) -> Item:
    node.only(_ITEM)
    link_id, kind = node.text("linkId"), node.text("type")
    if link_id in seen:
        raise node.refuse("is used twice.", "linkId")
    if kind not in TYPES:
        raise node.refuse(f"'{kind}' is not supported.", "type")
    _check_elements(node, kind)
    item = Item(
        link_id=link_id,
        text=node.text("text"),
        type=kind,
        options=_options(node) if kind == "choice" else (),
        code=_codes(node),
        required=node.flag("required"),
        repeats=node.flag("repeats"),
        max_length=_max_length(node),
        min_value=_min_value(node),
        enable_when=tuple(_condition(condition, seen) for condition in node.children("enableWhen")),
        enable_any=_enable_any(node),
    )
    seen[link_id] = item  # before its children, so that they cannot reuse its linkId
    return replace(item, items=_items(node, seen, depth + 1))


def _check_elements(node: Node, kind: str) -> None:
    for key, owner in _ONLY_FOR.items():
        if kind != owner and node.body.get(key):
            raise node.refuse(f"is not supported on an item of type '{kind}'.", key)
    if kind in ("group", "display") and node.flag("required"):
        raise node.refuse(f"is not supported on an item of type '{kind}'.", "required")


def _codes(node: Node) -> tuple[Code, ...]:
    return tuple(_code(coding) for coding in node.children("code"))


def _code(node: Node) -> Code:
    node.only(("id", "system", "version", "code", "display"))
    return Code(node.text("system"), node.text("code"), node.optional_text("display"))


def _options(node: Node) -> tuple[Option, ...]:
    options = tuple(_option(option) for option in node.children("answerOption"))
    codes = [option.code for option in options]
    if not codes:
        raise node.refuse("must offer at least one answer.", "answerOption")
    if len(set(codes)) < len(codes):
        raise node.refuse("offers one code twice.", "answerOption")
    return options


def _option(node: Node) -> Option:
    node.only(("id", "extension", "valueCoding"))
    coding = node.child("valueCoding")
    coding.only(("id", "extension", "system", "version", "code", "display"))
    code = coding.text("code")
    if code == PASS:
        raise coding.refuse("'pass' is kept for an answer that is not given.", "code")
    weights = [_weight(extension) for holder in (node, coding) for extension in holder.children("extension")]
    if len(weights) > 1:
        raise node.refuse("has more than one weight.", "extension")
    return Option(
        code, coding.text("display"), coding.optional_text("system"), weights[0] if weights else None
    )


def _weight(extension: Node) -> Decimal:
    _expect(extension, ORDINAL_VALUE)
    extension.only(("id", "url", "valueDecimal"))
    return extension.decimal("valueDecimal")


def _expect(extension: Node, url: str) -> None:
    if extension.text("url") != url:
        raise extension.refuse(f"'{extension.text('url')}' is not supported here.", "url")


def _max_length(node: Node) -> int | None:
    length = node.integer("maxLength")
    if length is not None and length < 1:
        raise node.refuse("must be at least 1.", "maxLength")
    return length


def _min_value(node: Node) -> int | None:
    found: list[int | None] = []
    for extension in node.children("extension"):
        _expect(extension, MIN_VALUE)
        extension.only(("id", "url", "valueInteger"))
        found.append(extension.integer("valueInteger"))
    if len(found) > 1 or None in found:
        raise node.refuse("must hold one whole number as its smallest value.", "extension")
    return found[0] if found else None


def _condition(node: Node, seen: Mapping[str, Item]) -> Condition:
    node.only(("id", "question", "operator", "answerCoding"))
    if node.text("operator") != "=":
        raise node.refuse("only '=' is supported.", "operator")
    question = seen.get(node.text("question"))
    if (
        question is None
    ):  # an earlier item only: so there can be no cycle, and a page can be read from top to bottom
        raise node.refuse("must be an earlier item of this form.", "question")
    coding = node.child("answerCoding")
    answer = (coding.optional_text("system"), coding.text("code"))
    if answer not in {(option.system, option.code) for option in question.options}:
        raise node.refuse("is not an answer that the question offers.", "answerCoding")
    return Condition(question.link_id, answer[1])


def _enable_any(node: Node) -> bool:
    behaviour = node.optional_text("enableBehavior")
    if behaviour not in (None, "all", "any"):
        raise FormRefused(f"{node.path}.enableBehavior", "must be 'all' or 'any'.")
    if behaviour is None and len(list(node.children("enableWhen"))) > 1:
        raise node.refuse("is missing where there is more than one condition.", "enableBehavior")
    return behaviour == "any"
