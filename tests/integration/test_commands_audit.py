"""The commands of the audit log, as a deployer types them."""

import asyncio
import base64
import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ipvscreen.cli import main
from ipvscreen.ipv.audit import Act
from ipvscreen.resources.neutral import topic_word
from ipvscreen.store.facade import open_store
from ipvscreen.store.sealed import Ring
from ipvscreen.store.sittings import Sitting

SETTINGS = """
public_url = "https://app.example.org"
database = "sqlite+aiosqlite:///store.db"
key = "one"
{anchor}

[keys]
one = "{key}"
"""
KEY = bytes(range(32))
AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings, and a store in which a clinician has opened a list on two days."""
    monkeypatch.chdir(tmp_path)
    settings(tmp_path, 'audit_anchor = "anchor"')
    add(AT)
    add(AT + timedelta(days=1))
    return tmp_path


def settings(here: Path, anchor: str = "") -> None:
    text = SETTINGS.format(key=base64.b64encode(KEY).decode(), anchor=anchor)
    (here / "ipvscreen.toml").write_text(text)


def add(at: datetime) -> None:
    async def run() -> None:
        store = await open_store("sqlite+aiosqlite:///store.db", Ring({"one": KEY}, "one"))
        sitting = Sitting("s", "practice", "i", "Practitioner/1", "u", "Dr Example", "c", at, at)
        await store.doing(Act.LIST_OPENED, at).sittings.create(sitting)
        await store.close()

    asyncio.run(run())


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def tampered(script: str) -> None:
    with closing(sqlite3.connect("store.db")) as connection:
        connection.executescript(f"DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; {script}")


def test_a_whole_log_is_0_and_says_how_long_it_is() -> None:
    done = typed("audit", "verify")

    assert (done.exit_code, done.stdout) == (0, "Whole: 2 rows.\n")


def test_without_an_anchor_it_says_what_it_cannot_see(here: Path) -> None:
    settings(here)

    assert "an older copy would not be seen" in typed("audit", "verify").stdout
    refused = typed("audit", "anchor")
    assert (refused.exit_code, "audit_anchor" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("UPDATE audit SET act = 'closed' WHERE seq = 1", "visit lists, row 1: edited or added\n"),
        ("DELETE FROM audit WHERE seq = 1", "visit lists, row 1: deleted\n"),
        ("DELETE FROM audit WHERE seq = 2", "visit lists, row 2: cut off\n"),
        ("DELETE FROM audit", "visit lists: chain missing\n"),
    ],
)
def test_a_broken_log_is_1_and_says_where(script: str, words: str) -> None:
    tampered(script)

    done = typed("audit", "verify")

    assert (done.exit_code, done.stdout) == (1, words)


@pytest.mark.parametrize("script", ["", "DELETE FROM audit WHERE seq = 2"])
def test_what_a_record_system_was_not_told_is_counted_and_is_no_fault(script: str) -> None:
    fates = ["due", "refused", "refused", "begun", "bare"]
    rows = ", ".join(f"('v/{number}', 'v', {number}, '{fate}', 0)" for number, fate in enumerate(fates))
    tampered(f"INSERT INTO unshared VALUES {rows}; {script}")  # noqa: S608  all of it stands here

    done = typed("audit", "verify")

    told = (
        "Of what the record systems' own logs are to be told: "
        "1 not sent, 2 refused, 1 perhaps there, 1 there without labels.\n"
    )
    assert done.stdout.startswith(told)
    assert done.exit_code == (1 if script else 0)


def test_an_older_copy_is_1(here: Path) -> None:
    older = (here / "store.db").read_bytes()
    add(AT + timedelta(days=2))
    assert typed("audit", "anchor").stdout == "Anchored: 3 rows.\n"
    assert typed("audit", "verify").exit_code == 0
    for file in here.glob("store.db-*"):
        file.unlink()
    (here / "store.db").write_bytes(older)

    done = typed("audit", "verify")

    assert (done.exit_code, done.stdout) == (1, "the whole log, row 3: anchor not reached\n")


def test_an_anchor_file_that_is_none_is_said(here: Path) -> None:
    (here / "anchor").write_text("what\n")

    done = typed("audit", "verify")

    assert done.exit_code == 1
    assert "Line 1 of the anchor file cannot be read." in " ".join(done.stderr.split())


def test_the_export_is_a_line_a_row_from_a_day_on_or_of_a_visit() -> None:
    def exported(*which: str) -> list[dict[str, object]]:
        done = typed("audit", "export", *which)
        assert done.exit_code == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    everything = exported()
    assert [line["resourceType"] for line in everything] == ["AuditEvent"] * 2
    assert exported("--since", "2026-03-03") == everything[1:]
    assert exported("--visit", "lists") == everything
    assert exported("--visit", "nobody") == []
    assert not topic_word(json.dumps(everything))
    assert re.search("Dr Example", json.dumps(everything))


def test_it_makes_no_store_where_there_is_none(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = here / "other"
    other.mkdir()
    (other / "ipvscreen.toml").write_text((here / "ipvscreen.toml").read_text())
    monkeypatch.chdir(other)

    done = typed("audit", "verify")

    assert (done.exit_code, "ipvscreen migrate" in " ".join(done.stderr.split())) == (1, True)
