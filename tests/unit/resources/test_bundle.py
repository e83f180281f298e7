"""A FHIR Bundle of services: all of them or none, and no address of a refuge."""

import json
from typing import Any

import pytest

from ipvscreen.resources.bundle import read_bundle
from ipvscreen.resources.directory import SERVICE_PROFILE, kept_service, resource_of
from ipvscreen.resources.directory_report import Fate

PARTS = {
    "kind": ("valueCode", "refuge"),
    "shortName": ("valueString", "The house"),
    "replyHours": ("valuePositiveInt", 4),
    "hours": ("valueString", "At any hour"),
    "endpoint": ("valueUrl", "https://house.example/fhir"),
    "contactRulesSignedOn": ("valueDate", "2026-01-15"),
}


def house(parts: dict[str, tuple[str, Any]] = PARTS, **changes: Any) -> dict[str, Any]:
    extension = [{"url": name, shape: value} for name, (shape, value) in parts.items()]
    return {
        "resourceType": "HealthcareService",
        "id": "house",
        "name": "House for women",
        "comment": "For women who cannot stay where they are.",
        "telecom": [{"system": "phone", "value": "0808 157 0611"}],
        "extension": [{"url": SERVICE_PROFILE, "extension": extension}],
    } | changes


def bundle(*resources: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


WHERE = {
    "location": [{"reference": "#where", "display": "77 Hidden Terrace"}],
    "extraDetails": "Ring at 77 Hidden Terrace",
    "contained": [{"resourceType": "Location", "id": "where", "address": {"line": ["77 Hidden Terrace"]}}],
}


def test_what_says_where_a_refuge_is_goes_and_is_said() -> None:
    reading = read_bundle(bundle(house(**WHERE)))
    assert [(one.place, one.fate) for one in reading.remarks] == [
        (f"entry[0].resource.{name}", Fate.DROPPED) for name in ("location", "contained", "extraDetails")
    ]
    (service,) = reading.services
    assert "Hidden" not in json.dumps(resource_of(service))
    assert kept_service(resource_of(service)) == service


def test_of_another_service_it_goes_without_a_word() -> None:
    kind = PARTS | {"kind": ("valueCode", "specialist")}
    reading = read_bundle(bundle(house(kind, **WHERE)))
    assert reading.remarks == ()
    assert "Hidden" not in json.dumps(resource_of(reading.services[0]))


@pytest.mark.parametrize("element", ["comment", "name"])
def test_a_refuge_whose_words_hold_an_address_is_refused(element: str) -> None:
    with pytest.raises(ValueError, match=r"^[^:]+: a text of this refuge may hold its address"):
        read_bundle(bundle(house(**{element: "At 77 Hidden Road"})))


def test_a_group_without_a_clinician_is_listed_and_said_not_to_be_offered() -> None:
    group = {name: PARTS[name] for name in ("shortName", "replyHours", "hours")}
    reading = read_bundle(bundle(house(group | {"kind": ("valueCode", "peer-group")})))
    assert [one.sentence.split(":")[0] for one in reading.remarks] == [
        "has not signed the contact rules",
        "is a group without a named clinical partner",
        "has no endpoint",
    ]
    assert len(reading.services) == 1


def test_signed_without_a_day_is_not_signed() -> None:
    """As an earlier version had it: it is read, and opens nothing."""
    old = {name: value for name, value in PARTS.items() if name != "contactRulesSignedOn"}
    reading = read_bundle(bundle(house(old | {"contactRulesSigned": ("valueBoolean", True)})))
    assert reading.services[0].contact_rules_signed is None
    with pytest.raises(ValueError, match="an extension 'contactRulesSigned' that is unknown or of the wrong"):
        read_bundle(bundle(house(old | {"contactRulesSigned": ("valueString", "yes")})))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (bundle(house(), house()), "two services have the same id"),
        ({"entry": [{"fullUrl": "x"}]}, "has an entry without a resource"),
        ({"entry": ["x"]}, "has an entry without a resource"),
        (bundle(house(), house(id="h2", telecom=[])), "House for women: has no telephone number"),
    ],
)
def test_one_wrong_and_none_is_taken(body: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        read_bundle(body)


def test_an_empty_bundle_is_an_empty_directory() -> None:
    assert read_bundle({"resourceType": "Bundle"}).services == ()
