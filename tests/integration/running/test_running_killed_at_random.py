"""Killed at random through a record system that fails: nothing is lost, nothing twice, and each page is true.

Real processes, SIGKILL, sockets on loopback. 15 kills in 50 records, most of them as transactions;
IPVSCREEN_SOAK above 1 (scripts/soak) makes it 300 in 500. IPVSCREEN_SEED repeats a run as far as chance goes.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import killed
import pytest

SOAK = int(os.environ.get("IPVSCREEN_SOAK") or 1) > 1
RECORDS = int(os.environ.get("IPVSCREEN_RECORDS") or (500 if SOAK else 50))
KILLS = int(os.environ.get("IPVSCREEN_KILLS") or (300 if SOAK else 15))
PARTS = {"transaction": 4, "one by one": 1}  # of five; what goes one by one takes longer
AT_ONCE = 20
# What a dead process has asked for may still be done by the record system: as in earnest, nobody goes on with
# its entries before that is over.
LEASE = 3.0
FAULTS = 0.3  # of all requests to the record system, from Save to saved
SEED = int(os.environ.get("IPVSCREEN_SEED") or random.randrange(2**31))  # noqa: S311  a test


@dataclass
class Told:
    """What happened in some batches."""

    records: int = 0
    kills: int = 0
    under_way: int = 0  # kills while a record was between Save and saved
    by_hand: int = 0  # records for which "Try again" was pressed
    presses: int = 0
    pages: Counter[str] = field(default_factory=Counter)
    came: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[killed.House]:
    with killed.house(tmp_path_factory.mktemp("killed"), lease=LEASE) as running:
        yield running


@pytest.mark.parametrize("way", PARTS)
async def test_killed_at_random_through_a_record_system_that_fails(house: killed.House, way: str) -> None:
    chance, told, first = random.Random(f"{SEED} {way}"), Told(), len(house.ends())  # noqa: S311  a test
    house.switch(no_transaction=way == "one by one")
    records, kills = RECORDS * PARTS[way] // 5, KILLS * PARTS[way] // 5
    while told.records < records:
        after = min(told.records + AT_ONCE, records)
        share = round(kills * after / records) - told.kills
        await _batch(house, after - told.records, share, FAULTS, chance, told)
    print(f"seed {SEED}: {told}")  # noqa: T201  shown where it fails, and in the soak

    assert (told.records, told.kills) == (records, kills)
    assert killed.twice(house.held()["bodies"]) == []
    assert set(house.ends()[first:]) == {-signal.SIGKILL}
    assert told.under_way > kills / 2, "most kills met a record on its way"
    assert _really_failed(told), told


async def test_a_record_system_that_never_fails_would_be_noticed(house: killed.House) -> None:
    """The control of the share."""
    told = Told()
    await _batch(house, 1, 0, 0.0, random.Random(SEED), told)  # noqa: S311  a test

    assert told.came.total() > 10
    assert not _really_failed(told)


async def _batch(
    house: killed.House, records: int, kills: int, faults: float, chance: random.Random, told: Told
) -> None:
    """So many records at once, the app killed so often meanwhile; at the end each stands once, and whole."""
    async with AsyncExitStack() as stack:
        windows = [await stack.enter_async_context(killed.window(house, n)) for n in range(records)]
        positive, negative = (killed.POSITIVE, killed.QUIET), (killed.NEGATIVE,)
        pages = (positive if number % 4 == 0 else negative for number in range(records))
        await asyncio.gather(*(window.open(*page) for window, page in zip(windows, pages, strict=True)))
        house.faults(faults, chance.randrange(2**31), mark=True)
        before = house.held(new=True)
        await _saved(house, windows, kills, chance, told)
        after = house.held(new=True)
        _share(before, after, told)
        for window in windows:  # once more, after the last kill
            assert await window.told() == "saved"
            window.check("saved", after["bodies"])
        whole = [len(killed.standing(after["bodies"], window.id)) for window in windows]
        assert sum(whole) == len(after["bodies"]), "and nothing that belongs to none of them"
        told.records += records
        told.presses += sum(window.pressed for window in windows)
        told.by_hand += sum(window.pressed > 0 for window in windows)
        told.pages += sum((Counter(window.seen) for window in windows), Counter())


async def _saved(
    house: killed.House, windows: list[killed.Window], kills: int, chance: random.Random, told: Told
) -> None:
    """Save pressed in all of them, the later ones only after some kills, until each says that it is saved."""
    begin = [asyncio.Event() for _ in range(kills + 1)]  # by the number of kills

    async def save(when: asyncio.Event, window: killed.Window) -> None:
        await when.wait()
        await window.until_saved(new=True)

    whens = [begin[kills * number // len(windows)] for number in range(len(windows))]
    saving = [asyncio.create_task(save(when, one)) for when, one in zip(whens, windows, strict=True)]
    begin[0].set()
    try:
        for number in range(1, kills + 1):
            await asyncio.sleep(chance.uniform(0.1, 0.6))
            told.under_way += any(
                when.is_set() and not one.done() for when, one in zip(whens, saving, strict=True)
            )
            await _kill(house)
            begin[number].set()
            told.kills += 1
        await asyncio.gather(*saving)
    finally:
        for one in saving:
            one.cancel()
        house.faults(0)


async def _kill(house: killed.House) -> None:
    """Whatever it is doing; over as soon as it is dead."""
    before, pid = len(house.ends()), 0
    while len(house.ends()) == before:
        if house.pid() != pid:
            pid = house.pid()
            house.kill()
        await asyncio.sleep(0.01)


def _share(before: dict[str, Counter[str]], after: dict[str, Counter[str]], told: Told) -> None:
    told.came += Counter(after["came"]) - Counter(before["came"])
    told.failed += Counter(after["failed"]) - Counter(before["failed"])


def _really_failed(told: Told) -> bool:
    """Nearly three in ten of the reads, and at least one in ten of the fewer writes."""
    reads, writes = (told.failed[method] / told.came[method] for method in ("GET", "POST"))
    return reads > 0.25 and writes > 0.1
