"""The second reader: what it objects to, in elements and never in values."""

from typing import Any

import pytest

from ipvscreen.ehr.second_reader import changed, second_reading

FINE: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "76499-3"}], "text": "secret"},
}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (FINE, ""),
        ({**FINE, "surprise": "secret"}, "it cannot read surprise"),
        ({**FINE, "status": ["secret"]}, "it cannot read status"),
        ({**FINE, "code": {**FINE["code"], "secret_element": 1}}, "it cannot read code.secret_element"),
        ({name: value for name, value in FINE.items() if name != "status"}, "it cannot read status"),
        ({**FINE, "effectiveDateTime": "secret"}, "it cannot read effectiveDateTime"),
        ({"resourceType": "Secretive", "id": "1"}, "it does not see resourceType"),
        ({**FINE, "component": [{"secret": 1}]}, "it cannot read component.0.code, component.0.secret"),
    ],
)
def test_what_it_objects_to(body: dict[str, Any], said: str) -> None:
    assert second_reading(body) == said


def test_what_was_left_out_of_what_was_sent() -> None:
    sent = {**FINE, "meta": {}, "identifier": [], "focus": {}, "derivedFrom": []}

    assert changed(sent, FINE) == ("derivedFrom", "focus")
