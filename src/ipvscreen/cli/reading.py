"""The deployer's settings, read for a command."""

import typer
from pydantic import ValidationError
from rich.console import Console

from ipvscreen.settings import Settings

say = Console(stderr=True, highlight=False)
BAD_SETTINGS = 2


def settings() -> Settings:
    """The deployer's settings, or one line for each that is wrong; a value is never printed."""
    try:
        return Settings()
    except ValidationError as wrong:
        for error in wrong.errors(include_input=False, include_url=False):
            say.print(f"ipvscreen.toml: {'.'.join(map(str, error['loc']))}: {error['msg']}", markup=False)
        raise typer.Exit(BAD_SETTINGS) from None
