"""Whether a service can take somebody: said by its coordinator with one press, and dated today."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.members import Role
from ipvscreen.ipv.proposals import hosted
from ipvscreen.ipv.services import PLACES_DAYS, Places, Service
from ipvscreen.messages import day_said, message
from ipvscreen.resources.directory import kept_service, resource_of
from ipvscreen.web.errors import NOT_HERE, PageRefused
from ipvscreen.web.fields import Own, own
from ipvscreen.web.inbox.case_words import PLACES
from ipvscreen.web.inbox.desk import Desk, admitted, desk_of

router = APIRouter(dependencies=[Depends(admitted)])


class PlacesFields(Own):
    """A service, and whether it has places."""

    service: Annotated[str, Field(min_length=1)]
    places: Places


@dataclass(frozen=True, slots=True)
class Standing:
    """A service with what was last said of its places; `stale`: so long ago that it counts for nothing."""

    id: str
    name: str
    said: str
    stale: bool


BUTTONS = tuple((places.value, words) for places, words in PLACES.items())


async def standings(desk: Desk) -> list[Standing]:
    """Those whose referrals come here, for the coordinator alone."""
    if desk.who.role is not Role.COORDINATOR:
        return []
    return [_standing(one, desk.today) for one in await _own(desk)]


@router.post("/i/home/places")
async def say_places(request: Request) -> Response:
    """From now on clinicians read this, with today's date."""
    desk = desk_of(request)
    fields = own(PlacesFields, desk.fields)
    if fields.service not in {one.id for one in await _own(desk)}:
        raise PageRefused(NOT_HERE)

    def changed(resource: dict[str, Any]) -> dict[str, Any]:
        service = replace(kept_service(resource), places=fields.places, places_on=desk.today)
        return resource_of(service)

    await desk.store(Act.PLACES_SAID).services.change(desk.who, fields.service, changed, desk.once)
    return desk.go("/i/home")


async def _own(desk: Desk) -> tuple[Service, ...]:
    proposals = await desk.rooms.store.proposals.all()
    return hosted(proposals, await desk.services(), desk.who.organisation, desk.now)


def _standing(service: Service, today: date) -> Standing:
    if service.places is None or service.places_on is None:
        return Standing(service.id, service.short_name, message("Nothing was said of places yet"), stale=True)
    said = message("{places}, said on {day}", places=PLACES[service.places], day=day_said(service.places_on))
    stale = today - service.places_on > timedelta(days=PLACES_DAYS)
    return Standing(service.id, service.short_name, said, stale)
