"""services: the directory that clinicians choose from."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ipvscreen.app import keep_services, ring_of
from ipvscreen.cli.directory_files import files_at
from ipvscreen.cli.reading import say, settings
from ipvscreen.ipv.gap import Gap
from ipvscreen.resources.bundle import read_bundle
from ipvscreen.resources.directory_report import Fate, Reading
from ipvscreen.resources.hsds.as_json import parsed
from ipvscreen.resources.hsds.limits import decoded
from ipvscreen.resources.hsds.reading import read_json, read_tables
from ipvscreen.settings import Settings
from ipvscreen.store.facade import open_store
from ipvscreen.store.gaps import Counted

SMALL = 5  # numbers below are not told apart

commands = typer.Typer(no_args_is_help=True, help="The directory of services.")


@commands.callback()
def services() -> None:
    """The directory of services."""


@commands.command("import")
def services_import(
    path: Annotated[Path, typer.Argument(exists=True, help="A FHIR Bundle, or HSDS as JSON, folder or zip.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")
    ] = False,
) -> None:
    """Replace the directory by the services of PATH, and say what was wrong, line by line.

    A file that is broken as a whole, or of which no service can be taken, changes nothing.
    """
    try:
        reading = _reading(path)
    except (ValueError, OSError) as wrong:
        _refuse(path, f"{wrong}")
    for remark in reading.remarks:
        typer.echo(str(remark))
    if reading.found and not reading.services:
        _refuse(path, "no service can be taken")
    number = len(reading.services)
    if dry_run:
        typer.echo(f"{number} services would be imported{_left_out(reading)}. Nothing was changed.")
        return
    asyncio.run(keep_services(settings(), reading.services))
    typer.echo(f"{number} services imported{_left_out(reading)}.")


@commands.command("gaps")
def services_gaps() -> None:
    """Print, month by month, what was missing when nothing fitted: counts, without anybody in them.

    A count below five is not told: it could point at a person.
    """
    counted = asyncio.run(_counted(settings()))
    if not counted:
        typer.echo("Nothing was missing so far.")
    for one in counted:
        typer.echo(gap_line(one.gap, one.count))


async def _counted(settings: Settings) -> list[Counted]:
    store = await open_store(settings.database, ring_of(settings))
    try:
        return await store.gaps.counts()
    finally:
        await store.close()


def gap_line(gap: Gap, count: int) -> str:
    """One line for whoever commissions: month, whom, what was wanted, what was in the way, how often."""
    whom = "a child" if gap.child else "an adult"
    wanted = ", ".join(sorted(gap.kinds)) or "any service"
    against = ", ".join(sorted(gap.excluded_by)) or "none is listed"
    area = gap.area or "not known"
    often = str(count) if count >= SMALL else f"fewer than {SMALL}"
    return f"{gap.month}: for {whom}, area {area}; wanted: {wanted}; in the way: {against}; {often}"


def _reading(path: Path) -> Reading:
    files = files_at(path)
    tables = {name: raw for name, raw in files.items() if name.endswith(".csv")}
    if tables:
        return read_tables(tables)
    if len(files) != 1:
        raise ValueError("holds neither tables (services.csv and others) nor one JSON file.")
    ((name, raw),) = files.items()
    body = parsed(name, raw)
    if isinstance(body, Mapping) and "resourceType" in body:
        return read_bundle(_fhir(name, raw))
    return read_json(name, body)


def _fhir(name: str, raw: bytes) -> dict[str, Any]:
    bundle: dict[str, Any] = json.loads(decoded(name, raw))
    if bundle["resourceType"] != "Bundle":
        raise ValueError(f"{name}: is not a Bundle.")
    return bundle


def _left_out(reading: Reading) -> str:
    fates = Counter(remark.fate for remark in reading.remarks)
    return f", {fates[Fate.LEFT_OUT]} left out" if fates[Fate.LEFT_OUT] else ""


def _refuse(path: Path, wrong: str) -> NoReturn:
    told = "".join(one if one.isprintable() else "?" for one in wrong).rstrip(".")
    say.print(f"{path.name}: {told}. The directory was left as it was.", markup=False, soft_wrap=True)
    raise typer.Exit(1)
