"""The way back to the tables of a version before, only where nothing is lost on it."""

from alembic import op
from sqlalchemy import text

from ipvscreen.store.schema import SchemaOutdated


def drop_empty(*tables: str) -> None:
    """Drop them in this order; SchemaOutdated where one holds a row."""
    for table in tables:
        refuse_where(f"SELECT 1 FROM {table}", f"'{table}' holds rows that the version before does not know")  # noqa: S608  names of ours
        op.drop_table(table)


def refuse_where(rows: str, words: str) -> None:
    """SchemaOutdated with these words where that query finds a row."""
    if op.get_bind().execute(text(f"{rows} LIMIT 1")).first() is not None:
        raise SchemaOutdated(f"There is no way back from these tables that keeps everything: {words}.")
