"""No service whose stated rule excludes the patient is ever offered, and none is held back without one.

The judge below reads the directory's own words (the FHIR extension), not our Service, and knows nothing of
the code that matches.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvscreen.ipv.matching import match
from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.services import Access, ByAndFor, Need, Risk, Verdict
from ipvscreen.resources.directory import kept_service

TODAY = date(2026, 3, 2)
PROFILE = "https://health-questionnaire.example/fhir/StructureDefinition/service-profile"
KINDS = (
    *("mentor-mother", "peer-mentor", "peer-group", "specialist", "high-risk", "refuge"),
    *("children", "children-mental-health", "uses-violence", "uses-violence-group"),
)
BANDS = ("standard", "medium", "high")
ACCESS = ("step-free", "hearing-loop", "remote")
WHOSE = ("deaf", "lgbt", "older")
AREAS = ("E1", "E2", "E3")
DAYS = tuple((TODAY - timedelta(days=back)).isoformat() for back in (0, 7, 8, 365, 366))
Raw = dict[str, Any]


def some(codes: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(codes), unique=True, max_size=2)


def maybe(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | of


YEARS = st.integers(0, 40)
PARTS: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.sampled_from(KINDS),
    "endpoint": maybe(st.just("https://s.example/fhir")),
    "contactRulesSignedOn": maybe(st.just("2026-01-15")),
    "clinicalPartner": maybe(st.just("Dr Moor")),
    "sex": some(("female", "male")),
    "setting": some(("gp", "mental-health")),
    "ageFrom": maybe(YEARS),
    "ageTo": maybe(YEARS),
    "childAgeFrom": maybe(st.integers(0, 8)),
    "childAgeTo": maybe(st.integers(8, 17)),
    "boysTo": maybe(st.integers(5, 17)),
    "needsChildrenOrPregnancy": maybe(st.booleans()),
    "needsPregnancy": maybe(st.booleans()),
    "takesPast": maybe(st.booleans()),
    "takesCurrent": maybe(st.booleans()),
    "riskFrom": maybe(st.sampled_from(BANDS)),
    "riskTo": maybe(st.sampled_from(BANDS)),
    "area": some(AREAS),
    "excludedArea": some(AREAS),
    "byAndFor": some(WHOSE),
    "access": some(ACCESS),
    "noAccess": some(ACCESS),
    "takesNoPublicFunds": maybe(st.booleans()),
    "language": some(("en", "ur")),
    "places": maybe(st.sampled_from(("free", "waiting-list", "assess-first", "full"))),
    "placesOn": maybe(st.sampled_from(DAYS)),
    "checkedOn": maybe(st.sampled_from(DAYS)),
    "trial": maybe(st.booleans()),
    "supervision": maybe(st.just("Ada Lind")),
    "meetingPlace": some(("online", "home")),
}
KNOWN: dict[str, st.SearchStrategy[Any]] = dict(
    age=maybe(YEARS),
    sex=st.sampled_from(Sex),
    setting=st.sampled_from(Setting),
    current=st.booleans(),
    past=st.booleans(),
    danger=st.booleans(),
    children=maybe(st.booleans()),
    pregnant=maybe(st.booleans()),
    uses_violence=st.booleans(),
    wishes=st.frozensets(st.sampled_from(("safety", "children", "mental-health", "legal"))),
    child=st.booleans(),
    child_ages=maybe(st.lists(st.integers(0, 17), max_size=3).map(tuple)),
    oldest_boy=maybe(st.integers(0, 17)),
    risk=maybe(st.sampled_from(Risk)),
    area=maybe(st.sampled_from(AREAS)),
    language=maybe(st.sampled_from(("en", "ur"))),
    groups=maybe(st.frozensets(st.sampled_from(ByAndFor))),
    access=maybe(st.frozensets(st.sampled_from(Access))),
    no_public_funds=maybe(st.booleans()),
)
LISTS = {
    **{"sex": ("female", "male"), "setting": ("gp", "mental-health"), "area": AREAS, "excludedArea": AREAS},
    **{"byAndFor": WHOSE, "access": ACCESS, "noAccess": ACCESS, "language": ("en", "ur")},
    "meetingPlace": ("online", "home"),
}
SINGLE = (
    *("kind", "endpoint", "contactRulesSignedOn", "clinicalPartner", "ageFrom", "ageTo", "childAgeFrom"),
    *("childAgeTo", "boysTo", "needsChildrenOrPregnancy", "needsPregnancy", "takesPast", "takesCurrent"),
    *("riskFrom", "riskTo", "takesNoPublicFunds", "places", "placesOn", "checkedOn", "trial", "supervision"),
)
OPEN: Raw = (
    {name: [] for name in LISTS}
    | dict.fromkeys(SINGLE)
    | {"kind": "specialist", "endpoint": "https://s.example/fhir", "contactRulesSignedOn": "2026-01-15"}
)
WOMAN = Need(
    age=30,
    sex=Sex.FEMALE,
    setting=Setting.GP,
    current=True,
    past=False,
    danger=False,
    day=TODAY,
    children=True,
    pregnant=False,
    risk=Risk.MEDIUM,
    area="E1",
)


def few(of: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """At most four of them: with all at once, one rule would always hide another."""
    names = st.sets(st.sampled_from(sorted(of)), max_size=4)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: of[name] for name in chosen}))


SERVICES: st.SearchStrategy[Raw] = few(PARTS).map(lambda raw: OPEN | raw)
NEEDS: st.SearchStrategy[Need] = few(KNOWN).map(lambda known: replace(WOMAN, **known))
SHAPES = {
    **dict.fromkeys(("shortName", "hours", "clinicalPartner", "supervision"), "valueString"),
    **dict.fromkeys(("contactRulesSignedOn", "placesOn", "checkedOn"), "valueDate"),
    **dict.fromkeys(("ageFrom", "ageTo", "childAgeFrom", "childAgeTo", "boysTo"), "valueUnsignedInt"),
    **dict.fromkeys(
        ("needsChildrenOrPregnancy", "needsPregnancy", "takesPast", "takesCurrent"), "valueBoolean"
    ),
    **dict.fromkeys(("takesNoPublicFunds", "trial"), "valueBoolean"),
    "replyHours": "valuePositiveInt",
    "endpoint": "valueUrl",
}


def resource(raw: Raw, number: int = 0) -> dict[str, Any]:
    said = {"shortName": f"Short {number}", "hours": "9 to 5", "replyHours": 48} | raw
    parts = [
        {"url": name, SHAPES.get(name, "valueCode"): value}
        for name, values in said.items()
        for value in (values if isinstance(values, list) else [values])
        if value is not None
    ]
    return {
        "resourceType": "HealthcareService",
        "id": f"s{number}",
        "name": f"Service {number}",
        "comment": "For some.",
        "telecom": [{"system": "phone", "value": "01632 960001"}],
        "extension": [{"url": PROFILE, "extension": parts}],
    }


def days_since(raw: Raw, name: str) -> int | None:
    return (TODAY - date.fromisoformat(raw[name])).days if raw[name] else None


def young(raw: Raw) -> bool:
    return raw["kind"].startswith("children")


def of_a_child(raw: Raw, need: Need) -> bool:
    """Whether ages and sexes of that service are those of a child of the patient's."""
    herself = need.age is not None and need.age < 18 and need.children is not True
    return young(raw) and not need.child and not herself


