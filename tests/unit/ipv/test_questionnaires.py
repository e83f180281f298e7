"""The shipped files: valid FHIR, neutral where they show, and worded to the letter."""

import hashlib
from typing import Any

import pytest
from fhir.resources.R4B.questionnaire import Questionnaire

from ipvscreen.ipv.instruments import (
    AAS_WHOM,
    CHILDREN_OR_PREGNANT,
    CONTACT,
    FORMS,
    HELP_NOW,
    INSTRUMENTS,
    NECK,
    OTHER,
    SAFE_TODAY,
    SUICIDE,
)
from ipvscreen.sdc.form import Form

Documents = dict[str, dict[str, Any]]

# Typed again here, from the publications, so that no edit of a file can change both.
HARK = {
    "76500-8": "Within the last year, have you been humiliated or emotionally abused in other ways "
    "by your partner or ex-partner?",
    "76501-6": "Within the last year, have you been afraid of your partner or ex-partner?",
    "76502-4": "Within the last year, have you been raped or forced to have any kind of sexual activity "
    "by your partner or ex-partner?",
    "76503-2": "Within the last year, have you been kicked, hit, slapped, or otherwise physically hurt "
    "by your partner or ex-partner?",
}
AAS = {
    "aas-1": "Have you ever been emotionally or physically abused by your partner "
    "or someone important to you?",
    "aas-2": "Within the last year, have you been hit, slapped, kicked, or otherwise physically hurt "
    "by someone?",
    "aas-3": "Since you've been pregnant, have you been hit, slapped, kicked, or otherwise physically hurt "
    "by someone?",
    "aas-4": "Within the last year, has anyone forced you to have sexual activities?",
    "aas-5": "Are you afraid of your partner or anyone you listed above?",
}
SHA256 = {
    "hark": "fd37bd5dd1b63f405dbb633cbd97b7e3d6e6df852a9b9c790913999aba768be8",
    "aas": "49d07d1825761e3e113c5ccbec5d52ba984cc1c42358e339b7bdc33099e3636d",
}


def wording(form: Form, link_ids: dict[str, str]) -> dict[str, str]:
    return {link_id: form.item(link_id).text for link_id in link_ids}


def test_hark_is_worded_to_the_letter(forms: dict[str, Form]) -> None:
    assert {item.link_id: item.text for item in forms["hark"].walk()} == HARK


def test_aas_is_worded_to_the_letter(forms: dict[str, Form]) -> None:
    assert wording(forms["aas"], AAS) == AAS
    assert {item.link_id: item.text for item in forms["aas-1"].walk()} == {"aas-1": AAS["aas-1"]}
    follow_ups = {item.link_id: item.text for item in forms["aas"].walk() if item.link_id not in AAS}
    assert follow_ups == {
        f"aas-{number}-{what}": text
        for number in (2, 3, 4)
        for what, text in (("whom", "By whom?"), ("times", "Total number of times"))
    }


@pytest.mark.parametrize(("name", "items"), [("hark", HARK), ("aas", AAS)])
def test_the_wording_is_pinned_by_its_hash(forms: dict[str, Form], name: str, items: dict[str, str]) -> None:
    text = "\n".join(forms[name].item(link_id).text for link_id in items)
    assert hashlib.sha256(text.encode()).hexdigest() == SHA256[name]


def test_every_form_is_there_and_nothing_else(documents: Documents, forms: dict[str, Form]) -> None:
    assert set(forms) == set(FORMS)
    assert set(documents) == {*FORMS, "validity"}


@pytest.mark.parametrize("name", FORMS)
def test_a_file_is_a_valid_questionnaire(documents: Documents, name: str) -> None:
    body = documents[name]
    assert Questionnaire.model_validate(body).get_resource_type() == "Questionnaire"
    assert body["status"] == "active"
    assert body["subjectType"] == ["Patient"]
    assert body["language"] == "en"
    assert body["title"] == "Health questionnaire"
    assert body["name"].lower().replace("_", "-") == name
    assert body["url"].startswith("https://health-questionnaire.example/fhir/Questionnaire/")
    assert len(body["code"]) == 1
    assert body["copyright"]


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("word", ["hark", "aas", "abuse", "violence", "domestic", "partner", "victim", "ipv"])
def test_url_and_title_are_neutral(documents: Documents, name: str, word: str) -> None:
    assert word not in (documents[name]["url"] + documents[name]["title"]).lower()


def test_sources_and_licences_are_told(documents: Documents) -> None:
    assert "PMC2034562" in documents["hark"]["copyright"]
    assert "LOINC® is a registered United States trademark" in documents["hark"]["copyright"]
    assert "public domain" in documents["aas"]["copyright"]
    assert "accuracy of the single item is unknown" in documents["aas-1"]["copyright"]
    assert "Not a validated form" in documents["quick"]["copyright"]


def test_hark_has_its_loinc_codes(forms: dict[str, Form]) -> None:
    form = forms["hark"]
    assert [(code.system, code.code) for code in form.code] == [("http://loinc.org", "76499-3")]
    for item in form.questions():
        assert [(code.system, code.code) for code in item.code] == [("http://loinc.org", item.link_id)]
        offered = [(o.system, o.code, o.display, o.weight) for o in item.options]
        assert offered == [("http://loinc.org", "LA33-6", "Yes", 1), ("http://loinc.org", "LA32-8", "No", 0)]


def test_aas_has_no_loinc_codes(documents: Documents) -> None:
    assert "loinc" not in str(documents["aas"]).lower()
    assert "loinc" not in str(documents["aas-1"]).lower()


@pytest.mark.parametrize("name", sorted(INSTRUMENTS))
def test_the_tables_fit_the_forms(forms: dict[str, Form], name: str) -> None:
    instrument = INSTRUMENTS[name]
    for link_id in instrument.items:
        item = forms[name].item(link_id)
        assert [option.code for option in item.options] == [instrument.yes, instrument.no]
        assert not item.required
        assert not item.enable_when


def test_by_whom_is_asked_after_a_yes(forms: dict[str, Form]) -> None:
    for link_id, whom in AAS_WHOM.items():
        item = forms["aas"].item(whom)
        assert [option.code for option in item.options] == ["partner", "ex-partner", OTHER]
        assert [(c.question, c.answer) for c in item.enable_when] == [(link_id, "yes")]
        times = forms["aas"].item(f"{link_id}-times")
        assert (times.type, times.required, times.min_value) == ("integer", False, 0)
        assert times.enable_when == item.enable_when


def test_every_quick_item_may_be_passed_and_weighs_nothing(forms: dict[str, Form]) -> None:
    items = forms["quick"].questions()
    expected = [SAFE_TODAY, NECK, SUICIDE, CHILDREN_OR_PREGNANT, HELP_NOW, CONTACT]
    assert [item.link_id for item in items] == expected
    assert all(item.offers_pass for item in items)
    assert {option.weight for item in items for option in item.options} == {None}


@pytest.mark.parametrize("name", FORMS)
def test_a_code_means_one_thing(forms: dict[str, Form], name: str) -> None:
    meant: dict[tuple[str | None, str], str] = {}
    for item in forms[name].questions():
        for option in item.options:
            assert meant.setdefault((option.system, option.code), option.display) == option.display
