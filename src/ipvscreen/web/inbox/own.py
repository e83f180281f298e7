"""What everybody who is signed in has: the first page, and their own keys."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from ipvscreen.ipv.audit import Act
from ipvscreen.messages import day_said
from ipvscreen.web.fields import Own, own
from ipvscreen.web.inbox.ceremony import made_key, make_key
from ipvscreen.web.inbox.desk import admitted, desk_of
from ipvscreen.web.inbox.entrance import NewKeyFields, in_time
from ipvscreen.web.inbox.places import BUTTONS, standings

router = APIRouter(dependencies=[Depends(admitted)])


class KeyFields(Own):
    """One of the member's keys."""

    key: Annotated[str, Field(min_length=1)]


@router.get("/i/home")
async def home(request: Request) -> Response:
    """Who is signed in, for whom, and where to go from here."""
    desk = desk_of(request)
    store, who = desk.rooms.store, desk.who
    organisation = await store.organisations.get(who.organisation) if who.organisation else None
    keys = await store.passkeys.of(who)
    return desk.show(
        "home",
        organisation=organisation,
        one_key=len(keys) < 2,
        places=await standings(desk),
        buttons=BUTTONS,
    )


@router.get("/i/keys")
async def keys_page(request: Request) -> Response:
    """The member's keys, and how to add one."""
    desk = desk_of(request)
    keys = await desk.rooms.store.passkeys.of(desk.who)
    slip = desk.new_slip()
    shown = [(key.id, key.label, day_said(key.made_at.astimezone(desk.place.zone).date())) for key in keys]
    return desk.show("keys", slip, keys=shown, options=make_key(desk.place, slip.challenge, desk.who, keys))


@router.post("/i/keys")
async def add_key(request: Request) -> Response:
    """One key more: a second way in."""
    desk = desk_of(request)
    in_time(desk)
    fields = own(NewKeyFields, desk.fields)
    key = made_key(desk.place, desk.proof.challenge, fields.answer, desk.who, fields.label, desk.now)
    await desk.store(Act.KEY_ADDED).passkeys.add(desk.who, key, desk.once)
    return desk.go("/i/keys")


@router.post("/i/keys/end")
async def end_key(request: Request) -> Response:
    """One key less; the last one stays."""
    desk = desk_of(request)
    fields = own(KeyFields, desk.fields)
    await desk.store(Act.KEY_ENDED).passkeys.end(desk.who, fields.key, desk.once)
    return desk.go("/i/keys")
