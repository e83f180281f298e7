"""One case, and one step of it: what must be said with each, and what a role and what is safe allow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from ipvscreen.errors import StepRefused
from ipvscreen.ipv.case import (
    CLOSED,
    HANDED_OVER,
    MAY,
    TRANSITIONS,
    CaseEvent,
    CaseRole,
    CaseState,
    after,
)
from ipvscreen.ipv.case_codes import ENDS, Decline, Outcome, PassedOn, Tried
from ipvscreen.ipv.child import Child
from ipvscreen.ipv.conflict import Facts, against
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact
from ipvscreen.ipv.referral import Release as Release  # the others know it from here
from ipvscreen.messages import message

_NOT_THIS_ROLE = message("This is for a coordinator.")
_NOT_REFERRER = message("Only the service can say this.")
_NOT_HANDED_OVER = message("This has not been handed over to you.")
_NOT_SAFE = message("That way was not said to be safe. Use only the one that was.")
_NO_VOICEMAIL = message("It was not said that anything may be left on voicemail.")
_OTHER_END = message("What it ended with does not fit.")


@dataclass(frozen=True, slots=True)
class Case:
    """What a service has of one referral, without the name and the way to reach the person (see `Whom`).

    `key` is the referral's. `ways`: those that are safe to use. `steps` counts what was done. `told_nothing`:
    the person has taken back that anything may be told. `knows`: whether the person has been told, where it
    was shared without agreement. `organisation`: who took it in here, and goes on having it. `review`: the
    last day on which the way to reach the person is believed. `child`: for whom it is, where it is not for
    the person.
    """

    key: str
    service_id: str
    taken_in: datetime
    ways: frozenset[ContactWay]
    voicemail: bool
    help_wanted: frozenset[str]
    urgent: bool
    agreement: Agreement | None
    state: CaseState = CaseState.DELIVERED
    steps: int = 0
    mentor: str | None = None
    facts: Facts = field(default_factory=Facts)
    reason: Decline | None = None
    outcome: Outcome | None = None
    release: Release | None = None
    told_nothing: bool = False
    closed_at: datetime | None = None
    knows: bool | None = None
    organisation: str | None = None
    review: date | None = None
    child: Child | None = None


@dataclass(frozen=True, slots=True)
class Whom:
    """The person: opened apart from the case, and only to those who may see names."""

    name: str | None
    contact: SafeContact


@dataclass(frozen=True, slots=True)
class Step:
    """What `member` does with a case, and what goes with it; see `SAID`."""

    event: CaseEvent
    role: CaseRole
    member: str
    reason: Decline | None = None
    outcome: Outcome | None = None
    way: ContactWay | None = None
    tried: Tried | None = None
    passed_on: PassedOn | None = None
    mentor: str | None = None
    facts: Facts | None = None
    release: Release | None = None


# What must be said with an event, and nothing else may.
SAID: Mapping[CaseEvent, frozenset[str]] = dict.fromkeys(CaseEvent, frozenset[str]()) | {
    CaseEvent.DECLINE: frozenset({"reason"}),
    CaseEvent.CHECK: frozenset({"facts"}),
    CaseEvent.ASSIGN: frozenset({"mentor"}),
    CaseEvent.CONTACT: frozenset({"way", "tried"}),
    CaseEvent.WEEKLY: frozenset({"way"}),
    CaseEvent.DANGER: frozenset({"passed_on"}),
    CaseEvent.COMPLETE: frozenset({"outcome"}),
    CaseEvent.FAIL: frozenset({"outcome"}),
    CaseEvent.RELEASE: frozenset({"release"}),
}
# A release that is signed later takes back that nothing is to be told.
_TELLING = {CaseEvent.TELL_NOTHING: True, CaseEvent.RELEASE: False}
DETAILS = ("reason", "outcome", "way", "tried", "passed_on", "mentor", "facts", "release")


def case_of(key: str, request: ReferralRequest, taken_in: datetime, organisation: str | None = None) -> Case:
    """A case as it arrives."""
    return Case(
        key=key,
        service_id=request.service_id,
        taken_in=taken_in,
        ways=safe_ways(request.contact),
        voicemail=request.contact.voicemail,
        help_wanted=request.help_wanted,
        urgent=request.urgent,
        agreement=request.agreement,
        knows=request.sharing.told if request.sharing else None,
        organisation=organisation,
        release=request.release,
        review=request.contact.review,
        child=request.child,
    )


def safe_ways(contact: SafeContact) -> frozenset[ContactWay]:
    """The ways that were said to be safe; that she rings herself always is, and then it is the only one."""
    if contact.way is ContactWay.SHE_CALLS:
        return frozenset({ContactWay.SHE_CALLS})
    also = {
        ContactWay.TEXT: contact.text,
        ContactWay.LETTER: contact.letter,
        ContactWay.EMAIL: contact.email,
    }
    return frozenset({ContactWay.SHE_CALLS, contact.way, *(way for way, safe in also.items() if safe)})


def shown_to(case: Case, role: CaseRole, member: str) -> bool:
    """Whether `member` sees that there is such a case: a worker not one that another worker has."""
    return role is CaseRole.COORDINATOR or case.mentor in (None, member)


def possible(case: Case, role: CaseRole, member: str) -> tuple[CaseEvent, ...]:
    """What `member` may do with the case as it stands, in the order of the table."""
    mine = role is not CaseRole.WORKER or case.mentor == member
    return tuple(
        event
        for event in CaseEvent
        if event in TRANSITIONS[case.state] and event in MAY[role] and (mine or event not in HANDED_OVER)
    )


def taken(case: Case, step: Step, at: datetime) -> Case:
    """The case after that step.

    OutOfOrder where its state has none such, StepRefused where the role or what is safe does not allow it,
    ValueError where what goes with it is missing or does not belong to it.
    """
    given = {name for name in DETAILS if getattr(step, name) is not None}
    if given != SAID[step.event]:
        raise ValueError(f"{step.event} goes with {sorted(SAID[step.event])}, not with {sorted(given)}")
    state = after(case.state, step.event)
    for why in _refusals(case, step):
        raise StepRefused(why)
    closed_at = at if state in CLOSED else None
    return replace(case, state=state, steps=case.steps + 1, closed_at=closed_at, **_changes(case, step))


def _changes(case: Case, step: Step) -> dict[str, Any]:
    kept = {name: getattr(step, name) for name in ("reason", "outcome", "mentor", "release")}
    changes: dict[str, Any] = {name: value for name, value in kept.items() if value is not None}
    if step.facts is not None:
        changes["facts"] = case.facts.with_more(step.facts)
    if step.event in _TELLING:
        changes["told_nothing"] = _TELLING[step.event]
    return changes


def _refusals(case: Case, step: Step) -> Iterator[str]:
    """The gravest first."""
    if step.event not in MAY[step.role]:
        yield _NOT_REFERRER if step.role is CaseRole.REFERRER else _NOT_THIS_ROLE
    if step.role is CaseRole.WORKER and step.event in HANDED_OVER and step.member != case.mentor:
        yield _NOT_HANDED_OVER
    if step.way is not None and step.way not in case.ways:
        yield _NOT_SAFE
    if step.tried is Tried.VOICEMAIL and not case.voicemail:
        yield _NO_VOICEMAIL
    if step.outcome is not None and ENDS[step.outcome] is not step.event:
        yield _OTHER_END
    if step.mentor is not None and (why := against(case.facts, step.mentor)):
        yield why
