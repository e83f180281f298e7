"""An integrator's first afternoon: whether a record system can be trusted with what a visit writes there."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.judgement import Lists
from ipvscreen.ehr.probe import probe, rehearse
from ipvscreen.ehr.removal import Fate
from ipvscreen.ehr.trial import LAG_SECONDS
from ipvscreen.errors import EhrError, EhrRefused, LaunchRefused
from ipvscreen.resources.allowance import EVERYTHING, interactions, plan_findings, right_findings
from ipvscreen.resources.context import Context
from ipvscreen.resources.finding import Finding, bad, discreet, good, warning
from ipvscreen.resources.fitting import fitted
from ipvscreen.resources.plan import plan_writes
from ipvscreen.resources.policy import WritePolicy
from ipvscreen.resources.probe import probe as probe_entries
from ipvscreen.resources.scopes import Scopes
from ipvscreen.sdc.form import Form
from ipvscreen.smart.discovery import Endpoints
from ipvscreen.smart.key_check import our_keys, their_keys
from ipvscreen.smart.survey import Registration, survey

_VENDOR = "Ask whoever runs the record system"
_REGISTERED = (
    "Check how the app is registered there: client_id, token_auth, scopes, and the redirect address "
    "that was used."
)
_SKEW_SECONDS = (15, 60)  # known; refused: an id_token is believed a minute either way


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in; `scope` and `patient` are None where nobody said. `secrets`: what else is not shown."""

    token: str = field(repr=False)
    scope: str | None = None
    patient: str | None = None
    user: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    findings: tuple[Finding, ...] = ()

    @property
    def granted(self) -> Scopes:
        """What it may do; everything, where nobody said."""
        return EVERYTHING if self.scope is None else Scopes.parse(self.scope)


@dataclass(frozen=True, slots=True)
class Subject:
    """The record system, as the settings have it. `kid`: of the key that signs for us now, if one does."""

    iss: str
    registration: Registration
    lists: Lists
    jwks_url: str
    kid: str | None
    scope: str
    policy: WritePolicy = field(default_factory=WritePolicy)
    carriers: tuple[str, ...] = ()
    audit_events: bool = False


@dataclass(frozen=True, slots=True)
class Tools:
    """What comes from outside. `http` is an httpx.AsyncClient, which only smart and ehr may use."""

    http: Any
    clock: Callable[[], datetime]
    form: Form
    run: str  # this run's own id, so that its entries are new ones
    seconds: float = 10.0
    lag: float = LAG_SECONDS


SignIn = Callable[[Endpoints], Awaitable[Session]]


async def check_ehr(
    subject: Subject, tools: Tools, sign_in: SignIn | None, patient: str | None, found: list[Finding]
) -> None:
    """Add to `found` what there is to say; it holds what was found so far, also where this is broken off.

    Nothing is written unless `patient`, a test patient's id, is given. The record system's failures are
    findings, never errors.
    """
    endpoints = await _discovery(subject, tools, found)
    if endpoints is None:
        return
    found.extend(await _clock(subject, tools))
    session = await _session(sign_in, endpoints, found)
    secrets: list[str] = [] if session is None else [session.token, *session.secrets]
    try:
        await _record(subject, tools, session, patient, found, secrets)
    finally:
        found[:] = discreet(found, secrets)


async def _record(
    subject: Subject,
    tools: Tools,
    session: Session | None,
    patient: str | None,
    found: list[Finding],
    secrets: list[str],
) -> None:
    """What can be recorded, by what is declared and granted; then the probe."""
    client = _client(subject, tools, session.token if session else "")
    try:
        capability = await client.capability()
    except EhrError as error:
        ask = f"Open {subject.iss.rstrip('/')}/metadata in a browser, and put right what does not show there."
        found.append(bad("CapabilityStatement", "It cannot be read.", ask, said=str(error)))
        return
    if session is None:
        found.extend(plan_findings(capability, EVERYTHING, subject.carriers, log=subject.audit_events))
        return
    found.extend(right_findings(session.scope, subject.scope))
    found.extend(plan_findings(capability, session.granted, subject.carriers, log=subject.audit_events))
    read = await _test_patient(client, session, patient, found)
    if patient and read is not None:
        secrets.extend(_strings(read.get(name) for name in ("name", "birthDate", "telecom", "address")))
        await _probed(client, subject, tools, session, patient, capability, found)


async def _discovery(subject: Subject, tools: Tools, found: list[Finding]) -> Endpoints | None:
    surveyed = await survey(tools.http, subject.iss, subject.registration, seconds=tools.seconds)
    found.extend(surveyed.findings)
    if surveyed.endpoints is not None:
        found.append(await their_keys(tools.http, surveyed.endpoints.jwks))
    if subject.kid is not None:
        found.append(await our_keys(tools.http, subject.jwks_url, subject.kid))
    return surveyed.endpoints


