"""A FHIR R4 Questionnaire → a form; whatever could not be rendered faithfully is refused, with its path."""

import copy
import re
from collections.abc import Mapping
from typing import Any

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.answering.fields import size
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.loading.extensions import ON_FORM, Extensions
from ipvscreen.sdc.loading.formulas import constraints, launch, variables
from ipvscreen.sdc.loading.items import Above, codes, items
from ipvscreen.sdc.loading.node import Mode, Node, Report
from ipvscreen.sdc.loading.order import refuse_cycles
from ipvscreen.sdc.loading.outline import outline
from ipvscreen.sdc.loading.reading import Reading
from ipvscreen.sdc.loading.translation import Tongue
from ipvscreen.sdc.loading.value_sets import contained

# Elements that say what a Questionnaire is and do not change how it is asked.
_ABOUT = frozenset(
    {"resourceType", "id", "meta", "text", "language", "identifier", "experimental", "date", "publisher"}
    | {"contact", "description", "useContext", "jurisdiction", "purpose", "approvalDate", "lastReviewDate"}
    | {"effectivePeriod", "subjectType", "derivedFrom", "copyright"}
    | {"_description", "_purpose", "_publisher", "_copyright"}
)
_KNOWN = _ABOUT | {
    "url",
    "version",
    "name",
    "title",
    "_title",
    "status",
    "code",
    "item",
    "contained",
    "extension",
}
MOST_PLACES_SHOWN = 5_000  # what repeats inside what repeats multiplies
_STEP = re.compile(r"([^.\[]+)(?:\[(\d+)\])?")


def load_form(questionnaire: Mapping[str, Any], *, language: str | None = None) -> Form:
    """The form of a Questionnaire (FHIR R4 JSON); FormRefused names the path of what is not supported.

    With `language` (BCP 47), in its translation to that language as far as there is one; `Form.language`
    is that language only if nothing lacked a translation.
    """
    return _read(questionnaire, Report(), language)


def problems(questionnaire: Mapping[str, Any]) -> tuple[FormRefused, ...]:
    """Everything that `load_form` would refuse, in the order of the file."""
    report = Report(Mode.GATHER)
    try:
        _read(questionnaire, report, None)
    except FormRefused as refused:  # after which nothing more could be read
        report.found.append(refused)
    by_words = {str(refused): refused for refused in report.found}
    return tuple(sorted(by_words.values(), key=lambda refused: _position(questionnaire, refused.path)))


def define(questionnaire: Mapping[str, Any]) -> Form:
    """The form of any Questionnaire, only to check answers against it.

    What is merely not rendered is let be, and an extension or condition that cannot be read is left out;
    FormRefused where nothing could be checked: an item without linkId or with an unknown type.
    """
    return _read(questionnaire, Report(Mode.LET_BE), None)


def _read(questionnaire: Mapping[str, Any], report: Report, language: str | None) -> Form:
    node = Node(questionnaire, "Questionnaire", report)
    if node.body.get("resourceType") != "Questionnaire":
        report.fatal(_must_be(node, "resourceType", "Questionnaire"))
    node.only(_KNOWN)
    if node.body.get("status") != "active":
        report.add(_must_be(node, "status", "active"))
    places = outline(node)
    tongue = Tongue(language, node.attempt(lambda: node.optional_text("language"), None))
    reading = Reading(places, tongue, contained(node))
    extensions = Extensions(node, ON_FORM)
    at_launch = launch(extensions)
    known = variables(extensions, at_launch)
    names = (*at_launch, *(variable.name for variable in known))
    url = node.attempt(lambda: node.text("url"), "")  # a response says by it what was asked
    name = _text(node, "name") or _text(node, "id") or url.rstrip("/").rpartition("/")[2]
    form = Form(
        name=name.lower().replace("_", "-"),
        url=url,
        version=_text(node, "version"),
        title=node.attempt(lambda: tongue.text(node, "title"), None) or name,
        copyright=_text(node, "copyright"),
        code=node.attempt(lambda: codes(node), ()),
        items=items(node, reading, Above(names)),
        language=tongue.spoken,
        variables=known,
        constraints=constraints(extensions, names, tongue),
        launch=at_launch,
        source=_copy(node),
    )
    if not form.questions():
        node.note("must hold at least one question.", "item")
    if size(form) > MOST_PLACES_SHOWN:
        node.note(f"would show more than {MOST_PLACES_SHOWN} items at once.", "item")
    refuse_cycles(form, places, report)
    return form


def _copy(node: Node) -> Mapping[str, Any]:
    try:
        return copy.deepcopy(dict(node.body))  # whoever holds the file may change it
    except RecursionError:
        raise node.refuse("is nested too deeply.") from None


def _must_be(node: Node, key: str, value: str) -> FormRefused:
    return node.refuse("is missing." if key not in node.body else f"must be '{value}'.", key)


def _text(node: Node, key: str) -> str:
    return node.attempt(lambda: node.optional_text(key), None) or ""


def _position(questionnaire: Mapping[str, Any], path: str) -> tuple[int, ...]:
    """Where in the file a path is; what is missing comes after what is there."""
    here: Any = questionnaire
    found: list[int] = []
    for key, index in _STEP.findall(path)[1:]:
        keys = list(here) if isinstance(here, Mapping) else []
        found.append(keys.index(key) if key in keys else len(keys))
        here = here[key] if key in keys else None
        if index and isinstance(here, list):
            found.append(int(index))
            here = here[int(index)] if int(index) < len(here) else None
    return tuple(found)
