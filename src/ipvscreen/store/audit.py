"""The audit log: one row for each act, written in the act's own transaction, chained and never changed."""

import base64
import secrets
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ipvscreen.ipv.audit import KEEPING, LOG, Act, Fault, Head, Row, sealed_by, total_after
from ipvscreen.store.audit_check import check
from ipvscreen.store.engine import reading, writing
from ipvscreen.store.paging import paged
from ipvscreen.store.sealed import KEY_BYTES, Ring, SealBroken, SealedTable
from ipvscreen.store.tables import audit, audit_heads, audit_keys
from ipvscreen.store.unshared import owe
from ipvscreen.store.visit import Visit

_BODY = ("iss", "user", "user_key", "user_name", "patient_id", "encounter_id")


@dataclass(frozen=True, slots=True)
class Subject:
    """Who acted, and about whom; `chain` is the visit, or `ipv.audit.LISTS` or `KEEPING`."""

    chain: str
    ehr: str
    iss: str
    user: str | None
    user_key: str | None
    user_name: str | None
    patient_id: str | None = None
    encounter_id: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One row, opened. `mac` binds it to its chain, and tells it from every other row."""

    seq: int
    number: int
    at: datetime
    act: Act
    subject: Subject
    mac: str


def of_visit(visit: Visit) -> Subject:
    """The clinician of the visit, and its patient."""
    return Subject(chain=visit.id, ehr=visit.ehr, **{name: getattr(visit, name) for name in _BODY})


def of_operator(ehr: str = "", iss: str = "", patient_id: str | None = None) -> Subject:
    """Whoever runs the app, who is no clinician and not known to it; about one patient, or nobody by name."""
    return Subject(KEEPING, ehr, iss, None, None, "who operates the app", patient_id)


class Noting:
    """The row that one request leaves: with its first change, whichever that is, and no second one.

    Without an act nothing is noted: what the house does by itself. `shares`: the record systems whose own
    log is to be told of it.
    """

    def __init__(
        self,
        ring: Ring,
        act: Act | None = None,
        at: datetime | None = None,
        shares: Collection[str] = (),
    ) -> None:
        self._ring, self._act, self._at, self._shares = ring, act, at, shares

    def instead(self, act: Act) -> None:
        """It is that act, as is known by now; a row that has been left already stays as it is."""
        self._act = self._act and act

    async def note(self, connection: AsyncConnection, subject: Subject) -> None:
        """Append the row within the caller's transaction, which fails if that does."""
        if self._act is None or self._at is None:
            return
        row = await _append(connection, self._ring, self._act, self._at, subject)
        await owe(connection, row, self._shares)
        self._act = None


class AuditLog:
    """The log for who looks at it: whether it is whole, and what it says."""

    def __init__(self, engine: AsyncEngine, ring: Ring, noting: Noting) -> None:
        self._engine, self._ring, self._noting = engine, ring, noting

    async def note(self, subject: Subject) -> None:
        """Append the row of what has happened elsewhere, and changes nothing here."""
        async with writing(self._engine) as connection:
            await self._noting.note(connection, subject)

    async def head(self) -> Head:
        """How many rows there are, and what they lead to; SealBroken where that was altered."""
        async with reading(self._engine) as connection:
            return await _head(connection, self._ring, LOG)

    async def verify(self, anchors: Iterable[Head] = ()) -> list[Fault]:
        """What is broken, as `ipv.chain.faults` says; the log is read row by row, and never held whole."""
        async with reading(self._engine) as connection:
            keys = await _keys(connection, self._ring)
            return await check(connection, SealedTable(self._ring, audit_heads.name), keys, anchors)

    async def entries(
        self, *, since: datetime | None = None, visit: str | None = None
    ) -> AsyncIterator[Entry]:
        """The rows in their order, from a moment on, of one visit; SealBroken for one that does not open."""
        query = select(audit)
        if since is not None:
            query = query.where(audit.c.at >= _text(since))
        if visit is not None:
            query = query.where(audit.c.chain == visit)
        async with reading(self._engine) as connection:
            keys = await _keys(connection, self._ring)
            async for row in paged(connection, query, audit.c.seq):
                yield _entry(row, keys)


