"""serve and migrate: the app of this deployment."""

import asyncio
from typing import Annotated

import typer
import uvicorn

from ipvscreen.app import create_app, migrate_store
from ipvscreen.cli.logs import configure_logs
from ipvscreen.cli.reading import settings


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8010,
) -> None:
    """Serve the app to the record systems of ipvscreen.toml."""
    app = create_app(settings())
    configure_logs()
    uvicorn.run(app, host=host, port=port, access_log=False, server_header=False, log_level="warning")


def migrate() -> None:
    """Bring the store to this version's tables."""
    asyncio.run(migrate_store(settings()))
    typer.echo("The store is up to date.")
