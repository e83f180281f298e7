"""audit: whether the log of who did what is whole, and the log itself for whoever has to read it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from ipvscreen.app import ring_of, utc_now
from ipvscreen.cli.reading import BAD_SETTINGS, say, settings
from ipvscreen.errors import IpvscreenError
from ipvscreen.ipv.audit import Fault, Head
from ipvscreen.ipv.shared import Fate
from ipvscreen.resources.audit_event import Event, audit_event
from ipvscreen.settings import Settings
from ipvscreen.store.anchor import anchor, anchors
from ipvscreen.store.audit import Entry
from ipvscreen.store.facade import Store, open_store

_Result = TypeVar("_Result")
_FATES: Mapping[Fate, str] = {
    Fate.DUE: "not sent",
    Fate.REFUSED: "refused",
    Fate.BEGUN: "perhaps there",
    Fate.BARE: "there without labels",
}

commands = typer.Typer(no_args_is_help=True, help="The log of who did what: whether it is whole; export.")


@commands.callback()
def audit() -> None:
    """The log of who did what: whether it is whole; export."""


@commands.command("verify")
def audit_verify() -> None:
    """Say whether each row stands where it was put, unchanged, and none is missing. Exit code 0 or 1."""
    chosen = settings()

    async def look(store: Store) -> tuple[Head, list[Fault], Mapping[Fate, int]]:
        known = anchors(chosen.audit_anchor) if chosen.audit_anchor else []
        found = await store.audit.verify(known)
        return Head() if found else await store.audit.head(), found, await store.unshared.counts()

    head, found, untold = _with_store(chosen, look)
    if untold:
        told = ", ".join(f"{untold[fate]} {words}" for fate, words in _FATES.items() if fate in untold)
        typer.echo(f"Of what the record systems' own logs are to be told: {told}.")
    for fault in found:
        typer.echo(_words(fault))
    if found:
        raise typer.Exit(1)
    unanchored = (
        "" if chosen.audit_anchor else "; audit_anchor is not set, so an older copy would not be seen"
    )
    typer.echo(f"Whole: {head.count} rows{unanchored}.")


@commands.command("anchor")
def audit_anchor() -> None:
    """Write into the file `audit_anchor` how far the log has come."""
    chosen = settings()
    file = _anchor_file(chosen)
    head = _with_store(chosen, lambda store: anchor(store.audit, file, utc_now()))
    typer.echo(f"Anchored: {head.count} rows.")


@commands.command("export")
def audit_export(
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From the beginning of that day, UTC.")
    ] = None,
    visit: Annotated[str | None, typer.Option(help="The rows of one visit.")] = None,
) -> None:
    """Print the log, one FHIR AuditEvent a line. It names clinicians and patients: keep it accordingly."""

    async def export(store: Store) -> None:
        async for entry in store.audit.entries(since=since and since.replace(tzinfo=UTC), visit=visit):
            typer.echo(json.dumps(audit_event(_event(entry))))

    _with_store(settings(), export)


def _event(entry: Entry) -> Event:
    given = asdict(entry.subject)
    who = {name: given[name] for name in ("iss", "user", "user_name", "patient_id", "encounter_id")}
    return Event(
        entry=f"{entry.seq}", about=f"{entry.subject.chain} {entry.number}", at=entry.at, act=entry.act, **who
    )


def _words(fault: Fault) -> str:
    where = f"visit {fault.chain}" if fault.chain else "the whole log"
    return f"{where}{'' if fault.number is None else f', row {fault.number}'}: {fault.kind}"


def _anchor_file(chosen: Settings) -> Path:
    if chosen.audit_anchor is None:
        say.print("ipvscreen.toml: audit_anchor: is not set", markup=False)
        raise typer.Exit(BAD_SETTINGS)
    return chosen.audit_anchor


def _with_store(chosen: Settings, work: Callable[[Store], Awaitable[_Result]]) -> _Result:
    async def run() -> _Result:
        store = await open_store(chosen.database, ring_of(chosen), migrate=False)
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except (IpvscreenError, OSError) as wrong:
        say.print(str(wrong), markup=False)
        raise typer.Exit(1) from None
