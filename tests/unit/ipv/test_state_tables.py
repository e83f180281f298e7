"""The state tables against a second copy, written by hand: each single change to one of them is noticed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv import case, referral, visit

VISIT = """
opened: ask asking, disclose disclosed, defer deferred, account account, open-earlier earlier, again recorded
asking: disclose disclosed, save saving, defer deferred
disclosed: save saving
saving: record recorded, record-failed unrecorded, interrupt interrupted
interrupted: save saving, refer interrupted, finish closed
unrecorded: save saving, refer unrecorded, finish closed
recorded: refer referred, finish closed
referred: refer referred, finish closed
deferred: ask asking, record deferred, disclose disclosed, finish closed
account: return opened, finish closed
earlier: return opened, finish closed
closed:
"""
REFERRAL = """
drafted: send queued, prepare unsent, cancel cancelled
queued: receive received, refuse refused, cancel cancelled, lapse lapsed
unsent: hand-over sent, speak received, cancel cancelled, lapse lapsed
sent: speak received, withdraw untold
received: tell stopping, withdraw untold
refused: send queued, hand-over sent, speak received, cancel cancelled
cancelled:
lapsed:
stopping: receive told, refuse untold
told:
untold:
"""
PAGES = """
opened: start danger not-now
asking: questions form danger not-now
disclosed: respond form danger
saving: done danger
interrupted: done refer share sent danger finish
unrecorded: done refer share sent danger finish
recorded: done refer share danger finish
referred: sent refer share done danger finish
deferred: not-now danger
account: own danger
earlier: earlier danger
closed:
"""


def rows(written: str) -> dict[str, str]:
    return {
        state: rest.strip()
        for state, _, rest in (line.partition(":") for line in written.split("\n") if line)
    }


def check_moves(module: Any, states: type[StrEnum], events: type[StrEnum], written: str) -> None:
    listed = [
        (state, move.split()) for state, rest in rows(written).items() for move in rest.split(", ") if move
    ]
    expected = {(state, event): to for state, (event, to) in listed}
    for state, event in product(states, events):
        try:
            found = module.after(state, event)
        except OutOfOrder:
            found = None
        assert found == expected.get((state, event)), (state, event)


def check_pages() -> None:
    for state, rest in rows(PAGES).items():
        shown = visit.PAGES[visit.VisitState(state)]
        assert {step for step in visit.Step if visit.shows(visit.VisitState(state), step)} == set(
            rest.split()
        )
        assert " ".join(shown[:1]) == rest.partition(" ")[0], "its home comes first"


CASE = """
delivered: open opened, tell-nothing delivered
opened: accept accepted, decline declined
accepted: wait waitlisted, contact contact-attempted, engage engaged
contact-attempted: wait waitlisted, contact contact-attempted, engage engaged
waitlisted: contact waitlisted, engage engaged
engaged: wait waitlisted, contact engaged, weekly engaged
declined:
completed:
failed:
cancelled:
entered-in-error:
"""


def case_moves() -> str:
    """With what an open case has in every state, and one that was taken on besides."""

    def more(state: str, rest: str) -> str:
        if not rest:
            return ""
        every = ["withdraw cancelled", "error entered-in-error"]
        opened = [f"{event} {state}" for event in ("tell-nothing", "release", "check", "danger")]
        taken_on = [f"assign {state}", "complete completed", "fail failed"]
        also = opened if state != "delivered" else []
        return ", ".join([rest, *every, *also, *(taken_on if state not in ("delivered", "opened") else [])])

    return "\n".join(f"{state}: {more(state, rest)}" for state, rest in rows(CASE).items())


CHECKS: dict[str, Callable[[], None]] = {
    "visit": lambda: check_moves(visit, visit.VisitState, visit.Event, VISIT),
    "referral": lambda: check_moves(referral, referral.ReferralState, referral.ReferralEvent, REFERRAL),
    "case": lambda: check_moves(case, case.CaseState, case.CaseEvent, case_moves()),
    "pages": check_pages,
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_table_is_as_it_was_written_down(name: str) -> None:
    CHECKS[name]()


def moves(table: Mapping[Any, Mapping[Any, Any]], events: type[StrEnum]) -> Iterator[tuple[Any, Any]]:
    """One change each: an entry taken out, put in, or leading to another state."""
    for (state, row), event in product(table.items(), events):
        rest = {other: there for other, there in row.items() if other is not event}
        for to in {None, *table} - {row.get(event)}:
            yield state, rest if to is None else rest | {event: to}


def pages(table: Mapping[Any, tuple[Any, ...]]) -> Iterator[tuple[Any, Any]]:
    """One change each: a page taken out, put in, another in its stead, or brought to the front."""
    for state, row in table.items():
        absent = [step for step in visit.Step if step not in row]
        for place, step in enumerate(row):
            before, after = row[:place], row[place + 1 :]
            yield state, before + after
            yield from ((state, (*before, other, *after)) for other in absent)
            yield from [(state, (step, *before, *after))] * bool(place)
        yield from ((state, (*row, step)) for step in absent)


TABLES: list[tuple[str, Any, Iterable[tuple[Any, Any]]]] = [
    ("visit", visit.TRANSITIONS, list(moves(visit.TRANSITIONS, visit.Event))),
    ("referral", referral.TRANSITIONS, list(moves(referral.TRANSITIONS, referral.ReferralEvent))),
    ("case", case.TRANSITIONS, list(moves(case.TRANSITIONS, case.CaseEvent))),
    ("pages", visit.PAGES, list(pages(visit.PAGES))),
]


def survivors() -> tuple[int, list[str]]:
    """How many changes there are, and those that nothing above notices; scripts/mutants reports them too."""
    every = [(name, table, key, value) for name, table, changes in TABLES for key, value in changes]
    unseen = []
    for name, table, key, value in every:
        with pytest.MonkeyPatch.context() as patch, suppress(AssertionError):
            patch.setitem(table, key, value)
            CHECKS[name]()
            unseen.append(f"{name} {key}: {value}")
    return len(every), unseen


def test_each_change_to_a_table_is_noticed() -> None:
    count, unseen = survivors()
    assert count > 500
    assert unseen == []
