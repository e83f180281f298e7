"""One request of one visit: who, where, when, and how it is answered."""

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ipvscreen.ehr.client import FhirClient
from ipvscreen.errors import IpvscreenError, OutOfOrder, VisitOver
from ipvscreen.ipv.assessment import Assessment
from ipvscreen.ipv.draft import Draft, Mistaken
from ipvscreen.ipv.packs import Pack
from ipvscreen.ipv.reading import assess_draft, read_draft
from ipvscreen.ipv.visit import PAGES, Step
from ipvscreen.pathway.sign_in import access_token
from ipvscreen.sdc.answers import Answers
from ipvscreen.sdc.form import Form
from ipvscreen.store.grant import Grant
from ipvscreen.store.visits import Visit
from ipvscreen.web import cookies, tokens
from ipvscreen.web.errors import NOT_HERE, PageRefused
from ipvscreen.web.once import once
from ipvscreen.web.presenters.frame import Frame, frame
from ipvscreen.web.rooms import EhrEntry, Rooms
from ipvscreen.web.security import LEAVING
from ipvscreen.web.words import Numbers, numbers_in

_T = TypeVar("_T")


class FormUsed(IpvscreenError):
    """The same form is being answered already, by another process of ours."""


@dataclass(frozen=True, slots=True)
class Turn:
    """`step` is the page asked for; `nonce` that of the form that was posted, empty for a page.

    `mistaken` is what was posted from this page and not taken, for the page that says so.
    """

    rooms: Rooms
    visit: Visit
    step: Step
    now: datetime
    cookies: Mapping[str, str]
    nonce: str = ""
    grant: Grant | None = field(default=None, repr=False)
    mistaken: Mistaken | None = None

    @property
    def mistakes(self) -> Mapping[str, str]:
        """What the page has to say is wrong, by field."""
        return self.mistaken.mistakes if self.mistaken else {}

    @property
    def today(self) -> date:
        """The day in the place where the app is used."""
        return self.now.astimezone(self.entry.zone).date()

    @property
    def entry(self) -> EhrEntry:
        """The record system that the visit was launched from."""
        return self.rooms.ehrs[self.visit.ehr]

    @property
    def client(self) -> FhirClient:
        """FHIR with this visit's token: asked for once, and refreshed if need be, for all calls of it."""
        return FhirClient(self.entry.http, self.visit.iss, once(self._token))

    def hasty(self, seconds: float) -> FhirClient:
        """The same, which waits for no answer longer than that."""
        return FhirClient(self.entry.http, self.visit.iss, once(self._token), seconds=seconds)

    async def _token(self) -> str:
        store, client = self.rooms.store, partial(self.rooms.client_of, self.entry)
        return await access_token(store, self.entry.http, self.visit.id, client, self.now, self.grant)

    @property
    def pack(self) -> Pack:
        """The forms of this visit."""
        return self.rooms.pack(self.entry, self.visit.setting)

    @property
    def numbers(self) -> Numbers:
        """The telephone numbers that hold for this visit."""
        return numbers_in(self.rooms.numbers, self.pack.nation)

    def forms(self) -> tuple[Form, ...]:
        """The forms whose items may be posted from this page: the one that is open, or those of the visit."""
        if self.step is Step.OWN:
            return (self.rooms.account(self.entry),)
        if self.step is Step.EARLIER:
            return self.rooms.named(self.entry, self.visit.draft.form)
        further = self.pack.further(self.visit.draft.form)
        return ((further,) if further else ()) if self.step is Step.FORM else self.pack.shown()

    def assess(self, draft: Draft) -> Assessment:
        """What that draft says."""
        return assess_draft(draft, self.pack, self.visit.launch(), self.visit.opened_at)

    def answers(self, draft: Draft) -> Mapping[str, Answers]:
        """The answers in that draft, by form."""
        return read_draft(draft, self.pack, self.visit.launch(), self.visit.opened_at)

    def assessment(self) -> Assessment:
        """What the draft says as it stands."""
        return self.assess(self.visit.draft)

    def frame(self) -> Frame:
        """What stands around the page, with a token of its own."""
        canonicals = tuple(form.canonical for form in self.forms())
        token = tokens.issue(self.rooms.ring, tokens.claims_of(self.visit, self.step, canonicals))
        failed = (one.failed for one in self.answers(self.visit.draft).values() if one.failed)
        return self.framed(self.step, token, failed=next(failed, ""))

    def framed(self, step: str, token: str, *, failed: str = "") -> Frame:
        """The same around a page of that name, with that token."""
        zone = self.entry.zone
        return frame(self.visit, step, token, self.now, base=self.rooms.base, zone=zone, failed=failed)

    async def claim(self) -> Visit:
        """Mark this form as used, once it has been found in order; the same again changes nothing."""
        visits, draft = self.rooms.store.visits, replace(self.visit.draft, mistaken=None)
        return await self.claimed(visits.change(self.visit, last_form=self.nonce, draft=draft))

    async def claimed(self, change: Awaitable[_T]) -> _T:
        """What a change comes to that marks this form as used; FormUsed where a process was faster."""
        try:
            return await change
        except OutOfOrder:
            now = await self.rooms.store.visits.get(self.visit.id)
            if now is not None and now.last_form == self.nonce:
                raise FormUsed from None
            raise

    async def refuse(
        self,
        mistakes: Mapping[str, str],
        values: Mapping[str, str] | None = None,
        chosen: Iterable[str] = (),
        *,
        draft: Draft | None = None,
    ) -> Response:
        """See the same page again, with what was entered and what is wrong; the form stays unused.

        Answers are entered into `draft`; `values` and `chosen` are of a page that keeps none. Not as the
        answer itself: a browser keeps the body of a post that is answered with a page.
        """
        kept = Mistaken(self.step, values or {}, frozenset(chosen), mistakes)
        draft = replace(draft or self.visit.draft, mistaken=kept)
        visit = await self.rooms.refusing().visits.change(self.visit, draft=draft)
        return go(self.rooms, visit, self.step)

    async def taking_up(self) -> "Turn":
        """The turn of a page with what was not taken of its form, which is kept no longer."""
        kept = self.visit.draft.mistaken
        if kept is None or kept.step is not self.step:
            return self
        visits, draft = self.rooms.store.visits, replace(self.visit.draft, mistaken=None)
        async with self.rooms.locks.of(self.visit.id):
            try:
                visit = await visits.change(self.visit, draft=draft)
            except OutOfOrder:  # the same page is being shown twice: both may say it
                visit = self.visit
        return replace(self, visit=visit, mistaken=kept)

    def render(self, page: Any, *, status: int = 200) -> HTMLResponse:
        """The template that the page is named for, with that page in it."""
        name = f"visit/{page.frame.step}.html"
        body = self.rooms.page(name, self.entry.locale, page=page, frame=page.frame)
        return HTMLResponse(body, status_code=status)


