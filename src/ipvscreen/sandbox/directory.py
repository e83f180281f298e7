"""The demonstration directory: made-up services, all of them behind the sandbox charity."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from importlib import resources
from typing import Any

_PROFILE = "https://health-questionnaire.example/fhir/StructureDefinition/service-profile"
_SIGNED = {"contactRulesSignedOn": ("valueDate", "2026-01-15")}
_WOMEN = {"sex": ("valueCode", "female"), "ageFrom": ("valueUnsignedInt", 18)}
_LONG_AGO = "2024-05-06"


def services(
    service_fhir: str, day: date | None = None, token: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The HealthcareServices of `services.json`, each with `service_fhir` as the endpoint of its profile.

    With `day`, today, six more: those whose state is a matter of days. `token`: where the endpoint asks for a
    token, as whom and for which scopes, by the names of the profile's parts.
    """
    text = resources.files("ipvscreen.sandbox").joinpath("services.json").read_text(encoding="utf-8")
    found = [entry["resource"] for entry in json.loads(text)["entry"]]
    found += _of_the_day(day) if day else []
    for service in found:
        profile = next(one for one in service["extension"] if one["url"] == _PROFILE)
        profile["extension"].append({"url": "endpoint", "valueUrl": service_fhir})
        for part, value in (token or {}).items():
            shape = "valueUrl" if part == "tokenUrl" else "valueString"
            profile["extension"].append({"url": part, shape: value})
    return found


def services_bundle(
    service_fhir: str, day: date | None = None, token: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The same as a Bundle of type collection, for import."""
    entries = [{"resource": service} for service in services(service_fhir, day, token)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _of_the_day(day: date) -> list[dict[str, Any]]:
    """A refuge, a group with a clinician and one without, an old entry, one for children, and a full one."""
    lately = {"placesOn": ("valueDate", (day - timedelta(days=2)).isoformat())}
    refuge = {"boysTo": ("valueUnsignedInt", 13), "takesPast": ("valueBoolean", False)}
    with_clinician = {"clinicalPartner": ("valueString", "Dr Lea Moor, clinical psychologist")}
    young = {"ageFrom": ("valueUnsignedInt", 5), "ageTo": ("valueUnsignedInt", 11)}
    return [
        _service(
            *("house", "refuge", "The house", "House for women", "For women who cannot stay where they are."),
            _WOMEN | refuge | lately | {"places": ("valueCode", "free")},
        ),
        _service(
            *("evening-group", "peer-group", "Evening group", "Evening group for women"),
            "For women from 18 who have been through it, led by two of them.",
            _WOMEN | with_clinician,
        ),
        _service(
            *("new-group", "peer-group", "New group", "New group for women"),
            "For women from 18; a clinician is still being looked for.",
            _WOMEN,
        ),
        _service(
            *("old-advice", "specialist", "Old Mill advice", "Advice at the Old Mill"),
            "For anyone from 16; nobody has checked this entry for a long time.",
            {"checkedOn": ("valueDate", _LONG_AGO)},
        ),
        _service(
            *("play-and-talk", "children", "Play and talk", "Play and talk"),
            "For children from 5 to 11: play, talk and a worker of their own.",
            young,
        ),
        _service(
            *("weir-advice", "specialist", "Weir advice", "Weir Advice and Support"),
            "For anyone from 16: advice, safety and legal help.",
            lately | {"places": ("valueCode", "full")},
        ),
    ]


def _service(
    service_id: str, kind: str, short_name: str, name: str, comment: str, parts: dict[str, tuple[str, Any]]
) -> dict[str, Any]:
    said = {
        "kind": ("valueCode", kind),
        "shortName": ("valueString", short_name),
        "replyHours": ("valuePositiveInt", 48),
        "hours": ("valueString", "Mon–Fri 09:00–17:00"),
        **_SIGNED,
        **parts,
    }
    extension = [{"url": part, shape: value} for part, (shape, value) in said.items()]
    return {
        "resourceType": "HealthcareService",
        "id": service_id,
        "extension": [{"url": _PROFILE, "extension": extension}],
        "active": True,
        "name": name,
        "comment": comment,
        "telecom": [{"system": "phone", "value": "01632 960027"}],
    }
