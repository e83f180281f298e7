"""The person who is asked, as far as the record system tells."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Sex(StrEnum):
    """Administrative gender of FHIR; UNKNOWN also when the record system gives none."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


class Setting(StrEnum):
    """Where the visit takes place; it decides which forms make the visit."""

    GP = "gp"
    ANTENATAL = "antenatal"
    MENTAL_HEALTH = "mental-health"


@dataclass(frozen=True, slots=True)
class Person:
    """Name, date of birth and sex of the patient in the launch context."""

    name: str | None
    birth_date: date | None
    sex: Sex = Sex.UNKNOWN
    interpreter: str | None = None

    def age_on(self, day: date) -> int | None:
        """Completed years on `day`; None where no date of birth is known."""
        if self.birth_date is None:
            return None
        had_birthday = (day.month, day.day) >= (self.birth_date.month, self.birth_date.day)
        return day.year - self.birth_date.year - (not had_birthday)
