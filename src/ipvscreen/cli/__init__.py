"""The commands: serve · deliver · sandbox · doctor · services · keys · store …: a module for each."""

import typer

from ipvscreen.cli import (
    audit,
    deliver,
    doctor,
    keeping,
    keys,
    questionnaires,
    sandbox,
    serve,
    services,
    stewards,
    store,
)

# A traceback with its local variables would print keys and tokens.
main = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
main.add_typer(services.commands, name="services")
main.add_typer(questionnaires.commands, name="questionnaires")
main.add_typer(keys.commands, name="keys")
main.add_typer(store.commands, name="store")
main.add_typer(audit.commands, name="audit")
main.add_typer(stewards.commands, name="stewards")
main.command("serve")(serve.serve)
main.command("deliver")(deliver.deliver)
main.command("doctor")(doctor.doctor)
main.command("sandbox")(sandbox.sandbox)
main.command("migrate")(serve.migrate)
main.command("purge")(keeping.purge)
main.command("forget")(keeping.forget)
main.command("export")(keeping.export)
