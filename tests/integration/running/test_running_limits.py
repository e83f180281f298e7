"""A flood from one record system: it is slowed down, and clinicians of another do not notice."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

LAUNCHES = 40  # a minute, of one record system, at each of the two workers
FLOOD, ORDINARY = 400, 40


async def test_ten_times_the_load_from_one_refuses_nobody_of_the_other(
    tmp_path: Path, running: Any, visiting: Any
) -> None:
    answers: dict[str, Counter[int]] = {"north": Counter(), "south": Counter()}
    with running.served(tmp_path, ("north", "south"), top={"launches_per_minute": LAUNCHES}) as (
        app,
        systems,
    ):

        async def launch(name: str, times: int) -> None:
            async with visiting.Visitor(fresh=True) as browser:
                for _ in range(times):
                    params = {"iss": f"{systems[name].url}/fhir", "launch": "x"}
                    answer = await browser.http.get(f"{app.url}/launch", params=params)
                    answers[name][answer.status_code] += 1

        flood = [launch("north", FLOOD // 10) for _ in range(10)]
        await asyncio.gather(launch("south", ORDINARY), *flood)

    assert answers["south"] == {303: ORDINARY}
    assert set(answers["north"]) == {303, 429}
    # A window may pass into the next one meanwhile; two workers count each for itself.
    assert answers["north"][429] >= FLOOD - 2 * 2 * LAUNCHES
