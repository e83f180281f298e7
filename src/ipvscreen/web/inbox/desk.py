"""One request of these pages: who is asking, what may be opened, what a form has proved."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, cast

from fastapi import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ipvscreen.ipv.access import OPEN, SIGNED_IN, may_open
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.lasting import ABSOLUTE
from ipvscreen.ipv.members import Member
from ipvscreen.ipv.services import Service
from ipvscreen.messages import message
from ipvscreen.resources.directory import kept_service
from ipvscreen.store.facade import Store
from ipvscreen.store.spent import Once
from ipvscreen.web import cookies
from ipvscreen.web.errors import NOT_HERE, NOT_OURS, PageRefused, Problem
from ipvscreen.web.fields import Posted, read_form
from ipvscreen.web.inbox import slips
from ipvscreen.web.inbox.place import Place
from ipvscreen.web.rooms import Rooms
from ipvscreen.web.security import LEAVING, posted_by_us

# Where each page is, with the word that leads to it; who may not open one is shown no link.
LINKS = (
    ("/i/home", message("First page")),
    ("/i/cases", message("Open cases")),
    ("/i/closed", message("Cases that are over")),
    ("/i/team", message("Your team")),
    ("/i/organisations", message("Organisations")),
    ("/i/services", message("Where referrals go")),
    ("/i/proposals", message("Proposals")),
    ("/i/keys", message("Your keys")),
)
_OUT = message("You are not signed in")


@dataclass(frozen=True, slots=True)
class Desk:
    """Who sits there; `holder` is what a slip is bound to, `member` None on pages that need no session."""

    rooms: Rooms
    place: Place
    page: str
    now: datetime
    holder: str
    member: Member | None = None
    posted: Posted | None = None
    asked: Mapping[str, str] = field(default_factory=dict)  # by the address, after its "?"
    slip: slips.Slip | None = None

    @property
    def who(self) -> Member:
        """The member; only where one is signed in."""
        assert self.member is not None  # noqa: S101  `admitted` lets nobody else in
        return self.member

    @property
    def fields(self) -> Posted:
        """The fields of the form; only in a post."""
        return self.posted or {}

    @property
    def proof(self) -> slips.Slip:
        """The slip that came with the form; only in a post."""
        assert self.slip is not None  # noqa: S101  as above
        return self.slip

    @property
    def once(self) -> Once:
        """What marks the form as used."""
        return self.proof.used(self.now)

    @property
    def today(self) -> date:
        """The day where these pages are read."""
        return self.now.astimezone(self.place.zone).date()

    async def services(self) -> list[Service]:
        """The directory."""
        return [kept_service(resource) for resource in await self.rooms.store.services.all()]

    def store(self, act: Act) -> Store:
        """The store, whose first change leaves that act in the audit log."""
        return self.rooms.store.doing(act, self.now)

    def show(self, name: str, slip: slips.Slip | None = None, **given: Any) -> Response:
        """The page of that name, with a slip for its forms."""
        slip = slip or self.new_slip()
        frame = {
            "token": slips.issue(self.rooms.ring, slip),
            "member": self.member,
            "links": self._links(),
        }
        return HTMLResponse(self.rooms.page(f"inbox/{name}.html", self.place.locale, **frame, **given))

    def new_slip(self) -> slips.Slip:
        """For this page, printed now."""
        return slips.new_slip(self.page, self.holder, self.now)

    def go(self, path: str) -> Response:
        """See other."""
        return RedirectResponse(f"{self.rooms.base}{path}", status_code=303)

    def link(self, code: str) -> str:
        """The address of an invitation, or how far it goes."""
        return f"{self.place.origin}{self.rooms.base}/i/join/{code}"

    def sign_out(self, response: Response) -> Response:
        """The response, which takes the cookie away and what the browser has kept of these pages."""
        cookies.drop_session(response)
        response.headers.update(LEAVING)
        return response

    def _links(self) -> list[tuple[str, str]]:
        if self.member is None:
            return []
        role = self.member.role
        return [(path, words) for path, words in LINKS if may_open(role, "GET", path)]


async def admitted(request: Request) -> None:
    """Before each of these pages: who asks, whether they may, and for a post what it has to prove.

    Everything else is as if it were not there; `desk_of` gives what came of it.
    """
    rooms: Rooms = request.app.state.rooms
    place = rooms.inbox
    if place is None:
        raise PageRefused(NOT_HERE)
    request.state.locale = place.locale
    route = request.scope["route"].path
    member, holder = await _asking(request, rooms, route)
    desk = Desk(rooms, place, _page(route), rooms.clock(), holder, member, asked=request.query_params)
    if request.method == "POST":
        desk = await _proved(request, desk)
    request.state.desk = desk


def desk_of(request: Request) -> Desk:
    """What `admitted` made of this request."""
    return cast(Desk, request.state.desk)


async def _asking(request: Request, rooms: Rooms, route: str) -> tuple[Member | None, str]:
    key = (request.method, route)
    if ("GET" if request.method == "HEAD" else request.method, route) in OPEN:
        return None, cookies.hashed(request.path_params.get("code", ""))
    if key not in SIGNED_IN:
        raise PageRefused(NOT_HERE)
    session = cookies.session_of(request.cookies)
    member = await rooms.store.sessions.member(session, rooms.clock()) if session else None
    if member is None or session is None:
        href = f"{rooms.base}/i/in"
        words = (message("You were signed out, or were never signed in. Nothing was changed."),)
        raise PageRefused(Problem(403, _OUT, words, href, message("Sign in")))
    if not may_open(member.role, *key):
        raise PageRefused(NOT_HERE)
    return member, session


async def _proved(request: Request, desk: Desk) -> Desk:
    """The desk with the form; refused unless one of our own pages has posted it, for whom it was printed."""
    if not posted_by_us(request.headers, desk.place.origin):
        raise PageRefused(NOT_OURS)
    if desk.member is None:
        await limited(request, desk)
    posted = dict(await read_form(request))
    text = next(iter(posted.pop("token", ())), "")
    slip = slips.read(desk.rooms.ring, text, desk.page, desk.holder, desk.now, ABSOLUTE)
    return replace(desk, posted=posted, slip=slip)


async def limited(request: Request, desk: Desk) -> None:
    """Count an attempt; a page that says 429 where there were too many from one place, or at all."""
    address = request.client.host if request.client else ""
    wait = await desk.place.attempts.allow("inbox", address)
    if wait is not None:
        words = (message("This was tried too often. Try again in {seconds} seconds.", seconds=wait),)
        raise PageRefused(Problem(429, message("This page could not be opened"), words))


def _page(route: str) -> str:
    """The page that a route belongs to: its first two parts."""
    return "/".join(route.split("/")[:3])
