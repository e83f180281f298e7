"""Each layer of the defence, taken away, lets something be seen: a test that looks for nothing finds it."""

import dataclasses
from typing import Any

import pytest
from leaving import ATTEMPTS, PAGES, WATCH, go_to, history, refer, settle
from playwright.sync_api import Browser, BrowserContext

# Layers taken away, page, way out, and what is then seen; None where another layer still holds.
CONTROLS = [
    (("script",), "questions", "other site", "answers"),
    (("script",), "refer", "other site", "typed"),
    (("entrance",), "questions", "closing", "answers"),
    (("script",), "questions", "exit", None),
    (("cookie-deletion",), "questions", "exit", None),
    (("script", "cookie-deletion"), "questions", "exit", "answers"),
    (("script", "cookie-deletion"), "refer", "exit", "typed"),
]


@pytest.mark.parametrize("framed", [True, False], ids=["partitioned cookie", "plain cookie"])
@pytest.mark.parametrize(("layers", "page", "way", "what"), CONTROLS, ids=str)
def test_a_layer_taken_away_is_noticed(
    layers: tuple[str, ...], page: str, way: str, what: str | None, framed: bool, left: Any, running: Any
) -> None:
    """Script, deleted cookie and the look at where a browser comes from: each keeps something back."""
    ancestors = (running.demo.clinic.rstrip("/"),) if framed else ()
    ehrs = {k: dataclasses.replace(v, frame_ancestors=ancestors) for k, v in running.rooms.ehrs.items()}
    with running.without(*layers), running.changed(ehrs=ehrs):
        found = left(page, way, rest="networkidle")
        # Chromium drops a no-store page when a cookie changes, and learns of the launch's cookie when it may.
        for _ in range(ATTEMPTS - 1) if what else ():
            found = found if getattr(found, what) else left(page, way, rest="networkidle")

    if what is None:
        assert found.nothing, found
    else:
        assert getattr(found, what)


@pytest.mark.parametrize("layers", [("script",), ("script", "autocomplete")], ids="-".join)
def test_without_autocomplete_off_typed_text_comes_back(
    everyday: BrowserContext, running: Any, other_site: Any, make_clinician: Any, layers: tuple[str, ...]
) -> None:
    """Where the cache does not hold the page, Back loads it anew, and the browser fills in what was typed."""

    def back() -> list[str]:
        c = make_clinician(everyday.new_page(), examined=False)
        c.page.add_init_script(WATCH)
        beside = everyday.new_page()
        c.page.goto(running.demo.addresses["launch"])
        refer(c)
        c.page.goto(other_site.url("/weather"))
        beside.goto(f"{running.origin}/v/nobody/exit")  # its cookie evicts the page
        look = go_to(c.page, history(c.page)[0] - 1)
        c.page.close()
        beside.close()
        assert (look["step"], look["persisted"]) == ("refer", False)
        return list(look["typed"])

    with running.without(*layers):
        # A browser saves what was typed when it finds the time: the control may have to try again.
        seen = any(back() for _ in range(ATTEMPTS if "autocomplete" in layers else 1))

    assert seen == ("autocomplete" in layers)


@pytest.mark.parametrize("page", ["questions", "respond"])
def test_an_idle_page_is_covered(page: str, browser: Browser, running: Any, make_clinician: Any) -> None:
    """After five minutes nothing can be read; one key brings it back; after the visit's end none does."""
    with browser.new_context() as context:
        c = make_clinician(context.new_page(), examined=False)
        c.page.clock.install()
        c.page.goto(running.demo.addresses["launch"])
        PAGES[page](c)
        c.page.clock.fast_forward(301_000)
        idle = settle(c.page)
        c.page.keyboard.press("a")
        awake = settle(c.page)

    assert (idle["step"], idle["answers"]) == (None, [])
    assert awake["step"] == page
    assert awake["answers"]
