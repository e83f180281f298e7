"""Who signs in beside clinicians: the people of a service, and the stewards of the directory."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody is there for; each has its own row in `ipv.access`."""

    WORKER = "worker"
    COORDINATOR = "coordinator"
    STEWARD = "steward"


@dataclass(frozen=True, slots=True)
class Organisation:
    """A service's organisation; `phone` is the one to ring when something about it changes."""

    id: str
    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class Member:
    """One person; a steward belongs to no organisation, everybody else to exactly one."""

    id: str
    role: Role
    name: str
    organisation: str | None = None

    def __post_init__(self) -> None:
        """ValueError for a steward of an organisation, and for anybody else without one."""
        if (self.role is Role.STEWARD) != (self.organisation is None):
            raise ValueError("a steward has no organisation, and everybody else has one")


def may_invite(by: Member, role: Role) -> bool:
    """Whether somebody may invite into that role alone: a coordinator, into her own organisation."""
    return by.role is Role.COORDINATOR and role is not Role.STEWARD


def looks_after(by: Member, other: Member) -> bool:
    """Whether somebody alone may let another in anew, or end it: a coordinator, her own workers.

    For a coordinator or a steward it takes two stewards: see `ipv.proposals`.
    """
    own = by.organisation == other.organisation
    return by.role is Role.COORDINATOR and other.role is Role.WORKER and own
