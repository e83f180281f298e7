"""From what was said to the need: what was not asked stays not asked."""

from dataclasses import replace
from datetime import date

import pytest

from ipvscreen.ipv.assessment import Assessment, Danger
from ipvscreen.ipv.need import need_of
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.services import Need

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
