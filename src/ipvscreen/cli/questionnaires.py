"""questionnaires: what would happen with a Questionnaire file, and how it would look."""

from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from ipvscreen.app import utc_now
from ipvscreen.cli import check_form, check_house, check_shown
from ipvscreen.cli.serve import listening
from ipvscreen.errors import FormRefused
from ipvscreen.parts import data_folder
from ipvscreen.sdc.file import parse
from ipvscreen.web.preview import make_preview

commands = typer.Typer(no_args_is_help=True, help="Forms of your own: check a file, and see it as a page.")
_File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, metavar="FILE")]
_HOST = "127.0.0.1"


@commands.callback()
def questionnaires() -> None:
    """Forms of your own: check a file, and see it as a page."""


@commands.command("check")
def check(
    file: _File, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line.")] = False
) -> None:
    """Say what would happen with a Questionnaire file. Ends with 1 where it would be refused."""
    house = check_house.house_of(data_folder("questionnaires"))
    report = check_form.check_form(file.read_bytes(), check_house.with_own(house, file.resolve().parent))
    if as_json:
        check_shown.show_json(file.name, report)
    else:
        check_shown.show(report)
    raise typer.Exit(check_shown.exit_code(report))


@commands.command("preview")
def preview(
    file: _File, port: Annotated[int, typer.Option(help="Port to listen on, on this machine only.")] = 8040
) -> None:
    """Serve the form on this machine, with its QuestionnaireResponse beside it. Nothing is kept."""
    with listening(_HOST, port) as sock:
        url = f"http://{_HOST}:{sock.getsockname()[1]}"
        try:
            app = make_preview(parse(file.read_bytes()), data_folder("smart_app"), url=url, clock=utc_now)
        except FormRefused as refused:
            typer.echo(str(refused), err=True)
            raise typer.Exit(1) from None
        typer.echo(f"Open {url}/ in a browser. Ctrl+C ends it; nothing is kept.")
        uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[sock])
