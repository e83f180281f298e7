"""What follows from what a service did: the next best one, what may be told back, and what a referrer sees.

What a service tells is a disclosure, too: even "accepted" says that somebody is in touch with it. So each
telling needs the person's agreement in that direction, and where the law asks for it a release (34 USC
12291(b)(2)).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ipvscreen.ipv.case import STATUS, BusinessStatus, CaseEvent, CaseState, TaskStatus
from ipvscreen.ipv.case_codes import STATE_WORDS, Decline, Outcome, why_words
from ipvscreen.ipv.case_step import Case
from ipvscreen.ipv.matching import match
from ipvscreen.ipv.services import Kind, Match, Need, Service
from ipvscreen.messages import joined, message


class Lead(StrEnum):
    """What a decline leads to."""

    ANOTHER = "another"  # the next best service
    HIGHER = "higher"  # one that takes more than this one can, first
    ASK = "ask"  # the same one again, once what it needs is known
    NOTHING = "nothing"  # nobody is asked again unless the person wishes it


LEADS: Mapping[Decline, Lead] = dict.fromkeys(Decline, Lead.ANOTHER) | {
    Decline.ABOVE_THRESHOLD: Lead.HIGHER,
    Decline.INSUFFICIENT_INFO: Lead.ASK,
    Decline.NO_WAY_TO_CONTACT: Lead.ASK,
    Decline.PERSON_DECLINED: Lead.NOTHING,
    Decline.AGREEMENT_WITHDRAWN: Lead.NOTHING,
    Decline.ALREADY_KNOWN: Lead.NOTHING,
    Decline.DUPLICATE: Lead.NOTHING,
    Decline.SENT_IN_ERROR: Lead.NOTHING,
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed to the clinician; never sent by itself. `service` is None where nothing fits."""

    lead: Lead
    service: Match | None = None


def after_decline(
    services: Iterable[Service], need: Need, declined: Collection[str], reason: Decline | None
) -> Proposal:
    """The best service that has not declined (`declined`: their ids), with its reasons.

    Where the reason may not be told it leads to another one, so that the lead tells nothing of it.
    """
    lead = Lead.ANOTHER if reason is None else LEADS[reason]
    if lead not in (Lead.ANOTHER, Lead.HIGHER):
        return Proposal(lead)
    found = match([one for one in services if one.id not in declined], need)
    fitting = [one for one in found if one.fits]
    if lead is Lead.HIGHER:
        fitting.sort(key=lambda one: one.service.kind is not Kind.HIGH_RISK)
    return Proposal(lead, next(iter(fitting), None))


def proposed(
    services: Iterable[Service], need: Need, declined: Collection[str], case: Case, telling: "Telling"
) -> Proposal | None:
    """What a case leads to that was declined, as far as its referrer may know; else None."""
    if case.state is not CaseState.DECLINED or telling.told is Told.RECEIPT:
        return None
    reason = case.reason if telling.told is Told.ALL else None
    proposal = after_decline(services, need, declined, reason)
    return None if proposal.lead is Lead.NOTHING else proposal


class Told(StrEnum):
    """How much of a case may be told to the referrer, and into the record."""

    RECEIPT = "receipt"  # that the message has arrived, which says nothing of the person
    NOT_TAKEN = "not-taken"  # and on the page alone that they do not take it on, without the reason
    ALL = "all"  # status, coded reason and coded outcome, also into the record


@dataclass(frozen=True, slots=True)
class Telling:
    """How much, and why no more (for the clinician; empty where it is all)."""

    told: Told
    why: str = ""


_NO_RELEASE = message("More is told only with a signed release that has not ended.")
_NOT_AGREED = message("It was not agreed that the service tells anything back.")
_ENDED = message("What was agreed has ended, so nothing more is told back.")
_TAKEN_BACK = message("It was taken back that anything is told.")


def telling(case: Case, day: date, *, release_required: bool) -> Telling:
    """What may be told of this case on that day, its last day included."""
    if release_required and not _released(case, day):
        return Telling(Told.RECEIPT, _NO_RELEASE)
    why = _withheld(case, day)
    return Telling(Told.NOT_TAKEN, why) if why else Telling(Told.ALL)


def _released(case: Case, day: date) -> bool:
    return case.release is not None and case.release.signed_on <= day <= case.release.until


def _withheld(case: Case, day: date) -> str:
    if case.told_nothing:
        return _TAKEN_BACK
    if case.agreement is None or not case.agreement.back:
        return _NOT_AGREED
    return "" if day <= case.agreement.until else _ENDED


@dataclass(frozen=True, slots=True)
class Progress:
    """All that the record may hold of a case: its status, a coded reason or outcome, and since when."""

    status: TaskStatus
    business: BusinessStatus
    at: datetime
    reason: Decline | None = None
    outcome: Outcome | None = None


def progress_of(case: Case, at: datetime) -> Progress:
    """The case as the record may hold it; `at` is the moment of its last step."""
    status, business = STATUS[case.state]
    return Progress(status, business, at, case.reason, case.outcome)


@dataclass(frozen=True, slots=True)
class Happened:
    """One step that was taken, as the timeline needs it."""

    at: datetime
    event: CaseEvent
    state: CaseState  # after it


@dataclass(frozen=True, slots=True)
class Sending:
    """The way to the service."""

    service: str  # its neutral short name
    sent_at: datetime | None  # None while nobody has brought what a person has to bring
    received_at: datetime | None


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline."""

    at: datetime
    status: BusinessStatus
    words: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """What a referrer sees of one referral, the oldest first; `why` no more is told, where that is so."""

    service: str
    moments: tuple[Moment, ...]
    why: str = ""


def timeline(sending: Sending, case: Case | None, happened: Iterable[Happened], telling: Telling) -> Timeline:
    """From Send to the end, each state once: how often somebody was rung stays with the service."""
    moments = []
    if sending.sent_at is not None:
        moments.append(Moment(sending.sent_at, BusinessStatus.SENT, message("sent")))
    if sending.received_at is not None:
        words = STATE_WORDS[CaseState.DELIVERED]
        moments.append(Moment(sending.received_at, BusinessStatus.DELIVERED, words))
    if case is None:
        return Timeline(sending.service, tuple(moments))
    moments += _moments(case, happened, telling.told)
    return Timeline(sending.service, tuple(moments), telling.why)


def _moments(case: Case, happened: Iterable[Happened], told: Told) -> Iterator[Moment]:
    before = CaseState.DELIVERED
    for one in happened:
        if one.state is not before and _may_be_told(one.state, told):
            yield Moment(one.at, STATUS[one.state][1], _words(case, one.state, told))
        before = one.state


def _may_be_told(state: CaseState, told: Told) -> bool:
    return told is Told.ALL or (told is Told.NOT_TAKEN and state is CaseState.DECLINED)


def _words(case: Case, state: CaseState, told: Told) -> str:
    """What it ended with stands at the end alone."""
    words = STATE_WORDS[state]
    if told is not Told.ALL or state is not case.state:
        return words
    why = why_words(case.reason, case.outcome)
    return joined(": ", (words, why)) if why else words
