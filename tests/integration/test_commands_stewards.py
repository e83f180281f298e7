"""stewards add, as an operator types it."""

import asyncio
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ipvscreen.app import ring_of
from ipvscreen.cli import main
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.members import Role
from ipvscreen.settings import Settings
from ipvscreen.store.facade import open_store

SETTINGS = """
public_url = "https://app.example.org/clinic"
database = "sqlite+aiosqlite:///store.db"
key = "one"

[keys]
one = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
"""
INBOX = """
[inbox]
origin = "https://inbox.example.org"
exit_url = "https://weather.example/"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ipvscreen.toml").write_text(SETTINGS + INBOX)
    return tmp_path


def add(name: str) -> Result:
    return CliRunner().invoke(main, ("stewards", "add", name))


async def stored() -> tuple[list[str], list[tuple[Act, str | None]]]:
    settings = Settings()
    store = await open_store(settings.database, ring_of(settings))
    try:
        members = await store.members.of(None)
        rows = [(row.act, row.subject.user_name) async for row in store.audit.entries()]
    finally:
        await store.close()
    assert {one.role for one in members} <= {Role.STEWARD}
    return [one.name for one in members], rows


def test_it_makes_the_first_two_stewards_and_no_more() -> None:
    links = [add(name) for name in ("Sam", "Sol")]
    third = add("Sid")

    assert [one.exit_code for one in links] == [0, 0]
    assert all(
        one.stdout.startswith("https://inbox.example.org/clinic/i/join/") and len(one.stdout) > 80
        for one in links
    )
    assert (third.exit_code, third.stdout) == (1, "")
    assert "one proposes, the other agrees" in third.stderr
    names, rows = asyncio.run(stored())
    assert names == ["Sam", "Sol"]
    assert rows == [(Act.INVITED, "who operates the app")] * 2


def test_without_an_inbox_it_says_so(here: Path) -> None:
    (here / "ipvscreen.toml").write_text(SETTINGS)
    answer = add("Sam")
    assert answer.exit_code == 2
    assert "[inbox]" in answer.stderr
    assert not (here / "store.db").exists()
