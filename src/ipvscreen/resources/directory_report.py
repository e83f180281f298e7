"""What came of an import: the services that were taken, and a line for each thing that was not."""

from dataclasses import dataclass
from enum import StrEnum

from ipvscreen.ipv.services import GROUPS, Service


class Fate(StrEnum):
    """What was done about what was wrong."""

    LEFT_OUT = "left out"  # the service is not in the directory
    DROPPED = "dropped"  # a part is not stored; the service is taken
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class Remark:
    """One line of the report; `service` is its name, empty where none is meant."""

    place: str
    service: str
    fate: Fate
    sentence: str

    def __str__(self) -> str:
        """As it is printed: nothing but one line."""
        whom = f"{self.service}: " if self.service else ""
        line = f"{self.place}: {whom}{self.sentence} ({self.fate})"
        return "".join(one if one.isprintable() else "?" for one in line)


@dataclass(frozen=True, slots=True)
class Reading:
    """`found` counts the services of the file, taken or not."""

    found: int
    services: tuple[Service, ...]
    remarks: tuple[Remark, ...]


def why_not_offered(place: str, service: Service) -> tuple[Remark, ...]:
    """A line for each thing that keeps a service that was taken from being offered to anybody."""
    found = (
        (not service.contact_rules_signed, "has not signed the contact rules: it is listed and not offered."),
        (
            service.kind in GROUPS and not service.clinical_partner,
            "is a group without a named clinical partner: it is listed and not offered.",
        ),
        (
            not service.endpoint,
            "has no endpoint: it is listed with its number, and nothing can be sent to it.",
        ),
    )
    return tuple(Remark(place, service.name, Fate.NOTED, sentence) for holds, sentence in found if holds)
