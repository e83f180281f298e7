"""What the record holds of a case at a service: the status of its Task, a Procedure with a coded outcome.

After HL7 SDOH Clinical Care: progress stands on the Task alone, the ServiceRequest stays with who asked.
Codes and their neutral words, and nothing that a service has written. The Procedure has no category: that of
the guide names the topic.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ipvscreen.ipv.case import CaseState, TaskStatus
from ipvscreen.ipv.case_codes import DECLINE_WORDS, OUTCOME_WORDS, STATE_WORDS, Outcome
from ipvscreen.ipv.loop import Progress
from ipvscreen.resources.business import business_status
from ipvscreen.resources.context import Context, instant_of
from ipvscreen.resources.correction import Change, updated
from ipvscreen.resources.draft import Labelled, business_key, entry
from ipvscreen.resources.labels import DEFAULT, About, Labels
from ipvscreen.resources.reasons import Why, change_provenance
from ipvscreen.resources.standing import IN_ERROR
from ipvscreen.resources.terminology import BASE, SDOHCC, ProcedureStatus, concept

CASE_REASON = f"{BASE}/CodeSystem/case-reason"
CASE_OUTCOME = f"{BASE}/CodeSystem/case-outcome"

_DONE: Mapping[Outcome, ProcedureStatus] = {
    Outcome.AS_PLANNED: ProcedureStatus.COMPLETED,
    Outcome.MOVED_ON: ProcedureStatus.COMPLETED,
    Outcome.NOT_REACHED: ProcedureStatus.NOT_DONE,
    Outcome.NO_WAY_TO_CONTACT: ProcedureStatus.NOT_DONE,
    Outcome.PERSON_DECLINED: ProcedureStatus.NOT_DONE,
    Outcome.ENDED_EARLY: ProcedureStatus.STOPPED,
}
_WITHOUT_CODE: Mapping[TaskStatus, CaseState] = {
    TaskStatus.ON_HOLD: CaseState.WAITING,
    TaskStatus.CANCELLED: CaseState.CANCELLED,
}
_STOPPED = frozenset({TaskStatus.CANCELLED.value, IN_ERROR})


def task_key(referral_id: str) -> str:
    """The business key of the Task of that referral, as it was written."""
    return business_key(referral_id, "task")


def task_told(
    stored: Mapping[str, Any], progress: Progress, outcome: str | None = None, labels: Labels = DEFAULT
) -> Change:
    """The Task as the service has told it; `outcome` is the reference of its Procedure, where that stands.

    One that was stopped here, or is an error, stays so: what a service tells later does not revive it.
    """
    if stored.get("status") in _STOPPED:
        return updated(stored, {}, labels)
    parts = {
        "status": progress.status.value,
        "businessStatus": business_status(progress.business),
        "statusReason": _reason(progress),
        "lastModified": instant_of(progress.at),
        "output": _output(progress, outcome),
    }
    return updated(stored, parts, labels)


def outcome_entry(
    ctx: Context, referral_id: str, task: Mapping[str, Any], progress: Progress
) -> Labelled | None:
    """The Procedure with what it ended with; None while it has not."""
    if progress.outcome is None:
        return None
    request, owner = task.get("focus"), task.get("owner")
    body = {
        **({"basedOn": [request]} if request else {}),
        "status": _DONE[progress.outcome],
        "code": {"text": "Support by a service"},
        "subject": ctx.patient,
        "performedDateTime": instant_of(progress.at),
        **({"performer": [{"actor": owner}]} if owner else {}),
        "outcome": _outcome(progress.outcome),
    }
    return entry(business_key(referral_id, "outcome"), "Procedure", body, About.REFERRAL, ctx.policy.labels)


def told_provenance(ctx: Context, targets: list[str], service: str, now: datetime) -> Labelled:
    """Who told it: the service, by its neutral short name."""
    return change_provenance(ctx, targets, Why.TOLD, now, {"display": service})


def _reason(progress: Progress) -> dict[str, Any] | None:
    """SDOHCC wants words wherever there is a reason to give."""
    if progress.reason is not None:
        words = str(DECLINE_WORDS[progress.reason])
        return concept(CASE_REASON, progress.reason, words, text=words)
    if progress.status is TaskStatus.FAILED and progress.outcome is not None:
        return _outcome(progress.outcome)
    state = _WITHOUT_CODE.get(progress.status)
    return {"text": str(STATE_WORDS[state])} if state else None


def _output(progress: Progress, procedure: str | None) -> list[dict[str, Any]] | None:
    """SDOHCC: what came of it, as the Procedure where one stands, else as its code."""
    if progress.outcome is None:
        return None
    kind = concept(SDOHCC, "resulting-activity", "Resulting Activity")
    coded = {"valueCodeableConcept": _outcome(progress.outcome)}
    value = {"valueReference": {"reference": procedure}} if procedure else coded
    return [{"type": kind, **value}]


def _outcome(outcome: Outcome) -> dict[str, Any]:
    words = str(OUTCOME_WORDS[outcome])
    return concept(CASE_OUTCOME, outcome, words, text=words)
