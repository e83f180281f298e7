"""Every type of item with what it may hold: read as the Questionnaire says, refused where it does not fit."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.form import Control, Item, Unit
from ipvscreen.sdc.load import define, load_form
from ipvscreen.sdc.loading.extensions import HARMLESS, REFUSED, Ext
from ipvscreen.sdc.loading.outline import TYPES

Json = dict[str, Any]
Build = Callable[..., Json]
Q = "Questionnaire.item[0]"


def ext(url: str, **value: object) -> Json:
    return {"url": url, **value}


@pytest.fixture
def item(with_item: Build) -> Callable[..., Item]:
    """Loads an item of a type with these extensions and elements."""

    def load(kind: str, *extensions: Json, **changes: object) -> Item:
        changes = {"answerOption": None, "extension": list(extensions)} | changes
        return load_form(with_item(type=kind, **changes)).item("a")

    return load


Load = Callable[..., Item]


@pytest.fixture
def refuses(item: Load) -> Callable[..., None]:
    def check(path: str, sentence: str, kind: str, *extensions: Json, **changes: object) -> None:
        with pytest.raises(FormRefused, match=re.escape(sentence)) as caught:
            item(kind, *extensions, **changes)
        assert caught.value.path == Q + path

    return check


Refuses = Callable[..., None]
ASKED = sorted(TYPES - {"group", "display", "attachment", "choice", "open-choice"})


@pytest.mark.parametrize("kind", ASKED)
def test_every_type_is_loaded(item: Load, kind: str) -> None:
    assert item(kind).type == kind
    assert item(kind).is_question


def test_an_attachment_is_validated_not_rendered(with_item: Build, refuses: Refuses) -> None:
    refuses("", "'attachment' is validated, not rendered.", "attachment")
    limits = [ext(Ext.MAX_SIZE, valueDecimal=5), ext(Ext.MIME_TYPE, valueCode="image/png")]
    body = with_item(type="attachment", answerOption=None, extension=limits)
    found = define(body).item("a")
    assert (found.max_size, found.mime_types) == (Decimal(5), ("image/png",))


def test_items_may_stand_under_answers(item: Load) -> None:
    under = {"linkId": "b", "text": "B?", "type": "group", "item": [{"linkId": "c", "type": "group"}]}
    found = item("boolean", item=[under])
    assert [child.link_id for child in found.items] == ["b"]
    assert found.items[0].items[0].text == ""


def test_what_hides_or_fixes_an_item_does_so_with_those_under_it(item: Load) -> None:
    under = {"linkId": "b", "type": "string", "text": "B?"}
    found = item("group", ext(Ext.HIDDEN, valueBoolean=True), readOnly=True, item=[under])
    assert (found.hidden, found.read_only) == (True, True)
    assert (found.items[0].hidden, found.items[0].read_only) == (True, True)


def test_only_a_hidden_question_needs_no_text(item: Load, refuses: Refuses) -> None:
    assert item("string", ext(Ext.HIDDEN, valueBoolean=True), text=None).text == ""
    refuses(".text", "is missing.", "string", ext(Ext.HIDDEN, valueBoolean=False), text=None)


@pytest.mark.parametrize("link_id", ["a~2", "~"])
def test_the_mark_of_repeated_items_is_kept(refuses: Refuses, link_id: str) -> None:
    refuses(".linkId", "'~' is kept for repeated items.", "string", linkId=link_id)


def test_codes_that_name_no_system_are_left_out(item: Load) -> None:
    found = item("string", code=[{"code": "x"}, {"system": "urn:x"}, {"system": "urn:x", "code": "y"}])
    assert [code.code for code in found.code] == ["y"]


@pytest.mark.parametrize(
    ("kind", "url", "value", "field", "read"),
    [
        ("integer", Ext.MIN_VALUE, {"valueInteger": 2}, "min_value", {"valueInteger": 2}),
        ("integer", Ext.MAX_VALUE, {"valueInteger": 2}, "max_value", {"valueInteger": 2}),
        ("decimal", Ext.MIN_VALUE, {"valueDecimal": 0.1}, "min_value", {"valueDecimal": Decimal("0.1")}),
        ("decimal", Ext.MAX_VALUE, {"valueInteger": 2}, "max_value", {"valueInteger": 2}),
        ("date", Ext.MIN_VALUE, {"valueDate": "2020-02"}, "min_value", {"valueDate": "2020-02"}),
        ("time", Ext.MAX_VALUE, {"valueTime": "23:59:00"}, "max_value", {"valueTime": "23:59:00"}),
        (
            "dateTime",
            Ext.MAX_VALUE,
            {"valueDateTime": "2020-02-29T10:00:00.5+01:00"},
            "max_value",
            {"valueDateTime": "2020-02-29T10:00:00.5+01:00"},
        ),
        (
            "quantity",
            Ext.MIN_QUANTITY,
            {"valueQuantity": {"value": 1.5, "unit": "kg"}},
            "min_value",
            {"valueQuantity": {"value": Decimal("1.5"), "unit": "kg"}},
        ),
        (
            "quantity",
            Ext.MAX_QUANTITY,
            {"valueQuantity": {"value": 9}},
            "max_value",
            {"valueQuantity": {"value": Decimal(9)}},
        ),
        ("decimal", Ext.MAX_DECIMAL_PLACES, {"valueInteger": 0}, "max_decimal_places", 0),
        ("text", Ext.MIN_LENGTH, {"valueInteger": 3}, "min_length", 3),
        ("string", Ext.REGEX, {"valueString": "[A-Z]{2}"}, "regex", "[A-Z]{2}"),
        ("quantity", Ext.UNIT_OPEN, {"valueCode": "optionsOrString"}, "unit_open", True),
        ("quantity", Ext.UNIT_OPEN, {"valueCode": "optionsOnly"}, "unit_open", False),
        ("reference", Ext.REFERENCE_RESOURCE, {"valueCode": "Patient"}, "references", ("Patient",)),
        ("boolean", Ext.CHOICE_ORIENTATION, {"valueCode": "horizontal"}, "horizontal", True),
        ("boolean", Ext.CHOICE_ORIENTATION, {"valueCode": "vertical"}, "horizontal", False),
        ("integer", Ext.UNIT, {"valueCoding": {"code": "kg"}}, "unit", Unit("kg", None, "kg")),
    ],
)
def test_limits_and_looks_are_read(
    item: Load, kind: str, url: Ext, value: Json, field: str, read: object
) -> None:
    assert getattr(item(kind, ext(url, **value)), field) == read


@pytest.mark.parametrize(
    ("kind", "url", "value", "at", "sentence"),
    [
        ("date", Ext.MIN_VALUE, {"valueDate": "2020-02-30"}, "valueDate", "must be a date"),
        ("date", Ext.MIN_VALUE, {"valueDate": "0000"}, "valueDate", "must be a date"),
        ("date", Ext.MIN_VALUE, {"valueDate": "soon"}, "valueDate", "must be a date"),
        ("date", Ext.MIN_VALUE, {"valueInteger": 1}, "valueInteger", "is not supported."),
        ("time", Ext.MIN_VALUE, {"valueTime": "24:00:00"}, "valueTime", "must be a time"),
        ("dateTime", Ext.MIN_VALUE, {"valueDateTime": "2020-02-30T10:00:00Z"}, "valueDateTime", "must be"),
        ("dateTime", Ext.MIN_VALUE, {"valueDateTime": "2020-02-29T25:00:00Z"}, "valueDateTime", "must be"),
        ("dateTime", Ext.MIN_VALUE, {"valueDateTime": "2020-02-29T10:00:00"}, "valueDateTime", "must be"),
        ("integer", Ext.MIN_VALUE, {"valueInteger": 2**31}, "valueInteger", "at most 32 bits"),
        ("integer", Ext.MIN_VALUE, {"valueInteger": 1.5}, "valueInteger", "must be a whole number."),
        ("integer", Ext.MIN_VALUE, {"valueInteger": None}, "valueInteger", "at most 32 bits"),
        ("integer", Ext.MIN_VALUE, {}, "value[x]", "is missing."),
        (
            "integer",
            Ext.MIN_VALUE,
            {"valueInteger": 1, "_valueInteger": {}},
            "_valueInteger",
            "not supported",
        ),
        ("quantity", Ext.MIN_QUANTITY, {"valueQuantity": {"unit": "kg"}}, "valueQuantity.value", "a number"),
        ("string", Ext.REGEX, {"valueString": "(?=a)"}, "valueString", "cannot be checked in linear time"),
        ("string", Ext.MIN_LENGTH, {"valueInteger": -1}, "valueInteger", "must be at least 0."),
        ("string", Ext.MIN_LENGTH, {}, "valueInteger", "must be a number."),
        ("string", Ext.MAX_OCCURS, {"valueInteger": 0}, "valueInteger", "must be at least 1."),
        ("string", Ext.HIDDEN, {"valueBoolean": "yes"}, "valueBoolean", "must be true or false."),
        ("boolean", Ext.CHOICE_ORIENTATION, {"valueCode": "up"}, "valueCode", "'horizontal' or 'vertical'"),
        ("quantity", Ext.UNIT_OPEN, {"valueCode": "any"}, "valueCode", "must be one of optionsOnly"),
        (
            "quantity",
            Ext.UNIT_VALUE_SET,
            {"valueCanonical": "urn:v"},
            "valueCanonical",
            "does not contain",
        ),
    ],
)
def test_limits_that_cannot_be_kept_are_refused(
    refuses: Refuses, kind: str, url: Ext, value: Json, at: str, sentence: str
) -> None:
    refuses(f".extension[0].{at}", sentence, kind, ext(url, **value))


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("boolean", Ext.MIN_VALUE),
        ("integer", Ext.MIN_LENGTH),
        ("integer", Ext.MIN_QUANTITY),
        ("integer", Ext.MAX_DECIMAL_PLACES),
        ("date", Ext.REGEX),
        ("display", Ext.MAX_OCCURS),
        ("string", Ext.MAX_SIZE),
        ("string", Ext.UNIT),
        ("decimal", Ext.UNIT_OPTION),
        ("string", Ext.REFERENCE_RESOURCE),
        ("group", Ext.CHOICE_ORIENTATION),
        ("group", Ext.CALCULATED),
        ("display", Ext.INITIAL_EXPRESSION),
    ],
)
def test_an_extension_on_a_type_that_it_does_not_fit_is_refused(
    refuses: Refuses, kind: str, url: Ext
) -> None:
    refuses(".extension[0].url", f"is not supported on an item of type '{kind}'.", kind, ext(url))


@pytest.mark.parametrize("url", sorted(HARMLESS))
def test_what_changes_nothing_is_let_be(item: Load, url: str) -> None:
    assert item("string", ext(url, valueString="x")) == item("string")


@pytest.mark.parametrize("url", sorted(REFUSED))
def test_what_is_known_and_not_done_is_refused_in_words(refuses: Refuses, url: str) -> None:
    refuses(".extension[0].url", f"'{url}': {REFUSED[url]}", "string", ext(url, valueString="x"))


@pytest.mark.parametrize("url", ["urn:other", Ext.LAUNCH_CONTEXT, Ext.ITEM_WEIGHT, Ext.MARKDOWN])
def test_what_is_unknown_here_is_refused_by_its_url(refuses: Refuses, url: str) -> None:
    refuses(".extension[0].url", f"'{url}' is not supported here.", "string", ext(url))


def test_one_extension_of_a_kind(refuses: Refuses) -> None:
    twice = [ext(Ext.MIN_LENGTH, valueInteger=1)] * 2
    refuses(".extension[1].url", f"'{Ext.MIN_LENGTH}' is used twice.", "string", *twice)


def control(code: str, system: str = "http://hl7.org/fhir/questionnaire-item-control") -> Json:
    return ext(Ext.ITEM_CONTROL, valueCodeableConcept={"coding": [{"system": system, "code": code}]})


OPTIONS = [{"valueString": "y"}, {"valueString": "n"}]


@pytest.mark.parametrize(
    ("kind", "code", "changes"),
    [
        ("choice", "radio-button", {"answerOption": OPTIONS}),
        ("open-choice", "drop-down", {"answerOption": OPTIONS}),
        ("choice", "check-box", {"answerOption": OPTIONS, "repeats": True}),
        ("boolean", "check-box", {}),
        ("group", "header", {"item": [{"linkId": "b", "text": "B", "type": "string"}]}),
        ("group", "footer", {"item": [{"linkId": "b", "text": "B", "type": "string"}]}),
        ("group", "page", {"item": [{"linkId": "b", "text": "B", "type": "string"}]}),
    ],
)
def test_controls_are_read(item: Load, kind: str, code: str, changes: Json) -> None:
    assert item(kind, control(code), **changes).control is Control(code)


def test_help_stands_under_what_it_explains(item: Load) -> None:
    under = {"linkId": "b", "text": "B", "type": "display", "extension": [control("help")]}
    assert item("string", item=[under]).items[0].control is Control.HELP


@pytest.mark.parametrize(
    ("kind", "code", "sentence"),
    [
        ("choice", "autocomplete", "'autocomplete' is not supported."),
        ("group", "gtable", "'gtable' is not supported."),
        ("integer", "slider", "'slider' is not supported."),
        ("string", "default", "'default' is not supported."),
        ("string", "radio-button", "'radio-button' is not supported on an item of type 'string'."),
        ("display", "page", "'page' is not supported on an item of type 'display'."),
    ],
)
def test_other_controls_are_refused_by_name(refuses: Refuses, kind: str, code: str, sentence: str) -> None:
    options = {"answerOption": OPTIONS} if kind == "choice" else {}
    path = ".extension[0].valueCodeableConcept.coding[0].code"
    refuses(path, sentence, kind, control(code), **options)


def test_a_control_of_another_system_is_no_control(refuses: Refuses) -> None:
    path = ".extension[0].valueCodeableConcept.coding[0].code"
    refuses(path, "'radio-button' is not supported.", "boolean", control("radio-button", "urn:x"))
    nothing = ext(Ext.ITEM_CONTROL, valueCodeableConcept={"coding": []})
    refuses(".extension[0].valueCodeableConcept.coding", "is missing.", "boolean", nothing)


def limits(low: Ext, least: Json, high: Ext, most: Json) -> tuple[Json, Json]:
    return ext(low, **least), ext(high, **most)


@pytest.mark.parametrize(
    ("sentence", "kind", "extensions", "changes"),
    [
        (
            "has check-boxes but takes one answer.",
            "choice",
            [control("check-box")],
            {"answerOption": OPTIONS},
        ),
        (
            "has radio-buttons but takes several answers.",
            "choice",
            [control("radio-button")],
            {"answerOption": OPTIONS, "repeats": True},
        ),
        (
            "has a smallest value above its largest.",
            "integer",
            limits(Ext.MIN_VALUE, {"valueInteger": 2}, Ext.MAX_VALUE, {"valueInteger": 1}),
            {},
        ),
        (
            "has a smallest value above its largest.",
            "date",
            limits(Ext.MIN_VALUE, {"valueDate": "2021"}, Ext.MAX_VALUE, {"valueDate": "2020"}),
            {},
        ),
        (
            "has a smallest length above its largest.",
            "string",
            [ext(Ext.MIN_LENGTH, valueInteger=3)],
            {"maxLength": 2},
        ),
        (
            "must be answered more often than it may be.",
            "string",
            limits(Ext.MIN_OCCURS, {"valueInteger": 3}, Ext.MAX_OCCURS, {"valueInteger": 2}),
            {"repeats": True},
        ),
        ("does not repeat.", "string", [ext(Ext.MAX_OCCURS, valueInteger=2)], {}),
        ("does not repeat.", "string", [ext(Ext.MIN_OCCURS, valueInteger=2)], {}),
    ],
)
def test_what_contradicts_itself_is_refused(
    refuses: Refuses, sentence: str, kind: str, extensions: list[Json], changes: Json
) -> None:
    refuses("", sentence, kind, *extensions, **changes)


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        ("date", {"valueDate": "2020-05"}, {"valueDate": "2020"}),
        ("decimal", {"valueInteger": 1}, {"valueDecimal": 1}),
        ("date", {"valueDate": "2020"}, {"valueDate": "2021"}),
    ],
)
def test_limits_that_leave_something_are_kept(item: Load, kind: str, least: Json, most: Json) -> None:
    assert item(kind, *limits(Ext.MIN_VALUE, least, Ext.MAX_VALUE, most)).min_value == least


def test_a_page_stands_at_the_top(refuses: Refuses) -> None:
    page = {"linkId": "p", "text": "P", "type": "group", "extension": [control("page")]}
    refuses(".item[0]", "is a page inside another item.", "group", item=[page])


def test_a_number_of_answers_is_for_what_repeats(item: Load) -> None:
    extensions = limits(Ext.MIN_OCCURS, {"valueInteger": 1}, Ext.MAX_OCCURS, {"valueInteger": 3})
    found = item("group", *extensions, repeats=True, item=[{"linkId": "b", "text": "B", "type": "string"}])
    assert (found.min_occurs, found.max_occurs) == (1, 3)


def test_units_are_offered_one_by_one_or_by_a_contained_value_set(with_item: Build, item: Load) -> None:
    kilo = {"system": "http://unitsofmeasure.org", "code": "kg", "display": "kilogram"}
    unit = Unit("kilogram", "http://unitsofmeasure.org", "kg")
    options = [ext(Ext.UNIT_OPTION, valueCoding=kilo), ext(Ext.UNIT_OPTION, valueCoding={"display": "stone"})]
    assert item("quantity", *options).units == (unit, Unit("stone"))
    include = {"system": kilo["system"], "concept": [{"code": "kg", "display": "kilogram"}]}
    value_set = {"resourceType": "ValueSet", "id": "u", "compose": {"include": [include]}}
    bound = ext(Ext.UNIT_VALUE_SET, valueCanonical="#u")
    body = with_item(type="quantity", answerOption=None, extension=[bound]) | {"contained": [value_set]}
    assert load_form(body).item("a").units == (unit,)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("boolean", {"valueBoolean": False}),
        ("decimal", {"valueDecimal": Decimal("0.10")}),
        ("integer", {"valueInteger": 3}),
        ("date", {"valueDate": "2020"}),
        ("string", {"valueString": "x"}),
        ("url", {"valueUri": "https://x.example"}),
        ("quantity", {"valueQuantity": {"value": Decimal(3)}}),
        ("reference", {"valueReference": {"reference": "Patient/1"}}),
    ],
)
def test_a_value_may_stand_there_at_first(item: Load, kind: str, value: Json) -> None:
    assert item(kind, initial=[value]).initial == (value,)


@pytest.mark.parametrize(
    ("path", "sentence", "kind", "changes"),
    [
        (".initial[0].valueString", "is not supported.", "integer", {"initial": [{"valueString": "3"}]}),
        (".initial", "holds more than one value.", "integer", {"initial": [{"valueInteger": 3}] * 2}),
        (
            ".initial",
            "stands beside answerOption",
            "choice",
            {"initial": [{"valueString": "y"}], "answerOption": OPTIONS},
        ),
    ],
)
def test_what_cannot_stand_there_at_first_is_refused(
    refuses: Refuses, path: str, sentence: str, kind: str, changes: Json
) -> None:
    refuses(path, sentence, kind, **changes)


def test_several_values_may_stand_where_an_item_repeats(item: Load) -> None:
    values = [{"valueInteger": 3}, {"valueInteger": 4}]
    assert item("integer", initial=values, repeats=True).initial == tuple(values)
