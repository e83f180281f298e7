"""HAPI's validator, with HL7's R4 definitions and no network, finds no error in what is shipped."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from validator import Found, validate

ROOT = Path(__file__).parents[2]
SHIPPED = {
    file.name: json.loads(file.read_text(encoding="utf-8"))
    for file in sorted((ROOT / "questionnaires").glob("*.json"))
}
RESOURCES = {name: content for name, content in SHIPPED.items() if "resourceType" in content}

OWN_SYSTEM = next(c["url"] for c in RESOURCES.values() if c["resourceType"] == "CodeSystem")

# What may be warned of, and why it stays.
ACCEPTED = {
    r"dom-6": "a Questionnaire is read by software; the form itself is its narrative",
    r"http://(loinc\.org|snomed\.info/sct|unitsofmeasure\.org)": "not at hand offline: licensed, and large",
}


def broken(what: str) -> dict[str, Any]:
    """HARK with one fault, as a control of the validator."""
    form = copy.deepcopy(SHIPPED["hark.json"])
    if what == "no status":
        del form["status"]
    elif what == "a type that is none":
        form["item"][0]["type"] = "question"
    elif what == "the same linkId twice":
        form["item"][1]["linkId"] = form["item"][0]["linkId"]
    elif what == "options on a group":
        form["item"][0]["type"] = "group"
    elif what == "an element that is none":
        form["item"][0]["mandatory"] = True
    elif what == "a code that its system does not have":
        form["item"][0]["answerOption"][0]["valueCoding"] = {"system": OWN_SYSTEM, "code": "no-such-code"}
    elif what == "a language that is none":
        form["language"] = "Dutch, mostly"
    return form


BROKEN = [
    "no status",
    "a type that is none",
    "the same linkId twice",
    "options on a group",
    "an element that is none",
    "a code that its system does not have",
    "a language that is none",
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """Messages by file name: those shipped and the broken ones, in one run of Java."""
    files = [ROOT / "questionnaires" / name for name in RESOURCES]
    folder = tmp_path_factory.mktemp("broken")
    for what in BROKEN:
        files.append(folder / what)
        files[-1].write_text(json.dumps(broken(what)), encoding="utf-8")
    return validate(files)


def only_recommended(messages: list[dict[str, str]], message: dict[str, str]) -> bool:
    """Whether it is what HAPI's terminology says of a code that the validator only wants to recommend.

    HAPI lists its terminology service's error beside the verdict on the binding, which quotes it
    (hapifhir/hapi-fhir #7959). R4 prefers a short list of languages and allows all of BCP 47: so for fr-CA.
    """
    quoted = f"a code is recommended to come from this value set (error message = {message['message']})"
    return any(
        m["severity"] == "information"
        and m["location"] == message["location"]
        and m["message"].endswith(quoted)
        for m in messages
    )


def with_severity(messages: list[dict[str, str]], *severities: str) -> list[str]:
    """Where and what, of these severities."""
    return [
        f"{m['location']}: {m['message']}"
        for m in messages
        if m["severity"] in severities and not only_recommended(messages, m)
    ]


def test_every_file_that_is_shipped_is_a_resource_or_known_to_be_none() -> None:
    assert set(SHIPPED) - set(RESOURCES) <= {"validity.json", "wording.json"}
    assert {"Questionnaire"} <= {content["resourceType"] for content in RESOURCES.values()}


@pytest.mark.parametrize("name", RESOURCES)
def test_the_validator_finds_no_error_in(name: str, found: Found) -> None:
    assert with_severity(found[name], "error", "fatal") == []


@pytest.mark.parametrize("name", RESOURCES)
def test_each_warning_is_one_that_is_accepted_in(name: str, found: Found) -> None:
    warnings = with_severity(found[name], "warning")

    assert [w for w in warnings if not any(re.search(pattern, w) for pattern in ACCEPTED)] == []


@pytest.mark.parametrize("what", BROKEN)
def test_the_validator_finds_a_fault_that_is_there(what: str, found: Found) -> None:
    assert with_severity(found[what], "error", "fatal") != []
