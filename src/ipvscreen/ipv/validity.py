"""In whom a form was validated, said honestly beside its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ipvscreen.ipv.gate import ADULT_FROM, known_age
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.messages import joined, message

NO_STUDY = message("No validation study of this form is listed here.")


@dataclass(frozen=True, slots=True)
class Row:
    """One validation study of an instrument; None where the study, as we know it, does not tell.

    `limits` says what it misses. Without a `population` no study stands behind it, and `limits` is all
    there is to say.
    """

    instrument: str
    limits: str
    population: str | None = None
    sexes: frozenset[Sex] = frozenset()
    age_from: int | None = None  # None: the adults for whom the form was made
    settings: frozenset[Setting] = frozenset()
    setting: str | None = None
    language: str | None = None  # BCP 47
    recall: str | None = None  # ISO 8601 duration
    n: int | None = None
    reference: str | None = None
    cut: str | None = None
    sensitivity: str | None = None
    specificity: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether the person belongs to those in whom the form was validated, and a sentence that says so.

    `limits` says what the form misses even there.
    """

    validated: bool
    sentence: str
    limits: str | None = None


_SEX_WORDS = {
    Sex.FEMALE: message("this patient is a woman"),
    Sex.MALE: message("this patient is a man"),
    Sex.OTHER: message("this patient is recorded as neither man nor woman"),
    Sex.UNKNOWN: message("this patient's sex is not recorded"),
}
_SETTING_WORDS = {
    Setting.GP: message("this is general practice"),
    Setting.ANTENATAL: message("this is antenatal care"),
    Setting.MENTAL_HEALTH: message("this is mental-health care"),
}


def rows_of(document: Mapping[str, Any]) -> tuple[Row, ...]:
    """The rows of questionnaires/validity.json; TypeError or ValueError for what it should not hold."""
    return tuple(_row(dict(row)) for row in document["rows"])


def _row(row: dict[str, Any]) -> Row:
    sexes = frozenset(Sex(sex) for sex in row.pop("sexes", ()))
    settings = frozenset(Setting(setting) for setting in row.pop("settings", ()))
    age_from = row.pop("ageFrom", None)
    return Row(**row, sexes=sexes, settings=settings, age_from=age_from)


def validity_of(
    instrument: str, person: Person, setting: Setting, language: str, day: date, rows: Sequence[Row]
) -> Validity:
    """How far the nearest study reaches this person, here, in this language (BCP 47), on `day`."""
    about = [row for row in rows if row.instrument == instrument]
    if not about:
        return Validity(False, NO_STUDY)
    row = min(about, key=lambda row: len(_differences(row, person, setting, language, day)))
    if row.population is None:
        return Validity(False, message(row.limits))
    differences = _differences(row, person, setting, language, day)
    whom = message(row.population)
    if differences:
        but = _listed(differences)
        sentence = message("Validated in {population}; {differences}.", population=whom, differences=but)
        return Validity(False, sentence, message(row.limits))
    return Validity(True, message("Validated in {population}.", population=whom), message(row.limits))


def _differences(row: Row, person: Person, setting: Setting, language: str, day: date) -> tuple[str, ...]:
    found = (
        _sex(row, person),
        _age(row, known_age(person, day)),
        None if setting in row.settings else _SETTING_WORDS[setting],
        _language(row, person, language),
    )
    return tuple(difference for difference in found if difference)


def _sex(row: Row, person: Person) -> str | None:
    return None if person.sex in row.sexes else _SEX_WORDS[person.sex]


def _age(row: Row, age: int | None) -> str | None:
    if age is None:
        return message("this patient's age is not known")
    lowest = row.age_from if row.age_from is not None else ADULT_FROM
    return None if age >= lowest else message("this patient is {age}", age=age)


def _language(row: Row, person: Person, language: str) -> str | None:
    if person.interpreter:
        return message("an interpreter is needed")
    if row.language is None:
        return message("the language of the study is not known")
    same = _primary(row.language) == _primary(language)
    return None if same else message("it was studied in another language")


def _primary(language: str) -> str:
    return language.split("-")[0].casefold()


def _listed(parts: tuple[str, ...]) -> str:
    first = joined(", ", parts[:-1])
    return message("{first} and {last}", first=first, last=parts[-1]) if first else parts[-1]
