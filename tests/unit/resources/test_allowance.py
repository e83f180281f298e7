"""What the doctor says of CapabilityStatement and scopes: whose it is to change, and what follows."""

from typing import Any

import pytest

from ipvscreen.resources.allowance import (
    EVERYTHING,
    interactions,
    plan_findings,
    right_findings,
)
from ipvscreen.resources.finding import Finding, Level
from ipvscreen.resources.scopes import REQUESTED, Scopes

KINDS = (
    "QuestionnaireResponse",
    "Observation",
    "Flag",
    "Procedure",
    "Provenance",
    "ServiceRequest",
    "Task",
    "Consent",
)


def capability(*kinds: str, transaction: bool = True) -> dict[str, Any]:
    codes = [{"code": code} for code in ("create", "read", "search-type")]
    rest: dict[str, Any] = {
        "mode": "server",
        "resource": [{"type": kind, "interaction": codes} for kind in kinds],
    }
    if transaction:
        rest["interaction"] = [{"code": "transaction"}]
    return {"resourceType": "CapabilityStatement", "rest": [{"mode": "client"}, rest]}


def test_all_that_can_be_recorded_is_one_good_line() -> None:
    found = list(plan_findings(capability(*KINDS), EVERYTHING))

    assert [(one.level, one.title) for one in found] == [
        (Level.GOOD, "Recording"),
        (Level.GOOD, "All at once"),
    ]
    assert all(kind in found[0].words for kind in KINDS)


def test_what_the_record_system_does_not_take_is_a_warning_with_what_to_do_instead() -> None:
    found = list(plan_findings(capability(*(kind for kind in KINDS if kind != "Flag")), EVERYTHING))

    (flag,) = [one for one in found if one.title == "Recording Flag"]
    assert flag.level is Level.WARNING
    assert flag.words == "The record system does not accept new Flags."
    assert flag.do == (
        "The app says so before the first question. Instead: "
        "Set the record system's own alert by hand, in neutral words."
    )


def test_what_was_not_granted_is_bad_because_the_registration_can_be_changed() -> None:
    scopes = Scopes.parse(REQUESTED.replace("patient/Task.crs", "patient/Task.rs"))

    (task,) = [one for one in plan_findings(capability(*KINDS), scopes) if one.title == "Recording Task"]

    assert (task.level, task.do) == (Level.BAD, "Allow Task in the app's registration there.")


def test_where_no_questionnaire_can_be_recorded_it_is_bad() -> None:
    found = list(plan_findings(capability("Flag", transaction=False), EVERYTHING))

    assert (found[0].level, found[0].title) == (Level.BAD, "Recording")
    assert found[-1].level is Level.WARNING
    assert "no transaction" in found[-1].words


def test_where_nothing_at_all_can_be_recorded_no_line_says_that_it_can() -> None:
    found = list(plan_findings({}, EVERYTHING))

    assert all("can be recorded." not in one.words or one.level is Level.BAD for one in found)


@pytest.mark.parametrize(
    ("granted", "said"),
    [
        (None, ["does not say what it allows"]),
        (REQUESTED, ["granted as asked for"]),
        ("user/*.*", ["granted as asked for"]),
        (REQUESTED.replace("patient/Patient.r", ""), ["Reading the patient was not granted"]),
        (REQUESTED.replace("patient/Encounter.r", ""), ["Reading the encounter was not granted"]),
        (REQUESTED.replace("patient/Flag.crs", "patient/Flag.cr"), ["Searching was not granted for Flag:"]),
        ("", ["Reading the patient", "Reading the encounter", "Searching was not granted"]),
    ],
)
def test_rights(granted: str | None, said: list[str]) -> None:
    found = list(right_findings(granted, REQUESTED))

    assert len(found) == len(said)
    assert all(words in one.words for one, words in zip(found, said, strict=True))


