"""A service one can be referred to, and the need that is matched with it."""

from dataclasses import dataclass
from enum import StrEnum

from ipvscreen.ipv.person import Setting, Sex


class Kind(StrEnum):
    """What a service offers."""

    MENTOR_MOTHER = "mentor-mother"
    PEER_MENTOR = "peer-mentor"
    SPECIALIST = "specialist"
    HIGH_RISK = "high-risk"
    CHILDREN = "children"
    USES_VIOLENCE = "uses-violence"


@dataclass(frozen=True, slots=True)
class Service:
    """One entry of the directory, as matching and the pages need it."""

    id: str
    kind: Kind
    name: str
    short_name: str  # neutral: may stand on a visible screen
    for_whom: str  # one sentence
    hours: str
    phone: str
    reply_hours: int  # working answer expected within so many hours
    endpoint: str  # FHIR base that takes the message
    sexes: frozenset[Sex] = frozenset()  # empty: all
    age_from: int = 0
    age_to: int | None = None
    needs_children_or_pregnancy: bool = False
    settings: frozenset[Setting] = frozenset()  # empty: all
    takes_past: bool = True
    takes_current: bool = True
    contact_rules_signed: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """What is known about the person when a service is chosen; None where it was not asked."""

    age: int | None
    sex: Sex
    setting: Setting
    current: bool
    past: bool
    danger: bool
    children: bool | None = None
    pregnant: bool | None = None
    uses_violence: bool = False
    wishes: frozenset[str] = frozenset()  # codes of the item "what would help now"


@dataclass(frozen=True, slots=True)
class Match:
    """Whether a service fits, and why (plain sentences, the decisive one first)."""

    service: Service
    fits: bool
    reasons: tuple[str, ...]
