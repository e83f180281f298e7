"""What the doctor says of a probe that was written: its labels in each place, its content, its readers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ipvscreen.ehr.lookup import patient_of
from ipvscreen.ehr.second_reader import changed, second_reading
from ipvscreen.ehr.trial import Shown
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.finding import Finding, bad, good, warning
from ipvscreen.resources.labels import lost
from ipvscreen.resources.loss import Seen, loss_of

Lists = Literal["kept", "warn", "stop"]

_VENDOR = "Ask whoever runs the record system"
_NO_LABELS = (
    "Do not use the app with this record system until it keeps meta.security: entries would show to whoever "
    f"opens the chart. {_VENDOR} how labels can be switched on."
)
_READ_BACK = (
    f"{_VENDOR} why; the app would tell the clinician that it is not known whether the entry is there."
)
_CHOICE = (
    '"warn": the app records, and tells the clinician before the first question that lists may show entries '
    'without protection. "stop": the app records nothing there.'
)


@dataclass(frozen=True, slots=True)
class Case:
    """One entry, where it stands, and how it was shown."""

    item: Labelled
    reference: str
    shown: Shown


def judge(case: Case) -> tuple[Finding, ...]:
    """About this one entry: by id and by version; its search and history are judged with all the others."""
    kind, stored = case.item.kind, case.shown.by_id
    if isinstance(stored, str):
        return (bad(kind, "It was taken, but cannot be read back by its id.", _READ_BACK, said=stored),)
    if patient_of(stored) != patient_of(case.item.body):
        words = f"{case.reference} stands in the record of another patient than it was written for."
        return (bad(kind, words, f"Do not use the app there. {_VENDOR} how that can be."),)
    labels, content = tuple(_of_labels(case, stored)), tuple(_of_content(case, stored))
    agreed = "" if content else " A second reader (fhirclient, R4) agrees."
    fine = good(kind, f"Taken and read back by {_ways(case.shown)}; every label is on it.{agreed}")
    return (*(labels or (fine,)), *content)


def judge_lists(cases: Sequence[Case], lists: Lists) -> Iterator[Finding]:
    """About Bundles, where some record systems lose labels that they keep elsewhere (hapi-fhir#8362)."""
    kept = [case for case in cases if isinstance(case.shown.by_id, Mapping)]
    kept = [case for case in kept if not lost(case.item.body, _body(case.shown.by_id))]
    bare = [
        case.item.kind for case in kept if any(lost(case.item.body, body) for body in _listed(case.shown))
    ]
    if bare:
        yield _bare(bare, lists)
    elif kept and lists != "kept":
        words = f'labels_in_lists is "{lists}", but lists kept every label.'
        yield warning("Labels in lists", words, 'Set labels_in_lists = "kept".')
    elif any(_listed(case.shown) for case in kept):
        yield good("Labels in lists", "Searches and histories show every label.")
    yield from _of_searches(cases)
    yield from _of_histories(cases)


def _of_labels(case: Case, stored: Mapping[str, Any]) -> Iterator[Finding]:
    kind, sent = case.item.kind, case.item.body
    if missing := lost(sent, stored):
        words = f"It was taken, and has lost its labels: {_codes(missing)} ({_way(case, stored)})."
        yield bad(kind, words, _NO_LABELS)
        return
    version = case.shown.by_version
    if isinstance(version, Mapping) and (missing := lost(sent, version)):
        yield bad(kind, f"Its first version has no such labels: {_codes(missing)}.", _NO_LABELS)


def _way(case: Case, stored: Mapping[str, Any]) -> str:
    """Which of the ways it is; the doctor looks once, so one that comes late is a loss to it."""
    history = case.shown.by_history
    seen = Seen(stored, versions=tuple(history) if isinstance(history, list) else ())
    return loss_of(case.item.body, seen, seen) or ""


def _of_content(case: Case, stored: Mapping[str, Any]) -> Iterator[Finding]:
    if missing := changed(case.item.body, stored):
        words = f"The record system does not keep {', '.join(missing)}."
        yield warning(case.item.kind, words, "See in the chart whether the entry can still be understood.")
    if trouble := second_reading(stored):
        words = f"A second reader (fhirclient, R4) objects: {trouble}."
        yield warning(case.item.kind, words, "Other apps may not read these entries; tell the vendor.")


def _bare(kinds: Sequence[str], lists: Lists) -> Finding:
    words = (
        f"Searches or histories show {', '.join(kinds)} without labels, although reading by id shows them."
    )
    if lists == "kept":
        return bad("Labels in lists", words, f"Set labels_in_lists to one of two. {_CHOICE}")
    follows = {
        "warn": "The settings know that: the app tells the clinician before the first question.",
        "stop": "The settings know that: the app records nothing there.",
    }
    return warning("Labels in lists", f"{words} {follows[lists]}", f"{_VENDOR} to mend it.")


def _of_searches(cases: Sequence[Case]) -> Iterator[Finding]:
    late = [case.item.kind for case in cases if case.shown.by_search == ""]
    if late:
        words = f"Searches did not show {', '.join(late)} within two seconds; the app says unconfirmed then."
        yield warning("Searches", words, "Look whether they appear later; some record systems take a while.")
    refused = {c.item.kind: c.shown.by_search for c in cases if isinstance(c.shown.by_search, str)}
    refused = {kind: said for kind, said in refused.items() if said}
    if refused:
        words = f"{', '.join(refused)} cannot be searched, so a repetition cannot see whether they are there."
        yield warning("Searches", words, "Give this app the right to search them.", said=_first(refused))


def _of_histories(cases: Sequence[Case]) -> Iterator[Finding]:
    refused = {c.item.kind: c.shown.by_history for c in cases if isinstance(c.shown.by_history, str)}
    refused |= {c.item.kind: c.shown.by_version for c in cases if isinstance(c.shown.by_version, str)}
    if refused:
        words = (
            f"The record system offers the history of {', '.join(refused)}, but refused it. The app does "
            "not need it; whether old versions keep their labels is not known."
        )
        yield warning(
            "Histories", words, "Look at an entry's history in the record system.", said=_first(refused)
        )
    if cases and all(c.shown.by_history is None and c.shown.by_version is None for c in cases):
        yield good("Histories", "Not offered, so not looked at; the app does not need them.")


def _listed(shown: Shown) -> list[Mapping[str, Any]]:
    """The bodies that came in Bundles."""
    found = [shown.by_search] if isinstance(shown.by_search, Mapping) else []
    return [*found, *(shown.by_history if isinstance(shown.by_history, list) else [])]


def _ways(shown: Shown) -> str:
    ways = {
        "id": True,
        "search": isinstance(shown.by_search, Mapping),
        "version": isinstance(shown.by_version, Mapping),
        "history": isinstance(shown.by_history, list) and bool(shown.by_history),
    }
    return ", ".join(way for way, seen in ways.items() if seen)


def _body(body: Mapping[str, Any] | str) -> Mapping[str, Any]:
    return {} if isinstance(body, str) else body


def _first(said: Mapping[str, object]) -> str:
    return str(next(iter(said.values())))


def _codes(labels: Sequence[str]) -> str:
    return ", ".join(label.rpartition("|")[2] for label in labels)
