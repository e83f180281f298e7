"""The fixed codes are members of the value sets that FHIR requires; local lists are complete."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle, BundleEntryRequest
from fhir.resources.R4B.communication import Communication
from fhir.resources.R4B.consent import Consent, ConsentProvision
from fhir.resources.R4B.contactpoint import ContactPoint
from fhir.resources.R4B.documentreference import DocumentReference
from fhir.resources.R4B.flag import Flag
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.procedure import Procedure
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse
from fhir.resources.R4B.servicerequest import ServiceRequest
from fhir.resources.R4B.task import Task

from ipvscreen.ipv.case import TaskStatus
from ipvscreen.resources import terminology as t

REQUIRED: list[tuple[type[StrEnum], Any, str]] = [
    (t.ObservationStatus, Observation, "status"),
    (t.ResponseStatus, QuestionnaireResponse, "status"),
    (t.FlagStatus, Flag, "status"),
    (t.ProcedureStatus, Procedure, "status"),
    (t.RequestStatus, ServiceRequest, "status"),
    (t.Intent, ServiceRequest, "intent"),
    (t.Intent, Task, "intent"),
    (t.Priority, ServiceRequest, "priority"),
    (t.Priority, Task, "priority"),
    (t.ConsentStatus, Consent, "status"),
    (t.ProvisionType, ConsentProvision, "type"),
    (t.DocumentStatus, DocumentReference, "status"),
    (t.DocumentState, DocumentReference, "docStatus"),
    (t.CommunicationStatus, Communication, "status"),
    (t.BundleType, Bundle, "type"),
    (t.Method, BundleEntryRequest, "method"),
    (t.TelecomSystem, ContactPoint, "system"),
]


@pytest.mark.parametrize(("codes", "model", "field"), REQUIRED)
def test_required_codes_are_in_the_value_set(codes: type[StrEnum], model: Any, field: str) -> None:
    offered = model.model_fields[field].json_schema_extra["enum_values"]
    assert set(codes) <= set(offered)


def test_task_statuses_are_those_of_r4_less_what_sdohcc_leaves_out() -> None:
    """The model only lists the first ones ("… | +"), so the list of R4 stands here."""
    left_out = {"draft", "received", "ready"}
    ours = {"requested", "accepted", "rejected", "cancelled", "in-progress", "on-hold", "failed", "completed"}
    extra: Any = Task.model_fields["status"].json_schema_extra
    assert set(extra["enum_values"]) - {"+"} <= ours | left_out
    assert set(TaskStatus) == ours | {"entered-in-error"}


def test_every_reason_and_source_has_words() -> None:
    assert t.NOT_DONE_WORDS.keys() == set(t.NotDone)
    assert t.BASIS_WORDS.keys() == set(t.Basis)
    assert t.SOURCE_WORDS.keys() == set(t.Source)


def test_help_is_what_the_quick_items_offer() -> None:
    quick = json.loads((Path(__file__).parents[3] / "questionnaires" / "quick.json").read_text())
    item = next(item for item in quick["item"] if item["linkId"] == "help-now")
    offered = [option["valueCoding"] for option in item["answerOption"]]
    words = {o["code"]: o["display"] for o in offered}
    assert words.pop(t.NO_HELP) == "Nothing now"
    assert words == t.HELP_WORDS


def test_a_concept_has_display_and_text_only_where_given() -> None:
    assert t.concept("s", "c") == {"coding": [{"system": "s", "code": "c"}]}
    assert t.concept("s", "c", "d", text="x") == {
        "coding": [{"system": "s", "code": "c", "display": "d"}],
        "text": "x",
    }
