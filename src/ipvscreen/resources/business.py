"""The businessStatus of a Task, in neutral words, for the record and for messages to services."""

from collections.abc import Mapping
from typing import Any

from ipvscreen.ipv.case import BusinessStatus
from ipvscreen.resources.terminology import BASE, concept

CASE_STATUS = f"{BASE}/CodeSystem/case-status"

BUSINESS_WORDS: Mapping[BusinessStatus, str] = {
    BusinessStatus.PREPARED: "Prepared",
    BusinessStatus.SENT: "Sent",
    BusinessStatus.DELIVERED: "Delivered",
    BusinessStatus.OPENED: "Opened",
    BusinessStatus.CONTACTED: "Contact attempted",
    BusinessStatus.WAITING: "On a waiting list",
    BusinessStatus.ENGAGED: "In touch",
    BusinessStatus.CLOSED: "Closed",
}


def business_status(status: BusinessStatus) -> dict[str, Any]:
    """As a CodeableConcept."""
    return concept(CASE_STATUS, status, BUSINESS_WORDS[status])
