"""What deploy/ names is there: settings, commands, files; no container engine builds it here."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from ipvscreen.cli import main
from ipvscreen.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
CONTAINERFILE = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "health-questionnaire"]


def unknown_settings(text: str) -> list[str]:
    """Variables of ours that name no setting."""
    named = {name.lower().split("__")[0] for name in re.findall(r"\bIPVSCREEN_(\w+)", text)}
    return sorted(named - Settings.model_fields.keys())


def wrong_words(words: list[str]) -> list[str]:
    """What of a command line the program does not know."""
    command = typer.main.get_command(main).commands.get(words[1])  # type: ignore[attr-defined]  # a group
    if words[0] != "ipvscreen" or command is None:
        return words[:2]
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    return [word for word in words[2:] if word.startswith("--") and word not in known]


def commands() -> list[list[str]]:
    given = [service["command"] for service in SERVICES.values() if "command" in service]
    return [
        *given,
        *(yaml.safe_load(line[4:]) for line in CONTAINERFILE.splitlines() if line.startswith("CMD ")),
    ]


def test_every_setting_that_is_named_exists() -> None:
    assert "IPVSCREEN_" in COMPOSE
    assert unknown_settings(COMPOSE + CONTAINERFILE) == []


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_and_option_exists(words: list[str]) -> None:
    assert wrong_words(words) == []


def test_what_does_not_exist_would_be_seen() -> None:
    assert unknown_settings("IPVSCREEN_DATABSE IPVSCREEN_KEYS__ONE") == ["databse"]
    assert wrong_words(["ipvscreen", "delivers"]) == ["ipvscreen", "delivers"]
    assert wrong_words(["ipvscreen", "serve", "--no-delivery"]) == ["--no-delivery"]


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_runs_as_root_or_writes_beside_its_volumes(name: str) -> None:
    service = SERVICES[name]
    assert int(service["user"].partition(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "USER 10001:10001" in CONTAINERFILE


def test_secrets_are_files_and_in_no_variable() -> None:
    secrets = yaml.safe_load(COMPOSE)["secrets"]
    assert all(set(one) == {"file"} for one in secrets.values())
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    for one in secrets.values():
        assert f"deploy/{one['file'].removeprefix('./')}" in ignored, "a secret must not be committed"
    for service in SERVICES.values():
        for variable in service["environment"]:
            assert not re.search(r"KEY|SECRET|TOKEN|PASSWORD(?!_FILE)|DATABASE", variable), variable


def test_who_answers_has_a_health_check_and_others_wait_for_it() -> None:
    assert {name for name, service in SERVICES.items() if "healthcheck" in service} == {"app", "db"}
    assert "/readyz" in " ".join(SERVICES["app"]["healthcheck"]["test"])
    for name in OURS:
        assert SERVICES[name]["depends_on"]["db"] == {"condition": "service_healthy"}


def test_what_is_installed_is_what_the_lock_pins(tmp_path: Path) -> None:
    """The line that reads the lock, run as it stands; test_wheel installs a wheel under such pins."""
    (line,) = re.findall(r"^RUN (sed .*) > /pins\.txt$", CONTAINERFILE, re.MULTILINE)
    pins = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607  our own line
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert pins.split() == re.findall(r"^([\w.-]+==[^\s;]+)", lock, re.MULTILINE)
    (extras,) = re.findall(r'--constraint /pins\.txt "\.\[([\w,]+)\]"', CONTAINERFILE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra in extras.split(","):
        (needed,) = [re.match(r"[\w.-]+", one)[0] for one in project["optional-dependencies"][extra]]  # type: ignore[index]  # a name
        assert f"{needed}==" in pins