def within(years: int, raw: Raw, first: str, last: str) -> bool:
    return (raw[first] or 0) <= years and (raw[last] is None or years <= raw[last])


def no_child_of_that_age(raw: Raw, need: Need) -> bool:
    bounds = ("ageFrom", "ageTo") if young(raw) else ("childAgeFrom", "childAgeTo")
    stated = bool(raw[bounds[0]]) or raw[bounds[1]] is not None
    asked = of_a_child(raw, need) or not (young(raw) or need.child or need.pregnant)
    if not stated or not asked or need.children is False or need.child_ages is None:
        return False
    return not any(within(years, raw, *bounds) for years in need.child_ages)


def risk_is_outside(raw: Raw, need: Need) -> bool:
    if need.risk is None:
        return False
    low, high = raw["riskFrom"] or "standard", raw["riskTo"] or "high"
    return not BANDS.index(low) <= BANDS.index(need.risk) <= BANDS.index(high)


# What a service states, taken by itself, and whether it says no to this person.
SAYS_NO: dict[str, Callable[[Raw, Need], Any]] = {
    "contact rules": lambda raw, need: not raw["contactRulesSignedOn"],
    "clinical partner": lambda raw, need: raw["kind"].endswith("group") and not raw["clinicalPartner"],
    "endpoint": lambda raw, need: not raw["endpoint"],
    "checked": lambda raw, need: (days_since(raw, "checkedOn") or 0) > 365,
    "full": lambda raw, need: raw["places"] == "full" and raw["placesOn"] in DAYS[:2],
    "no child's": lambda raw, need: need.child and not young(raw),
    "conduct": lambda raw, need: raw["kind"].startswith("uses") and not need.uses_violence,
    "hurt": lambda raw, need: (
        not young(raw)
        and not raw["kind"].startswith("uses")
        and need.uses_violence
        and not (need.current or need.past)
    ),
    "no child": lambda raw, need: of_a_child(raw, need) and need.children is False,
    "no child, no pregnancy": lambda raw, need: (
        not young(raw)
        and raw["needsChildrenOrPregnancy"]
        and (need.children, need.pregnant) == (False, False)
    ),
    "pregnancy": lambda raw, need: raw["needsPregnancy"] and need.pregnant is False,
    "sex": lambda raw, need: (
        raw["sex"]
        and need.sex in ("female", "male")
        and need.sex not in raw["sex"]
        and not of_a_child(raw, need)
    ),
    "age": lambda raw, need: (
        need.age is not None and not of_a_child(raw, need) and not within(need.age, raw, "ageFrom", "ageTo")
    ),
    "ages of children": no_child_of_that_age,
    "boys": lambda raw, need: (
        raw["boysTo"] is not None and need.children is not False and (need.oldest_boy or 0) > raw["boysTo"]
    ),
    "risk": risk_is_outside,
    "nearby": lambda raw, need: need.area in raw["excludedArea"],
    "area": lambda raw, need: need.area and raw["area"] and need.area not in raw["area"],
    "setting": lambda raw, need: raw["setting"] and need.setting not in raw["setting"],
    "now": lambda raw, need: need.current and raw["takesCurrent"] is False,
    "then": lambda raw, need: need.past and not (need.current or need.danger) and raw["takesPast"] is False,
    "by and for": lambda raw, need: (
        need.groups is not None and raw["byAndFor"] and not set(raw["byAndFor"]) & need.groups
    ),
    "access": lambda raw, need: set(raw["noAccess"]) & (need.access or set()),
    "funds": lambda raw, need: need.no_public_funds and raw["takesNoPublicFunds"] is False,
}


