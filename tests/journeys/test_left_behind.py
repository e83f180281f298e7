"""Nothing is left behind: every page times every way out. That the tests can see: test_layers.py.

Every second page is in test_left_behind_too.py: a file runs in one process, and this would be the longest.
"""

from typing import Any

import pytest
from leaving import NUMBER, OF_A_VISIT, PAGES, WATCH, go_to, history, nothing_left
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


def test_no_page_of_a_visit_is_forgotten_here() -> None:
    """But "saving", which says nothing, and is there only while a write is on its way."""
    assert set(PAGES) == OF_A_VISIT - {"saving"}


@pytest.mark.parametrize("page", [*PAGES][::2])
def test_nothing_is_left_of_a_page(page: str, left: Any, record_property: Any) -> None:
    nothing_left(page, left, record_property)
