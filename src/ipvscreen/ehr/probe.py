"""The doctor's probe: written on a test patient as a visit would, looked at in every way, removed again."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.judgement import Case, Lists, judge, judge_lists
from ipvscreen.ehr.removal import Fate, Removed, remove
from ipvscreen.ehr.trial import LAG_SECONDS, Ledger, settle, show_all, write_probe
from ipvscreen.resources.draft import Labelled, order
from ipvscreen.resources.finding import Finding, bad, good, warning
from ipvscreen.resources.plan import WritePlan

_VENDOR = "Ask whoever runs the record system"
_REFUSED = "It says that it takes new ones, and then refused ours."
_BY_HAND = "Remove it by hand in the record system, on the test patient."


async def rehearse(
    client: FhirClient, plan: WritePlan, items: Sequence[Labelled], found: list[Finding]
) -> Fate | None:
    """Write one entry and remove it, before more is written; how that ended, None where none was taken."""
    ledger = Ledger()
    alone = replace(plan, transaction=False)
    removed: list[Removed] = []
    try:
        for item in order([item for item in items if item.kind != "Provenance"]):
            if plan.allows(item.kind) and not (ledger.there or ledger.open):
                await write_probe(client, alone, [item], ledger)
        found.extend(_unanswered(items, ledger))
    finally:
        removed = await _clear(client, items, ledger)
        found.extend(_left(items, removed, ledger))
    if ledger.open:
        return Fate.LEFT
    return removed[0].fate if removed else None


async def probe(
    client: FhirClient,
    plan: WritePlan,
    items: Sequence[Labelled],
    offered: Mapping[str, frozenset[str]],
    lists: Lists,
    found: list[Finding],
    *,
    lag: float = LAG_SECONDS,
) -> None:
    """Write, look, remove; the findings are added to `found`, also where it is broken off.

    `items` holds what may be written; `offered`, by type, the interactions that the record system declares.
    """
    ledger = Ledger()
    removed: list[Removed] = []
    try:
        await write_probe(client, plan, items, ledger)
        shown = await show_all(client, items, ledger, offered, lag=lag)
        cases = [Case(i, ledger.there[i.key], shown[i.key]) for i in items if i.key in shown]
        found.extend(_of_writing(items, ledger))
        found.extend(finding for case in cases for finding in judge(case))
        found.extend(judge_lists(cases, lists))
    finally:
        removed = await _clear(client, items, ledger)
        found.extend(_left(items, removed, ledger))
    found.extend(_of_removal(removed, ledger))


async def _clear(client: FhirClient, items: Sequence[Labelled], ledger: Ledger) -> list[Removed]:
    """Remove everything that is there, what refers to others first; what may be there is looked for."""
    if ledger.open:
        await asyncio.sleep(LAG_SECONDS)
        await settle(client, items, ledger)
    written = [item for item in reversed(order(items)) if item.key in ledger.there]
    return [await remove(client, item, ledger.there[item.key]) for item in written]


def _of_writing(items: Sequence[Labelled], ledger: Ledger) -> Iterator[Finding]:
    if ledger.whole is not None:
        words = "It offers transactions, and refused ours. A visit there would record nothing."
        ask = f"{_VENDOR} why; the lines about single types may tell, and its own words."
        yield bad("All at once", words, ask, said=ledger.whole)
    for item in items:
        if item.key in ledger.refused:
            ask = f"{_VENDOR} what it wants of new entries of this type; or have it say that it takes none."
            yield bad(item.kind, _REFUSED, ask, said=ledger.refused[item.key])
    yield from _unanswered(items, ledger)
    if ledger.open:
        seen = {*ledger.there, *ledger.refused, *ledger.open}
        rest = [item.kind for item in items if item.key not in seen]
        if rest:
            words = f"{', '.join(rest)}: not tried, because an answer before was lost."
            yield warning("Probe", words, "Repeat the run.")


def _unanswered(items: Sequence[Labelled], ledger: Ledger) -> Iterator[Finding]:
    """What was sent and not answered; whether it is there all the same is looked for afterwards."""
    if lost := [item for item in items if item.key in ledger.open]:
        words = f"No usable answer came when it was asked to store {', '.join(item.kind for item in lost)}."
        ask = f"{_VENDOR} why; a clinician would be told that it is not known whether they are there."
        yield bad("Answers", words, ask, said=ledger.open[lost[0].key])


def _left(items: Sequence[Labelled], removed: Sequence[Removed], ledger: Ledger) -> Iterator[Finding]:
    """What stands there still; this much is said even where the rest was broken off."""
    if marked := [one for one in removed if one.fate is Fate.MARKED]:
        names = ", ".join(one.reference for one in marked)
        words = f"Not deleted, but marked as entered in error, with their labels: {names}."
        yield warning("Removal", words, "Nothing, or remove them by hand.", said=marked[0].said)
    for one in removed:
        if one.fate is Fate.LEFT:
            words = "is still there." if one.seen else "may still be there: a read could not tell."
            yield bad("Removal", f"{one.reference} {words}", _BY_HAND, said=one.said)
    if unsure := [item for item in items if item.key in ledger.open]:
        words = (
            f"It may hold {', '.join(item.kind for item in unsure)} of the probe: a search could not tell."
        )
        ask = "Look on the test patient for entries of this minute, and remove them by hand."
        yield bad("Removal", words, ask)


def _of_removal(removed: Sequence[Removed], ledger: Ledger) -> Iterator[Finding]:
    deleted = sum(one.fate is Fate.DELETED for one in removed)
    if deleted == len(removed) and removed and not ledger.open:
        yield good("Removal", f"All {deleted} entries of the probe are gone again.")
