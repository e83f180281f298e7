"""services: the directory that clinicians choose from."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from ipvscreen.app import import_services
from ipvscreen.cli.reading import say, settings

commands = typer.Typer(no_args_is_help=True, help="The directory of services.")


@commands.callback()
def services() -> None:
    """The directory of services."""


@commands.command("import")
def services_import(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Replace the directory by the HealthcareServices of FILE (a FHIR Bundle)."""
    bundle = json.loads(file.read_text(encoding="utf-8"))
    try:
        number = asyncio.run(import_services(settings(), bundle))
    except ValueError as wrong:
        say.print(f"{file.name}: {wrong}. The directory was left as it was.", markup=False)
        raise typer.Exit(1) from None
    typer.echo(f"{number} services imported.")
