"""Killed without warning between Save and verified: nothing is lost, nothing twice, and each page is true.

Real processes, SIGKILL, sockets on loopback.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import killed
import pytest

from ipvscreen.ehr.points import Point

ON_THE_WAY = [point for point in Point if point is not Point.REFUSED]  # that one: test_recovery.py


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[killed.House]:
    with killed.house(tmp_path_factory.mktemp("killed")) as running:
        yield running


async def test_killed_at_each_named_point_between_save_and_verified(house: killed.House) -> None:
    for number, point in enumerate(ON_THE_WAY):
        before = house.ends()
        async with killed.window(house, number) as window:
            await window.open(killed.POSITIVE, killed.QUIET)
            house.kill_at(point)
            await window.post(**window.save)
            assert await _ended(house, before) == [-signal.SIGKILL], f"killed once at {point}"
            told = await _settled(window)
            bodies = house.held()["bodies"]
            assert told == "saved", (point, told)
            window.check(told, bodies)
            assert killed.twice(bodies) == [], point


async def test_a_referral_too(house: killed.House) -> None:
    for number, point in enumerate(ON_THE_WAY):
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


@dataclass(frozen=True)
class Death:
    """Where in a withdrawal the app dies: at a named point, or at a DELETE, carried out or not."""

    point: Point | None = None
    delete: int = 0
    done: bool = False


DEATHS = [
    Death(Point.KNOWN),  # the loss was not seen yet
    Death(delete=1),
    Death(delete=4, done=True),
    Death(Point.VERIFIED),  # all is taken out, and that is not on disk
]


async def test_killed_while_what_lost_its_labels_is_taken_out_again(house: killed.House) -> None:
    """The page tells the loss, nothing is sent again, and nothing stays there."""
    house.switch(label_loss={"Observation": "dropped"})
    for number, death in enumerate(DEATHS):
        async with killed.window(house, 30 + number) as window:
            told, posts = await _killed_in_withdrawal(house, window, death)
            held = house.held(new=True)
            assert told == "unrecorded", (death, told)
            window.check(told, held["bodies"])
            assert held["bodies"] == [], death
            assert killed.TAKEN_BACK in killed.notices(window.page.text), (death, window.page.text)
            assert 'value="retry"' not in window.page.text, "there is nothing left to take out"
            assert held["came"]["POST"] == posts + 1, "sent once, whatever died"
    house.switch(label_loss={})


async def test_what_could_not_be_taken_out_is_an_alarm_until_it_is(house: killed.House) -> None:
    """A record system that does not delete, and keeps no label of what is marked as an error either."""
    house.switch(label_loss={"Observation": "dropped"}, no_delete=True)
    async with killed.window(house, 40) as window:
        told, posts = await _killed_in_withdrawal(house, window, Death(delete=3, done=True))
        held = house.held(new=True)
        window.check(told, held["bodies"])
        bare = {body["resourceType"] for body in held["bodies"] if not killed.labelled(body)}
        assert (told, bare) == ("unrecorded", {"Observation"})
        assert killed.notices(window.page.text)[killed.BARE] == bare
        assert 'value="retry"' in window.page.text

        house.switch(no_delete=False)
        await window.post(action="retry")
        held = house.held(new=True)
        window.check("unrecorded", held["bodies"])
        assert [body for body in held["bodies"] if not killed.labelled(body)] == []
        assert held["came"]["POST"] == posts + 1
    house.switch(label_loss={})


async def _killed_in_withdrawal(house: killed.House, window: killed.Window, death: Death) -> tuple[str, int]:
    """What the page says once nobody is writing any more; how many POSTs there were before."""
    before = house.ends()
    await window.open(killed.POSITIVE, killed.QUIET)
    house.faults(0, mark=True)
    posts = house.held(new=True)["came"].get("POST", 0)
    if death.point:
        house.kill_at(death.point)
    else:
        house.deadly("DELETE", death.delete, done=death.done)
    await window.post(**window.save)
    assert await _ended(house, before) == [-signal.SIGKILL], death
    return await _settled(window), posts


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
        killed.check_page("saved", "", bodies, "a visit that was never saved", "nobody")


async def test_the_checks_see_a_page_that_claims_too_much_or_too_little(house: killed.House) -> None:
    """The control: each entry in turn is taken away, or has no labels; and the page tells something else."""
    house.faults(0, mark=True)
    async with killed.window(house, 50) as window:
        await window.open(killed.POSITIVE, killed.QUIET)
        await window.until_saved()
        bodies, saved = house.held(new=True)["bodies"], window.page.text
    window.check("saved", bodies)
    assert {body["resourceType"] for body in bodies} == set(killed.KINDS.values())
    for body in bodies:
        others = [one for one in bodies if one is not body]
        with pytest.raises(AssertionError):
            window.check("saved", others)
        with pytest.raises(AssertionError):
            window.check("saved", [*others, body | {"meta": {}}])
    for lie in ("NOT recorded", killed.TAKEN_BACK, killed.BARE):
        window.page = Page(saved.replace("Recorded and checked", lie))
        with pytest.raises(AssertionError):
            window.check("unrecorded", bodies)


@dataclass
class Page:
    text: str
