"""The database engine, and the two ways to use it: reading and writing."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

_WRITES = "ipvscreen_writes"

# busy_timeout comes first: the change to WAL itself can meet a lock.
_PRAGMAS = (
    "PRAGMA busy_timeout = 10000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # WAL's usual NORMAL may lose the last commits when the power goes
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what is deleted is overwritten, not only unlinked
)


def make_engine(url: str) -> AsyncEngine:
    """An engine for `url`; ValueError for an SQLite URL without a file, where nothing would survive."""
    engine = create_async_engine(url)
    if engine.dialect.name == "sqlite":
        _private_file(make_url(url).database)
        event.listen(engine.sync_engine, "connect", _on_connect)
        event.listen(engine.sync_engine, "begin", _on_begin)
    return engine


def reading(engine: AsyncEngine) -> AbstractAsyncContextManager[AsyncConnection]:
    """A connection that sees one state of the database."""
    return engine.connect()


def writing(engine: AsyncEngine) -> AbstractAsyncContextManager[AsyncConnection]:
    """A transaction that may write: committed at the end of the block, rolled back by any exception."""
    return engine.execution_options(**{_WRITES: True}).begin()


def _private_file(database: str | None) -> None:
    """Made readable for its owner alone; SQLite gives its WAL the same mode."""
    if not database or ":memory:" in database:
        raise ValueError("the store needs a database file")
    Path(database).touch(mode=0o600)


def _on_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver of Python's sqlite3 would begin transactions by itself, late and never IMMEDIATE:
    # docs.sqlalchemy.org, SQLite, "Using SQLAlchemy to emit BEGIN in lieu of SQLite's transaction control".
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _on_begin(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once, whatever busy_timeout says,
    # when another has written meanwhile (sqlite.org/isolation.html); IMMEDIATE waits its turn.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
