"""What an entry becomes: the right code for each type, every label again, nothing where it is so already."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from ipvscreen.resources import correction as c
from ipvscreen.resources.context import Context
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.labels import About, labels_of
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.protection import protected, unprotected
from ipvscreen.resources.reasons import NULLIFIES, WHY_WORDS, Why, change_provenance
from ipvscreen.resources.scopes import Scopes
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Form

HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
YES, NO = "LA33-6", "LA32-8"
NOW = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
Screen = Callable[..., tuple[Labelled, ...]]


def stored(items: tuple[Labelled, ...]) -> list[dict[str, Any]]:
    """As a record system holds them: with ids, and references to ids."""
    ids = {item.full_url: f"{item.kind}/{number}" for number, item in enumerate(items)}

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: ids.get(v, v) if k == "reference" else named(v) for k, v in value.items()}
        return [named(one) for one in value] if isinstance(value, list) else value

    return [
        {**named(item.body), "id": str(n), "meta": {**item.body["meta"], "versionId": "1"}}
        for n, item in enumerate(items)
    ]


def answered(*values: str) -> dict[str, dict[str, tuple[str, ...]]]:
    return {"hark": {item: (value,) for item, value in zip(HARK, values, strict=False)}}


@pytest.fixture
def bodies(screen: Screen) -> list[dict[str, Any]]:
    return stored(screen(answered(NO, NO, NO, NO), flag=True))


def of(bodies: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [body for body in bodies if body["resourceType"] == kind]


def codes(body: dict[str, Any] | None) -> set[str]:
    assert body is not None
    return {one["code"] for one in body["meta"]["security"]}


# R4, ObservationStatus and TaskStatus: the models name only the first few of these lists.
WHOLE = {
    "Observation": "registered preliminary final amended corrected cancelled entered-in-error unknown",
    "Task": "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed"
    " entered-in-error",
}


def statuses(kind: str) -> set[str]:
    listed = get_fhir_model_class(kind).model_fields["status"].json_schema_extra["enum_values"]
    return set(WHOLE[kind].split() if "+" in listed else listed)


@pytest.mark.parametrize("kind", sorted(c.STATUSES - {"Condition"}))
def test_every_status_is_one_of_its_type(kind: str) -> None:
    assert c.IN_ERROR in statuses(kind)
    assert c.ENDED.get(kind, c.IN_ERROR) in statuses(kind)


def test_amended_and_corrected_are_codes_of_their_types() -> None:
    for kind, code in (("QuestionnaireResponse", c.AMENDED), ("Observation", c.CORRECTED)):
        assert code in statuses(kind)


def test_in_error_keeps_everything_else_and_all_labels(bodies: list[dict[str, Any]]) -> None:
    for body in bodies:
        change = c.in_error(body)
        if body["resourceType"] == "Provenance":
            assert (change.body, change.as_labelled()) == (None, None), "R4 gives it no status"
            continue
        assert change.body == {**body, "status": "entered-in-error", "meta": change.body["meta"]}
        assert codes(change.body) == codes(body)
        assert (change.version, change.reference) == ("1", f"{body['resourceType']}/{body['id']}")
        assert change.as_labelled().identifier.endswith(change.key)
        assert c.in_error(change.body).body is None, "a second time changes nothing"


def test_a_referral_ends_with_the_code_of_each_type() -> None:
    for kind, code in c.ENDED.items():
        body = {"resourceType": kind, "id": "1", "status": "active"}
        assert c.ended(body).body["status"] == code
        for past in ("entered-in-error", "completed"):
            change = c.ended({**body, "status": past})
            note = kind == "Communication" and past == "completed"  # said of the sending, not of the referral
            assert change.body["status"] == (code if note else past), "only its labels are put right"


MALFORMED = ["NOPAT", ["NOPAT", "R"], [None, 3, []], {"code": "R"}, 7, [{"code": ["R"], "system": {}}]]


@pytest.mark.parametrize("security", MALFORMED)
def test_malformed_labels_are_none_and_are_put_right(security: object) -> None:
    for meta in ({"security": security}, security):
        body = {"resourceType": "Observation", "id": "1", "status": "final", "meta": meta}
        assert unprotected(body)
        assert codes(c.in_error(body).body) == {"V", "SDV", "NOPAT"}


def test_labels_are_never_lower_than_before() -> None:
    ours = list(labels_of(About.SCREEN))
    very = [{**ours[0], "code": "V"}, {"system": "urn:local", "code": "x"}, *ours[1:], 3]
    body = {
        "resourceType": "Observation",
        "id": "1",
        "status": "final",
        "meta": {"security": very, "tag": [1]},
    }
    change = c.in_error(body)
    assert codes(change.body) == {"V", "x", "SDV", "NOPAT"}
    assert change.body["meta"]["tag"] == [1]
    low = {**body, "meta": {"security": [{**ours[0], "code": "N"}]}}
    assert (codes(c.in_error(low).body), unprotected(low)) == ({"R", "SDV", "NOPAT"}, True)
    for lost in ({}, {"meta": None}, {"meta": {"security": None}}):
        bare = {"resourceType": "Observation", "id": "1", "status": "final", **lost}
        assert codes(c.in_error(bare).body) == {"V", "SDV", "NOPAT"}
        assert unprotected(bare)
    assert not unprotected(body)
    assert next(one["code"] for one in protected(body, About.SCREEN)) == "V"


def test_hidden_is_the_highest_we_know(bodies: list[dict[str, Any]]) -> None:
    for body in bodies:
        change = c.hidden(body)
        if body["resourceType"] == "Flag":
            assert change.body is None, "it is so already"
        else:
            assert codes(change.body) == {"V", "SDV", "NOPAT", "NORDSCLCDS"}
            assert change.body.get("status") == body.get("status")


def corrected(
    forms: dict[str, Form], bodies: list[dict[str, Any]], *values: str
) -> tuple[c.Change, dict[str, c.Change], int]:
    answers = read_answers(forms["hark"], answered(*values)["hark"])
    changes, missing = c.corrected_observations(of(bodies, "Observation"), answers, "patient-88", NOW)
    named = {
        next(iter(b["code"]["coding"]))["code"]: change
        for change in changes
        for b in of(bodies, "Observation")
        if change.reference == f"Observation/{b['id']}"
    }
    return c.corrected_response(of(bodies, "QuestionnaireResponse")[0], answers), named, missing


def test_a_corrected_answer_changes_what_follows_from_it(
    forms: dict[str, Form], bodies: list[dict[str, Any]]
) -> None:
    response, results, missing = corrected(forms, bodies, NO, YES, NO, NO)
    assert response.body["status"] == "amended"
    assert response.body["item"][1]["answer"][0]["valueCoding"]["code"] == YES
    assert response.body["authored"] == of(bodies, "QuestionnaireResponse")[0]["authored"]
    assert missing == 0
    changed = {code for code, change in results.items() if change.body is not None}
    assert changed == {HARK[1], "76504-0", "76499-3"}
    assert results["76504-0"].body["valueQuantity"]["value"] == 1
    for code in changed:
        body = results[code].body
        assert (body["status"], body["issued"]) == ("corrected", "2026-03-09T09:00:00+00:00")
        assert codes(body) == {"R", "SDV", "NOPAT"}


def test_an_answer_taken_away_leaves_no_number(forms: dict[str, Form], bodies: list[dict[str, Any]]) -> None:
    response, results, _ = corrected(forms, bodies, NO, NO, NO)
    assert len(response.body["item"]) == 3
    total = results["76504-0"].body
    assert "valueQuantity" not in total
    assert total["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    empty, *_ = corrected(forms, bodies)
    assert "item" not in empty.body


def test_the_same_answers_change_nothing(forms: dict[str, Form], bodies: list[dict[str, Any]]) -> None:
    response, results, _ = corrected(forms, bodies, NO, NO, NO, NO)
    assert response.body is None
    assert {change.body for change in results.values()} == {None}


def test_a_second_try_does_only_what_is_left(forms: dict[str, Form], bodies: list[dict[str, Any]]) -> None:
    _, first, _ = corrected(forms, bodies, NO, YES, NO, NO)
    done = first[HARK[1]].body
    after = [done if body["id"] == done["id"] else body for body in bodies]
    _, second, _ = corrected(forms, after, NO, YES, NO, NO)
    assert {code for code, change in second.items() if change.body is not None} == {"76504-0", "76499-3"}
    whole = [next((x.body for x in first.values() if x.body and x.body["id"] == b["id"]), b) for b in bodies]
    _, third, _ = corrected(forms, whole, NO, YES, NO, NO)
    assert {change.body for change in third.values()} == {None}


def test_what_is_an_error_or_not_there_is_not_corrected(
    forms: dict[str, Form], bodies: list[dict[str, Any]]
) -> None:
    errors = [c.in_error(body).body or body for body in bodies]
    _, results, missing = corrected(forms, errors, NO, YES, NO, NO)
    assert {change.body for change in results.values()} == {None}
    fewer = [b for b in bodies if b["resourceType"] != "Observation"]
    assert corrected(forms, fewer, NO, YES, NO, NO)[2] > missing == 0


def test_why_something_was_left_stays(forms: dict[str, Form], screen: Screen) -> None:
    declined = stored(screen({"hark": {}}, declined=True))
    _, results, _ = corrected(forms, declined)
    assert {change.body for change in results.values()} == {None}
    gap = stored(screen({"hark": {}}))
    passed = read_answers(forms["hark"], dict.fromkeys(HARK, ("pass",)))
    changes, _ = c.corrected_observations(of(gap, "Observation"), passed, "p", NOW)
    assert sum(change.body is not None for change in changes) == 5, (
        "four items and the panel; still no number"
    )


def test_forms_without_results_have_none_to_correct(forms: dict[str, Form]) -> None:
    quick = read_answers(forms["quick"], {"safe-today": ("yes",)})
    assert c.corrected_observations([], quick, "p", NOW) == ((), 0)


def test_an_observation_without_codes_is_known_by_its_words(forms: dict[str, Form]) -> None:
    answers = read_answers(forms["hark"], {})
    other = {"resourceType": "Observation", "id": "1", "code": {"text": "x"}}
    assert (
        c.corrected_observations([other, {"resourceType": "Observation", "id": "2"}], answers, "p", NOW)[0]
        == ()
    )


def test_what_is_read_back_must_say_what_was_sent(bodies: list[dict[str, Any]]) -> None:
    sent = c.in_error(of(bodies, "Observation")[0]).body
    assert c.stands(sent, {**sent, "meta": {}, "note": []})
    assert not c.stands(sent, {**sent, "status": "final"})
    assert not c.stands(sent, {**sent, "valueString": "more"})


def test_what_may_be_changed_is_offered_and_granted() -> None:
    def entry(kind: str, *names: str) -> dict[str, Any]:
        return {"type": kind, "interaction": [{"code": name} for name in names]}

    resource = [entry("Observation", "update"), entry("Flag", "create"), entry("Task", "update")]
    capability = {"rest": [{"mode": "server", "resource": resource}]}
    scopes = Scopes.parse("patient/Observation.crus patient/Task.crs patient/Flag.crus")
    assert c.updatable(capability, scopes) == {"Observation"}


@pytest.mark.parametrize("why", Why)
def test_who_and_why_stand_in_a_neutral_provenance(ctx: Context, why: Why) -> None:
    item = change_provenance(ctx, ["Observation/2", "Flag/1"], why, NOW)
    body = item.body
    assert [one["reference"] for one in body["target"]] == ["Flag/1", "Observation/2"]
    assert body["reason"][0]["text"] == WHY_WORDS[why]
    assert topic_word(WHY_WORDS[why]) is None
    assert body["activity"]["coding"][0]["code"] == ("NULLIFY" if why in NULLIFIES else "UPDATE")
    assert body["agent"][0]["who"]["reference"] == "Practitioner/66"
    assert codes(body) == {"V", "SDV", "NOPAT"}
