"""Every failure as a plain page: the right status, what to do next, and nothing of the inside."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
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
    OutOfOrder,
    VisitOver,
)
from ipvscreen.web.fields import FieldsRefused
from ipvscreen.web.rooms import Rooms
from ipvscreen.web.tokens import TokenRefused

_log = structlog.get_logger()

_AGAIN = "Open this page again from the patient's record."
_NOTHING_SAVED = "Nothing of this form was saved or sent. Go back, check it, and send it once more."


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


NOT_HERE = Problem(404, "This page is not available", (_AGAIN,))
ENDED = Problem(410, "This visit has ended", ("What you entered is kept.", _AGAIN))
NOT_OURS = Problem(403, "This could not be accepted", ("It did not come from a page of this app.", _AGAIN))
UNEXPECTED = Problem(500, "Something went wrong", ("What was shown as saved is saved.", _AGAIN))


def problem_of(error: IpvscreenError) -> Problem:
    """The page for an error of the tree; one that is not in the map is an unexpected one."""
    for kind, made in _PAGES.items():
        if isinstance(error, kind):
            return made(error)
    return UNEXPECTED


def _refused_by_record(error: IpvscreenError) -> Problem:
    sentences = ("The record system said no.", str(error), _AGAIN)
    return Problem(502, "The record system refused", tuple(part for part in sentences if part))


def _silent_record(error: IpvscreenError) -> Problem:
    return Problem(504, "The record system did not answer", (str(error), "Wait a moment.", _AGAIN))


_PAGES: dict[type[IpvscreenError], Callable[[Any], Problem]] = {
    PageRefused: lambda error: error.problem,
    FieldsRefused: lambda error: Problem(422, "This form cannot be used", (str(error), _NOTHING_SAVED)),
    AnswerNotOffered: lambda _: Problem(
        422, "This form cannot be used", ("It holds an answer that the form does not offer.", _NOTHING_SAVED)
    ),
    TokenRefused: lambda error: Problem(403, "This could not be accepted", (str(error), _NOTHING_SAVED)),
    OutOfOrder: lambda _: Problem(
        409, "This step is not possible now", ("Nothing was saved or sent by it.", _AGAIN)
    ),
    LaunchRefused: lambda error: Problem(400, "This page could not be opened", (str(error),)),
    VisitOver: lambda _: ENDED,
    EhrUnreachable: _silent_record,
    EhrRefused: _refused_by_record,
}


def show(rooms: Rooms, problem: Problem, *, reference: str = "") -> HTMLResponse:
    """The page, with the headers set here too: an unexpected failure is answered outside the middleware."""
    body = rooms.templates.get_template("problem.html").render(problem=problem, reference=reference)
    return HTMLResponse(body, status_code=problem.status, headers=rooms.policy.headers())


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, IpvscreenError)  # noqa: S101  what it is registered for
    return show(request.app.state.rooms, problem_of(error), reference=_noted(error, problem_of(error).status))


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else NOT_HERE.status
    problem = Problem(status, NOT_HERE.heading, NOT_HERE.sentences)
    return show(request.app.state.rooms, problem)


async def _unexpected(request: Request, error: Exception) -> Response:
    return show(request.app.state.rooms, UNEXPECTED, reference=_noted(error, UNEXPECTED.status))


def _noted(error: Exception, status: int) -> str:
    """A reference for the page and the log; the log gets the kind of error, never its words."""
    reference = secrets.token_hex(4)
    _log.warning("page.problem", reference=reference, status=status, kind=type(error).__name__)
    return reference


def install(app: FastAPI) -> None:
    """Answer every failure of the app."""
    app.add_exception_handler(IpvscreenError, _known)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
