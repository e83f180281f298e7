"""A referral in the record system: neutral, on one footing, without the way to reach the person."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, Release, SafeContact, Sharing
from ipvscreen.ipv.services import Kind, Service
from ipvscreen.resources.context import Context
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.referral import referral
from ipvscreen.resources.terminology import BASIS_WORDS, Basis

KEY = "5d5a3d0e-6f2b-4d0e-8f2b-1c1f6f0b9a11"
SHARING = Sharing(decided_by="Dr Amina Clark", basis="serious-harm", told=False, why_not_told="he reads all")


@pytest.fixture
def bodies(ctx: Context, service: Service, person: Person) -> Callable[..., dict[str, dict[str, Any]]]:
    def made(request: ReferralRequest, **changes: Any) -> dict[str, dict[str, Any]]:
        items = referral(ctx, replace(service, **changes), request, person, KEY)
        return {item.kind: item.body for item in items}

    return made


Bodies = Callable[[ReferralRequest], dict[str, dict[str, Any]]]


def test_with_agreement(bodies: Bodies, agreed: ReferralRequest, ctx: Context) -> None:
    made = bodies(agreed)
    assert made.keys() == {"Consent", "ServiceRequest", "Task"}
    asked, task = made["ServiceRequest"], made["Task"]
    assert (asked["status"], asked["intent"], asked["priority"]) == ("active", "order", "routine")
    assert asked["subject"] == {"reference": "Patient/patient-88", "display": "Sam Doe"}
    assert asked["performer"] == [{"display": "The Willow group"}]
    assert asked["requester"]["reference"] == "Practitioner/66"
    assert asked["supportingInfo"] == [{"reference": made["Consent"]["identifier"][0]["value"]}]
    assert "reasonCode" not in asked
    assert "orderDetail" not in asked
    assert "note" not in asked
    assert (task["status"], task["intent"], task["priority"]) == ("requested", "order", "routine")
    assert task["code"]["coding"][0]["code"] == "fulfill"
    assert task["focus"] == {"reference": asked["identifier"][0]["value"]}
    assert task["for"] == asked["subject"]
    assert task["encounter"] == asked["encounter"] == {"reference": "Encounter/encounter-99"}
    assert task["owner"] == {"display": "The Willow group"}
    assert task["authoredOn"] == asked["authoredOn"] == "2026-03-02T10:00:05Z"


def test_urgent(bodies: Bodies, agreed: ReferralRequest) -> None:
    made = bodies(replace(agreed, urgent=True))
    assert made["ServiceRequest"]["priority"] == made["Task"]["priority"] == "urgent"


@pytest.mark.parametrize("kind", Kind)
def test_the_code_is_general(
    bodies: Callable[..., dict[str, dict[str, Any]]], agreed: ReferralRequest, kind: Kind
) -> None:
    code = bodies(agreed, kind=kind)["ServiceRequest"]["code"]["coding"][0]["code"]
    peers = kind in (Kind.MENTOR_MOTHER, Kind.PEER_MENTOR, Kind.PEER_GROUP)
    assert code == ("711281004" if peers else "710915002")


def test_who_rings_herself_is_not_to_be_contacted(bodies: Bodies, agreed: ReferralRequest) -> None:
    asked = bodies(replace(agreed, contact=SafeContact(ContactWay.SHE_CALLS)))["ServiceRequest"]
    assert asked["orderDetail"][0]["coding"][0]["code"] == "contacting-subject-prohibited"


@pytest.mark.parametrize(("back", "kind"), [(True, "permit"), (False, "deny")])
def test_consent_out_and_back_until_a_day(
    bodies: Bodies, agreed: ReferralRequest, back: bool, kind: str
) -> None:
    consent = bodies(replace(agreed, agreement=Agreement(out=True, back=back, until=date(2026, 6, 2))))[
        "Consent"
    ]
    assert consent["status"] == "active"
    assert consent["scope"]["coding"][0]["code"] == "patient-privacy"
    assert consent["category"][0]["coding"][0]["code"] == "IDSCL"
    assert consent["patient"]["reference"] == "Patient/patient-88"
    assert consent["dateTime"] == "2026-03-02T10:00:05Z"
    assert consent["policyRule"]["coding"][0]["code"] == "OPTIN"
    provision = consent["provision"]
    assert provision["period"] == {"end": "2026-06-02"}
    assert "type" not in provision, "R4 does not allow it on the root"
    out, back_again = provision["provision"]
    assert (out["type"], out["actor"][0]["reference"]) == ("permit", {"display": "The Willow group"})
    assert back_again["type"] == kind
    assert back_again["actor"][0]["reference"]["reference"] == "Practitioner/66"


def test_where_a_release_was_signed_what_comes_back_holds_as_long(
    bodies: Bodies, agreed: ReferralRequest
) -> None:
    signed = replace(agreed, release=Release(date(2026, 3, 2), date(2026, 6, 2)))
    out, back = bodies(signed)["Consent"]["provision"]["provision"]
    assert back["period"] == {"start": "2026-03-02", "end": "2026-06-02"}
    assert "period" not in out
    assert all("period" not in one for one in bodies(agreed)["Consent"]["provision"]["provision"])


@pytest.mark.parametrize("basis", Basis)
@pytest.mark.parametrize("told", [True, False])
def test_without_agreement_there_is_a_note_and_no_consent(
    bodies: Bodies, agreed: ReferralRequest, basis: Basis, told: bool
) -> None:
    sharing = replace(SHARING, basis=str(basis), told=told)
    made = bodies(replace(agreed, agreement=None, sharing=sharing))
    assert made.keys() == {"ServiceRequest", "Task"}
    assert "supportingInfo" not in made["ServiceRequest"]
    words = "yes" if told else "no"
    assert made["ServiceRequest"]["note"] == [
        {
            "text": f"Sent without the person's agreement; basis: {BASIS_WORDS[basis]}; told: {words}."
            " Decided by Dr Amina Clark."
        }
    ]


def test_a_basis_that_has_no_words_is_refused(bodies: Bodies, agreed: ReferralRequest) -> None:
    with pytest.raises(ValueError, match="because"):
        bodies(replace(agreed, agreement=None, sharing=replace(SHARING, basis="because")))


def test_a_person_without_a_name(
    ctx: Context, service: Service, agreed: ReferralRequest, person: Person
) -> None:
    for item in referral(ctx, service, agreed, replace(person, name=None), KEY):
        assert '"display": "Sam Doe"' not in str(item.body)


@pytest.mark.parametrize("way", ContactWay)
@pytest.mark.parametrize("sharing", [None, SHARING])
def test_neutral_and_without_the_way_to_reach_her(
    bodies: Bodies,
    agreed: ReferralRequest,
    strings: Callable[[Any], Iterator[str]],
    way: ContactWay,
    sharing: Sharing | None,
) -> None:
    number = "sam@safe.example" if way is ContactWay.EMAIL else "07700 900123"
    contact = SafeContact(way, number=number, times="weekdays 10 to 12", voicemail=True)
    footing = {"agreement": None, "sharing": sharing} if sharing else {}
    made = bodies(replace(agreed, contact=contact, **footing))
    texts = [text for body in made.values() for text in strings(body)]
    assert len(texts) > 20
    assert [topic_word(text) for text in texts if topic_word(text)] == []
    everything = " ".join(texts)
    for secret in (number, "weekdays", "voicemail", "housing", "Somewhere to live", "he reads all"):
        assert secret not in everything
