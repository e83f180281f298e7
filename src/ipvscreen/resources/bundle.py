"""A FHIR Bundle of HealthcareServices → the services and a report; all of them, or none."""

from collections.abc import Mapping
from typing import Any

from ipvscreen.ipv.services import Kind
from ipvscreen.resources.directory import places_told, service_of
from ipvscreen.resources.directory_report import Fate, Reading, Remark, why_not_offered


def read_bundle(bundle: Mapping[str, Any]) -> Reading:
    """The services of a Bundle; ValueError with a plain sentence for the first that cannot be taken."""
    entries = bundle.get("entry", ())
    if not all(
        isinstance(entry, Mapping) and isinstance(entry.get("resource"), Mapping) for entry in entries
    ):
        raise ValueError("has an entry without a resource")
    services = tuple(service_of(entry["resource"]) for entry in entries)
    if len({service.id for service in services}) != len(services):
        raise ValueError("two services have the same id")
    remarks: list[Remark] = []
    for number, (entry, service) in enumerate(zip(entries, services, strict=True)):
        place = f"entry[{number}].resource"
        if service.kind is Kind.REFUGE:
            remarks += (_dropped(place, service.name, name) for name in places_told(entry["resource"]))
        remarks += why_not_offered(place, service)
    return Reading(len(services), services, tuple(remarks))


def _dropped(place: str, service: str, element: str) -> Remark:
    return Remark(f"{place}.{element}", service, Fate.DROPPED, "may say where a refuge is; it is not stored.")
