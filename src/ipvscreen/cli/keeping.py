"""purge, forget and export: how long things are kept, and what a person may ask for."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from ipvscreen.app import days_of, ring_of, utc_now
from ipvscreen.cli.reading import BAD_SETTINGS, say, settings
from ipvscreen.ipv.audit import Act
from ipvscreen.parts import library_of
from ipvscreen.pathway.hand_out import hand_out
from ipvscreen.settings import Settings
from ipvscreen.store.audit import Entry
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.persons import Held, Person, is_about
from ipvscreen.store.sealed import SealBroken

_Result = TypeVar("_Result")
_Ehr = Annotated[str, typer.Option("--ehr", help="The record system's name in ipvscreen.toml.")]
_Patient = Annotated[str, typer.Option("--patient", help="The patient's id there.")]


def purge(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")
    ] = False,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Also what waits for somebody for longer than its limit.")
    ] = False,
) -> None:
    """Delete what has been kept for as long as the settings say; prints how many rows, by table.

    The app does the same once a day, but never deletes what waits for somebody: only --unfinished does.
    """
    chosen, now = settings(), utc_now()
    gone = _with_store(
        chosen,
        lambda store: store.doing(Act.PURGED, now).retention.purge(
            days_of(chosen), now, by_hand=unfinished, dry_run=dry_run
        ),
    )
    _print(gone)
    typer.echo("Nothing was changed." if dry_run else "These are gone.")


def forget(
    ehr: _Ehr,
    patient: _Patient,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this only counts are printed.")] = False,
) -> None:
    """Delete everything held of one person, and the key under which backups hold it.

    The audit log stays, and gets a line for it. A message that waits to be sent is not sent. Then run
    `store backup` into each folder where you keep backups: it replaces persons.keys there, and from then on
    no backup beside it opens for this person.
    """
    chosen = settings()
    person = _person(chosen, ehr, patient)
    if not yes:
        _print(_with_store(chosen, lambda store: store.persons.count(person)))
        typer.echo("Nothing was changed; --yes deletes these.")
        raise typer.Exit(1)

    async def forgotten(store: Store) -> dict[str, int]:
        gone = await store.doing(Act.FORGOTTEN, utc_now()).persons.forget(person)
        await store.retention.empty_log()
        return gone

    _print(_with_store(chosen, forgotten))
    typer.echo("These are gone. Run 'ipvscreen store backup' into each folder that holds backups.")


def export(ehr: _Ehr, patient: _Patient) -> None:
    """Print what is held of one person as JSON, for somebody to review before it is handed out.

    What may be about others, and every way to reach the person, is left out; the export says what and why.
    """
    chosen = settings()
    person = _person(chosen, ehr, patient)

    async def all_of(store: Store) -> tuple[Held, list[Entry]]:
        rows = [row async for row in store.audit.entries() if is_about(row.subject, person)]
        return await store.persons.held(person), rows

    held, rows = _with_store(chosen, all_of)
    given = hand_out(held, rows, library_of(chosen).forms, utc_now())
    typer.echo(json.dumps(given, indent=2, ensure_ascii=False))


def _person(chosen: Settings, ehr: str, patient: str) -> Person:
    found = [one for one in chosen.ehr if one.name == ehr]
    if not found:
        say.print(f"No [[ehr]] is named {ehr}.", markup=False)
        raise typer.Exit(BAD_SETTINGS)
    return Person(ehr, found[0].iss, patient)


def _print(rows: dict[str, int]) -> None:
    for table, number in sorted(rows.items()):
        typer.echo(f"{table}: {number}")


def _with_store(chosen: Settings, work: Callable[[Store], Awaitable[_Result]]) -> _Result:
    async def run() -> _Result:
        store = await open_store(chosen.database, ring_of(chosen))
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except SealBroken as broken:  # whose it is cannot be told, so nobody's data is said to be all
        say.print(f"{broken} Nothing was changed.", markup=False)
        raise typer.Exit(1) from None
