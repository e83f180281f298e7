"""What a record system's policy changes in what is written, and what it cannot change."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import ReferralRequest
from ipvscreen.ipv.services import Service
from ipvscreen.resources.context import Context
from ipvscreen.resources.labels import DEFAULT, FLOOR, About, Labels, Row, Spelling, act
from ipvscreen.resources.policy import Categories, WritePolicy, policy_from_json, policy_to_json
from ipvscreen.resources.referral import message, referral
from ipvscreen.resources.screening import not_done

Screen = Callable[..., Any]
STU3 = "http://hl7.org/fhir/v3/ActCode"
OWN = WritePolicy(
    Labels(FLOOR | {About.SCREEN: Row("V", act("NOPAT"))}, inline=False, nopat=Spelling.STU3),
    Categories.SURVEY,
    "Read what stands at {date}.",
    "Out of hours: ask the duty doctor.",
)


@pytest.mark.parametrize("policy", [WritePolicy(), OWN])
def test_there_and_back(policy: WritePolicy) -> None:
    assert policy_from_json(json.loads(json.dumps(policy_to_json(policy)))) == policy


def test_the_flag_says_what_to_do_on_which_day_and_whom_to_ask() -> None:
    day = date(2026, 3, 2)
    assert WritePolicy().flag(day) == "Read the restricted entry of 2 March 2026 before contact. Ask alone."
    assert OWN.flag(day) == "Read what stands at 2 March 2026. Out of hours: ask the duty doctor."


def test_every_builder_follows_the_policy(
    ctx: Context, screen: Screen, service: Service, agreed: ReferralRequest, person: Person
) -> None:
    own = replace(ctx, policy=OWN)
    written = (
        *screen({"hark": {}, "quick": {}}, flag=True, context=own),
        *not_done(own, "declined"),
        *referral(own, service, agreed, person, "k"),
    )
    nopat = {
        one["system"] for item in written for one in item.body["meta"]["security"] if one["code"] == "NOPAT"
    }
    assert nopat == {STU3}, "one builder forgot the policy"
    screens = [item for item in written if item.about is About.SCREEN]
    assert {tuple(one["code"] for one in item.body["meta"]["security"]) for item in screens} == {
        ("V", "NOPAT")
    }
    (flag,) = (item.body for item in written if item.kind == "Flag")
    assert flag["code"] == {"text": OWN.flag(ctx.at.date())}


@pytest.mark.parametrize(("categories", "count"), [(Categories.SDOH, 3), (Categories.SURVEY, 1)])
def test_categories(ctx: Context, screen: Screen, categories: Categories, count: int) -> None:
    items = screen({"hark": {}}, context=replace(ctx, policy=WritePolicy(categories=categories)))
    found = [item.body["category"] for item in items if item.kind == "Observation"]
    assert {len(one) for one in found} == {count}
    assert {one[0]["coding"][0]["code"] for one in found} == {"survey"}


def test_only_the_message_marks_the_number_itself_and_only_where_the_policy_says_so(
    ctx: Context, service: Service, agreed: ReferralRequest, person: Person
) -> None:
    def sent(policy: WritePolicy) -> str:
        made = replace(ctx, policy=policy)
        return json.dumps(message(made, service, agreed, person, "k", "https://app.example", ctx.at))

    inside = "extension-inline-sec-label"
    marking = sent(WritePolicy(labels=replace(DEFAULT, inline=True)))
    assert (marking.count(inside), marking.count("PROCESSINLINELABEL")) == (2, 1)
    assert inside not in sent(WritePolicy()), "R4 alone does not know its codes"
    assert inside not in sent(OWN)
    assert "PROCESSINLINELABEL" not in sent(OWN)
    ours = json.dumps([item.body for item in referral(ctx, service, agreed, person, "k")])
    assert inside not in ours
    assert "PROCESSINLINELABEL" not in ours
