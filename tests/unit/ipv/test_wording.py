"""No word that is asked changes without a reviewer and a date."""

import copy
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from ipvscreen.ipv.wording import (
    TRANSLATION,
    Pin,
    changed,
    digest,
    languages,
    pins_of,
    reviewed,
    untranslated,
)

Documents = dict[str, dict[str, Any]]
INSTRUMENTS = ("hark", "aas", "aas-1")
OURS = ("quick", "past", "children", "impact", "use", "dash-result")


def translation(**words: str) -> dict[str, Any]:
    return {
        "extension": [
            {
                "url": TRANSLATION,
                "extension": [{"url": "lang", "valueCode": lang}, {"url": "content", "valueString": content}],
            }
            for lang, content in words.items()
        ]
    }


@pytest.fixture
def small() -> dict[str, Any]:
    """A form with one of everything that is shown."""
    return {
        "title": "T",
        "_title": translation(nl="t"),
        "language": "en",
        "date": "2026-03-02",
        "item": [
            {
                "linkId": "a",
                "code": [{"code": "c", "display": "nobody sees this"}],
                "prefix": "1",
                "text": "Q",
                "_text": {
                    "extension": [
                        *translation(nl="V", fr="F")["extension"],
                        {
                            "url": "http://hl7.org/fhir/StructureDefinition/rendering-markdown",
                            "valueMarkdown": "**Q**",
                            "_valueMarkdown": {
                                "extension": [
                                    {
                                        "url": TRANSLATION,
                                        "extension": [
                                            {"url": "lang", "valueCode": "nl"},
                                            {"url": "content", "valueMarkdown": "**V**"},
                                        ],
                                    }
                                ]
                            },
                        },
                    ]
                },
                "answerOption": [
                    {"valueCoding": {"code": "y", "display": "Yes", "_display": translation(nl="Ja")}},
                    {"valueString": "Perhaps"},
                    {"valueInteger": 3},
                ],
            }
        ],
    }


@pytest.fixture(scope="module")
def pins(documents: Documents) -> tuple[Pin, ...]:
    return pins_of(documents["wording"])


@pytest.mark.parametrize("name", [*INSTRUMENTS, *OURS])
def test_every_shipped_word_is_as_it_was_last_looked_at(
    documents: Documents, pins: tuple[Pin, ...], name: str
) -> None:
    assert changed(name, documents[name], pins) == ()


def test_every_pin_is_of_a_form_and_a_language_that_ship(documents: Documents, pins: tuple[Pin, ...]) -> None:
    shipped = {(name, each) for name in (*INSTRUMENTS, *OURS) for each in languages(documents[name])}
    assert {(pin.form, pin.language) for pin in pins} == shipped
    assert len(pins) == len(shipped)


@pytest.mark.parametrize("name", OURS)
def test_our_own_forms_are_whole_in_dutch_and_french(documents: Documents, name: str) -> None:
    assert languages(documents[name]) == ("en", "fr-CA", "nl")
    assert untranslated(documents[name], "nl") == ()
    assert untranslated(documents[name], "fr-CA") == ()


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_an_instrument_is_not_translated_by_us(documents: Documents, name: str) -> None:
    assert languages(documents[name]) == ("en",)


def test_nobody_is_said_to_have_signed(pins: tuple[Pin, ...]) -> None:
    """Honest as of now: the first signature changes this test with the file."""
    assert reviewed(pins) == frozenset()
    assert all("waits a domestic-abuse specialist" in pin.reviewer for pin in pins)
    assert all("Source checked" in pin.reviewer for pin in pins if pin.form in INSTRUMENTS)


