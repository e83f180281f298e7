"""The words of a form, pinned by their hash: none of them changes without a reviewer and a date."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date as day
from hashlib import sha256
from typing import Any

TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
_SHOWN = frozenset({"title", "text", "display", "prefix", "valueString", "valueMarkdown"})
_MEANT = frozenset({"linkId", "code"})


@dataclass(frozen=True, slots=True)
class Pin:
    """The words of one form in one language as they were on `date`; `signed` by the reviewer that it names.

    Not signed: `reviewer` says who has to, or what the words were compared with.
    """

    form: str
    language: str  # BCP 47
    sha256: str
    reviewer: str
    date: day
    signed: bool


def pins_of(document: Mapping[str, Any]) -> tuple[Pin, ...]:
    """The pins of questionnaires/wording.json; TypeError or ValueError for what it should not hold."""
    return tuple(_pin(**pin) for pin in document["pins"])


def _pin(*, form: str, language: str, sha256: str, reviewer: str, date: str, signed: bool) -> Pin:
    if not reviewer.strip():
        raise ValueError(f"the words of {form} in {language} name no reviewer")
    return Pin(form, language, sha256, reviewer, day.fromisoformat(date), signed)


def reviewed(pins: Iterable[Pin]) -> frozenset[tuple[str, str]]:
    """Form and primary language (`nl` of `nl-NL`) of all words that a reviewer has signed."""
    return frozenset((pin.form, pin.language.partition("-")[0].lower()) for pin in pins if pin.signed)


def digest(questionnaire: Mapping[str, Any], language: str | None = None) -> str:
    """SHA-256, in hex, of every word that is shown, in order, with the codes and values that it stands for.

    In `language` (BCP 47, as its translations name it) where there is a translation, else in the file's own.
    The order of keys in the file plays no part, nor do the codes' own displays, which no page shows.
    """
    words = [(key, shown or own) for key, own, shown in _words(questionnaire, language)]
    return sha256(json.dumps(words).encode()).hexdigest()


def languages(questionnaire: Mapping[str, Any]) -> tuple[str, ...]:
    """The file's own language, `en` where it names none, and those of its translations, sorted."""
    own = questionnaire.get("language", "en")
    return (own, *sorted(set(_translations(questionnaire)) - {own}))


def untranslated(questionnaire: Mapping[str, Any], language: str) -> tuple[str, ...]:
    """The words that a page in `language` would show in the file's own."""
    return tuple(own for key, own, shown in _words(questionnaire, language) if key in _SHOWN and not shown)


def changed(form: str, questionnaire: Mapping[str, Any], pins: Sequence[Pin]) -> tuple[str, ...]:
    """What has to be renewed before the words of `form` may ship, a sentence for each language."""
    by_language = {pin.language: pin for pin in pins if pin.form == form}
    spoken = languages(questionnaire)
    told = (_difference(form, each, questionnaire, by_language.get(each)) for each in spoken)
    return tuple(sentence for sentence in told if sentence)


def _difference(form: str, language: str, questionnaire: Mapping[str, Any], pin: Pin | None) -> str | None:
    now = digest(questionnaire, None if language == questionnaire.get("language", "en") else language)
    if pin is None:
        return f"The words of {form} in {language} are not pinned: sha256 {now}, and who reviewed them when."
    if pin.sha256 != now:
        return (
            f"The words of {form} in {language} have changed since {pin.date}: renew reviewer, date and "
            f"sha256 ({now})."
        )
    if pin.date.isoformat() < questionnaire.get("date", "")[:10]:  # FHIR: a year or a month may be all
        return f"{form} in {language} is newer than its review of {pin.date}: renew reviewer and date."
    return None


def _words(body: Mapping[str, Any], language: str | None) -> Iterator[tuple[str, str, str | None]]:
    """Key, the file's own words, and those of the language where they are translated."""
    for key, value in sorted(body.items()):
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, Mapping):
                if key == "code":
                    yield key, str(part.get("code")), None
                elif part.get("url") != TRANSLATION:
                    yield from _words(part, language)
            elif key in _SHOWN or key in _MEANT or key.startswith("value"):
                yield key, str(part), _translated(body, key).get(language)


def _translated(body: Mapping[str, Any], key: str) -> dict[str | None, str]:
    """The translations of one element, by language."""
    beside = body.get(f"_{key}")
    extensions = beside.get("extension", ()) if isinstance(beside, Mapping) else ()
    parts = [
        {part["url"]: part for part in extension["extension"]}
        for extension in extensions
        if extension["url"] == TRANSLATION
    ]
    return {part["lang"]["valueCode"]: _content(part["content"]) for part in parts}


def _content(part: Mapping[str, Any]) -> str:
    return str(part.get("valueString") or part["valueMarkdown"])


def _translations(body: Mapping[str, Any]) -> Iterator[str]:
    """Every language that any element below is translated into."""
    for key, value in body.items():
        yield from (str(language) for language in _translated(body, key))
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, Mapping):
                yield from _translations(part)
