"""Which services fit, the reasons in plain sentences, and the order."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvscreen.ipv.matching import match
from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.services import Kind, Match, Need, Places, Service, keeping_places

WOMEN = frozenset({Sex.FEMALE})
TODAY, SIGNED = date(2026, 3, 2), date(2026, 1, 15)


def service(kind: Kind, **changes: Any) -> Service:
    about = {
        "name": kind,
        "short_name": kind,
        "for_whom": f"For whom {kind} is.",
        "hours": "9-5",
        "phone": "1",
    }
    fixed = {"reply_hours": 48, "endpoint": "https://x.example/fhir", "contact_rules_signed": SIGNED}
    return Service(**({"id": kind.value, "kind": kind} | about | fixed | changes))


MENTORS = service(Kind.MENTOR_MOTHER, sexes=WOMEN, age_from=16, needs_children_or_pregnancy=True)
PEERS = service(Kind.PEER_MENTOR, age_from=18, settings=frozenset({Setting.MENTAL_HEALTH}))
CHARITY = service(Kind.SPECIALIST, age_from=16)
ADVOCATES = service(Kind.HIGH_RISK, takes_past=False)
CHILDREN = service(Kind.CHILDREN, age_to=17)
PROGRAMME = service(Kind.USES_VIOLENCE, age_from=18)
SIX = (MENTORS, PEERS, CHARITY, ADVOCATES, CHILDREN, PROGRAMME)

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


def one(service: Service, need: Need) -> Match:
    (found,) = match((service,), need)
    return found


def fitting(need: Need) -> list[Kind]:
    return [found.service.kind for found in match(SIX, need) if found.fits]


def test_a_mother_in_general_practice() -> None:
    assert fitting(MOTHER) == [Kind.MENTOR_MOTHER, Kind.SPECIALIST, Kind.CHILDREN, Kind.HIGH_RISK]


def test_a_man_with_the_past_only_under_the_trust() -> None:
    need = Need(
        40, Sex.MALE, Setting.MENTAL_HEALTH, current=False, past=True, danger=False, day=TODAY, children=False
    )
    assert fitting(need) == [Kind.PEER_MENTOR, Kind.SPECIALIST]


def test_every_service_is_told_about_fitting_ones_first() -> None:
    found = match(SIX, MOTHER)
    assert [one.service.kind for one in found if not one.fits] == [Kind.PEER_MENTOR, Kind.USES_VIOLENCE]
    assert len(found) == len(SIX)
    assert [one.fits for one in found] == sorted((one.fits for one in found), reverse=True)


def test_without_signed_contact_rules_nothing_is_offered() -> None:
    unsigned = replace(MENTORS, contact_rules_signed=None)
    found = one(unsigned, replace(MOTHER, sex=Sex.MALE, danger=True))
    assert not found.fits
    assert found.reasons[:1] == ("Contact rules not signed: cannot be offered.",)


@pytest.mark.parametrize(
    ("children", "pregnant", "fits", "reason"),
    [
        (True, None, True, None),
        (None, True, True, None),
        (False, True, True, None),
        (False, False, False, "For women with children or pregnant; no children were mentioned."),
        (None, None, True, "For women with children or pregnant; this was not asked, so ask."),
        (False, None, True, "For women with children or pregnant; this was not asked, so ask."),
        (None, False, True, "For women with children or pregnant; this was not asked, so ask."),
    ],
)
def test_not_asked_is_not_no(
    children: bool | None, pregnant: bool | None, fits: bool, reason: str | None
) -> None:
    found = one(MENTORS, replace(MOTHER, children=children, pregnant=pregnant))
    assert found.fits is fits
    assert found.reasons[0] == (reason or MENTORS.for_whom)


def test_a_service_for_both_says_people() -> None:
    both = replace(MENTORS, sexes=frozenset())
    found = one(both, replace(MOTHER, children=False))
    assert found.reasons == ("For people with children or pregnant; no children were mentioned.",)


@pytest.mark.parametrize(
    ("age", "children", "fits", "reason"),
    [
        (30, True, True, "For a child aged 0 to 17; the children's ages are not known, so ask."),
        (30, False, False, "For children; no children were mentioned."),
        (30, None, True, "For children; this was not asked, so ask."),
        (None, False, False, "For children; no children were mentioned."),
        (17, False, True, CHILDREN.for_whom),
        (18, False, False, "For children; no children were mentioned."),
    ],
)
def test_a_childrens_service_needs_a_child(
    age: int | None, children: bool | None, fits: bool, reason: str
) -> None:
    """A pregnancy is not enough; its ages are the child's, not this person's, unless she is one herself."""
    found = one(CHILDREN, replace(MOTHER, age=age, children=children, pregnant=True))
    assert (found.fits, found.reasons[0]) == (fits, reason)


def test_the_sex_that_a_childrens_service_takes_is_the_childs() -> None:
    boys = replace(CHILDREN, sexes=frozenset({Sex.MALE}))
    assert one(boys, MOTHER).fits
    herself = replace(MOTHER, age=17, children=False)
    assert one(boys, herself).reasons[0] == "For boys; this patient is a woman."


@pytest.mark.parametrize(
    ("sexes", "sex", "fits", "reason"),
    [
        (WOMEN, Sex.FEMALE, True, CHARITY.for_whom),
        (WOMEN, Sex.MALE, False, "For women; this patient is a man."),
        (frozenset({Sex.MALE}), Sex.FEMALE, False, "For men; this patient is a woman."),
        (
            frozenset({Sex.FEMALE, Sex.MALE}),
            Sex.OTHER,
            True,
            "For men and women; the record says neither, so ask.",
        ),
        (WOMEN, Sex.UNKNOWN, True, "For women; the record says neither, so ask."),
        (frozenset(), Sex.UNKNOWN, True, CHARITY.for_whom),
    ],
)
def test_sex(sexes: frozenset[Sex], sex: Sex, fits: bool, reason: str) -> None:
    found = one(replace(CHARITY, sexes=sexes), replace(MOTHER, sex=sex))
    assert (found.fits, found.reasons[0]) == (fits, reason)


@pytest.mark.parametrize(
    ("bounds", "age", "fits", "reason"),
    [
        ((16, None), 15, False, "For ages from 16; this patient is 15."),
        ((16, None), 16, True, CHARITY.for_whom),
        ((0, 25), 25, True, CHARITY.for_whom),
        ((0, 25), 26, False, "For ages 0 to 25; this patient is 26."),
        ((16, 25), 15, False, "For ages 16 to 25; this patient is 15."),
        ((16, None), None, True, "For ages from 16; this patient's age is not known."),
        ((0, None), None, True, CHARITY.for_whom),
    ],
)
def test_age(bounds: tuple[int, int | None], age: int | None, fits: bool, reason: str) -> None:
    aged = replace(CHARITY, age_from=bounds[0], age_to=bounds[1])
    found = one(aged, replace(MOTHER, age=age))
    assert (found.fits, found.reasons[0]) == (fits, reason)


def test_setting() -> None:
    assert one(PEERS, MOTHER).reasons == ("For people under the mental-health team.",)
    assert one(PEERS, replace(MOTHER, setting=Setting.MENTAL_HEALTH)).fits
    two = replace(PEERS, settings=frozenset({Setting.MENTAL_HEALTH, Setting.ANTENATAL}))
    assert one(two, MOTHER).reasons == ("For people under the antenatal team or the mental-health team.",)


@pytest.mark.parametrize(
    ("current", "past", "danger", "takes", "reason"),
    [
        (True, False, False, "past", "Only for what is over; something current was mentioned."),
        (True, True, False, "past", "Only for what is over; something current was mentioned."),
        (False, True, False, "past", None),
        (False, True, False, "current", "Only for what is happening now; only the past was mentioned."),
        (False, True, True, "current", None),
        (True, True, False, "current", None),
        (False, False, False, "current", None),
        (False, False, False, "past", None),
    ],
)
def test_now_and_then(current: bool, past: bool, danger: bool, takes: str, reason: str | None) -> None:
    taking = replace(CHARITY, takes_past=takes == "past", takes_current=takes == "current")
    found = one(taking, replace(MOTHER, current=current, past=past, danger=danger))
    assert found.fits is (reason is None)
    assert found.reasons[0] == (reason or CHARITY.for_whom)


@given(
    current=st.booleans(),
    past=st.booleans(),
    danger=st.booleans(),
    wishes=st.frozensets(st.sampled_from(["safety", "children", "mental-health", "legal"])),
    sex=st.sampled_from(Sex),
)
def test_use_of_violence_is_never_inferred(
    current: bool, past: bool, danger: bool, wishes: frozenset[str], sex: Sex
) -> None:
    need = replace(MOTHER, current=current, past=past, danger=danger, wishes=wishes, sex=sex)
    found = one(PROGRAMME, need)
    assert not found.fits
    assert "never inferred" in found.reasons[0]
    assert one(PROGRAMME, replace(need, uses_violence=True)).fits


def test_who_only_uses_violence_is_kept_apart_from_who_was_hurt() -> None:
    need = replace(MOTHER, current=False, uses_violence=True)
    assert fitting(need) == [Kind.CHILDREN, Kind.USES_VIOLENCE]
    assert "only using violence was mentioned" in one(CHARITY, need).reasons[0]
    assert Kind.SPECIALIST in fitting(replace(need, past=True))


def test_the_decisive_reason_comes_first() -> None:
    need = replace(MOTHER, sex=Sex.MALE, age=15, children=False)
    assert one(MENTORS, need).reasons == (
        "For women with children or pregnant; no children were mentioned.",
        "For women; this patient is a man.",
        "For ages from 16; this patient is 15.",
    )


def test_in_danger_the_advocates_come_before_every_wish() -> None:
    need = replace(MOTHER, danger=True, wishes=frozenset({"someone-who-has-been-there", "children"}))
    first = match(SIX, need)[0]
    assert first.service.kind is Kind.HIGH_RISK
    assert first.reasons[:2] == ("Danger today: ring them first.", ADVOCATES.for_whom)


def test_without_danger_the_advocates_come_last_and_are_not_closed() -> None:
    need = replace(MOTHER, wishes=frozenset({"safety"}))
    assert fitting(need)[-1] is Kind.HIGH_RISK


@pytest.mark.parametrize(
    ("wishes", "first"),
    [
        ({"legal"}, Kind.SPECIALIST),
        ({"housing", "safety", "someone-who-has-been-there"}, Kind.SPECIALIST),
        ({"someone-who-has-been-there"}, Kind.MENTOR_MOTHER),
        ({"children"}, Kind.MENTOR_MOTHER),
        ({"nothing-now"}, Kind.MENTOR_MOTHER),
    ],
)
def test_wishes_rank(wishes: set[str], first: Kind) -> None:
    found = match(SIX, replace(MOTHER, wishes=frozenset(wishes)))[0]
    assert found.service.kind is first
    answered = found.reasons[0] == "Answers what the person asked for."
    assert answered is (wishes != {"nothing-now"})


def test_a_wish_opens_no_service_that_does_not_fit() -> None:
    need = replace(MOTHER, children=False, wishes=frozenset({"someone-who-has-been-there"}))
    assert Kind.MENTOR_MOTHER not in fitting(need)


def test_everyone_gets_a_reason() -> None:
    for found in match(SIX, MOTHER):
        assert found.reasons
        assert all(reason.endswith(".") for reason in found.reasons)


def test_what_was_said_last_of_places_stays_when_a_directory_is_read_again() -> None:
    later, earlier = TODAY, date(2026, 2, 1)
    full = replace(CHARITY, name="As it was", places=Places.FULL, places_on=later)
    for new, expected in (
        (replace(CHARITY, places=Places.FREE, places_on=earlier), (Places.FULL, later)),
        (CHARITY, (Places.FULL, later)),
        (replace(CHARITY, places=Places.FREE, places_on=later), (Places.FREE, later)),
    ):
        kept = keeping_places(new, full)
        assert (kept.places, kept.places_on, kept.name) == (*expected, CHARITY.name)
    assert keeping_places(full, None) == keeping_places(full, CHARITY) == full
