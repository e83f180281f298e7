"""The audit log as such: the chain that binds its rows, and what breaks it; its acts are in `ipv.acts`."""

import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from enum import StrEnum
from hashlib import sha256

from ipvscreen.ipv.acts import POSTED as POSTED
from ipvscreen.ipv.acts import Act as Act

LISTS = "lists"  # the chain of what is no visit: a clinician without a patient
KEEPING = "keeping"  # the chain of what whoever operates the app deletes, or the app each day


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it lies in the table, whatever its columns hold by now.

    `seq` counts the whole log from 1, `number` the rows of `chain` (a visit, `LISTS`, `KEEPING`). `key`
    names the audit key; `previous` is the MAC of the row before in its chain, empty for the first; `body` is
    sealed.
    """

    seq: int
    chain: str
    number: int
    at: str
    act: str
    ehr: str
    user_index: str
    body: str
    key: str
    previous: str
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """How many rows there are, and what they end with: a chain with the last MAC, the log with its total."""

    count: int = 0
    mac: str = ""


class Kind(StrEnum):
    """What is wrong with a row, a chain or the log."""

    DELETED = "deleted"
    REORDERED = "reordered"
    EDITED = "edited or added"
    CUT_OFF = "cut off"
    CHAIN_MISSING = "chain missing"
    HEAD = "sealed count does not fit"
    KEY = "its key is not there"
    ANCHOR = "anchor not reached"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something broken: in which chain ("" for the log as a whole), and at which of its rows, if at one."""

    kind: Kind
    chain: str = ""
    number: int | None = None


def sealed_by(key: bytes, row: Row) -> Row:
    """The row with its MAC: HMAC-SHA-256 over every other column, the MAC of the row before among them."""
    # repr: whoever tampers may leave a type in a column that JSON does not know
    content = json.dumps(astuple(replace(row, mac="")), default=repr).encode()
    return replace(row, mac=hmac.new(key, content, sha256).hexdigest())


def total_after(key: bytes, total: str, row: Row) -> str:
    """What the whole log leads to with that row at its end."""
    return hmac.new(key, f"{total} {row.mac}".encode(), sha256).hexdigest()


def faults(
    rows: Sequence[Row],
    heads: Mapping[str, Head | None],
    log: Head | None,
    anchors: Iterable[Head],
    keys: Mapping[str, bytes],
) -> list[Fault]:
    """What is broken; none where each row stands where it was put, unchanged, and none is missing.

    `rows` by `seq`; `heads` by chain and `log` as they were sealed, None for one that does not open;
    `anchors` as they were written outside the database.
    """
    chains: dict[str, list[Row]] = {chain: [] for chain in heads}
    for row in rows:
        chains.setdefault(row.chain, []).append(row)
    found = [
        fault for chain, its in chains.items() for fault in _in_chain(chain, its, heads.get(chain), keys)
    ]
    found += _in_log(rows, log, _told_of(chains, heads, found))
    totals = _totals(rows, keys)
    if not found and log is not None and totals.get(log.count) != log.mac:
        found.append(Fault(Kind.HEAD))
    return found + [Fault(Kind.ANCHOR, number=it.count) for it in anchors if totals.get(it.count) != it.mac]


def _in_chain(chain: str, rows: list[Row], head: Head | None, keys: Mapping[str, bytes]) -> Iterator[Fault]:
    if head and head.count and not rows:
        yield Fault(Kind.CHAIN_MISSING, chain)
        return
    whole: dict[int, Row] = {}
    for row in rows:
        if kind := _broken(row, rows, keys):
            yield Fault(kind, chain, row.number)
        else:
            whole[row.number] = row
    yield from _gaps(chain, {row.number for row in rows}, head.count if head else 0)
    for number, row in whole.items():
        after = whole.get(number + 1)
        if after is not None and after.previous != row.mac:
            yield Fault(Kind.EDITED, chain, number)
    if head is None or max(whole, default=0) > head.count or _differs(whole.get(head.count), head):
        yield Fault(Kind.HEAD, chain)


def _broken(row: Row, rows: list[Row], keys: Mapping[str, bytes]) -> Kind | None:
    key = keys.get(row.key)
    if key is None:
        return Kind.KEY
    if hmac.compare_digest(sealed_by(key, row).mac.encode(), str(row.mac).encode()):
        return None
    # Only moved: it is right with the place of another row of its chain.
    places = (
        place
        for other in rows
        for place in (
            replace(row, number=other.number),
            replace(row, seq=other.seq),
            replace(row, number=other.number, seq=other.seq),
            replace(row, number=other.number, seq=other.seq, previous=other.previous),
        )
    )
    return Kind.REORDERED if any(sealed_by(key, place).mac == row.mac for place in places) else Kind.EDITED


def _gaps(chain: str, there: set[int], count: int) -> Iterator[Fault]:
    missing = [number for number in range(1, count + 1) if number not in there]
    last = max((number for number in range(1, count + 1) if number in there), default=0)
    for number in missing:
        yield Fault(Kind.CUT_OFF if number > last else Kind.DELETED, chain, number)


def _differs(last: Row | None, head: Head) -> bool:
    """A last row that is broken or missing has been told of already."""
    return last is not None and last.mac != head.mac


def _told_of(
    chains: Mapping[str, Sequence[Row]], heads: Mapping[str, Head | None], found: list[Fault]
) -> int:
    """How many gaps in the numbers of the log are explained: rows that a chain misses, and moved ones."""
    counts = {chain: head.count for chain, head in heads.items() if head}
    missing = sum(max(0, count - len(chains[chain])) for chain, count in counts.items())
    return missing + sum(fault.kind in (Kind.EDITED, Kind.REORDERED, Kind.KEY) for fault in found)


def _in_log(rows: Sequence[Row], log: Head | None, told_of: int) -> Iterator[Fault]:
    """Rows that no chain misses: the whole chain went, its sealed count with it; and the log's own count."""
    if log is None:
        if rows:
            yield Fault(Kind.HEAD)
        return
    there = {row.seq for row in rows}
    missing = [seq for seq in range(1, log.count + 1) if seq not in there]
    if len(missing) > told_of:
        yield Fault(Kind.CHAIN_MISSING, number=missing[0])
    if len(there) > log.count:
        yield Fault(Kind.HEAD)


def _totals(rows: Sequence[Row], keys: Mapping[str, bytes]) -> dict[int, str]:
    """What the log leads to after each number of rows; nothing to be had after a row without its key."""
    totals, total = {0: ""}, ""
    for count, row in enumerate(rows, start=1):
        key = keys.get(row.key)
        if key is None:
            break
        totals[count] = total = total_after(key, total, row)
    return totals
