"""What is printed for whoever commissions: words, and no number that could point at somebody."""

import pytest

from ipvscreen.cli.services import SMALL, gap_line
from ipvscreen.ipv.gap import Gap
from ipvscreen.ipv.services import Kind, Rule

GAP = Gap(frozenset({Kind.REFUGE, Kind.CHILDREN}), frozenset({Rule.PLACES, Rule.AGE}), None, "2026-03")
NOTHING = Gap(frozenset(), frozenset(), "E06", "2026-04", child=True)


@pytest.mark.parametrize(("count", "often"), [(1, "fewer than 5"), (SMALL - 1, "fewer than 5"), (5, "5")])
def test_a_small_count_is_not_told(count: int, often: str) -> None:
    line = gap_line(GAP, count)
    told = "wanted: children, refuge; in the way: age, places"
    assert line == f"2026-03: for an adult, area not known; {told}; {often}"


def test_an_empty_directory_and_a_child() -> None:
    line = gap_line(NOTHING, 7)
    assert line == "2026-04: for a child, area E06; wanted: any service; in the way: none is listed; 7"
