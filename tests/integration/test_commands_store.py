"""The commands for backup and restore, as an integrator types them."""

import json
import stat
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ipvscreen.cli import main
from ipvscreen.sandbox.directory import services_bundle

SETTINGS = """
public_url = "https://app.example.org"
database = "sqlite+aiosqlite:///{database}"
key = "one"

[keys]
one = "{key}"
"""


@pytest.fixture
def key() -> str:
    return typed("keys", "new").stdout.strip()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> Path:
    """A folder with settings and a store in which the services stand."""
    monkeypatch.chdir(tmp_path)
    settings(tmp_path, key)
    (tmp_path / "services.json").write_text(json.dumps(services_bundle("https://service.example.org/fhir")))
    assert typed("services", "import", "services.json").exit_code == 0
    return tmp_path


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def said(done: Result) -> str:
    """What went to stderr, in one line."""
    return " ".join(done.stderr.split())


def settings(here: Path, key: str, database: str = "store.db") -> None:
    (here / "ipvscreen.toml").write_text(SETTINGS.format(key=key, database=database))


def test_a_backup_is_restored_on_a_new_machine(here: Path, key: str) -> None:
    jwks = typed("keys", "jwks").stdout

    taken = typed("store", "backup", "monday")

    size = (here / "monday").stat().st_size
    assert (taken.exit_code, taken.stdout) == (0, f"Backed up to monday ({size} bytes).\n")
    assert stat.S_IMODE((here / "monday").stat().st_mode) == 0o600

    settings(here, key, database="other.db")
    restored = typed("store", "restore", "monday")

    assert restored.exit_code == 0
    assert "ipvscreen migrate" in restored.stdout
    assert typed("migrate").exit_code == 0
    assert typed("keys", "jwks").stdout == jwks
    assert stat.S_IMODE((here / "other.db").stat().st_mode) == 0o600


def test_over_a_store_it_is_restored_only_when_told(here: Path) -> None:
    typed("store", "backup", "monday")
    jwks = typed("keys", "jwks").stdout  # made after the backup

    refused = typed("store", "restore", "monday")
    assert refused.exit_code == 1
    assert "--force" in said(refused)
    assert typed("keys", "jwks").stdout == jwks

    assert typed("store", "restore", "monday", "--force").exit_code == 0
    assert typed("keys", "jwks").stdout != jwks


def test_another_key_restores_nothing(here: Path, key: str) -> None:
    typed("store", "backup", "monday")
    other = typed("keys", "new").stdout.strip()

    settings(here, other, database="other.db")
    refused = typed("store", "restore", "monday")

    assert refused.exit_code == 1
    assert "not a backup of this store" in said(refused)
    assert key not in refused.stderr + refused.stdout
    assert not (here / "other.db").exists()


def test_an_altered_backup_restores_nothing(here: Path, key: str) -> None:
    typed("store", "backup", "monday")
    content = bytearray((here / "monday").read_bytes())
    content[len(content) // 2] ^= 1
    (here / "monday").write_bytes(content)

    settings(here, key, database="other.db")
    refused = typed("store", "restore", "monday")

    assert refused.exit_code == 1
    assert "altered or cut off" in said(refused)
    assert not (here / "other.db").exists()


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("backup", "services.json"), 1, "there already"),
        (("backup", "no/such/folder"), 1, "No such file or directory"),
        (("restore", "tuesday"), 2, "does not exist"),
        (("restore", "services.json", "--force"), 1, "not a backup"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(words: tuple[str, ...], code: int, named: str) -> None:
    done = typed("store", *words)

    assert done.exit_code == code
    assert named in said(done)
    assert "Traceback" not in done.stderr


def test_where_there_is_no_store_there_is_no_backup(here: Path, key: str) -> None:
    settings(here, key, database="nothing.db")

    done = typed("store", "backup", "monday")

    assert done.exit_code == 1
    assert "no store" in said(done)
    assert not (here / "monday").exists()


@pytest.mark.parametrize("words", [("backup", "monday"), ("restore", "services.json", "--force")])
def test_on_postgres_its_own_programs_do_it(here: Path, words: tuple[str, ...]) -> None:
    """Refused before anything is connected to."""
    settings_file = (here / "ipvscreen.toml").read_text()
    (here / "ipvscreen.toml").write_text(
        settings_file.replace("sqlite+aiosqlite:///store.db", "postgresql+psycopg://x@127.0.0.1:9/x")
    )

    done = typed("store", *words)

    assert done.exit_code == 1
    assert "The store is on Postgres: use pg_dump and pg_restore" in said(done)
    assert not (here / "monday").exists()


def test_the_tables_go_back_revision_by_revision_and_no_further(here: Path) -> None:
    for revision in ("0015", "0014", "0012", "0011", "0010", "0008", "0007"):
        back = typed("migrate", "--back")
        assert (back.exit_code, back.stdout) == (0, f"The store is at {revision}.\n")

    further = typed("migrate", "--back")
    assert further.exit_code == 2
    assert "no way back from these tables" in said(further)

    forth = typed("migrate")
    assert (forth.exit_code, forth.stdout) == (0, "The store is up to date.\n")
