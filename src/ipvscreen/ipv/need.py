"""From what was said to what a service is matched with."""

from datetime import date

from ipvscreen.ipv.assessment import Assessment
from ipvscreen.ipv.gate import known_age
from ipvscreen.ipv.person import Person, Setting
from ipvscreen.ipv.services import Need


def need_of(assessment: Assessment, person: Person, setting: Setting, day: date) -> Need:
    """The need on `day`. Use of violence is never inferred; an antenatal visit itself says pregnant."""
    unasked = assessment.pregnant is None
    return Need(
        age=known_age(person, day),
        sex=person.sex,
        setting=setting,
        current=assessment.current,
        past=assessment.past,
        danger=bool(assessment.dangers),
        day=day,
        children=assessment.children,
        pregnant=True if unasked and setting is Setting.ANTENATAL else assessment.pregnant,
        wishes=assessment.wishes,
    )
