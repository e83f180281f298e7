"""doctor: whether a record system can be trusted with what a visit writes there."""

import asyncio
import json
import re
import secrets
from collections.abc import Sequence
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ipvscreen.app import utc_now
from ipvscreen.cli.doctor_letters import letters
from ipvscreen.cli.doctor_sign_in import NO_KEY, by_file, by_launch, jwks_url, our_client, removal_scope
from ipvscreen.cli.reading import BAD_SETTINGS, say, settings
from ipvscreen.ehr.client import plain_http
from ipvscreen.errors import FormRefused
from ipvscreen.ipv.instruments import HARK
from ipvscreen.library import Library
from ipvscreen.parts import entry_of, library_of, policy_of, unheard
from ipvscreen.pathway.check_ehr import SignIn, Subject, Tools, check_ehr
from ipvscreen.resources.fallback import further
from ipvscreen.resources.finding import Finding, Level, bad, finding_to_json, warning, worst
from ipvscreen.settings import Ehr, Settings
from ipvscreen.smart.client import TokenAuth
from ipvscreen.smart.survey import Registration

_STYLES = {Level.GOOD: "green", Level.WARNING: "yellow", Level.BAD: "bold red"}
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_WIDTH = 120  # characters, where the output is no terminal

_PATIENT = typer.Option(metavar="ID", help="A TEST patient. Entries are written there, and removed.")
_TOKEN_FILE = typer.Option(metavar="FILE", help="Holds a token, or a whole token response; - for stdin.")
_LAUNCH = typer.Option("--launch", help="Sign in with a browser; prints one address.")


def doctor(
    ehr: Annotated[str, typer.Argument(help="The name of a record system in ipvscreen.toml.")],
    patient: Annotated[str | None, _PATIENT] = None,
    token_file: Annotated[str | None, _TOKEN_FILE] = None,
    launch: Annotated[bool, _LAUNCH] = False,
    port: Annotated[int, typer.Option(help="Of 127.0.0.1, for the answer to --launch; 0: any.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Check a record system: discovery, keys, rights, and a labelled probe on a test patient.

    Ends with 0 if nothing is bad, 1 if something is, 2 if settings or arguments cannot be used.
    """
    deployment = settings()
    one = _named(deployment, ehr)
    if launch and token_file:
        raise _refused("Give --launch or --token-file, not both.")
    from_file = _from_file(token_file) if token_file else None
    if patient is not None:
        _announce(patient, one, writes=launch or from_file is not None)
    found: list[Finding] = []
    try:
        asyncio.run(_examine(deployment, one, patient, from_file, port if launch else None, found))
    except KeyboardInterrupt:
        found.append(bad("Broken off", "Not everything was looked at.", "Run it again."))
    status = 1 if worst(found) is Level.BAD else 0
    _show_json(ehr, patient, status, found) if as_json else _show(found)
    raise typer.Exit(status)


async def _examine(
    deployment: Settings,
    one: Ehr,
    patient: str | None,
    from_file: SignIn | None,
    port: int | None,
    found: list[Finding],
) -> None:
    library = _library(deployment)
    client = await our_client(deployment, one)
    if client is None:
        found.append(NO_KEY)
    if what := unheard(deployment).get(one.name):
        words = "Switched off: nobody is set who would hear if one did not arrive."
        found.append(warning("Referrals", words, f"Set {', '.join(what)}: see docs/how-to/who-hears.md."))
    found += await letters(deployment)
    async with plain_http() as http:
        asked = entry_of(one, http, library.labels).asks_for("visit", standalone=True)
        more = further(one.carriers, concern=one.health_concern)
        scope = " ".join(dict.fromkeys(f"{asked} {removal_scope(one.scopes, more)}".split()))
        subject = Subject(
            iss=one.iss,
            registration=Registration(TokenAuth(one.token_auth), one.signing_alg, one.scopes),
            lists=one.labels_in_lists,
            carriers=more,
            audit_events=one.audit_events,
            jwks_url=jwks_url(deployment),
            kid=client.key.kid if client and client.key else None,
            scope=scope,
            policy=policy_of(one, library.labels),
        )
        tools = Tools(http, utc_now, library.forms[HARK], f"doctor/{secrets.token_hex(16)}")
        by_browser = by_launch(http, one, client, scope, port) if port is not None else None
        await check_ehr(subject, tools, from_file or by_browser, patient, found)


def _library(deployment: Settings) -> Library:
    try:
        return library_of(deployment)
    except (OSError, ValueError, FormRefused) as error:
        raise _refused(str(error)) from None


def _from_file(place: str) -> SignIn:
    try:
        return by_file(place)
    except (OSError, ValueError):
        raise _refused("--token-file: there is no token that can be read.") from None


def _announce(patient: str, one: Ehr, *, writes: bool) -> None:
    """Say to whom it will write."""
    if not (_ID.fullmatch(patient) and patient.strip(".")):
        raise _refused("--patient takes the id of a FHIR Patient, such as test-123.")
    if writes:
        words = f"Writes a labelled probe to Patient/{patient} at {one.iss}, reads it back, and removes it."
        say.print(words, markup=False, soft_wrap=True)


def _named(deployment: Settings, name: str) -> Ehr:
    for one in deployment.ehr:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in deployment.ehr) or "none"
    raise _refused(f"ipvscreen.toml has no [[ehr]] with the name {name}. There are: {known}.")


def _refused(words: str) -> typer.Exit:
    say.print(words, markup=False, soft_wrap=True)
    return typer.Exit(BAD_SETTINGS)


def _show_json(ehr: str, patient: str | None, status: int, found: Sequence[Finding]) -> None:
    lines = [finding_to_json(finding) for finding in found]
    typer.echo(json.dumps({"ehr": ehr, "patient": patient, "exit": status, "findings": lines}))


def _show(found: Sequence[Finding]) -> None:
    """A table, the good lines first: what is to be done stands at the end, where one looks."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("", "What", "Found", "To do"):
        table.add_column(heading, overflow="fold")
    for level in (Level.GOOD, Level.WARNING, Level.BAD):
        for finding in (finding for finding in found if finding.level is level):
            said = f' It says: "{_plain(finding.said)}"' if finding.said else ""
            cells = (finding.title, f"{finding.words}{said}", finding.do)
            table.add_row(Text(level, style=_STYLES[level]), *map(Text, cells))
    console.print(table)
    console.print(Text(", ".join(_count(found, level) for level in (Level.BAD, Level.WARNING, Level.GOOD))))


def _count(found: Sequence[Finding], level: Level) -> str:
    number = sum(finding.level is level for finding in found)
    return f"{number} {level}{'s' if level is Level.WARNING and number != 1 else ''}"


def _plain(said: str) -> str:
    """Another system's words, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in said)
