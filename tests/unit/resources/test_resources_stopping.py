"""The message that a referral is stopped: the same request by its identifiers, a name, and nothing else."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import ReferralRequest
from ipvscreen.ipv.services import Service
from ipvscreen.resources.contact import CONTACT_RULES
from ipvscreen.resources.context import Context
from ipvscreen.resources.labels import DEFAULT
from ipvscreen.resources.message import message
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.stopping import NO_CONTACT, left_of, stop_key, stop_message
from ipvscreen.resources.terminology import HELP_WORDS

KEY = "5d5a3d0e-6f2b-4d0e-8f2b-1c1f6f0b9a11"
AT, LATER = datetime(2026, 3, 2, 10, 9, tzinfo=UTC), datetime(2026, 3, 9, 8, 0, tzinfo=UTC)


@pytest.fixture
def sent(ctx: Context, service: Service, person: Person, agreed: ReferralRequest) -> dict[str, Any]:
    wanted = replace(agreed, help_wanted=frozenset(HELP_WORDS))
    return message(ctx, service, wanted, person, KEY, "https://app.example", AT)


@pytest.fixture
def told(sent: dict[str, Any], person: Person) -> dict[str, Any]:
    left = left_of(sent)
    assert left is not None
    return stop_message(left, KEY, person, LATER, DEFAULT)


def resources(bundle: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["resource"]["resourceType"]: entry["resource"] for entry in bundle["entry"]}


def test_the_same_request_and_task_are_revoked_and_cancelled(
    sent: dict[str, Any], told: dict[str, Any]
) -> None:
    before, after = resources(sent), resources(told)
    assert set(after) == {"MessageHeader", "Patient", "ServiceRequest", "Task"}
    for kind in ("ServiceRequest", "Task"):
        assert after[kind]["identifier"] == before[kind]["identifier"]
        assert after[kind]["authoredOn"] == before[kind]["authoredOn"]
    assert after["ServiceRequest"]["status"] == "revoked"
    task = after["Task"]
    assert (task["status"], task["businessStatus"]["coding"][0]["code"]) == ("cancelled", "closed")
    assert (task["focus"], task["for"]) == (before["Task"]["focus"], before["Task"]["for"])
    assert task["lastModified"] == told["timestamp"] == "2026-03-09T08:00:00Z"
    header = after["MessageHeader"]
    assert header["eventCoding"]["code"] == "referral-stopped"
    assert header["destination"] == before["MessageHeader"]["destination"]


def test_it_is_a_message_of_its_own_and_the_same_each_time(
    sent: dict[str, Any], told: dict[str, Any], person: Person
) -> None:
    assert told["identifier"]["value"] == f"urn:uuid:{stop_key(KEY)}" != sent["identifier"]["value"]
    assert told["entry"][0]["fullUrl"] != sent["entry"][0]["fullUrl"], "an answer says for which it is"
    assert stop_message(left_of(sent) or {}, KEY, person, LATER, DEFAULT) == told


def test_it_says_whom_not_to_contact_and_no_reason_no_way_and_no_wish(
    sent: dict[str, Any], told: dict[str, Any]
) -> None:
    """The control: what the referral says of these."""
    patient = resources(told)["Patient"]
    assert patient["name"] == [{"text": "Sam Doe"}] == resources(sent)["Patient"]["name"]
    assert patient["extension"] == [{"url": CONTACT_RULES, "valueString": NO_CONTACT}]
    task, request = resources(told)["Task"], resources(told)["ServiceRequest"]
    for absent in ("statusReason", "input", "note", "reasonCode", "supportingInfo", "orderDetail"):
        assert absent not in task
        assert absent not in request
    for text in (json.dumps(told), json.dumps(left_of(sent))):
        assert "telecom" not in text
        assert not [words for words in HELP_WORDS.values() if words in text]
        assert topic_word(text) is None
    assert "telecom" in json.dumps(sent)
    assert [words for words in HELP_WORDS.values() if words in json.dumps(sent)]


def test_what_is_kept_names_nobody(sent: dict[str, Any]) -> None:
    assert "Sam Doe" not in json.dumps(left_of(sent))
    assert "Sam Doe" in json.dumps(sent)


def test_somebody_without_a_name_is_told_of_by_identifiers_alone(
    sent: dict[str, Any], person: Person
) -> None:
    told = stop_message(left_of(sent) or {}, KEY, replace(person, name=""), LATER, DEFAULT)
    assert "name" not in resources(told)["Patient"]


def test_nothing_is_left_of_what_holds_no_task_or_has_told_of_a_stop(told: dict[str, Any]) -> None:
    assert left_of({"resourceType": "Bundle", "type": "message"}) is None
    assert left_of(told) is None


def test_all_of_it_is_labelled(told: dict[str, Any]) -> None:
    for body in (told, *resources(told).values()):
        assert {one["code"] for one in body["meta"]["security"]} >= {"V"}, body["resourceType"]
