"""What takes two stewards: one proposes, another agrees, and where referrals go changes 72 hours later."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.services import Service

WAIT = timedelta(hours=72)  # time to ring the service on the number that was known before
LAPSE = timedelta(hours=72)  # so long a proposal waits for a second steward
_HERE = "inbox:"


class Kind(StrEnum):
    """What is proposed; `about` is a service for the first two, a member for the others."""

    ENDPOINT = "endpoint"  # referrals go to another address
    INBOX = "inbox"  # referrals go to an organisation that signs in here
    AGAIN = "again"  # a new invitation for somebody who has lost the key; the old key is shut
    END = "end"  # somebody no longer signs in
    STEWARD = "steward"  # one steward more


WHERE_REFERRALS_GO = frozenset({Kind.ENDPOINT, Kind.INBOX})


class Stage(StrEnum):
    """How far a proposal has come; the last three are its ends."""

    PROPOSED = "proposed"
    AGREED = "agreed"
    IN_FORCE = "in-force"
    STOPPED = "stopped"
    LAPSED = "lapsed"


class Event(StrEnum):
    """What a steward can do with one."""

    AGREE = "agree"
    STOP = "stop"


ALLOWED: Mapping[Stage, frozenset[Event]] = {
    Stage.PROPOSED: frozenset({Event.AGREE, Event.STOP}),
    Stage.AGREED: frozenset({Event.STOP}),
    Stage.IN_FORCE: frozenset(),
    Stage.STOPPED: frozenset(),
    Stage.LAPSED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """One; `by`, `agreed_by` and `stopped_by` are ids of stewards.

    `value`: an address, the id of an organisation, the name of a new steward, or nothing.
    """

    id: str
    kind: Kind
    about: str
    value: str
    by: str
    proposed_at: datetime
    agreed_by: str | None = None
    agreed_at: datetime | None = None
    stopped_by: str | None = None

    @property
    def in_force_at(self) -> datetime | None:
        """When it comes into force unless it is stopped; None before anybody has agreed."""
        if self.agreed_at is None:
            return None
        return self.agreed_at + WAIT if self.kind in WHERE_REFERRALS_GO else self.agreed_at

    def stage(self, now: datetime) -> Stage:
        """How far it has come at `now`."""
        if self.stopped_by is not None:
            return Stage.STOPPED
        since = self.in_force_at
        if since is None:
            return Stage.PROPOSED if now < self.proposed_at + LAPSE else Stage.LAPSED
        return Stage.AGREED if now < since else Stage.IN_FORCE


@dataclass(frozen=True, slots=True)
class Held:
    """Referrals to that service wait; `until` is when this ends unless a steward does something before."""

    service: str
    phone: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Destination:
    """Where referrals to a service go: to an address, or to an organisation that signs in here."""

    endpoint: str | None = None
    organisation: str | None = None

    @property
    def address(self) -> str:
        """As a message names it; of an organisation here, one that no other system can be reached by."""
        return f"{_HERE}{self.organisation}" if self.endpoint is None else self.endpoint


def agreed(proposal: Proposal, who: str, now: datetime) -> Proposal:
    """The proposal with the agreement of another steward; OutOfOrder from its own author, or too late."""
    _allow(proposal, Event.AGREE, now)
    if who == proposal.by:
        raise OutOfOrder(proposal.stage(now), Event.AGREE)
    return replace(proposal, agreed_by=who, agreed_at=now)


def stopped(proposal: Proposal, who: str, now: datetime) -> Proposal:
    """The proposal, stopped by any steward; OutOfOrder once it is in force or over."""
    _allow(proposal, Event.STOP, now)
    return replace(proposal, stopped_by=who)


def held(proposals: Iterable[Proposal], service: Service, now: datetime) -> Held | None:
    """Whether referrals to the service wait at `now`, and whom to ring; None where they go.

    From the proposal on, not from the agreement: somebody has reason to think that the address is wrong.
    """
    under_way = [
        (one.in_force_at or one.proposed_at + LAPSE)
        for one in _about(proposals, service)
        if one.stage(now) in (Stage.PROPOSED, Stage.AGREED)
    ]
    return Held(service.id, service.phone, max(under_way)) if under_way else None


def destination(proposals: Iterable[Proposal], service: Service, now: datetime) -> Destination:
    """Where referrals go: what two stewards decided last, else what the directory says.

    A later import of the directory does not undo it: one person alone cannot turn referrals aside.
    """
    return _decided(_about(proposals, service), now) or Destination(endpoint=service.endpoint)


def directed(proposals: Iterable[Proposal], service: Service, now: datetime) -> Service:
    """The service with the address that its referrals go to."""
    return replace(service, endpoint=destination(proposals, service, now).address)


def is_turned(proposals: Iterable[Proposal], service: str, address: str, now: datetime) -> bool:
    """Whether a message that was queued for that address of the service (its id) must not be sent by itself.

    Not while stewards change where its referrals go, and not once two have decided on another address: the
    old one may be anybody's by then, and nobody has looked at what the new one should have.
    """
    about = [one for one in proposals if one.kind in WHERE_REFERRALS_GO and one.about == service]
    if any(one.stage(now) in (Stage.PROPOSED, Stage.AGREED) for one in about):
        return True
    goes = _decided(about, now)
    return goes is not None and goes.address.rstrip("/") != address.rstrip("/")


def organisation_at(address: str) -> str | None:
    """The organisation whose inbox here that is; None for an address elsewhere."""
    return address.removeprefix(_HERE) if address.startswith(_HERE) else None


def hosted(
    proposals: Sequence[Proposal], services: Iterable[Service], organisation: str | None, now: datetime
) -> tuple[Service, ...]:
    """The services whose referrals go to that organisation's inbox now."""
    if organisation is None:
        return ()
    return tuple(one for one in services if destination(proposals, one, now).organisation == organisation)


def _decided(about: Iterable[Proposal], now: datetime) -> Destination | None:
    """What two stewards decided last; None where they have not."""
    decided = [one for one in about if one.stage(now) is Stage.IN_FORCE]
    if not decided:
        return None
    last = max(decided, key=lambda one: one.in_force_at or one.proposed_at)
    return Destination(organisation=last.value) if last.kind is Kind.INBOX else Destination(last.value)


def _about(proposals: Iterable[Proposal], service: Service) -> list[Proposal]:
    return [one for one in proposals if one.kind in WHERE_REFERRALS_GO and one.about == service.id]


def _allow(proposal: Proposal, event: Event, now: datetime) -> None:
    stage = proposal.stage(now)
    if event not in ALLOWED[stage]:
        raise OutOfOrder(stage, event)
