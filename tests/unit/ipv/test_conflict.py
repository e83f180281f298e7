"""Who sees names at a service, over every combination of answers."""

from itertools import product

import pytest

from ipvscreen.ipv.case import CaseRole
from ipvscreen.ipv.conflict import Answer, Facts, Sight, against, sight

ANSWERS = (None, *Answer)


def every() -> list[Facts]:
    return [
        Facts(both, apart, {} if mentor is None else {"m": mentor})
        for both, apart, mentor in product(ANSWERS, (False, True), ANSWERS)
    ]


@pytest.mark.parametrize("mentor", [None, "m", "n"])
@pytest.mark.parametrize("facts", every(), ids=str)
def test_names_open_for_nobody_who_could_harm(facts: Facts, mentor: str | None) -> None:
    asked = facts.both is not None
    settled = facts.both is Answer.NO or (asked and facts.apart)
    cleared = settled and facts.mentors.get("m") is Answer.NO

    assert sight(facts, CaseRole.WORKER, "m", mentor) == Sight(cleared and mentor == "m")
    assert sight(facts, CaseRole.COORDINATOR, "c", mentor).names is asked
    assert sight(facts, CaseRole.REFERRER, "m", mentor) == Sight(names=False)


@pytest.mark.parametrize("facts", every(), ids=str)
def test_only_a_coordinator_is_told_why(facts: Facts) -> None:
    hint = sight(facts, CaseRole.COORDINATOR, "c", "m").hint
    assert (hint == "") is (sight(facts, CaseRole.WORKER, "m", "m").names)
    assert hint == against(facts, "m")
    assert sight(facts, CaseRole.WORKER, "m", "m").hint == ""


@pytest.mark.parametrize(
    ("facts", "mentor", "words"),
    [
        (Facts(), None, "Say first whether both"),
        (Facts(Answer.NOT_SURE), None, "different people"),
        (Facts(Answer.YES), "m", "different people"),
        (Facts(Answer.YES, apart=True), None, ""),
        (Facts(Answer.NO), None, ""),
        (Facts(Answer.NO), "m", "without saying a name"),
        (Facts(Answer.NO, mentors={"m": Answer.NOT_SURE}), "m", "Choose another"),
        (Facts(Answer.NO, mentors={"m": Answer.YES}), "m", "Choose another"),
        (Facts(Answer.NO, mentors={"m": Answer.NO}), "m", ""),
    ],
)
def test_the_hint_says_what_to_do(facts: Facts, mentor: str | None, words: str) -> None:
    hint = sight(facts, CaseRole.COORDINATOR, "c", mentor).hint
    assert words in hint
    assert bool(hint) is bool(words)


def test_a_later_answer_stands() -> None:
    first = Facts(Answer.NO, mentors={"m": Answer.NO})
    assert first.with_more(Facts(mentors={"m": Answer.YES})) == Facts(Answer.NO, mentors={"m": Answer.YES})
    later = first.with_more(Facts(Answer.YES, apart=True))
    assert later == Facts(Answer.YES, apart=True, mentors={"m": Answer.NO})
