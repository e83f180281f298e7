"""serve and migrate: the app of this deployment."""

import asyncio
import os
import socket
import tempfile
from typing import Annotated

import typer

from ipvscreen.app import create_app
from ipvscreen.cli.logs import configure_logs
from ipvscreen.cli.reading import BAD_SETTINGS, say, settings
from ipvscreen.cli.worker import Work
from ipvscreen.cli.workers import Supervisor
from ipvscreen.errors import FormRefused
from ipvscreen.parts import unheard
from ipvscreen.store.facade import migrate as bring_up_to_date
from ipvscreen.store.facade import migrate_back
from ipvscreen.store.schema import SchemaOutdated
from ipvscreen.web.observe import MULTIPROCESS

_BACKLOG = 2048  # connections that wait while workers are replaced


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8010,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 2,
    forwarded_allow_ips: Annotated[
        str, typer.Option(help="Proxies whose X-Forwarded-For and -Proto are believed: addresses, networks.")
    ] = "127.0.0.1",
    drain: Annotated[
        float, typer.Option(min=0, max=300, help="Seconds to say 'not ready' before stopping.")
    ] = 5.0,
    deliver: Annotated[
        bool, typer.Option(help="Also send referrals to services; else 'ipvscreen deliver' has to run.")
    ] = True,
) -> None:
    """Serve the app to the record systems of ipvscreen.toml.

    SIGTERM stops it and lets running requests finish; SIGHUP reads the settings anew.
    """
    if not _can_start():
        raise typer.Exit(BAD_SETTINGS)
    asyncio.run(bring_up_to_date(settings().database))  # once, before several workers would
    configure_logs()
    with listening(host, port) as sock, tempfile.TemporaryDirectory() as counts:
        # Before prometheus_client is imported by a worker, for that decides at its import.
        os.environ[MULTIPROCESS] = counts
        code = Supervisor(sock, workers, Work(forwarded_allow_ips, drain, deliver), _can_start).run()
    raise typer.Exit(code)


def migrate(
    back: Annotated[
        bool, typer.Option("--back", help="To the tables of one revision before, for the version before.")
    ] = False,
) -> None:
    """Bring the store to this version's tables."""
    if back:
        try:
            typer.echo(f"The store is at {asyncio.run(migrate_back(settings().database))}.")
        except SchemaOutdated as outdated:
            say.print(str(outdated), markup=False)
            raise typer.Exit(BAD_SETTINGS) from None
        return
    asyncio.run(bring_up_to_date(settings().database))
    typer.echo("The store is up to date.")


def listening(host: str, port: int) -> socket.socket:
    """A socket that workers share; Exit(1) with a line where it cannot be had.

    Connections inherit its TCP_NODELAY. asyncio sets it itself only on sockets that were made with
    IPPROTO_TCP; without it each answer on a connection that is kept open waits 40 ms for the client's
    delayed acknowledgement, as headers and body are sent apart.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        typer.echo(f"{host}, port {port}: {error.strerror}", err=True)
        raise typer.Exit(1) from None
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _can_start() -> bool:
    """Whether a worker could start with the settings as they are now; what is wrong is printed."""
    try:
        create_app(settings())
    except typer.Exit:
        return False
    except (ValueError, FormRefused, FileNotFoundError) as wrong:
        typer.echo(str(wrong), err=True)
        return False
    for name, what in unheard(settings()).items():
        typer.echo(f"{name}: nothing can be referred before these are set: {', '.join(what)}", err=True)
    return True
