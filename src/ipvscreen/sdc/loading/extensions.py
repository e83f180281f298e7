"""The extensions that are known: read, harmless to leave out, or refused; any other is refused by its url."""

from collections.abc import Iterator
from enum import StrEnum

from ipvscreen.sdc.loading.node import Node

# http://hl7.org/fhir/R4/extensibility-registry.html and http://hl7.org/fhir/uv/sdc/STU3/artifacts.html
_CORE = "http://hl7.org/fhir/StructureDefinition/"
_SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"


class Ext(StrEnum):
    """Those that are read."""

    CALCULATED = _SDC + "calculatedExpression"
    CHOICE_ORIENTATION = _CORE + "questionnaire-choiceOrientation"
    CONSTRAINT = _CORE + "questionnaire-constraint"
    ENABLE_EXPRESSION = _SDC + "enableWhenExpression"
    HIDDEN = _CORE + "questionnaire-hidden"
    INITIAL_EXPRESSION = _SDC + "initialExpression"
    ITEM_CONTROL = _CORE + "questionnaire-itemControl"
    ITEM_WEIGHT = _CORE + "itemWeight"
    LAUNCH_CONTEXT = _SDC + "launchContext"
    MARKDOWN = _CORE + "rendering-markdown"
    MAX_DECIMAL_PLACES = _CORE + "maxDecimalPlaces"
    MAX_OCCURS = _CORE + "questionnaire-maxOccurs"
    MAX_QUANTITY = _SDC + "maxQuantity"
    MAX_SIZE = _CORE + "maxSize"
    MAX_VALUE = _CORE + "maxValue"
    MIME_TYPE = _CORE + "mimeType"
    MIN_LENGTH = _CORE + "minLength"
    MIN_OCCURS = _CORE + "questionnaire-minOccurs"
    MIN_QUANTITY = _SDC + "minQuantity"
    MIN_VALUE = _CORE + "minValue"
    OPTION_EXCLUSIVE = _CORE + "questionnaire-optionExclusive"
    OPTION_PREFIX = _CORE + "questionnaire-optionPrefix"
    ORDINAL_VALUE = _CORE + "ordinalValue"
    REFERENCE_RESOURCE = _CORE + "questionnaire-referenceResource"
    REGEX = _CORE + "regex"
    TARGET_CONSTRAINT = _CORE + "targetConstraint"
    TRANSLATION = _CORE + "translation"
    UNIT = _CORE + "questionnaire-unit"
    UNIT_OPEN = _SDC + "unitOpen"
    UNIT_OPTION = _CORE + "questionnaire-unitOption"
    UNIT_VALUE_SET = _CORE + "questionnaire-unitValueSet"
    VARIABLE = _CORE + "variable"


ON_FORM = frozenset({Ext.CONSTRAINT, Ext.LAUNCH_CONTEXT, Ext.TARGET_CONSTRAINT, Ext.VARIABLE})
ON_OPTION = frozenset({Ext.ITEM_WEIGHT, Ext.OPTION_EXCLUSIVE, Ext.OPTION_PREFIX, Ext.ORDINAL_VALUE})
ON_CODING = frozenset({Ext.ITEM_WEIGHT, Ext.ORDINAL_VALUE})
ON_TEXT = frozenset({Ext.MARKDOWN, Ext.TRANSLATION})
ON_ITEM = frozenset(Ext) - ON_OPTION - ON_TEXT - {Ext.LAUNCH_CONTEXT}

