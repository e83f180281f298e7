"""The named points between Save and verified; nobody hears of them but a test that kills there."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

LEASE = timedelta(seconds=20)  # a request to the record system ends after ten


class Point(StrEnum):
    """Where a process can end between two steps of a write; each is reached once the step before is over."""

    FROZEN = "frozen"  # on disk; the record system may still be asked, and nothing is sent
    REFUSED = "refused"  # it must not be sent, as another patient's; it has not been taken back
    LOOKED = "looked"  # what an earlier try has left is known
    SENT = "sent"  # the record system has answered; its ids are known to nobody else
    KNOWN = "known"  # the ids are on disk
    VERIFIED = "verified"  # read back; what was seen is not on disk
    SETTLED = "settled"  # on disk; the clinician has no answer yet


Reached = Callable[[Point], None]


def unheard(_: Point) -> None:
    """Nobody listens."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Care:
    """How a write is taken care of: who has it has it for `lease`, renewed while its process lives."""

    clock: Callable[[], datetime] = _now
    lease: timedelta = LEASE
    reached: Reached = unheard

    def until(self) -> datetime:
        """When a lease taken now ends."""
        return self.clock() + self.lease
