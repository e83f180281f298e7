"""The app inside a frame of the record system, in a Chromium that blocks third-party cookies."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, Frame, Page, Playwright, expect

NO = "LA32-8"
ITEMS = ("76500-8", "76501-6", "76502-4", "76503-2")
PREFERENCES = {"profile": {"cookie_controls_mode": 1, "block_third_party_cookies": True}}


@pytest.fixture(scope="module")
def strict(
    playwright: Playwright, chromium_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserContext]:
    """A profile whose owner has switched third-party cookies off."""
    profile = tmp_path_factory.mktemp("strict")
    (profile / "Default").mkdir()
    (profile / "Default" / "Preferences").write_text(json.dumps(PREFERENCES), encoding="utf-8")
    context = playwright.chromium.launch_persistent_context(profile, **chromium_options)
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def page(strict: BrowserContext) -> Iterator[Page]:
    """A tab of it; those that it opens are closed with it."""
    yield strict.new_page()
    for tab in strict.pages[1:]:
        tab.close()


def framed(page: Page, running: Any, patient: str, step: str) -> Frame:
    """Launch inside the record system's page, and wait for that page of ours in the frame."""
    page.goto(f"{running.demo.addresses['framed']}?patient={patient}")
    expect(page.frame_locator("iframe").locator(f"main[data-step={step}]")).to_be_visible(timeout=60_000)
    (frame,) = [frame for frame in page.frames if frame.url.startswith(running.origin)]
    return frame


def test_a_whole_visit_in_a_frame(page: Page, running: Any) -> None:
    """Given third-party cookies off; when the cookie is partitioned; then a negative is recorded as ever."""
    before = len(running.read("QuestionnaireResponse", patient="peter-man"))
    frame = framed(page, running, "peter-man", "start")
    frame.click("button[value=ask]")
    frame.wait_for_selector("main[data-step=questions]")
    for item in ITEMS:
        frame.check(f"input[name='{item}'][value='{NO}']")
    frame.click("main .button.primary")
    frame.wait_for_selector("main[data-step=done]")

    assert "Recorded and checked" in frame.text_content("main")
    assert len(running.read("QuestionnaireResponse", patient="peter-man")) > before
    cookies = [c for c in page.context.cookies() if c["domain"] == "127.0.0.1"]
    assert cookies
    assert all(c.get("partitionKey", "").startswith("http://localhost") for c in cookies)


def test_without_a_cookie_a_new_window_is_the_way(page: Page, running: Any) -> None:
    """Given third-party cookies off and none partitioned; then the launch goes on in a window of its own."""
    with running.without("partitioned"):
        frame = framed(page, running, "freya-woman", "new-window")
        assert "Open this page in a window of its own" in frame.text_content("h1")
        with page.context.expect_page() as opened:
            frame.click("main .button.primary")
        window = opened.value
        window.wait_for_selector("main[data-step=start]")
        window.click("button[value=ask]")
        window.wait_for_selector("main[data-step=questions]")

    assert window.evaluate("window.opener") is None
    assert "Nystrom" in window.text_content("header")


def test_the_launch_value_is_not_used_up_by_the_frame(page: Page, running: Any) -> None:
    """The control of the test before: the frame asks nobody for a token, and leaves no visit behind."""

    def visits() -> int:
        return len(running.everything_stored()["visits"])

    before = visits()
    with running.without("partitioned"):
        framed(page, running, "freya-woman", "new-window")

    assert visits() == before


def ours(page: Page, selector: str) -> int:
    """How many such elements stand in frames; a frame that was refused has none that we may look into."""
    count = 0
    for frame in page.frames[1:]:
        try:
            count += frame.locator(selector).count()
        except Error:
            continue
    return count


@pytest.mark.parametrize("weaker", [(), ("frame-ancestors",)], ids=["as it is", "without frame-ancestors"])
def test_another_site_frames_nothing(
    page: Page, running: Any, other_site: Any, weaker: tuple[str, ...]
) -> None:
    """Launch, a visit's page and a failure, framed by a page of neither; and the control."""
    beside = page.context.new_page()
    beside.goto(running.demo.addresses["launch"])
    beside.wait_for_selector("main[data-step=start]")
    visit = beside.url
    iss = running.demo.addresses["ehr_fhir"]
    addresses = (f"{running.origin}/launch?iss={iss}", visit, f"{running.origin}/v/nobody/start")
    frames = "".join(f"<iframe src='{address}'></iframe>" for address in addresses)
    other_site.pages["/framing"] = f"<!doctype html><title>Prize</title>{frames}"
    with running.without(*weaker):
        page.goto(other_site.url("/framing"), wait_until="load")
        page.wait_for_timeout(500)
        seen = ours(page, "main[data-step]")

    assert len(page.frames) == 1 + len(addresses)
    assert bool(seen) == bool(weaker)
