"""A coordinator's team: who belongs to it, who is invited, and who has lost a device or has left."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.lasting import INVITATION
from ipvscreen.ipv.members import Member, Role, looks_after, may_invite
from ipvscreen.store.members import new_id, new_invitation
from ipvscreen.web.errors import NOT_HERE, PageRefused
from ipvscreen.web.fields import Own, own
from ipvscreen.web.inbox.desk import Desk, admitted, desk_of
from ipvscreen.web.inbox.presenters import Name, people

router = APIRouter(dependencies=[Depends(admitted)])


class InviteFields(Own):
    """Whom to invite, and as what."""

    name: Name
    role: Literal["worker", "coordinator"] = "worker"


class MemberFields(Own):
    """One member."""

    who: Annotated[str, Field(min_length=1)]


@router.get("/i/team")
async def team_page(request: Request) -> Response:
    """Everybody of the coordinator's own organisation, with the links that are still open."""
    desk = desk_of(request)
    members = await desk.rooms.store.members.of(desk.who.organisation)
    return desk.show("team", people=await people(desk, members))


@router.post("/i/team")
async def invite(request: Request) -> Response:
    """A new member of that organisation, and a link for them."""
    desk = desk_of(request)
    fields = own(InviteFields, desk.fields)
    role = Role(fields.role)
    if not may_invite(desk.who, role):
        raise OutOfOrder(desk.who.role, "invite")
    member = Member(new_id(), role, fields.name, desk.who.organisation)
    invitation = new_invitation(member.id, desk.now + INVITATION)
    await desk.store(Act.INVITED).members.invite(desk.who, member, invitation, desk.once)
    return desk.go("/i/team")


@router.post("/i/team/again")
async def invite_again(request: Request) -> Response:
    """A lost device: its keys are shut, and a new link is the only way in."""
    desk = desk_of(request)
    other = await _own_worker(desk)
    invitation = new_invitation(other.id, desk.now + INVITATION)
    await desk.store(Act.INVITED_AGAIN).members.invite_again(desk.who, invitation, desk.once)
    return desk.go("/i/team")


@router.post("/i/team/end")
async def end(request: Request) -> Response:
    """Somebody has left."""
    desk = desk_of(request)
    other = await _own_worker(desk)
    await desk.store(Act.MEMBER_ENDED).members.end(desk.who, other.id, desk.once)
    return desk.go("/i/team")


async def _own_worker(desk: Desk) -> Member:
    """The worker of the form; of another organisation's nobody learns that there is one, nor by waiting."""
    wanted = own(MemberFields, desk.fields).who
    team = {one.id: one for one in await desk.rooms.store.members.of(desk.who.organisation)}
    other = team.get(wanted)
    if other is None or not looks_after(desk.who, other):
        raise PageRefused(NOT_HERE)
    return other