def rules_that_exclude(raw: Raw, need: Need) -> set[str]:
    """The judge."""
    return {name for name, says_no in SAYS_NO.items() if says_no(raw, need)}


@given(raw=SERVICES, need=NEEDS)
def test_offered_exactly_where_no_stated_rule_is_known_to_exclude(raw: Raw, need: Need) -> None:
    (found,) = match((kept_service(resource(raw)),), need)
    assert found.fits is not bool(rules_that_exclude(raw, need))


@given(raws=st.lists(SERVICES, min_size=2, max_size=5), need=NEEDS)
def test_a_threshold_never_offers_either(raws: list[Raw], need: Need) -> None:
    services = [kept_service(resource(raw, number)) for number, raw in enumerate(raws)]
    for found in match(services, need):
        no = rules_that_exclude(raws[int(found.service.id[1:])], need)
        assert found.fits is not bool(no)
        if found.verdict is Verdict.BETWEEN:
            assert no <= {"risk", "age"}


CHILD = {"kind": "children"}
# For each rule of the judge a service and a person that it alone keeps apart.
ALONE: dict[str, tuple[Raw, dict[str, Any]]] = {
    "contact rules": ({"contactRulesSignedOn": None}, {}),
    "clinical partner": ({"kind": "peer-group"}, {}),
    "endpoint": ({"endpoint": None}, {}),
    "checked": ({"checkedOn": DAYS[4]}, {}),
    "full": ({"places": "full", "placesOn": DAYS[1]}, {}),
    "no child's": ({}, {"child": True}),
    "conduct": ({"kind": "uses-violence"}, {}),
    "hurt": ({}, {"uses_violence": True, "current": False}),
    "no child": (CHILD, {"children": False}),
    "no child, no pregnancy": ({"needsChildrenOrPregnancy": True}, {"children": False}),
    "pregnancy": ({"needsPregnancy": True}, {}),
    "sex": ({"sex": ["male"]}, {}),
    "age": ({"ageTo": 29}, {}),
    "ages of children": (CHILD | {"ageFrom": 5}, {"child_ages": (4,)}),
    "boys": ({"boysTo": 12}, {"oldest_boy": 13}),
    "risk": ({"riskFrom": "high"}, {}),
    "nearby": ({"excludedArea": ["E1"]}, {}),
    "area": ({"area": ["E2"]}, {}),
    "setting": ({"setting": ["mental-health"]}, {}),
    "now": ({"takesCurrent": False}, {}),
    "then": ({"takesPast": False}, {"current": False, "past": True}),
    "by and for": ({"byAndFor": ["deaf"]}, {"groups": frozenset({ByAndFor.LGBT})}),
    "access": ({"noAccess": ["remote"]}, {"access": frozenset({Access.REMOTE})}),
    "funds": ({"takesNoPublicFunds": False}, {"no_public_funds": True}),
}


