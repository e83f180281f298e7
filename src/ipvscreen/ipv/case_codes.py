"""What is said of a case in codes, and their words: why not taken on, what it ended with, what was tried.

No code and no word is of the topic: the record system holds them, and a portal may show them.
"""

from collections.abc import Mapping
from enum import StrEnum

from ipvscreen.ipv.case import CaseEvent, CaseState
from ipvscreen.messages import message


class Decline(StrEnum):
    """Why a service does not take a case on; no word of the topic, for the record holds them."""

    NO_CAPACITY = "no-capacity"
    WAITLISTED = "no-capacity-waitlisted"
    OUT_OF_AREA = "out-of-area"
    AREA_UNSUITABLE = "area-unsuitable"  # too near to where somebody else lives
    ELIGIBILITY = "eligibility"
    ABOVE_THRESHOLD = "above-threshold"
    BELOW_THRESHOLD = "below-threshold"
    PERSON_DECLINED = "person-declined"
    AGREEMENT_WITHDRAWN = "agreement-withdrawn"
    NO_WAY_TO_CONTACT = "no-way-to-contact"
    ALREADY_KNOWN = "already-known"
    DUPLICATE = "duplicate"
    INSUFFICIENT_INFO = "insufficient-info"
    OTHER_NEED = "other-need"
    SENT_IN_ERROR = "sent-in-error"


class Outcome(StrEnum):
    """What a case ends with that was taken on."""

    AS_PLANNED = "as-planned"
    MOVED_ON = "moved-on"
    NOT_REACHED = "not-reached"
    NO_WAY_TO_CONTACT = "no-way-to-contact"
    PERSON_DECLINED = "person-declined"
    ENDED_EARLY = "ended-early"


# Which end each outcome is.
ENDS: Mapping[Outcome, CaseEvent] = {
    Outcome.AS_PLANNED: CaseEvent.COMPLETE,
    Outcome.MOVED_ON: CaseEvent.COMPLETE,
    Outcome.NOT_REACHED: CaseEvent.FAIL,
    Outcome.NO_WAY_TO_CONTACT: CaseEvent.FAIL,
    Outcome.PERSON_DECLINED: CaseEvent.FAIL,
    Outcome.ENDED_EARLY: CaseEvent.FAIL,
}


class Tried(StrEnum):
    """What came of trying to get in touch."""

    REACHED = "reached"
    NO_ANSWER = "no-answer"
    ANOTHER_PERSON = "another-person"
    VOICEMAIL = "voicemail"  # something was left there


class PassedOn(StrEnum):
    """To whom a danger was passed on."""

    EMERGENCY = "emergency"
    ADVOCATE = "advocate"
    SAFEGUARDING = "safeguarding"
    REFERRER = "referrer"


DECLINE_WORDS: Mapping[Decline, str] = {
    Decline.NO_CAPACITY: message("no place is free"),
    Decline.WAITLISTED: message("no place is free, and there is a waiting list"),
    Decline.OUT_OF_AREA: message("outside the area that they cover"),
    Decline.AREA_UNSUITABLE: message("their area does not suit"),
    Decline.ELIGIBILITY: message("they are there for other people"),
    Decline.ABOVE_THRESHOLD: message("more is needed than they can give"),
    Decline.BELOW_THRESHOLD: message("they are there for those who need more"),
    Decline.PERSON_DECLINED: message("it is not wanted"),
    Decline.AGREEMENT_WITHDRAWN: message("what was agreed was taken back"),
    Decline.NO_WAY_TO_CONTACT: message("there is no way to get in touch that would do"),
    Decline.ALREADY_KNOWN: message("known there already"),
    Decline.DUPLICATE: message("sent twice"),
    Decline.INSUFFICIENT_INFO: message("something that they need to know is missing"),
    Decline.OTHER_NEED: message("something else is needed"),
    Decline.SENT_IN_ERROR: message("sent by mistake"),
}
OUTCOME_WORDS: Mapping[Outcome, str] = {
    Outcome.AS_PLANNED: message("ended as planned"),
    Outcome.MOVED_ON: message("went on to another service"),
    Outcome.NOT_REACHED: message("could not be reached"),
    Outcome.NO_WAY_TO_CONTACT: message("there is no way to get in touch that would do"),
    Outcome.PERSON_DECLINED: message("it is not wanted"),
    Outcome.ENDED_EARLY: message("ended early"),
}
# What a referrer is told of each state.
STATE_WORDS: Mapping[CaseState, str] = {
    CaseState.DELIVERED: message("it has arrived"),
    CaseState.OPENED: message("somebody there has opened it"),
    CaseState.ACCEPTED: message("taken on"),
    CaseState.CONTACTED: message("they have tried to get in touch"),
    CaseState.WAITING: message("on their waiting list"),
    CaseState.ENGAGED: message("they are in touch"),
    CaseState.DECLINED: message("not taken on"),
    CaseState.COMPLETED: message("ended"),
    CaseState.FAILED: message("ended"),
    CaseState.CANCELLED: message("stopped"),
    CaseState.IN_ERROR: message("stopped, sent by mistake"),
}


def why_words(reason: Decline | None, outcome: Outcome | None) -> str:
    """Why it was not taken on, or what it ended with; empty where neither is known."""
    if reason is not None:
        return DECLINE_WORDS[reason]
    return "" if outcome is None else OUTCOME_WORDS[outcome]