async def _append(connection: AsyncConnection, ring: Ring, act: Act, at: datetime, subject: Subject) -> Row:
    log, chain = await _head(connection, ring, LOG), await _head(connection, ring, subject.chain)
    key = await _current_key(connection, ring)
    own = SealedTable(Ring({ring.current: key}, ring.current), audit.name)
    place = f"{subject.chain}/{chain.count + 1}"
    who = f"{subject.ehr} {subject.user_key}"
    body = own.seal("body", place, {name: getattr(subject, name) for name in _BODY})
    row = Row(
        seq=log.count + 1,
        chain=subject.chain,
        number=chain.count + 1,
        at=_text(at),
        act=act,
        ehr=subject.ehr,
        user_index=own.indexes("user_index", who)[0] if subject.user_key else "",
        body=base64.b64encode(body).decode(),
        key=ring.current,
        previous=chain.mac,
    )
    row = sealed_by(key, row)
    await connection.execute(insert(audit).values(asdict(row)))
    await _put_head(connection, ring, subject.chain, Head(row.number, row.mac))
    await _put_head(connection, ring, LOG, Head(row.seq, total_after(key, log.mac, row)))
    return row


async def _current_key(connection: AsyncConnection, ring: Ring) -> bytes:
    """The audit key of the time of the ring's current key; made with the first row of that time.

    A key of its own that only lies sealed under the ring: it can be sealed anew, and the chain stands.
    """
    query = select(audit_keys.c.secret).where(audit_keys.c.id == ring.current)
    sealed, table = await connection.scalar(query), SealedTable(ring, audit_keys.name)
    if sealed is not None:
        return bytes.fromhex(table.open("secret", ring.current, sealed))
    key = secrets.token_bytes(KEY_BYTES)
    values = {"id": ring.current, "secret": table.seal("secret", ring.current, key.hex())}
    await connection.execute(insert(audit_keys).values(values))
    return key


async def _keys(connection: AsyncConnection, ring: Ring) -> dict[str, bytes]:
    """The audit keys that open."""
    table, keys = SealedTable(ring, audit_keys.name), dict[str, bytes]()
    for row in (await connection.execute(select(audit_keys))).mappings():
        try:
            keys[row["id"]] = bytes.fromhex(table.open("secret", row["id"], row["secret"]))
        except SealBroken:
            continue  # its rows will be told of
    return keys


async def _head(connection: AsyncConnection, ring: Ring, ident: str) -> Head:
    sealed = await connection.scalar(select(audit_heads.c.head).where(audit_heads.c.id == ident))
    return (
        Head() if sealed is None else Head(**SealedTable(ring, audit_heads.name).open("head", ident, sealed))
    )


async def _put_head(connection: AsyncConnection, ring: Ring, ident: str, head: Head) -> None:
    sealed = SealedTable(ring, audit_heads.name).seal("head", ident, asdict(head))
    await connection.execute(delete(audit_heads).where(audit_heads.c.id == ident))
    await connection.execute(insert(audit_heads).values({"id": ident, "head": sealed}))


def _entry(row: RowMapping, keys: Mapping[str, bytes]) -> Entry:
    if row["key"] not in keys:
        raise SealBroken("A row of the log names a key that is not there.")
    own = SealedTable(Ring({row["key"]: keys[row["key"]]}, row["key"]), audit.name)
    place = f"{row['chain']}/{row['number']}"
    body: dict[str, Any] = own.open("body", place, base64.b64decode(row["body"]))
    subject = Subject(chain=row["chain"], ehr=row["ehr"], **body)
    at = datetime.fromisoformat(row["at"])
    return Entry(row["seq"], row["number"], at, Act(row["act"]), subject, row["mac"])


def _text(at: datetime) -> str:
    """A moment as it is stored: UTC, always as long, so that its order is that of the text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
