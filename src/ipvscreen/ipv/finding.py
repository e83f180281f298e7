"""What one rule says about a service."""

from dataclasses import dataclass
from enum import Enum

from ipvscreen.ipv.services import Rule


class Weight(Enum):
    """What follows from a finding."""

    NOTE = "note"  # told; it never rules out
    THRESHOLD = "threshold"
    AGAINST = "against"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about a service, of which rule, and whether it rules the service out."""

    rule: Rule
    weight: Weight
    sentence: str


def note(rule: Rule, sentence: str) -> Finding:
    """To be told and asked about."""
    return Finding(rule, Weight.NOTE, sentence)


def against(rule: Rule, sentence: str) -> Finding:
    """A stated rule that is known to exclude."""
    return Finding(rule, Weight.AGAINST, sentence)


def threshold(rule: Rule, sentence: str) -> Finding:
    """As `against`, and nothing but a threshold."""
    return Finding(rule, Weight.THRESHOLD, sentence)
