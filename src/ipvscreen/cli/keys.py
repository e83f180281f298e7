"""keys: what seals the store, and what signs for record systems."""

import base64
import secrets

import typer

commands = typer.Typer(no_args_is_help=True, help="The keys that seal what is stored.")


@commands.callback()
def keys() -> None:
    """The keys that seal what is stored."""


@commands.command("new")
def keys_new() -> None:
    """Print a fresh key for [keys] of ipvscreen.toml."""
    typer.echo(base64.b64encode(secrets.token_bytes(32)).decode())
