"""A form as it would be asked, with its QuestionnaireResponse and what a validator says; nothing is kept."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.telemetry import TelemetryConfig
from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse, Response

from ipvscreen.errors import AnswerNotOffered, FormRefused
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.load import define, load_form
from ipvscreen.sdc.outcome import Issue, operation_outcome
from ipvscreen.sdc.response import response, response_items
from ipvscreen.sdc.validate import validate
from ipvscreen.web.errors import Problem
from ipvscreen.web.fields import FieldsRefused, Posted, read_form
from ipvscreen.web.presenters.form import Part, begun, part, turned
from ipvscreen.web.presenters.items import Entered
from ipvscreen.web.security import Policy, SecureHeaders
from ipvscreen.web.templates import MEDIA_TYPES, environment, static_files
from ipvscreen.web.words import TITLE

_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
_BUTTONS = frozenset({"more", "page"})  # fields of the page itself
_AT = "~page"  # the page that was posted; a "~" is in no linkId
_REFUSED = Problem(422, "This could not be accepted", ("It holds something that the form does not offer.",))
# Whom the form is about while it is tried out: made up, for what it takes from its launch context.
LAUNCH: Mapping[str, Mapping[str, Any]] = {
    "patient": {
        "resourceType": "Patient",
        "id": "example",
        "name": [{"use": "official", "family": "Example", "given": ["Alex"]}],
        "gender": "female",
        "birthDate": "1990-06-15",
    },
    "user": {"resourceType": "Practitioner", "id": "example", "name": [{"family": "Osei"}]},
    "encounter": {"resourceType": "Encounter", "id": "example", "status": "in-progress"},
}


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """The form's page, what the other pages hold (`kept`), and what comes of it; `failed`: what does not."""

    part: Part
    kept: tuple[tuple[str, str], ...]
    saved: bool
    failed: str
    response: str
    outcome: str
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class _Room:
    form: Form
    defined: Form  # as a validator reads it: once, and not for each answer
    source: Mapping[str, Any]
    clock: Callable[[], datetime]
    templates: Environment
    static: Mapping[str, bytes]


def make_preview(
    questionnaire: Mapping[str, Any], smart_app: Path, *, url: str, clock: Callable[[], datetime]
) -> FastAPI:
    """The app that shows one Questionnaire at `url` on loopback; FormRefused for one that is not shown."""
    form = load_form(questionnaire)
    if taken := sorted(_BUTTONS & {item.link_id for item in form.walk()}):
        raise FormRefused("Questionnaire.item.linkId", f"'{taken[0]}' is the name of a control of our pages.")
    room = _Room(
        form, define(questionnaire), questionnaire, clock, environment(smart_app), static_files(smart_app)
    )
    app = FastAPI(
        title=TITLE, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
    )  # fmt: skip
    app.state.room = room
    app.add_api_route("/", _show, methods=["GET"])
    app.add_api_route("/", _submit, methods=["POST"])
    app.add_api_route("/s/{name}", _static, methods=["GET"])
    for refused in (AnswerNotOffered, FieldsRefused):
        app.add_exception_handler(refused, _not_offered)
    # Only under its own name: another site could let its name lead here and read what is typed.
    app.add_middleware(
        TrustedHostMiddleware, allowed_hosts=[urlsplit(url).hostname or ""], www_redirect=False
    )
    app.add_middleware(SecureHeaders, policy=Policy.of(url))
    return app


async def _show(request: Request) -> Response:
    room: _Room = request.app.state.room
    return _page(room, begun(room.form, launch=LAUNCH, now=room.clock()), at=0)


async def _submit(request: Request) -> Response:
    room: _Room = request.app.state.room
    posted = dict(await read_form(request))
    to, more = _number(posted.pop("page", ())), next(iter(posted.pop("more", ())), None)
    at = _number(posted.pop(_AT, ())) or 0
    return _page(room, posted, at=at, to=at if more else to, more=more, posted=True)


async def _static(request: Request, name: str) -> Response:
    body = request.app.state.room.static.get(name)
    if body is None:
        raise HTTPException(404)
    return Response(body, media_type=MEDIA_TYPES[PurePath(name).suffix])


async def _not_offered(request: Request, _: Exception) -> Response:
    template = request.app.state.room.templates.get_template("problem.html")
    return HTMLResponse(template.render(problem=_REFUSED, reference=""), status_code=_REFUSED.status)


def _number(given: Iterable[str]) -> int | None:
    text = next(iter(given), "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None


def _page(
    room: _Room,
    entered: Entered,
    *,
    at: int,
    to: int | None = 0,
    more: str | None = None,
    posted: bool = False,
) -> HTMLResponse:
    now, form = room.clock(), room.form
    answers = read_answers(form, entered, launch=LAUNCH, now=now)
    page, mistakes = turned(form, entered, answers.mistakes, at=at, to=to, launch=LAUNCH, now=now)
    saved = posted and to is None and not answers.mistakes
    made = response(form, response_items(answers), "completed" if saved else "in-progress")
    made["authored"] = now.isoformat(timespec="seconds")
    known = {form.canonical: room.source, form.url: room.source}
    issues = validate(made, known.get, now=now, form_of=lambda _: room.defined)
    shown = part(form, entered, page=page, mistakes=mistakes, more=more, launch=LAUNCH, now=now)
    preview = PreviewPage(
        part=shown,
        kept=_kept(entered, shown),
        saved=saved,
        failed=answers.failed,
        response=_json(made),
        outcome=_json(operation_outcome(issues)),
        issues=tuple(issues),
    )
    return HTMLResponse(room.templates.get_template("preview.html").render(page=preview))


def _kept(entered: Posted, shown: Part) -> tuple[tuple[str, str], ...]:
    elsewhere = {name: values for name, values in entered.items() if name not in shown.names}
    return tuple((name, value) for name, values in elsewhere.items() for value in values)


def _json(body: Any) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False, default=_decimal)


def _decimal(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
