"""Killed without warning between Save and verified: nothing is lost, nothing twice, and each page is true.

Real processes, SIGKILL, sockets on loopback. IPVSCREEN_KILLED says how many records are saved while the
app is killed 15 times; IPVSCREEN_SOAK above 1 (scripts/soak) makes it 300 times in 500.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack

import killed
import pytest

from ipvscreen.ehr.points import Point

SOAK = int(os.environ.get("IPVSCREEN_SOAK") or 1) > 1
RECORDS = int(os.environ.get("IPVSCREEN_KILLED") or (500 if SOAK else 50))
KILLS = 300 if SOAK else 15  # over all of them
AT_ONCE = 25
FAULTS = 0.3
SEED = int(os.environ.get("IPVSCREEN_SEED") or random.randrange(2**31))  # noqa: S311  a test


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[killed.House]:
    with killed.house(tmp_path_factory.mktemp("killed")) as running:
        yield running


async def test_killed_at_each_named_point_between_save_and_verified(house: killed.House) -> None:
    for number, point in enumerate(Point):
        before = house.ends()
        async with killed.window(house, number) as window:
            await window.open(killed.POSITIVE, killed.QUIET)
            house.kill_at(point)
            await window.post(**window.save)
            assert await _ended(house, before) == [-signal.SIGKILL], f"killed once at {point}"
            told = await _settled(window)
            bodies = house.held()["bodies"]
            assert told == "saved", (point, told)
            killed.check_page(told, window.page.text, bodies, window.id)
            assert killed.twice(bodies) == [], point


async def test_a_referral_too(house: killed.House) -> None:
    for number, point in enumerate(Point):
        before = house.ends()
        async with killed.window(house, 20 + number) as window:
            await window.open(killed.POSITIVE, killed.QUIET)
            await window.until_saved()
            await window.get(f"{window.base}/refer")
            others = [body["id"] for body in house.held()["bodies"]]
            house.kill_at(point)
            await window.post(**killed.SHEET)
            assert window.step == "refer", window.page.text
            assert await _ended(house, before) == [-signal.SIGKILL], f"killed once at {point}"
            await _until(window, "sent", "Recorded and checked: the referral, the task")
            bodies = house.held()["bodies"]
            mine = Counter(body["resourceType"] for body in bodies if body["id"] not in others)
            assert mine == {
                "ServiceRequest": 1,
                "Task": 1,
                "Consent": 1,
            }
            assert killed.twice(bodies) == [], point


async def _ended(house: killed.House, before: list[int]) -> list[int]:
    """How processes have ended since, as soon as one has."""
    for _ in range(100):
        if since := house.ends()[len(before) :]:
            return since
        await asyncio.sleep(0.05)
    return []


async def _settled(window: killed.Window) -> str:
    """What the page says once nobody is writing any more; before that it says so."""
    for _ in range(200):
        told = await window.told()
        if told not in ("saving", "not yet"):
            return told
        await asyncio.sleep(0.1)
    return told


async def _until(window: killed.Window, step: str, words: str) -> None:
    for _ in range(200):
        await window.get(f"{window.base}/{step}")
        if words in window.page.text:
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(window.page.text)


@pytest.mark.parametrize("transaction", [True, False], ids=["transaction", "one-by-one"])
async def test_killed_at_random_through_a_record_system_that_fails(
    house: killed.House, transaction: bool
) -> None:
    print(f"seed {SEED}")  # noqa: T201  shown where it fails
    chance = random.Random(SEED + transaction)  # noqa: S311  a test
    house.switch(no_transaction=not transaction)
    left, kills, seen, first = RECORDS // 2, 0, Counter[str](), len(house.ends())
    wanted = (KILLS + transaction) // 2  # 15 are 8 and 7
    while left > 0:
        now, left = min(left, AT_ONCE), left - AT_ONCE
        share = wanted - kills if left <= 0 else round(wanted * now / (RECORDS // 2))
        seen += await _batch(house, now, share, chance)
        kills += share
    held = house.held()
    house.switch(no_transaction=False)

    assert seen["saved"] == RECORDS // 2, "each clinician was told that it is saved, and it is"
    assert killed.twice(held["bodies"]) == []
    assert house.ends()[first:] == [-signal.SIGKILL] * wanted
    assert held["failed"] > 0.2 * held["came"], "the record system really failed"


async def _batch(house: killed.House, records: int, kills: int, chance: random.Random) -> Counter[str]:
    """So many records at once, the app killed so often meanwhile; what the pages said."""
    async with AsyncExitStack() as stack:
        windows = [await stack.enter_async_context(killed.window(house, n)) for n in range(records)]
        for number, window in enumerate(windows):
            negative = number % 2 == 0
            await window.open(*((killed.NEGATIVE,) if negative else (killed.POSITIVE, killed.QUIET)))
        house.faults(FAULTS, chance.randrange(2**31))
        killing = asyncio.create_task(_kill(house, kills, chance))
        try:
            await asyncio.gather(*(window.until_saved() for window in windows))
            await killing
        finally:
            killing.cancel()
            house.faults(0)
        for window in windows:  # once more, after the last kill
            assert await window.told() == "saved"
            killed.check_page("saved", window.page.text, house.held()["bodies"], window.id)
        return sum((Counter(window.seen) for window in windows), Counter())


async def _kill(house: killed.House, kills: int, chance: random.Random) -> None:
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(0.2, 1.0))
        before = len(house.ends())
        while len(house.ends()) == before:
            house.kill()
            await asyncio.sleep(0.05)


def test_the_checks_see_what_is_lost_and_what_is_there_twice(house: killed.House) -> None:
    """The control: one entry taken away, or put there again, and a page that claims too much."""
    bodies = house.held()["bodies"]
    answer = next(body for body in bodies if body["resourceType"] == "QuestionnaireResponse")
    provenance = next(body for body in bodies if body["resourceType"] == "Provenance")
    assert killed.twice([*bodies, answer]) != []
    assert killed.twice([*bodies, provenance]) != []
    with pytest.raises(AssertionError):
        killed.check_page("saved", "", bodies, "a visit that was never saved")
