"""The AAS, every one of its 8192 combinations, against an expectation that shares no table with the code."""

import itertools
from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest

from ipvscreen.ipv.assessment import Assessment, Danger, Outcome, assess
from ipvscreen.ipv.visit import Door
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Form

# n no, - left, p passed, y yes; of items 2 to 4, yes by: P partner, X ex-partner, O other, L left, D passed.
PLAIN, WITH_WHOM = "ynp-", "np-PXOLD"
COMBINATIONS = list(itertools.product(PLAIN, WITH_WHOM, WITH_WHOM, WITH_WHOM, PLAIN))
ANSWER = {"y": ["yes"], "n": ["no"], "p": ["pass"], "-": []}
WHOM = {"P": ["partner"], "X": ["ex-partner"], "O": ["other"], "L": [], "D": ["pass"]}


def entered(letters: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for number, letter in enumerate(letters, start=1):
        found[f"aas-{number}"] = ANSWER.get(letter, ["yes"])
        if letter in WHOM:
            found[f"aas-{number}-whom"] = WHOM[letter]
    return found


@pytest.fixture(scope="module")
def all_read(forms: dict[str, Form]) -> dict[tuple[str, ...], Assessment]:
    form = forms["aas"]
    return {
        letters: assess({"aas": read_answers(form, entered(letters))}, door=Door.ASK)
        for letters in COMBINATIONS
    }


def outcome(letters: tuple[str, ...]) -> str:
    if set(letters) & set("yPXOLD"):
        return "positive"
    return "negative" if set(letters) == {"n"} else "incomplete"


def test_every_combination(all_read: dict[tuple[str, ...], Assessment]) -> None:
    for letters, found in all_read.items():
        (result,) = found.results
        said_yes = tuple(f"aas-{n}" for n, letter in enumerate(letters, start=1) if letter in "yPXOLD")
        assert result.instrument == "aas", letters
        assert result.outcome == outcome(letters), letters
        assert result.score is None, letters
        assert result.yes == said_yes, letters
        assert found.any_yes is bool(said_yes), letters
        assert found.past is (letters[0] == "y"), letters
        # now: afraid, or hurt by a partner or an ex-partner, or hurt and not said by whom
        now = letters[4] == "y" or any(letter in "PXLD" for letter in letters[1:4])
        assert found.current is now, letters
        assert found.dangers == ((Danger.AFRAID_NOW,) if letters[4] == "y" else ()), letters


def test_the_numbers_add_up(all_read: dict[tuple[str, ...], Assessment]) -> None:
    """Counted with pencil: 4*8*8*8*4 in all, 3^5 without a yes; not now 4 * 4^3 * 3."""
    assert len(all_read) == 8192
    outcomes = Counter(found.results[0].outcome for found in all_read.values())
    assert outcomes == {Outcome.POSITIVE: 7949, Outcome.NEGATIVE: 1, Outcome.INCOMPLETE: 242}
    assert sum(not found.current for found in all_read.values()) == 768
    assert sum(found.past for found in all_read.values()) == 2048


def test_ever_alone_is_past_only(all_read: dict[tuple[str, ...], Assessment]) -> None:
    found = all_read["y", "n", "n", "n", "n"]
    assert found.past_only
    assert not found.current


def test_hurt_by_someone_else_is_a_yes_and_not_now(all_read: dict[tuple[str, ...], Assessment]) -> None:
    found = all_read["n", "O", "n", "n", "n"]
    assert found.any_yes
    assert not found.current
    assert not found.past


@cache
def times() -> list[dict[str, list[str]]]:
    return [{"aas-2": ["yes"], "aas-2-whom": ["partner"], "aas-2-times": [n]} for n in ("", "0", "1", "400")]


def test_the_number_of_times_changes_nothing(forms: dict[str, Form]) -> None:
    found = {assess({"aas": read_answers(forms["aas"], body)}) for body in times()}
    assert len(found) == 1


def single(forms: dict[str, Form]) -> Iterator[tuple[str, Assessment]]:
    for letter in "ynp-":
        answers = read_answers(forms["aas-1"], {"aas-1": ANSWER[letter]})
        yield letter, assess({"aas-1": answers}, door=Door.ASK)


def test_item_1_alone(forms: dict[str, Form]) -> None:
    said = {"y": "positive", "n": "negative", "p": "incomplete", "-": "incomplete"}
    for letter, found in single(forms):
        (result,) = found.results
        assert (result.instrument, result.outcome, result.score) == ("aas-1", said[letter], None)
        assert (found.past, found.past_only, found.current) == (letter == "y", letter == "y", False)
