"""AuditEvents: whole, neutral, labelled, and read by models that no one here wrote."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fhirclient.models.auditevent import AuditEvent
from pydantic import ValidationError

from ipvscreen.ipv.audit import Act
from ipvscreen.resources.audit_event import Event, audit_event
from ipvscreen.resources.labels import About, labels_of
from ipvscreen.resources.model import checked
from ipvscreen.resources.neutral import topic_word

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
