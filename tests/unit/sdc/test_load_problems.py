"""One reading, three uses: the first fault is raised, or all are listed, or answers are checked."""

from collections.abc import Callable
from typing import Any

import pytest

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.form import Control
from ipvscreen.sdc.load import define, load_form, problems
from ipvscreen.sdc.loading.extensions import Ext

Json = dict[str, Any]
Build = Callable[..., Json]


def told(body: Json) -> list[str]:
    return [str(problem) for problem in problems(body)]


def test_a_form_that_loads_has_no_problems(questionnaire: Json) -> None:
    assert problems(questionnaire) == ()
    assert define(questionnaire) == load_form(questionnaire)


def test_everything_that_would_be_refused_is_listed_in_the_order_of_the_file(questionnaire: Json) -> None:
    questionnaire |= {"status": "draft", "implicitRules": "urn:r", "extension": "none"}
    del questionnaire["url"]
    well, more, times = (questionnaire["item"][index] for index in (1, 2, 3))
    well["answerOption"][1]["valueCoding"] = {"code": ""}
    more["item"][0]["type"] = "choices"
    more["item"][1]["maxLength"] = 0
    times["extension"].append({"url": "urn:other"})
    questionnaire["item"].append({"type": "string"})
    assert told(questionnaire) == [
        "Questionnaire.status: must be 'active'.",
        "Questionnaire.item[1].answerOption[1].valueCoding.code: must be a text that is not empty.",
        "Questionnaire.item[2].enableWhen[0].answerCoding: is not an answer that the question offers.",
        "Questionnaire.item[2].item[0].type: 'choices' is not supported.",
        "Questionnaire.item[2].item[1].maxLength: must be at least 1.",
        "Questionnaire.item[2].item[1].enableWhen[0].question: must be a question of this form.",
        "Questionnaire.item[3].extension[1].url: 'urn:other' is not supported here.",
        "Questionnaire.item[3].enableWhen[0].answerCoding: is not an answer that the question offers.",
        "Questionnaire.item[4].enableWhen[0].question: must be a question of this form.",
        "Questionnaire.item[4].enableWhen[1].question: must be a question of this form.",
        "Questionnaire.item[7].linkId: is missing.",
        "Questionnaire.implicitRules: is not supported.",
        "Questionnaire.extension: must be a list.",
        "Questionnaire.url: is missing.",
    ]


@pytest.mark.parametrize("item", [None, "none", ["none"], [{"type": "group", "linkId": "a"}]])
def test_the_first_problem_is_the_one_that_is_raised(questionnaire: Json, item: object) -> None:
    body = questionnaire | {"item": item}
    with pytest.raises(FormRefused) as caught:
        load_form(body)
    assert str(caught.value) in told(body)


def test_a_linkid_that_is_used_twice_is_listed_once(with_item: Build) -> None:
    body = with_item()
    body["item"] *= 2
    assert told(body) == ["Questionnaire.item[1].linkId: is used twice."]


def test_what_is_only_rendered_is_let_be_where_answers_are_validated(with_item: Build) -> None:
    gtable = {
        "url": Ext.ITEM_CONTROL,
        "valueCodeableConcept": {"coding": [{"code": "gtable"}]},
    }
    options = [{"valueCoding": {"code": "y"}}, {"valueCoding": {"display": "No code"}}, {"valueUri": "x"}]
    body = with_item(
        text=None, extension=[gtable, {"url": "urn:other"}], answerOption=options, maxLength=3, repeats="no"
    )
    for key in ("url", "name", "title", "version", "copyright", "status"):
        del body[key]
    body["item"].append({"linkId": "b", "type": "attachment"})
    form = define(body)
    first, second = form.items
    assert (form.name, form.title, form.version, form.copyright) == ("", "", "", "")
    assert (first.text, first.control, first.repeats, first.max_length) == ("", Control.DEFAULT, False, None)
    assert [option.code for option in first.options] == ["y", ""]
    assert second.type == "attachment"


def test_what_cannot_be_looked_up_is_left_to_whoever_validates(with_item: Build) -> None:
    units = {"url": Ext.UNIT_VALUE_SET, "valueCanonical": "urn:units"}
    calculated = {"url": Ext.CALCULATED, "valueString": "x"}
    body = with_item(type="quantity", answerOption=None, extension=[units])
    body["item"].append({"linkId": "b", "type": "group", "extension": [calculated]})
    form = define(body)
    assert form.item("a").unit_value_set == "urn:units"
    assert form.item("b").calculated is None


def test_the_abstract_type_is_left_to_whoever_validates(with_item: Build) -> None:
    body = with_item(type="question", answerOption=None)
    assert define(body).item("a").type == "question"
    assert told(body) == ["Questionnaire.item[0].type: 'question' is abstract: nothing can answer it."]


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Patient"},
        {"resourceType": "Questionnaire", "item": [{"type": "string"}]},
        {"resourceType": "Questionnaire", "item": [{"linkId": "a"}]},
        {"resourceType": "Questionnaire", "item": [{"linkId": "a", "type": "coding"}]},
        {"resourceType": "Questionnaire", "item": [{"linkId": "a", "type": "string"}] * 2},
    ],
)
def test_nothing_can_be_checked_against_what_is_malformed(body: Json) -> None:
    with pytest.raises(FormRefused):
        define(body)


def test_the_form_keeps_the_questionnaire_that_it_was_read_from(questionnaire: Json) -> None:
    form = load_form(questionnaire)
    assert form.source == questionnaire
    questionnaire["item"][0]["text"] = "Other"
    assert form.source["item"][0]["text"] == "Please read this"
