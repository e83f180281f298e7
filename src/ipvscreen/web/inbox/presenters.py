"""What these pages say of people, services and proposals, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from ipvscreen.ipv.members import Member, Organisation, Role, looks_after
from ipvscreen.ipv.proposals import (
    ALLOWED,
    Destination,
    Event,
    Kind,
    Proposal,
    Stage,
    destination,
    held,
)
from ipvscreen.ipv.services import Service
from ipvscreen.messages import message, moment_said
from ipvscreen.web.inbox.desk import Desk

Name = Annotated[str, Field(min_length=1, max_length=100)]

ROLES = {
    Role.WORKER: message("worker"),
    Role.COORDINATOR: message("coordinator"),
    Role.STEWARD: message("steward"),
}
STAGES = {
    Stage.PROPOSED: message("waits for a second steward"),
    Stage.AGREED: message("agreed, not in force yet"),
    Stage.IN_FORCE: message("in force"),
    Stage.STOPPED: message("stopped"),
    Stage.LAPSED: message("over: nobody agreed in time"),
}
KINDS = {
    Kind.ENDPOINT: message("Referrals to {about} go to {value}"),
    Kind.INBOX: message("Referrals to {about} go to the inbox of {value}"),
    Kind.AGAIN: message("A new invitation for {about}; the old keys are shut"),
    Kind.END: message("{about} no longer signs in"),
    Kind.STEWARD: message("{value} becomes a steward"),
}
GONE = message("somebody who is no longer here")


@dataclass(frozen=True, slots=True)
class Someone:
    """A member on a page; `link` is the invitation, as far as whoever looks is shown it."""

    id: str
    name: str
    role: str
    link: str
    until: str
    mine: bool  # whether whoever looks may let them in anew, or end them


@dataclass(frozen=True, slots=True)
class Shown:
    """A proposal on a page, with the buttons that whoever looks has."""

    id: str
    words: str
    by: str
    stage: str
    until: str
    agree: bool
    stop: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A service on a page: where its referrals go; `held` until when, if they wait, and whom to ring."""

    id: str
    name: str
    phone: str
    goes_to: str
    held: str


async def people(desk: Desk, members: Sequence[Member]) -> list[Someone]:
    """The members, each with the invitation that is still open."""
    invitations = await desk.rooms.store.members.invitations(members, desk.now)
    made = []
    for member in members:
        invitation = invitations.get(member.id)
        code = invitation.shown_to(desk.who) if invitation else ""
        whole = bool(invitation and code == invitation.code)
        begins = bool(invitation and invitation.code.startswith(code))
        made.append(
            Someone(
                member.id,
                member.name,
                ROLES[member.role],
                link=(desk.link(code) if begins or whole else code) if code else "",
                until=moment(desk, invitation.expires_at) if invitation else "",
                mine=looks_after(desk.who, member),
            )
        )
    return made


def proposal_shown(desk: Desk, one: Proposal, names: Mapping[str, str]) -> Shown:
    """The proposal in words; `names` of members, services and organisations by id."""
    stage = one.stage(desk.now)
    value = names.get(one.value, GONE) if one.kind is Kind.INBOX else one.value
    at = one.in_force_at
    return Shown(
        one.id,
        KINDS[one.kind].given(about=names.get(one.about, GONE), value=value),
        names.get(one.by, GONE),
        STAGES[stage],
        until=moment(desk, at) if at and stage is Stage.AGREED else "",
        agree=Event.AGREE in ALLOWED[stage] and one.by != desk.who.id,
        stop=Event.STOP in ALLOWED[stage],
    )


def service_line(
    desk: Desk, service: Service, proposals: Sequence[Proposal], organisations: Sequence[Organisation]
) -> Line:
    """The service, where its referrals go now, and whether they wait."""
    waits = held(proposals, service, desk.now)
    goes = destination(proposals, service, desk.now)
    until = moment(desk, waits.until) if waits else ""
    return Line(service.id, service.name, service.phone, _goes_to(goes, organisations), until)


def moment(desk: Desk, at: datetime) -> str:
    """A moment, where these pages are read."""
    return moment_said(at.astimezone(desk.place.zone))


def _goes_to(goes: Destination, organisations: Sequence[Organisation]) -> str:
    if goes.endpoint is not None:
        return goes.endpoint
    names = [one.name for one in organisations if one.id == goes.organisation]
    return message("the inbox of {organisation}", organisation=next(iter(names), GONE))
