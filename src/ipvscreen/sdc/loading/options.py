"""The answers that an item offers: answerOption, or a value set that the Questionnaire contains."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ipvscreen.sdc.form import Option
from ipvscreen.sdc.loading import typed
from ipvscreen.sdc.loading.extensions import ON_CODING, ON_OPTION, Ext, Extensions
from ipvscreen.sdc.loading.node import Node
from ipvscreen.sdc.loading.reading import Offer, Reading, identity
from ipvscreen.sdc.loading.translation import Tongue
from ipvscreen.sdc.loading.value_sets import concepts

_ANY = ("Coding", "String", "Integer", "Date", "Time", "Reference")
# The types of item that may have options, with the types of these (R4 Questionnaire, que-5).
OFFERS: Mapping[str, tuple[str, ...]] = {
    "choice": _ANY,
    "open-choice": _ANY,
    "integer": ("Integer",),
    "date": ("Date",),
    "time": ("Time",),
    "string": ("String",),
    "text": ("String",),
    "reference": ("Reference",),
}
_OPTION = frozenset(
    {"id", "extension", "initialSelected", "_valueString"} | {f"value{kind}" for kind in _ANY}
)
_CODING = frozenset({"id", "extension", "system", "version", "code", "display", "_display", "userSelected"})
# What controls post besides options: "pass", and "~other" for an answer of one's own.
_TAKEN = frozenset({"pass", "~other"})


def offer(reading: Reading, node: Node) -> Offer:
    """What the item at `node` offers; empty where it is answered freely."""
    link_id = node.body["linkId"]
    if link_id not in reading.offers:
        reading.offers[link_id] = node.attempt(lambda: _offer(reading, node), Offer())
    return reading.offers[link_id]


def _offer(reading: Reading, node: Node) -> Offer:
    kind, by_url = node.body["type"], node.optional_text("answerValueSet")
    if by_url and node.body.get("answerOption"):
        raise node.refuse("stands beside answerOption: there may be one only.", "answerValueSet")
    if by_url:
        return _of_value_set(reading, node, by_url)
    offered = node.each("answerOption", lambda option: _option(option, OFFERS[kind], reading.tongue))
    options = _with_values(node, tuple(option for option, _ in offered))
    if not options and kind in ("choice", "open-choice"):
        raise node.refuse("must offer at least one answer.", "answerOption")
    selected = tuple(option.fhir for option, chosen in offered if chosen)
    if len(selected) > 1 and not node.flag("repeats"):
        raise node.refuse("selects more than one answer at first.", "answerOption")
    return _offered(options, selected)


def _of_value_set(reading: Reading, node: Node, url: str) -> Offer:
    if url not in reading.value_sets:
        node.note("is a value set that the Questionnaire does not contain.", "answerValueSet")
        return Offer(elsewhere=url)
    return _offered(_with_values(node, concepts(reading.value_sets[url], reading.tongue)))


def _offered(options: tuple[Option, ...], selected: tuple[Mapping[str, Any], ...] = ()) -> Offer:
    return Offer(options, selected, identities=frozenset(identity(option.fhir) for option in options))


def _option(node: Node, allowed: tuple[str, ...], tongue: Tongue) -> tuple[Option, bool]:
    node.only(_OPTION)
    fhir = typed.read(node, allowed)
    here = Extensions(node, ON_OPTION)
    holders = [here]
    if "valueCoding" in fhir:
        coding = node.child("valueCoding")
        coding.only(_CODING)
        holders.append(Extensions(coding, ON_CODING))
    prefix, exclusive = here.one(Ext.OPTION_PREFIX), here.one(Ext.OPTION_EXCLUSIVE)
    option = Option(
        *_named(node, fhir, tongue),
        weight=_weight(node, holders),
        fhir=fhir,
        prefix=tongue.text(prefix, "valueString") if prefix else None,
        exclusive=exclusive.flag("valueBoolean") if exclusive else False,
    )
    return option, node.flag("initialSelected")


def _named(node: Node, fhir: Mapping[str, Any], tongue: Tongue) -> tuple[str, str, str | None]:
    """Code, words and system of an option."""
    ((key, value),) = fhir.items()
    if key == "valueCoding":
        return _of_coding(node.child(key), tongue)
    if key == "valueReference":
        reference = node.child(key)
        code = reference.text("reference")
        return code, reference.optional_text("display") or code, None
    if key == "valueString":
        return value.strip(), tongue.text(node, key) or value, None
    return str(value), str(value), None


def _of_coding(coding: Node, tongue: Tongue) -> tuple[str, str, str | None]:
    code = coding.optional_text("code") or ""
    display = tongue.text(coding, "display")
    for key, part in (("code", code), ("display", display)):
        if not part:
            coding.note("is missing.", key)
    return code, display or code, coding.optional_text("system")


def _weight(node: Node, holders: list[Extensions]) -> Decimal | None:
    """Its ordinalValue or itemWeight, on the option or on its Coding: they must agree."""
    found = [
        (extension, _decimal(extension))
        for extensions in holders
        for url in (Ext.ORDINAL_VALUE, Ext.ITEM_WEIGHT)
        for extension in extensions.all(url)
    ]
    if len({weight for _, weight in found}) > 1:
        raise node.refuse("has weights that differ.", "extension")
    return found[0][1] if found else None


def _decimal(extension: Node) -> Decimal:
    extension.only(("id", "url", "valueDecimal"))
    return extension.decimal("valueDecimal")


def _with_values(node: Node, options: tuple[Option, ...]) -> tuple[Option, ...]:
    """The options with what their controls post, which differs from one to the next."""
    codes = Counter(option.code for option in options)
    valued = tuple(replace(option, value=_value(option, codes[option.code] > 1)) for option in options)
    if len({option.value for option in valued}) < len(valued):
        key = "answerValueSet" if "answerValueSet" in node.body else "answerOption"
        raise node.refuse("offers one code twice.", key)
    return valued


def _value(option: Option, shared: bool) -> str:
    if shared or option.code in _TAKEN:
        return f"{option.system or ''}|{option.code}" if shared else f"|{option.code}"
    return option.code
