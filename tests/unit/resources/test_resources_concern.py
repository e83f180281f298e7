"""A health concern: only where it is chosen, unconfirmed, neutral, labelled, taken back in its own way."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B.condition import Condition

from ipvscreen.ipv.draft import Recording
from ipvscreen.ipv.visit import Door
from ipvscreen.resources import correction as c
from ipvscreen.resources.allowance import EVERYTHING, plan_findings
from ipvscreen.resources.context import Context
from ipvscreen.resources.draft import Labelled, order, with_ids
from ipvscreen.resources.fallback import FURTHER, Rest, further
from ipvscreen.resources.finding import Level
from ipvscreen.resources.fitting import fitted, instead_of
from ipvscreen.resources.labels import labels_of
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.plan import plan_writes
from ipvscreen.resources.policy import Categories, WritePolicy, policy_from_json, policy_to_json
from ipvscreen.resources.scopes import Scopes, requested, written_kinds
from ipvscreen.resources.standing import IN_ERROR, as_error, status_of

Screen = Callable[..., tuple[Labelled, ...]]
YES = {"76500-8": ("LA33-6",)}
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def made(screen: Screen, **more: Any) -> Labelled:
    items = screen({"hark": YES, "quick": {"neck": ("no",)}}, concern=True, **more)
    (one,) = [item for item in items if item.kind == "Condition"]
    return one


def capability(*kinds: str) -> dict[str, Any]:
    interaction = [{"code": code} for code in ("create", "read", "update", "search-type")]
    resource = [{"type": kind, "interaction": interaction} for kind in kinds]
    return {"rest": [{"mode": "server", "resource": resource, "interaction": [{"code": "transaction"}]}]}


def test_it_is_written_only_where_it_is_chosen(screen: Screen) -> None:
    assert not [item for item in screen({"hark": YES}, flag=True) if item.kind == "Condition"]
    talk = screen({"hark": YES}, concern=True, recording=Recording.CONVERSATION)
    assert {item.kind for item in talk} == {"Procedure", "Provenance"}
    assert screen({"hark": YES}, concern=True, recording=Recording.NOTHING) == ()
    assert made(screen).about.value == "concern"


def test_it_is_an_active_unconfirmed_health_concern(screen: Screen, ctx: Context) -> None:
    body = made(screen).body
    codes = {name: body[name]["coding"][0]["code"] for name in ("clinicalStatus", "verificationStatus")}
    assert codes == {"clinicalStatus": "active", "verificationStatus": "unconfirmed"}
    first, sdoh = [one["coding"][0] for one in body["category"]]
    assert first == {
        "system": "http://hl7.org/fhir/us/core/CodeSystem/condition-category",
        "code": "health-concern",
    }
    assert sdoh["code"] == "sdoh"
    assert body["recorder"]["reference"] == ctx.author
    assert "asserter" not in body, "nobody has confirmed it"
    Condition.model_validate(body)


def test_where_lists_print_categories_it_has_that_of_its_kind_alone(screen: Screen, ctx: Context) -> None:
    plain = replace(ctx, author=None, policy=WritePolicy(categories=Categories.SURVEY))
    body = made(screen, context=plain).body
    assert [one["coding"][0]["code"] for one in body["category"]] == ["health-concern"]
    assert "recorder" not in body


def test_nothing_in_it_names_the_topic(screen: Screen, strings: Callable[[Any], Iterator[str]]) -> None:
    body = {name: value for name, value in made(screen).body.items() if name != "meta"}
    assert [text for text in strings(body) if topic_word(text)] == []
    assert body["code"]["text"] == (
        "Health concern, unconfirmed: read the restricted entry of 2 March 2026. Ask alone."
    )


@pytest.mark.parametrize("door", [Door.ASK, Door.TOLD, Door.WORRIED])
def test_it_rests_on_what_was_said_and_on_no_result_alone(screen: Screen, door: Door) -> None:
    items = screen({"hark": YES, "quick": {"neck": ("no",)}}, concern=True, door=door)
    one = next(item for item in items if item.kind == "Condition")
    basis = {ref["reference"] for ref in one.body["evidence"][0]["detail"]}
    named = [item for item in items if item.full_url in basis]
    kinds = {item.kind for item in named}
    assert kinds == (
        {"QuestionnaireResponse"} if door is Door.ASK else {"QuestionnaireResponse", "Observation"}
    )
    assert not any("derivedFrom" in item.body for item in named)
    sequence = [item.key for item in order(items)]
    assert max(sequence.index(item.key) for item in named) < sequence.index(one.key)
    (who,) = [item for item in items if item.kind == "Provenance"]
    assert one.reference in who.body["target"]


def test_what_it_rests_on_and_could_not_be_written_is_left_out(screen: Screen) -> None:
    one = made(screen)
    assert "evidence" not in with_ids(one.body, {})
    kept = with_ids(one.body, {next(iter(one.body["evidence"][0]["detail"]))["reference"]: "Basic/1"})
    assert kept["evidence"] == [{"detail": [{"reference": "Basic/1"}]}]


def test_it_rests_on_the_document_where_forms_are_carried_by_one(screen: Screen) -> None:
    kinds = ("Observation", "Provenance", "DocumentReference", "Condition")
    its = plan_writes(capability(*kinds), EVERYTHING, carriers=FURTHER)
    items = fitted(its, screen({"hark": YES}, concern=True))
    one = next(item for item in items if item.kind == "Condition")
    documents = {item.full_url for item in items if item.kind == "DocumentReference"}
    assert {ref["reference"] for ref in one.body["evidence"][0]["detail"]} == documents != set()


def test_it_is_asked_for_and_planned_only_where_the_deployer_wants_it() -> None:
    assert further((), concern=False) == ()
    assert further(("Communication",), concern=True) == ("Communication", "Condition")
    assert "Condition" not in requested()
    more = set(requested(carriers=("Condition",)).split()) - set(requested().split())
    assert more == {"patient/Condition.crs", "patient/Condition.u"}
    assert "patient/Condition.ud" in requested(carriers=("Condition",), withdraw=True).split()
    assert {"patient/Condition.read", "patient/Condition.write"} < set(
        requested("v1", carriers=("Condition",)).split()
    )
    its = capability(*written_kinds(), "Condition")
    assert plan_writes(its, EVERYTHING).ability("Condition") is None
    assert plan_writes(its, EVERYTHING, carriers=("Condition",)).allows("Condition")
    narrow = Scopes.parse(requested())
    assert not plan_writes(its, narrow, carriers=("Condition",)).allows("Condition")


def test_where_it_is_not_taken_there_are_words_for_the_clinician(screen: Screen) -> None:
    its = plan_writes(capability("QuestionnaireResponse"), EVERYTHING, carriers=("Condition",))
    ability = its.ability("Condition")
    assert ability is not None
    assert (ability.allowed, ability.rest) == (False, Rest.HAND)
    assert ability.why == "The record system does not accept new Health concerns."
    said = instead_of(its, made(screen))
    assert "Health concern, unconfirmed: read the restricted entry of 2 March 2026. Ask alone." in said


def test_the_doctor_tells_that_it_is_not_taken_and_names_no_carrier_for_it() -> None:
    found = plan_findings(capability(*written_kinds()), EVERYTHING, ("Condition",))
    (one,) = [finding for finding in found if finding.title == "Recording Condition"]
    assert one.level is Level.WARNING
    assert "carriers" not in one.do


def test_it_is_taken_back_by_its_verification(screen: Screen) -> None:
    body = made(screen).body | {"id": "1"}
    change = c.in_error(body)
    assert change.body is not None
    assert status_of(change.body) == IN_ERROR
    assert change.body["verificationStatus"]["coding"] == [{"system": VERIFICATION, "code": IN_ERROR}]
    assert "clinicalStatus" not in change.body, "R4, con-5"
    assert "status" not in change.body
    assert change.body["meta"]["security"] == list(labels_of(change.about))
    assert c.in_error(change.body).body is None, "it is so already"
    assert c.hidden(body).body is None, "it has the highest labels"
    assert c.stands(change.body, change.body)
    assert not c.stands(change.body, body)
    Condition.model_validate(change.body)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, None),
        ({"status": "entered-in-error"}, None),
        ({"verificationStatus": "entered-in-error"}, None),
        ({"verificationStatus": {"coding": "x"}}, None),
        ({"verificationStatus": {"coding": [1, {"code": 3}, {"code": "refuted"}]}}, "refuted"),
    ],
)
def test_what_a_condition_says_of_itself(said: dict[str, Any], status: str | None) -> None:
    assert status_of({"resourceType": "Condition", **said}) == status


def test_what_others_say_of_themselves() -> None:
    assert status_of({"resourceType": "Flag", "status": "active"}) == "active"
    assert status_of({"resourceType": "Flag", "status": ["active"]}) is None
    assert as_error("Flag") == {"status": IN_ERROR}


def test_a_policy_that_was_kept_before_there_was_a_row_for_it_protects_it_all_the_same(ctx: Context) -> None:
    stored = policy_to_json(ctx.policy)
    del stored["rows"]["concern"]
    assert policy_from_json(stored) == ctx.policy
