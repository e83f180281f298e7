"""What an entry becomes when it is corrected, was an error, is hidden, or its referral ends: pure builders.

Each gives the whole resource anew with its labels, none lower than before: some servers replace them at every
update (medplum/medplum#2596). None instead of a resource: it is as wanted already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ipvscreen.ipv.assessment import assess
from ipvscreen.ipv.case import BusinessStatus
from ipvscreen.ipv.instruments import INSTRUMENTS
from ipvscreen.resources.business import business_status
from ipvscreen.resources.context import Context
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.earlier import key_of
from ipvscreen.resources.labels import DEFAULT, About, Labels, codings_on, meta_of
from ipvscreen.resources.observations import instrument_observations
from ipvscreen.resources.plan import codes, offers
from ipvscreen.resources.protection import about_of, codes_of, protected
from ipvscreen.resources.scopes import Scopes
from ipvscreen.resources.standing import IN_ERROR, as_error, status_of
from ipvscreen.sdc.answers import Answers
from ipvscreen.sdc.response import response_items
from ipvscreen.sdc.stored import without_words

AMENDED, CORRECTED = "amended", "corrected"
# R4: Provenance has no status, so it cannot say that what it tells of was an error.
STATUSES = frozenset(
    {
        *("QuestionnaireResponse", "Observation", "Flag", "Procedure", "ServiceRequest", "Task", "Consent"),
        *("DocumentReference", "Communication", "Condition"),
    }
)
ENDED: dict[str, str] = {
    "ServiceRequest": "revoked",
    "Task": "cancelled",
    "Consent": "inactive",
    "Communication": "stopped",  # the note that stands for a request which the record system does not take
}

_SAID = ("dataAbsentReason", "component")  # with value[x], what an Observation says


@dataclass(frozen=True, slots=True)
class Change:
    """One entry as it is to stand, `body` None where it does so already; it replaces that `version`."""

    reference: str
    kind: str
    body: dict[str, Any] | None
    version: str | None
    key: str
    about: About

    def as_labelled(self) -> Labelled | None:
        """The same as the writer's read-back knows it."""
        return None if self.body is None else Labelled(self.key, self.kind, self.body, self.about)


def updatable(capability: Mapping[str, Any], scopes: Scopes) -> frozenset[str]:
    """The types whose entries may be changed: declared by the record system, and granted to this sign-in."""
    return frozenset(
        kind
        for kind, entry_ in offers(capability).items()
        if "update" in codes(entry_) and scopes.allows(kind, "u")
    )


def in_error(stored: Mapping[str, Any], labels: Labels = DEFAULT) -> Change:
    """The entry as entered in error; one of a type without a status stays as it is."""
    kind = stored["resourceType"]
    done = kind not in STATUSES or status_of(stored) == IN_ERROR
    return _change(stored, {} if done else as_error(kind), labels)


def ended(stored: Mapping[str, Any], labels: Labels = DEFAULT) -> Change:
    """ServiceRequest, Task, Consent or note of a referral that the patient does not want any more.

    What has come of it until then, a Procedure, stays as it is.
    """
    kind = stored["resourceType"]
    # A note is completed from the start: that says nothing of the referral.
    over = (IN_ERROR,) if kind == "Communication" else (IN_ERROR, "completed")
    stays = kind not in ENDED or stored.get("status") in over
    over_now = {"businessStatus": business_status(BusinessStatus.CLOSED)} if kind == "Task" else {}
    return _change(stored, {} if stays else {"status": ENDED[kind], **over_now}, labels)


def hidden(stored: Mapping[str, Any], labels: Labels = DEFAULT) -> Change:
    """The entry with the highest labels that we know; what it says stays."""
    return _change(stored, {}, labels, raised=True)


def updated(stored: Mapping[str, Any], parts: Mapping[str, Any], labels: Labels = DEFAULT) -> Change:
    """The entry with these elements; None takes one away."""
    return _change(stored, parts, labels)


