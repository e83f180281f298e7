"""A page of a visit is shown where a page of ours led to it, or the launch: nothing else shows a name."""

from collections.abc import Callable
from typing import Any

import pytest

from ipvscreen.ipv.visit import Step

NAME = "Anna Whitfield"
SITES = (
    "same-origin",
    "same-site",
    "cross-site",
    "none",
    "SAME-ORIGIN",
    "",
    None,
)  # None: the browser is silent
OURS = ("same-origin", None)
AGES = (0, 29.999, 30, 3599)  # seconds since the launch
OTHERS = [step for step in Step if step is not Step.START]
Visitors = Callable[[], Any]


async def shown(visitor: Any, step: str, site: str | None) -> bool:
    """Whether the visit's page, or what it says instead, came; else "not available", and nothing told."""
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    answer = await visitor.browser.get(f"/v/{visitor.visit}/{step}", headers=headers, follow_redirects=False)
    if answer.status_code == 404:
        assert 'data-step="problem"' in answer.text
        assert "This page is not available" in answer.text
        assert NAME not in answer.text
        assert visitor.visit not in answer.text
        return False
    assert answer.status_code in (200, 409), answer.status_code
    assert (NAME in answer.text) or "Go on where this visit stands" in answer.text
    return True


async def of_all(house: Any, visitor: Any, step: str) -> dict[tuple[str | None, float], bool]:
    """Whether that page is shown, by what the browser says and how old the visit is."""
    begun, found = house.clock.at, {}
    for age in AGES:
        house.clock.at = begun
        house.clock.forward(seconds=age)
        found |= {(site, age): await shown(visitor, step, site) for site in SITES}
    return found


async def test_the_first_page_is_shown_to_our_own_pages_the_launch_and_for_half_a_minute_to_all(
    house: Any, visitor: Any
) -> None:
    await visitor.launch("anna-woman")
    expected = {(site, age): site in (*OURS, "cross-site") or age < 30 for site in SITES for age in AGES}
    assert await of_all(house, visitor, "start") == expected
    assert list(expected.values()).count(False) == 8


@pytest.mark.parametrize("step", OTHERS)
async def test_every_other_page_is_shown_to_our_own_pages_alone_however_young_the_visit(
    house: Any, visitor: Any, step: str
) -> None:
    await visitor.launch("anna-woman")
    await visitor.post({"door": "told"})
    await visitor.post({"safe-today": "yes", "recording": "nothing"})
    assert visitor.step == "refer", visitor.text
    assert await of_all(house, visitor, step) == {(site, age): site in OURS for site in SITES for age in AGES}


async def test_a_typed_address_of_a_stopped_visit_does_not_say_whose_it_is(
    house: Any, visitors: Visitors
) -> None:
    one = await visitors().launch("anna-woman")
    await one.post({"door": "ask"})
    await visitors().launch("freya-woman")
    assert await shown(one, "questions", "same-origin")
    assert not await shown(one, "questions", "none")
    house.clock.forward(seconds=30)
    assert not await shown(one, "start", "none")


@pytest.mark.parametrize("way", ["exit", "cover"])
@pytest.mark.parametrize("site", SITES)
async def test_the_ways_out_are_open_whatever_led_there(visitor: Any, way: str, site: str | None) -> None:
    await visitor.launch("anna-woman")
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    answer = await visitor.browser.get(f"/v/{visitor.visit}/{way}", headers=headers, follow_redirects=False)
    assert answer.status_code == (303 if way == "exit" else 200)
    assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_without_the_visits_cookie_no_way_of_coming_helps(visitors: Visitors) -> None:
    one, stranger = await visitors().launch("anna-woman"), visitors()
    stranger.visit = one.visit
    for site in SITES:
        assert not await shown(stranger, "start", site)
