"""The link of a notice: a page that says nothing, and a button that says that somebody has come."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from ipvscreen.ipv.audit import Act
from ipvscreen.web import cookies
from ipvscreen.web.inbox.desk import admitted, desk_of

router = APIRouter(dependencies=[Depends(admitted)])


@router.get("/i/n/{code}")
async def notice_page(request: Request) -> Response:
    """The same page for every code, real or not; a scanner that opens it learns and changes nothing."""
    return desk_of(request).show("notice")


@router.post("/i/n/{code}")
async def take_up(request: Request, code: str) -> Response:
    """Who is signed in for that organisation has come because of it; anybody else is asked to sign in."""
    desk = desk_of(request)
    session = cookies.session_of(request.cookies)
    who = await desk.rooms.store.sessions.member(session, desk.now) if session else None
    if who is None:
        return desk.go("/i/in")
    if who.organisation is None:
        return desk.go("/i/home")
    await desk.store(Act.NOTICE_TAKEN_UP).links.take_up(who, code, desk.once)
    return desk.go("/i/cases")
