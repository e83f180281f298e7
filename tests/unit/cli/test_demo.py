"""The sandbox's settings are its own."""

from pathlib import Path

import pytest

from ipvscreen.cli.demo import demo_settings


def test_no_file_and_no_variable_reaches_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ipvscreen.toml").write_text("unknown = 1\n[numbers]\nemergency = '112'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPVSCREEN_NUMBERS__SILENT", "55")

    settings = demo_settings("http://127.0.0.1:1", "http://localhost:2", tmp_path / "store.db")

    assert (settings.numbers.emergency, settings.numbers.silent) == ("999", "999, then 55")
    assert [ehr.iss for ehr in settings.ehr] == ["http://localhost:2/fhir"]
