"""What the instruments' items mean."""

import pytest

from ipvscreen.ipv.instruments import FORMS, INSTRUMENTS, PAST, PAST_ITEMS, PAST_YES
from ipvscreen.sdc.form import Form


def test_every_instrument_is_a_form_that_visits_need() -> None:
    assert set(INSTRUMENTS) < set(FORMS)


@pytest.mark.parametrize("item", PAST_ITEMS)
def test_more_than_a_year_ago_has_no_weight_and_no_public_code(forms: dict[str, Form], item: str) -> None:
    asked = forms[PAST].item(item)
    assert PAST_YES in {option.code for option in asked.options}
    assert {option.weight for option in asked.options} == {None}
    assert all("loinc" not in code.system for code in asked.code)
