"""The commands: serve · sandbox · services · keys · migrate."""

import asyncio
import base64
import json
import secrets
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from pydantic import ValidationError
from rich.console import Console

from ipvscreen.app import create_app, import_services, migrate_store
from ipvscreen.cli.demo import Demo, open_demo
from ipvscreen.cli.logs import configure_logs
from ipvscreen.settings import Settings

main = typer.Typer(no_args_is_help=True, add_completion=False)
services = typer.Typer(no_args_is_help=True, help="The directory of services.")
keys = typer.Typer(no_args_is_help=True, help="The keys that seal what is stored.")
main.add_typer(services, name="services")
main.add_typer(keys, name="keys")

_say = Console(stderr=True, highlight=False)
_BAD_SETTINGS = 2


def _settings() -> Settings:
    """The deployer's settings, or one line for each that is wrong; a value is never printed."""
    try:
        return Settings()
    except ValidationError as wrong:
        for error in wrong.errors(include_input=False, include_url=False):
            _say.print(f"ipvscreen.toml: {'.'.join(map(str, error['loc']))}: {error['msg']}", markup=False)
        raise typer.Exit(_BAD_SETTINGS) from None


@main.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8010,
) -> None:
    """Serve the app to the record systems of ipvscreen.toml."""
    app = create_app(_settings())
    configure_logs()
    uvicorn.run(app, host=host, port=port, access_log=False, server_header=False, log_level="warning")


@main.command()
def sandbox(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line, then serve.")] = False,
    port_app: Annotated[int, typer.Option(help="Preferred port of the app.")] = 8010,
    port_ehr: Annotated[int, typer.Option(help="Preferred port of the record system.")] = 8020,
    port_service: Annotated[int, typer.Option(help="Preferred port of the charity.")] = 8030,
) -> None:
    """Serve a sandbox record system, a charity and the app, on loopback, with made-up patients."""
    configure_logs()
    asyncio.run(_sandbox(as_json, (port_app, port_ehr, port_service)))


async def _sandbox(as_json: bool, ports: tuple[int, int, int]) -> None:
    async with open_demo(ports) as demo:
        typer.echo(_announcement(demo, as_json))
        await demo.serve()


def _announcement(demo: Demo, as_json: bool) -> str:
    if as_json:
        return json.dumps(demo.addresses)
    return f"Open {demo.clinic} in a browser. Ctrl+C ends it; nothing is kept."


@services.command("import")
def services_import(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Replace the directory by the HealthcareServices of FILE (a FHIR Bundle)."""
    bundle = json.loads(file.read_text(encoding="utf-8"))
    try:
        number = asyncio.run(import_services(_settings(), bundle))
    except ValueError as wrong:
        _say.print(f"{file.name}: {wrong}. The directory was left as it was.", markup=False)
        raise typer.Exit(1) from None
    typer.echo(f"{number} services imported.")


@keys.command("new")
def keys_new() -> None:
    """Print a fresh key for [keys] of ipvscreen.toml."""
    typer.echo(base64.b64encode(secrets.token_bytes(32)).decode())


@main.command()
def migrate() -> None:
    """Bring the store to this version's tables."""
    asyncio.run(migrate_store(_settings()))
    typer.echo("The store is up to date.")
