"""The validation cases of the HL7 community (fhir-test-cases): verdict, codes, places."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.sdc.outcome import SYSTEM, Issue, operation_outcome
from ipvscreen.sdc.validate import validate

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "response-validation.md"
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
FEWEST = 66  # of 71 in use

# The two value sets that the cases ask a terminology server for, as far as the cases go: the countries come
# from the time zone database, and http://hl7.org/fhir/item-type is a code system of FHIR R4 itself.
ITEM_TYPES = {
    "group": "Group",
    "display": "Display",
    "question": "Question",
    "boolean": "Boolean",
    "decimal": "Decimal",
    "integer": "Integer",
    "date": "Date",
    "dateTime": "Date Time",
    "time": "Time",
    "string": "String",
    "text": "Text",
    "url": "Url",
    "choice": "Choice",
    "open-choice": "Open Choice",
    "attachment": "Attachment",
    "reference": "Reference",
    "quantity": "Quantity",
}


def countries() -> dict[str, str]:
    """ISO 3166 code → name."""
    table = resources.files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8")
    return dict(line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))


def codes(canonical: str) -> Iterable[Mapping[str, str]] | None:
    """What a terminology server would say of these two; of any other value set that it has none."""
    known = {
        "http://hl7.org/fhir/ValueSet/item-type": ("http://hl7.org/fhir/item-type", ITEM_TYPES),
        "http://hl7.org/fhir/ValueSet/jurisdiction": ("urn:iso:std:iso:3166", countries()),
    }
    if canonical not in known:
        return None
    system, names = known[canonical]
    return [{"system": system, "code": code, "display": name} for code, name in names.items()]


def read(path: Path) -> Any:
    """A JSON file, its numbers as they were written."""
    return json.loads(path.read_text("utf-8"), parse_float=Decimal)


@pytest.fixture(scope="module")
def folder() -> Path:
    """Where the cases are; skips, in CI fails, where there are none."""
    named = os.environ.get("IPVSCREEN_CONFORMANCE")
    found = Path(named) / "questionnaire-response" if named else None
    if found is None or not (found / "cases.json").is_file():
        why = "IPVSCREEN_CONFORMANCE names no folder with the cases: scripts/interop fetches them"
        pytest.fail(why) if os.environ.get("IPVSCREEN_CI") else pytest.skip(why)
    return found


@pytest.fixture(scope="module")
def cases(folder: Path) -> list[dict[str, Any]]:
    """Every case, with what we find and what is expected."""
    found = []
    for case in read(folder / "cases.json"):
        known = [read(folder / path) for path in case["supporting"]]
        resolve = {canonical: body for body in known for canonical in canonicals(body)}.get
        issues = validate(read(folder / case["response"]), resolve, codes=codes, now=NOW)
        outcome = read(folder / case["outcome"]) if case.get("outcome") else {}
        found.append({**case, "issues": issues, "expected": outcome.get("issue", [])})
    return found


def canonicals(resource: Mapping[str, Any]) -> tuple[str, str]:
    """What a response may call it."""
    return resource["url"], f"{resource['url']}|{resource.get('version')}"


def wanted(case: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Issue type, rule and place of each issue that is expected, sorted."""
    return sorted(
        (issue["code"], issue["details"]["coding"][0]["code"], issue["expression"][0])
        for issue in case["expected"]
    )


def ours(issues: Iterable[Issue]) -> list[tuple[str, str, str]]:
    """The same of what we find."""
    return sorted((issue.code, issue.rule, issue.expression) for issue in issues)


def is_invalid(case: Mapping[str, Any]) -> bool:
    """Our verdict."""
    return any(issue.serious for issue in case["issues"])


def agrees(case: Mapping[str, Any]) -> bool:
    """Verdict, codes and places are the expected ones."""
    return is_invalid(case) is (case["expect"] == "invalid") and ours(case["issues"]) == wanted(case)


def in_use(cases: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cases that the HL7 validator runs."""
    return [case for case in cases if case["inUse"]]


def test_there_are_seventy_one_cases_in_use(cases: list[dict[str, Any]]) -> None:
    assert len(in_use(cases)) == 71
    assert sum(case["expect"] == "valid" for case in in_use(cases)) == 14


def test_verdict_codes_and_places_agree(cases: list[dict[str, Any]]) -> None:
    apart = {case["name"]: (ours(case["issues"]), wanted(case)) for case in in_use(cases) if not agrees(case)}
    assert len(in_use(cases)) - len(apart) >= FEWEST, apart


def test_what_is_valid_stays_valid(cases: list[dict[str, Any]]) -> None:
    assert [case["name"] for case in in_use(cases) if case["expect"] == "valid" and is_invalid(case)] == []


def test_those_that_are_not_in_use_are_about_constraints_and_agree_too(cases: list[dict[str, Any]]) -> None:
    left = [case for case in cases if not case["inUse"]]
    assert not any(is_invalid(case) for case in left)
    assert all(agrees(case) for case in left if case["expected"])
    rules = {case["name"]: [issue.rule for issue in case["issues"]] for case in left}
    assert rules == {
        "invariant-questionnaire-qr": ["invariant"],
        "invariant-corrupted-expression-qr": ["invariantExecution"],
        "invariant-undefined-variable-qr": ["invariantExecution"],
    }


def test_severities_are_the_expected_ones(cases: list[dict[str, Any]]) -> None:
    for case in filter(agrees, in_use(cases)):
        found = sorted((issue.rule, issue.severity) for issue in case["issues"])
        expected = ((each["details"]["coding"][0]["code"], each["severity"]) for each in case["expected"])
        assert found == sorted(expected), case["name"]


def test_the_outcome_is_read_by_fhir_resources(cases: list[dict[str, Any]]) -> None:
    from fhir.resources.R4B.operationoutcome import OperationOutcome

    for case in cases:
        outcome = operation_outcome(case["issues"])
        read_back = OperationOutcome.model_validate(outcome)
        assert len(read_back.issue) == max(1, len(case["issues"])), case["name"]
        systems = {
            coding["system"] for each in outcome["issue"] for coding in each["details"].get("coding", [])
        }
        assert systems <= {SYSTEM}


def test_the_page_says_how_many_agree_and_names_those_that_do_not(cases: list[dict[str, Any]]) -> None:
    page = PAGE.read_text("utf-8")
    count = re.search(r"\*\*(\d+) of 71\*\*", page)
    assert count is not None
    assert int(count[1]) == sum(map(agrees, in_use(cases)))
    listed = page.partition("## Where we differ")[2]
    named = set(re.findall(r"`([a-z0-9-]+-qr)`", listed))
    assert named == {case["name"] for case in in_use(cases) if not agrees(case)}
