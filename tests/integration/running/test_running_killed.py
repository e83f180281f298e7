"""Killed without warning between Save and verified: nothing is lost, nothing twice, and each page is true.

Real processes, SIGKILL, sockets on loopback.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator

import killed
import pytest

from ipvscreen.ehr.points import Point


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


def test_the_checks_see_what_is_lost_and_what_is_there_twice(house: killed.House) -> None:
    """The control: one entry taken away, or put there again, and a page that claims too much."""
    bodies = house.held()["bodies"]
    answers = (body for body in bodies if body["resourceType"] == "QuestionnaireResponse")
    answer = next(body for body in answers if "identifier" in body)  # ours, not the sandbox's own
    provenance = next(body for body in bodies if body["resourceType"] == "Provenance")
    assert killed.twice([*bodies, answer]) != []
    assert killed.twice([*bodies, provenance]) != []
    with pytest.raises(AssertionError):
        killed.check_page("saved", "", bodies, "a visit that was never saved")
