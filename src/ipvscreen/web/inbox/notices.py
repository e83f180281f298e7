"""The link of a notice: a page that says nothing, and a button that says that somebody has come."""

import re

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.members import Member
from ipvscreen.store.spent import Once
from ipvscreen.web import cookies
from ipvscreen.web.inbox.desk import Desk, admitted, desk_of

_A_CODE = re.compile(r"[\w-]{43}", re.ASCII)  # see store/links.py: nothing else is put into an address

router = APIRouter(dependencies=[Depends(admitted)])


@router.get("/i/n/{code}")
async def notice_page(request: Request) -> Response:
    """The same page for every code, real or not; a scanner that opens it learns and changes nothing."""
    return desk_of(request).show("notice")


@router.post("/i/n/{code}")
async def take_up(request: Request, code: str) -> Response:
    """Who is signed in has come because of it; anybody else signs in first, and comes because of it then."""
    desk = desk_of(request)
    session = cookies.session_of(request.cookies)
    who = await desk.rooms.store.sessions.member(session, desk.now) if session else None
    if who is None:
        return desk.go(f"/i/in/{code}" if _A_CODE.fullmatch(code) else "/i/in")
    return desk.go(await come(desk, who, code, desk.once))


async def come(desk: Desk, who: Member, code: str, once: Once) -> str:
    """That link was followed by somebody who is signed in; the page of ours that it is for.

    It is the same for every code: what the link is worth shows in no answer.
    """
    if who.organisation is None:
        return "/i/home"
    await desk.store(Act.NOTICE_TAKEN_UP).links.take_up(who, code, once)
    return "/i/cases"
