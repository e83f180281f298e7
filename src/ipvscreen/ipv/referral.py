"""What a person agrees to have sent, how she can be reached, and the states of a referral."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.child import Child
from ipvscreen.messages import message


class ReferralState(StrEnum):
    """Where a referral stands."""

    DRAFTED = "drafted"
    QUEUED = "queued"
    UNSENT = "unsent"  # for a person to bring it to the service, which nobody has done yet
    SENT = "sent"  # given or posted as a letter; nobody there has said that it came
    RECEIVED = "received"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"  # what was agreed had ended before it could be sent
    STOPPING = "stopping"  # the service has it, and is being told that it is not wanted any more
    TOLD = "told"  # the service has heard that
    UNTOLD = "untold"  # nothing of ours can tell it: somebody has to ring


class ReferralEvent(StrEnum):
    """What moves a referral on."""

    SEND = "send"
    PREPARE = "prepare"  # for a person to bring it
    HAND_OVER = "hand-over"  # a letter was given or posted
    SPEAK = "speak"  # it was told to somebody there, which is the receipt
    RECEIVE = "receive"
    REFUSE = "refuse"
    CANCEL = "cancel"
    LAPSE = "lapse"
    TELL = "tell"  # stopped when the service had it: a message tells it so
    WITHDRAW = "withdraw"  # the same, where no message reaches it


_S, _E = ReferralState, ReferralEvent

TRANSITIONS: dict[ReferralState, dict[ReferralEvent, ReferralState]] = {
    _S.DRAFTED: {_E.SEND: _S.QUEUED, _E.PREPARE: _S.UNSENT, _E.CANCEL: _S.CANCELLED},
    _S.QUEUED: {_E.RECEIVE: _S.RECEIVED, _E.REFUSE: _S.REFUSED, _E.CANCEL: _S.CANCELLED, _E.LAPSE: _S.LAPSED},
    _S.UNSENT: {
        _E.HAND_OVER: _S.SENT,
        _E.SPEAK: _S.RECEIVED,
        _E.CANCEL: _S.CANCELLED,
        _E.LAPSE: _S.LAPSED,
    },
    _S.SENT: {_E.SPEAK: _S.RECEIVED, _E.WITHDRAW: _S.UNTOLD},
    _S.RECEIVED: {_E.TELL: _S.STOPPING, _E.WITHDRAW: _S.UNTOLD},
    _S.REFUSED: {
        _E.SEND: _S.QUEUED,
        _E.HAND_OVER: _S.SENT,
        _E.SPEAK: _S.RECEIVED,
        _E.CANCEL: _S.CANCELLED,
    },
    _S.CANCELLED: {},
    _S.LAPSED: {},
    _S.STOPPING: {_E.RECEIVE: _S.TOLD, _E.REFUSE: _S.UNTOLD},
    _S.TOLD: {},
    _S.UNTOLD: {},
}

LATE = timedelta(minutes=15)  # from then on a person sees that it is still not there
WAITS = frozenset({ReferralState.QUEUED, ReferralState.UNSENT})  # the service has nothing of it yet


def is_late(state: ReferralState, queued_at: datetime, now: datetime) -> bool:
    """Whether it has waited for so long that a person should ring instead of wait."""
    return state in WAITS and now - queued_at >= LATE


def after(state: ReferralState, event: ReferralEvent) -> ReferralState:
    """The state that `event` leads to; OutOfOrder where the table has none."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise OutOfOrder(state, event) from None


