"""The official FHIRPath suite for R4 as Maven unpacked it, and what an engine makes of each of its tests."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

# What an engine gives for (expression, resource): values, or any exception.
Evaluate = Callable[[str, dict[str, Any]], list[Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """One test. `output` is (type, text) in order; `invalid` whether an error is what is wanted."""

    name: str
    expression: str
    resource: str
    output: tuple[tuple[str, str], ...]
    invalid: bool
    predicate: bool


def cases(folder: Path) -> list[Case]:
    """Every test of the suite; one without an input file asks nothing of a resource and gets the patient."""
    suite = ET.parse(folder / "testcases/org/hl7/fhir/testcases/r4/fhirpath/tests-fhir-r4.xml")  # noqa: S314
    return [one(number, test) for number, test in enumerate(suite.iter("test"))]


def one(number: int, test: ET.Element) -> Case:
    """A test element as a Case; two tests have the same name, so the name has its number too."""
    expression = test.find("expression")
    assert expression is not None
    return Case(
        name=f"{number} {test.get('name')}",
        expression=expression.text or "",
        resource=test.get("inputfile", "patient-example.xml").replace(".xml", ".json"),
        output=tuple((output.get("type", ""), output.text or "") for output in test.findall("output")),
        invalid=expression.get("invalid") is not None,
        predicate=test.get("predicate") == "true",
    )


def same(found: Any, type_: str, text: str) -> bool:
    """Whether a value is the one that the suite names; dates are compared as they are written."""
    if type_ == "boolean":
        return found is (text == "true")
    if type_ in ("integer", "decimal"):
        number = isinstance(found, int | float | Decimal) and not isinstance(found, bool)
        return number and Decimal(str(found)) == Decimal(text)
    if type_ == "Quantity" and isinstance(found, Mapping):
        found = f"{found['value']} '{found['code']}'"
    return str(found).removeprefix("@") == text.removeprefix("@")


def passes(case: Case, evaluate: Evaluate, resources: dict[str, dict[str, Any]]) -> bool:
    """Whether the engine gives what the suite expects, or an error where one is expected."""
    try:
        found = evaluate(case.expression, json.loads(json.dumps(resources[case.resource])))
    except Exception:  # each engine has errors of its own; the suite says only that there is one
        return case.invalid
    if case.invalid:
        return False
    if case.predicate:
        found = [bool(found)]
    return len(found) == len(case.output) and all(
        same(value, *wanted) for value, wanted in zip(found, case.output, strict=True)
    )


def resources(folder: Path) -> dict[str, dict[str, Any]]:
    """The suite's example resources by file name; numbers keep their places, as FHIR says."""
    files = (folder / "inputs").glob("*.json")
    return {file.name: json.loads(file.read_text(encoding="utf-8")) for file in files}
