"""From what was said to the need: what was not asked stays not asked."""

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvscreen.ipv.assessment import Assessment, Danger
from ipvscreen.ipv.need import need_again, need_from_json, need_of, need_to_json
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.services import Access, ByAndFor, Need, Risk

TODAY = date(2026, 3, 2)
PERSON = Person("A", date(1990, 1, 1), Sex.FEMALE)
NOTHING = Assessment(results=(), current=False, past=False)


def test_everything_arrives() -> None:
    said = Assessment(
        results=(),
        current=True,
        past=True,
        dangers=(Danger.NECK,),
        children=True,
        pregnant=False,
        wishes=frozenset({"legal"}),
    )
    assert need_of(said, PERSON, Setting.MENTAL_HEALTH, TODAY) == Need(
        age=36,
        sex=Sex.FEMALE,
        setting=Setting.MENTAL_HEALTH,
        current=True,
        past=True,
        danger=True,
        day=TODAY,
        children=True,
        pregnant=False,
        uses_violence=False,
        wishes=frozenset({"legal"}),
    )


def test_not_asked_stays_not_asked() -> None:
    need = need_of(NOTHING, Person(None, None), Setting.GP, TODAY)
    assert (need.age, need.sex, need.children, need.pregnant) == (None, Sex.UNKNOWN, None, None)
    assert not need.danger
    assert not need.uses_violence


@pytest.mark.parametrize(("said", "pregnant"), [(None, True), (True, True), (False, False)])
def test_an_antenatal_visit_says_pregnant_unless_the_person_says_no(
    said: bool | None, pregnant: bool
) -> None:
    assert need_of(replace(NOTHING, pregnant=said), PERSON, Setting.ANTENATAL, TODAY).pregnant is pregnant


def test_a_date_of_birth_that_cannot_be_true_is_no_age() -> None:
    assert need_of(NOTHING, Person("A", date(2030, 1, 1)), Setting.GP, TODAY).age is None


NEEDS = st.builds(
    Need,
    age=st.none() | st.integers(0, 99),
    sex=st.sampled_from(Sex),
    setting=st.sampled_from(Setting),
    current=st.booleans(),
    past=st.booleans(),
    danger=st.booleans(),
    day=st.dates(),
    wishes=st.frozensets(st.sampled_from(["legal", "housing"])),
    child=st.booleans(),
    child_ages=st.none() | st.lists(st.integers(0, 17), max_size=3).map(tuple),
    risk=st.none() | st.sampled_from(Risk),
    area=st.none() | st.just("E06"),
    groups=st.none() | st.frozensets(st.sampled_from(ByAndFor)),
    access=st.none() | st.frozensets(st.sampled_from(Access)),
)


@given(NEEDS)
def test_a_need_comes_back_as_it_was_kept(need: Need) -> None:
    assert need_from_json(json.loads(json.dumps(need_to_json(need)))) == need


def test_on_a_later_day_a_person_is_older_and_a_child_stays_as_told() -> None:
    later = date(2027, 3, 2)
    need = need_of(NOTHING, PERSON, Setting.GP, TODAY)
    assert need_again(need, PERSON, later) == replace(need, day=later, age=37)
    child = replace(need, child=True, age=7, sex=Sex.MALE)
    assert need_again(child, PERSON, later) == replace(child, day=later)
