"""Pages in Dutch and French: every message of ours, whole, and nothing else."""

import re
import string
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from ipvscreen.messages import clock_said, day_said, joined, message, moment_said
from ipvscreen.parts import data_folder
from ipvscreen.web import words
from ipvscreen.web.languages import ENGLISH, FILES, FOLDER, Language, read_language
from ipvscreen.web.templates import environment, environments
from ipvscreen.web.words import TITLE

sys.path.insert(0, str(Path(__file__).parent))  # with importlib the folder is not on it
from messages import extracted

AT = datetime(2025, 11, 3, 14, 5, tzinfo=UTC)
# Beginnings of words that may not stand where a bystander sees them, in either language.
TOPIC = re.compile(
    r"abus|violen|geweld|huiselijk|mishandel|slachtoffer|partner|partenaire|conjugal|conjoint|victim|maltrait"
    r"|verkracht|agress|\bviols?\b|dader",
    re.IGNORECASE,
)
# They stand folded, or on the private sheet for a service, where the English says the same.
SAYS_IT = ("use violence", "using violence", "Never had a partner", "not by itself a partner now")
both = pytest.mark.parametrize("locale", FILES)


def translated(locale: str) -> Catalog:
    with (FOLDER / f"{FILES[locale]}.po").open("rb") as file:
        return read_po(file, locale=FILES[locale])


def names(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@both
def test_every_message_is_translated_and_no_other(locale: str) -> None:
    there = {one.id: one for one in translated(locale) if one.id}
    wanted = {one.id for one in extracted() if one.id}

    assert wanted - there.keys() == set(), "run scripts/messages, and translate these"
    assert there.keys() - wanted == set(), "run scripts/messages"
    assert [one.id for one in there.values() if not one.string or one.fuzzy] == []
    assert not translated(locale).obsolete


@both
def test_every_translation_has_the_same_parts_and_edges(locale: str) -> None:
    for msgid, said in read_language(locale).catalogue.items():
        assert names(said) == names(msgid), msgid
        assert (said[:1] == " ", said[-1:] == " ") == (msgid[:1] == " ", msgid[-1:] == " "), msgid
        assert "<" not in said, msgid


@both
def test_no_translation_names_the_topic_where_the_english_does_not(locale: str) -> None:
    found = [
        msgid
        for msgid, said in read_language(locale).catalogue.items()
        if TOPIC.search(said) and not any(part in msgid for part in SAYS_IT)
    ]

    assert found == []


@both
def test_a_number_is_never_part_of_a_translation(locale: str) -> None:
    """112, 911 and all others come from the settings."""
    for msgid, said in read_language(locale).catalogue.items():
        assert sorted(re.findall(r"\d{3,}", said)) == sorted(re.findall(r"\d{3,}", msgid)), msgid


@both
def test_each_file_says_that_nobody_has_reviewed_it_yet(locale: str) -> None:
    assert "awaits review by a specialist" in translated(locale).header_comment


@pytest.mark.parametrize(
    ("locale", "day", "moment", "clock", "title"),
    [
        (ENGLISH, "3 November 2025", "Monday 3 November, 14:05", "14:05", "Health questionnaire"),
        ("nl-NL", "3 november 2025", "maandag 3 november, 14:05", "14:05", "Gezondheidsvragenlijst"),
        ("fr-CA", "3 novembre 2025", "lundi 3 novembre, 14 h 05", "14 h 05", "Questionnaire de santé"),
    ],
)
def test_days_times_and_the_title(locale: str, day: str, moment: str, clock: str, title: str) -> None:
    language = read_language(locale)
    said = [language.said(one) for one in (day_said(AT.date()), moment_said(AT), clock_said(AT), TITLE)]

    assert [" ".join(one.split()) for one in said] == [day, moment, clock, title]


def test_parts_and_their_separator_are_translated_and_names_are_not() -> None:
    language = Language(
        "nl-NL", {"Ring {who}.": "Bel {who}.", "women": "vrouwen", " and ": " en ", "No": "Nee"}
    )

    assert language.said(message("Ring {who}.", who=message("women"))) == "Bel vrouwen."
    assert language.said(joined(message(" and "), [message("women"), "No"])) == "vrouwen en No"
    assert language.said("No") == "No", "a patient may be called anything"
    assert language.said(message("Not in the file")) == "Not in the file"
    assert language.said(None) is None


def test_braces_in_a_name_are_only_braces() -> None:
    assert Language(ENGLISH).said(message("Go on with {patient}", patient="{0.__class__}")) == (
        "Go on with {0.__class__}"
    )


def test_each_language_has_an_environment_that_names_it() -> None:
    made = environments(data_folder("smart_app"))
    tags = {
        locale: one.from_string("{{ lang }} {{ _('Save') }} {{ 'Save' }}").render()
        for locale, one in made.items()
    }

    assert tags == {
        "en-GB": "en Save Save",
        "nl-NL": "nl-NL Opslaan Save",
        "fr-CA": "fr-CA Enregistrer Save",
    }


def test_what_is_put_into_a_sentence_is_escaped() -> None:
    page = environment(data_folder("smart_app")).from_string("{{ _('Go on with {patient}', patient=name) }}")

    assert page.render(name="<b>Rosa</b>") == "Go on with &lt;b&gt;Rosa&lt;/b&gt;"


@both
def test_danger_names_the_numbers_of_the_settings(locale: str) -> None:
    numbers = words.Numbers("E", "S", "H", "L", "A")
    said = read_language(locale).said(words.immediate_danger(numbers))

    assert all(f"{part}" in said for part in ("E", "S", "(L)", "(H)"))
    assert read_language(locale).said(words.consent(message("the service"), day_said(date(2025, 1, 2))))
