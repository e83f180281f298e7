"""Elements beside each other: numbers, days, moments and quantities; what cannot be compared is not."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvscreen.sdc.answering.compare import order, same

UCUM = "http://unitsofmeasure.org"


def quantity(value: float | None, code: str | None = None, unit: str | None = None) -> dict[str, Any]:
    parts = {"value": value, "code": code, "system": UCUM if code else None, "unit": unit}
    return {"valueQuantity": {name: part for name, part in parts.items() if part is not None}}


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ({"valueInteger": 3}, {"answerInteger": 4}, -1),
        ({"valueInteger": 3}, {"answerDecimal": 3.0}, 0),
        ({"valueDecimal": 0.3}, {"answerDecimal": 0.1}, 1),
        ({"valueBoolean": True}, {"answerBoolean": True}, 0),
        ({"valueBoolean": True}, {"answerBoolean": False}, None),
        ({"valueBoolean": True}, {"answerInteger": 1}, None),
        ({"valueString": "a"}, {"answerString": "b"}, -1),
        ({"valueUri": "urn:a"}, {"answerString": "urn:a"}, 0),
        ({"valueDate": "2024-05-31"}, {"answerDate": "2024-06-01"}, -1),
        ({"valueDate": "2024-05-31"}, {"answerDate": "2024-05-31"}, 0),
        ({"valueDate": "2024"}, {"answerDate": "2025-06-01"}, -1),
        ({"valueDate": "2024"}, {"answerDate": "2024-06-01"}, None),
        ({"valueDateTime": "2024-01-01T00:30:00+01:00"}, {"answerDateTime": "2023-12-31T23:30:00Z"}, 0),
        ({"valueDateTime": "2024-01-01T00:30:00Z"}, {"answerDateTime": "2024-01-01T00:30:00"}, None),
        ({"valueDateTime": "2024-01-02T00:30:00Z"}, {"answerDate": "2024-01-01"}, 1),
        ({"valueDateTime": "2024-01-01T00:30:00Z"}, {"answerDate": "2024-01-01"}, None),
        ({"valueTime": "09:30"}, {"answerTime": "09:30:00"}, 0),
        ({"valueTime": "09:30:00"}, {"answerTime": "10:00:00"}, -1),
        ({"valueReference": {"reference": "A/1"}}, {"answerReference": {"reference": "A/1"}}, 0),
        ({"valueReference": {"reference": "A/1"}}, {"answerReference": {"reference": "A/2"}}, None),
        (quantity(1, "kg"), quantity(999, "g"), 1),
        (quantity(24, "h"), quantity(1, "d"), 0),
        (quantity(1, "a"), quantity(12, "mo"), 0),
        (quantity(1, "[ft_i]"), quantity(12, "[in_i]"), 0),
        (quantity(1, "kg"), quantity(1, "h"), None),
        (quantity(1, "kg"), quantity(1, "foo"), None),
        (quantity(1, unit="spoons"), quantity(2, unit="spoons"), -1),
        (quantity(1, unit="spoons"), quantity(2, unit="cups"), None),
        (quantity(None, "kg"), quantity(1, "kg"), None),
        (quantity(1, "kg"), quantity(None, "kg"), None),
        (quantity(1, "kg"), {"answerInteger": 1}, None),
    ],
)
def test_order(one: dict[str, Any], other: dict[str, Any], found: int | None) -> None:
    assert order(one, other) == found
    assert order(other, one) == (None if found is None else -found)
    assert same(one, other) is (found == 0)


def test_a_code_is_the_same_by_system_and_code() -> None:
    yes = {"valueCoding": {"system": "urn:x", "code": "y", "display": "Yes"}}
    assert same(yes, {"answerCoding": {"system": "urn:x", "code": "y"}})
    assert not same(yes, {"answerCoding": {"code": "y"}})
    assert not same(yes, {"answerCoding": {"system": "urn:y", "code": "y"}})


@settings(deadline=None)
@given(st.integers(), st.integers())
def test_whole_numbers_are_in_their_order(one: int, other: int) -> None:
    assert order({"valueInteger": one}, {"valueInteger": other}) == (one > other) - (one < other)
