"""What is loaded is what the Questionnaire says; whatever cannot be rendered is refused with its path."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.form import Code, Condition, Option
from ipvscreen.sdc.load import load_form
from ipvscreen.sdc.loading.extensions import Ext
from ipvscreen.sdc.loading.outline import DEEPEST, MOST_ITEMS

Json = dict[str, Any]
Build = Callable[..., Json]


def refused(questionnaire: Any, path: str, sentence: str) -> None:
    with pytest.raises(FormRefused, match=re.escape(sentence)) as caught:
        load_form(questionnaire)
    assert caught.value.path == path


def coding(code: str) -> Json:
    return {"valueCoding": {"system": "urn:x", "code": code, "display": code.title()}}


def test_a_form_holds_what_the_questionnaire_says(questionnaire: Json) -> None:
    form = load_form(questionnaire)
    assert form.name == "small-form"
    assert form.title == "Small form"
    assert form.copyright == "Ours"
    assert form.canonical == "https://forms.example/Questionnaire/small|2"
    assert form.code == (Code("urn:x", "panel", "Panel"),)
    walked = ["intro", "well", "more", "where", "what", "times", "both", "free", "count"]
    assert [item.link_id for item in form.walk()] == walked
    asked = ["well", "where", "what", "times", "both", "free", "count"]
    assert [item.link_id for item in form.questions()] == asked


def test_items_hold_what_the_questionnaire_says(questionnaire: Json) -> None:
    form = load_form(questionnaire)
    assert form.item("well").options == (
        Option("y", "Y", "urn:x", Decimal(1), value="y", fhir=coding("y")),
        Option("n", "N", "urn:x", Decimal(0), value="n", fhir=coding("n")),
    )
    assert form.item("where").options[1].weight == Decimal("0.5")
    assert form.item("where").options[2].weight is None
    assert form.item("where").repeats
    assert form.item("what").max_length == 10
    assert form.item("times").min_value == {"valueInteger": 0}
    assert form.item("times").enable_any
    assert form.item("more").enable_when == (
        Condition("well", "=", {"answerCoding": {"system": "urn:x", "code": "n"}}),
    )
    assert form.item("both").required
    assert not form.item("both").enable_any
    assert form.item("both").options == (
        Option("k", "K", value="k", fhir={"valueCoding": {"code": "k", "display": "K"}}),
    )
    assert [item.link_id for item in form.item("more").items] == ["where", "what"]


def test_pass_is_offered_on_every_choice_that_is_not_required(questionnaire: Json) -> None:
    form = load_form(questionnaire)
    offering = {item.link_id for item in form.walk() if item.offers_pass}
    assert offering == {"well", "where"}


def test_an_unknown_link_id_is_no_item(questionnaire: Json) -> None:
    with pytest.raises(KeyError):
        load_form(questionnaire).item("nowhere")


@pytest.mark.parametrize("key", ["url", "status", "resourceType"])
def test_what_identifies_a_form_must_be_there(questionnaire: Json, key: str) -> None:
    del questionnaire[key]
    refused(questionnaire, f"Questionnaire.{key}", "is missing.")


def test_what_a_questionnaire_may_lack_is_made_of_what_it_has(questionnaire: Json) -> None:
    for key in ("version", "name", "title", "copyright"):
        del questionnaire[key]
    form = load_form(questionnaire)
    assert (form.name, form.title, form.version, form.copyright) == ("small", "small", "", "")
    assert form.canonical == "https://forms.example/Questionnaire/small"
    assert load_form(questionnaire | {"id": "my_Form"}).name == "my-form"


@pytest.mark.parametrize("key", ["version", "name", "title", "copyright"])
def test_what_a_questionnaire_says_of_itself_is_a_text(questionnaire: Json, key: str) -> None:
    refused(questionnaire | {key: " "}, f"Questionnaire.{key}", "must be a text that is not empty.")


@pytest.mark.parametrize("status", ["draft", "retired", "unknown"])
def test_only_an_active_form_is_asked(questionnaire: Json, status: str) -> None:
    refused(questionnaire | {"status": status}, "Questionnaire.status", "must be 'active'.")


def test_only_a_questionnaire_is_a_form(questionnaire: Json) -> None:
    refused(
        questionnaire | {"resourceType": "Patient"}, "Questionnaire.resourceType", "must be 'Questionnaire'."
    )


@pytest.mark.parametrize("key", ["modifierExtension", "implicitRules", "_url", "_item", "replaces"])
def test_what_could_change_the_meaning_is_refused(questionnaire: Json, key: str) -> None:
    refused(questionnaire | {key: []}, f"Questionnaire.{key}", "is not supported.")


@pytest.mark.parametrize(
    "key", ["modifierExtension", "_linkId", "_required", "disabledDisplay", "answerConstraint"]
)
def test_elements_of_items_that_are_not_supported_are_refused(with_item: Build, key: str) -> None:
    refused(with_item(**{key: True}), f"Questionnaire.item[0].{key}", "is not supported.")


@pytest.mark.parametrize("kind", ["coding", "Choice", "open-Choice", "instant"])
def test_types_that_are_not_supported_are_refused(with_item: Build, kind: str) -> None:
    refused(with_item(type=kind), "Questionnaire.item[0].type", f"'{kind}' is not supported.")


def test_a_form_without_a_question_is_refused(questionnaire: Json) -> None:
    questionnaire["item"] = questionnaire["item"][:1]
    refused(questionnaire, "Questionnaire.item", "must hold at least one question.")


def test_a_link_id_is_used_once(questionnaire: Json) -> None:
    questionnaire["item"][2]["item"][0]["linkId"] = "more"
    refused(questionnaire, "Questionnaire.item[2].item[0].linkId", "is used twice.")


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("boolean", "answerOption", [{}]),
        ("quantity", "answerOption", [{}]),
        ("string", "answerValueSet", "#v"),
        ("boolean", "repeats", True),
        ("display", "repeats", True),
        ("integer", "maxLength", 3),
        ("group", "initial", [{}]),
        ("display", "item", [{"linkId": "i", "text": "I", "type": "string"}]),
        ("display", "required", True),
        ("display", "readOnly", True),
    ],
)
def test_elements_that_do_not_belong_to_the_type_are_refused(
    with_item: Build, kind: str, key: str, value: object
) -> None:
    body = with_item(**{"type": kind, "answerOption": None, key: value})
    body["item"].append({"linkId": "q", "text": "Q", "type": "string"})
    refused(body, f"Questionnaire.item[0].{key}", f"is not supported on an item of type '{kind}'.")


def nested(levels: int) -> Json:
    item: Json = {"linkId": "leaf", "text": "Leaf", "type": "string"}
    for level in range(levels - 1):
        item = {"linkId": f"group-{level}", "text": "Group", "type": "group", "item": [item]}
    return item


def test_groups_nest_as_deep_as_allowed_and_no_deeper(questionnaire: Json) -> None:
    questionnaire["item"] = [nested(DEEPEST)]
    assert len(load_form(questionnaire).questions()) == 1
    questionnaire["item"] = [nested(DEEPEST + 1)]
    path = "Questionnaire" + ".item[0]" * DEEPEST + ".item"
    refused(questionnaire, path, f"is nested more than {DEEPEST} levels deep.")


def test_a_hostile_depth_is_refused_like_any_other(questionnaire: Json) -> None:
    questionnaire["item"] = [nested(5000)]
    with pytest.raises(FormRefused, match="levels deep"):
        load_form(questionnaire)


@pytest.mark.parametrize(
    ("options", "path", "sentence"),
    [
        ([], "answerOption", "must offer at least one answer."),
        (None, "answerOption", "must offer at least one answer."),
        ("y", "answerOption", "must be a list."),
        (["y"], "answerOption[0]", "must be an object."),
        ([{"valueUri": "y"}], "answerOption[0].valueUri", "is not supported."),
        ([{}], "answerOption[0].value[x]", "is missing."),
        ([{"valueCoding": 1}], "answerOption[0].valueCoding", "must be an object."),
        ([{"valueString": "y", "valueInteger": 1}], "answerOption[0].valueInteger", "there may be one only."),
        ([{"valueCoding": {"code": "y"}}], "answerOption[0].valueCoding.display", "is missing."),
        ([{"valueCoding": {"display": "Y"}}], "answerOption[0].valueCoding.code", "is missing."),
        (
            [{"valueCoding": {"code": "y", "display": text}} for text in "YZ"],
            "answerOption",
            "offers one code twice.",
        ),
        (
            [{"initialSelected": True, "valueString": text} for text in "YZ"],
            "answerOption",
            "selects more than one answer at first.",
        ),
    ],
)
def test_options_that_cannot_be_offered_are_refused(
    with_item: Build, options: object, path: str, sentence: str
) -> None:
    refused(with_item(answerOption=options), f"Questionnaire.item[0].{path}", sentence)


def weighted(*extensions: Json, on_coding: tuple[Json, ...] = ()) -> list[Json]:
    coding = {"code": "y", "display": "Y", "extension": list(on_coding)}
    return [{"extension": list(extensions), "valueCoding": coding}]


def weight(value: object) -> Json:
    return {"url": Ext.ORDINAL_VALUE, "valueDecimal": value}


def test_a_weight_may_stand_on_the_coding(with_item: Build) -> None:
    form = load_form(with_item(answerOption=weighted(on_coding=(weight(0.1),))))
    assert form.item("a").options[0].weight == Decimal("0.1")


@pytest.mark.parametrize("value", ["1", True, None, {}])
def test_a_weight_is_a_number(with_item: Build, value: object) -> None:
    path = "Questionnaire.item[0].answerOption[0].extension[0].valueDecimal"
    refused(with_item(answerOption=weighted(weight(value))), path, "must be a number.")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_weight_is_finite(with_item: Build, value: float) -> None:
    path = "Questionnaire.item[0].answerOption[0].extension[0].valueDecimal"
    refused(with_item(answerOption=weighted(weight(value))), path, "must be a finite number.")


@pytest.mark.parametrize("url", [Ext.ORDINAL_VALUE, Ext.ITEM_WEIGHT])
def test_weights_that_agree_are_one(with_item: Build, url: str) -> None:
    other = {"url": url, "valueDecimal": Decimal("1.0")}
    form = load_form(with_item(answerOption=weighted(weight(1), on_coding=(other,))))
    assert form.item("a").options[0].weight == 1


@pytest.mark.parametrize("url", [Ext.ORDINAL_VALUE, Ext.ITEM_WEIGHT])
def test_weights_that_differ_are_refused(with_item: Build, url: str) -> None:
    other = {"url": url, "valueDecimal": 2}
    body = with_item(answerOption=weighted(weight(1), on_coding=(other,)))
    refused(body, "Questionnaire.item[0].answerOption[0].extension", "has weights that differ.")


def test_an_unknown_extension_of_an_option_is_refused(with_item: Build) -> None:
    body = with_item(answerOption=weighted({"url": "urn:other", "valueDecimal": 1}))
    refused(
        body, "Questionnaire.item[0].answerOption[0].extension[0].url", "'urn:other' is not supported here."
    )


def test_a_weight_holds_nothing_else(with_item: Build) -> None:
    body = with_item(answerOption=weighted({**weight(1), "valueInteger": 1}))
    refused(body, "Questionnaire.item[0].answerOption[0].extension[0].valueInteger", "is not supported.")


@pytest.mark.parametrize("value", [0, -1])
def test_a_text_may_hold_something(with_item: Build, value: int) -> None:
    body = with_item(type="string", answerOption=None, maxLength=value)
    path = "Questionnaire.item[0].maxLength"
    refused(body, path, "must be at least 1.")


@pytest.mark.parametrize("value", ["3", True, 1.5])
def test_a_length_is_a_whole_number(with_item: Build, value: object) -> None:
    body = with_item(type="string", answerOption=None, maxLength=value)
    refused(body, "Questionnaire.item[0].maxLength", "must be a whole number.")


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_a_flag_is_true_or_false(with_item: Build, value: object) -> None:
    body = with_item()
    body["item"][0]["repeats"] = value
    refused(body, "Questionnaire.item[0].repeats", "must be true or false.")


@pytest.mark.parametrize("value", ["", "  ", 7, ["A"]])
def test_a_text_is_a_text(with_item: Build, value: object) -> None:
    refused(with_item(text=value), "Questionnaire.item[0].text", "must be a text that is not empty.")


@pytest.mark.parametrize(
    ("change", "path", "sentence"),
    [
        ({"operator": "~"}, "operator", "must be one of exists, =, !=, >, <, >=, <=."),
        ({"operator": ">"}, "operator", "'>' has no meaning for a question of type 'choice'."),
        ({"operator": "exists"}, "answerCoding", "is not supported here."),
        ({"question": "nowhere"}, "question", "must be a question of this form."),
        ({"question": "more"}, "question", "must be a question of this form."),
        ({"question": "intro"}, "question", "must be a question of this form."),
        ({"question": "times"}, "answerCoding", "is not supported here."),
        (
            {"answerCoding": {"system": "urn:x", "code": "z"}},
            "answerCoding",
            "is not an answer that the question offers.",
        ),
        ({"answerCoding": {"code": "n"}}, "answerCoding", "is not an answer that the question offers."),
        ({"answerBoolean": True}, "answerBoolean", "there may be one only."),
        ({"answerUri": "u"}, "answerUri", "is not supported."),
    ],
)
def test_conditions_that_cannot_be_followed_are_refused(
    questionnaire: Json, change: Json, path: str, sentence: str
) -> None:
    questionnaire["item"][2]["enableWhen"][0].update(change)
    refused(questionnaire, f"Questionnaire.item[2].enableWhen[0].{path}", sentence)


def test_two_conditions_say_whether_all_or_any(questionnaire: Json) -> None:
    del questionnaire["item"][3]["enableBehavior"]
    sentence = "is missing where there is more than one condition."
    refused(questionnaire, "Questionnaire.item[3].enableBehavior", sentence)
    questionnaire["item"][3]["enableBehavior"] = "some"
    refused(questionnaire, "Questionnaire.item[3].enableBehavior", "must be 'all' or 'any'.")


def test_a_form_may_be_as_long_as_allowed(questionnaire: Json) -> None:
    items = [{"linkId": str(n), "text": "?", "type": "string"} for n in range(MOST_ITEMS)]
    assert len(load_form(questionnaire | {"item": items}).items) == MOST_ITEMS
