"""A child's own need and own plan: what is matched, and who keeps the child where nothing fits."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.services import Access, Need


class Exposure(StrEnum):
    """How the child lives with it."""

    ONGOING = "ongoing"
    INTERMITTENT = "intermittent"
    PAST = "past"


class Sequence(StrEnum):
    """In which order care comes, as agreed: views on it differ, so it is written down."""

    SAFETY_FIRST = "safety-first"
    TOGETHER = "together"
    CARE_FIRST = "care-first"


@dataclass(frozen=True, slots=True)
class ChildNeed:
    """One child, without a name; None where it is not known."""

    age: int | None
    exposure: Exposure | None
    sex: Sex = Sex.UNKNOWN
    area: str | None = None
    language: str | None = None
    access: frozenset[Access] | None = None

    def need(self, setting: Setting, day: date) -> Need:
        """As it is matched: what goes on and off counts as going on."""
        return Need(
            age=self.age,
            sex=self.sex,
            setting=setting,
            current=self.exposure in (Exposure.ONGOING, Exposure.INTERMITTENT),
            past=self.exposure is Exposure.PAST,
            danger=False,
            day=day,
            child=True,
            area=self.area,
            language=self.language,
            access=self.access,
        )


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """Who keeps the child, what is done meanwhile, and when it is looked at again."""

    owner: str
    interim: str
    review: date
    sequence: Sequence | None = None


def child_plan(
    owner: str, interim: str, review: date, sequence: Sequence | None = None, *, day: date
) -> ChildPlan:
    """The plan as made on `day`; ValueError without a named owner, an interim plan, or a later day."""
    if not owner.strip() or not interim.strip():
        raise ValueError("a child's plan needs a named owner and what is done meanwhile")
    if review <= day:
        raise ValueError("the review of a child's plan must be on a later day")
    return ChildPlan(owner.strip(), interim.strip(), review, sequence)
