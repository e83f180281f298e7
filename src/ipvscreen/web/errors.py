"""Every failure as a plain page: the right status, what to do next, and nothing of the inside."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ipvscreen.errors import (
    AnswerNotOffered,
    EhrRefused,
    EhrUnreachable,
    IpvscreenError,
    LaunchRefused,
    NotNoted,
    NotStored,
    OutOfOrder,
    PatientChanged,
    VisitOver,
)
from ipvscreen.messages import message
from ipvscreen.store.passkeys import KeyRefused
from ipvscreen.store.spent import AlreadyUsed
from ipvscreen.web import cookies
from ipvscreen.web.fields import FieldsRefused
from ipvscreen.web.languages import ENGLISH
from ipvscreen.web.rooms import Rooms
from ipvscreen.web.security import LEAVING, Policy, told
from ipvscreen.web.tokens import TokenRefused

_log = structlog.get_logger()

_AGAIN = message("Open this page again from the patient's record.")
_NOTHING_SAVED = message("Nothing of this form was saved or sent. Go back, check it, and send it once more.")


@dataclass(frozen=True, slots=True)
class Problem:
    """A page about a failure: `status`, a heading, sentences, and a link on if there is one."""

    status: int
    heading: str
    sentences: tuple[str, ...]
    href: str = ""
    label: str = ""


class PageRefused(IpvscreenError):
    """A request that ends on a problem page of its own."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.heading)
        self.problem = problem


NOT_HERE = Problem(404, message("This page is not available"), (_AGAIN,))
ENDED = Problem(410, message("This visit has ended"), (message("What you entered is kept."), _AGAIN))
NOT_OURS = Problem(
    403, message("This could not be accepted"), (message("It did not come from a page of this app."), _AGAIN)
)
TOO_LONG = Problem(
    413, message("This could not be accepted"), (message("It is too long. Nothing was saved or sent by it."),)
)
UNEXPECTED = Problem(
    500, message("Something went wrong"), (message("What was shown as saved is saved."), _AGAIN)
)


def problem_of(error: IpvscreenError) -> Problem:
    """The page for an error of the tree; one that is not in the map is an unexpected one."""
    for kind, made in _PAGES.items():
        if isinstance(error, kind):
            return made(error)
    return UNEXPECTED


def _refused_by_record(error: IpvscreenError) -> Problem:
    sentences = (message("The record system said no."), str(error), _AGAIN)
    return Problem(502, message("The record system refused"), tuple(part for part in sentences if part))


def _silent_record(error: IpvscreenError) -> Problem:
    return Problem(
        504, message("The record system did not answer"), (str(error), message("Wait a moment."), _AGAIN)
    )


_PAGES: dict[type[IpvscreenError], Callable[[Any], Problem]] = {
    PageRefused: lambda error: error.problem,
    FieldsRefused: lambda error: Problem(
        422, message("This form cannot be used"), (str(error), _NOTHING_SAVED)
    ),
    AnswerNotOffered: lambda _: Problem(
        422,
        message("This form cannot be used"),
        (message("It holds an answer that the form does not offer."), _NOTHING_SAVED),
    ),
    TokenRefused: lambda error: Problem(
        403, message("This could not be accepted"), (str(error), _NOTHING_SAVED)
    ),
    KeyRefused: lambda error: Problem(
        403, message("This could not be accepted"), (str(error), message("Nothing was changed."), _AGAIN)
    ),
    AlreadyUsed: lambda _: Problem(
        409,
        message("This form was used before"),
        (message("What it asked for was done once, and not again."), _AGAIN),
    ),
    OutOfOrder: lambda _: Problem(
        409, message("This step is not possible now"), (message("Nothing was saved or sent by it."), _AGAIN)
    ),
    PatientChanged: lambda error: Problem(
        409,
        message("The patient's record has changed"),
        (str(error), message("Nothing was written to the record, and nothing was sent."), _AGAIN),
    ),
    NotNoted: lambda _: Problem(
        507,
        message("What became of it could not be noted"),
        (
            message("The disk of this app did not take it. All or part of it may stand in the record."),
            message("It is tried again by itself, and nothing is entered twice."),
            _AGAIN,
        ),
    ),
    NotStored: lambda _: Problem(
        507,
        message("This could not be saved"),
        (
            message("The disk of this app did not take it. Nothing was saved, and nothing was sent."),
            message("Go back and send it once more. If it fails again, write it down by hand."),
        ),
    ),
    LaunchRefused: lambda error: Problem(400, message("This page could not be opened"), (str(error),)),
    VisitOver: lambda _: ENDED,
    EhrUnreachable: _silent_record,
    EhrRefused: _refused_by_record,
}


def show(request: Request, problem: Problem, *, reference: str = "") -> HTMLResponse:
    """The page, with the headers set here too: an unexpected failure is answered outside the middleware."""
    rooms: Rooms = request.app.state.rooms
    locale = request.scope["state"].get("locale", ENGLISH)
    state = request.scope["state"]
    again = state.get("again", _AGAIN)
    problem = replace(problem, sentences=tuple(again if one == _AGAIN else one for one in problem.sentences))
    body = rooms.templates[locale].get_template("problem.html").render(problem=problem, reference=reference)
    policy: Policy = state.get("policy", rooms.policy)
    headers = {"cache-control": "no-store", **policy.headers(**told(state))}
    return HTMLResponse(body, status_code=problem.status, headers=headers)


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, IpvscreenError)  # noqa: S101  what it is registered for
    problem = problem_of(error)
    response = show(request, problem, reference=_noted(request, error, problem.status))
    return _forgotten(request, response) if isinstance(error, VisitOver) else response


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  what it is registered for
    if error.status_code == TOO_LONG.status:
        return show(request, TOO_LONG)
    response = show(request, Problem(error.status_code, NOT_HERE.heading, NOT_HERE.sentences))
    response.headers.update(error.headers or {})
    return response


async def _unexpected(request: Request, error: Exception) -> Response:
    return show(request, UNEXPECTED, reference=_noted(request, error, UNEXPECTED.status))


def _forgotten(request: Request, response: Response) -> Response:
    """Of a visit that is over nothing stays in the browser either."""
    name = cookies.visit_cookie(str(request.path_params.get("visit_id")))
    cookies.drop(response, name, framed=bool(told(request.scope["state"])["framed_by"]))
    response.headers.update(LEAVING)
    return response


def _noted(request: Request, error: Exception, status: int) -> str:
    """The request's reference for page and log; the log gets the kind of error, never its words."""
    reference = str(request.state.reference)
    _log.warning("page.problem", reference=reference, status=status, kind=type(error).__name__)
    return reference


def install(app: FastAPI) -> None:
    """Answer every failure of the app."""
    app.add_exception_handler(IpvscreenError, _known)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
