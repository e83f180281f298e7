"""sandbox: record system, charity and app on loopback, with made-up patients."""

import asyncio
import json
from typing import Annotated, Any

import typer

from ipvscreen.cli.demo import Demo, open_demo
from ipvscreen.cli.logs import configure_logs
from ipvscreen.sandbox.flaws import FLAWS
from ipvscreen.sandbox.profiles import PROFILES


def _known(names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in FLAWS]
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)} is not one of {', '.join(FLAWS)}")
    return names


def _one_of_them(name: str | None) -> str | None:
    if name is not None and name not in PROFILES:
        raise typer.BadParameter(f"{name} is not one of {', '.join(PROFILES)}")
    return name


def sandbox(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line, then serve.")] = False,
    flaw: Annotated[
        list[str],
        typer.Option(
            help=f"A fault of the record system: {', '.join(FLAWS)}. May be given several times.",
            callback=_known,
        ),
    ] = [],  # noqa: B006  typer reads the default and copies it
    profile: Annotated[
        str | None,
        typer.Option(
            help=f"Behave as this record system describes itself: {', '.join(PROFILES)}.",
            callback=_one_of_them,
        ),
    ] = None,
    service_tokens: Annotated[
        bool,
        typer.Option("--service-tokens", help="The charity takes messages with its tokens alone."),
    ] = False,
    port_app: Annotated[int, typer.Option(help="Preferred port of the app.")] = 8010,
    port_ehr: Annotated[int, typer.Option(help="Preferred port of the record system.")] = 8020,
    port_service: Annotated[int, typer.Option(help="Preferred port of the charity.")] = 8030,
) -> None:
    """Serve a sandbox record system, a charity and the app, on loopback, with made-up patients."""
    configure_logs()
    given = {"flaws": flaw, "profile": profile, "service_tokens": service_tokens}
    asyncio.run(_sandbox(as_json, (port_app, port_ehr, port_service), given))


async def _sandbox(as_json: bool, ports: tuple[int, int, int], given: dict[str, Any]) -> None:
    async with open_demo(ports, **given) as demo:
        typer.echo(_announcement(demo, as_json))
        await demo.serve()


def _announcement(demo: Demo, as_json: bool) -> str:
    if as_json:
        return json.dumps(demo.addresses)
    return f"Open {demo.clinic} in a browser. Ctrl+C ends it; nothing is kept."
