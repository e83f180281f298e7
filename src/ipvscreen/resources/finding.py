"""One line of what the doctor found: how good it is, in plain words, and what to do about it."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum


class Level(StrEnum):
    """GOOD needs nothing, WARNING should be known, BAD must be put right before a patient is seen."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


_RANKS = {Level.GOOD: 0, Level.WARNING: 1, Level.BAD: 2}
_HIDDEN = "…"
_SHORTEST = 2  # characters: an initial alone names nobody, and would be hidden inside every sentence


@dataclass(frozen=True, slots=True)
class Finding:
    """`words` and `do` are ours; `said` is the record system's own and may quote what it was sent.

    ValueError for a BAD one that does not say what to do.
    """

    level: Level
    title: str
    words: str = ""
    do: str = ""
    said: str = ""

    def __post_init__(self) -> None:
        """Every red line says what to do."""
        if self.level is Level.BAD and not self.do:
            raise ValueError(f"{self.title!r} is bad and does not say what to do")


def good(title: str, words: str = "") -> Finding:
    """Nothing to do."""
    return Finding(Level.GOOD, title, words)


def warning(title: str, words: str, do: str = "", *, said: str = "") -> Finding:
    """To be known."""
    return Finding(Level.WARNING, title, words, do, said)


def bad(title: str, words: str, do: str, *, said: str = "") -> Finding:
    """To be put right."""
    return Finding(Level.BAD, title, words, do, said)


def worst(findings: Iterable[Finding]) -> Level:
    """The worst level; GOOD for none."""
    return max((finding.level for finding in findings), key=_RANKS.__getitem__, default=Level.GOOD)


def discreet(findings: Iterable[Finding], secrets: Iterable[str]) -> tuple[Finding, ...]:
    """The findings with every secret blotted out of what the record system said, in either case."""
    found = sorted({secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True)
    if not found:
        return tuple(findings)
    each = re.compile("|".join(map(re.escape, found)), re.IGNORECASE)
    return tuple(replace(finding, said=each.sub(_HIDDEN, finding.said)) for finding in findings)


def finding_to_json(finding: Finding) -> dict[str, str]:
    """As plain JSON."""
    return asdict(finding)
