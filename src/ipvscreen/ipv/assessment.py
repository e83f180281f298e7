"""What the answers say, and what they do not say."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """Of one instrument. INCOMPLETE is never negative and never a number."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    INCOMPLETE = "incomplete"
    DECLINED = "declined"


class Danger(StrEnum):
    """What needs doing today."""

    NOT_SAFE_TODAY = "not-safe-today"
    NECK = "neck"
    SUICIDE = "suicide"
    AFRAID_NOW = "afraid-now"


@dataclass(frozen=True, slots=True)
class Result:
    """Of one instrument; `score` only when every scored item was answered."""

    instrument: str
    outcome: Outcome
    score: int | None
    yes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """Of the whole visit so far."""

    results: tuple[Result, ...]
    current: bool
    past: bool
    dangers: tuple[Danger, ...] = ()
    children: bool | None = None
    pregnant: bool | None = None
    wishes: frozenset[str] = frozenset()

    @property
    def any_yes(self) -> bool:
        """Whether anything was disclosed."""
        return self.current or self.past or any(r.outcome is Outcome.POSITIVE for r in self.results)

    @property
    def past_only(self) -> bool:
        """Past, and nothing that says now."""
        return self.past and not self.current and not self.dangers
