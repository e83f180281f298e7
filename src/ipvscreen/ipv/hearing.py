"""What must not wait unheard: from when it stands on the practice's list, when it is told, and by when heard.

The limits are those of the referral that nobody confirms: visible after a quarter of an hour, heard by the
staffed role within four working hours, or within half an hour at any time of any day where there is danger.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from ipvscreen.ipv.hours import Hours, after_working, working_day_after
from ipvscreen.ipv.referral import LATE
from ipvscreen.messages import Message, message


class Cause(StrEnum):
    """Why something stands on the list."""

    UNRECEIVED = "unreceived"  # a referral without a receipt
    UNANSWERED = "unanswered"  # received, and neither taken on nor declined when an answer was due
    REFUSED = "refused"
    LAPSED = "lapsed"
    STOPPING = "stopping"  # stopped when a service had it, whose system has not heard that yet
    UNTOLD = "untold"  # the same, and nothing of ours can tell it
    DECLINED = "declined"  # and nobody has looked at it
    UNFINISHED = "unfinished"  # a visit that was left after something had been said
    UNCONFIRMED = "unconfirmed"  # what was to be written is not known to stand in the record
    FOLLOW_UP = "follow-up"  # somebody is to be seen again today
    ARRIVED = "arrived"  # for the service: it has something that nobody there has opened


WITHIN = timedelta(hours=4)  # of working time
URGENT = timedelta(minutes=30)  # of any time
# Told so long before that: a server that is away for a moment must not take the time that is left.
AHEAD, URGENT_AHEAD = timedelta(minutes=30), timedelta(minutes=15)

_LATER = {Cause.UNRECEIVED: LATE, Cause.STOPPING: LATE}  # all others are visible at once
# Somebody has decided, or something has ended: there is nothing to wait for.
_AT_ONCE = frozenset({Cause.REFUSED, Cause.LAPSED, Cause.UNTOLD, Cause.DECLINED, Cause.ARRIVED})


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that waits: the referral, visit or follow-up `about`, of that visit, since that moment (UTC).

    `service`: at which service it waits, where it does at one; `organisation`: whose inbox here that is.
    """

    cause: Cause
    about: str
    visit_id: str
    since: datetime
    urgent: bool = False
    service: str = ""
    organisation: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """Moments (UTC): on the list from `visible`, told by mail from `told`, too late after `limit`."""

    fact: Fact
    visible: datetime
    told: datetime
    limit: datetime


def due(fact: Fact, hours: Hours) -> Due:
    """When that fact has to be heard of by a role with these hours."""
    visible = fact.since + _LATER.get(fact.cause, timedelta())
    if fact.urgent:
        told, limit = fact.since + URGENT - URGENT_AHEAD, fact.since + URGENT
    else:
        told = after_working(hours, fact.since, WITHIN - AHEAD)
        limit = after_working(hours, fact.since, WITHIN)
    if fact.cause in _AT_ONCE:
        told = visible
    return Due(fact, visible, max(told, visible), limit)


def begins(day: date, hours: Hours) -> datetime:
    """The first moment of that day where the role is (UTC)."""
    return datetime(day.year, day.month, day.day, tzinfo=hours.zone).astimezone(UTC)


def is_old(since: datetime, hours: Hours, now: datetime) -> bool:
    """Whether it has waited for a working day, so that the safeguarding lead sees it."""
    return now >= working_day_after(hours, since)


class Done(StrEnum):
    """What somebody of the role did about it."""

    RANG_SERVICE = "rang-service"
    TOLD_CLINICIAN = "told-clinician"
    SENT_OTHERWISE = "sent-otherwise"
    SEEN_PATIENT = "seen-patient"
    NOTHING_OPEN = "nothing-open"


DONE_WORDS: dict[Done, str] = {
    Done.RANG_SERVICE: message("The service was rung"),
    Done.TOLD_CLINICIAN: message("The clinician was told"),
    Done.SENT_OTHERWISE: message("It went another way"),
    Done.SEEN_PATIENT: message("The patient was seen"),
    Done.NOTHING_OPEN: message("It had been settled already"),
}

# What waits, and what to do; {service} and {phone} are of the referral, {clinician} of the visit.
CAUSE_WORDS: dict[Cause, Message] = {
    Cause.UNRECEIVED: message("Not received by {service}. Ring {phone}, and tell {clinician}."),
    Cause.UNANSWERED: message("No answer is known from {service}. Ring {phone}, and tell {clinician}."),
    Cause.REFUSED: message("{service} did not take it. Ring {phone}, and tell {clinician}."),
    Cause.LAPSED: message(
        "Not sent to {service}: what was agreed had ended. Ask {clinician}, or ring {phone}."
    ),
    Cause.STOPPING: message(
        "{service} has not heard yet that it is not wanted any more. Ring {phone}, and tell {clinician}."
    ),
    Cause.UNTOLD: message("{service} has to be told that it is not wanted any more. Ring {phone}."),
    Cause.DECLINED: message(
        "{service} cannot take it on. Ask {clinician} to choose another, or ring {phone}."
    ),
    Cause.UNFINISHED: message(
        "Begun and not finished. Ask {clinician} to open it from the patient's record."
    ),
    Cause.UNCONFIRMED: message(
        "Not certain to stand in the record. Ask {clinician} to open it from the patient's record."
    ),
    Cause.FOLLOW_UP: message("To be seen again, one to one. Tell {clinician}."),
}
