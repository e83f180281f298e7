"""SQLite as the store needs it: one file, durable, private, and one writer at a time."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

_WAIT = 10  # seconds for whoever reads just then

# busy_timeout comes first: the change to WAL itself can meet a lock.
_PRAGMAS = (
    "PRAGMA busy_timeout = 10000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # WAL's usual NORMAL may lose the last commits when the power goes
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what is deleted is overwritten, not only unlinked
)


WRITES = "ipvscreen_writes"  # the execution option of a transaction that may write


def make_sqlite(url: str) -> AsyncEngine:
    """An engine for an SQLite URL; ValueError for one without a file, where nothing would survive."""
    private_file(database_file(url))
    engine = create_async_engine(url, connect_args={"factory": LettingGo})
    event.listen(engine.sync_engine, "connect", _on_connect)
    event.listen(engine.sync_engine, "begin", _on_begin)
    return engine


def database_file(url: str) -> Path:
    """The file of an SQLite URL; ValueError for any other."""
    parsed = make_url(url)
    database = parsed.database
    if parsed.get_backend_name() != "sqlite" or not database or ":memory:" in database:
        raise ValueError("the store needs a database file")
    return Path(database)


def private_file(database: Path) -> None:
    """Made readable for its owner alone; SQLite gives its WAL the same mode."""
    database.touch(mode=0o600)


def empty_log(url: str) -> None:
    """What was overwritten is in SQLite's write-ahead log, too, until that is written back."""
    if make_url(url).get_backend_name() == "sqlite":
        with closing(sqlite3.connect(database_file(url), timeout=_WAIT)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class LettingGo(sqlite3.Connection):
    """A connection that gives its locks back when it is closed.

    SQLite keeps a closed connection, transaction and all, for as long as a statement has rows left
    (sqlite.org/c3ref/close.html). A cancelled RETURNING leaves one behind until the garbage collector comes
    by, and until then nobody else could write.
    """

    def close(self) -> None:
        """Roll back, then close."""
        if self.in_transaction:
            self.rollback()
        super().close()

    def __repr__(self) -> str:
        """Without our module's name: the driver logs its connections, and the name tells the topic."""
        return "<connection>"


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
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
