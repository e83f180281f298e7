"""How the bench counts: waves are requests in turn, and ours is the time in which none is outstanding."""

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))

from record import chain, saved

Spans = list[tuple[float, float]]


@pytest.mark.parametrize(
    ("seen", "waves"),
    [
        ([], 0),
        ([(0, 1)], 1),
        ([(0, 1), (0, 1), (0.5, 1.5)], 1),
        ([(0, 1), (1, 2)], 2),
        # a stream in which something is always under way is not one wave
        ([(0, 2), (1, 3), (2, 4), (3, 5)], 2),
        # one that lasts long is no reason to count those beside it once
        ([(0, 9), (0, 1), (2, 3), (4, 5)], 3),
    ],
)
def test_waves_are_the_longest_chain_of_requests_in_turn(seen: Spans, waves: int) -> None:
    assert chain(seen) == waves == max(map(len, _chains(seen)), default=0)
    assert chain(seen[::-1]) == waves


def _chains(seen: Spans, after: float = -1.0) -> Iterable[Spans]:
    """Every chain there is."""
    for start, end in seen:
        if start >= after:
            yield [(start, end)]
            yield from ([(start, end), *rest] for rest in _chains(seen, end))


def test_ours_is_the_time_in_which_no_request_is_outstanding() -> None:
    one = saved(10.0, 20.0, 0.5, [(12.0, 14.0), (13.0, 15.0), (13.5, 14.5), (17.0, 18.0)])

    assert (one.took, one.ours) == (10.0, 6.0)
    assert (one.requests, one.waves, one.processor) == (4, 2, 0.5)
