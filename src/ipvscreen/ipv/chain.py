"""What breaks the chains of the audit log, looked for row by row: memory grows with faults, not with rows."""

import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ipvscreen.ipv.audit import Fault, Head, Kind, Row, sealed_by, total_after

Keys = Mapping[str, bytes]

# A row that breaks its chain may have left its number in the log, too.
_EXPLAINS = (Kind.EDITED, Kind.REORDERED, Kind.KEY)


@dataclass(slots=True)
class ChainCheck:
    """One chain, whose rows are added in the order of their numbers; `head` as sealed, None if unreadable.

    `suspects` are the rows whose MAC does not fit; whether one was only moved tell all rows of its chain.
    """

    chain: str
    head: Head | None
    keys: Keys
    suspects: list[Row] = field(default_factory=list)
    _rows: int = 0
    _next: int = 1
    _last: Row | None = None
    _other_end: bool = False
    _broken: list[Fault] = field(default_factory=list)
    _gaps: list[Fault] = field(default_factory=list)
    _links: list[Fault] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """How many rows the chain should have and has not."""
        return max(0, self._count - self._rows)

    def add(self, row: Row) -> None:
        """The next row."""
        self._rows += 1
        self._passed(row.number)
        key = self.keys.get(row.key)
        if key is None:
            self._broken.append(Fault(Kind.KEY, self.chain, row.number))
        elif not _fits(key, row):
            self.suspects.append(row)
            self._broken.append(Fault(Kind.EDITED, self.chain, row.number))
        else:
            self._follows(row)

    def end(self, moved: Iterable[Row] = ()) -> list[Fault]:
        """What is broken once all rows were added; `moved`: those of the suspects that only changed place."""
        if not self._rows and self._count:
            return [Fault(Kind.CHAIN_MISSING, self.chain)]
        places = {row.number for row in moved}
        broken = [
            replace(it, kind=Kind.REORDERED) if it.kind is Kind.EDITED and it.number in places else it
            for it in self._broken
        ]
        tail = [Fault(Kind.CUT_OFF, self.chain, number) for number in range(self._next, self._count + 1)]
        head = [Fault(Kind.HEAD, self.chain)] if self._head_differs() else []
        return [*broken, *self._gaps, *tail, *self._links, *head]

    @property
    def _count(self) -> int:
        return self.head.count if self.head else 0

    def _passed(self, number: object) -> None:
        # Whoever tampers may leave no number there; one beyond the end is told of with the end.
        if isinstance(number, int) and self._next <= number <= self._count:
            gap = range(self._next, number)
            self._gaps += [Fault(Kind.DELETED, self.chain, missing) for missing in gap]
            self._next = number + 1

    def _follows(self, row: Row) -> None:
        before = self._last
        if before is not None and row.number == before.number + 1 and row.previous != before.mac:
            self._links.append(Fault(Kind.EDITED, self.chain, before.number))
        if self.head is not None and row.number == self.head.count:
            self._other_end = row.mac != self.head.mac
        self._last = row

    def _head_differs(self) -> bool:
        """A last row that is broken or missing has been told of already."""
        beyond = self._last is not None and self._last.number > self._count
        return self.head is None or beyond or self._other_end


@dataclass(slots=True)
class LogCheck:
    """All rows, added in the order of the log: numbers, and what it leads to at its end and at anchors."""

    head: Head | None
    anchors: Sequence[Head]
    keys: Keys
    _rows: int = 0
    _next: int = 1
    _missing: int = 0
    _first: int | None = None
    _total: str | None = ""  # None after a row without its key: what follows leads nowhere
    _totals: dict[int, str] = field(default_factory=lambda: {0: ""})
    _wanted: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        """At which numbers of rows the total has to be remembered."""
        self._wanted = frozenset(it.count for it in (*self.anchors, self.head or Head()))

    def add(self, row: Row) -> None:
        """The next row."""
        self._rows += 1
        if isinstance(row.seq, int):
            self._skipped(row.seq)
        key = self.keys.get(row.key)
        self._total = None if key is None or self._total is None else total_after(key, self._total, row)
        if self._total is not None and self._rows in self._wanted:
            self._totals[self._rows] = self._total

    def end(self, chains: Sequence[Fault], missing: int) -> list[Fault]:
        """What is broken beyond `chains`, the faults found there, which together miss so many rows."""
        found = [*self._numbers(missing + sum(fault.kind in _EXPLAINS for fault in chains))]
        head = self.head
        if not chains and not found and head is not None and self._totals.get(head.count) != head.mac:
            found.append(Fault(Kind.HEAD))
        unreached = (it for it in self.anchors if self._totals.get(it.count) != it.mac)
        return found + [Fault(Kind.ANCHOR, number=it.count) for it in unreached]

    def _skipped(self, seq: int) -> None:
        if self.head is None or not self._next <= seq <= self.head.count:
            return
        self._miss(seq - self._next)
        self._next = seq + 1

    def _miss(self, rows: int) -> None:
        if rows > 0 and self._first is None:
            self._first = self._next
        self._missing += rows

    def _numbers(self, told_of: int) -> Iterator[Fault]:
        """Rows that no chain misses: the whole chain went, its sealed count with it; and the log's own."""
        if self.head is None:
            if self._rows:
                yield Fault(Kind.HEAD)
            return
        self._miss(self.head.count + 1 - self._next)
        if self._missing > told_of:
            yield Fault(Kind.CHAIN_MISSING, number=self._first)
        if self._rows > self.head.count:
            yield Fault(Kind.HEAD)


def faults(
    rows: Sequence[Row],
    heads: Mapping[str, Head | None],
    log: Head | None,
    anchors: Iterable[Head],
    keys: Keys,
) -> list[Fault]:
    """What is broken; none where each row stands where it was put, unchanged, and none is missing.

    For a log in memory. `heads` by chain and `log` as they were sealed, None for one that does not open;
    `anchors` as they were written outside the database.
    """
    checks = {chain: ChainCheck(chain, head, keys) for chain, head in heads.items()}
    for row in sorted(rows, key=lambda row: _place(row.number)):
        checks.setdefault(row.chain, ChainCheck(row.chain, None, keys)).add(row)
    found = [fault for it in checks.values() for fault in it.end(_moved(it, rows))]
    whole = LogCheck(log, tuple(anchors), keys)
    for row in sorted(rows, key=lambda row: _place(row.seq)):
        whole.add(row)
    return found + whole.end(found, sum(it.missing for it in checks.values()))


def stood_at(suspect: Row, other: Row, keys: Keys) -> bool:
    """Whether a row whose MAC does not fit does fit with the place of another row of its chain."""
    return any(
        _fits(keys[suspect.key], place)
        for place in (
            replace(suspect, number=other.number),
            replace(suspect, seq=other.seq),
            replace(suspect, number=other.number, seq=other.seq),
            replace(suspect, number=other.number, seq=other.seq, previous=other.previous),
        )
    )


def _moved(check: ChainCheck, rows: Sequence[Row]) -> list[Row]:
    others = [row for row in rows if row.chain == check.chain] if check.suspects else []
    return [one for one in check.suspects if any(stood_at(one, other, check.keys) for other in others)]


def _fits(key: bytes, row: Row) -> bool:
    return hmac.compare_digest(sealed_by(key, row).mac.encode(), str(row.mac).encode())


def _place(number: object) -> tuple[bool, int]:
    """Numbers first, as SQLite orders them; whoever tampers may leave none."""
    return (False, number) if isinstance(number, int) else (True, 0)
