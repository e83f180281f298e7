"""What a visit leaves in the record system."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from ipvscreen.ipv.draft import Recording
from ipvscreen.ipv.packs import Reason
from ipvscreen.ipv.visit import Door
from ipvscreen.resources.context import NOBODY
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.observations import instrument_observations
from ipvscreen.resources.screening import Context, not_done
from ipvscreen.resources.terminology import REASON_WORDS
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Form, Item, Option

Screen = Callable[..., tuple[Labelled, ...]]
Strings = Callable[[Any], Iterator[str]]
LINK_IDS = ("76500-8", "76501-6", "76502-4", "76503-2")
YES, NO, PASS, GAP = ("LA33-6",), ("LA32-8",), ("pass",), ()


def hark(*answers: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return dict(zip(LINK_IDS, answers, strict=True))


def of_kind(items: tuple[Labelled, ...], kind: str) -> list[dict[str, Any]]:
    return [item.body for item in items if item.kind == kind]


def observations(items: tuple[Labelled, ...]) -> dict[str, dict[str, Any]]:
    return {o["code"].get("coding", [{}])[0].get("code"): o for o in of_kind(items, "Observation")}


def absent_code(observation: dict[str, Any]) -> str:
    code: str = observation["dataAbsentReason"]["coding"][0]["code"]
    return code


def test_a_positive_in_full(screen: Screen, ctx: Context) -> None:
    items = screen({"hark": hark(YES, NO, NO, NO), "aas-1": {}, "quick": {"neck": ("no",)}}, flag=True)
    kinds = [item.kind for item in items]
    assert kinds.count("QuestionnaireResponse") == 3
    assert kinds.count("Observation") == 7
    assert kinds.count("Flag") == kinds.count("Provenance") == 1
    response = of_kind(items, "QuestionnaireResponse")[0]
    assert response["questionnaire"] == "https://health-questionnaire.example/fhir/Questionnaire/h4|1.0.0"
    assert response["status"] == "completed"
    assert response["subject"] == response["source"] == {"reference": "Patient/patient-88"}
    assert response["author"] == {"reference": "Practitioner/66", "display": "Dr Amina Clark"}
    assert response["encounter"] == {"reference": "Encounter/encounter-99"}
    assert response["authored"] == "2026-03-02T10:00:05Z"
    assert [item["linkId"] for item in response["item"]] == list(LINK_IDS)


def test_observations_of_the_four_items_the_total_and_the_panel(screen: Screen) -> None:
    items = screen({"hark": hark(YES, NO, YES, NO)})
    found = observations(items)
    assert found.keys() == {*LINK_IDS, "76504-0", "76499-3"}
    response = next(item.full_url for item in items if item.kind == "QuestionnaireResponse")
    by_code = {item.body["code"]["coding"][0]["code"]: item for item in items if item.kind == "Observation"}
    for link_id, answer in zip(LINK_IDS, (YES, NO, YES, NO), strict=True):
        item = found[link_id]
        assert item["valueCodeableConcept"]["coding"][0]["code"] == answer[0]
        assert item["performer"] == [{"reference": "Patient/patient-88"}]
        assert item["derivedFrom"] == [{"reference": response}]
    total = found["76504-0"]
    assert total["valueQuantity"] == {
        "value": 2,
        "unit": "{score}",
        "system": "http://unitsofmeasure.org",
        "code": "{score}",
    }
    assert "performer" not in total
    assert total["derivedFrom"] == [by_code[link_id].reference for link_id in LINK_IDS]
    members = [by_code[code].reference for code in (*LINK_IDS, "76504-0")]
    assert found["76499-3"]["hasMember"] == members
    assert "interpretation" not in str(found), "lists colour and route by it"


@pytest.mark.parametrize("answers", list(product((YES, NO, PASS, GAP), repeat=4)))
def test_every_combination_has_six_observations_and_a_number_only_when_all_are_answered(
    screen: Screen, answers: tuple[tuple[str, ...], ...]
) -> None:
    found = observations(screen({"hark": hark(*answers)}))
    assert len(found) == 6
    total = found["76504-0"]
    if all(answer in (YES, NO) for answer in answers):
        assert total["valueQuantity"]["value"] == answers.count(YES)
    else:
        assert "valueQuantity" not in total
        assert absent_code(total) == "unknown"
    reasons = {PASS: "asked-declined", GAP: "not-asked"}
    for link_id, answer in zip(LINK_IDS, answers, strict=True):
        if answer in reasons:
            assert absent_code(found[link_id]) == reasons[answer]
            assert "valueCodeableConcept" not in found[link_id]


def test_declined_is_an_answer_to_what_was_left(screen: Screen) -> None:
    found = observations(screen({"hark": hark(NO, GAP, GAP, GAP), "aas-1": {}}, declined=True))
    assert found["76500-8"]["valueCodeableConcept"]["coding"][0]["code"] == "LA32-8"
    assert absent_code(found["76503-2"]) == absent_code(found["aas-1"]) == "asked-declined"
    assert absent_code(found["76504-0"]) == "unknown"


def test_categories(screen: Screen) -> None:
    for observation in of_kind(screen({"hark": {}}), "Observation"):
        codings = [category["coding"][0] for category in observation["category"]]
        assert [coding["code"] for coding in codings] == ["survey", "sdoh", "intimate-partner-violence"]
        assert observation["status"] == "final"
        assert observation["effectiveDateTime"] == observation["issued"] == "2026-03-02T10:00:05Z"


def test_the_single_item_stands_alone_and_the_whole_form_has_a_panel_without_total(screen: Screen) -> None:
    (single,) = of_kind(screen({"aas-1": {"aas-1": ("yes",)}}), "Observation")
    assert single["code"]["coding"][0]["code"] == "aas-1"
    assert single["code"]["text"].startswith("Have you ever been")
    whole = observations(screen({"aas": {"aas-1": ("no",)}}))
    assert whole.keys() == {"aas", "aas-1", "aas-2", "aas-3", "aas-4", "aas-5"}
    assert len(whole["aas"]["hasMember"]) == 5


def test_follow_ups_are_components_so_that_a_yes_adds_no_observation(screen: Screen) -> None:
    entered = {
        "aas-2": ("yes",),
        "aas-2-whom": ("ex-partner",),
        "aas-2-times": ("3",),
        "aas-4": ("yes",),
        "aas-4-whom": ("pass",),
    }
    found = observations(screen({"aas": entered}))
    assert len(found) == len(observations(screen({"aas": {}}))) == 6
    whom, times = found["aas-2"]["component"]
    assert whom["valueCodeableConcept"]["coding"][0]["code"] == "ex-partner"
    assert times["code"]["coding"][0]["code"] == "aas-2-times"
    assert times["valueInteger"] == 3
    assert absent_code(found["aas-4"]["component"][0]) == "asked-declined"
    assert "component" not in found["aas-3"]


def test_a_form_of_a_deployer_with_words_and_no_codes(ctx: Context, screen: Screen) -> None:
    asked = Item("t", "In your words?", "string")
    choice = Item("c", "Well?", "choice", options=(Option("y", "Yes", value="y"),))
    form = Form("own", "https://a.example/Q", "1", "Health questionnaire", "", items=(asked, choice))
    answers = read_answers(form, {"t": ("some words",), "c": ("y",)})
    response = screen({"hark": {}})[0]
    items = instrument_observations(ctx, answers, None, response)
    words, chosen, panel = (item.body for item in items)
    assert (words["code"], words["valueString"]) == ({"text": "In your words?"}, "some words")
    assert chosen["valueCodeableConcept"] == {"coding": [{"code": "y", "display": "Yes"}]}
    assert panel["code"] == {"text": "Health questionnaire"}


def test_quick_items_have_a_response_of_their_own_and_no_observation(screen: Screen) -> None:
    items = screen({"quick": {"suicide": ("yes",)}})
    assert [item.kind for item in items] == ["QuestionnaireResponse", "Provenance"]
    assert items[0].body["item"][0]["answer"][0]["valueCoding"]["code"] == "yes"


def test_a_form_that_was_not_shown_is_a_response_without_items(screen: Screen) -> None:
    response = of_kind(screen({"aas-1": {}}), "QuestionnaireResponse")[0]
    assert "item" not in response


@pytest.mark.parametrize(
    ("door", "source", "performer"),
    [
        (Door.TOLD, "told", "Patient/patient-88"),
        (Door.WORRIED, "clinician-concern", "Practitioner/66"),
        (Door.DANGER, "danger-now", "Practitioner/66"),
        (Door.FROM_RECORD, "from-record", "Practitioner/66"),
    ],
)
def test_what_was_learned_without_asking_leaves_a_record(
    screen: Screen, door: Door, source: str, performer: str
) -> None:
    items = screen({"hark": {}, "aas-1": {}, "quick": {}}, door=door)
    assert [item.kind for item in items] == ["Observation", "Provenance"]
    disclosure = items[0].body
    assert disclosure["valueCodeableConcept"]["coding"][0]["code"] == source
    assert disclosure["performer"][0]["reference"] == performer
    assert disclosure["category"][0]["coding"][0]["code"] == "social-history"


def test_what_was_answered_after_that_is_written_too(screen: Screen) -> None:
    entered = {"hark": {}, "quick": {"safe-today": ("yes",)}}
    told = screen(entered, door=Door.TOLD)
    assert [item.kind for item in told] == ["Observation", "QuestionnaireResponse", "Provenance"]
    assert told[1].body["source"] == {"reference": "Patient/patient-88"}
    read = screen(entered, door=Door.FROM_RECORD)
    assert "source" not in read[1].body, "nobody answered: it is the case history"


def test_flag_only_when_agreed_and_neutral(screen: Screen) -> None:
    assert of_kind(screen({"hark": hark(YES, YES, YES, YES)}), "Flag") == []
    (flag,) = of_kind(screen({"hark": hark(NO, NO, NO, NO)}, flag=True), "Flag")
    assert flag["code"] == {"text": "Read the restricted entry of 2 March 2026 before contact. Ask alone."}
    assert flag["status"] == "active"
    assert flag["category"][0]["coding"][0]["code"] == "safety"
    assert flag["period"] == {"start": "2026-03-02T10:00:05Z"}
    assert flag["author"]["reference"] == "Practitioner/66"


def test_provenance_names_everything_and_who(screen: Screen) -> None:
    *items, last = screen({"hark": {}, "quick": {}}, flag=True)
    assert last.kind == "Provenance"
    assert last.body["target"] == [item.reference for item in items]
    author, device = last.body["agent"]
    assert author["type"]["coding"][0]["code"] == "author"
    assert author["who"] == {"reference": "Practitioner/66", "display": "Dr Amina Clark"}
    assert device["type"]["coding"][0]["code"] == "assembler"
    assert device["who"] == {"display": "Health questionnaire"}
    assert last.body["recorded"] == "2026-03-02T10:00:05Z"


def test_an_unknown_clinician_is_said_to_be_unknown(screen: Screen, ctx: Context) -> None:
    unknown = replace(ctx, author=None, author_name=None, encounter_id=None)
    items = screen({"hark": {}}, flag=True, context=unknown)
    assert items[-1].body["agent"][0]["who"] == {"display": NOBODY}
    assert all("author" not in item.body and "encounter" not in item.body for item in items)
    named = replace(ctx, author=None)
    assert screen({"hark": {}}, context=named)[-1].body["agent"][0]["who"] == {"display": "Dr Amina Clark"}
    silent = replace(ctx, author_name=None)
    assert screen({"hark": {}}, context=silent)[-1].body["agent"][0]["who"] == {
        "reference": "Practitioner/66"
    }
    worried = screen({}, door=Door.WORRIED, context=unknown)
    assert "performer" not in worried[0].body


def test_only_the_conversation(screen: Screen, ctx: Context) -> None:
    entered = {"hark": hark(YES, YES, YES, YES), "quick": {"neck": ("yes-recent",)}}
    procedure, provenance = screen(entered, recording=Recording.CONVERSATION, flag=True)
    assert procedure.kind == "Procedure"
    assert procedure.body["code"] == {"text": "Health questionnaire"}
    assert procedure.body["status"] == "completed"
    assert procedure.body["performer"][0]["actor"]["reference"] == "Practitioner/66"
    assert provenance.body["target"] == [procedure.reference]
    unknown = replace(ctx, author=None)
    assert "performer" not in screen({}, recording=Recording.CONVERSATION, context=unknown)[0].body


def test_nothing_is_nothing(screen: Screen) -> None:
    entered = {"hark": hark(YES, YES, YES, YES)}
    assert screen(entered, recording=Recording.NOTHING, flag=True, door=Door.TOLD) == ()


def test_not_done_says_why(ctx: Context) -> None:
    panel, provenance = not_done(ctx, "accompanied-by-adult")
    assert panel.body["code"]["coding"][0]["code"] == "76499-3"
    reason = panel.body["dataAbsentReason"]
    assert [coding["code"] for coding in reason["coding"]] == ["not-performed", "accompanied-by-adult"]
    assert reason["text"] == "Accompanied by an adult"
    assert panel.body["performer"][0]["reference"] == "Practitioner/66"
    assert "hasMember" not in panel.body
    assert provenance.body["target"] == [panel.reference]
    assert absent_code(not_done(ctx, "declined")[0].body) == "asked-declined"


def test_not_done_takes_only_reasons_of_the_list(ctx: Context) -> None:
    with pytest.raises(ValueError, match="rained"):
        not_done(ctx, "rained")


def test_what_a_portal_could_show_names_no_topic(screen: Screen, strings: Strings) -> None:
    full = screen({"hark": hark(YES, YES, YES, YES), "quick": {}}, flag=True)
    shown = [item for item in full if item.kind in ("Flag", "Provenance")]
    shown += screen({}, recording=Recording.CONVERSATION)
    assert len(shown) == 4
    for item in shown:
        assert [topic_word(text) for text in strings(item.body) if topic_word(text)] == []


PAST = {"ever-h": ("yes",), "ever-r": ("pass",)}


def test_a_form_on_a_page_of_its_own_leaves_a_response_and_no_observations(screen: Screen) -> None:
    without = screen({"hark": hark(NO, NO, NO, NO), "aas-1": {}, "quick": {}})
    items = screen({"hark": hark(NO, NO, NO, NO), "aas-1": {}, "quick": {}, "past": PAST})
    kinds = [item.kind for item in items]
    assert kinds.count("QuestionnaireResponse") == 4
    assert kinds.count("Observation") == [item.kind for item in without].count("Observation")
    response = next(
        r for r in of_kind(items, "QuestionnaireResponse") if "Questionnaire/p4|" in r["questionnaire"]
    )
    assert [item["linkId"] for item in response["item"]] == list(PAST)
    assert "answer" not in response["item"][1]
    labels = [label["code"] for label in response["meta"]["security"]]
    assert labels == ["V", "SDV", "NOPAT"]


def test_a_form_in_which_nothing_was_answered_leaves_nothing(screen: Screen) -> None:
    entered = {"hark": hark(NO, NO, NO, NO), "aas-1": {}, "quick": {}}
    assert len(screen(entered | {"past": {}})) == len(screen(entered))


def test_why_it_was_asked_stands_with_who_entered_it(screen: Screen) -> None:
    entered = {"hark": hark(NO, NO, NO, NO)}
    (provenance,) = of_kind(screen(entered, reason=Reason.INJURY), "Provenance")
    (reason,) = provenance["reason"]
    assert reason["text"] == reason["coding"][0]["display"] == "An injury"
    assert reason["coding"][0]["code"] == "injury"
    assert [label["code"] for label in provenance["meta"]["security"]] == ["V", "SDV", "NOPAT"]
    for other in (
        screen(entered),
        screen(entered, reason=Reason.INJURY, recording=Recording.CONVERSATION),
    ):
        assert "reason" not in of_kind(other, "Provenance")[0]


def test_every_reason_has_its_words() -> None:
    assert set(REASON_WORDS) == set(Reason)
