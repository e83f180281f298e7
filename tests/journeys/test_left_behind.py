"""Nothing is left behind: every page times every way out. That the tests can see: test_layers.py."""

import statistics
from typing import Any

import pytest
from leaving import NUMBER, PAGES, WATCH, WAYS, go_to, history
from playwright.sync_api import BrowserContext


def test_the_back_forward_cache_is_on(everyday: BrowserContext, other_site: Any) -> None:
    """A page without any protection comes back as it was left: otherwise no test here proves anything."""
    other_site.pages["/plain"] = "<!doctype html><title>Plain</title><main><input id=a></main>"
    page = everyday.new_page()
    page.add_init_script(WATCH)
    page.goto(other_site.url("/plain", "127.0.0.1"))
    page.fill("#a", NUMBER)
    page.goto(other_site.url("/weather"))
    look = go_to(page, history(page)[0] - 1)
    page.close()

    assert look["persisted"] is True
    assert look["typed"] == [NUMBER]


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_left_of_a_page(page: str, left: Any, record_property: Any) -> None:
    """Seven ways out; then Back and Forward as far as they go show nothing of the visit."""
    blank: list[float] = []
    found = {way: left(page, way, blank) for way in WAYS}

    assert {way: f for way, f in found.items() if not f.nothing} == {}
    assert found["other site"].looked > 1  # it stays in the tab's history
    if blank:
        record_property("ms until blank", f"median {statistics.median(blank):.1f}, most {max(blank):.1f}")
        print(f"{page}: blank after a median of {statistics.median(blank):.1f} ms, {max(blank):.1f} at most")  # noqa: T201  a figure for a reader of -rP
