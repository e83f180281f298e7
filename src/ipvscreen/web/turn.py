"""One request of one visit: who, where, when, and how it is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ipvscreen.ehr.client import FhirClient
from ipvscreen.errors import OutOfOrder, VisitOver
from ipvscreen.ipv.assessment import Assessment
from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.instruments import QUICK, forms_for
from ipvscreen.ipv.reading import assess_draft
from ipvscreen.ipv.visit import PAGES, Step
from ipvscreen.sdc.form import Form
from ipvscreen.store.visits import Visit
from ipvscreen.web import cookies, tokens
from ipvscreen.web.errors import NOT_HERE, PageRefused
from ipvscreen.web.presenters.frame import Frame, frame
from ipvscreen.web.rooms import EhrEntry, Rooms


@dataclass(frozen=True, slots=True)
class Turn:
    """`step` is the page asked for; `nonce` that of the form that was posted, empty for a page."""

    rooms: Rooms
    visit: Visit
    step: Step
    now: datetime
    cookies: Mapping[str, str]
    nonce: str = ""

    @property
    def today(self) -> date:
        """The day in the place where the app is used."""
        return self.now.astimezone(self.rooms.zone).date()

    @property
    def entry(self) -> EhrEntry:
        """The record system that the visit was launched from."""
        return self.rooms.ehrs[self.visit.ehr]

    @property
    def client(self) -> FhirClient:
        """FHIR with this visit's token, which is read from the store at each call."""
        visit_id = self.visit.id

        async def token() -> str:
            return await self.rooms.store.visits.token(visit_id)

        return FhirClient(self.rooms.http, self.visit.iss, token)

    def forms(self) -> tuple[Form, ...]:
        """The forms whose items may be posted in this visit."""
        return tuple(self.rooms.forms[name] for name in (*forms_for(self.visit.setting), QUICK))

    def assess(self, draft: Draft) -> Assessment:
        """What that draft says."""
        return assess_draft(draft, self.rooms.forms, self.visit.setting)

    def assessment(self) -> Assessment:
        """What the draft says as it stands."""
        return self.assess(self.visit.draft)

    def frame(self) -> Frame:
        """What stands around the page, with a token of its own."""
        canonicals = tuple(form.canonical for form in self.forms())
        token = tokens.issue(self.rooms.ring, tokens.claims_of(self.visit, self.step, canonicals))
        return frame(self.visit, self.step, token, self.now)

    async def claim(self) -> Visit:
        """Mark this form as used, once it has been found in order; the same again changes nothing."""
        return await self.rooms.store.visits.change(self.visit, last_form=self.nonce)

    def render(self, page: Any, *, status: int = 200) -> HTMLResponse:
        """The template of the step with that page in it."""
        template = self.rooms.templates.get_template(f"visit/{self.step.value}.html")
        return HTMLResponse(template.render(page=page, frame=page.frame), status_code=status)


async def opened(request: Request, visit_id: str, step: Step) -> Turn:
    """The turn of a browser with the visit's cookie, else a neutral page; VisitOver when it has ended."""
    rooms: Rooms = request.app.state.rooms
    visit = await rooms.store.visits.get(visit_id)
    if visit is None or not cookies.holds(request.cookies, cookies.visit_cookie(visit.id), visit.cookie_hash):
        raise PageRefused(NOT_HERE)
    now = rooms.clock()
    if now >= visit.expires_at:
        raise VisitOver("This visit has ended.")
    return Turn(rooms, visit, step, now, request.cookies)


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


def href(visit: Visit, step: Step) -> str:
    """The path of a page of that visit."""
    return f"/v/{visit.id}/{step.value}"


def go(visit: Visit, step: Step | None = None) -> Response:
    """See other: that page, or the one where the visit is at home."""
    return RedirectResponse(href(visit, step or home(visit)), status_code=303)


def leave(rooms: Rooms, visit: Visit, entry: EhrEntry) -> HTMLResponse:
    """A blank page that goes on to the record system's own, and takes the cookie away.

    Not a redirect: after a post the browser would hold it against `form-action 'self'`.
    """
    body = rooms.templates.get_template("away.html").render(to=entry.exit_url)
    response = HTMLResponse(body)
    cookies.drop(response, cookies.visit_cookie(visit.id), framed=bool(entry.frame_ancestors))
    return response
