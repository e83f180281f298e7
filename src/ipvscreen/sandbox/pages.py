"""The sandbox's own pages: the clinic list, the ways to launch from it, and what went wrong."""

from functools import cache
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import FastAPI
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from ipvscreen.sandbox.people import CLINICIANS, GP, ORDINARY, PATIENTS
from ipvscreen.sandbox.state import Sandbox, sandbox_of

_CONTENT = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _CONTENT,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#styling
_STYLE = {
    "color_background": "#f4f6f8",
    "color_error": "#b3261e",
    "color_highlight": "#14507d",
    "color_modal_backdrop": "#16202b",
    "color_success": "#1b6e3c",
    "color_text": "#16202b",
    "dim_border_radius": "6px",
    "dim_font_size": "17px",
    "dim_spacing_size": "16px",
    "font_family_body": "system-ui, sans-serif",
    "font_family_heading": "system-ui, sans-serif",
}


def add_pages(app: FastAPI) -> None:
    """Put the clinic list, and every way to open the app from it, on the record system."""
    for path, answer in (
        ("/", _clinic),
        ("/launch/new", _launch),
        ("/launch/framed", _framed),
        ("/launch/list", _list),
        ("/launch/standalone", _standalone),
        ("/style/v1.json", _style),
    ):
        app.add_api_route(path, answer, methods=["GET"], include_in_schema=False)


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
    sandbox, (patient, clinician) = sandbox_of(request), _who(request)
    if patient not in PATIENTS or clinician not in CLINICIANS:
        return _nobody()
    launch = sandbox.new_launch(patient, clinician, intent=request.query_params.get("intent"))
    return _to(_address(sandbox, sandbox.app.launch_url, launch))


async def _framed(request: Request) -> Response:
    """The same inside a page of this system, which shows the patient's banner itself."""
    sandbox, (patient, clinician) = sandbox_of(request), _who(request)
    if patient not in PATIENTS or clinician not in CLINICIANS:
        return _nobody()
    intent = request.query_params.get("intent")
    launch = sandbox.new_launch(patient, clinician, intent=intent, framed=True)
    response = page(
        "framed.html",
        patient=PATIENTS[patient],
        clinician=CLINICIANS[clinician],
        address=_address(sandbox, sandbox.app.launch_url, launch),
    )
    app = urlsplit(sandbox.app.launch_url)
    # The launch comes through our own authorization endpoint, inside the frame.
    allowed = f"frame-src 'self' {app.scheme}://{app.netloc}"
    response.headers["Content-Security-Policy"] = f"{_CONTENT}; {allowed}"
    return response


async def _list(request: Request) -> Response:
    """A launch of the clinician alone: no chart is open."""
    sandbox, (_, clinician) = sandbox_of(request), _who(request)
    if clinician not in CLINICIANS:
        return _nobody()
    return _to(_address(sandbox, sandbox.app.list_url, sandbox.new_launch(None, clinician)))


async def _standalone(request: Request) -> Response:
    """As from a bookmark: the app is told which record system, and asks it for the patient."""
    sandbox = sandbox_of(request)
    return _to(_address(sandbox, sandbox.app.launch_url, None))


async def _style() -> Response:
    """What `smart_style_url` names; another version would get another address."""
    headers = {"Cache-Control": "public, max-age=86400", "Access-Control-Allow-Origin": "*"}
    return JSONResponse(_STYLE, headers=headers)


def _who(request: Request) -> tuple[str, str]:
    query = request.query_params
    return query.get("patient", ORDINARY.id), query.get("clinician", GP.id)


def _nobody() -> Response:
    return problem_page("Nobody by that name", "This clinic has no such patient or clinician.", 404)


def _address(sandbox: Sandbox, url: str, launch: str | None) -> str:
    query = {"iss": sandbox.fhir_base, **({"launch": launch} if launch else {})}
    return f"{url}?{urlencode(query)}"


def _to(address: str) -> Response:
    return RedirectResponse(address, 302, {"Cache-Control": "no-store"})
