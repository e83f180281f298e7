"""The policies of labels.toml: what is shipped, and that one which protects less is refused in words."""

import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.resources.labels import DEFAULT, FLOOR, About, Labels, Spelling, labels_of
from ipvscreen.resources.policy_file import DESTINATIONS, policies_of
from ipvscreen.resources.terminology import ACT_CODE, STU3_ACT_CODE

FILE = Path(__file__).parents[3] / "questionnaires" / "labels.toml"
SHIPPED = tomllib.loads(FILE.read_text(encoding="utf-8"))


def changed(place: str, value: Any) -> dict[str, Any]:
    """The default policy alone, as `own`, with `value` at that place (None takes it away)."""
    document = {"policy": {"own": deepcopy(SHIPPED["policy"]["default"])}}
    table: dict[str, Any] = document["policy"]["own"]
    *way, last = place.split(".")
    for name in way:
        table = table[name]
    if value is None:
        del table[last]
    else:
        table[last] = value
    return document


def test_what_is_shipped_is_read_and_the_default_is_what_the_code_takes_for_the_least() -> None:
    found = policies_of(SHIPPED)
    assert set(found) == {"default", "uk", "us"}
    assert found["default"] == DEFAULT
    assert {about for rows in DESTINATIONS.values() for about in rows} | {About.BUNDLE} == set(About)


def test_document_is_the_switch_between_two_rules() -> None:
    codes = {
        name: {code for _, code in one.rows[About.DOCUMENT].codes}
        for name, one in policies_of(SHIPPED).items()
    }
    assert codes == {"default": set(), "uk": {"NOPAT"}, "us": {"PRS"}}


@pytest.mark.parametrize("name", ["default", "uk", "us"])
@pytest.mark.parametrize("nopat", Spelling)
@pytest.mark.parametrize("about", About)
def test_every_row_has_one_confidentiality_code_and_envelopes_have_no_other(
    name: str, nopat: Spelling, about: About
) -> None:
    labels = Labels(policies_of(SHIPPED)[name].rows, nopat=nopat)
    first, *others = labels_of(about, labels)
    assert first["system"].endswith("/v3-Confidentiality")
    assert not [one for one in others if "Confidentiality" in one["system"]]
    assert others == [] or about not in (About.BUNDLE, About.MESSAGE)


@pytest.mark.parametrize(
    ("spelling", "systems"),
    [
        (Spelling.R4, [ACT_CODE]),
        (Spelling.STU3, ["http://hl7.org/fhir/v3/ActCode"]),
        (Spelling.BOTH, [ACT_CODE, STU3_ACT_CODE]),
    ],
)
def test_nopat_is_spelt_as_the_record_system_knows_it_and_nothing_else_is(
    spelling: Spelling, systems: list[str]
) -> None:
    found = labels_of(About.SCREEN, Labels(FLOOR, nopat=spelling))
    assert [one["system"] for one in found if one["code"] == "NOPAT"] == systems
    assert [one["system"] for one in found if one["code"] == "SDV"] == [ACT_CODE]


def test_a_code_of_your_own_goes_out_as_it_stands() -> None:
    own = {"system": "https://trust.example/labels", "code": "S1"}
    row = {"confidentiality": "V", "codes": ["SDV", "NOPAT", own]}
    labels = policies_of(changed("record.screen", row))["own"]
    assert labels_of(About.SCREEN, labels)[0]["code"] == "V"
    assert labels_of(About.SCREEN, labels)[-1] == own


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("record.screen", {"confidentiality": "N", "codes": ["SDV", "NOPAT"]}, "screen has the conf.* N and"),
        ("record.screen", {"confidentiality": "R", "codes": ["SDV"]}, "screen lacks NOPAT"),
        ("record.flag", {"confidentiality": "V", "codes": ["NOPAT"]}, "flag lacks NORDSCLCDS"),
        ("service.contact", {"confidentiality": "R", "codes": ["NORDSCLCDS"]}, "contact has the conf.* R"),
    ],
)
def test_a_policy_that_protects_less_says_why_or_is_refused(
    place: str, value: dict[str, Any], words: str
) -> None:
    document = changed(place, value)
    with pytest.raises(ValueError, match=rf"policy\.own: {words}.*weaker"):
        policies_of(document)
    document["policy"]["own"]["weaker"] = " "
    with pytest.raises(ValueError, match="weaker"):
        policies_of(document)
    document["policy"]["own"]["weaker"] = "A test system without patients."
    assert policies_of(document)["own"].rows != FLOOR


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("record.screen", {"codes": ["SDV"]}, "screen: confidentiality is exactly one of"),
        ("record.screen", {"confidentiality": ["R", "V"]}, "exactly one of"),
        ("record.screen", {"confidentiality": "RV"}, "exactly one of"),
        ("record.screen", {"confidentiality": "S"}, "exactly one of"),
        ("record.screen", {"positive": {"confidentiality": "V"}}, "'positive' is not known"),
        ("record.screen", "R", "screen: this is no table"),
        ("record.screen", {"confidentiality": "R", "codes": ["DV"]}, "'DV' is no label"),
        ("record.screen", {"confidentiality": "R", "codes": ["NOPAT", "NOPAT"]}, "twice"),
        (
            "record.screen",
            {"confidentiality": "R", "codes": [{"system": ACT_CODE, "code": "VIO"}]},
            "is no label",
        ),
        ("record.screen", {"confidentiality": "R", "codes": [{"code": "X"}]}, "is no label"),
        ("service.message", {"confidentiality": "V", "codes": ["NOPAT"]}, "confidentiality code alone"),
        ("record.bundle", {"confidentiality": "V"}, "'bundle' is not known"),
        ("record.flag", None, "no row for flag"),
        ("service", None, "no row for contact, message"),
        ("inline", "yes", "inline is true or false"),
        ("weaker", True, "a reason in words"),
        ("colour", "blue", "'colour' is not known"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(place: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        policies_of(changed(place, value))


def test_a_file_with_something_else_in_it_is_refused() -> None:
    with pytest.raises(ValueError, match="'pack' is not known"):
        policies_of({"pack": {}})
    assert policies_of({}) == {}
