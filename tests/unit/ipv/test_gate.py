"""Who may be asked, and telephone first."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvscreen.ipv.draft import Call
from ipvscreen.ipv.gate import AgeBand, age_gate, known_age, may_send
from ipvscreen.ipv.person import Person

TODAY = date(2026, 3, 2)


def born(day: date | None, interpreter: str | None = None) -> Person:
    return Person("A", day, interpreter=interpreter)


@pytest.mark.parametrize(
    ("birth", "age", "band", "may_ask", "confirm"),
    [
        (date(2010, 3, 3), 15, AgeBand.UNDER_16, False, False),
        (date(2010, 3, 2), 16, AgeBand.AGED_16_17, True, False),
        (date(2008, 3, 3), 17, AgeBand.AGED_16_17, True, False),
        (date(2008, 3, 2), 18, AgeBand.ADULT, True, False),
        (date(1945, 1, 1), 81, AgeBand.ADULT, True, False),
        (TODAY, 0, AgeBand.UNDER_16, False, False),
        (date(1904, 3, 2), 122, AgeBand.ADULT, True, False),
        (date(1903, 3, 2), None, AgeBand.UNKNOWN, True, True),
        (date(2026, 3, 3), None, AgeBand.UNKNOWN, True, True),
        (None, None, AgeBand.UNKNOWN, True, True),
    ],
)
def test_age_decides(
    birth: date | None, age: int | None, band: AgeBand, may_ask: bool, confirm: bool
) -> None:
    gate = age_gate(born(birth), TODAY)
    assert known_age(born(birth), TODAY) == age
    assert (gate.band, gate.may_ask, gate.needs_age_confirmed) == (band, may_ask, confirm)


def sentences(birth: date | None) -> str:
    return " ".join(age_gate(born(birth), TODAY).sentences)


def test_under_16_the_page_says_what_to_do() -> None:
    text = sentences(date(2012, 1, 1))
    for words in ("not asked", "alone", "safeguarding lead", "child protection procedures", "judgement"):
        assert words in text


def test_16_and_17_the_page_says_not_validated_and_safeguarding() -> None:
    text = sentences(date(2009, 1, 1))
    assert "not validated under 18" in text
    assert "child safeguarding" in text


def test_adults_need_no_sentence_and_unknown_ages_are_confirmed() -> None:
    assert sentences(date(1990, 1, 1)) == ""
    assert "Confirm" in sentences(None)


@pytest.mark.parametrize("birth", [None, date(2012, 1, 1), date(2009, 1, 1), date(1990, 1, 1)])
def test_an_interpreter_is_professional_at_every_age(birth: date | None) -> None:
    with_one = age_gate(born(birth, "Polish"), TODAY).sentences
    assert with_one[:-1] == age_gate(born(birth), TODAY).sentences
    assert with_one[-1] == "An interpreter is needed (Polish): a professional one, never family or friends."


@pytest.mark.parametrize("birth", [None, date(2012, 1, 1), date(2009, 1, 1)])
def test_sentences_may_stand_on_a_visible_screen(birth: date | None) -> None:
    text = " ".join(age_gate(born(birth, "Polish"), TODAY).sentences).lower()
    for word in ("abuse", "violence", "domestic", "partner", "victim", "hark", "ipv"):
        assert word not in text


@given(birth=st.dates(date(1950, 1, 1), TODAY), days=st.integers(0, 3000))
def test_nobody_grows_younger(birth: date, days: int) -> None:
    first, later = born(birth).age_on(TODAY), born(birth).age_on(TODAY + timedelta(days=days))
    assert first is not None
    assert later is not None
    assert first <= later <= first + days // 365 + 1


def test_a_leap_day_birthday_comes_in_march() -> None:
    person = born(date(2008, 2, 29))
    assert person.age_on(date(2026, 2, 28)) == 17
    assert person.age_on(date(2026, 3, 1)) == 18


@pytest.mark.parametrize("call", [None, *Call])
def test_telephone_first(call: Call | None) -> None:
    assert may_send(call, danger=False)
    assert may_send(call, danger=True) is (call is not None)


@pytest.mark.parametrize(("age", "may_ask"), [(17, False), (18, True), (15, False)])
def test_a_pack_may_ask_from_a_later_age(age: int, may_ask: bool) -> None:
    gate = age_gate(born(date(TODAY.year - age, 1, 1)), TODAY, 18)
    assert gate.may_ask is may_ask
    assert ("Under 18: the questions are not asked here." in gate.sentences) is (age == 17)


def test_the_age_to_confirm_is_that_of_the_pack() -> None:
    assert "18 or over" in age_gate(born(None), TODAY, 18).sentences[0]
    assert "16 or over" in age_gate(born(None), TODAY).sentences[0]
    assert age_gate(born(None), TODAY, 18).may_ask