def test_the_judge_and_the_code_offer_what_is_open() -> None:
    (found,) = match((kept_service(resource(OPEN)),), WOMAN)
    assert rules_that_exclude(OPEN, WOMAN) == set()
    assert found.fits


@pytest.mark.parametrize("rule", SAYS_NO)
def test_each_rule_alone_keeps_a_service_back(rule: str) -> None:
    stated, known = ALONE[rule]
    raw, need = OPEN | stated, replace(WOMAN, **known)
    (found,) = match((kept_service(resource(raw)),), need)
    assert rules_that_exclude(raw, need) == {rule}
    assert not found.fits


def made(number: int) -> Raw:
    """One of 400, always the same."""
    draw = random.Random(number)  # noqa: S311  nothing here is a secret
    lists = {name: draw.sample(codes, draw.choice((0, 0, 0, 1))) for name, codes in LISTS.items()}
    rare = {
        "contactRulesSignedOn": draw.choice(("2026-01-15",) * 9 + (None,)),
        "clinicalPartner": draw.choice(("Dr Moor", None)),
        "ageFrom": draw.choice((None, 16, 18)),
        "ageTo": draw.choice((None, None, 65)),
        "riskFrom": draw.choice((None, None, "high")),
        "places": draw.choice((None, "free", "full")),
        "placesOn": draw.choice(DAYS),
        "checkedOn": draw.choice((None, *DAYS)),
        "boysTo": draw.choice((None, None, 12)),
    }
    return OPEN | lists | {"kind": draw.choice(KINDS)} | rare


def test_four_hundred_services_each_have_a_verdict_and_a_reason() -> None:
    raws = [made(number) for number in range(400)]
    services = [kept_service(resource(raw, number)) for number, raw in enumerate(raws)]
    matches = match(services, WOMAN)

    assert sorted(found.service.id for found in matches) == sorted(service.id for service in services)
    assert {found.verdict for found in matches} == set(Verdict)
    for found in matches:
        no = rules_that_exclude(raws[int(found.service.id[1:])], WOMAN)
        assert found.fits is not bool(no)
        assert bool(found.against) is bool(no)
        assert found.reasons
        assert all(reason.endswith(".") for reason in found.reasons)
