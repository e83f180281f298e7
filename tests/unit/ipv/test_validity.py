"""What is said about validity, from the shipped rows."""

import json
from datetime import date
from typing import Any

import pytest

from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.validity import NO_STUDY, Row, rows_of, validity_of

TODAY = date(2026, 3, 2)
WOMAN = Person("A", date(1990, 1, 1), Sex.FEMALE)
HARK = "Validated in women over 17 in London general practice"
AAS = "Validated in women in antenatal and emergency care"


@pytest.fixture(scope="module")
def rows(documents: dict[str, dict[str, Any]]) -> tuple[Row, ...]:
    return rows_of(documents["validity"])


def test_the_study_behind_hark_is_told_as_published(rows: tuple[Row, ...]) -> None:
    (row,) = [row for row in rows if row.instrument == "hark"]
    assert (row.sensitivity, row.specificity, row.cut, row.n) == ("0.81", "0.95", "1", 232)
    assert (row.reference, row.recall, row.language, row.age_from) == ("CAS>=3", "P1Y", "en", 18)
    assert (row.sexes, row.settings) == ({Sex.FEMALE}, {Setting.GP})
    assert "one in five" in row.limits


def test_the_studies_behind_aas_are_told_as_published(rows: tuple[Row, ...]) -> None:
    (row,) = [row for row in rows if row.instrument == "aas"]
    assert (row.sensitivity, row.specificity, row.n) == ("0.93-0.94", "0.55-0.99", None)
    assert "32 %" in row.limits


def test_every_form_has_a_row_and_every_source_is_named(
    rows: tuple[Row, ...], documents: dict[str, dict[str, Any]]
) -> None:
    shipped = [body for body in documents.values() if body.get("resourceType") == "Questionnaire"]
    assert {row.instrument for row in rows} == {b["name"].lower().replace("_", "-") for b in shipped}
    assert {row.source for row in rows if row.population} == set(documents["validity"]["sources"])


@pytest.mark.parametrize(
    ("person", "setting", "language", "sentence"),
    [
        (WOMAN, Setting.GP, "en", f"{HARK}."),
        (WOMAN, Setting.GP, "en-GB", f"{HARK}."),
        (Person("A", date(2008, 3, 2), Sex.FEMALE), Setting.GP, "en", f"{HARK}."),
        (Person("A", date(2008, 3, 3), Sex.FEMALE), Setting.GP, "en", f"{HARK}; this patient is 17."),
        (Person("B", date(1990, 1, 1), Sex.MALE), Setting.GP, "en", f"{HARK}; this patient is a man."),
        (
            Person("B", date(1990, 1, 1), Sex.OTHER),
            Setting.GP,
            "en",
            f"{HARK}; this patient is recorded as neither man nor woman.",
        ),
        (WOMAN, Setting.MENTAL_HEALTH, "en", f"{HARK}; this is mental-health care."),
        (WOMAN, Setting.ANTENATAL, "en", f"{HARK}; this is antenatal care."),
        (WOMAN, Setting.GP, "nl", f"{HARK}; it was studied in another language."),
        (
            Person("A", date(1990, 1, 1), Sex.FEMALE, interpreter="Polish"),
            Setting.GP,
            "en",
            f"{HARK}; an interpreter is needed.",
        ),
        (
            Person(None, None),
            Setting.GP,
            "en",
            f"{HARK}; this patient's sex is not recorded and this patient's age is not known.",
        ),
        (
            Person("B", date(1990, 1, 1), Sex.MALE),
            Setting.MENTAL_HEALTH,
            "fr",
            f"{HARK}; this patient is a man, this is mental-health care "
            "and it was studied in another language.",
        ),
    ],
)
def test_hark_beside_its_result(
    rows: tuple[Row, ...], person: Person, setting: Setting, language: str, sentence: str
) -> None:
    found = validity_of("hark", person, setting, language, TODAY, rows)
    assert found.sentence == sentence
    assert found.validated is (sentence == f"{HARK}.")
    assert found.limits is not None
    assert "misses" in found.limits