async def found(request: Request, visit_id: str) -> tuple[Visit | None, Grant | None, EhrEntry | None]:
    """The visit, its grant, and the record system that it came from, which alone may frame the answer."""
    rooms: Rooms = request.app.state.rooms
    visit, grant = await rooms.store.visits.with_grant(visit_id)
    entry = rooms.ehrs.get(visit.ehr) if visit else None
    if entry is not None:
        entry.mark(request)
    return visit, grant, entry


async def opened(request: Request, visit_id: str, step: str) -> Turn:
    """The turn of a browser with the visit's cookie, else a neutral page; VisitOver when it has ended."""
    rooms: Rooms = request.app.state.rooms
    visit, grant, entry = await found(request, visit_id)
    if visit is None or not cookies.holds(request.cookies, cookies.visit_cookie(visit.id), visit.cookie_hash):
        raise PageRefused(NOT_HERE)
    now = rooms.clock()
    if entry is None or now >= visit.expires_at:
        raise VisitOver("This visit has ended.")
    return Turn(rooms, visit, step_of(step), now, request.cookies, grant=grant)


def step_of(text: str) -> Step:
    """The page of that name; PageRefused where there is none."""
    try:
        return Step(text)
    except ValueError:
        raise PageRefused(NOT_HERE) from None


def check(turn: Turn, claims: tokens.Claims) -> None:
    """OutOfOrder for a form that was printed in another page, or with other questions."""
    if claims.step != turn.step.value or set(claims.forms) != {form.canonical for form in turn.forms()}:
        raise OutOfOrder(turn.visit.state, claims.step)


def home(visit: Visit) -> Step:
    """Where a visit in its state is at home; VisitOver for one that is closed."""
    pages = PAGES[visit.state]
    if not pages:
        raise VisitOver("This visit has ended.")
    return pages[0]


def href(rooms: Rooms, visit: Visit, step: Step) -> str:
    """The path of a page of that visit."""
    return f"{rooms.base}/v/{visit.id}/{step.value}"


def go(rooms: Rooms, visit: Visit, step: Step | None = None) -> Response:
    """See other: that page, or the one where the visit is at home."""
    return RedirectResponse(href(rooms, visit, step or home(visit)), status_code=303)


def leave(rooms: Rooms, visit: Visit, entry: EhrEntry) -> Response:
    """A blank page that goes on to the record system's own, and leaves nothing behind.

    Not a redirect: after a post the browser would hold it against `form-action 'self'`.
    """
    body = rooms.page("away.html", entry.locale, to=entry.exit_url)
    return gone(HTMLResponse(body), visit.id, entry)


def gone(response: Response, visit_id: str, entry: EhrEntry) -> Response:
    """The response, which takes the visit's cookie away and what the browser has kept of its pages."""
    cookies.drop(response, cookies.visit_cookie(visit_id), framed=entry.framed)
    response.headers.update(LEAVING)
    return response
