"""What an item offers: options of every type, contained value sets, and their weights."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.form import Form, Option
from ipvscreen.sdc.load import define, load_form
from ipvscreen.sdc.loading.extensions import Ext

Json = dict[str, Any]
Build = Callable[..., Json]
Q = "Questionnaire.item[0]"


@pytest.mark.parametrize(
    ("kind", "value", "option"),
    [
        ("choice", {"valueString": " Some "}, Option("Some", " Some ", value="Some")),
        ("open-choice", {"valueInteger": 3}, Option("3", "3", value="3")),
        ("integer", {"valueInteger": 3}, Option("3", "3", value="3")),
        ("date", {"valueDate": "2020"}, Option("2020", "2020", value="2020")),
        ("time", {"valueTime": "10:00:00"}, Option("10:00:00", "10:00:00", value="10:00:00")),
        ("string", {"valueString": "x"}, Option("x", "x", value="x")),
        (
            "reference",
            {"valueReference": {"reference": "Patient/1", "display": "Ann"}},
            Option("Patient/1", "Ann", value="Patient/1"),
        ),
        (
            "choice",
            {"valueReference": {"reference": "Patient/1"}},
            Option("Patient/1", "Patient/1", value="Patient/1"),
        ),
    ],
)
def test_options_of_every_type(with_item: Build, kind: str, value: Json, option: Option) -> None:
    (found,) = load_form(with_item(type=kind, answerOption=[value])).item("a").options
    assert found.fhir == value
    assert (found.code, found.display, found.value) == (option.code, option.display, option.value)


def test_options_hold_what_they_say_and_nothing_that_only_scores_them(with_item: Build) -> None:
    coding = {"system": "urn:x", "version": "2", "code": "y", "display": "Yes", "id": "1"}
    extensions = [
        {"url": Ext.OPTION_PREFIX, "valueString": "a)"},
        {"url": Ext.OPTION_EXCLUSIVE, "valueBoolean": True},
        {"url": Ext.ITEM_WEIGHT, "valueDecimal": 2},
    ]
    weighted = coding | {"extension": [{"url": Ext.ORDINAL_VALUE, "valueDecimal": 2.0}]}
    body = with_item(answerOption=[{"extension": extensions, "valueCoding": weighted}])
    (found,) = load_form(body).item("a").options
    del coding["id"]
    fhir = {"valueCoding": coding}
    assert found == Option("y", "Yes", "urn:x", Decimal(2), value="y", fhir=fhir, prefix="a)", exclusive=True)


def values(form: Form) -> list[str]:
    return [option.value for option in form.item("a").options]


def test_what_a_control_posts_differs_from_option_to_option(with_item: Build) -> None:
    codings = [("urn:x", "y"), ("urn:z", "y"), ("urn:x", "n"), ("urn:x", "pass"), ("urn:x", "~other")]
    options = [{"valueCoding": {"system": system, "code": code, "display": code}} for system, code in codings]
    options.append({"valueCoding": {"code": "y", "display": "Y"}})
    form = load_form(with_item(answerOption=options))
    assert values(form) == ["urn:x|y", "urn:z|y", "n", "|pass", "|~other", "|y"]


def test_a_code_that_looks_like_another_with_its_system_is_refused(with_item: Build) -> None:
    codings = [("s", "y"), ("t", "y"), ("u", "s|y")]
    options = [{"valueCoding": {"system": system, "code": code, "display": code}} for system, code in codings]
    refused(with_item(answerOption=options), ".answerOption", "offers one code twice.")


def refused(body: Json, path: str, sentence: str, *, under: str = Q) -> None:
    with pytest.raises(FormRefused, match=re.escape(sentence)) as caught:
        load_form(body)
    assert caught.value.path == under + path


@pytest.mark.parametrize("kind", ["choice", "open-choice"])
def test_a_choice_offers_something(with_item: Build, kind: str) -> None:
    refused(with_item(type=kind, answerOption=None), ".answerOption", "must offer at least one answer.")


def test_options_that_are_selected_are_there_at_first(with_item: Build) -> None:
    options = [{"valueString": "y", "initialSelected": True}, {"valueString": "n", "initialSelected": True}]
    form = load_form(with_item(answerOption=options, repeats=True))
    assert form.item("a").initial == ({"valueString": "y"}, {"valueString": "n"})


def test_an_option_of_another_type_is_refused(with_item: Build) -> None:
    body = with_item(type="integer", answerOption=[{"valueString": "3"}])
    refused(body, ".answerOption[0].valueString", "is not supported here.")
    body = with_item(answerOption=[{"valueReference": {"display": "Ann"}}])
    refused(body, ".answerOption[0].valueReference.reference", "is missing.")


SYSTEM = {"system": "urn:x"}
CONCEPTS = [{"code": "y", "display": "Yes"}, {"code": "n", "display": "No"}]


def bound(with_item: Build, *, url: str = "#v", **value_set: Any) -> Json:
    contained = {"resourceType": "ValueSet", "id": "v", "url": "urn:v", **value_set}
    other = {"resourceType": "CodeSystem", "id": "c"}
    return with_item(answerOption=None, answerValueSet=url) | {"contained": [other, contained]}


def composed(*concepts: Json, **include: Any) -> Json:
    return {"include": [{**SYSTEM, "concept": list(concepts), **include}]}


@pytest.mark.parametrize("url", ["#v", "urn:v"])
def test_a_contained_value_set_offers_what_it_lists(with_item: Build, url: str) -> None:
    weighted = {**CONCEPTS[0], "extension": [{"url": Ext.ORDINAL_VALUE, "valueDecimal": 1}]}
    form = load_form(bound(with_item, url=url, compose=composed(weighted, CONCEPTS[1], version="3")))
    coding = SYSTEM | {"version": "3", "code": "y", "display": "Yes"}
    first, second = form.item("a").options
    assert first == Option("y", "Yes", "urn:x", Decimal(1), value="y", fhir={"valueCoding": coding})
    assert (second.value, second.weight) == ("n", None)


def test_an_expansion_is_taken_before_what_it_was_made_from(with_item: Build) -> None:
    contains = [
        {**SYSTEM, "code": "all", "display": "All", "abstract": True, "contains": [SYSTEM | CONCEPTS[0]]},
        {"display": "No code", "contains": [SYSTEM | CONCEPTS[1]]},
    ]
    form = load_form(bound(with_item, compose={}, expansion={"total": 4, "contains": contains}))
    assert values(form) == ["y", "n"]


@pytest.mark.parametrize(
    ("value_set", "path", "sentence"),
    [
        ({}, ".compose", "must be an object."),
        ({"compose": {}}, "", "holds no code."),
        ({"compose": {"include": []}}, "", "holds no code."),
        ({"compose": {"include": [], "exclude": []}}, ".compose.exclude", "is not supported."),
        ({"compose": composed()}, ".compose.include[0].concept", "a whole code system is not looked up."),
        ({"compose": composed(filter=[])}, ".compose.include[0].filter", "is not supported."),
        ({"compose": composed(CONCEPTS[0], valueSet=["x"])}, ".compose.include[0].valueSet", "not supported"),
        ({"compose": composed(CONCEPTS[0], system=None)}, ".compose.include[0].system", "is missing."),
        ({"compose": composed({"code": "y"})}, ".compose.include[0].concept[0].display", "is missing."),
        ({"expansion": {"contains": [CONCEPTS[0]]}}, ".expansion.contains[0].system", "is missing."),
        (
            {"expansion": {"total": 2, "contains": [SYSTEM | CONCEPTS[0]]}},
            ".expansion.total",
            "is not all of the value set.",
        ),
        ({"implicitRules": "urn:r"}, ".implicitRules", "is not supported."),
        ({"modifierExtension": []}, ".modifierExtension", "is not supported."),
    ],
)
def test_a_value_set_that_cannot_be_read_is_refused(
    with_item: Build, value_set: Json, path: str, sentence: str
) -> None:
    refused(bound(with_item, **value_set), path, sentence, under="Questionnaire.contained[1]")


def test_weights_of_a_concept_must_agree(with_item: Build) -> None:
    weights = [{"url": Ext.ORDINAL_VALUE, "valueDecimal": 1}, {"url": Ext.ITEM_WEIGHT, "valueDecimal": 2}]
    body = bound(with_item, compose=composed(CONCEPTS[0] | {"extension": weights}))
    path = "Questionnaire.contained[1].compose.include[0].concept[0]"
    refused(body, ".extension", "has weights that differ.", under=path)


def test_a_value_set_elsewhere_is_refused_and_left_unchecked_where_answers_are_only_validated(
    with_item: Build,
) -> None:
    body = with_item(answerOption=None, answerValueSet="urn:elsewhere")
    refused(body, ".answerValueSet", "is a value set that the Questionnaire does not contain.")
    item = define(body).item("a")
    assert (item.unchecked_options, item.value_set, item.options) == (True, "urn:elsewhere", ())


def test_options_and_a_value_set_are_one_too_many(with_item: Build) -> None:
    refused(with_item(answerValueSet="#v"), ".answerValueSet", "there may be one only.")


@pytest.mark.parametrize("code", ["y", "z"])
def test_what_stands_there_at_first_is_one_of_the_options(with_item: Build, code: str) -> None:
    body = bound(with_item, compose=composed(*CONCEPTS))
    body["item"][0]["initial"] = [{"valueCoding": SYSTEM | {"code": code}}]
    if code == "y":
        assert load_form(body).item("a").initial == ({"valueCoding": SYSTEM | {"code": "y"}},)
    else:
        refused(body, ".initial", "is not an answer that the item offers.")


def test_an_answer_of_ones_own_may_stand_there_at_first(with_item: Build) -> None:
    body = bound(with_item, compose=composed(*CONCEPTS))
    body["item"][0] |= {"type": "open-choice", "initial": [{"valueString": "Mine"}]}
    assert load_form(body).item("a").initial == ({"valueString": "Mine"},)
