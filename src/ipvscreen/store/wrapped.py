"""A copy of the store in which all that is of a person is sealed once more, under that person's key."""

import sqlite3
from collections.abc import Iterator, Mapping

from sqlalchemy import Table

from ipvscreen.store.person_keys import Keys, PersonGone, unwrap, wrap
from ipvscreen.store.tables import metadata, visits

Tables = Mapping[str, list[str]]
"""The tables of a file, which may be of an earlier version, each with its sealed columns."""


def wrap_rows(copy: sqlite3.Connection, tables: Tables, keys: Mapping[str, tuple[str, bytes]]) -> None:
    """Wrap every sealed value that leads to a visit; `keys` by visit."""
    copy.execute("BEGIN")
    for table, column, row, visit, value in list(_values(copy, tables)):
        if visit in keys:
            _update(copy, table, column, row, wrap(keys[visit], f"{table}.{column}.{row}", value))
    copy.execute("COMMIT")


def unwrap_rows(copy: sqlite3.Connection, tables: Tables, keys: Keys) -> int:
    """Unwrap them, and leave out the visits of persons whose keys are gone; how many visits those are.

    SealBroken for a key that is neither there nor known to be gone.
    """
    left_out = set()
    copy.execute("BEGIN")
    for table, column, row, visit, value in list(_values(copy, tables)):
        try:
            _update(copy, table, column, row, unwrap(keys, f"{table}.{column}.{row}", value))
        except PersonGone:
            left_out.add(visit)
    for table, visit_of in reversed(_leading(tables)):
        copy.executemany(f"DELETE FROM {table} WHERE {visit_of} = ?", [(one,) for one in left_out])  # noqa: S608  names of its own schema
    copy.execute("COMMIT")
    return len(left_out)


def _values(copy: sqlite3.Connection, tables: Tables) -> Iterator[tuple[str, str, str, str, bytes]]:
    """Table, column, row, visit and value of everything sealed that leads to a visit."""
    for table, visit_of in _leading(tables):
        for column in tables[table]:
            rows = copy.execute(f"SELECT id, {visit_of}, {column} FROM {table}")  # noqa: S608  names of its own schema
            yield from ((table, column, row, visit, value) for row, visit, value in rows)


def _leading(tables: Tables) -> list[tuple[str, str]]:
    """The tables that lead to a visit, each after what it refers to, and how they tell which visit."""
    found = {visits.name: "visits.id"}
    for table in metadata.sorted_tables:
        if table.name in tables and (visit_of := _by_key(table, found)):
            found[table.name] = visit_of
    return [(table, visit_of) for table, visit_of in found.items() if table in tables]


def _by_key(table: Table, found: Mapping[str, str]) -> str | None:
    for key in table.foreign_keys:
        to = key.column.table.name
        if to in found:
            meets = f"{to}.{key.column.name} = {table.name}.{key.parent.name}"
            return f"(SELECT {found[to]} FROM {to} WHERE {meets})"  # noqa: S608  names of our tables
    return None


def _update(copy: sqlite3.Connection, table: str, column: str, row: str, value: bytes) -> None:
    copy.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (value, row))  # noqa: S608  names of its own schema
