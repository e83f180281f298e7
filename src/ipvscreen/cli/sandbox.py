"""sandbox: record system, charity and app on loopback, with made-up patients."""

import asyncio
import json
from typing import Annotated

import typer

from ipvscreen.cli.demo import Demo, open_demo
from ipvscreen.cli.logs import configure_logs


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