def _client(subject: Subject, tools: Tools, token: str) -> FhirClient:
    async def given() -> str:
        return token

    return FhirClient(tools.http, subject.iss, given, seconds=tools.seconds)


async def _clock(subject: Subject, tools: Tools) -> Iterator[Finding]:
    """The answer's time lies between asking and having it; a Date header knows whole seconds."""
    before = tools.clock()
    try:
        there = await _client(subject, tools, "").time()
    except EhrError:
        return iter(())  # what is wrong with it is said elsewhere
    after = tools.clock()
    if there is None:
        return iter((good("Clock", "It tells no time (no Date header), so it was not compared."),))
    skew = max((before - there).total_seconds() - 1, (there - after).total_seconds(), 0.0)
    known, refused = _SKEW_SECONDS
    words = f"Its clock and this machine's differ by {skew:.0f} seconds."
    ask = "Set the clock of this machine by NTP, and ask for the same there."
    if skew > refused:
        return iter((bad("Clock", f"{words} Sign-ins are refused beyond {refused}.", ask),))
    return iter((warning("Clock", words, ask) if skew > known else good("Clock", words),))


async def _session(sign_in: SignIn | None, endpoints: Endpoints, found: list[Finding]) -> Session | None:
    if sign_in is None:
        words = "Not tried, so rights were not looked at and nothing was written."
        found.append(warning("Sign-in", words, "Repeat with --launch, or with --token-file."))
        return None
    try:
        session = await sign_in(endpoints)
    except LaunchRefused as refused:
        found.append(bad("Sign-in", f"{str(refused).partition('. ')[0].rstrip('.')}.", _REGISTERED))
        return None
    found.extend(session.findings)
    return session


async def _test_patient(
    client: FhirClient, session: Session, patient: str | None, found: list[Finding]
) -> Mapping[str, Any] | None:
    """The test patient, where it can be read and is the one that was signed in for."""
    if patient is None:
        words = "Nothing was written: no test patient was named."
        found.append(warning("Probe", words, "Name one with --patient; never a real one."))
        return None
    if session.patient not in (None, patient):
        words = "Nothing was written: the sign-in is for another patient than --patient names."
        found.append(bad("Probe", words, "Choose the test patient at the sign-in, and give the same id."))
        return None
    try:
        return await client.read("Patient", patient)
    except EhrError as error:
        found.append(_unread(error))
        return None


def _unread(error: EhrError) -> Finding:
    """Without the record system's words: they could name the patient."""
    status = error.status if isinstance(error, EhrRefused) else None
    if status == 401:
        words = "Nothing was written: the record system does not accept the token."
        return bad("Probe", words, "Get a fresh one; if it is fresh, check that it is for this FHIR base.")
    if status is not None:
        words = f"Nothing was written: reading the patient was answered with status {status}."
        return bad("Probe", words, "Check the id after --patient, and the right to read patients.")
    words = f"Nothing was written: the patient could not be read. {error}"
    return bad("Probe", words, f"{_VENDOR} whether its FHIR API is up, and try again.")


async def _probed(
    client: FhirClient,
    subject: Subject,
    tools: Tools,
    session: Session,
    patient: str,
    capability: Mapping[str, Any],
    found: list[Finding],
) -> None:
    plan = plan_writes(capability, session.granted, carriers=subject.carriers)
    made = (probe_entries(_context(subject, tools, session, patient, part), tools.form) for part in "12")
    first, then = (fitted(plan, items) for items in made)
    fate = await rehearse(client, plan, first, found)
    if fate is Fate.LEFT:
        words = "Nothing more was written, because the first entry could not be removed for certain."
        found.append(
            bad("Probe", words, "Allow the test sign-in to delete, or to update, and repeat the run.")
        )
        return
    items = [item for item in then if plan.allows(item.kind)]
    if fate is Fate.MARKED and any(item.kind == "Provenance" for item in items):
        items = [item for item in items if item.kind != "Provenance"]
        words = "Not tried: it cannot be marked as entered in error, and entries cannot be deleted here."
        found.append(warning("Provenance", words, "Look at one after a visit with the test patient."))
    await probe(client, plan, items, interactions(capability), subject.lists, found, lag=tools.lag)


def _context(subject: Subject, tools: Tools, session: Session, patient: str, part: str) -> Context:
    run = f"{tools.run}/{part}"
    return Context(run, patient, None, session.user, None, tools.clock(), subject.policy)


def _strings(value: object) -> Iterator[str]:
    """Every string in it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Iterable):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(part)