def test_interactions_are_those_of_the_server() -> None:
    declared = interactions(capability("Flag"))

    assert declared["Flag"] == {"create", "read", "search-type"}
    assert declared["Task"] == frozenset()
    assert interactions({})["Flag"] == frozenset()


@pytest.mark.parametrize(
    "malformed",
    [
        {"rest": "server"},
        {"rest": [1]},
        {"rest": [{"mode": "server", "resource": "Flag"}]},
        {"rest": [{"mode": "server", "resource": [7, {"type": ["Flag"]}]}]},
        {"rest": [{"mode": "server", "resource": [{"type": "Flag", "interaction": "create"}]}]},
        {"rest": [{"mode": "server", "resource": [{"type": "Flag", "interaction": [{"code": []}]}]}]},
    ],
)
def test_a_malformed_statement_declares_nothing(malformed: dict[str, Any]) -> None:
    assert set(interactions(malformed).values()) == {frozenset()}
    assert list(plan_findings(malformed, EVERYTHING)) == list(plan_findings({}, EVERYTHING))


def whole(*without: str, system: str = "batch", params: tuple[str, ...] = ()) -> dict[str, Any]:
    told = capability(
        *(kind for kind in (*KINDS, "DocumentReference", "Communication") if kind not in without)
    )
    told["rest"][1]["interaction"] = [{"code": system}]
    for entry in told["rest"][1]["resource"]:
        entry["searchParam"] = [{"name": name} for name in params]
    return told


def test_what_another_entry_carries_or_the_app_keeps_is_no_warning() -> None:
    found = {one.title: one for one in plan_findings(whole("ServiceRequest", "Provenance"), EVERYTHING)}

    assert found["Recording ServiceRequest"].level is Level.GOOD
    assert "as a task instead" in found["Recording ServiceRequest"].words
    assert found["Recording Provenance"].level is Level.GOOD


def test_where_a_carrier_would_help_the_setting_is_named() -> None:
    told = whole("QuestionnaireResponse", "ServiceRequest", "Task")
    found = {one.title: one for one in plan_findings(told, EVERYTHING)}

    assert 'carriers = ["DocumentReference"]' in found["Recording QuestionnaireResponse"].do
    assert "patient is notified" not in found["Recording QuestionnaireResponse"].do
    assert "no patient is notified" in found["Recording ServiceRequest"].do
    carried = {one.title: one for one in plan_findings(told, EVERYTHING, ("DocumentReference",))}
    assert carried["Recording QuestionnaireResponse"].level is Level.GOOD


def test_batches_are_not_all_or_none() -> None:
    (found,) = [one for one in plan_findings(whole(), EVERYTHING) if one.title == "All at once"]

    assert found.level is Level.WARNING
    assert "batches" in found.words


def test_what_cannot_be_found_by_its_identifier_is_named() -> None:
    (found,) = [
        one for one in plan_findings(whole(params=("patient",)), EVERYTHING) if one.title == "Searches"
    ]

    assert "Flag" in found.words
    assert "Provenance" not in found.words
    assert not [
        one for one in plan_findings(whole(params=("identifier",)), EVERYTHING) if one.title == "Searches"
    ]


def test_whether_its_log_takes_anything() -> None:
    takes = {
        "rest": [
            {"mode": "server", "resource": [{"type": "AuditEvent", "interaction": [{"code": "create"}]}]}
        ]
    }

    def said(capability: dict[str, Any], scope: str, *, log: bool = True) -> list[Finding]:
        found = plan_findings(capability, Scopes.parse(scope), log=log)
        return [one for one in found if one.title == "Its log"]

    (told,) = said(takes, "patient/AuditEvent.c")
    (ungranted,) = said(takes, "patient/AuditEvent.rs")
    (unoffered,) = said({}, "patient/AuditEvent.c")

    assert [one.level for one in (told, ungranted, unoffered)] == [Level.GOOD, Level.BAD, Level.WARNING]
    assert "registration" in ungranted.do
    assert "no create" in unoffered.words
    assert said(takes, "patient/AuditEvent.rs", log=False) == []