def places(body: Any, key: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Every object below that has a text under that key."""
    for each in body.values() if isinstance(body, dict) else body:
        if isinstance(each, dict | list):
            yield from places(each, key)
    if isinstance(body, dict) and isinstance(body.get(key), str):
        yield body, key


def each_alone(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every item, without those below it."""
    for item in body.get("item", ()):
        yield {key: value for key, value in item.items() if key != "item"}
        yield from each_alone(item)


@pytest.mark.parametrize("name", [*INSTRUMENTS, *OURS])
def test_one_changed_letter_anywhere_is_found(documents: Documents, name: str) -> None:
    spoken = languages(documents[name])
    for item in each_alone(copy.deepcopy(documents[name])):
        before = [digest(item, language) for language in spoken]
        options = item.get("answerOption", [])
        words = [*places(item, "text"), *places(options, "display"), *places(options, "code")]
        words += [*places(item, "linkId"), *places(item, "valueString")]
        assert len(words) >= 2 + 2 * len(options) + (len(spoken) - 1) * (1 + len(options))
        for place, key in words:
            was, place[key] = place[key], f"{place[key]} "
            assert [digest(item, language) for language in spoken] != before
            place[key] = was


def test_a_change_says_what_to_renew(small: dict[str, Any]) -> None:
    pins = [pinned(small, "en"), pinned(small, "nl"), pinned(small, "fr")]
    assert changed("x", small, pins) == ()
    small["item"][0]["text"] = "Q?"
    now = digest(small)
    assert changed("x", small, pins) == (
        f"The words of x in en have changed since 2026-03-02: renew reviewer, date and sha256 ({now}).",
    )


def pinned(body: dict[str, Any], language: str) -> Pin:
    spoken = None if language == "en" else language
    return Pin("x", language, digest(body, spoken), "R", date(2026, 3, 2), signed=True)


def test_a_changed_translation_is_found_in_its_language_alone(small: dict[str, Any]) -> None:
    pins = [pinned(small, "en"), pinned(small, "nl"), pinned(small, "fr")]
    small["_title"] = translation(nl="t.")
    (sentence,) = changed("x", small, pins)
    assert sentence.startswith("The words of x in nl have changed")


def test_words_that_nobody_has_looked_at_are_found(small: dict[str, Any]) -> None:
    other = Pin("y", "nl", digest(small, "nl"), "R", date(2026, 3, 2), signed=True)
    (fr, nl) = changed("x", small, [pinned(small, "en"), other])
    assert fr.startswith("The words of x in fr are not pinned")
    assert nl == (
        f"The words of x in nl are not pinned: sha256 {digest(small, 'nl')}, and who reviewed them when."
    )


@pytest.mark.parametrize(
    ("dated", "stale"),
    [("2026-03-03", True), ("2026-03-02", False), ("2026-03-02T10:00:00Z", False), ("2026", False)],
)
def test_a_file_newer_than_its_review_is_looked_at_again(
    small: dict[str, Any], dated: str, *, stale: bool
) -> None:
    pins = [pinned(small, each) for each in ("en", "nl", "fr")]
    small["date"] = dated
    found = changed("x", small, pins)
    assert len(found) == (3 if stale else 0)
    assert all("is newer than its review of 2026-03-02" in sentence for sentence in found)


@pytest.mark.parametrize(
    "change",
    [
        lambda item: item.update(prefix="2"),
        lambda item: item["_text"]["extension"][2].update(valueMarkdown="Q"),
        lambda item: item["answerOption"].reverse(),
        lambda item: item["answerOption"][1].update(valueString="Maybe"),
        lambda item: item["answerOption"][2].update(valueInteger=4),
        lambda item: item["answerOption"][0]["valueCoding"].update(code="n"),
        lambda item: item["code"][0].update(code="d"),
        lambda item: item.update(linkId="b"),
    ],
    ids=["prefix", "markdown", "order", "text", "number", "answer's code", "item's code", "linkId"],
)
def test_every_part_that_is_shown_or_meant_counts(small: dict[str, Any], change: Any) -> None:
    before = digest(small)
    change(small["item"][0])
    assert digest(small) != before


def test_what_is_not_shown_does_not_count(small: dict[str, Any]) -> None:
    before = digest(small), digest(small, "nl")
    small["item"][0]["code"][0]["display"] = "something else"
    small["publisher"] = "P"
    small["_date"] = [None, {"id": "an element of a list may have none"}]
    turned = dict(reversed(small.items()))
    turned["item"] = [dict(reversed(item.items())) for item in small["item"]]
    assert (digest(turned), digest(turned, "nl")) == before


def test_each_language_has_words_of_its_own(small: dict[str, Any]) -> None:
    assert languages(small) == ("en", "fr", "nl")
    assert len({digest(small), digest(small, "nl"), digest(small, "fr")}) == 3
    assert digest(small, "de") == digest(small)
    assert untranslated(small, "nl") == ("Perhaps", "1")
    assert untranslated(small, "fr") == ("**Q**", "Yes", "Perhaps", "1", "T")
    del small["language"]
    assert languages(small) == ("en", "fr", "nl")


def test_a_form_is_in_its_own_language_whatever_it_calls_a_translation(small: dict[str, Any]) -> None:
    small["_title"] = translation(de="ein Titel")
    small["language"] = "de"
    day = date(2026, 3, 2)
    pins = [Pin("x", each, digest(small, each), "R", day, signed=True) for each in ("fr", "nl")]
    assert languages(small) == ("de", "fr", "nl")
    assert changed("x", small, [*pins, Pin("x", "de", digest(small), "R", day, signed=True)]) == ()
    del small["language"]
    small["_title"] = translation(en="another title")
    assert languages(small) == ("en", "fr", "nl")
    assert changed("x", small, [*pins, Pin("x", "en", digest(small), "R", day, signed=True)]) == ()


def test_a_file_may_have_no_date_and_an_element_no_more_than_an_id(small: dict[str, Any]) -> None:
    pins = [pinned(small, each) for each in ("en", "nl", "fr")]
    del small["date"]
    small["item"][0]["_prefix"] = {"id": "i"}
    assert changed("x", small, pins) == ()


def test_a_signature_is_for_a_language_wherever_it_is_spoken() -> None:
    day = date(2026, 3, 2)
    signed = [Pin("x", each, "0", "R", day, signed=True) for each in ("nl-NL", "EN", "zh-Hant-TW")]
    assert reviewed([*signed, Pin("x", "fr", "0", "R", day, signed=False)]) == {
        ("x", "nl"),
        ("x", "en"),
        ("x", "zh"),
    }


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"reviewer": " "}, ValueError),
        ({"date": "soon"}, ValueError),
        ({"reviewed": True}, TypeError),
    ],
)
def test_a_pin_that_is_not_understood_is_refused(change: dict[str, Any], error: type[Exception]) -> None:
    pin = {
        "form": "x",
        "language": "en",
        "sha256": "0",
        "reviewer": "R",
        "date": "2026-03-02",
        "signed": True,
    }
    assert pins_of({"pins": [pin]}) == (Pin("x", "en", "0", "R", date(2026, 3, 2), signed=True),)
    with pytest.raises(error, match=r"name no reviewer|isoformat|unexpected keyword"):
        pins_of({"pins": [pin | change]})
