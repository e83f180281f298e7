"""Resealing: every sealed value and blind index under the current key, a few rows at a time while serving."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, LargeBinary, RowMapping, Table, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.store import schema
from ipvscreen.store.case_tables import cases
from ipvscreen.store.engine import give_back, make_engine, reading, writing
from ipvscreen.store.jobs import recipient_of
from ipvscreen.store.sealed import Ring, SealBroken, SealedTable, key_prefix
from ipvscreen.store.sqlite import empty_log
from ipvscreen.store.tables import accounts, metadata, outbox, person_keys, visits
from ipvscreen.store.tables_inbox import organisations
from ipvscreen.store.visit import index_of

BATCH = 20  # rows: about 5 ms in which nobody else writes
PAUSE = 0.02  # seconds: SQLite does not queue those who wait for the lock, so they are given a chance


@dataclass(slots=True)
class Resealed:
    """Rows that were sealed anew, and rows that do not open with any key of the ring; both by table."""

    rows: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)


def sealed_columns(table: Table) -> list[Column[Any]]:
    """The sealed columns of a table: all that are binary."""
    return [column for column in table.columns if isinstance(column.type, LargeBinary)]


async def reseal(url: str, ring: Ring) -> Resealed:
    """Every value of the store at `url` that another key has sealed, under the current one.

    Every process that uses the store must seal with the current key by now: what one seals afterwards
    with an older key is not found by this run. What does not open is counted and left as it is.
    SchemaOutdated where the tables are not this version's.
    """
    engine, done = make_engine(url), Resealed()
    try:
        async with reading(engine) as connection:
            await connection.run_sync(schema.check)
        for table in metadata.sorted_tables:
            if sealed_columns(table):
                await _reseal_table(engine, ring, table, done)
        await asyncio.to_thread(empty_log, url)
    finally:
        await give_back(engine)
    return done


async def _reseal_table(engine: AsyncEngine, ring: Ring, table: Table, done: Resealed) -> None:
    sealed, last = SealedTable(ring, table.name), ""
    done.rows[table.name] = 0
    while True:
        async with writing(engine) as connection:
            rows = await _stale(connection, ring, table, last)
            for row in rows:
                await _reseal_row(connection, sealed, table, row, done)
        if not rows:
            return
        last = rows[-1]["id"]
        await asyncio.sleep(PAUSE)


async def _stale(connection: AsyncConnection, ring: Ring, table: Table, last: str) -> list[RowMapping]:
    """The next rows with a value that another key has sealed: each value begins with its key's id."""
    now = key_prefix(ring.current)
    others = (func.substr(column, 1, len(now)) != now for column in sealed_columns(table))
    query = select(table).where(table.c.id > last, or_(*others)).order_by(table.c.id).limit(BATCH)
    query = query.with_for_update()  # senders write beside us: what one empties must not be put back
    return list((await connection.execute(query)).mappings().all())


async def _reseal_row(
    connection: AsyncConnection, sealed: SealedTable, table: Table, row: RowMapping, done: Resealed
) -> None:
    try:
        values = dict(_values(sealed, table, row))
    except SealBroken:
        done.left[table.name] = done.left.get(table.name, 0) + 1
        return
    await connection.execute(update(table).where(table.c.id == row["id"]).values(values))
    done.rows[table.name] += 1


def _values(sealed: SealedTable, table: Table, row: RowMapping) -> Iterator[tuple[str, Any]]:
    for column in sealed_columns(table):
        value = sealed.open(column.name, row["id"], row[column.name])
        yield column.name, sealed.seal(column.name, row["id"], value)
        if (table.name, column.name) == (visits.name, "context"):
            yield "user_index", index_of(sealed, row["ehr"], value["user_key"])
        if (table.name, column.name) == (cases.name, "body"):
            yield "service_index", sealed.indexes("service_index", value["service_id"])[0]
        if (table.name, column.name) == (accounts.name, "body"):
            yield "whose_index", sealed.indexes("whose_index", value["whose"])[0]
        if (table.name, column.name) == (person_keys.name, "key"):
            yield "person_index", sealed.indexes("person_index", value["whose"])[0]
        if (table.name, column.name) == (outbox.name, "message") and value is not None:
            yield "recipient", recipient_of(sealed, value["endpoint"])
        if (table.name, column.name) == (organisations.name, "body"):
            yield "name_index", sealed.indexes("name_index", value["name"].casefold())[0]
