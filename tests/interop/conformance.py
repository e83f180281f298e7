"""Lays out the official QuestionnaireResponse cases for tests/interop: cases.json, data, outcomes.

Run by scripts/interop as `conformance.py TESTCASES FOLDER`, where TESTCASES is what Maven unpacked of
fhir-test-cases and FOLDER becomes IPVSCREEN_CONFORMANCE. Nothing is changed but the names of the folders.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

CASES = Path("questionnaire") / "brianpos"

# Their one issue is a warning of a rule that an author wrote: one rule is only a warning, one is no FHIRPath,
# one names a variable that is not there. They say nothing of the response: kept beside, not counted.
NOT_IN_USE = {
    "invariant-questionnaire-qr",
    "invariant-corrupted-expression-qr",
    "invariant-undefined-variable-qr",
}


def expected(outcome: dict[str, Any]) -> str:
    """`invalid` where the expected OperationOutcome has an error or a fatal issue, else `valid`."""
    wrong = any(issue["severity"] in ("error", "fatal") for issue in outcome.get("issue", ()))
    return "invalid" if wrong else "valid"


def case(entry: dict[str, Any], validator: Path) -> dict[str, Any]:
    """One entry of the manifest as cases.json has it. A file that is not there must not be found."""
    outcome = f"R4.{entry['name']}-base.json"
    present = [Path(name).name for name in entry["supporting"] if (validator / name).is_file()]
    return {
        "name": entry["name"],
        "response": f"data/{Path(entry['file']).name}",
        "supporting": [f"data/{name}" for name in present],
        "expect": expected(json.loads((validator / "outcomes" / "brianpos" / outcome).read_bytes())),
        "outcome": f"outcomes/{outcome}",
        "inUse": entry["name"] not in NOT_IN_USE,
    }


def lay_out(testcases: Path, folder: Path) -> None:
    """Write FOLDER/questionnaire-response anew."""
    validator = testcases / "org" / "hl7" / "fhir" / "testcases" / "validator"
    target = folder / "questionnaire-response"
    shutil.rmtree(target, ignore_errors=True)
    manifest = json.loads((validator / CASES / "manifest.json").read_bytes())
    shutil.copytree(validator / CASES, target / "data", ignore=shutil.ignore_patterns("manifest.json"))
    shutil.copytree(validator / "outcomes" / "brianpos", target / "outcomes")
    cases = [case(entry, validator) for entry in manifest["test-cases"]]
    (target / "cases.json").write_text(json.dumps(cases, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]), Path(sys.argv[2]))
