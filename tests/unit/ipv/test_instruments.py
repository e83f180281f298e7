"""Which forms make a visit."""

import pytest

from ipvscreen.ipv.instruments import FORMS, forms_for, past_item_shown
from ipvscreen.ipv.person import Setting


@pytest.mark.parametrize(
    ("setting", "forms", "past"),
    [
        (Setting.GP, ("hark", "aas-1"), "when-all-no"),
        (Setting.MENTAL_HEALTH, ("hark", "aas-1"), "always"),
        (Setting.ANTENATAL, ("aas",), "always"),
    ],
)
def test_forms_of_a_setting(setting: Setting, forms: tuple[str, ...], past: str) -> None:
    assert forms_for(setting) == forms
    assert set(forms) <= set(FORMS)
    assert past_item_shown(setting) == past
