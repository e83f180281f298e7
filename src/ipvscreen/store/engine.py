"""The database engine, and the ways to use it: reading, and writing alone or beside others."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy import make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ipvscreen.errors import NotStored
from ipvscreen.store.sqlite import WRITES, ended, make_sqlite

_POSTGRES = "postgresql+psycopg"
_ONE_WRITER = text("SELECT pg_advisory_xact_lock(7210463258)")  # any number, the same in every process

# A server that keeps others waiting, or forgets a transaction, must not hold a clinician for longer.
_POSTGRES_OPTIONS = (
    "-c lock_timeout=10s -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"
)


def make_engine(url: str) -> AsyncEngine:
    """An engine for `url`; ValueError for a database we do not know, and for SQLite without a file."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return make_sqlite(url)
    if parsed.drivername != _POSTGRES:
        raise ValueError(f"the database is an SQLite file or {_POSTGRES}://…")
    return create_async_engine(
        url, pool_pre_ping=True, connect_args={"options": _POSTGRES_OPTIONS, "connect_timeout": 10}
    )


async def give_back(engine: AsyncEngine) -> None:
    """Close every connection; of SQLite's, wait until the thread of each has ended, if not for long."""
    await engine.dispose()
    await ended(engine)


def reading(engine: AsyncEngine) -> AbstractAsyncContextManager[AsyncConnection]:
    """A connection that sees one state of the database."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return engine.connect()


@asynccontextmanager
async def writing(engine: AsyncEngine, *, beside: bool = False) -> AsyncIterator[AsyncConnection]:
    """A transaction that may write: committed at the end of the block, rolled back by any exception.

    One writes at a time, over all processes: what is read in the block still holds when it is written, and
    the audit log is one chain. `beside` others only where each row that it depends on is locked or compared
    by the block itself; SQLite knows one writer in any case. NotStored where the database does not take it:
    full, broken, read-only, away, or locked for too long.
    """
    try:
        async with engine.execution_options(**{WRITES: True}).begin() as connection:
            if engine.dialect.name == "postgresql" and not beside:
                await connection.execute(_ONE_WRITER)
            yield connection
    except (OperationalError, InterfaceError) as failure:
        raise NotStored("The disk did not take it.") from failure


async def check_durable(connection: AsyncConnection) -> None:
    """ValueError where the server may lose what it has said is stored (Postgres with either switched off)."""
    if connection.dialect.name != "postgresql":
        return
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        if await connection.scalar(text(f"SHOW {name}")) == "off":
            raise ValueError(f"the database server runs with {name} = off: what it keeps can be lost")
