"""What an entry says of itself, where its type says it, and how it says that it was an error."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ipvscreen.resources.terminology import concept

CONDITION_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CONDITION_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
IN_ERROR = "entered-in-error"


class ClinicalStatus(StrEnum):
    """Condition.clinicalStatus."""

    ACTIVE = "active"


class VerificationStatus(StrEnum):
    """Condition.verificationStatus: nothing that a form says is confirmed."""

    UNCONFIRMED = "unconfirmed"
    ENTERED_IN_ERROR = IN_ERROR


_ERROR_OF_A_CONDITION = {
    "verificationStatus": concept(CONDITION_VERIFICATION, VerificationStatus.ENTERED_IN_ERROR),
    "clinicalStatus": None,  # R4, con-5: not beside an error
}


def status_of(body: Mapping[str, Any]) -> str | None:
    """`status`; of a Condition its verification. None where it says nothing that can be read."""
    if body.get("resourceType") != "Condition":
        status = body.get("status")
        return status if isinstance(status, str) else None
    said = body.get("verificationStatus")
    codings = said.get("coding") if isinstance(said, Mapping) else None
    codes = (
        [one.get("code") for one in codings if isinstance(one, Mapping)] if isinstance(codings, list) else []
    )
    return next((code for code in codes if isinstance(code, str)), None)


def as_error(kind: str) -> dict[str, Any]:
    """The elements, None for one that goes, by which an entry of that type is an error."""
    return dict(_ERROR_OF_A_CONDITION) if kind == "Condition" else {"status": IN_ERROR}
