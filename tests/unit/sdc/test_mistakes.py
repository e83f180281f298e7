"""Each mistake a person can make has its sentence; what is right has none."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvscreen.sdc.answering import mistakes
from ipvscreen.sdc.answering.mistakes import mistake, said
from ipvscreen.sdc.form import Item, Unit

UCUM = "http://unitsofmeasure.org"


def item(kind: str, **parts: Any) -> Item:
    return Item("a", "A?", kind, **parts)


@pytest.mark.parametrize(
    ("kind", "right", "wrong", "sentence"),
    [
        (
            "integer",
            ["0", "-3", "2147483647"],
            ["1.5", "many", "٣", "+1", "-0", "007", "1e3"],
            mistakes.WHOLE,
        ),
        ("integer", [], ["2147483648", "99999999999999"], "Enter a number of at most 2147483647."),
        ("decimal", ["0.5", "-3", "12.50"], [".5", "1,5", "1e3", "NaN", "Infinity", "1."], mistakes.NUMBER),
        ("decimal", ["123456789012345"], ["1234567890123456"], "Enter a number of at most 15 digits."),
        ("date", ["2024", "2024-02", "2024-02-29"], ["2023-02-29", "31/05/2024", "0000", "24"], mistakes.DAY),
        (
            "dateTime",
            ["2024", "2024-05-31", "2024-05-31T14:30", "2024-05-31T14:30:00.5Z", "2024-05-31T14:30+02:00"],
            ["2024-05-31T25:00", "2024-05-31 14:30", "2024-13", "today"],
            mistakes.MOMENT,
        ),
        ("time", ["14:30", "00:00:59"], ["24:00", "2.30", "14:60", "230pm"], mistakes.TIME),
        (
            "url",
            ["https://x.example/a?b=c", "urn:uuid:1"],
            ["x.example", "https://a b", "http:"],
            mistakes.ADDRESS,
        ),
        (
            "reference",
            ["Patient/1", "https://x.example/r4/Patient/a-1"],
            ["Patient", "patient/1", "Patient/a/b", "javascript:Patient/1"],
            mistakes.REFERENCE,
        ),
        ("string", ["anything"], [], ""),
        ("quantity", ["70", "70.5"], ["heavy"], mistakes.NUMBER),
    ],
)
def test_what_cannot_be_read_is_said(kind: str, right: list[str], wrong: list[str], sentence: str) -> None:
    assert {text: mistake(item(kind), text) for text in right} == dict.fromkeys(right)
    assert {text: mistake(item(kind), text) for text in wrong} == dict.fromkeys(wrong, sentence)


@pytest.mark.parametrize(
    ("kind", "parts", "right", "wrong", "sentence"),
    [
        ("integer", {"min_value": {"valueInteger": 0}}, "0", "-1", "Enter a number of at least 0."),
        ("integer", {"max_value": {"valueInteger": 9}}, "9", "10", "Enter a number of at most 9."),
        (
            "decimal",
            {"max_value": {"valueDecimal": Decimal("0.5")}},
            "0.5",
            "0.51",
            "Enter a number of at most 0.5.",
        ),
        ("decimal", {"max_decimal_places": 2}, "1.25", "1.255", "Enter at most 2 decimal places."),
        ("quantity", {"max_decimal_places": 0}, "1", "1.5", mistakes.WHOLE),
        (
            "date",
            {"min_value": {"valueDate": "2024-05-01"}},
            "2024-05-01",
            "2024-04-30",
            "Enter a date of at least 1 May 2024.",
        ),
        (
            "date",
            {"max_value": {"valueDate": "2024-05"}},
            "2024-04-30",
            "2024-06-01",
            "Enter a date of at most 2024-05.",
        ),
        (
            "date",
            {"max_value": {"valueDate": "2024"}},
            "2023-04-30",
            "2024-06-01",
            "This cannot be compared with 2024.",
        ),
        (
            "time",
            {"max_value": {"valueTime": "12:00:00"}},
            "12:00",
            "12:01",
            "Enter a time of at most 12:00:00.",
        ),
        (
            "dateTime",
            {"min_value": {"valueDateTime": "2024-05-01T09:00:00+00:00"}},
            "2024-05-01T09:00",
            "2024-05-01T08:59",
            "Enter a date of at least 1 May 2024, 09:00.",
        ),
        ("string", {"min_length": 3}, "abc", "ab", "Enter at least 3 characters."),
        ("text", {"max_length": 3}, "abc", "abcd", "Enter at most 3 characters."),
        ("string", {"regex": "[0-9]{3}"}, "123", "1234", mistakes.PATTERN),
        ("string", {"regex": "a|b"}, "b", "ab", mistakes.PATTERN),
        (
            "reference",
            {"references": ("Patient", "Group")},
            "Group/1",
            "Device/1",
            "Enter a record of the type Patient or Group.",
        ),
    ],
)
def test_limits_are_said(kind: str, parts: dict[str, Any], right: str, wrong: str, sentence: str) -> None:
    assert mistake(item(kind, **parts), right) is None
    assert mistake(item(kind, **parts), wrong) == sentence


def test_a_quantity_wants_one_of_its_units_and_is_compared_in_it() -> None:
    kg, g = Unit("kg", UCUM, "kg"), Unit("gram", UCUM, "g")
    least = {"valueQuantity": {"value": 1, "unit": "kilo", "system": UCUM, "code": "kg"}}
    weight = item("quantity", units=(kg, g), min_value=least)
    assert mistake(weight, "900") == mistakes.UNIT
    assert mistake(weight, "900", unit="kg") is None
    assert mistake(weight, "900", unit="g") == "Enter a number of at least 1 kilo."
    assert said({"valueQuantity": {"value": 1, "code": "kg"}}) == "1 kg"


def test_a_pattern_that_would_take_for_ever_elsewhere_is_quick() -> None:
    assert mistake(item("string", regex="(a+)+$"), "a" * 5000 + "!") == mistakes.PATTERN


@settings(deadline=None)
@given(st.sampled_from(["integer", "decimal", "date", "dateTime", "time", "url", "reference"]), st.text())
def test_nothing_that_is_typed_raises(kind: str, text: str) -> None:
    found = mistake(item(kind), text)
    assert found is None or found.endswith(".")
