"""The commands: serve · sandbox · doctor · services · keys · store · migrate; a module for each family."""

import typer

from ipvscreen.cli import keys, sandbox, serve, services

main = typer.Typer(no_args_is_help=True, add_completion=False)
main.add_typer(services.commands, name="services")
main.add_typer(keys.commands, name="keys")
main.command("serve")(serve.serve)
main.command("sandbox")(sandbox.sandbox)
main.command("migrate")(serve.migrate)
