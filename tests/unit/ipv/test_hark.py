"""HARK, every one of its 256 combinations, against an expectation that shares no table with the code."""

import itertools
from collections import Counter
from collections.abc import Iterator

import pytest

from ipvscreen.ipv.assessment import Assessment, Outcome, Result, assess
from ipvscreen.ipv.visit import Door
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Form

ITEMS = ("76500-8", "76501-6", "76502-4", "76503-2")
POSTED = {"y": ["LA33-6"], "n": ["LA32-8"], "p": ["pass"], "-": []}
COMBINATIONS = ["".join(letters) for letters in itertools.product("ynp-", repeat=4)]


@pytest.fixture(scope="module")
def hark(forms: dict[str, Form]) -> Form:
    return forms["hark"]


def read(hark: Form, letters: str, *, declined: bool = False) -> Assessment:
    entered = {item: POSTED[letter] for item, letter in zip(ITEMS, letters, strict=True)}
    return assess({"hark": read_answers(hark, entered)}, door=Door.ASK, declined=declined)


def expected(letters: str) -> Result:
    yes = tuple(item for item, letter in zip(ITEMS, letters, strict=True) if letter == "y")
    number = letters.count("y") if letters.count("y") + letters.count("n") == 4 else None
    if "y" in letters:
        return Result("hark", Outcome.POSITIVE, number, yes)
    return Result("hark", Outcome.NEGATIVE if letters == "nnnn" else Outcome.INCOMPLETE, number, yes)


@pytest.mark.parametrize("letters", COMBINATIONS)
def test_every_combination(hark: Form, letters: str) -> None:
    found = read(hark, letters)
    assert found.results == (expected(letters),)
    assert found.current is ("y" in letters)
    assert found.any_yes is ("y" in letters)
    assert not found.past
    assert found.dangers == ()


def results(hark: Form) -> Iterator[Result]:
    for letters in COMBINATIONS:
        yield from read(hark, letters).results


def test_the_numbers_add_up(hark: Form) -> None:
    """Counted with pencil: 4^4 in all, 3^4 without a yes, of which one all no; 2^4 wholly answered."""
    outcomes = Counter(result.outcome for result in results(hark))
    assert outcomes == {Outcome.POSITIVE: 175, Outcome.NEGATIVE: 1, Outcome.INCOMPLETE: 80}
    scores = Counter(result.score for result in results(hark))
    assert scores == {None: 240, 0: 1, 1: 4, 2: 6, 3: 4, 4: 1}


def test_incomplete_is_never_negative_and_never_a_number(hark: Form) -> None:
    assert all(result.score is None for result in results(hark) if result.outcome is Outcome.INCOMPLETE)


@pytest.mark.parametrize("letters", COMBINATIONS)
def test_declined_hides_no_yes_and_claims_no_negative(hark: Form, letters: str) -> None:
    (result,) = read(hark, letters, declined=True).results
    if "y" in letters:
        assert result == expected(letters)
    else:
        assert result == Result("hark", Outcome.DECLINED, None, ())
