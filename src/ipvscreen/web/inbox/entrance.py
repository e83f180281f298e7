"""In and out: signing in with a key, accepting an invitation, signing out, quick exit."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.lasting import CEREMONY
from ipvscreen.ipv.members import Member
from ipvscreen.messages import message
from ipvscreen.store.passkeys import KeyRefused
from ipvscreen.store.sessions import NewSession
from ipvscreen.web import cookies
from ipvscreen.web.errors import NOT_HERE, PageRefused
from ipvscreen.web.fields import Own, own
from ipvscreen.web.inbox.ceremony import made_key, make_key, read_answer, use_key, used_key
from ipvscreen.web.inbox.desk import Desk, admitted, desk_of, limited
from ipvscreen.web.inbox.notices import come

router = APIRouter(dependencies=[Depends(admitted)])

LONGEST_ANSWER = 20_000
_HOME, _NOTICE = "/i/home", b"notice"
_TOO_LATE = message("The page was open for more than five minutes. Open it again.")


class AnswerFields(Own):
    """What the browser's key has answered, as JSON."""

    model_config = ConfigDict(str_max_length=LONGEST_ANSWER)
    answer: Annotated[str, Field(min_length=1)]


class NewKeyFields(AnswerFields):
    """The answer of a new key, and what its owner calls it."""

    label: Annotated[str, Field(min_length=1, max_length=60)]


@router.get("/i/in")
@router.get("/i/in/{code}")
async def sign_in_page(request: Request) -> Response:
    """The page that asks for a key; the same with any code, and its form is bound to that one."""
    desk = desk_of(request)
    slip = desk.new_slip()
    return desk.show("in", slip, options=use_key(desk.place, slip.challenge))


@router.post("/i/in")
@router.post("/i/in/{code}")
async def sign_in(request: Request) -> Response:
    """A session for whose key has signed what the page asked for; `code`: of the notice they come from."""
    desk = desk_of(request)
    in_time(desk)
    answer = read_answer(own(AnswerFields, desk.fields).answer)
    store = desk.store(Act.SIGNED_IN)
    key = await store.passkeys.find(answer.credential_id)
    who = await store.members.get(key.member_id) if key else None
    if key is None or who is None:
        raise KeyRefused(message("This key cannot be used."))
    key = used_key(desk.place, desk.proof.challenge, answer, key)
    cookie, session = _session(request, desk, who, key.id)
    await store.passkeys.sign_in(who, key, session, desk.once)
    code = request.path_params.get("code")
    to = await come(desk, who, code, desk.proof.used(desk.now, _NOTICE)) if code else _HOME
    return _welcome(desk, cookie, to)


@router.get("/i/join/{code}")
async def join_page(request: Request, code: str) -> Response:
    """The page of an invitation; looking at it uses nothing up."""
    desk = desk_of(request)
    await limited(request, desk)
    who = await _invited(desk, code)
    slip = desk.new_slip()
    return desk.show("join", slip, options=make_key(desk.place, slip.challenge, who, ()))


@router.post("/i/join/{code}")
async def join(request: Request, code: str) -> Response:
    """The invitation is used: there is a key, and its owner is signed in."""
    desk = desk_of(request)
    in_time(desk)
    who = await _invited(desk, code)
    fields = own(NewKeyFields, desk.fields)
    key = made_key(desk.place, desk.proof.challenge, fields.answer, who, fields.label, desk.now)
    cookie, session = _session(request, desk, who, key.id)
    await desk.store(Act.JOINED).passkeys.join(code, key, who, session, desk.once)
    return _welcome(desk, cookie)


@router.post("/i/home/out")
async def sign_out(request: Request) -> Response:
    """The session is over."""
    desk = desk_of(request)
    await desk.store(Act.SIGNED_OUT).sessions.close(desk.who, desk.holder, desk.once)
    return desk.sign_out(desk.go("/i/in"))


@router.get("/i/exit")
async def leave_now(request: Request) -> Response:
    """Out: the cookie goes, and the browser to a neutral page. The session runs out unused."""
    desk = desk_of(request)
    return desk.sign_out(RedirectResponse(desk.place.exit_url, status_code=303))


def in_time(desk: Desk) -> None:
    """KeyRefused where the page that asked for a key is too old."""
    if desk.now >= desk.proof.printed_at + CEREMONY:
        raise KeyRefused(_TOO_LATE)


async def _invited(desk: Desk, code: str) -> Member:
    who = await desk.rooms.store.members.invited(code, desk.now)
    if who is None:
        raise PageRefused(NOT_HERE)
    return who


def _session(request: Request, desk: Desk, who: Member, key_id: str) -> tuple[str, NewSession]:
    """A new cookie and its session, in the place of whatever the browser came with."""
    cookie, before = cookies.fresh(), cookies.session_of(request.cookies)
    return cookie, NewSession(cookies.hashed(cookie), who.id, key_id, desk.now, before)


def _welcome(desk: Desk, cookie: str, to: str = _HOME) -> Response:
    response = desk.go(to)
    cookies.put_session(response, cookie)
    return response
