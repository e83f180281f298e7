"""The states of a case at a service, what may happen in each, and who may do it: tables.

A case is what a service has of one referral. Its states follow the Task of HL7 SDOH Clinical Care (3.0.0
ballot): requested, then accepted or rejected, in progress or on hold, and one of the ends.
"""

from collections.abc import Mapping
from enum import StrEnum

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.acts import Act


class CaseState(StrEnum):
    """Where a case stands at the service."""

    DELIVERED = "delivered"
    OPENED = "opened"
    ACCEPTED = "accepted"
    CONTACTED = "contact-attempted"
    WAITING = "waitlisted"
    ENGAGED = "engaged"
    DECLINED = "declined"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    IN_ERROR = "entered-in-error"


class CaseEvent(StrEnum):
    """What somebody did with a case."""

    OPEN = "open"
    ACCEPT = "accept"
    WAIT = "wait"
    DECLINE = "decline"
    CHECK = "check"  # the coordinator's answers about who knows whom
    ASSIGN = "assign"  # handed over to a mentor
    CONTACT = "contact"  # tried to get in touch
    ENGAGE = "engage"
    WEEKLY = "weekly"
    DANGER = "danger"  # passed on to who can act at once
    COMPLETE = "complete"
    FAIL = "fail"
    WITHDRAW = "withdraw"  # the person does not want it any more
    TELL_NOTHING = "tell-nothing"  # the person does not want anything told back any more
    RELEASE = "release"  # a signed release is there
    ERROR = "error"


_S, _E = CaseState, CaseEvent
# Of every case that is not over; the person may always stop it.
_ENDS = {_E.WITHDRAW: _S.CANCELLED, _E.ERROR: _S.IN_ERROR}


def _staying(state: CaseState, *events: CaseEvent) -> dict[CaseEvent, CaseState]:
    return dict.fromkeys((*events, _E.TELL_NOTHING, _E.RELEASE, _E.CHECK, _E.DANGER), state) | _ENDS


_CLOSING = {_E.COMPLETE: _S.COMPLETED, _E.FAIL: _S.FAILED}

# The first state is where a case begins. A case on the waiting list may be rung, and stays on it.
TRANSITIONS: dict[CaseState, dict[CaseEvent, CaseState]] = {
    _S.DELIVERED: {_E.OPEN: _S.OPENED, _E.TELL_NOTHING: _S.DELIVERED, **_ENDS},
    _S.OPENED: {_E.ACCEPT: _S.ACCEPTED, _E.DECLINE: _S.DECLINED, **_staying(_S.OPENED)},
    _S.ACCEPTED: {
        _E.WAIT: _S.WAITING,
        _E.CONTACT: _S.CONTACTED,
        _E.ENGAGE: _S.ENGAGED,
        **_CLOSING,
        **_staying(_S.ACCEPTED, _E.ASSIGN),
    },
    _S.CONTACTED: {
        _E.WAIT: _S.WAITING,
        _E.ENGAGE: _S.ENGAGED,
        **_CLOSING,
        **_staying(_S.CONTACTED, _E.ASSIGN, _E.CONTACT),
    },
    _S.WAITING: {_E.ENGAGE: _S.ENGAGED, **_CLOSING, **_staying(_S.WAITING, _E.ASSIGN, _E.CONTACT)},
    _S.ENGAGED: {
        _E.WAIT: _S.WAITING,
        **_CLOSING,
        **_staying(_S.ENGAGED, _E.ASSIGN, _E.CONTACT, _E.WEEKLY),
    },
    _S.DECLINED: {},
    _S.COMPLETED: {},
    _S.FAILED: {},
    _S.CANCELLED: {},
    _S.IN_ERROR: {},
}
CLOSED = frozenset(state for state, events in TRANSITIONS.items() if not events)


def after(state: CaseState, event: CaseEvent) -> CaseState:
    """The state that `event` leads to; OutOfOrder where the table has none."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise OutOfOrder(state, event) from None


class TaskStatus(StrEnum):
    """Task.status (R4), as far as HL7 SDOH Clinical Care has it: without draft, ready and received."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    IN_PROGRESS = "in-progress"
    ON_HOLD = "on-hold"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    IN_ERROR = "entered-in-error"


class BusinessStatus(StrEnum):
    """Task.businessStatus; local, for none is published. The first three are before there is a case."""

    PREPARED = "prepared"  # for a person to bring
    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    CONTACTED = "contact-attempted"
    WAITING = "waitlisted"
    ENGAGED = "engaged"
    CLOSED = "closed"


_T, _B = TaskStatus, BusinessStatus

# What each state is in FHIR.
STATUS: dict[CaseState, tuple[TaskStatus, BusinessStatus]] = {
    _S.DELIVERED: (_T.REQUESTED, _B.DELIVERED),
    _S.OPENED: (_T.REQUESTED, _B.OPENED),
    _S.ACCEPTED: (_T.ACCEPTED, _B.OPENED),
    _S.CONTACTED: (_T.ACCEPTED, _B.CONTACTED),
    _S.WAITING: (_T.ON_HOLD, _B.WAITING),
    _S.ENGAGED: (_T.IN_PROGRESS, _B.ENGAGED),
    _S.DECLINED: (_T.REJECTED, _B.CLOSED),
    _S.COMPLETED: (_T.COMPLETED, _B.CLOSED),
    _S.FAILED: (_T.FAILED, _B.CLOSED),
    _S.CANCELLED: (_T.CANCELLED, _B.CLOSED),
    _S.IN_ERROR: (_T.IN_ERROR, _B.CLOSED),
}


class CaseRole(StrEnum):
    """Who does something with a case; mentors are workers."""

    WORKER = "worker"
    COORDINATOR = "coordinator"
    REFERRER = "referrer"


_WORKER = frozenset(
    {_E.OPEN, _E.CONTACT, _E.ENGAGE, _E.WEEKLY, _E.DANGER, _E.COMPLETE, _E.FAIL, _E.WITHDRAW, _E.TELL_NOTHING}
)
MAY: Mapping[CaseRole, frozenset[CaseEvent]] = {
    CaseRole.WORKER: _WORKER,
    CaseRole.COORDINATOR: frozenset(CaseEvent),
    CaseRole.REFERRER: frozenset({_E.WITHDRAW, _E.TELL_NOTHING, _E.ERROR}),
}
# What a worker does with a case that was handed over to nobody else: anybody may open one, and act on danger.
HANDED_OVER = _WORKER - {_E.OPEN, _E.DANGER}

# What the audit log calls each.
AUDITED: Mapping[CaseEvent, Act] = {
    _E.OPEN: Act.CASE_OPENED,
    _E.ACCEPT: Act.ACCEPTED,
    _E.WAIT: Act.WAIT_LISTED,
    _E.DECLINE: Act.DECLINED,
    _E.CHECK: Act.CHECKED,
    _E.ASSIGN: Act.HANDED_OVER,
    _E.CONTACT: Act.CONTACT_TRIED,
    _E.ENGAGE: Act.ENGAGED,
    _E.WEEKLY: Act.CONTACT_KEPT,
    _E.DANGER: Act.PASSED_ON,
    _E.COMPLETE: Act.COMPLETED,
    _E.FAIL: Act.ENDED_EARLY,
    _E.WITHDRAW: Act.WITHDRAWN,
    _E.TELL_NOTHING: Act.TOLD_NO_MORE,
    _E.RELEASE: Act.RELEASE_NOTED,
    _E.ERROR: Act.SENT_BY_MISTAKE,
}
