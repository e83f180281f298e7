"""The shipped files: valid FHIR, neutral where they show, and worded to the letter."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.codesystem import CodeSystem
from fhir.resources.R4B.questionnaire import Questionnaire

from ipvscreen.ipv.case_codes import DECLINE_WORDS, OUTCOME_WORDS
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
from ipvscreen.resources import terminology
from ipvscreen.resources.business import BUSINESS_WORDS
from ipvscreen.resources.reasons import WHY_WORDS
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.load import load_form

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
OURS = ("quick", "past", "children", "impact", "use", "dash-result")
SHIPPED = ("hark", "aas-1", "aas", *OURS)
CASE = ("case-status", "case-reason", "case-outcome")
SYSTEMS = (
    *("answer", "recency", "help", "aas", *OURS, "not-done", "reason", "changes", "entries", "events"),
    *CASE,
)
TOPIC = ("hark", "aas", "dash", "abuse", "violence", "domestic", "partner", "victim", "ipv", "harm")


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


def test_every_form_is_there_and_nothing_else(documents: Documents, forms: dict[str, Form]) -> None:
    assert set(forms) == set(SHIPPED)
    assert set(FORMS) <= set(forms)
    assert set(documents) == {*SHIPPED, *(f"codesystem-{name}" for name in SYSTEMS), "validity", "wording"}


@pytest.mark.parametrize("name", SHIPPED)
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
    assert all(body[key] for key in ("version", "date", "publisher", "description", "purpose", "copyright"))


def test_no_two_files_have_one_url(documents: Documents) -> None:
    urls = [body["url"] for body in documents.values() if "url" in body]
    assert len(set(urls)) == len(urls) == len(SHIPPED) + len(SYSTEMS)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("word", TOPIC)
def test_url_and_title_are_neutral(documents: Documents, name: str, word: str) -> None:
    assert word not in (documents[name]["url"] + documents[name]["title"]).lower()


def test_sources_and_licences_are_told(documents: Documents) -> None:
    assert "PMC2034562" in documents["hark"]["copyright"]
    assert "LOINC® is a registered United States trademark" in documents["hark"]["copyright"]
    assert "public domain" in documents["aas"]["copyright"]
    assert "accuracy of the single item is unknown" in documents["aas-1"]["copyright"]
    assert all("Not a validated form" in documents[name]["copyright"] for name in OURS)


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


def codings(body: Any) -> Iterator[dict[str, Any]]:
    """Every Coding below, wherever it stands."""
    if isinstance(body, list):
        for each in body:
            yield from codings(each)
    elif isinstance(body, dict):
        if {"system", "code"} <= body.keys():
            yield body
        for each in body.values():
            yield from codings(each)


@pytest.mark.parametrize("name", OURS)
def test_our_own_forms_have_no_number_and_no_foreign_code(documents: Documents, name: str) -> None:
    text = str(documents[name])
    assert "ordinalValue" not in text
    assert "itemWeight" not in text
    assert {coding["system"].partition("/CodeSystem/")[0] for coding in codings(documents[name])} == {
        terminology.BASE
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_every_code_of_ours_stands_in_a_shipped_code_system(documents: Documents, name: str) -> None:
    systems = {
        body["url"]: {concept["code"]: concept["display"] for concept in body["concept"]}
        for body in documents.values()
        if body.get("resourceType") == "CodeSystem"
    }
    ours = [one for one in codings(documents[name]) if one["system"].startswith(terminology.BASE)]
    assert ours or name == "hark"
    for coding in ours:
        display = systems[coding["system"]][coding["code"]]
        assert coding.get("display", display) == display


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_code_system_is_whole(documents: Documents, name: str) -> None:
    body = documents[f"codesystem-{name}"]
    CodeSystem.model_validate(body)
    assert body["url"] == f"{terminology.BASE}/CodeSystem/{name}"
    assert (body["status"], body["content"], body["caseSensitive"]) == ("active", "complete", True)
    assert body["count"] == len(body["concept"]) == len({code["code"] for code in body["concept"]})
    assert body["title"] == "Health questionnaire"


def concepts(documents: Documents, name: str) -> dict[str, str]:
    return {each["code"]: each["display"] for each in documents[f"codesystem-{name}"]["concept"]}


def test_what_the_code_writes_stands_in_the_code_systems(documents: Documents) -> None:
    assert concepts(documents, "not-done") == {
        str(why): words for why, words in terminology.NOT_DONE_WORDS.items()
    }
    assert concepts(documents, "reason") == {
        str(why): words for why, words in terminology.REASON_WORDS.items()
    }
    assert concepts(documents, "changes") == {str(why): words for why, words in WHY_WORDS.items()}
    sources = {str(source): words for source, words in terminology.SOURCE_WORDS.items()}
    assert concepts(documents, "entries") == {
        "disclosure": "Learned without asking",
        "health-concern": "Health concern",
        **sources,
    }
    assert concepts(documents, "events") == {
        "referral-new": "New referral",
        "referral-stopped": "Referral stopped",
    }
    spoken = dict(zip(CASE, (BUSINESS_WORDS, DECLINE_WORDS, OUTCOME_WORDS), strict=True))
    for name, words_of in spoken.items():
        assert concepts(documents, name) == {str(code): words for code, words in words_of.items()}
    nothing = {terminology.NO_HELP: "Nothing now"}
    assert concepts(documents, "help") == terminology.HELP_WORDS | nothing


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
        (follows,) = item.enable_when
        assert (follows.question, follows.operator) == (link_id, "=")
        assert follows.answer["answerCoding"]["code"] == "yes"
        times = forms["aas"].item(f"{link_id}-times")
        assert (times.type, times.required, times.min_value) == ("integer", False, {"valueInteger": 0})
        assert times.enable_when == item.enable_when


def test_every_quick_item_may_be_passed_and_weighs_nothing(forms: dict[str, Form]) -> None:
    items = forms["quick"].questions()
    expected = [SAFE_TODAY, NECK, SUICIDE, CHILDREN_OR_PREGNANT, HELP_NOW, CONTACT]
    assert [item.link_id for item in items] == expected
    assert all(item.offers_pass for item in items)
    assert {option.weight for item in items for option in item.options} == {None}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_code_means_one_thing(forms: dict[str, Form], name: str) -> None:
    meant: dict[tuple[str | None, str], str] = {}
    for item in forms[name].questions():
        for option in item.options:
            assert meant.setdefault((option.system, option.code), option.display) == option.display


def enabled_by(form: Form, link_id: str) -> set[tuple[str, str]]:
    """Question and answer of every condition of an item."""
    return {(c.question, c.answer["answerCoding"]["code"]) for c in form.item(link_id).enable_when}


def offered(form: Form, link_id: str) -> list[str]:
    return [option.code for option in form.item(link_id).options]


def test_the_time_before_the_last_year_is_asked_in_our_words(forms: dict[str, Form]) -> None:
    items = forms["past"].questions()
    assert [item.link_id for item in items] == ["ever-h", "ever-a", "ever-r", "ever-k"]
    for item in items:
        assert item.text.startswith("More than a year ago")
        assert "partner or ex-partner" in item.text
        assert item.text not in HARK.values()
        assert [option.code for option in item.options] == ["yes", "no"]


def test_each_child_has_an_entry_of_its_own(forms: dict[str, Form]) -> None:
    form = forms["children"]
    (each,) = form.items
    assert (each.type, each.repeats, each.required) == ("group", True, False)
    asked = "who name age home safe sees course your-contact other-contact other-parent"
    assert [item.link_id for item in each.items] == [f"child-{what}" for what in asked.split()]
    assert {"ongoing", "intermittent", "over"} < set(offered(form, "child-course"))
    assert offered(form, "child-home") == ["lives-here", "visits", "elsewhere"]
    assert offered(form, "child-your-contact") == offered(form, "child-other-contact")
    sees = form.item("child-sees")
    assert sees.repeats
    assert [option.code for option in sees.options if option.exclusive] == ["nothing", "not-known"]
    age = form.item("child-age")
    assert (age.min_value, age.max_value) == ({"valueInteger": 0}, {"valueInteger": 120})
    assert age.enable_any
    assert enabled_by(form, "child-age") == {("child-who", "child"), ("child-who", "adult")}


def test_the_past_tells_its_source_and_when_it_was(forms: dict[str, Form]) -> None:
    form = forms["impact"]
    assert offered(form, "impact-source") == ["patient", "case-history"]
    for link_id, kind in (("impact-source-date", "date"), ("impact-told", "choice")):
        assert form.item(link_id).type == kind
        assert enabled_by(form, link_id) == {("impact-source", "case-history")}
    # HMIS 4.11.3, less "refused" (pass) and "not collected" (left)
    assert [option.display for option in form.item("impact-last").options] == [
        "Within the past 3 months",
        "3 to 6 months ago",
        "6 to 12 months ago",
        "More than 12 months ago",
        "Not known",
    ]
    assert enabled_by(form, "impact-ended-year") == {("impact-ended", "yes")}
    contact = form.item("impact-contact")
    assert [option.code for option in contact.options if option.exclusive] == ["none", "not-known"]
    effects = form.item("impact-effects")
    assert (effects.type, effects.repeats) == ("open-choice", True)


def test_own_conduct_is_asked_further_only_after_a_yes(forms: dict[str, Form]) -> None:
    first, *others = forms["use"].questions()
    assert first.link_id == "use-told"
    assert not first.enable_when
    for item in others:
        assert enabled_by(forms["use"], item.link_id) == {("use-told", "yes")}


def test_of_the_checklist_only_the_result_ships(forms: dict[str, Form]) -> None:
    kinds = {item.link_id: item.type for item in forms["dash-result"].walk()}
    assert kinds == {
        "dash-note": "display",
        "dash-date": "date",
        "dash-assessor": "string",
        "dash-ticks": "integer",
        "dash-ground": "choice",
    }
    assert offered(forms["dash-result"], "dash-ground") == [
        "judgement",
        "visible-high-risk",
        "escalation",
        "repeat",
    ]
    note = forms["dash-result"].item("dash-note").text
    assert "Professional judgement alone is enough" in note


@pytest.mark.parametrize("name", OURS)
def test_nothing_of_ours_is_required(forms: dict[str, Form], name: str) -> None:
    assert not any(item.required for item in forms[name].walk())


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize(("language", "yes"), [("nl", "Ja"), ("fr-CA", "Oui")])
def test_our_own_forms_speak_dutch_and_french(
    documents: Documents, name: str, language: str, yes: str
) -> None:
    english = load_form(documents[name])
    form = load_form(documents[name], language=language)
    assert form.language == language
    before, after = list(english.walk()), list(form.walk())
    assert [item.link_id for item in before] == [item.link_id for item in after]
    assert all(one.text != other.text for one, other in zip(before, after, strict=True))
    spoken = {option.code: option.display for item in after for option in item.options}
    assert spoken.get("yes", yes) == yes


def test_the_reference_lists_every_file(documents: Documents) -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "instruments.md").read_text("utf-8")
    rows = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert tuple(rows[: len(SHIPPED)]) == ("hark", "aas", "aas-1", *OURS)
    named = page.partition("## Codes")[2].partition("## Languages")[0]
    assert all(f"`{name}`" in named for name in SYSTEMS)
