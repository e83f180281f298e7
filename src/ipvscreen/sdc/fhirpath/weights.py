"""What an answer weighs: ordinalValue or itemWeight, on the Coding, the option, or a value set's concept."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from fhirpathpy.engine.nodes import ResourceNode

from ipvscreen.sdc.fhirpath.elements import bare
from ipvscreen.sdc.fhirpath.limits import Fault

_URLS = (
    "http://hl7.org/fhir/StructureDefinition/itemWeight",
    "http://hl7.org/fhir/StructureDefinition/ordinalValue",
)

Weights = Mapping[str, Mapping[Any, Decimal]]


def weighed(answer: Any, index: Any = None) -> Decimal:
    """The weight of an answer or of its Coding: its own, or that of its option in the Questionnaire.

    `index` knows which item an answer belongs to. Fault where there is no weight: it is not 0.
    """
    element = bare(answer)
    name, value = _valued(answer, element)
    own = _own(element, name) if isinstance(element, Mapping) else None
    found = own if own is not None or index is None else index.weight(element, _key(name, value))
    if found is None:
        raise Fault("An answer has no weight.")
    return Decimal(found)


def weights_of(questionnaire: Mapping[str, Any]) -> Weights:
    """By linkId and answer, every weight that the Questionnaire and its contained value sets give."""
    contained = {
        f"#{one.get('id')}": one for one in questionnaire.get("contained") or () if isinstance(one, Mapping)
    }
    found: dict[str, dict[Any, Decimal]] = {}
    stack = list(questionnaire.get("item") or ())
    while stack:
        item = stack.pop()
        stack.extend(item.get("item") or ())
        value_set = contained.get(item.get("answerValueSet"), {})
        weights = dict([*_option_weights(item), *_concept_weights(value_set)])
        found[item.get("linkId", "")] = weights
    return found


def _option_weights(item: Mapping[str, Any]) -> Iterator[tuple[Any, Decimal]]:
    for option in item.get("answerOption") or ():
        name = next((name for name in option if name.startswith("value")), "")
        weight = _own(option, name)
        if weight is not None:
            yield _key(name, option[name]), weight


def _concept_weights(value_set: Mapping[str, Any]) -> Iterator[tuple[Any, Decimal]]:
    include = (value_set.get("compose") or {}).get("include") or ()
    concepts = [(part.get("system"), concept) for part in include for concept in part.get("concept") or ()]
    expanded = (value_set.get("expansion") or {}).get("contains") or ()
    concepts += [(concept.get("system"), concept) for concept in expanded]
    for system, concept in concepts:
        weight = _extended(concept)
        if weight is not None:
            yield _key("valueCoding", {"system": system, "code": concept.get("code")}), weight


def _valued(answer: Any, element: Any) -> tuple[str, Any]:
    """The name and value of value[x]; a value by itself keeps the name that its path ends with."""
    if isinstance(element, Mapping) and "code" not in element:
        name = next((name for name in element if name.startswith("value")), "")
        return name, element.get(name)
    path = answer.path if isinstance(answer, ResourceNode) else None
    return ("valueCoding" if isinstance(element, Mapping) else f"value{path}"), element


def _own(element: Mapping[str, Any], name: str) -> Decimal | None:
    """On the element itself, on its value, or on the primitive value's `_value`."""
    places = (element, element.get(name), element.get(f"_{name}"))
    found = (_extended(place) for place in places if isinstance(place, Mapping))
    return next((weight for weight in found if weight is not None), None)


def _extended(element: Mapping[str, Any]) -> Decimal | None:
    for extension in element.get("extension") or ():
        if extension.get("url") in _URLS and "valueDecimal" in extension:
            return Decimal(str(extension["valueDecimal"]))
    return None


def _key(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get("system"), value.get("code")
    return name, value
