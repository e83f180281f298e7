"""The page on which someone says who they are and which patient it is about: the standalone launch."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ipvscreen.sandbox.answers import denied, sent_back
from ipvscreen.sandbox.oauth import NO_STORE
from ipvscreen.sandbox.pages import page, problem_page
from ipvscreen.sandbox.people import CLINICIANS, GP, ORDINARY, PATIENTS
from ipvscreen.sandbox.state import Sandbox, sandbox_of
from ipvscreen.sandbox.tickets import AuthorizationRequest, Choice, Launch, Spent

_CHOICES = ("patient", "clinician")


def must_choose(wanted: AuthorizationRequest, launch: Launch | None) -> bool:
    """Whether a patient is asked for and none is known."""
    return "launch/patient" in wanted.scope.split() and (launch is None or launch.patient is None)


def send_to_choose(
    sandbox: Sandbox, wanted: AuthorizationRequest, launch: Launch | None, given: Mapping[str, str]
) -> Response:
    """To the page that asks; a `patient` or a `clinician` in the request is taken along as chosen."""
    query = {"request": sandbox.choices.add(Choice(wanted, launch))}
    query |= {name: given[name] for name in _CHOICES if given.get(name)}
    return RedirectResponse(f"{sandbox.base_url}/auth/choose?{urlencode(query)}", 302, NO_STORE)


async def choose(request: Request) -> Response:
    """Ask; or, once the query says what was chosen, send the browser back to the app."""
    sandbox, query = sandbox_of(request), request.query_params
    ticket = query.get("request", "")
    try:
        choice = sandbox.choices.look(ticket)
    except Spent as spent:
        return problem_page("This app cannot be opened", str(spent), 400)
    if "cancel" in query:
        sandbox.choices.spend(ticket)
        return denied(sandbox, choice.request)
    patient, clinician = (query.get(name) for name in _CHOICES)
    if not {patient} <= {None, *PATIENTS} or not {clinician} <= {None, *CLINICIANS}:
        return problem_page("Nobody by that name", "This clinic has no such patient or clinician.", 404)
    launch = _chosen(choice, patient, clinician)
    if launch is None:
        return _asking(choice, ticket)
    sandbox.choices.spend(ticket)
    return sent_back(sandbox, choice.request, launch)


def _chosen(choice: Choice, patient: str | None, clinician: str | None) -> Launch | None:
    """The launch that is now complete; None where something is still to be chosen.

    A patient is enough: the clinician is then the GP.
    """
    wants_patient = must_choose(choice.request, choice.launch)
    if wants_patient and patient is None:
        return None
    about = patient if wants_patient else None
    if choice.launch is not None:
        return replace(choice.launch, patient=about)
    if clinician is None and about is None:
        return None
    return Launch(about, clinician or GP.id)


def _asking(choice: Choice, ticket: str) -> Response:
    return page(
        "choose.html",
        ticket=ticket,
        clinicians=CLINICIANS.values() if choice.launch is None else (),
        patients=PATIENTS.values() if must_choose(choice.request, choice.launch) else (),
        first_clinician=GP.id,
        first_patient=ORDINARY.id,
    )
