"""Stewards: organisations, where referrals go, and what takes two of them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.lasting import INVITATION
from ipvscreen.ipv.members import Member, Organisation, Role
from ipvscreen.ipv.proposals import Kind, Proposal, held
from ipvscreen.pathway.propose import Wrong, propose
from ipvscreen.resources.directory import service_of
from ipvscreen.store.members import new_id, new_invitation
from ipvscreen.store.organisations import NameTaken
from ipvscreen.web.errors import NOT_HERE, PageRefused
from ipvscreen.web.fields import FieldsRefused, Own, own
from ipvscreen.web.inbox.desk import Desk, admitted, desk_of
from ipvscreen.web.inbox.presenters import Name, people, proposal_shown, service_line
from ipvscreen.web.long_lists import part_of

router = APIRouter(dependencies=[Depends(admitted)])

_Id = Annotated[str, Field(min_length=1)]


class OrganisationFields(Own):
    """An organisation, and who coordinates it first."""

    name: Name
    phone: Annotated[str, Field(min_length=3, max_length=40)]
    coordinator: Name


class ServiceFields(Own):
    """Where the referrals of a service are to go: to an address, or to an organisation here."""

    service: _Id
    endpoint: str | None = None
    organisation: str | None = None


class PersonFields(Own):
    """Somebody to be let in anew or ended, or the name of one steward more."""

    kind: Literal["again", "end", "steward"]
    who: str | None = None
    name: Name | None = None


class ProposalFields(Own):
    """One proposal."""

    proposal: _Id


@router.get("/i/organisations")
async def organisations_page(request: Request) -> Response:
    """Every organisation with its coordinators, and how to add one."""
    desk = desk_of(request)
    store = desk.rooms.store
    coordinators = await store.members.coordinators()
    part = part_of(await store.organisations.all(), desk.asked)
    listed = [
        (one, await people(desk, [who for who in coordinators if who.organisation == one.id]))
        for one in part.rows
    ]
    return desk.show("organisations", organisations=listed, part=part)


@router.post("/i/organisations")
async def add_organisation(request: Request) -> Response:
    """One more, and a link for its first coordinator; no referral goes there yet."""
    desk = desk_of(request)
    fields = own(OrganisationFields, desk.fields)
    organisation = Organisation(new_id(), fields.name, fields.phone)
    first = Member(new_id(), Role.COORDINATOR, fields.coordinator, organisation.id)
    invitation = new_invitation(first.id, desk.now + INVITATION)
    store = desk.store(Act.ORGANISATION_ADDED)
    try:
        await store.organisations.add(desk.who, organisation, first, invitation, desk.once)
    except NameTaken as taken:
        raise FieldsRefused(str(taken)) from None
    return desk.go("/i/organisations")


@router.get("/i/services")
async def services_page(request: Request) -> Response:
    """Every service: where its referrals go, and whether they wait."""
    desk = desk_of(request)
    store = desk.rooms.store
    proposals, organisations = await store.proposals.all(), await store.organisations.all()
    services = [service_of(resource) for resource in await store.services.all()]
    waits = {one.id for one in services if held(proposals, one, desk.now)}
    part = part_of(sorted(services, key=lambda one: one.id not in waits), desk.asked)
    inboxes = part_of(organisations, desk.asked, "inbox")
    lines = [service_line(desk, service, proposals, organisations) for service in part.rows]
    return desk.show("services", services=lines, part=part, held=len(waits), inboxes=inboxes)


@router.post("/i/services")
async def propose_service(request: Request) -> Response:
    """Propose another place; from now on referrals to that service wait."""
    desk = desk_of(request)
    fields = own(ServiceFields, desk.fields)
    if bool(fields.endpoint) == bool(fields.organisation):
        raise FieldsRefused(Wrong.ONE_PLACE)
    kind = Kind.ENDPOINT if fields.endpoint else Kind.INBOX
    await _propose(desk, kind, fields.service, fields.endpoint or fields.organisation or "")
    return desk.go("/i/proposals")


@router.get("/i/proposals")
async def proposals_page(request: Request) -> Response:
    """What was proposed, and the people that a proposal can be about."""
    desk = desk_of(request)
    store = desk.rooms.store
    stewards, coordinators = await store.members.of(None), await store.members.coordinators()
    services = [service_of(resource) for resource in await store.services.all()]
    organisations = await store.organisations.all()
    names = {one.id: one.name for one in [*stewards, *coordinators]}
    names |= {one.id: one.name for one in services} | {one.id: one.name for one in organisations}
    proposals = [proposal_shown(desk, one, names) for one in await store.proposals.all()]
    part = part_of(sorted(proposals, key=lambda one: not (one.agree or one.stop)), desk.asked)
    who = part_of([*stewards, *coordinators], desk.asked, "people")
    return desk.show(
        "proposals",
        part=part,
        undecided=sum(one.agree or one.stop for one in proposals),
        who=who,
        people=await people(desk, who.rows),
    )


@router.post("/i/proposals")
async def propose_person(request: Request) -> Response:
    """Propose to let somebody in anew, to end somebody, or one steward more."""
    desk = desk_of(request)
    fields = own(PersonFields, desk.fields)
    kind = Kind(fields.kind)
    if kind is Kind.STEWARD:
        if not fields.name:
            raise FieldsRefused(Wrong.NAME)
        await _propose(desk, kind, new_id(), fields.name)
    else:
        await _propose(desk, kind, fields.who or "", "")
    return desk.go("/i/proposals")


@router.post("/i/proposals/agree")
async def agree(request: Request) -> Response:
    """Agree to what another steward has proposed."""
    desk = desk_of(request)
    proposal = await _proposal(desk)
    until = desk.now + INVITATION
    code = new_invitation(proposal.about, until).code
    await desk.store(Act.AGREED).proposals.agree(desk.who, proposal.id, desk.once, code, until)
    return desk.go("/i/proposals")


@router.post("/i/proposals/stop")
async def stop(request: Request) -> Response:
    """Stop it before it is in force."""
    desk = desk_of(request)
    proposal = await _proposal(desk)
    await desk.store(Act.PROPOSAL_STOPPED).proposals.stop(desk.who, proposal.id, desk.once)
    return desk.go("/i/proposals")


async def _propose(desk: Desk, kind: Kind, about: str, value: str) -> None:
    proposal = Proposal(new_id(), kind, about, value, desk.who.id, desk.now)
    wrong = await propose(desk.store(Act.PROPOSED), desk.who, proposal, desk.once)
    if wrong is not None:
        raise FieldsRefused(wrong)


async def _proposal(desk: Desk) -> Proposal:
    proposal = await desk.rooms.store.proposals.get(own(ProposalFields, desk.fields).proposal)
    if proposal is None:
        raise PageRefused(NOT_HERE)
    return proposal
