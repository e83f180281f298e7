"""Any QuestionnaireResponse (FHIR R4) against the Questionnaire that it answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.answering.compare import order
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.load import define
from ipvscreen.sdc.loading.typed import is_moment
from ipvscreen.sdc.outcome import Issue, issue
from ipvscreen.sdc.validation.codes import Coding, Concepts, Lists, contents, listed
from ipvscreen.sdc.validation.enabled import ROOT, verdict
from ipvscreen.sdc.validation.entries import Checks
from ipvscreen.sdc.validation.tree import overlay

Find = Callable[[str], Mapping[str, Any] | None]
Codes = Callable[[str], Iterable[Coding] | None]
FormOf = Callable[[Mapping[str, Any]], Form]

# http://hl7.org/fhir/R4/valueset-questionnaire-answers-status.html; True: nothing more is to come
_FINISHED = {
    "completed": True,
    "amended": True,
    "in-progress": False,
    "stopped": False,
    "entered-in-error": False,
}


def validate(
    response: Mapping[str, Any],
    find: Find,
    *,
    codes: Codes | None = None,
    now: datetime,
    form_of: FormOf = define,
) -> tuple[Issue, ...]:
    """Everything that is wrong with a response; nothing of it is `serious` if it is valid.

    `find` gives the resource of a canonical (`url` or `url|version`): the Questionnaire, or a ValueSet that
    lists its codes. `codes` gives the codings of any other value set as {system, code, display}, None where
    it does not know it; without `codes` an answer from such a value set is a warning. `now` is the clock of
    expressions. `form_of` reads a Questionnaire as `define` does; whoever checks many responses to one may
    keep the form. Numbers may be float or Decimal; only Decimal keeps decimal places as they were written.
    """
    if not isinstance(response, Mapping) or response.get("resourceType") != ROOT:
        return (issue("malformed", ROOT, "This is not a QuestionnaireResponse."),)
    questionnaire = _answered(response, find)
    if questionnaire is None:
        sentence = "The Questionnaire that it answers could not be found."
        return (*_status(response), issue("questionnaireNotFound", f"{ROOT}.questionnaire", sentence))
    about = (*_status(response), *_about(response, questionnaire))
    try:
        form = form_of(questionnaire)
    except FormRefused as refused:
        sentence = f"The Questionnaire cannot be used: {refused}"
        return (*about, issue("questionnaireNotUsable", f"{ROOT}.questionnaire", sentence))
    return (*about, *_items(response, form, _lists(find, codes), codes is None, now))


def _answered(response: Mapping[str, Any], find: Find) -> Mapping[str, Any] | None:
    """The Questionnaire that a response names; one that it contains comes with what lies beside it."""
    canonical, contained = response.get("questionnaire"), response.get("contained")
    if not isinstance(canonical, str):
        return None
    if not canonical.startswith("#"):
        return find(canonical)
    held = [each for each in contained if isinstance(each, Mapping)] if isinstance(contained, list) else []
    found = next((each for each in held if f"#{each.get('id')}" == canonical), None)
    return None if found is None else {**found, "contained": [each for each in held if each is not found]}


def _status(response: Mapping[str, Any]) -> Iterator[Issue]:
    if str(response.get("status")) not in _FINISHED:
        yield issue("status", f"{ROOT}.status", f"The status must be one of: {', '.join(_FINISHED)}.")


def _about(response: Mapping[str, Any], questionnaire: Mapping[str, Any]) -> Iterator[Issue]:
    """What is wrong with the Questionnaire at the time of the answers; these are warnings."""
    status = questionnaire.get("status")
    if status == "draft":
        yield issue("questionnaireDraft", f"{ROOT}.questionnaire", "The Questionnaire is a draft.")
    if status == "retired":
        yield issue("questionnaireRetired", f"{ROOT}.questionnaire", "The Questionnaire is retired.")
    if _outside(response.get("authored"), questionnaire.get("effectivePeriod")):
        sentence = "It was answered when the Questionnaire was not in use."
        yield issue("questionnaireInactive", f"{ROOT}.authored", sentence)


def _outside(authored: object, period: object) -> bool:
    if not (isinstance(authored, str) and is_moment(authored) and isinstance(period, Mapping)):
        return False
    for key, wrong in (("start", -1), ("end", 1)):
        limit = period.get(key)
        known = isinstance(limit, str) and is_moment(limit)
        if known and order({"valueDateTime": authored}, {"valueDateTime": limit}) == wrong:
            return True
    return False


def _items(
    response: Mapping[str, Any], form: Form, lists: Lists, without: bool, now: datetime
) -> tuple[Issue, ...]:
    roots, shape = overlay(form, response)
    found = verdict(form, response, roots, now)
    unfinished = not _FINISHED.get(str(response.get("status")), True)
    checks = Checks(lists, found.disabled, unfinished, without)
    return (*shape, *checks.level(roots), *found.issues)


def _lists(find: Find, codes: Codes | None) -> Lists:
    """Looks a value set up once, with `codes`, then with `find`; what is contained are options already."""
    known: dict[str, Concepts | None] = {}

    def look_up(url: str) -> Concepts | None:
        if url not in known:
            known[url] = _concepts(url, find, codes)
        return known[url]

    return look_up


def _concepts(url: str, find: Find, codes: Codes | None) -> Concepts | None:
    codings = codes(url) if codes is not None else None
    if codings is None:
        held = find(url)
        codings = contents(held) if held is not None and held.get("resourceType") == "ValueSet" else None
    return None if codings is None else listed(codings)
