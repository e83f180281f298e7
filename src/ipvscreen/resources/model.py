"""The FHIR models through which everything that we write passes: unknown or misplaced elements are refused.

fhir.resources has no R4 models; R4B equals R4 for the elements that we use (a test reads every resource with
a second implementation, fhirclient's strict R4 4.0.1 models).
"""

import json
from collections.abc import Mapping
from typing import Any

from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.communication import Communication
from fhir.resources.R4B.condition import Condition
from fhir.resources.R4B.consent import Consent
from fhir.resources.R4B.documentreference import DocumentReference
from fhir.resources.R4B.flag import Flag
from fhir.resources.R4B.healthcareservice import HealthcareService
from fhir.resources.R4B.messageheader import MessageHeader
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.patient import Patient
from fhir.resources.R4B.procedure import Procedure
from fhir.resources.R4B.provenance import Provenance
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse
from fhir.resources.R4B.servicerequest import ServiceRequest
from fhir.resources.R4B.task import Task
from pydantic import BaseModel

MODELS: dict[str, type[BaseModel]] = {
    "AuditEvent": AuditEvent,
    "Bundle": Bundle,
    "Communication": Communication,
    "Condition": Condition,
    "Consent": Consent,
    "DocumentReference": DocumentReference,
    "Flag": Flag,
    "HealthcareService": HealthcareService,
    "MessageHeader": MessageHeader,
    "Observation": Observation,
    "Patient": Patient,
    "Procedure": Procedure,
    "Provenance": Provenance,
    "QuestionnaireResponse": QuestionnaireResponse,
    "ServiceRequest": ServiceRequest,
    "Task": Task,
}


def checked(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The resource as plain JSON, once its model has read it; pydantic's ValidationError if it cannot.

    A copy, and not what the model would print: that says the same (a test compares), takes longer than all
    the reading, and is done while a clinician waits.
    """
    MODELS[resource["resourceType"]].model_validate(resource)
    plain: dict[str, Any] = json.loads(json.dumps(resource))
    return plain
