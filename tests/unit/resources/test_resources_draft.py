"""Entries on their way: keys, order, transaction, references."""

import json
import uuid
from collections.abc import Callable

import pytest
from pydantic import ValidationError

from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import ReferralRequest
from ipvscreen.ipv.services import Service
from ipvscreen.resources.draft import (
    Labelled,
    batch_bundle,
    business_key,
    condition,
    entry,
    needs,
    order,
    transaction_bundle,
    waves,
    with_ids,
)
from ipvscreen.resources.labels import About
from ipvscreen.resources.referral import referral
from ipvscreen.resources.screening import Context

Screen = Callable[..., tuple[Labelled, ...]]
HARK = {"hark": {"76500-8": ("LA33-6",)}}


def test_a_key_is_a_uuid_that_stays_the_same() -> None:
    assert business_key("visit", "flag") == business_key("visit", "flag")
    assert (
        len({business_key("visit", "flag"), business_key("visit", "panel"), business_key("v", "flag")}) == 3
    )
    assert str(uuid.UUID(business_key("visit", "flag"))) == business_key("visit", "flag")


def test_recording_again_makes_the_same_entries(screen: Screen) -> None:
    assert screen(HARK, flag=True) == screen(HARK, flag=True)
    keys = [item.key for item in screen(HARK, flag=True)]
    assert len(set(keys)) == len(keys)


def test_each_carries_its_identifier_where_r4_has_one(screen: Screen) -> None:
    for item in screen(HARK, flag=True):
        expected = {
            "system": "https://health-questionnaire.example/fhir/identifier",
            "value": f"urn:uuid:{item.key}",
        }
        if item.kind == "Provenance":
            assert "identifier" not in item.body
            assert item.identifier is None
        else:
            one = item.body["identifier"]
            assert (one if item.kind == "QuestionnaireResponse" else one[0]) == expected
            assert item.identifier == f"{expected['system']}|{expected['value']}"


def test_what_is_not_fhir_is_not_drafted() -> None:
    with pytest.raises(ValidationError, match="surprise"):
        entry("k", "Flag", {"surprise": 1}, About.FLAG)


def test_order_puts_what_is_referred_to_first_and_provenance_last(screen: Screen) -> None:
    items = screen(HARK, flag=True)
    for shuffled in (items, items[::-1], (items[-1], *items[:-1])):
        placed = order(shuffled)
        assert sorted(i.key for i in placed) == sorted(i.key for i in items)
        assert placed[-1].kind == "Provenance"
        position = {item.full_url: n for n, item in enumerate(placed)}
        for n, item in enumerate(placed[:-1]):
            needed = [
                r["reference"] for r in item.body.get("derivedFrom", []) + item.body.get("hasMember", [])
            ]
            assert all(position[url] < n for url in needed)


def test_order_of_a_referral(ctx: Context, service: Service, agreed: ReferralRequest, person: Person) -> None:
    items = referral(ctx, service, agreed, person, "k")
    assert [item.kind for item in order(items[::-1])] == ["Consent", "ServiceRequest", "Task"]


def test_a_circle_is_refused() -> None:
    one = Labelled("1", "Task", {"partOf": [{"reference": "urn:uuid:2"}]}, About.REFERRAL)
    two = Labelled("2", "Task", {"partOf": [{"reference": "urn:uuid:1"}]}, About.REFERRAL)
    with pytest.raises(ValueError, match="cycle"):
        order((one, two))


@pytest.mark.parametrize("conditional", [True, False])
def test_transaction_creates_each_once(screen: Screen, conditional: bool) -> None:
    items = screen(HARK)
    bundle = transaction_bundle(items, conditional=conditional)
    assert bundle["type"] == "transaction"
    assert [e["fullUrl"] for e in bundle["entry"]] == [item.full_url for item in items]
    for item, one in zip(items, bundle["entry"], strict=True):
        assert one["resource"] == item.body
        assert (one["request"]["method"], one["request"]["url"]) == ("POST", item.kind)
        expected = f"identifier={item.identifier}" if conditional and item.identifier else None
        assert one["request"].get("ifNoneExist") == expected


def test_a_transaction_refers_only_to_what_it_holds(screen: Screen) -> None:
    kept = [item for item in screen(HARK, flag=True) if item.kind != "QuestionnaireResponse"]
    bundle = transaction_bundle(kept, conditional=False)
    inside = {one["fullUrl"] for one in bundle["entry"]}
    provenance = bundle["entry"][-1]["resource"]
    assert {target["reference"] for target in provenance["target"]} == inside - {
        bundle["entry"][-1]["fullUrl"]
    }
    first = bundle["entry"][0]["resource"]
    assert first["resourceType"] == "Observation"
    assert "derivedFrom" not in first


def test_ids_replace_what_was_written_and_leave_out_what_was_not() -> None:
    body = {
        "resourceType": "Task",
        "identifier": [{"value": "urn:uuid:a"}],
        "focus": {"reference": "urn:uuid:b"},
        "for": {"reference": "Patient/1"},
        "basedOn": [{"reference": "urn:uuid:a"}, {"reference": "urn:uuid:b"}],
        "requester": {"reference": "urn:uuid:b", "display": "someone"},
        "restriction": {"repetitions": 0, "recipient": [{"reference": "urn:uuid:b"}]},
        "input": [{"valueBoolean": False}],
    }
    assert with_ids(body, {"urn:uuid:a": "ServiceRequest/9"}) == {
        "resourceType": "Task",
        "identifier": [{"value": "urn:uuid:a"}],
        "for": {"reference": "Patient/1"},
        "basedOn": [{"reference": "ServiceRequest/9"}],
        "requester": {"display": "someone"},
        "restriction": {"repetitions": 0},
        "input": [{"valueBoolean": False}],
    }


def test_in_waves_nothing_refers_to_its_own_wave(screen: Screen) -> None:
    groups = waves(screen(HARK, flag=True))
    assert len(groups) > 2
    before: set[str] = set()
    for group in groups:
        own = {item.full_url for item in group}
        for item in group:
            new = {reference for reference in needs(item) if reference.startswith("urn:uuid:")}
            assert new <= before
        before |= own
    assert [item.kind for item in groups[-1]] == ["Provenance"]
    assert sum(map(len, groups)) == len(screen(HARK, flag=True))
    assert waves(()) == ()


def test_a_batch_refers_to_what_is_there_already(screen: Screen) -> None:
    first, second, *_ = waves(screen(HARK))
    ids = {item.full_url: f"{item.kind}/{number}" for number, item in enumerate(first)}
    bundle = batch_bundle(second, ids, conditional=frozenset({"Observation"}))
    assert bundle["type"] == "batch"
    assert "urn:uuid" not in json.dumps([one["resource"].get("derivedFrom") for one in bundle["entry"]])
    assert all("fullUrl" not in one for one in bundle["entry"])
    assert all("ifNoneExist" in one["request"] for one in bundle["entry"])


def test_a_condition_only_for_the_types_that_know_it(screen: Screen) -> None:
    items = screen(HARK, flag=True)
    kinds = frozenset({"Flag", "Provenance"})
    assert {item.kind for item in items if condition(item, kinds)} == {"Flag"}
    assert {item.kind for item in items if not condition(item, conditional=True)} == {"Provenance"}
