"""store: backup and restore of everything that is kept."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from ipvscreen.app import ring_of
from ipvscreen.cli.reading import say, settings
from ipvscreen.store.backup import BackupRefused, backup, restore

_Result = TypeVar("_Result")
_PersonKeys = Annotated[
    Path | None, typer.Option("--person-keys", dir_okay=False, help="Keys of persons; else beside FILE.")
]

commands = typer.Typer(no_args_is_help=True, help="Backup and restore of everything that is kept.")


@commands.callback()
def store() -> None:
    """Backup and restore of everything that is kept."""


@commands.command("backup")
def store_backup(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="A new file; nothing is overwritten.")],
    person_keys: _PersonKeys = None,
) -> None:
    """Write the whole store, sealed, to FILE, while the app is running.

    Keep the keys of ipvscreen.toml as well, and elsewhere: without them nobody can read FILE. Beside it
    stands persons.keys, which each backup replaces: keep that once, and no older copy of it.
    """
    chosen = settings()
    _run(backup(chosen.database, file, ring_of(chosen), keys=person_keys), file)
    typer.echo(f"Backed up to {file} ({file.stat().st_size} bytes).")


@commands.command("restore")
def store_restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What `store backup` wrote.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the store that is there.")] = False,
    person_keys: _PersonKeys = None,
) -> None:
    """Make the store what it was when FILE was written. Stop the app first.

    Open visits have lost their token, and are launched again. Messages that were waiting then are sent
    again, each with the key that it had, by which a service recognises it.
    """
    chosen = settings()
    work = restore(file, chosen.database, ring_of(chosen), force=force, keys=person_keys)
    if left_out := _run(work, file):
        typer.echo(f"Visits left out, because the keys of their persons are gone: {left_out}.")
    typer.echo(f"Restored from {file}. Run 'ipvscreen migrate', then start the app.")


def _run(work: Coroutine[Any, Any, _Result], file: Path) -> _Result:
    try:
        return asyncio.run(work)
    except (BackupRefused, OSError, ValueError) as wrong:
        say.print(f"{file.name}: {wrong}", markup=False)
        raise typer.Exit(1) from None
