"""Behind a reverse proxy: below a path that it takes away or leaves, with addresses that it vouches for."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

PREFIX = "/clinic/forms"
LAUNCHES = 5  # a minute, from one address


@pytest.mark.parametrize("strip", [True, False], ids=["path taken away", "path left"])
async def test_a_whole_launch_below_a_path(
    tmp_path: Path, running: Any, visiting: Any, proxies: Any, strip: bool
) -> None:
    """The public port is the proxy's; every address that a page or a redirect names leads through it."""
    async with AsyncExitStack() as stack:
        app = stack.enter_context(running.app_in(tmp_path, base=PREFIX))
        front = await stack.enter_async_context(proxies(app.origin, strip=PREFIX if strip else ""))
        app.top["public_url"] = f"{front.url}{PREFIX}"
        north = stack.enter_context(
            running.record_system("north", app.top["public_url"], tmp_path / "north.log")
        )
        app.add(north)
        app.write()
        app.start(workers=1)

        async with visiting.Visitor() as browser:
            questions = await browser.first_question(north.launch)
            assert visiting.asked(questions)
            assert questions.url.path.startswith(f"{PREFIX}/v/")
            found = visiting.addresses(questions)
            assert found, "there are addresses on the page"
            for address in found:
                target = questions.url.join(address)
                if target.port == urlsplit(front.url).port:
                    assert target.path.startswith(f"{PREFIX}/"), address
            style = next(one for one in found if one.endswith("page.css"))
            assert (await browser.get(str(questions.url.join(style)))).status_code == 200
        assert {path.startswith(PREFIX) for path in front.asked} == {True}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory, running: Any) -> Any:
    """One worker that trusts 127.0.0.9 and a network, and takes few launches from one address."""
    trusted = ("--forwarded-allow-ips", "127.0.0.9,10.0.0.0/8", "--workers", "1")
    with running.served(
        tmp_path_factory.mktemp("limited"), ("north",), *trusted, top={"launches_per_address": LAUNCHES}
    ) as (app, systems):
        yield app, systems["north"]


async def launches(limited: Any, came_by: str, said: list[str]) -> list[int]:
    """The statuses of as many launches as there are X-Forwarded-For, from that address of loopback."""
    app, north = limited
    transport = httpx.AsyncHTTPTransport(local_address=came_by)
    async with httpx.AsyncClient(transport=transport, timeout=60) as http:
        params = {"iss": f"{north.url}/fhir", "launch": "x"}
        headers = [{"X-Forwarded-For": one} if one else {} for one in said]
        return [
            (await http.get(f"{app.url}/launch", params=params, headers=one)).status_code for one in headers
        ]


async def test_a_proxy_that_is_trusted_says_who_it_is(limited: Any) -> None:
    said = [f"192.0.2.{n}" for n in range(3 * LAUNCHES)]

    assert set(await launches(limited, "127.0.0.9", said)) == {303}


async def test_one_that_it_names_is_limited(limited: Any) -> None:
    answers = await launches(limited, "127.0.0.9", ["198.51.100.7"] * 2 * LAUNCHES)

    assert answers == [303] * LAUNCHES + [429] * LAUNCHES


async def test_a_name_that_a_stranger_gives_himself_counts_for_nothing(limited: Any) -> None:
    said = [f"203.0.113.{n}" for n in range(2 * LAUNCHES)]

    assert await launches(limited, "127.0.0.44", said) == [303] * LAUNCHES + [429] * LAUNCHES


async def test_what_a_stranger_puts_before_the_proxys_word_counts_for_nothing(limited: Any) -> None:
    said = [f"203.0.113.{n}, 198.51.100.99, 10.1.2.3" for n in range(2 * LAUNCHES)]

    assert await launches(limited, "127.0.0.9", said) == [303] * LAUNCHES + [429] * LAUNCHES


async def test_a_network_of_ipv6_is_one_place(limited: Any) -> None:
    said = [f"2001:db8:1:2::{n:x}" for n in range(1, 2 * LAUNCHES + 1)]
    others = [f"2001:db8:1:{n:x}::1" for n in range(3, 3 + LAUNCHES)]

    assert await launches(limited, "127.0.0.9", said) == [303] * LAUNCHES + [429] * LAUNCHES
    assert set(await launches(limited, "127.0.0.9", others)) == {303}


async def test_who_has_to_wait_is_told_how_long(limited: Any) -> None:
    app, north = limited
    await launches(limited, "127.0.0.55", [""] * LAUNCHES)
    async with httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(local_address="127.0.0.55"), timeout=60
    ) as http:
        answer = await http.get(f"{app.url}/launch", params={"iss": f"{north.url}/fhir", "launch": "x"})

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert "frame-ancestors" in answer.headers["content-security-policy"]
    assert "<title>Health questionnaire</title>" in answer.text
