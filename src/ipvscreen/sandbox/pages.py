"""The sandbox's own pages: the clinic list, and what went wrong with an authorization."""

from functools import cache
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ipvscreen.sandbox.people import CLINICIANS, GP, ORDINARY, PATIENTS
from ipvscreen.sandbox.state import sandbox_of

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def add_pages(app: FastAPI) -> None:
    """Put the clinic list and its launch button on the record system."""
    app.add_api_route("/", _clinic, methods=["GET"], include_in_schema=False)
    app.add_api_route("/launch/new", _launch, methods=["GET"], include_in_schema=False)


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """One page, with headers that keep it to itself."""
    return HTMLResponse(_templates().get_template(template).render(values), status, _HEADERS)


def problem_page(title: str, words: str, status: int) -> HTMLResponse:
    """A page that says what went wrong where there is no app to send the browser back to."""
    return page("problem.html", status, title=title, words=words)


@cache
def _templates() -> Environment:
    loader = PackageLoader("ipvscreen.sandbox")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)


async def _clinic() -> Response:
    return page(
        "clinic.html",
        clinicians=CLINICIANS.values(),
        patients=PATIENTS.values(),
        first_clinician=GP.id,
        first_patient=ORDINARY.id,
    )


async def _launch(request: Request) -> Response:
    """A launch anew at every GET, for an ordinary patient and the GP unless the query says otherwise."""
    sandbox = sandbox_of(request)
    patient = request.query_params.get("patient", ORDINARY.id)
    clinician = request.query_params.get("clinician", GP.id)
    if patient not in PATIENTS or clinician not in CLINICIANS:
        return problem_page("Nobody by that name", "This clinic has no such patient or clinician.", 404)
    launch = sandbox.new_launch(patient, clinician)
    query = urlencode({"iss": sandbox.fhir_base, "launch": launch})
    return RedirectResponse(f"{sandbox.app.launch_url}?{query}", 302, {"Cache-Control": "no-store"})
