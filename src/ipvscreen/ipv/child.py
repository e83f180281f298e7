"""A child for whom a service is asked, in the words that service and clinician read."""

from dataclasses import dataclass

from ipvscreen.messages import message

_OF_AGE = message("For a child aged {age}")
_OF_NO_AGE = message("For a child")


@dataclass(frozen=True, slots=True)
class Child:
    """For a child of the person, who is not named; None where the age is not known."""

    age: int | None

    @property
    def words(self) -> str:
        """As a service and who refers read it."""
        return _OF_NO_AGE if self.age is None else _OF_AGE.given(age=self.age)
