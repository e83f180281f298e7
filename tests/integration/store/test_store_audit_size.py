"""The check of the audit log needs as much memory for a long log as for a short one."""

import asyncio
import base64
import tracemalloc
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from ipvscreen.ipv.audit import LISTS, LOG, Act, Fault, Head, Kind, Row, sealed_by, total_after
from ipvscreen.store import audit_check
from ipvscreen.store.engine import writing
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.tables import audit, audit_heads, audit_keys

KEY = b"a" * 32
AT = "2026-03-02T10:00:00.000000+00:00"
BODY = base64.b64encode(b"s" * 300).decode()
SHORT, LONG = 2_000, 20_000
VISIT = 10  # rows; every other row is of one long chain
MORE = 1.5
GUARDS = {"sqlite": "audit_no_delete", "postgresql": "audit_no_change ON audit"}


async def fill(store: Store, ring: Ring, rows: int) -> None:
    """That many rows, as the log would have written them, in one transaction."""
    heads: dict[str, Head] = {}
    whole, made = Head(), list[dict[str, object]]()
    for seq in range(1, rows + 1):
        chain = LISTS if seq % 2 else f"visit-{seq // (2 * VISIT)}"
        before = heads.get(chain, Head())
        place = (seq, chain, before.count + 1, AT)
        row = sealed_by(KEY, Row(*place, Act.SAVED, "ehr", "who", BODY, ring.current, before.mac))
        heads[chain], whole = Head(row.number, row.mac), Head(seq, total_after(KEY, whole.mac, row))
        made.append(asdict(row))
    counts, secrets = SealedTable(ring, audit_heads.name), SealedTable(ring, audit_keys.name)
    sealed = [
        {"id": ident, "head": counts.seal("head", ident, asdict(head))}
        for ident, head in (heads | {LOG: whole}).items()
    ]
    secret = {"id": ring.current, "secret": secrets.seal("secret", ring.current, KEY.hex())}
    async with writing(store._engine) as connection:
        await connection.execute(insert(audit_keys).values(secret))
        await connection.execute(insert(audit), made)
        await connection.execute(insert(audit_heads), sealed)


async def peak(folder: Path, ring: Ring, rows: int) -> int:
    """The most bytes that Python held while the log was checked."""
    store = await open_store(f"sqlite+aiosqlite:///{folder / f'{rows}.db'}", ring)
    try:
        await fill(store, ring, rows)
        await store.audit.head()
        tracemalloc.start()
        assert await store.audit.verify() == []
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        await store.close()


def ratio(folder: Path, ring: Ring, short: int, long: int) -> float:
    async def measured() -> float:
        await peak(folder, ring, 100)  # what is only ever made once
        return await peak(folder, ring, long) / await peak(folder, ring, short)

    return asyncio.run(measured())


def test_ten_times_the_rows_need_no_more_memory(tmp_path: Path, ring: Ring):
    assert ratio(tmp_path, ring, SHORT, LONG) < MORE


def test_a_check_that_holds_the_log_would_be_seen(
    tmp_path: Path, ring: Ring, monkeypatch: pytest.MonkeyPatch
):
    """The control: all rows fetched before the first is looked at; a quarter of the rows shows it."""
    page_by_page = audit_check.paged

    async def at_once(connection, query, *order):
        held = [row async for row in page_by_page(connection, query, *order)]
        for row in held:
            yield row

    monkeypatch.setattr(audit_check, "paged", at_once)

    assert ratio(tmp_path, ring, SHORT // 4, LONG // 4) > 2 * MORE


async def test_what_was_taken_out_of_a_long_log_is_found(store: Store, ring: Ring):
    await fill(store, ring, SHORT)
    async with writing(store._engine) as connection:
        gone = (
            await connection.execute(select(audit.c.chain, audit.c.number).where(audit.c.seq == 777))
        ).one()
        await connection.exec_driver_sql(f"DROP TRIGGER {GUARDS[store._engine.dialect.name]}")
        await connection.exec_driver_sql("DELETE FROM audit WHERE seq = 777")

    assert await store.audit.verify() == [Fault(Kind.DELETED, gone.chain, gone.number)]
