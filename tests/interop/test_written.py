"""HAPI's validator, with HL7's R4 definitions and no network, on every kind of resource that visits write."""

import asyncio
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import shared
from validator import Found, general, validate, validator_command

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "validation.md"
KINDS = {
    "QuestionnaireResponse",
    "Observation",
    "Flag",
    "Condition",
    "Procedure",
    "Provenance",
    "ServiceRequest",
    "Task",
    "Consent",
    "AuditEvent",
    "Bundle",
}
INTRODUCTION = """\
# What HAPI's validator says of what is written

Every resource that the app's visits write (positive with flag and referral, negative, incomplete, declined,
already told, only a conversation, not done, past, antenatal, with a health concern), what they tell the
record system's own log, and each message to a service, is given to HAPI's instance validator {version},
with HL7's R4 definitions, our own Questionnaires and code systems, and no network.
`scripts/interop` does it at every run of CI, and fails on an error, or on a warning that is not listed here.

**{bodies} resources of {kinds} kinds: 0 errors, {warnings} different warnings.** Information is not counted.

| kind | where | warning | why it stays |
|---|---|---|---|
"""
CLOSING = """
Written by `IPVSCREEN_WRITE=1 scripts/interop -k written`; not by hand.
"""
# What may be warned of, by a part of the message, and why it stays.
REASONS = {
    "dom-6": "read by software; a narrative would say in plain text what the labels protect",
    "http://loinc.org": "the answers and questions of LOINC: not at hand offline, licensed and large",
    "CodeSystem/condition-category": "of US Core, whose package is not at hand offline",
    "us-core-category": "of US Core, whose package is not at hand offline",
    "SDOHCC-CodeSystemTemporaryCodes": "of SDOH Clinical Care, whose package is not at hand offline",
    "v3-ActCode#OPTIN": "R4's list holds laws and forms of single places; HL7's code says opting in",
    "v3-ParticipationType#PRCP": "the list has no code for who receives; HL7's own has",
    "should have a performer": "SDOHCC: a derived total has no performer; an item has the patient",
    "data-absent-reason": "the standard code stands beside our own, which says why it was not done",
    "CodeSystem/acts": "our own words for acts, published in no package; HL7's list names calls of an API",
    "{score}": "LOINC's own unit for this score",
}


async def _visited(folder: Path) -> None:
    """What each visit leaves in the record and with the service, a file each."""
    integration, reader = shared("conftest"), shared("test_second_reader")
    for visit in (*reader.VISITS, reader.concerned):
        place = folder / f"store-{visit.__name__}"
        place.mkdir()
        async with integration.open_house(place, health_concern=True, audit_events=True) as house:
            old = await reader.everything(house)
            visitor = house.visitor()
            async with visitor.browser:
                await visit(visitor)
            await house.app.state.rooms.sharing.idle()
            new = [body for key, body in (await reader.everything(house)).items() if key not in old]
            new += house.ehr.state.sandbox.memory.all("AuditEvent")
            if any(body["resourceType"] == "ServiceRequest" for body in new):
                new += await _delivered(house)
        for number, body in enumerate(new):
            name = f"{body['resourceType']}-{visit.__name__}-{number}.json"
            (folder / name).write_text(json.dumps(body), encoding="utf-8")


async def _delivered(house: Any) -> list[dict[str, Any]]:
    for _ in range(500):
        await house.app.state.rooms.dispatcher.run_once()
        async with house.reader("https://service.test") as reader:
            found = (await reader.get("/Bundle")).json()
        if found.get("entry"):
            return [entry["resource"] for entry in found["entry"]]
        await asyncio.sleep(0.01)
    raise AssertionError("nothing arrived at the service")


BROKEN = {
    "no status": lambda body: body.pop("status"),
    "a status that is none": lambda body: body.update(status="finished"),
    "an element that is none": lambda body: body.update(topic="x"),
    "no label system": lambda body: body["meta"]["security"][0].update(code="SECRET"),
}


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """Messages by file: all that was written, and controls made of one of them."""
    folder = tmp_path_factory.mktemp("written")
    validator_command()  # skips here, before the visits, where it cannot run
    asyncio.run(_visited(folder))
    definitions = [
        file
        for file in sorted((ROOT / "questionnaires").glob("*.json"))
        if "resourceType" in json.loads(file.read_text(encoding="utf-8"))
    ]
    written = sorted(folder.glob("*.json"))
    sample = next(file for file in written if file.name.startswith("Task-"))
    for what, spoil in BROKEN.items():
        body = json.loads(sample.read_text(encoding="utf-8"))
        spoil(body)
        (folder / f"broken {what}").write_text(json.dumps(body), encoding="utf-8")
    messages = validate([*definitions, *written, *(folder / f"broken {what}" for what in BROKEN)])
    names = {file.name for file in definitions}
    return {name: of_it for name, of_it in messages.items() if name not in names}


def kind_of(name: str) -> str:
    return name.split("-")[0]


def written(found: Found) -> Found:
    return {name: messages for name, messages in found.items() if not name.startswith("broken ")}


def warnings(found: Found) -> Counter[tuple[str, str, str]]:
    """How often each was given: kind, where, what."""
    return Counter(
        (kind_of(name), general(one["location"]), general(one["message"]))
        for name, messages in written(found).items()
        for one in messages
        if one["severity"] == "warning"
    )


def test_every_kind_that_is_written_was_looked_at(found: Found) -> None:
    assert {kind_of(name) for name in written(found)} == KINDS


def test_the_validator_finds_no_error_in_what_is_written(found: Found) -> None:
    errors = {
        f"{name}: {one['location']}: {one['message']}"
        for name, messages in written(found).items()
        for one in messages
        if one["severity"] in ("error", "fatal")
    }
    assert errors == set()


def test_each_warning_has_its_reason(found: Found) -> None:
    assert [one for one in warnings(found) if not reason(one[2])] == []


def test_the_page_lists_every_warning(found: Found) -> None:
    page = page_of(found)
    if os.environ.get("IPVSCREEN_WRITE"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "IPVSCREEN_WRITE=1 scripts/interop -k written"


@pytest.mark.parametrize("what", BROKEN)
def test_the_validator_finds_a_fault_that_is_there(what: str, found: Found) -> None:
    assert {one["severity"] for one in found[f"broken {what}"]} & {"error", "fatal"}


def reason(words: str) -> str | None:
    return next((why for part, why in REASONS.items() if part in words), None)


def page_of(found: Found) -> str:
    """The page, in the order of the alphabet."""
    pom = (Path(__file__).parent / "java" / "pom.xml").read_text(encoding="utf-8")
    all_ = warnings(found)
    top = INTRODUCTION.format(
        version=pom.partition("<hapi.version>")[2].partition("<")[0],
        bodies=len(written(found)),
        kinds=len(KINDS),
        warnings=len(all_),
    )
    rows = [
        f"| {kind} | `{where}` | {' '.join(what.split()).replace('|', '&#124;')} | {reason(what)} |"
        for kind, where, what in sorted(all_)
    ]
    return top + "\n".join(rows) + "\n" + CLOSING