# Loose on purpose: what a person dictates, of any country; at least five digits.
_PHONE = re.compile(r"\+?(?:[ ()./-]*[0-9]){5,20}[ ]*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class ContactWay(StrEnum):
    """How the service and the person get in touch."""

    PHONE = "phone"
    TEXT = "text"
    EMAIL = "email"
    LETTER = "letter"
    SHE_CALLS = "she-calls"  # the person rings the service


# What cannot be left open, by way; when the person rings the service, nothing is needed to reach her.
_NEEDS: dict[ContactWay, str] = {
    ContactWay.PHONE: message("Give the number that is safe to ring."),
    ContactWay.TEXT: message("Give the number that is safe for texts."),
    ContactWay.EMAIL: message("Give the e-mail address that is safe."),
    ContactWay.LETTER: message("Give the postal address that is safe."),
}


@dataclass(frozen=True, slots=True)
class SafeContact:
    """The one safe way to reach the person; everything that could be unsafe is preset no.

    `number` is what that way needs: a telephone number, an e-mail or a postal address. It is never taken
    from the chart. `code_word`: what whoever makes contact says first. `not_to_know`: who must not hear of
    it. `review`: the last day on which all of it is believed. ValueError, in plain words, where the number
    is missing or cannot be one.
    """

    way: ContactWay
    number: str | None = None
    times: str | None = None
    voicemail: bool = False
    text: bool = False
    letter: bool = False
    email: bool = False
    says_who: bool = False
    portal: bool = False
    code_word: str | None = None
    not_to_know: str | None = None
    review: date | None = None

    def __post_init__(self) -> None:
        """Check that the way can be used."""
        number = (self.number or "").strip()
        if self.way in _NEEDS and not number:
            raise ValueError(_NEEDS[self.way])
        if self.way in (ContactWay.PHONE, ContactWay.TEXT) and not _PHONE.fullmatch(number):
            raise ValueError(message("This is not a telephone number: use digits, spaces and a leading +."))
        if self.way is ContactWay.EMAIL and not _EMAIL.fullmatch(number):
            raise ValueError(message("This is not an e-mail address."))


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the person agreed to: that we send (`out`), that the service tells us (`back`), and until when."""

    out: bool
    back: bool
    until: date


@dataclass(frozen=True, slots=True)
class Release:
    """What a person has signed so that a service may tell anything back: when, and until when.

    ValueError where it has no end after the day it was signed on.
    """

    signed_on: date
    until: date

    def __post_init__(self) -> None:
        """Check that it ends."""
        if self.until <= self.signed_on:
            raise ValueError(message("A release must end, later than the day it was signed on."))


@dataclass(frozen=True, slots=True)
class Sharing:
    """Sharing without agreement: who decided, on what basis (a code), and told or why not.

    `ground`: the code of what the law of that nation says to it, where the pack names any.
    """

    decided_by: str
    basis: str
    told: bool
    why_not_told: str | None = None
    ground: str | None = None

    def __post_init__(self) -> None:
        """Check that the decision can be answered for."""
        if not self.decided_by.strip():
            raise ValueError("Say who decided to share without agreement.")
        if not self.basis.strip():
            raise ValueError("Say on what basis this is shared without agreement.")
        if not self.told and not (self.why_not_told or "").strip():
            raise ValueError("Say why the person has not been told.")


@dataclass(frozen=True, slots=True)
class ReferralRequest:
    """What one service is asked to do, on exactly one footing: agreement or sharing (else ValueError).

    `release`: what the person has signed, where the law asks for it before anything is told back.
    `child`: for whom it is, where it is not for the person; each child is a request of its own.
    """

    service_id: str
    contact: SafeContact
    help_wanted: frozenset[str] = frozenset()
    agreement: Agreement | None = None
    sharing: Sharing | None = None
    urgent: bool = False
    release: Release | None = None
    child: Child | None = None

    def __post_init__(self) -> None:
        """Check the footing."""
        if self.agreement and self.sharing:
            raise ValueError("Either the person agrees, or it is shared without agreement: not both.")
        if not self.agreement and not self.sharing:
            raise ValueError(
                "Nothing is sent without the person's agreement or a recorded decision to share."
            )
        if self.agreement and not self.agreement.out:
            raise ValueError("The person has not agreed that anything is sent.")
        if self.agreement and self.contact.review and self.contact.review > self.agreement.until:
            raise ValueError("The safe way is not to be believed for longer than what was agreed.")


AGREED_MONTHS = 6
REVIEW_DAYS = 28


def default_until(today: date, months: int = AGREED_MONTHS) -> date:
    """The preset last day of an agreement: so many months on, or the last day of that month.

    The number is ours, not a source's: long enough for weekly contact over 16 weeks after a wait. A pack
    names its own.
    """
    years, month = divmod(today.month - 1 + months, 12)
    year, month = today.year + years, month + 1
    return date(year, month, min(today.day, monthrange(year, month)[1]))


def default_review(today: date, days: int = REVIEW_DAYS) -> date:
    """The preset last day on which the safe way is believed.

    The number is ours as well: who lives in the same house, and who reads whose telephone, changes in weeks.
    """
    return today + timedelta(days=days)


def to_be_asked_again(review: date | None, today: date) -> bool:
    """Whether the day is over until which a safe way is believed."""
    return review is not None and today > review
