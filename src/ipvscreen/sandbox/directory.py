"""The demonstration directory: six made-up services, all of them behind the sandbox charity."""

import json
from importlib import resources
from typing import Any

_PROFILE = "https://health-questionnaire.example/fhir/StructureDefinition/service-profile"


def services(service_fhir: str) -> list[dict[str, Any]]:
    """The HealthcareServices of `services.json`, each with `service_fhir` as the endpoint of its profile."""
    text = resources.files("ipvscreen.sandbox").joinpath("services.json").read_text(encoding="utf-8")
    found = [entry["resource"] for entry in json.loads(text)["entry"]]
    for service in found:
        profile = next(one for one in service["extension"] if one["url"] == _PROFILE)
        profile["extension"].append({"url": "endpoint", "valueUrl": service_fhir})
    return found


def services_bundle(service_fhir: str) -> dict[str, Any]:
    """The same as a Bundle of type collection, for import."""
    entries = [{"resource": service} for service in services(service_fhir)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}
