"""A form speaks the language that is wanted only as far as its Questionnaire does, and says which."""

from collections.abc import Callable
from typing import Any

import pytest

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.load import load_form
from ipvscreen.sdc.loading.extensions import Ext
from ipvscreen.sdc.loading.translation import MOST_MARKED

Json = dict[str, Any]
Build = Callable[..., Json]


def translation(language: str, content: str, kind: str = "valueString") -> Json:
    parts = [{"url": "lang", "valueCode": language}, {"url": "content", kind: content}]
    return {"url": Ext.TRANSLATION, "extension": parts}


def said(*extensions: Json) -> Json:
    return {"extension": list(extensions)}


def markdown(text: str, *translations: Json) -> Json:
    beside = {"_valueMarkdown": said(*translations)} if translations else {}
    return {"url": Ext.MARKDOWN, "valueMarkdown": text, **beside}


@pytest.fixture
def dutch(with_item: Build) -> Json:
    coding = {"code": "y", "display": "Yes", "_display": said(translation("nl", "Ja"))}
    body = with_item(
        prefix="1.",
        _prefix=said(translation("nl", "A.")),
        _text=said(translation("fr-CA", "A, en français?"), translation("nl", "A, in het Nederlands?")),
        answerOption=[
            {"valueCoding": coding},
            {"valueString": "No", "_valueString": said(translation("nl", "Nee"))},
        ],
    )
    return body | {"language": "en", "_title": said(translation("nl", "Kort formulier"))}


@pytest.mark.parametrize("language", ["nl", "nl-BE", "NL"])
def test_every_word_is_translated(dutch: Json, language: str) -> None:
    form = load_form(dutch, language=language)
    (item,) = form.items
    assert (form.title, item.prefix, item.text) == ("Kort formulier", "A.", "A, in het Nederlands?")
    assert [option.display for option in item.options] == ["Ja", "Nee"]
    assert item.options[0].fhir == {"valueCoding": {"code": "y", "display": "Yes"}}
    assert item.options[1].fhir == {"valueString": "No"}
    assert form.language == language


@pytest.mark.parametrize("language", ["fr-CA", "fr", "de"])
def test_a_form_that_is_not_wholly_translated_keeps_its_own_language(dutch: Json, language: str) -> None:
    form = load_form(dutch, language=language)
    assert form.language == "en"
    assert form.title == "Small form"


def test_a_language_may_be_wanted_that_is_the_forms_own(dutch: Json) -> None:
    form = load_form(dutch, language="en-GB")
    assert (form.language, form.items[0].text) == ("en-GB", "A?")
    assert load_form(dutch).language == "en"


def test_a_form_that_names_no_language_is_in_none(with_item: Build) -> None:
    assert load_form(with_item()).language is None
    assert load_form(with_item(), language="en").language is None


def test_marks_are_rendered(with_item: Build) -> None:
    form = load_form(with_item(_text=said(markdown("**A**?"))))
    assert (form.items[0].text, form.items[0].html) == ("A?", "<p><strong>A</strong>?</p>")


def test_marks_belong_to_the_words_they_mark(with_item: Build) -> None:
    marked = markdown("**A**?", translation("nl", "**B**?", "valueMarkdown"))
    both = with_item(_text=said(marked, translation("nl", "B?")))
    assert load_form(both, language="nl").items[0].html == "<p><strong>B</strong>?</p>"
    assert load_form(both, language="fr").items[0].html == "<p><strong>A</strong>?</p>"
    text_only = with_item(_text=said(markdown("**A**?"), translation("nl", "B?")))
    assert load_form(text_only, language="nl").items[0].html is None


def test_xhtml_is_left_out_in_favour_of_the_text(with_item: Build) -> None:
    xhtml = {"url": "http://hl7.org/fhir/StructureDefinition/rendering-xhtml", "valueString": "<b>A</b>"}
    assert load_form(with_item(_text=said(xhtml))).items[0].html is None


@pytest.mark.parametrize(
    ("beside", "sentence"),
    [
        (said({"url": Ext.TRANSLATION, "extension": []}), "must hold a language and its content."),
        (
            said({"url": Ext.TRANSLATION, "extension": [{"url": "lang", "valueCode": "nl"}, {"url": "x"}]}),
            "must hold a language and its content.",
        ),
        (said({"url": "urn:other"}), "'urn:other' is not supported here."),
        (said({"url": "http://hl7.org/fhir/StructureDefinition/cqf-expression"}), "is not supported."),
        ({"fhir_comments": ["x"]}, "is not supported."),
        (said(markdown("a"), markdown("b")), "is used twice."),
        ("text", "must be an object."),
    ],
)
def test_what_stands_beside_a_text_is_read_strictly(with_item: Build, beside: object, sentence: str) -> None:
    with pytest.raises(FormRefused, match=sentence):
        load_form(with_item(_text=beside))


def test_no_more_markdown_than_can_be_read_in_a_second(with_item: Build) -> None:
    body = with_item(_text=said(markdown("x" * MOST_MARKED)))
    assert load_form(body).items[0].html is None
    body["item"].append(body["item"][0] | {"linkId": "b"})
    with pytest.raises(FormRefused, match="200000 characters of markdown"):
        load_form(body)


def test_designations_of_a_value_set_are_translations(with_item: Build) -> None:
    concept = {
        "code": "y",
        "display": "Yes",
        "designation": [{"value": "Yep"}, {"language": "nl", "value": "Ja"}],
    }
    value_set = {
        "resourceType": "ValueSet",
        "id": "v",
        "compose": {"include": [{"system": "urn:x", "concept": [concept]}]},
    }
    body = with_item(answerOption=None, answerValueSet="#v") | {"contained": [value_set]}
    assert load_form(body, language="nl").items[0].options[0].display == "Ja"
    assert load_form(body).items[0].options[0].display == "Yes"
