"""Each rule of the directory: when it rules a service out, when it only says so, and in which words."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from ipvscreen.ipv.matching import match
from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.services import (
    CHECKED_DAYS,
    PLACES_DAYS,
    Access,
    ByAndFor,
    Kind,
    Match,
    Meeting,
    Need,
    Places,
    Risk,
    Rule,
    Service,
    Verdict,
)

TODAY = date(2026, 3, 2)
FRESH, STALE = TODAY - timedelta(days=PLACES_DAYS), TODAY - timedelta(days=PLACES_DAYS + 1)
CHARITY = Service(
    id="s",
    kind=Kind.SPECIALIST,
    name="Harbour",
    short_name="Harbour",
    for_whom="For all.",
    hours="9-5",
    phone="1",
    reply_hours=48,
    endpoint="https://harbour.example/fhir",
    contact_rules_signed=date(2026, 1, 15),
)
MOTHER = Need(
    age=30,
    sex=Sex.FEMALE,
    setting=Setting.GP,
    current=True,
    past=False,
    danger=False,
    day=TODAY,
    children=True,
    pregnant=False,
)
YES, NO, BETWEEN = Verdict.YES, Verdict.NO, Verdict.BETWEEN
DEAF, LGBT = frozenset({ByAndFor.DEAF}), frozenset({ByAndFor.LGBT})
STEPS, LOOP = frozenset({Access.STEP_FREE}), frozenset({Access.HEARING_LOOP})
MEDIUM = {"risk_from": Risk.MEDIUM, "risk_to": Risk.MEDIUM}
UNDER_5 = {"needs_children_or_pregnancy": True, "child_age_to": 4}
HERE, THERE = frozenset({"E1"}), frozenset({"E2"})


def one(service: Service, need: Need) -> Match:
    (found,) = match((service,), need)
    return found


ROWS: list[tuple[dict[str, Any], dict[str, Any], Verdict, str, Rule | None]] = [
    # What it is itself
    (
        {"contact_rules_signed": None},
        {},
        NO,
        "Contact rules not signed: cannot be offered.",
        Rule.CONTACT_RULES,
    ),
    (
        {"kind": Kind.PEER_GROUP},
        {},
        NO,
        "No clinician stands behind this group by name: cannot be offered.",
        Rule.CLINICAL_PARTNER,
    ),
    ({"kind": Kind.PEER_GROUP, "clinical_partner": "Dr Lea Moor"}, {}, YES, "For all.", None),
    (
        {"kind": Kind.USES_VIOLENCE_GROUP},
        {"uses_violence": True},
        NO,
        "No clinician stands behind this group by name: cannot be offered.",
        Rule.CLINICAL_PARTNER,
    ),
    ({"endpoint": ""}, {}, NO, "Nothing can be sent to them from here: ring them.", Rule.ENDPOINT),
    ({"checked_on": TODAY - timedelta(days=CHECKED_DAYS)}, {}, YES, "For all.", None),
    (
        {"checked_on": TODAY - timedelta(days=CHECKED_DAYS + 1)},
        {},
        NO,
        "This entry was last checked on 1 March 2025: ring before anything is sent.",
        Rule.CHECKED,
    ),
    (
        {"places": Places.FULL, "places_on": FRESH},
        {},
        NO,
        "Full, as confirmed on 23 February 2026.",
        Rule.PLACES,
    ),
    # For whom it is
    ({"needs_pregnancy": True}, {"pregnant": True}, YES, "For all.", None),
    ({"needs_pregnancy": True}, {}, NO, "Only in pregnancy; no pregnancy was mentioned.", Rule.PREGNANCY),
    (
        {"needs_pregnancy": True},
        {"pregnant": None},
        YES,
        "Only in pregnancy; this was not asked, so ask.",
        None,
    ),
    (UNDER_5, {}, YES, "For a child aged 0 to 4; the children's ages are not known, so ask.", None),
    (UNDER_5, {"child_ages": (9, 4)}, YES, "For all.", None),
    (
        UNDER_5,
        {"child_ages": (9, 5)},
        NO,
        "For a child aged 0 to 4; no child is of that age.",
        Rule.CHILD_AGE,
    ),
    (UNDER_5, {"child_ages": (9,), "pregnant": True}, YES, "For all.", None),
    (
        UNDER_5,
        {"children": False},
        NO,
        "For people with children or pregnant; no children were mentioned.",
        Rule.CHILDREN,
    ),
    (
        {"child_age_from": 5},
        {"child_ages": (4,)},
        NO,
        "For a child aged 5 or more; no child is of that age.",
        Rule.CHILD_AGE,
    ),
    ({"child_age_from": 5}, {"child_ages": (5,)}, YES, "For all.", None),
    ({"kind": Kind.CHILDREN, "age_from": 5, "age_to": 11}, {"child_ages": (5,)}, YES, "For all.", None),
    (
        {"kind": Kind.CHILDREN_MENTAL_HEALTH, "age_from": 5, "age_to": 11},
        {"child_ages": (3, 12)},
        NO,
        "For a child aged 5 to 11; no child is of that age.",
        Rule.CHILD_AGE,
    ),
    ({"boys_to": 12}, {}, YES, "Boys up to 12 may come along; ask about sons.", None),
    ({"boys_to": 12}, {"children": False, "oldest_boy": 15}, YES, "For all.", None),
    ({"boys_to": 12}, {"oldest_boy": 12}, YES, "For all.", None),
    ({"boys_to": 12}, {"oldest_boy": 13}, NO, "Boys up to 12 may come along; a son is 13.", Rule.CHILD_AGE),
    # Thresholds
    (
        MEDIUM,
        {},
        YES,
        "For risk from medium to medium; no assessment of risk is known here, so ask.",
        None,
    ),
    (MEDIUM, {"risk": Risk.MEDIUM}, YES, "For all.", None),
    (
        MEDIUM,
        {"risk": Risk.STANDARD},
        BETWEEN,
        "The risk is too low for them: they take it from medium to medium.",
        Rule.RISK,
    ),
    (
        MEDIUM,
        {"risk": Risk.HIGH},
        BETWEEN,
        "The risk is too high for them: they take it from medium to medium.",
        Rule.RISK,
    ),
    ({"risk_to": Risk.HIGH}, {"risk": Risk.STANDARD}, YES, "For all.", None),
    # Area
    ({"area_words": "North Millbrook."}, {"area": "E9"}, YES, "Area, in their words: North Millbrook.", None),
    ({"areas": HERE}, {"area": "E1"}, YES, "For all.", None),
    ({"areas": HERE}, {"area": "E2"}, NO, "Not for this patient's area.", Rule.AREA),
    ({"areas": HERE}, {}, YES, "Only for a certain area (E1); ask where the patient lives.", None),
    (
        {"areas": HERE, "area_words": "North."},
        {},
        YES,
        "Only for a certain area (North); ask where the patient lives.",
        None,
    ),
    ({"excluded_areas": THERE}, {}, YES, "They take nobody from some areas; ask them before you send.", None),
    ({"excluded_areas": THERE}, {"area": "E2"}, NO, "They take nobody from this patient's area.", Rule.AREA),
    ({"excluded_areas": THERE}, {"area": "E1"}, YES, "For all.", None),
    # Language, whose own, access, funding
    ({"languages": frozenset({"en"})}, {}, YES, "For all.", None),
    ({"languages": frozenset({"en"})}, {"language": "en"}, YES, "For all.", None),
    ({}, {"language": "ur"}, YES, "For all.", None),
    (
        {"languages": frozenset({"en"})},
        {"language": "ur"},
        YES,
        "This patient's language is not on their list; ask for an interpreter.",
        None,
    ),
    ({"by_and_for": DEAF}, {}, YES, "By and for Deaf people; this was not asked, so ask.", None),
    ({"by_and_for": DEAF}, {"groups": DEAF | LGBT}, YES, "By and for Deaf people.", None),
    (
        {"by_and_for": DEAF},
        {"groups": LGBT},
        NO,
        "By and for Deaf people; this patient is not one of them.",
        Rule.BY_AND_FOR,
    ),
    ({"access": LOOP}, {}, YES, "For all.", None),
    ({"no_access": LOOP}, {}, YES, "Not to be had there: a hearing loop; ask whether that is needed.", None),
    (
        {"no_access": STEPS},
        {"access": STEPS},
        NO,
        "Not to be had there, and needed: access without steps.",
        Rule.ACCESS,
    ),
    (
        {"access": LOOP},
        {"access": LOOP | STEPS},
        YES,
        "They do not say whether they have this: access without steps; ask them.",
        None,
    ),
    ({"access": LOOP}, {"access": LOOP}, YES, "For all.", None),
    ({"takes_no_public_funds": True}, {"no_public_funds": True}, YES, "For all.", None),
    ({"takes_no_public_funds": None}, {"no_public_funds": True}, YES, "For all.", None),
    ({"takes_no_public_funds": False}, {"no_public_funds": False}, YES, "For all.", None),
    (
        {"takes_no_public_funds": False},
        {},
        YES,
        "Only with recourse to public funds; this was not asked, so ask.",
        None,
    ),
    (
        {"takes_no_public_funds": False},
        {"no_public_funds": True},
        NO,
        "Only with recourse to public funds, which this patient has not.",
        Rule.FUNDING,
    ),
    # A child's own need
    ({}, {"child": True, "age": 9}, NO, "Not for children.", Rule.ROLE),
    ({"kind": Kind.CHILDREN, "age_to": 11}, {"child": True, "age": 9}, YES, "For all.", None),
    (
        {"kind": Kind.CHILDREN, "age_to": 11},
        {"child": True, "age": 12},
        NO,
        "For ages 0 to 11; this child is 12.",
        Rule.AGE,
    ),
    (
        {"kind": Kind.CHILDREN, "age_to": 11},
        {"child": True, "age": None},
        YES,
        "For ages 0 to 11; this child's age is not known.",
        None,
    ),
    (
        {"kind": Kind.CHILDREN, "sexes": frozenset({Sex.MALE})},
        {"child": True, "age": 9},
        NO,
        "For boys; this child is a girl.",
        Rule.SEX,
    ),
]


@pytest.mark.parametrize(("service", "need", "verdict", "reason", "rule"), ROWS)
def test_a_rule(
    service: dict[str, Any], need: dict[str, Any], verdict: Verdict, reason: str, rule: Rule | None
) -> None:
    found = one(replace(CHARITY, **service), replace(MOTHER, **need))
    assert (found.verdict, found.reasons[0]) == (verdict, reason)
    assert found.against[:1] == ((rule,) if rule else ())


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ({}, ["Whether they have places is not known."]),
        ({"places": Places.FREE}, ["Whether they have places is not known."]),
        (
            {"places": Places.FREE, "places_on": FRESH},
            ["There are places, as confirmed on 23 February 2026."],
        ),
        (
            {"places": Places.WAITING_LIST, "places_on": FRESH},
            ["There is a waiting list, as confirmed on 23 February 2026."],
        ),
        (
            {"places": Places.ASSESS_FIRST, "places_on": FRESH},
            ["They assess before they say yes, as confirmed on 23 February 2026."],
        ),
        (
            {"places": Places.FREE, "places_on": STALE},
            ["Places were last confirmed on 22 February 2026, more than 7 days ago: ring first."],
        ),
        (
            {"places": Places.FULL, "places_on": STALE},
            ["Said to be full on 22 February 2026, more than 7 days ago: ring first."],
        ),
        (
            {"kind": Kind.PEER_MENTOR},
            ["Who supervises the mentors is not stated, so ask.", "Whether they have places is not known."],
        ),
        (
            {"kind": Kind.MENTOR_MOTHER, "supervision": "Ada Lind", "trial": True},
            [
                "The mentors are supervised by Ada Lind.",
                "This is a trial.",
                "Whether they have places is not known.",
            ],
        ),
        (
            {"meeting": frozenset({Meeting.ONLINE, Meeting.NEUTRAL})},
            ["They meet at a neutral place, online.", "Whether they have places is not known."],
        ),
    ],
)
def test_what_is_told_after_the_services_own_sentence(service: dict[str, Any], told: list[str]) -> None:
    found = one(replace(CHARITY, **service), MOTHER)
    assert found.fits
    assert list(found.reasons[found.reasons.index("For all.") + 1 :]) == told


@pytest.mark.parametrize(
    ("support", "told"),
    [
        ("", "Support for the other person is not stated, so ask."),
        ("the Harbour team", "The other person is supported by the Harbour team."),
    ],
)
def test_a_programme_says_who_supports_the_other(support: str, told: str) -> None:
    programme = replace(CHARITY, kind=Kind.USES_VIOLENCE, other_support=support)
    assert told in one(programme, replace(MOTHER, uses_violence=True)).reasons


def test_too_low_for_one_and_too_high_for_the_other() -> None:
    advocates = replace(CHARITY, kind=Kind.HIGH_RISK, risk_from=Risk.HIGH)
    group = replace(CHARITY, kind=Kind.PEER_GROUP, clinical_partner="Dr Moor", risk_to=Risk.STANDARD)
    found = match((advocates, group), replace(MOTHER, risk=Risk.MEDIUM))
    assert [one.verdict for one in found] == [BETWEEN, BETWEEN]
    assert {one.reasons[0].split(":")[0] for one in found} == {
        "The risk is too low for them",
        "The risk is too high for them",
    }


def test_an_age_between_a_childrens_and_an_adult_service() -> None:
    young = replace(CHARITY, kind=Kind.CHILDREN, age_to=15)
    adult = replace(CHARITY, age_from=18)
    need = replace(MOTHER, age=16, children=False)
    found = match((young, adult), need)
    assert [one.verdict for one in found] == [BETWEEN, BETWEEN]
    assert found[0].reasons == (
        "For ages 0 to 15; this patient is 16.",
        "No service that is listed covers this age.",
    )
    covered = match((young, adult, replace(CHARITY, age_from=16, age_to=25)), need)
    assert [one.verdict for one in covered] == [YES, NO, NO]
    assert [one.verdict for one in match((adult,), need)] == [NO]
    assert [one.verdict for one in match((young, adult), replace(need, age=None))] == [YES, NO]


def test_a_threshold_beside_another_rule_is_a_no_and_the_rule_comes_first() -> None:
    found = one(replace(CHARITY, **MEDIUM, areas=HERE), replace(MOTHER, risk=Risk.HIGH, area="E2"))
    assert (found.verdict, found.against) == (NO, (Rule.AREA, Rule.RISK))
    assert found.reasons[0] == "Not for this patient's area."


def test_between_comes_after_what_fits_and_before_what_does_not() -> None:
    three = (
        replace(CHARITY, id="no", contact_rules_signed=None),
        replace(CHARITY, id="between", risk_from=Risk.HIGH),
        replace(CHARITY, id="yes"),
    )
    found = match(three, replace(MOTHER, risk=Risk.MEDIUM))
    assert [one.service.id for one in found] == ["yes", "between", "no"]
