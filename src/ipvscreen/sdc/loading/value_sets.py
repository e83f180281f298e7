"""A contained ValueSet → options: its expansion, or the concepts that it lists one by one."""

from collections.abc import Iterator, Mapping

from ipvscreen.sdc.form import Option
from ipvscreen.sdc.loading.extensions import ON_CODING, Ext, Extensions
from ipvscreen.sdc.loading.node import Node
from ipvscreen.sdc.loading.translation import Tongue

_INCLUDE = frozenset({"id", "system", "version", "concept"})
_CONCEPT = frozenset({"id", "extension", "code", "display", "_display", "designation"})
_EXPANDED = _CONCEPT | {"system", "version", "contains", "abstract", "inactive"}


def contained(questionnaire: Node) -> Mapping[str, Node]:
    """The ValueSets that a Questionnaire contains, by `#id` and by url."""
    found: dict[str, Node] = {}
    for node in questionnaire.each("contained", lambda node: node):
        if node.body.get("resourceType") == "ValueSet":
            names = (f"#{node.body.get('id')}", node.body.get("url"))
            found |= {name: node for name in names if isinstance(name, str)}
    return found


def concepts(value_set: Node, tongue: Tongue) -> tuple[Option, ...]:
    """Every code of it; refused where they are not all there to be read."""
    for key in ("modifierExtension", "implicitRules"):
        if key in value_set.body:
            raise value_set.refuse("is not supported.", key)
    if "expansion" in value_set.body:
        options = tuple(_expanded(value_set.child("expansion"), tongue))
    else:
        options = tuple(_composed(value_set.child("compose"), tongue))
    if not options:
        raise value_set.refuse("holds no code.")
    return options


def _composed(compose: Node, tongue: Tongue) -> Iterator[Option]:
    compose.only(("id", "lockedDate", "inactive", "include"))
    for include in compose.children("include"):
        include.only(_INCLUDE)
        system = include.text("system")
        if not include.body.get("concept"):
            raise include.refuse("is missing: a whole code system is not looked up.", "concept")
        for concept in include.children("concept"):
            concept.only(_CONCEPT)
            yield _option(concept, system, include.optional_text("version"), tongue)


def _expanded(expansion: Node, tongue: Tongue) -> Iterator[Option]:
    seen = 0
    waiting = list(reversed(list(expansion.children("contains"))))
    while waiting:
        concept = waiting.pop()
        concept.only(_EXPANDED)
        waiting.extend(reversed(list(concept.children("contains"))))
        seen += 1
        if not concept.flag("abstract") and "code" in concept.body:
            yield _option(concept, concept.text("system"), concept.optional_text("version"), tongue)
    total = expansion.integer("total", least=0)
    if total is not None and total > seen:
        raise expansion.refuse("is not all of the value set.", "total")


def _option(concept: Node, system: str, version: str | None, tongue: Tongue) -> Option:
    code = concept.text("code")
    display = concept.optional_text("display")
    if display is None:
        concept.note("is missing.", "display")
    coding = {"system": system, "version": version, "code": code, "display": display}
    weights = {
        extension.decimal("valueDecimal")
        for url in (Ext.ORDINAL_VALUE, Ext.ITEM_WEIGHT)
        for extension in Extensions(concept, ON_CODING).all(url)
    }
    if len(weights) > 1:
        raise concept.refuse("has weights that differ.", "extension")
    return Option(
        code,
        tongue.choose(_designations(concept)) or tongue.text(concept, "display") or code,
        system,
        weights.pop() if weights else None,
        fhir={"valueCoding": {key: part for key, part in coding.items() if part is not None}},
    )


def _designations(concept: Node) -> Mapping[str, str]:
    return {
        designation.text("language"): designation.text("value")
        for designation in concept.children("designation")
        if "language" in designation.body
    }
