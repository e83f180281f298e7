"""The units of a quantity, and what a reference or an attachment may be."""

from collections.abc import Mapping
from typing import Any

from ipvscreen.sdc.form import Unit
from ipvscreen.sdc.loading import typed
from ipvscreen.sdc.loading.extensions import Ext, Extensions
from ipvscreen.sdc.loading.node import Node
from ipvscreen.sdc.loading.reading import Reading
from ipvscreen.sdc.loading.value_sets import concepts

_FITS: Mapping[Ext, frozenset[str]] = {
    Ext.UNIT: frozenset({"integer", "decimal", "quantity"}),
    Ext.UNIT_OPTION: frozenset({"quantity"}),
    Ext.UNIT_OPEN: frozenset({"quantity"}),
    Ext.UNIT_VALUE_SET: frozenset({"quantity"}),
    Ext.REFERENCE_RESOURCE: frozenset({"reference"}),
    Ext.MIME_TYPE: frozenset({"attachment"}),
}
# http://hl7.org/fhir/R5/valueset-questionnaire-answer-constraint.html
_OPEN = {"optionsOnly": False, "optionsOrType": True, "optionsOrString": True}


def units(extensions: Extensions, kind: str, reading: Reading) -> dict[str, Any]:
    """Fields of the Item, as far as there are extensions for them; refused on a type they do not fit."""
    found: dict[str, Any] = {}
    for url, kinds in _FITS.items():
        for extension in extensions.all(url):
            if kind in kinds:
                extension.attempt(lambda node=extension, url=url: _add(node, url, reading, found), None)  # type: ignore[misc]
            else:
                extension.note(f"'{url}' is not supported on an item of type '{kind}'.", "url")
    return found


def _add(extension: Node, url: Ext, reading: Reading, found: dict[str, Any]) -> None:
    if url is Ext.UNIT:
        found["unit"] = _unit(extension)
    elif url is Ext.UNIT_OPTION:
        found["units"] = (*found.get("units", ()), _unit(extension))
    elif url is Ext.UNIT_OPEN:
        found["unit_open"] = _open(extension)
    elif url is Ext.UNIT_VALUE_SET:
        found |= _of_value_set(extension, reading)
    else:
        name = "references" if url is Ext.REFERENCE_RESOURCE else "mime_types"
        found[name] = (*found.get(name, ()), _code(extension))


def _code(extension: Node) -> str:
    extension.only(("id", "url", "valueCode"))
    return extension.text("valueCode")


def _open(extension: Node) -> bool:
    code = _code(extension)
    if code not in _OPEN:
        raise extension.refuse(f"must be one of {', '.join(_OPEN)}.", "valueCode")
    return _OPEN[code]


def _unit(extension: Node) -> Unit:
    extension.only(("id", "url", "valueCoding"))
    coding = typed.read(extension, ("Coding",))["valueCoding"]
    node = extension.child("valueCoding")
    return Unit(
        node.optional_text("display") or coding.get("code", ""),
        node.optional_text("system"),
        coding.get("code"),
    )


def _of_value_set(extension: Node, reading: Reading) -> dict[str, Any]:
    extension.only(("id", "url", "valueCanonical"))
    url = extension.text("valueCanonical")
    if url not in reading.value_sets:
        extension.note("is a value set that the Questionnaire does not contain.", "valueCanonical")
        return {"unit_value_set": url}
    options = concepts(reading.value_sets[url], reading.tongue)
    return {"units": tuple(Unit(option.display, option.system, option.code) for option in options)}
