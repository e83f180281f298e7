"""Inside the record system's frame: only with a cookie; where the browser keeps none, out into a window."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

APP, EHR = "https://app.test", "https://ehr.test"
ISS = f"{EHR}/fhir"
IN_FRAME = {"Sec-Fetch-Dest": "iframe"}
IN_WINDOW = {"Sec-Fetch-Dest": "document"}


@pytest.fixture
async def framed(houses: Any) -> Any:
    """A house whose record system shows the app in a frame."""
    return await houses(frame_ancestors=(EHR,))


async def launch_value(browser: httpx.AsyncClient, path: str = "/launch/new") -> str:
    asked = await browser.get(f"{EHR}{path}", follow_redirects=False)
    return parse_qs(urlsplit(asked.headers["location"]).query)["launch"][0]


async def tried(browser: httpx.AsyncClient, value: str, path: str = "/launch") -> httpx.Response:
    """The first answer inside a frame."""
    return await browser.get(
        path, params={"iss": ISS, "launch": value}, headers=IN_FRAME, follow_redirects=False
    )


def ancestors(answer: httpx.Response) -> str:
    found = re.search(r"frame-ancestors ([^;]+)", answer.headers["content-security-policy"])
    assert found
    return found[1]


async def test_in_a_frame_the_cookie_is_tried_before_the_record_system_is_asked(framed: Any) -> None:
    outgoing = framed.watch()
    async with framed.browser() as browser:
        first = await tried(browser, await launch_value(browser))
        assert first.headers["location"].startswith("/launch/ready?state=")
        assert "; Secure; HttpOnly; SameSite=None; Partitioned" in first.headers["set-cookie"]
        assert ancestors(first) == EHR
        assert outgoing == []
        opened = await browser.get(first.headers["location"], headers=IN_FRAME)
    assert 'data-step="start"' in opened.text
    assert ancestors(opened) == EHR
    lines = [line for one in opened.history for line in one.headers.get_list("set-cookie")]
    framed_ones = [line for line in lines if "; Secure; HttpOnly; SameSite=None; Partitioned" in line]
    assert len(framed_ones) == 4, "launch put, trial dropped; visit put, launch dropped"
    others = [line for line in lines if line not in framed_ones]  # short-lived, against the Back button
    assert all("; Max-Age=1; Path=/; Secure; HttpOnly; SameSite=Lax" in line for line in others)


async def test_where_no_cookie_is_kept_a_window_of_our_own_is_the_way_out(framed: Any) -> None:
    outgoing = framed.watch()
    async with framed.browser() as blocked, framed.browser() as window:
        value = await launch_value(blocked)
        first = await tried(blocked, value)
        blocked.cookies.clear()
        answer = await blocked.get(first.headers["location"], headers=IN_FRAME)
        assert answer.status_code == 200
        assert 'data-step="new-window"' in answer.text
        assert ancestors(answer) == EHR
        assert outgoing == [], "the launch value is still unused"
        [link] = re.findall(
            r'<a class="button primary" href="([^"]+)" target="_blank" rel="([^"]+)"', answer.text
        )
        assert "noopener" in link[1]
        opened = await window.get(unescape(link[0]), headers=IN_WINDOW)
    assert 'data-step="start"' in opened.text
    assert [one.url.path for one in opened.history if one.url.host == "app.test"] == [
        "/launch",
        "/callback/sandbox",
    ]


@pytest.mark.parametrize("headers", [IN_WINDOW, {}], ids=["window", "unknown"])
async def test_a_window_of_its_own_opens_as_ever(framed: Any, headers: dict[str, str]) -> None:
    async with framed.browser() as browser:
        value = await launch_value(browser)
        opened = await browser.get("/launch", params={"iss": ISS, "launch": value}, headers=headers)
    assert 'data-step="start"' in opened.text


async def test_the_list_has_the_same_way_out(framed: Any) -> None:
    async with framed.browser() as blocked, framed.browser() as window:
        first = await tried(blocked, await launch_value(blocked, "/launch/list"), "/list")
        blocked.cookies.clear()
        answer = await blocked.get(first.headers["location"], headers=IN_FRAME)
        [link] = re.findall(r'href="([^"]+)" target="_blank"', answer.text)
        opened = await window.get(unescape(link), headers=IN_WINDOW)
    assert 'data-step="list"' in opened.text


async def test_the_trial_cookie_opens_nothing(framed: Any) -> None:
    """It shows that cookies are kept, and stands for no launch: another mark or none is no cookie."""
    async with framed.browser() as browser:
        value = await launch_value(browser)
        first = httpx.URL((await tried(browser, value)).headers["location"])
        other = await browser.get(f"{APP}{first.copy_set_param('state', 'another')}", headers=IN_FRAME)
        assert 'data-step="new-window"' in other.text
        for query in ({}, {"state": ""}, {"state": ["a", "b"]}):
            wrong = await browser.get("/launch/ready", params={"iss": ISS, "launch": value, **query})
            assert wrong.status_code == 400
        unlisted = first.copy_set_param("iss", "https://evil.example/fhir")
        assert (await browser.get(f"{APP}{unlisted}")).status_code == 400


async def test_nobody_else_may_frame_what_is_said_to_an_unlisted_system(framed: Any) -> None:
    async with framed.browser() as browser:
        for path in ("/launch?iss=https://evil.example", "/callback/nobody", "/l/none", "/jwks.json"):
            assert ancestors(await browser.get(path)) == "'none'"
        for path in (f"/launch?iss={ISS}&launch=", "/callback/sandbox?state=unknown&code=x"):
            assert ancestors(await browser.get(path)) == EHR
