"""A referral that a person brings to the service: a letter that is given or posted, or a call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ipvscreen.ipv.referral import TRANSITIONS, ReferralEvent, ReferralState
from ipvscreen.messages import message

_MINUTE = timedelta(minutes=1)


class ByHand(StrEnum):
    """How a person can bring it."""

    LETTER = "letter"
    TELEPHONE = "telephone"


EVENTS: Mapping[ByHand, ReferralEvent] = {
    ByHand.LETTER: ReferralEvent.HAND_OVER,
    ByHand.TELEPHONE: ReferralEvent.SPEAK,
}


def ways(state: ReferralState, takes: frozenset[ByHand]) -> tuple[ByHand, ...]:
    """How a referral in that state can still be brought; who has a telephone can always be rung."""
    possible = {way for way, event in EVENTS.items() if event in TRANSITIONS[state]}
    return tuple(way for way in ByHand if way in possible & (takes | {ByHand.TELEPHONE}))


@dataclass(frozen=True, slots=True)
class Handed:
    """That it was brought: how, `who` did it, when (aware); of a call also `to` whom there.

    ValueError, in plain words, where somebody is not named.
    """

    way: ByHand
    who: str
    at: datetime
    to: str = ""

    def __post_init__(self) -> None:
        """Check that somebody answers for it."""
        if not self.who.strip():
            raise ValueError(message("Say by whom it was handed over."))
        if self.way is ByHand.TELEPHONE and not self.to.strip():
            raise ValueError(message("Say with whom you have spoken."))


def when(at: datetime, *, since: datetime, until: datetime | None, now: datetime) -> datetime:
    """`at`, once it can be true; ValueError in plain words.

    `since`: when the referral was made. `until`: from when on nothing may be told; None for no end.
    """
    if at > now:
        raise ValueError(message("This time has not come yet."))
    if at < since - _MINUTE:  # a page tells minutes, not seconds
        raise ValueError(message("This time lies before the referral was made."))
    if until is not None and at >= until:
        raise ValueError(message("What was agreed had ended by then. Hand nothing over, and ask again."))
    return at


def goes_by_hand(takes: frozenset[ByHand], *, sent_elsewhere: bool, first: bool) -> bool:
    """Whether a referral is brought by hand to a service that takes it so.

    `sent_elsewhere`: there is an address or an inbox for it. `first`: the deployer wants that even then.
    """
    return bool(takes) and (first or not sent_elsewhere)
