"""The chain of the audit log: untouched it is whole; what is taken, moved, changed or cut off is found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvscreen.ipv.audit import LISTS, POSTED, Act, Fault, Head, Kind, Row, sealed_by, total_after
from ipvscreen.ipv.chain import faults
from ipvscreen.ipv.visit import Step

FEW = settings(max_examples=25, deadline=None)
KEYS = {"old": b"o" * 32, "new": b"n" * 32}


@dataclass(frozen=True)
class Log:
    """A log as the store reads it."""

    rows: tuple[Row, ...]
    heads: Mapping[str, Head | None]
    whole: Head | None
    anchors: tuple[Head, ...] = ()

    def faults(self, keys: Mapping[str, bytes] = KEYS) -> list[Fault]:
        return faults(self.rows, self.heads, self.whole, self.anchors, keys)

    def kinds(self) -> set[Kind]:
        return {fault.kind for fault in self.faults()}


def written(*chains: str) -> Log:
    """One row after the other, each in the chain that is named; the key changes half way."""
    rows: list[Row] = []
    heads: dict[str, Head | None] = {}
    whole = Head()
    for seq, chain in enumerate(chains, start=1):
        before = heads.get(chain) or Head()
        key = "old" if seq <= len(chains) // 2 else "new"
        at = f"2026-03-02T10:00:{seq:02}.000000+00:00"
        place = (seq, chain, before.count + 1, at)
        row = sealed_by(KEYS[key], Row(*place, Act.SAVED, "ehr", "who", f"body {seq}", key, before.mac))
        rows.append(row)
        heads[chain] = Head(row.number, row.mac)
        whole = Head(seq, total_after(KEYS[key], whole.mac, row))
    return Log(tuple(rows), heads, whole)


LOG = written("a", "b", "a", "b", LISTS, "a", "b")
chains = st.lists(st.sampled_from("abc"), min_size=1, max_size=9)


@FEW
@given(chains)
def test_an_untouched_log_is_whole(names: list[str]) -> None:
    log = written(*names)
    half = written(*names[: len(names) // 2])

    assert log.faults() == []
    assert Log((), {}, None).faults() == []
    assert log.whole is not None
    assert replace(log, anchors=(Head(), log.whole)).faults() == []
    assert half.faults() == []


@FEW
@given(chains, st.data())
def test_any_row_that_is_taken_out_is_found(names: list[str], data: st.DataObject) -> None:
    log = written(*names)
    gone = data.draw(st.sampled_from(log.rows))

    left = replace(log, rows=tuple(row for row in log.rows if row is not gone))

    count = sum(row.chain == gone.chain for row in log.rows)
    kind = Kind.CUT_OFF if gone.number == count else Kind.DELETED
    expected = Fault(Kind.CHAIN_MISSING, gone.chain) if count == 1 else Fault(kind, gone.chain, gone.number)
    assert left.faults() == [expected]


@FEW
@given(chains, st.data())
def test_any_row_that_is_changed_in_any_column_is_found(names: list[str], data: st.DataObject) -> None:
    log = written(*names)
    at = data.draw(st.integers(0, len(names) - 1))
    column = data.draw(st.sampled_from([field.name for field in fields(Row)]))
    value = data.draw(st.one_of(st.text(max_size=9), st.integers(), st.binary(max_size=9), st.none()))
    changed = replace(log.rows[at], **{column: value})
    if changed == log.rows[at]:
        return

    found = replace(log, rows=(*log.rows[:at], changed, *log.rows[at + 1 :])).kinds()

    assert found & {Kind.EDITED, Kind.REORDERED, Kind.KEY}


@pytest.mark.parametrize("column", [field.name for field in fields(Row)])
def test_a_change_of_each_column_of_each_row_is_found(column: str) -> None:
    for at, row in enumerate(LOG.rows):
        value = getattr(row, column)
        changed = replace(row, **{column: value + 50 if isinstance(value, int) else f"{value}x"})

        found = replace(LOG, rows=(*LOG.rows[:at], changed, *LOG.rows[at + 1 :])).kinds()

        assert found & {Kind.EDITED, Kind.KEY}, row


@FEW
@given(st.integers(2, 6), st.data())
def test_any_two_rows_that_change_places_are_found(count: int, data: st.DataObject) -> None:
    log = written(*"a" * count)
    one, other = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=2, max_size=2)))
    columns = data.draw(st.sampled_from([("number",), ("seq",), ("number", "seq"), PLACE]))
    rows = list(log.rows)
    first, second = rows[one], rows[other]
    rows[one] = replace(first, **{name: getattr(second, name) for name in columns})
    rows[other] = replace(second, **{name: getattr(first, name) for name in columns})

    found = replace(log, rows=tuple(rows)).faults()

    assert {(fault.kind, fault.number) for fault in found} >= {
        (Kind.REORDERED, rows[one].number),
        (Kind.REORDERED, rows[other].number),
    }


PLACE = ("number", "seq", "previous")


@FEW
@given(chains, st.data())
def test_a_log_that_is_cut_off_anywhere_is_found(names: list[str], data: st.DataObject) -> None:
    log = written(*names)
    left = data.draw(st.integers(0, len(names) - 1))

    cut = replace(log, rows=log.rows[:left])

    assert cut.kinds() <= {Kind.CUT_OFF, Kind.CHAIN_MISSING}
    assert cut.kinds()


@FEW
@given(chains, st.data())
def test_an_older_copy_is_whole_and_does_not_reach_its_anchor(names: list[str], data: st.DataObject) -> None:
    log, older = written(*names), written(*names[: data.draw(st.integers(0, len(names) - 1))])
    assert log.whole is not None

    # Its keys changed at another time, so its rows are others, too: another history, as whole as the first.
    assert older.faults() == []
    assert replace(older, anchors=(log.whole,)).faults() == [Fault(Kind.ANCHOR, number=len(names))]


def changed(log: Log, **heads: Head | None) -> Log:
    return replace(log, heads={**log.heads, **heads})


def without(log: Log, chain: str, *, head: bool = False) -> Log:
    heads = {name: it for name, it in log.heads.items() if name != chain or head}
    return replace(log, rows=tuple(row for row in log.rows if row.chain != chain), heads=heads)


def older_whole() -> Head:
    """As it was sealed before the last row."""
    total = ""
    for row in LOG.rows[:6]:
        total = total_after(KEYS[row.key], total, row)
    return Head(6, total)


def older_head() -> Head:
    second = next(row for row in LOG.rows if (row.chain, row.number) == ("a", 2))
    return Head(2, second.mac)


MORE: dict[str, tuple[Callable[[], Log], list[Fault]]] = {
    "a chain with its count": (lambda: without(LOG, "b"), [Fault(Kind.CHAIN_MISSING, number=2)]),
    "a chain without its count": (lambda: without(LOG, "b", head=True), [Fault(Kind.CHAIN_MISSING, "b")]),
    "a count that does not open": (lambda: changed(LOG, a=None), [Fault(Kind.HEAD, "a")]),
    "an older count, no row gone": (lambda: changed(LOG, a=older_head()), [Fault(Kind.HEAD, "a")]),
    "an older count and its rows": (
        lambda: replace(changed(LOG, a=older_head()), rows=(*LOG.rows[:5], LOG.rows[6])),
        [Fault(Kind.CHAIN_MISSING, number=6)],
    ),
    "another end": (lambda: changed(LOG, a=Head(3, "x")), [Fault(Kind.HEAD, "a")]),
    "no count of the log": (lambda: replace(LOG, whole=None), [Fault(Kind.HEAD)]),
    "an older count of the log": (lambda: replace(LOG, whole=Head(6, "x")), [Fault(Kind.HEAD)]),
    "the count of the log as it was": (lambda: replace(LOG, whole=older_whole()), [Fault(Kind.HEAD)]),
    "another end of the log": (lambda: replace(LOG, whole=Head(7, "x")), [Fault(Kind.HEAD)]),
    "another anchor": (lambda: replace(LOG, anchors=(Head(3, "x"),)), [Fault(Kind.ANCHOR, number=3)]),
}


@pytest.mark.parametrize("case", MORE)
def test_what_else_may_be_wrong(case: str) -> None:
    make, expected = MORE[case]

    assert make().faults() == expected


def test_a_row_that_was_written_anew_by_who_has_the_key_of_another_history_breaks_the_link() -> None:
    other = sealed_by(KEYS["old"], replace(LOG.rows[0], body="another"))

    found = replace(LOG, rows=(other, *LOG.rows[1:])).faults()

    assert found == [Fault(Kind.EDITED, "a", 1)]


def test_without_a_key_its_rows_are_told_of_as_such() -> None:
    found = LOG.faults({"new": KEYS["new"]})

    assert [fault.kind for fault in found] == [Kind.KEY] * 3
    assert replace(LOG, anchors=(Head(4, "x"),)).faults({})[-1] == Fault(Kind.ANCHOR, number=4)


def test_every_page_with_a_form_has_its_act() -> None:
    assert set(POSTED) == set(Step)


def test_two_rows_never_have_the_same_bytes() -> None:
    """What stands in one column could otherwise be pushed over into the next."""
    base = replace(LOG.rows[0], act="ab", ehr="c")

    assert sealed_by(b"k", base).mac != sealed_by(b"k", replace(base, act="a", ehr="bc")).mac
