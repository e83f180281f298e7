"""The write plan, from what a server declares and what a sign-in was granted."""

import json
from collections.abc import Collection
from typing import Any

import pytest

from ipvscreen.messages import Message
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.plan import plan_from_json, plan_to_json, plan_writes
from ipvscreen.resources.scopes import ASKED_FOR, REQUESTED, Scopes

ALL = [kind for kind, letters in ASKED_FOR.items() if "c" in letters]
GRANTED = Scopes.parse(REQUESTED)


def capability(
    kinds: Collection[str] = ALL,
    *,
    interactions: Collection[str] = ("create", "read", "search-type"),
    system: Collection[str] = ("transaction",),
    conditional: Collection[str] = ALL,
) -> dict[str, Any]:
    resources = [
        {"type": k, "interaction": [{"code": i} for i in interactions], "conditionalCreate": k in conditional}
        for k in kinds
    ]
    server = {"mode": "server", "resource": resources, "interaction": [{"code": code} for code in system]}
    return {"resourceType": "CapabilityStatement", "rest": [{"mode": "client"}, server]}


def test_all_is_offered_and_granted() -> None:
    plan = plan_writes(capability(), GRANTED)
    assert plan.transaction
    assert plan.conditional
    assert plan.cannot() == ()
    assert all(plan.allows(kind) for kind in ALL)
    assert not plan.allows("Patient")


def test_a_type_that_the_server_does_not_take() -> None:
    plan = plan_writes(capability([kind for kind in ALL if kind != "Flag"]), GRANTED)
    (cannot,) = plan.cannot()
    assert cannot.kind == "Flag"
    assert not plan.allows("Flag")
    assert cannot.why == "The record system does not accept new Flags."
    assert cannot.do_instead == "Set the record system's own alert by hand, in neutral words."


def test_a_right_that_was_not_granted() -> None:
    scopes = Scopes.parse(REQUESTED.replace("Observation.crus", "Observation.rs"))
    (cannot,) = plan_writes(capability(), scopes).cannot()
    assert cannot.why == "This sign-in was not given the right to write Observations."


def test_what_cannot_be_read_back_is_not_written() -> None:
    plan = plan_writes(capability(interactions=("create",)), GRANTED)
    assert not plan.allows("Observation")
    assert {a.why for a in plan.cannot() if a.kind == "Task"} == {
        "The record system does not let us check how Tasks are protected."
    }
    write_only = plan_writes(capability(), Scopes.parse("patient/*.write"))
    assert {a.why for a in write_only.cannot() if a.kind == "Consent"} == {
        "This sign-in was not given the right to check how Consents are protected."
    }


@pytest.mark.parametrize(
    "silent", [{}, {"rest": None}, {"rest": [{"mode": "client", "resource": [{"type": "Flag"}]}]}]
)
def test_what_is_not_declared_is_not_offered(silent: dict[str, Any]) -> None:
    plan = plan_writes(silent, GRANTED)
    assert [ability.kind for ability in plan.cannot()] == ALL
    assert not plan.transaction
    assert not plan.conditional


MALFORMED = [
    {"rest": "server"},
    {"rest": {"mode": "server"}},
    {"rest": [1, None, ["mode", "server"]]},
    {"rest": [{"mode": ["server"]}]},
    *(
        {"rest": [{"mode": "server", "resource": resource, "interaction": interaction}]}
        for resource in ("Flag", {"type": "Flag"}, [1, "Flag"], [{"type": ["Flag"]}, {"type": None}])
        for interaction in (
            "transaction",
            {"code": "transaction"},
            ["transaction"],
            [{"code": ["transaction"]}],
        )
    ),
    {"rest": [{"mode": "server", "resource": [{"type": "Flag", "interaction": "create"}]}]},
    {"rest": [{"mode": "server", "resource": [{"type": "Flag", "interaction": ["create", {"code": {}}]}]}]},
]


@pytest.mark.parametrize("malformed", MALFORMED)
def test_what_is_malformed_is_not_offered(malformed: dict[str, Any]) -> None:
    plan = plan_writes(malformed, GRANTED)
    assert [ability.kind for ability in plan.cannot()] == ALL
    assert not plan.transaction
    assert not plan.conditional


def test_what_is_malformed_takes_nothing_away_from_what_stands_beside_it() -> None:
    whole = capability()
    rest = whole["rest"][1]
    rest["resource"] = [None, {"type": ["Flag"]}, *rest["resource"]]
    rest["resource"][-1]["interaction"].append("create")
    rest["interaction"] = [7, {"code": None}, *rest["interaction"]]
    whole["rest"] = ["client", *whole["rest"]]
    assert plan_writes(whole, GRANTED) == plan_writes(capability(), GRANTED)


def test_batch_is_no_transaction() -> None:
    assert not plan_writes(capability(system=("batch",)), GRANTED).transaction


def test_conditional_create_is_needed_on_what_is_written_and_has_an_identifier() -> None:
    assert plan_writes(capability(conditional=[k for k in ALL if k != "Provenance"]), GRANTED).conditional
    assert not plan_writes(capability(conditional=[k for k in ALL if k != "Task"]), GRANTED).conditional
    without_task = [kind for kind in ALL if kind != "Task"]
    assert plan_writes(capability(without_task, conditional=without_task), GRANTED).conditional


def test_where_lists_lose_labels_nothing_is_written_and_that_is_why() -> None:
    plan = plan_writes(capability(), GRANTED, lists="stop")
    assert [ability.kind for ability in plan.cannot()] == ALL
    assert {ability.why for ability in plan.cannot()} == {
        "Lists in this record system show entries without their protection, so nothing is written there."
    }
    assert not plan.conditional
    assert not plan.lists_bare


def test_where_lists_lose_labels_and_that_is_accepted_it_is_told() -> None:
    plan = plan_writes(capability(), GRANTED, lists="warn")
    assert plan.lists_bare
    assert plan.cannot() == ()
    assert not plan_writes(capability(), GRANTED).lists_bare


@pytest.mark.parametrize("lists", ["kept", "warn", "stop"])
def test_stored_and_read_again(lists: Any) -> None:
    plan = plan_writes(capability(["Flag"]), GRANTED, lists=lists)
    stored = plan_to_json(plan)
    assert plan_from_json(stored) == plan
    before_lists = {name: value for name, value in stored.items() if name != "lists_bare"}
    assert not plan_from_json(before_lists).lists_bare
    with pytest.raises(TypeError):
        plan_from_json({**stored, "more": 1})


def test_its_sentences_may_stand_on_a_visible_screen() -> None:
    plans = plan_writes({}, GRANTED), plan_writes(capability(), GRANTED, lists="stop")
    for ability in (ability for plan in plans for ability in plan.cannot()):
        assert ability.why
        assert ability.do_instead
        assert topic_word(ability.why + ability.do_instead) is None


def test_what_cannot_be_recorded_can_be_said_in_another_language_after_it_was_stored() -> None:
    plan = plan_writes({}, Scopes.parse(""))
    (first, *_) = plan_from_json(json.loads(json.dumps(plan_to_json(plan)))).cannot()

    assert isinstance(first.why, Message)
    assert first.why.msgid == "The record system does not accept new {name}."
    assert isinstance(first.why.parts["name"], Message)
    assert isinstance(first.do_instead, Message)


def test_a_plan_of_an_earlier_version_still_opens() -> None:
    old = {"kind": "Flag", "allowed": False, "why": "No.", "do_instead": "By hand."}
    (ability,) = plan_from_json({"transaction": True, "conditional": False, "abilities": [old]}).abilities

    assert (ability.why, ability.do_instead) == ("No.", "By hand.")
