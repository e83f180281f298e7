"""The audit log held against its chains and sealed counts, row by row."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ipvscreen.ipv.audit import LOG, Fault, Head, Row
from ipvscreen.ipv.chain import ChainCheck, LogCheck, stood_at
from ipvscreen.store.paging import paged
from ipvscreen.store.sealed import SealBroken, SealedTable
from ipvscreen.store.tables import audit, audit_heads


async def check(
    connection: AsyncConnection, sealed: SealedTable, keys: Mapping[str, bytes], anchors: Iterable[Head]
) -> list[Fault]:
    """What is broken, as `ipv.chain.faults` says; `sealed` opens the counts, `keys` are those of the log."""
    found, missing = list[Fault](), 0
    async for it in _chains(connection, sealed, keys):
        found += it.end(await _moved(connection, it))
        missing += it.missing
    head = await connection.scalar(select(audit_heads.c.head).where(audit_heads.c.id == LOG))
    log = LogCheck(_opened(sealed, LOG, head), tuple(anchors), keys)
    async for row in paged(connection, select(audit), audit.c.seq):
        log.add(Row(**row))
    return found + log.end(found, missing)


async def _chains(
    connection: AsyncConnection, sealed: SealedTable, keys: Mapping[str, bytes]
) -> AsyncIterator[ChainCheck]:
    """Each chain with all its rows added; and each that has a sealed count and no row."""
    own = select(audit, audit_heads.c.head).join_from(
        audit, audit_heads, audit_heads.c.id == audit.c.chain, isouter=True
    )
    check: ChainCheck | None = None
    async for row in paged(connection, own, audit.c.chain, audit.c.number, audit.c.seq):
        given = dict(row)
        head = given.pop("head")
        if check is None or check.chain != row["chain"]:
            if check is not None:
                yield check
            check = ChainCheck(row["chain"], _opened(sealed, row["chain"], head), keys)
        check.add(Row(**given))
    if check is not None:
        yield check
    alone = select(audit_heads).where(audit_heads.c.id != LOG, audit_heads.c.id.not_in(select(audit.c.chain)))
    async for row in paged(connection, alone, audit_heads.c.id):
        yield ChainCheck(row["id"], _opened(sealed, row["id"], row["head"]), keys)


async def _moved(connection: AsyncConnection, check: ChainCheck) -> list[Row]:
    """Which of the rows that do not fit there would in the place of another row of the chain."""
    moved: dict[int, Row] = {}
    if check.suspects:
        async for row in paged(connection, select(audit).where(audit.c.chain == check.chain), audit.c.seq):
            other = Row(**row)
            moved |= {it.seq: it for it in check.suspects if stood_at(it, other, check.keys)}
    return [*moved.values()]


def _opened(sealed: SealedTable, ident: str, value: Any) -> Head | None:
    """A sealed count; None for one that is not there or does not open."""
    try:
        return None if value is None else Head(**sealed.open("head", ident, value))
    except SealBroken:
        return None
