"""A service of the directory, read strictly."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ipvscreen.ipv.by_hand import ByHand
from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.services import Backend, Kind, Service, SigningAlg
from ipvscreen.resources.directory import SERVICE_PROFILE, kept_service, resource_of, service_of
from ipvscreen.resources.service_parts import PARTS

FULL: list[tuple[str, str, Any]] = [
    ("kind", "valueCode", "peer-mentor"),
    ("shortName", "valueString", "The Willow group"),
    ("replyHours", "valuePositiveInt", 48),
    ("hours", "valueString", "weekdays 9 to 17"),
    ("endpoint", "valueUrl", "https://willow.example/fhir/"),
    ("sex", "valueCode", "male"),
    ("sex", "valueCode", "female"),
    ("setting", "valueCode", "mental-health"),
    ("ageFrom", "valueUnsignedInt", 18),
    ("ageTo", "valueUnsignedInt", 65),
    ("needsChildrenOrPregnancy", "valueBoolean", True),
    ("takesPast", "valueBoolean", False),
    ("takesCurrent", "valueBoolean", False),
    ("contactRulesSignedOn", "valueDate", "2026-01-15"),
]
REQUIRED = FULL[:4]


def resource(parts: list[tuple[str, str, Any]] = FULL, **changes: Any) -> dict[str, Any]:
    body = {
        "resourceType": "HealthcareService",
        "id": "willow",
        "name": "Peer mentoring",
        "comment": "Men and women under the trust.",
        "telecom": [
            {"system": "email", "value": "a@b.example"},
            {"system": "phone", "value": "01632 960123"},
        ],
        "extension": [
            {"url": "https://other.example/x", "valueBoolean": True},
            {"url": SERVICE_PROFILE, "extension": [{"url": url, key: value} for url, key, value in parts]},
        ],
    } | changes
    return {key: value for key, value in body.items() if value is not None}


def token(url: str) -> list[tuple[str, str, Any]]:
    return [
        ("tokenUrl", "valueUrl", url),
        ("tokenClient", "valueString", "app"),
        ("tokenScope", "valueString", "system/Bundle.c"),
    ]


def changed(name: str, value: Any) -> list[tuple[str, str, Any]]:
    return [(url, key, value if url == name else old) for url, key, old in FULL]


def test_everything_that_matching_needs_is_read() -> None:
    service = service_of(resource())
    assert service.id == "willow"
    assert service.kind is Kind.PEER_MENTOR
    assert (service.name, service.short_name) == ("Peer mentoring", "The Willow group")
    assert service.for_whom == "Men and women under the trust."
    assert (service.hours, service.phone, service.reply_hours) == ("weekdays 9 to 17", "01632 960123", 48)
    assert service.endpoint == "https://willow.example/fhir"
    assert service.sexes == {Sex.MALE, Sex.FEMALE}
    assert service.settings == {Setting.MENTAL_HEALTH}
    assert (service.age_from, service.age_to) == (18, 65)
    assert service.needs_children_or_pregnancy is True
    assert service.contact_rules_signed == date(2026, 1, 15)
    assert (service.takes_past, service.takes_current) == (False, False)


def test_what_is_left_out_has_its_default_and_nothing_unsafe_is_assumed() -> None:
    service = service_of(resource(REQUIRED))
    assert service.sexes == service.settings == frozenset()
    assert (service.age_from, service.age_to) == (0, None)
    assert (service.takes_past, service.takes_current) == (True, True)
    assert service.needs_children_or_pregnancy is False
    assert service.contact_rules_signed is None
    assert service.endpoint == ""


@pytest.mark.parametrize("name", [url for url, _, _ in REQUIRED])
def test_what_is_required_must_be_there_once(name: str) -> None:
    with pytest.raises(ValueError, match=f"^Peer mentoring: needs exactly one '{name}'"):
        service_of(resource([part for part in FULL if part[0] != name]))
    with pytest.raises(ValueError, match=f"^Peer mentoring: needs exactly one '{name}'"):
        service_of(resource(FULL + [part for part in FULL if part[0] == name]))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"resourceType": "Organization"}, "Peer mentoring: is not a HealthcareService."),
        ({"name": None}, "A service without a name: has no 'name'."),
        ({"id": None}, "Peer mentoring: has no 'id'."),
        ({"comment": None}, "Peer mentoring: has no 'comment'."),
        ({"telecom": None}, "Peer mentoring: has no telephone number."),
        ({"telecom": [{"system": "phone"}]}, "Peer mentoring: has no telephone number."),
        ({"active": False}, "Peer mentoring: is not active."),
        ({"extension": None}, f"Peer mentoring: needs exactly one extension {SERVICE_PROFILE}."),
        ({"active": "perhaps"}, "Peer mentoring: is not valid FHIR R4 at 'active'"),
        ({"surprise": 1}, "Peer mentoring: is not valid FHIR R4 at 'surprise'"),
    ],
)
def test_what_is_wrong_is_said_with_the_name(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        service_of(resource(**wrong))


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (changed("kind", "spa"), "its 'kind' cannot be 'spa': one of mentor-mother, peer-mentor, "),
        (changed("sex", "both"), "its 'sex' cannot be 'both': one of female, male, other, unknown."),
        (changed("setting", "home"), "its 'setting' cannot be 'home': one of gp, antenatal, mental-health."),
        (changed("shortName", "Domestic abuse line"), "its short name must be neutral, without 'Domestic'."),
        (changed("endpoint", "http://willow.example/fhir"), "its endpoint must be an https address."),
        (
            [*FULL, ("colour", "valueCode", "red")],
            "has an extension 'colour' that is unknown or of the wrong",
        ),
        (
            [("kind", "valueString", "peer-mentor"), *FULL[1:]],
            "has an extension 'kind' that is unknown or of",
        ),
    ],
)
def test_what_the_profile_says_is_checked(parts: list[tuple[str, str, Any]], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^Peer mentoring: {re.escape(sentence)}"):
        service_of(resource(parts))


def test_a_demonstration_on_loopback_may_be_plain_http() -> None:
    assert service_of(resource(changed("endpoint", "http://localhost:8030/fhir"))).endpoint.startswith(
        "http:"
    )


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            [*FULL, ("riskFrom", "valueCode", "high"), ("riskTo", "valueCode", "standard")],
            "its highest risk is",
        ),
        (changed("ageTo", 17), "its greatest age is below its least."),
        (
            [*FULL, ("childAgeFrom", "valueUnsignedInt", 5), ("childAgeTo", "valueUnsignedInt", 4)],
            "its greatest age is below its least.",
        ),
        (changed("hours", "=1+1"), "its hours begins like a formula of a spreadsheet."),
        ([*FULL, ("tokenUrl", "valueUrl", "https://willow.example/token")], "its token address, client and"),
        (
            [*FULL, *token("https://other.example/token")],
            "its token address must be of the same host as its endpoint.",
        ),
        ([*FULL, *token("http://willow.example/token")], "its endpoint must be an https address."),
        (
            [*(one for one in FULL if one[0] != "endpoint"), *token("https://willow.example/token")],
            "its token address, client and scope go together, and with an endpoint.",
        ),
        (changed("endpoint", "https://10.0.0.1/fhir"), "its endpoint must have the whole name of a host"),
        (changed("contactRulesSignedOn", "2026"), "its 'contactRulesSignedOn' cannot be '2026': a day as"),
    ],
)
def test_what_no_table_can_say(parts: list[tuple[str, str, Any]], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^Peer mentoring: {re.escape(sentence)}"):
        service_of(resource(parts))


def test_how_a_token_is_got_and_how_it_is_brought_by_hand() -> None:
    more = [*token("https://willow.example/token/"), ("tokenAlg", "valueCode", "RS384")]
    by_hand = [("byHand", "valueCode", "letter"), ("byHand", "valueCode", "telephone")]
    service = service_of(resource([*FULL, *more, *by_hand]))

    assert service.backend == Backend(
        "https://willow.example/token/", "app", "system/Bundle.c", SigningAlg.RS384
    )
    assert service.by_hand == frozenset(ByHand)
    assert kept_service(resource_of(service)) == service
    assert replace(service, endpoint="").backend is None
    assert service_of(resource()).backend is None


def test_a_resource_says_what_was_read_and_no_more() -> None:
    service = service_of(resource())
    kept = resource_of(service)
    assert kept_service(kept) == service_of(kept) == service
    assert [one["url"] for one in kept["extension"]] == [SERVICE_PROFILE]
    assert kept["telecom"] == [{"system": "phone", "value": "01632 960123"}]


def test_every_field_of_a_service_has_its_part() -> None:
    told = {"id", "name", "for_whom", "phone"}
    assert {part.field for part in PARTS.values()} | told == set(Service.__dataclass_fields__)


def test_a_sentence_over_two_lines_becomes_one() -> None:
    assert service_of(resource(comment="For men\n  and women.")).for_whom == "For men and women."
