"""Launches under way: taken once, by the browser that began them, within five minutes."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ipvscreen.store.facade import Store
from ipvscreen.store.launches import PendingLaunch


@pytest.fixture
def launch(at: datetime) -> PendingLaunch:
    endpoints = {"token": "https://ehr.test/token", "issuer": None}
    return PendingLaunch(
        "state",
        "practice",
        "https://ehr.test/fhir",
        "verifier",
        "nonce",
        "b" * 64,
        endpoints,
        at,
        purpose="list",
        scope="launch openid fhirUser",
    )


async def test_a_launch_is_taken_once(store: Store, launch: PendingLaunch, at: datetime):
    await store.launches.put(launch)

    assert await store.launches.take("state", launch.browser, at) == launch
    assert await store.launches.take("state", launch.browser, at) is None


async def test_of_ten_callbacks_at_once_one_gets_it(store: Store, launch: PendingLaunch, at: datetime):
    await store.launches.put(launch)

    taken = await asyncio.gather(*(store.launches.take("state", launch.browser, at) for _ in range(10)))

    assert sorted(taken, key=bool)[-1] == launch
    assert taken.count(None) == 9


async def test_a_wrong_browser_gets_nothing_and_spoils_nothing(
    store: Store, launch: PendingLaunch, at: datetime
):
    await store.launches.put(launch)

    assert await store.launches.take("state", "w" * 64, at) is None
    assert await store.launches.take("state", launch.browser, at) == launch


async def test_an_unknown_state_gets_nothing(store: Store, launch: PendingLaunch, at: datetime):
    await store.launches.put(launch)

    assert await store.launches.take("another", launch.browser, at) is None


@pytest.mark.parametrize(("seconds", "fresh"), [(299, True), (300, False)])
async def test_five_minutes_and_no_more(
    store: Store, launch: PendingLaunch, at: datetime, seconds: int, fresh: bool
):
    await store.launches.put(launch)

    taken = await store.launches.take("state", launch.browser, at + timedelta(seconds=seconds))

    assert (taken == launch) is fresh


async def test_what_ran_out_goes_with_the_next_launch(
    store: Store, file: Path, launch: PendingLaunch, at: datetime
):
    await store.launches.put(launch)
    later = at + timedelta(minutes=5)
    await store.launches.put(replace(launch, state="next", created_at=later))

    assert await store.launches.take("state", launch.browser, at) is None
    assert await store.launches.take("next", launch.browser, later) is not None
