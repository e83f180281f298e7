"""The software bill of materials: valid, whole, and the same at each run."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PINS = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)


@pytest.fixture(scope="module")
def printed() -> str:
    return made("-")


@pytest.fixture(scope="module")
def validator() -> Any:
    """Imported here: its grammars take seconds, in each process that collects tests."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6)


def made(to: str) -> str:
    done = subprocess.run(  # noqa: S603  our own script
        [str(ROOT / "scripts" / "sbom"), to], capture_output=True, text=True, check=True, timeout=300
    )
    return done.stdout


def components(text: str) -> dict[str, Any]:
    return {f"{one['name']}=={one['version']}": one for one in json.loads(text)["components"]}


def test_it_is_valid_cyclonedx(printed: str, validator: Any) -> None:
    assert json.loads(printed)["bomFormat"] == "CycloneDX"
    assert validator.validate_str(printed) is None


def test_a_broken_one_would_not_be(printed: str, validator: Any) -> None:
    broken = printed.replace('"library"', '"liberty"', 1)

    assert validator.validate_str(broken) is not None


def test_every_locked_package_is_in_it_with_its_hashes(printed: str) -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = {f"{name}=={version}" for name, version in PINS.findall(lock)}
    found = components(printed)

    assert len(pins) > 100
    assert set(found) == pins
    for one in found.values():
        assert one["purl"].startswith("pkg:pypi/")
        hashes = {known["content"] for place in one["externalReferences"] for known in place["hashes"]}
        assert hashes
        assert all(f"--hash=sha256:{value}" in lock for value in hashes)


def test_it_names_what_it_is_of(printed: str) -> None:
    assert json.loads(printed)["metadata"]["component"]["name"] == "ipvscreen"


def test_it_is_the_same_at_each_run_and_in_a_file(printed: str, tmp_path: Path) -> None:
    made(str(tmp_path / "sbom.json"))

    assert (tmp_path / "sbom.json").read_text(encoding="utf-8").strip() == printed.strip()
