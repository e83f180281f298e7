"""AuditEvents: whole, neutral, labelled, and read by models that no one here wrote."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fhirclient.models.auditevent import AuditEvent
from pydantic import ValidationError

from ipvscreen.ipv.audit import Act
from ipvscreen.resources.audit_event import Event, audit_event, taken
from ipvscreen.resources.labels import DEFAULT, About, Labels, Spelling, labels_of
from ipvscreen.resources.model import checked
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.scopes import Scopes, requested
from ipvscreen.resources.terminology import IDENTIFIER_SYSTEM

EVENT = Event(
    entry="7",
    about="visit-1 3",
    at=datetime(2026, 3, 2, 10, 0, tzinfo=UTC),
    act=Act.SAVED,
    iss="https://ehr.test/fhir/",
    user="Practitioner/1",
    user_name="Dr Example",
    patient_id="p1",
    encounter_id="e1",
)


def references(body: dict[str, Any]) -> list[str | None]:
    return [entity["what"].get("reference") for entity in body["entity"]]


@pytest.mark.parametrize("act", Act)
def test_every_act_is_neutral_and_reads_as_r4(act: Act) -> None:
    body = audit_event(replace(EVENT, act=act))

    AuditEvent(body, strict=True)
    assert not topic_word(" ".join(strings(body)))
    assert not topic_word(act.value.replace("-", " "))
    assert body["subtype"][0]["code"] == act
    assert body["meta"]["security"] == list(labels_of(About.CONVERSATION))
    assert body["action"] in "CRUDE"


def test_it_says_who_when_what_and_on_whom() -> None:
    body = audit_event(EVENT)

    clinician, app = body["agent"]
    assert (clinician["who"], clinician["requestor"]) == (
        {"reference": "https://ehr.test/fhir/Practitioner/1", "display": "Dr Example"},
        True,
    )
    assert (app["who"], app["requestor"]) == ({"display": "Health questionnaire"}, False)
    assert body["source"]["observer"] == {"display": "Health questionnaire"}
    assert body["recorded"].startswith("2026-03-02T10:00:00")
    assert body["outcome"] == "0"
    assert references(body) == [
        "https://ehr.test/fhir/Patient/p1",
        "https://ehr.test/fhir/Encounter/e1",
        None,
    ]
    assert body["entity"][-1]["what"]["identifier"]["value"] == "7"


def test_a_read_names_the_clinician_as_who_receives() -> None:
    kinds = {
        act: audit_event(replace(EVENT, act=act))["agent"][0]["type"]["coding"][0]["code"]
        for act in (Act.LIST_SHOWN, Act.EARLIER_OPENED, Act.SENT)
    }

    assert kinds == {Act.LIST_SHOWN: "IRCP", Act.EARLIER_OPENED: "IRCP", Act.SENT: "AUT"}


def test_what_is_not_known_is_not_made_up() -> None:
    nobody = audit_event(replace(EVENT, user=None, user_name=None, patient_id=None, encounter_id=None))
    nameless = audit_event(replace(EVENT, user_name=None))

    assert nobody["agent"][0]["who"] == {"display": "not said by the record system"}
    assert references(nobody) == [None]
    assert nameless["agent"][0]["who"] == {"reference": "https://ehr.test/fhir/Practitioner/1"}


def test_for_the_record_system_itself_references_are_its_own_and_the_visit_is_not_named() -> None:
    body = audit_event(replace(EVENT, iss="", about="", entry="f00d"))

    assert body["agent"][0]["who"]["reference"] == "Practitioner/1"
    assert references(body) == ["Patient/p1", "Encounter/e1", None]
    assert body["entity"][-1]["what"] == {"identifier": {"system": IDENTIFIER_SYSTEM, "value": "f00d"}}


def test_labels_are_those_of_the_policy() -> None:
    policy = Labels(DEFAULT.rows, nopat=Spelling.BOTH)

    body = audit_event(EVENT, policy)

    assert body["meta"]["security"] == list(labels_of(About.CONVERSATION, policy))
    assert len(body["meta"]["security"]) == 3


def declaring(*codes: str) -> dict[str, Any]:
    kind = {"type": "AuditEvent", "interaction": [{"code": code} for code in codes]}
    return {"rest": [{"mode": "server", "resource": [kind]}]}


@pytest.mark.parametrize(
    ("capability", "scope", "taken_there"),
    [
        (declaring("create"), requested(audit_events=True), True),
        (declaring("create"), requested("v1", audit_events=True), True),
        (declaring("create"), requested(), False),
        (declaring("create"), "patient/AuditEvent.rs", False),
        (declaring("read", "search-type"), "patient/*.cruds", False),
        ({}, "patient/*.cruds", False),
    ],
)
def test_a_log_is_written_to_where_that_is_offered_and_granted(
    capability: dict[str, Any], scope: str, taken_there: bool
) -> None:
    assert taken(capability, Scopes.parse(scope)) is taken_there


def test_the_models_refuse_what_is_none() -> None:
    """The control: an element too many is not let through."""
    with pytest.raises(ValidationError):
        checked(audit_event(EVENT) | {"answers": "yes"})


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in strings(one)]
    if isinstance(value, list):
        return [text for one in value for text in strings(one)]
    return [] if value is None else [str(value)]
