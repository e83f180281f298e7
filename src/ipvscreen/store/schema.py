"""The schema's version: brought up to date, or checked, by Alembic from inside the package."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from ipvscreen.errors import IpvscreenError


class SchemaOutdated(IpvscreenError):
    """The tables are not those of this version."""


def _config() -> Config:
    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))  # Config interpolates %
    return config


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to this version, or an earlier one, within the transaction of `connection`."""
    if revision == "head" and _current(connection) == _head():
        return  # without Alembic's reading of every step
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def back(connection: Connection) -> str:
    """To the tables of one revision before; its name. SchemaOutdated where that would lose something."""
    current = MigrationContext.configure(connection).get_current_revision()
    script = ScriptDirectory.from_config(_config()).get_revision(current) if current else None
    if script is None or not hasattr(script.module, "downgrade"):
        raise SchemaOutdated("There is no way back from these tables that keeps everything.")
    config = _config()
    config.attributes["connection"] = connection
    command.downgrade(config, "-1")
    return str(script.down_revision)


def check(connection: Connection) -> None:
    """SchemaOutdated where `upgrade` would change something, or where the tables are of a later version."""
    if _current(connection) != _head():
        raise SchemaOutdated("The tables are not those of this version; run 'ipvscreen migrate'.")


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


@cache  # the files are those of the running version, and /readyz asks often
def _head() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def is_known(revision: str) -> bool:
    """Whether `upgrade` can start from tables of that revision."""
    return revision in {known.revision for known in ScriptDirectory.from_config(_config()).walk_revisions()}
