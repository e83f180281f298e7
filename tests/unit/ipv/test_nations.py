"""The tables of nations: a line to ring and grounds that are cited, refused in words otherwise."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.ipv.nations import BASES, Nation, nations_of
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.terminology import Basis

SHIPPED = tomllib.loads((Path(__file__).parents[3] / "questionnaires" / "packs.toml").read_text("utf-8"))
GROUND = {"basis": "child", "words": "A child.", "source": "An Act"}
BODY = {"helpline": "01632 960 111", "source": "a page", "ground": {"here": GROUND}}


def test_the_four_nations_are_there_each_with_its_own() -> None:
    nations = nations_of(SHIPPED["nation"])
    assert list(nations) == ["england", "wales", "scotland", "northern-ireland"]
    assert len({one.helpline for one in nations.values()}) == 4
    codes = [ground.code for one in nations.values() for ground in one.grounds]
    assert len(set(codes)) == len(codes)
    assert all(one.source.startswith("https://") for one in nations.values())
    assert all({"child", "court"} <= {ground.basis for ground in one.grounds} for one in nations.values())
    assert all(topic_word(code) is None for code in codes), "a code stands in a form"


def test_the_bases_are_those_that_the_record_has_words_for() -> None:
    assert list(BASES) == [one.value for one in Basis]


def test_a_nation_is_read_as_it_stands() -> None:
    (nation,) = nations_of({"here": BODY}).values()
    assert isinstance(nation, Nation)
    assert (nation.name, nation.grounds[0].code, nation.grounds[0].basis) == ("here", "here", "child")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (3, "is missing, or not what it should be"),
        ({**BODY, "number": "1"}, "'number' is not known"),
        ({"source": "a", "ground": {}}, "'helpline' is missing"),
        ({**BODY, "helpline": " "}, "'helpline' must be words"),
        ({**BODY, "signed_by": "A lawyer"}, "'signed_on' is missing"),
        ({**BODY, "source": 3}, "'source' must be words"),
        ({**BODY, "ground": {"x": GROUND | {"basis": "whim"}}}, "'basis' of x must be one of serious-harm"),
        ({**BODY, "ground": {"x": GROUND | {"more": "y"}}}, "'more' is not known"),
        ({**BODY, "ground": {"x": {"basis": "child", "words": "A."}}}, "'source' is missing"),
    ],
)
def test_what_is_no_nation_is_refused_by_its_name(body: Any, said: str) -> None:
    with pytest.raises(ValueError, match=rf"^nation\.there: .*{said}"):
        nations_of({"there": body})
