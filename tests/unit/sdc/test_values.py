"""What a control holds becomes a value of its type, and stands in the control again as it was."""

from datetime import UTC, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvscreen.sdc.answering.given import OTHER
from ipvscreen.sdc.answering.values import option_of, posted, posted_unit, shown, to_fhir, unit_of, unit_value
from ipvscreen.sdc.form import Item, Option, Unit

UCUM = "http://unitsofmeasure.org"
KG, LB = Unit("kilograms", UCUM, "kg"), Unit("pounds")


def item(kind: str, **parts: Any) -> Item:
    return Item("a", "A?", kind, **parts)


def coding(code: str, system: str = "urn:x") -> dict[str, Any]:
    return {"valueCoding": {"system": system, "code": code, "display": code.upper()}}


COLOURS = (
    Option("red", "RED", "urn:x", value="red", fhir=coding("red")),
    Option("red", "RED", "urn:y", value="urn:y|red", fhir=coding("red", "urn:y")),
    Option("7", "Seven", value="7", fhir={"valueInteger": 7}),
    Option("me", "Me", value="Patient/me", fhir={"valueReference": {"reference": "Patient/me"}}),
    Option("Grey", "Grey", value="Grey", fhir={"valueCoding": {"display": "Grey"}}),
)


@pytest.mark.parametrize(
    ("kind", "text", "element"),
    [
        ("boolean", "true", {"valueBoolean": True}),
        ("boolean", "false", {"valueBoolean": False}),
        ("integer", "-12", {"valueInteger": -12}),
        ("decimal", "1.50", {"valueDecimal": Decimal("1.50")}),
        ("date", "2024-05-31", {"valueDate": "2024-05-31"}),
        ("date", "2024-05", {"valueDate": "2024-05"}),
        ("dateTime", "2024", {"valueDateTime": "2024"}),
        ("time", "14:30", {"valueTime": "14:30:00"}),
        ("time", "14:30:15", {"valueTime": "14:30:15"}),
        ("string", "ear", {"valueString": "ear"}),
        ("text", "two\nlines", {"valueString": "two\nlines"}),
        ("url", "https://x.example/", {"valueUri": "https://x.example/"}),
        ("reference", "Patient/7", {"valueReference": {"reference": "Patient/7"}}),
    ],
)
def test_each_type_has_its_element_and_comes_back(kind: str, text: str, element: dict[str, Any]) -> None:
    assert to_fhir(item(kind), text) == element
    assert posted(item(kind), element) == text


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2024-07-01T14:30", ZoneInfo("Europe/London"), "2024-07-01T14:30:00+01:00"),
        ("2024-01-01T14:30", ZoneInfo("Europe/London"), "2024-01-01T14:30:00+00:00"),
        ("2024-01-01T14:30:05", ZoneInfo("America/Montreal"), "2024-01-01T14:30:05-05:00"),
    ],
)
def test_a_time_of_day_gets_the_offset_of_where_it_was_entered(
    text: str, zone: ZoneInfo, moment: str
) -> None:
    element = to_fhir(item("dateTime"), text, zone=zone)
    assert element == {"valueDateTime": moment}
    assert posted(item("dateTime"), element, zone=zone) == text


def test_an_offset_that_was_given_is_kept() -> None:
    assert to_fhir(item("dateTime"), "2024-01-01T14:30Z") == {"valueDateTime": "2024-01-01T14:30:00Z"}
    there = {"valueDateTime": "2024-01-01T14:30:00+02:00"}
    assert to_fhir(item("dateTime"), "2024-01-01T14:30:00+02:00") == there
    assert posted(item("dateTime"), there, zone=UTC) == "2024-01-01T12:30"
    assert posted(item("dateTime"), there, zone=timezone(timedelta(hours=3))) == "2024-01-01T15:30"


@pytest.mark.parametrize("option", COLOURS, ids=lambda option: option.value)
def test_an_option_stands_for_its_own_element(option: Option) -> None:
    question = item("choice", options=COLOURS)
    assert to_fhir(question, option.value) == option.fhir
    assert posted(question, option.fhir) == option.value
    assert option_of(question, option.fhir) is option


def test_a_code_is_known_by_system_and_code_not_by_its_words() -> None:
    question = item("choice", options=COLOURS)
    assert (
        posted(question, {"valueCoding": {"system": "urn:y", "code": "red", "display": "Rouge"}})
        == "urn:y|red"
    )
    assert posted(question, {"valueCoding": {"system": "urn:z", "code": "red"}}) == OTHER


def test_own_text_is_a_string_and_comes_back_as_its_choice() -> None:
    question = item("open-choice", options=COLOURS)
    assert to_fhir(question, "mauve") == {"valueString": "mauve"}
    assert posted(question, {"valueString": "mauve"}) == OTHER
    assert to_fhir(item("open-choice"), "mauve") == {"valueString": "mauve"}


@pytest.mark.parametrize(
    ("parts", "unit", "quantity"),
    [
        ({"units": (KG, LB)}, "kg", {"unit": "kilograms", "system": UCUM, "code": "kg"}),
        ({"units": (KG, LB)}, "pounds", {"unit": "pounds"}),
        ({"units": (KG,)}, None, {"unit": "kilograms", "system": UCUM, "code": "kg"}),
        ({"unit": KG}, "", {"unit": "kilograms", "system": UCUM, "code": "kg"}),
        ({"unit": KG}, "kg", {"unit": "kilograms", "system": UCUM, "code": "kg"}),
        ({"units": (KG,), "unit_open": True}, "stone", {"unit": "stone"}),
        ({}, None, {}),
    ],
)
def test_a_quantity_has_its_unit(parts: dict[str, Any], unit: str | None, quantity: dict[str, str]) -> None:
    element = to_fhir(item("quantity", **parts), "70.5", unit=unit)
    assert element == {"valueQuantity": {"value": Decimal("70.5"), **quantity}}
    assert posted(item("quantity", **parts), element) == "70.5"
    assert posted_unit(element) == quantity.get("code", quantity.get("unit", ""))


def test_a_unit_that_is_not_offered_is_none() -> None:
    assert unit_of(item("quantity", units=(KG, LB)), "stone") is None
    assert unit_of(item("quantity", units=(KG, LB)), "") is None
    assert [unit_value(unit) for unit in (KG, LB)] == ["kg", "pounds"]
    assert posted_unit({"valueString": "x"}) == ""


def test_what_is_no_option_is_shown_by_its_words() -> None:
    assert shown({"valueCoding": {"code": "x", "display": "Words"}}) == "Words"
    assert shown({"valueCoding": {"code": "x"}}) == "x"


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000000, max_value=1000000))
def test_a_decimal_is_kept_as_it_was_written(number: Decimal) -> None:
    assert posted(item("decimal"), to_fhir(item("decimal"), str(number))) == str(number)