def test_aas_where_ages_are_not_told_is_still_for_adults(rows: tuple[Row, ...]) -> None:
    assert validity_of("aas", WOMAN, Setting.ANTENATAL, "en", TODAY, rows).validated
    girl = Person("A", date(2009, 6, 1), Sex.FEMALE)
    found = validity_of("aas", girl, Setting.ANTENATAL, "en", TODAY, rows)
    assert (found.validated, found.sentence) == (False, f"{AAS}; this patient is 16.")
    found = validity_of("aas", WOMAN, Setting.GP, "en", TODAY, rows)
    assert found.sentence == f"{AAS}; this is general practice."


def test_what_no_study_stands_behind_says_so_to_everyone(rows: tuple[Row, ...]) -> None:
    found = validity_of("aas-1", WOMAN, Setting.GP, "en", TODAY, rows)
    assert found.validated is False
    assert found.sentence == "One item of a validated form; accuracy of the single item unknown."
    found = validity_of("quick", WOMAN, Setting.GP, "en", TODAY, rows)
    assert not found.validated
    assert found.sentence == "Not a validated form: prompts for today."


@pytest.mark.parametrize("form", ["past", "children", "impact", "use", "quick"])
def test_our_own_forms_are_said_to_be_no_validated_ones(rows: tuple[Row, ...], form: str) -> None:
    (row,) = [row for row in rows if row.instrument == form]
    assert (row.population, row.sensitivity, row.specificity, row.source) == (None, None, None, None)
    assert row.limits.startswith("Not a validated form")


def test_an_unlisted_form_claims_nothing(rows: tuple[Row, ...]) -> None:
    found = validity_of("other", WOMAN, Setting.GP, "en", TODAY, rows)
    assert (found.validated, found.sentence) == (False, NO_STUDY)


def test_the_nearest_study_speaks() -> None:
    common = {"limits": "L", "language": "en", "settings": frozenset({Setting.GP})}
    men = Row("x", population="men", sexes=frozenset({Sex.MALE}), **common)
    women = Row("x", population="women", sexes=frozenset({Sex.FEMALE}), **common)
    for rows in ((men, women), (women, men)):
        assert validity_of("x", WOMAN, Setting.GP, "en", TODAY, rows).sentence == "Validated in women."


@pytest.mark.parametrize(("born", "sentence"), [(2010, "women."), (2011, "women; this patient is 15.")])
def test_the_youngest_of_a_study_decide_where_they_are_told(born: int, sentence: str) -> None:
    row = Row("x", "L", "women", frozenset({Sex.FEMALE}), 16, frozenset({Setting.GP}), language="EN-us")
    girl = Person("A", date(born, 1, 1), Sex.FEMALE)
    found = validity_of("x", girl, Setting.GP, "en-GB", TODAY, (row,))
    assert found.sentence == f"Validated in {sentence}"


def test_a_study_that_does_not_tell_its_language_is_not_taken_for_ours() -> None:
    row = Row("x", "L", "women", frozenset({Sex.FEMALE}), settings=frozenset({Setting.GP}))
    found = validity_of("x", WOMAN, Setting.GP, "en", TODAY, (row,))
    assert found.sentence == "Validated in women; the language of the study is not known."


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"sensitivty": "0.9"}, TypeError),
        ({"sexes": ["F"]}, ValueError),
        ({"settings": ["hospital"]}, ValueError),
    ],
)
def test_a_row_that_is_not_understood_is_refused(change: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        rows_of({"rows": [{"instrument": "x", "limits": "L", **change}]})


def test_reading_the_rows_leaves_the_document_alone(documents: dict[str, dict[str, Any]]) -> None:
    before = json.dumps(documents["validity"])
    rows_of(documents["validity"])
    assert json.dumps(documents["validity"]) == before
