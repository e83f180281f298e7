"""The other half of the pages of test_left_behind.py."""

from typing import Any

import pytest
from leaving import PAGES, nothing_left


@pytest.mark.parametrize("page", [*PAGES][1::2])
def test_nothing_is_left_of_a_page(page: str, left: Any, record_property: Any) -> None:
    nothing_left(page, left, record_property)
