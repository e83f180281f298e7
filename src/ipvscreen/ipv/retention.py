"""How long what is stored is kept: one table of rules, and which moments they come to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ipvscreen.ipv.referral import ReferralState
from ipvscreen.ipv.visit import VisitState


@dataclass(frozen=True, slots=True)
class Days:
    """Days that a row is kept after the moment that its rule counts from; what a deployer sets."""

    launches: int = 1
    sittings: int = 1
    visits: int = 30
    referrals: int = 90
    cases: int = 90
    followups: int = 90
    accounts: int = 365
    unfinished: int = 365
    members: int = 365


class Waits(StrEnum):
    """Whether somebody still has to do something with a row."""

    NO = "no"
    YES = "yes"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of `table` go so many days (the one of `Days` with that name) after `since`.

    `waits` says which of them. Those that somebody waits for go by hand alone, never by the daily job.
    """

    table: str
    since: str
    days: str
    waits: Waits = Waits.EITHER

    @property
    def by_hand(self) -> bool:
        """Whether only a person may let these go."""
        return self.waits is Waits.YES


@dataclass(frozen=True, slots=True)
class Due:
    """The rows of one rule that may go now: those whose `since` lies before `before`."""

    rule: Rule
    before: datetime


# In the order of foreign keys: what refers to a row stands before it. The outbox goes with its referral, a
# step with its case.
RULES = (
    Rule("launches", "created_at", "launches"),
    Rule("sittings", "expires_at", "sittings"),
    Rule("cases", "closed_at", "cases", Waits.NO),
    Rule("cases", "taken_in_at", "unfinished", Waits.YES),
    Rule("referrals", "reply_by", "referrals", Waits.NO),
    Rule("referrals", "reply_by", "unfinished", Waits.YES),
    Rule("followups", "due", "followups"),
    Rule("child_plans", "review", "followups"),
    Rule("accounts", "kept_at", "accounts"),
    Rule("alerts", "ended_at", "followups"),
    Rule("spent", "expires_at", "launches"),
    Rule("links", "expires_at", "launches"),
    Rule("sessions", "expires_at", "sittings"),
    Rule("invitations", "expires_at", "launches"),
    Rule("passkeys", "ended_at", "members"),
    Rule("members", "ended_at", "members"),
    Rule("visits", "expires_at", "visits", Waits.NO),
    Rule("visits", "expires_at", "unfinished", Waits.YES),
)

# A visit with a disclosure in one of these states stands on its clinician's list.
WAITING_VISITS = frozenset(
    {
        VisitState.ASKING,
        VisitState.DISCLOSED,
        VisitState.UNRECORDED,
        VisitState.RECORDED,
        VisitState.DEFERRED,
    }
)
# One that was refused waits for a person to decide, one that is unsent for a person to bring it, one that is
# untold for a person to ring. One that is queued or being stopped is not over, however old it is.
WAITING_REFERRALS = frozenset({ReferralState.REFUSED, ReferralState.UNSENT, ReferralState.UNTOLD})
ENDED_REFERRALS = frozenset(
    {
        ReferralState.SENT,
        ReferralState.RECEIVED,
        ReferralState.CANCELLED,
        ReferralState.LAPSED,
        ReferralState.TOLD,
    }
)


def due(days: Days, now: datetime, *, by_hand: bool = False) -> tuple[Due, ...]:
    """What each rule comes to at `now`, in an order that foreign keys allow.

    `by_hand`: a person has asked that what was left unfinished for that long goes, too.
    """
    return tuple(
        Due(rule, now - timedelta(days=getattr(days, rule.days)))
        for rule in RULES
        if by_hand or not rule.by_hand
    )
