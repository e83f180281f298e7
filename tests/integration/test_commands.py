"""The commands of the README, as an integrator types them."""

import base64
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ipvscreen.cli import main
from ipvscreen.library import read_forms
from ipvscreen.parts import data_folder
from ipvscreen.sandbox.directory import services_bundle

SETTINGS = """
public_url = "{url}"
database = "sqlite+aiosqlite:///store.db"
key = "one"

[keys]
one = "{key}"

[[ehr]]
name = "sandbox"
iss = "https://fhir.example.org/r4"
client_id = "health-questionnaire"
exit_url = "https://example.org/"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(here: Path, *, url: str = "https://app.example.org", key: str | None = None) -> None:
    made = key or CliRunner().invoke(main, ["keys", "new"]).stdout.strip()
    (here / "ipvscreen.toml").write_text(SETTINGS.format(url=url, key=made))


def test_a_new_key_is_32_bytes_and_never_the_same() -> None:
    keys = {CliRunner().invoke(main, ["keys", "new"]).stdout.strip() for _ in range(5)}

    assert len(keys) == 5
    assert {len(base64.b64decode(key, validate=True)) for key in keys} == {32}


def test_services_are_imported_all_or_none(here: Path) -> None:
    settings(here)
    bundle = services_bundle("https://service.example.org/fhir")
    (here / "services.json").write_text(json.dumps(bundle))
    del bundle["entry"][0]["resource"]["telecom"]
    (here / "worse.json").write_text(json.dumps(bundle))

    assert CliRunner().invoke(main, ["migrate"]).exit_code == 0
    good = CliRunner().invoke(main, ["services", "import", "services.json"])
    bad = CliRunner().invoke(main, ["services", "import", "worse.json"])

    assert (good.exit_code, good.stdout) == (0, "6 services imported.\n")
    assert bad.exit_code == 1
    assert "has no telephone number" in bad.stderr
    assert (here / "store.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"url": "http://app.example.org"}, "public_url"), ({"key": "c2hvcnQ="}, "keys.one")],
    ids=["clear text", "short key"],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(here: Path, wrong: dict[str, str], named: str) -> None:
    settings(here, **wrong)

    answer = CliRunner().invoke(main, ["serve"])

    assert answer.exit_code == 2
    assert f"ipvscreen.toml: {named}:" in answer.stderr
    assert "c2hvcnQ=" not in answer.stderr


def test_a_questionnaire_that_visits_need_is_missed_at_start(tmp_path: Path) -> None:
    folder = shutil.copytree(data_folder("questionnaires"), tmp_path / "questionnaires")
    (folder / "hark.json").unlink()

    with pytest.raises(FileNotFoundError, match="missing: hark"):
        read_forms(folder)