def corrected_response(stored: Mapping[str, Any], answers: Answers, labels: Labels = DEFAULT) -> Change:
    """The QuestionnaireResponse with these answers; its time stays that of the conversation."""
    items = response_items(answers)
    if without_words(items) == without_words(stored.get("item", [])):
        return _change(stored, {}, labels)
    return _change(stored, {"status": AMENDED, "item": items or None}, labels)


def corrected_observations(
    stored: Sequence[Mapping[str, Any]],
    answers: Answers,
    patient_id: str,
    now: datetime,
    labels: Labels = DEFAULT,
) -> tuple[tuple[Change, ...], int]:
    """The Observations of that form as they follow from these answers, and how many were not found.

    They come from the functions that made them. The panel says that it was corrected once a part of it was.
    """
    if answers.form.name not in INSTRUMENTS:
        return (), 0
    ctx = Context("", patient_id, None, None, None, now)
    result = next(iter(assess({answers.form.name: answers}).results), None)
    response = Labelled("", "QuestionnaireResponse", {}, About.SCREEN)
    wanted = instrument_observations(ctx, answers, result, response)
    by_code = {_code(body): body for body in stored}
    pairs = [(one.body, by_code[_code(one.body)]) for one in wanted if _code(one.body) in by_code]
    differ = any(not _says_same(new, old) or old.get("status") == CORRECTED for new, old in pairs)
    issued = now.isoformat(timespec="seconds")
    changes = tuple(_corrected(new, old, issued, labels, differ=differ) for new, old in pairs)
    return changes, len(wanted) - len(pairs)


def stands(wanted: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Whether what was read back says what was sent: status and answers."""
    parts = ("businessStatus", "statusReason", "item", *_said(wanted), *_said(stored))
    return status_of(wanted) == status_of(stored) and all(
        without_words(wanted.get(part)) == without_words(stored.get(part)) for part in parts
    )


def _change(
    stored: Mapping[str, Any], parts: Mapping[str, Any], labels: Labels, *, raised: bool = False
) -> Change:
    kind, ident = stored["resourceType"], stored["id"]
    about = about_of(kind)
    meta = meta_of(stored)
    security = protected(stored, about, labels, raised=raised)
    same = all(without_words(stored.get(name)) == without_words(value) for name, value in parts.items())
    done = same and codes_of(security) == codes_of(codings_on(stored))
    whole = {**stored, **parts, "meta": {**_kept(meta), "security": security}}
    body = {name: value for name, value in whole.items() if value is not None}
    version = meta.get("versionId")
    return Change(
        reference=f"{kind}/{ident}",
        kind=kind,
        body=None if done else body,
        version=str(version) if version else None,
        key=key_of(stored) or "",
        about=about,
    )


def _kept(meta: Mapping[str, Any]) -> dict[str, Any]:
    return {name: meta[name] for name in ("profile", "tag") if name in meta}


def _corrected(
    new: Mapping[str, Any], old: Mapping[str, Any], issued: str, labels: Labels, *, differ: bool
) -> Change:
    panel = "hasMember" in old and differ and old.get("status") != CORRECTED
    if old.get("status") == IN_ERROR or (_says_same(new, old) and not panel):
        return _change(old, {}, labels)
    before = dict.fromkeys(_said(old))
    return _change(old, before | {name: new[name] for name in _said(new)} | _status(issued), labels)


def _status(issued: str) -> dict[str, Any]:
    return {"status": CORRECTED, "issued": issued}


def _says_same(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    if set(_said(new)) == set(_said(old)) == {"dataAbsentReason"}:
        return _declined(new) == _declined(old) or _declined(old)  # why it was left, nobody asks again
    names = {*_said(new), *_said(old)}
    return all(without_words(new.get(name)) == without_words(old.get(name)) for name in names)


def _declined(body: Mapping[str, Any]) -> bool:
    coded = body["dataAbsentReason"].get("coding") or []
    return any(one.get("code") == "asked-declined" for one in coded)


def _said(body: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in body if name in _SAID or name.startswith("value"))


def _code(body: Mapping[str, Any]) -> object:
    """By what an Observation is known among those of its form: its codes, or without any its words."""
    coded = body.get("code") or {}
    return frozenset(codes_of(coded.get("coding") or [])) or coded.get("text")
