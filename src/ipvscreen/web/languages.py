"""The languages of pages: what is ours, said in the locale of the record system, from `locale/*.po`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date, format_time
from babel.messages.pofile import read_po

from ipvscreen.messages import Dated, Message

ENGLISH = "en-GB"
FILES = {"nl-NL": "nl", "fr-CA": "fr_CA"}  # locale of the settings → its file; English has none
FOLDER = Path(__file__).resolve().parents[1] / "locale"


@dataclass(frozen=True, slots=True)
class Language:
    """One language; `catalogue` has translations by msgid: what it lacks is said in English."""

    locale: str  # BCP 47
    catalogue: Mapping[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """What `<html lang>` says."""
        return "en" if self.locale == ENGLISH else self.locale

    def said(self, text: Any) -> Any:
        """A message or a day in this language; whatever else it is, names and answers above all, as it is."""
        if isinstance(text, Dated):
            return self._dated(text)
        return self._message(text) if isinstance(text, Message) else text

    def _message(self, text: Message) -> str:
        template = self.catalogue.get(text.msgid, text.msgid)
        parts = {name: self.said(part) for name, part in text.parts.items()}
        return template.format(**parts) if parts else template

    def _dated(self, text: Dated) -> str:
        if self.locale == ENGLISH:
            return str.__str__(text)
        at, locale = text.at, Locale.parse(self.locale, sep="-")
        if not isinstance(at, datetime):
            return format_date(at, "long", locale=locale)
        clock = format_time(at.time(), "short", locale=locale)
        if text.shape == "clock":
            return clock
        return f"{format_date(at, 'EEEE d MMMM', locale=locale)}, {clock}"  # the order of all three languages


@cache  # the files are those of the running version, and it takes long to read them
def read_language(locale: str) -> Language:
    """The language of that locale, from its file; KeyError for a locale that has none."""
    if locale == ENGLISH:
        return Language(locale)
    with (FOLDER / f"{FILES[locale]}.po").open("rb") as file:
        read = read_po(file)
    return Language(
        locale, {str(one.id): str(one.string) for one in read if one.id and one.string and not one.fuzzy}
    )


def language_of(locale: str) -> Language:
    """The language of that locale; English where it has none."""
    return read_language(locale if locale in FILES else ENGLISH)


def languages() -> tuple[Language, ...]:
    """All of them, English first."""
    return tuple(read_language(locale) for locale in (ENGLISH, *FILES))