# Notes to authors, hints on looks, and what is done with answers elsewhere: without them, the same is asked.
HARMLESS = frozenset(
    {_CORE + name for name in ("designNote", "entryFormat", "preferredTerminologyServer", "replaces")}
    | {_CORE + f"artifact-{name}" for name in ("author", "contact", "copyrightLabel", "date", "topic")}
    | {_CORE + f"cqf-{name}" for name in ("library", "publicationDate", "publicationStatus", "scope")}
    | {_CORE + f"questionnaire-{name}" for name in ("baseType", "derivationType", "displayCategory")}
    | {_CORE + f"questionnaire-{name}" for name in ("fhirType", "sliderStepValue", "supportLink")}
    | {_CORE + f"rendering-{name}" for name in ("style", "xhtml")}
    | {_CORE + f"resource-{name}" for name in ("approvalDate", "lastReviewDate")}
    | {_CORE + f"structuredefinition-{name}" for name in ("fmm", "standards-status", "wg")}
    | {_CORE + f"valueset-{name}" for name in ("conceptOrder", "label")}
    | {_SDC + name for name in ("choiceColumn", "collapsible", "columnCount", "derivationType", "endpoint")}
    | {_SDC + name for name in ("itemExtractionContext", "keyboard", "optionalDisplay", "performerType")}
    | {_SDC + name for name in ("observation-extract-category", "observationExtract", "width")}
    | {_SDC + name for name in ("observationLinkPeriod", "preferredTerminologyServer", "shortText")}
    | {_SDC + f"templateExtract{name}" for name in ("", "Bundle", "Context", "Value")}
    | {_SDC + name for name in ("targetStructureMap", "terminologyServer")}
)

# Known, and never done here: without them, something else would be asked or offered.
REFUSED = {
    _CORE + "cqf-calculatedValue": "a value that is calculated when the form is read is not supported.",
    _CORE + "cqf-expression": "a text that is calculated is not supported.",
    _CORE + "questionnaire-referenceFilter": "looking for what a reference may point to is not supported.",
    _CORE + "questionnaire-referenceProfile": "what a reference points to is not fetched, so not checked.",
    _CORE + "questionnaire-signatureRequired": "signing is not supported.",
    _CORE + "questionnaire-usageMode": "one form for asking and another for showing is not supported.",
    _CORE + "rendering-styleSensitive": "a text whose looks change its meaning is not supported.",
    _SDC + "answerExpression": "options that are calculated are not supported.",
    _SDC + "answerOptionsToggleExpression": "options that come and go are not supported.",
    _SDC + "assemble-expectation": "a form must be assembled before it is loaded.",
    _SDC + "assembleContext": "a form must be assembled before it is loaded.",
    _SDC + "candidateExpression": "answers that are proposed are not supported.",
    _SDC + "contextExpression": "information that is looked up is not supported.",
    _SDC + "entryMode": "a prescribed order of answering is not supported.",
    _SDC + "isSubject": "an answer that changes who the form is about is not supported.",
    _SDC + "itemPopulationContext": "filling a form by queries is not supported.",
    _SDC + "lookupQuestionnaire": "looking for another form is not supported.",
    _SDC + "openLabel": "words of one's own for 'Other' are not supported.",
    _SDC + "sourceQueries": "filling a form by queries is not supported.",
    _SDC + "sourceStructureMap": "filling a form by a StructureMap is not supported.",
    _SDC + "subQuestionnaire": "a form must be assembled before it is loaded.",
    _SDC + "unitSupplementalSystem": "units that are looked up in a code system are not supported.",
}


class Extensions:
    """The extensions of one element, after all that are not known were refused."""

    def __init__(self, node: Node, here: frozenset[Ext]) -> None:
        """Those of `node`; `here` are the ones that are read at this place."""
        self.node = node
        self._found = node.each("extension", lambda extension: _known(extension, here))

    def all(self, url: Ext) -> Iterator[Node]:
        """Those with this url, in order."""
        return (extension for extension in self._found if extension.body["url"] == url)

    def one(self, url: Ext) -> Node | None:
        """The one with this url, or None; two are refused."""
        found = list(self.all(url))
        if len(found) > 1:
            found[1].note(f"'{url}' is used twice.", "url")
        return found[0] if found else None


def _known(extension: Node, here: frozenset[Ext]) -> Node:
    url = extension.text("url")
    if url in REFUSED:
        raise extension.refuse(f"'{url}': {REFUSED[url]}", "url")
    if url not in here and url not in HARMLESS:
        raise extension.refuse(f"'{url}' is not supported here.", "url")
    return extension
