"""What follows from what a patient says of own conduct: who else may be in danger, and whom to be told of."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ipvscreen.ipv.gate import known_age
from ipvscreen.ipv.instruments import USE
from ipvscreen.ipv.matching import match
from ipvscreen.ipv.person import Person, Setting
from ipvscreen.ipv.services import OWN_CONDUCT, Need, Rule, Service
from ipvscreen.ipv.standing import other_support_words
from ipvscreen.sdc.answers import Answers

TOLD, CHILDREN, AGAIN, HELP, LAST = "use-told", "use-children", "use-again", "use-help", "use-last"
_YES, _RECENT = "yes", "within-3-months"


class Concern(StrEnum):
    """What somebody has to do something about, the most pressing first."""

    AGAIN = "again"
    RECENT = "recent"
    CHILDREN = "children"
    WANTS_HELP = "wants-help"


@dataclass(frozen=True, slots=True)
class Programme:
    """A service for who uses violence; `support` says who is there for the other person meanwhile."""

    service: Service
    support: str


_WHERE: tuple[tuple[Concern, str, str], ...] = (
    (Concern.AGAIN, AGAIN, _YES),
    (Concern.RECENT, LAST, _RECENT),
    (Concern.CHILDREN, CHILDREN, _YES),
    (Concern.WANTS_HELP, HELP, _YES),
)


def concerns(answers: Answers) -> tuple[Concern, ...]:
    """What these answers call for; nothing is inferred from a pass or a gap. ValueError for another form."""
    if answers.form.name != USE:
        raise ValueError(f"'{answers.form.name}' does not ask about own conduct")
    return tuple(_found(answers))


def programmes(
    services: Iterable[Service], person: Person, setting: Setting, day: date
) -> tuple[Programme, ...]:
    """Those for who uses violence that such a person can be told of, never a service for who was hurt.

    Nothing is sent to them, so one without an address is as good.
    """
    need = Need(
        age=known_age(person, day),
        sex=person.sex,
        setting=setting,
        current=False,
        past=False,
        danger=False,
        day=day,
        uses_violence=True,
    )
    found = match((one for one in services if one.kind in OWN_CONDUCT), need)
    fitting = (one.service for one in found if set(one.against) <= {Rule.ENDPOINT})
    return tuple(Programme(one, other_support_words(one)) for one in fitting)


def _found(answers: Answers) -> Iterator[Concern]:
    for concern, item, code in _WHERE:
        if answers.value(item) == code:
            yield concern
