"""What the record holds of a case: codes, neutral words, every label, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fhirclient.models.fhirelementfactory import FHIRElementFactory

from ipvscreen.ipv.case import CLOSED, STATUS, BusinessStatus, CaseState, TaskStatus
from ipvscreen.ipv.case_codes import ENDS, Decline, Outcome
from ipvscreen.ipv.loop import Progress
from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import ReferralRequest
from ipvscreen.ipv.services import Service
from ipvscreen.resources.business import BUSINESS_WORDS
from ipvscreen.resources.context import Context
from ipvscreen.resources.correction import ended, in_error, stands
from ipvscreen.resources.labels import About, Row, labels_of, lost
from ipvscreen.resources.model import checked
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.progress import outcome_entry, task_key, task_told, told_provenance
from ipvscreen.resources.referral import referral

AT = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
LABELS = list(labels_of(About.REFERRAL))


@pytest.fixture
def task(ctx: Context, service: Service, agreed: ReferralRequest, person: Person) -> dict[str, Any]:
    """Our own Task as a record system holds it."""
    item = next(one for one in referral(ctx, service, agreed, person, "key-1") if one.kind == "Task")
    assert item.key == task_key("key-1")
    focus = {"reference": "ServiceRequest/7"}
    return {**item.body, "id": "9", "focus": focus, "meta": {**item.body["meta"], "versionId": "1"}}


def progress(state: CaseState, reason: Decline | None = None, outcome: Outcome | None = None) -> Progress:
    return Progress(*STATUS[state], AT, reason, outcome)


EVERY = [
    *(progress(state) for state in CaseState if state not in (CaseState.DECLINED,)),
    *(progress(CaseState.DECLINED, reason=reason) for reason in Decline),
    *(
        progress(CaseState.COMPLETED if event == "complete" else CaseState.FAILED, outcome=outcome)
        for outcome, event in ENDS.items()
    ),
]


@pytest.mark.parametrize("made", EVERY, ids=str)
def test_it_is_r4_neutral_labelled_and_says_no_more_than_codes(
    ctx: Context, task: dict[str, Any], strings: Any, made: Progress
) -> None:
    change = task_told(task, made, labels=ctx.policy.labels)
    assert change.body is not None, "it says at least how far it has come"
    FHIRElementFactory.instantiate("Task", checked(change.body))
    assert change.version == "1"
    assert change.body["meta"]["security"] == LABELS
    new = {name: value for name, value in change.body.items() if value != task.get(name)}
    assert set(new) <= {"status", "businessStatus", "statusReason", "lastModified", "output", "meta"}
    assert not topic_word(" ".join(strings(new)))
    assert stands(change.body, change.body)
    needs_words = {TaskStatus.REJECTED, TaskStatus.CANCELLED, TaskStatus.ON_HOLD}
    if made.status in needs_words or (made.status is TaskStatus.FAILED and made.outcome):
        assert change.body["statusReason"]["text"]
    again = task_told({**change.body, "meta": {**change.body["meta"], "versionId": "2"}}, made)
    assert again.body is None, "what stands there already is not sent again"


def test_a_later_state_takes_the_former_reason_away(task: dict[str, Any]) -> None:
    waits = task_told(task, progress(CaseState.WAITING)).body
    assert waits is not None
    engaged = task_told(waits, progress(CaseState.ENGAGED)).body
    assert engaged is not None
    assert ("statusReason" in waits, "statusReason" in engaged) == (True, False)
    assert not stands(engaged, waits)


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_what_was_stopped_here_is_not_revived(task: dict[str, Any], status: str) -> None:
    stopped = {**task, "status": status}
    assert task_told(stopped, progress(CaseState.ENGAGED)).body is None
    bare = {**stopped, "meta": {"versionId": "1"}}
    again = task_told(bare, progress(CaseState.ENGAGED)).body
    assert again is not None, "a label that it has lost is put back"
    assert again["status"] == status


def test_labels_are_those_of_the_policy_and_none_lower_than_before(
    ctx: Context, task: dict[str, Any]
) -> None:
    higher = {**task, "meta": {"security": [{**LABELS[0], "code": "V"}, *LABELS[1:]]}}
    change = task_told(higher, progress(CaseState.ENGAGED)).body
    assert change is not None
    assert change["meta"]["security"][0]["code"] == "V"
    labels = ctx.policy.labels
    own = replace(labels, rows={**labels.rows, About.REFERRAL: Row("V", labels.rows[About.REFERRAL].codes)})
    told = task_told(task, progress(CaseState.ENGAGED), labels=own).body
    assert told is not None
    assert told["meta"]["security"][0]["code"] == "V"
    item = outcome_entry(
        replace(ctx, policy=replace(ctx.policy, labels=own)),
        "key-1",
        task,
        progress(CaseState.COMPLETED, outcome=Outcome.MOVED_ON),
    )
    assert item is not None
    assert item.body["meta"]["security"][0]["code"] == "V"
    assert lost(told, task) == (f"{LABELS[0]['system']}|V",), "the control"


@pytest.mark.parametrize("outcome", Outcome)
def test_an_outcome_is_one_procedure(
    ctx: Context, task: dict[str, Any], strings: Any, outcome: Outcome
) -> None:
    made = progress(CaseState.COMPLETED, outcome=outcome)
    item = outcome_entry(ctx, "key-1", task, made)
    assert item is not None
    FHIRElementFactory.instantiate("Procedure", item.body)
    assert item.body["meta"]["security"] == LABELS
    assert item.body["basedOn"] == [{"reference": "ServiceRequest/7"}]
    assert item.body["performer"] == [{"actor": {"display": "The Willow group"}}]
    assert item.body["outcome"]["coding"][0]["code"] == outcome
    assert item.body["subject"] == {"reference": "Patient/patient-88"}
    assert (item.body["status"] == "completed") is (ENDS[outcome] == "complete")
    assert not topic_word(" ".join(strings({**item.body, "meta": None})))
    assert outcome_entry(ctx, "key-1", task, made) == item, "the same again is the same entry"
    bare = {name: value for name, value in task.items() if name not in ("focus", "owner")}
    alone = outcome_entry(ctx, "key-1", bare, made)
    assert alone is not None
    assert not {"basedOn", "performer"} & set(alone.body)


def test_an_outcome_stays_when_its_referral_ends_and_goes_when_it_was_an_error(
    ctx: Context, task: dict[str, Any]
) -> None:
    item = outcome_entry(ctx, "key-1", task, progress(CaseState.COMPLETED, outcome=Outcome.MOVED_ON))
    assert item is not None
    stands_there = {**item.body, "id": "3"}
    assert ended(stands_there).body is None
    taken_back = in_error(stands_there).body
    assert taken_back is not None
    assert (taken_back["status"], taken_back["meta"]["security"]) == ("entered-in-error", LABELS)


def test_without_an_outcome_there_is_no_procedure(ctx: Context, task: dict[str, Any]) -> None:
    for state in set(CaseState) - CLOSED:
        assert outcome_entry(ctx, "key-1", task, progress(state)) is None


def test_the_task_names_the_procedure_or_the_code(task: dict[str, Any]) -> None:
    made = progress(CaseState.COMPLETED, outcome=Outcome.AS_PLANNED)
    named, coded = task_told(task, made, "Procedure/3").body, task_told(task, made).body
    assert named is not None
    assert coded is not None
    assert named["output"][0]["valueReference"] == {"reference": "Procedure/3"}
    assert coded["output"][0]["valueCodeableConcept"]["coding"][0]["code"] == "as-planned"
    assert named["output"][0]["type"]["coding"][0]["code"] == "resulting-activity"


def test_who_told_it_is_the_service(ctx: Context) -> None:
    item = told_provenance(ctx, ["Task/9", "Procedure/3"], "The Willow group", AT)
    FHIRElementFactory.instantiate("Provenance", item.body)
    author, app = item.body["agent"]
    assert author["who"] == {"display": "The Willow group"}
    assert app["who"] == {"display": "Health questionnaire"}
    assert item.body["reason"][0]["coding"][0]["code"] == "told-by-service"
    assert item.body["activity"]["coding"][0]["code"] == "UPDATE"
    assert [one["reference"] for one in item.body["target"]] == ["Procedure/3", "Task/9"]


def test_every_business_status_has_words() -> None:
    assert set(BUSINESS_WORDS) == set(BusinessStatus)
