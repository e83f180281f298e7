"""Which forms make a visit."""

from collections.abc import Callable

import pytest

from ipvscreen.ipv.instruments import FORMS, forms_for, past_item_due, past_item_shown
from ipvscreen.ipv.person import Setting
from ipvscreen.sdc.answers import Answers

Answer = Callable[..., dict[str, Answers]]
ALL_NO = dict.fromkeys(("76500-8", "76501-6", "76502-4", "76503-2"), "LA32-8")


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


@pytest.mark.parametrize(
    ("changes", "due"),
    [({}, True), ({"76503-2": "LA33-6"}, False), ({"76503-2": "pass"}, False), ({"76503-2": ""}, False)],
)
def test_in_general_practice_the_past_follows_when_all_is_no(
    answer: Answer, changes: dict[str, str], due: bool
) -> None:
    hark = answer("hark", ALL_NO | changes)["hark"]
    assert past_item_due(Setting.GP, hark) is due
    assert past_item_due(Setting.MENTAL_HEALTH, hark)


def test_before_anything_was_asked() -> None:
    assert not past_item_due(Setting.GP, None)
    assert past_item_due(Setting.MENTAL_HEALTH, None)
