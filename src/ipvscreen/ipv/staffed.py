"""The staffed role of a record system, as a deployer sets it: who hears of what waits there, and when."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import ClassVar

from ipvscreen.ipv.hours import DAYS, Hours, span_of

_MEMBER = re.compile(r"(?:Practitioner|PractitionerRole)/[A-Za-z0-9\-.]{1,64}")
MAILBOX = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}"


@dataclass(frozen=True, slots=True)
class Staffed:
    """`members` and `lead` are fhirUsers as the record system tells them at a launch: `Practitioner/123`.

    `hours`: by day (`mon` to `sun`), one or several spans such as `08:30-12:30 14:00-18:00`. `mailbox` gets
    the neutral notices. ValueError, in plain words, for what cannot be one.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    members: frozenset[str] = frozenset()
    hours: Mapping[str, str] | None = None
    mailbox: str | None = None
    closed: frozenset[date] = frozenset()
    lead: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Check what was given."""
        if wrong := sorted(who for who in self.members | self.lead if not _MEMBER.fullmatch(who)):
            raise ValueError(f"'{wrong[0]}' is no fhirUser such as Practitioner/123")
        if wrong := sorted(set(self.hours or ()) - set(DAYS)):
            raise ValueError(f"'{wrong[0]}' is no day; there are {', '.join(DAYS)}")
        for spans in (self.hours or {}).values():
            if not [span_of(one) for one in spans.split()]:
                raise ValueError("a day on which nobody is there is left out")
        if self.mailbox is not None and not re.fullmatch(MAILBOX, self.mailbox):
            raise ValueError("mailbox must be an address alone, such as duty@practice.example")

    def week(self, zone: tzinfo) -> Hours:
        """The hours in that zone."""
        given = (self.hours or {}).items()
        week = {DAYS.index(day): tuple(map(span_of, sorted(spans.split()))) for day, spans in given}
        return Hours(zone, week, self.closed)


def missing(staffed: Staffed | None, *, mail: bool) -> tuple[str, ...]:
    """What is not set that must be before anything is referred from a record system; empty where all is.

    `mail`: whether there is a server that takes notices.
    """
    one = staffed or Staffed()
    wanted = {
        "staffed.members": one.members,
        "staffed.hours": one.hours,
        "staffed.mailbox": one.mailbox,
        "[mail]": mail,
    }
    return tuple(name for name, given in wanted.items() if not given)
