"""SQLite as the store needs it: one file, durable, private, and one writer at a time."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import aiosqlite
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_WAIT = 10  # seconds for whoever reads just then
_END = 5.0  # seconds for the threads of connections, at most; a process that stops is waited for, too
_workers: WeakKeyDictionary[Engine, WeakSet[Thread]] = WeakKeyDictionary()  # a thread for each connection

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
    workers: WeakSet[Thread] = WeakSet()

    def opened(*where: Any, **how: Any) -> aiosqlite.Connection:
        connection = aiosqlite.connect(*where, **how)
        connection._thread.daemon = True  # as SQLAlchemy does with what it opens itself
        workers.add(connection._thread)
        return connection

    # The driver of Python's sqlite3 would begin transactions by itself, late and never IMMEDIATE:
    # docs.sqlalchemy.org, SQLite, "Using SQLAlchemy to emit BEGIN in lieu of SQLite's transaction control".
    how = {"factory": LettingGo, "isolation_level": None, "async_creator_fn": opened}
    engine = create_async_engine(url, connect_args=how)
    event.listen(engine.sync_engine, "begin", _on_begin)
    _workers[engine.sync_engine] = workers
    return engine


async def ended(engine: AsyncEngine) -> None:
    """Wait until the thread of every connection of a disposed engine has ended; not for long.

    Whoever is cancelled while a connection opens or works leaves it to its thread, which nobody awaits: it
    would open the file after its owner has gone, and die of an event loop that is closed.
    """
    alive = [worker for worker in _workers.get(engine.sync_engine, ()) if worker.is_alive()]
    await asyncio.gather(*(asyncio.to_thread(worker.join, _END) for worker in alive))


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
    """A connection with our pragmas that gives its locks back when it is closed.

    SQLite keeps a closed connection, transaction and all, for as long as a statement has rows left
    (sqlite.org/c3ref/close.html). A cancelled RETURNING leaves one behind until the garbage collector comes
    by, and until then nobody else could write.
    """

    def __init__(self, *where: Any, **how: Any) -> None:
        super().__init__(*where, **how)
        for pragma in _PRAGMAS:
            self.execute(pragma)

    def close(self) -> None:
        """Roll back, then close."""
        if self.in_transaction:
            self.rollback()
        super().close()

    def __repr__(self) -> str:
        """Without our module's name: the driver logs its connections, and the name tells the topic."""
        return "<connection>"


def _on_begin(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once, whatever busy_timeout says,
    # when another has written meanwhile (sqlite.org/isolation.html); IMMEDIATE waits its turn.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
