"""`services import` as a deployer runs it: from a folder, an archive or a file, with its report."""

import asyncio
import base64
import json
import sqlite3
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ipvscreen.app import ring_of
from ipvscreen.cli import main
from ipvscreen.cli.directory_files import MOST_FILES
from ipvscreen.sandbox.directory import services_bundle
from ipvscreen.settings import Settings
from ipvscreen.store.facade import open_store

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "resources" / "hsds"))
from made import page, rows, tables

KEY = base64.b64encode(bytes(range(32))).decode()
SETTINGS = f"""
public_url = "https://app.example.org"
database = "sqlite+aiosqlite:///store.db"
key = "one"

[keys]
one = "{KEY}"

[[ehr]]
name = "sandbox"
iss = "https://fhir.example.org/r4"
client_id = "health-questionnaire"
exit_url = "https://example.org/"
"""
BEFORE = services_bundle("https://service.example.org/fhir")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings and a store that holds the demonstration directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ipvscreen.toml").write_text(SETTINGS)
    (tmp_path / "before.json").write_text(json.dumps(BEFORE))
    assert CliRunner().invoke(main, ["migrate"]).exit_code == 0
    assert run("before.json").exit_code == 0
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["services", "import", *words])


def kept() -> list[str]:
    """The names in the store, in order."""

    async def read() -> list[str]:
        settings = Settings()
        store = await open_store(settings.database, ring_of(settings))
        try:
            return [one["name"] for one in await store.services.all()]
        finally:
            await store.close()

    return asyncio.run(read())


def folder(at: Path, files: dict[str, bytes]) -> Path:
    at.mkdir()
    for name, raw in files.items():
        (at / name).write_bytes(raw)
    return at


def archive(at: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(at, "w", zipfile.ZIP_DEFLATED) as made:
        for name, raw in files.items():
            made.writestr(f"export/{name}", raw)
    return at


NAMES = [one["name"] for one in page()["contents"]]
SHAPES: dict[str, Callable[[Path], Path]] = {
    "json": lambda at: folder(at / "j", {"directory.json": json.dumps(page()).encode()}) / "directory.json",
    "folder of json": lambda at: folder(at / "j", {"directory.json": json.dumps(page()).encode()}),
    "zip of json": lambda at: archive(at / "j.zip", {"directory.json": json.dumps(page()).encode()}),
    "folder of tables": lambda at: folder(at / "t", tables()),
    "zip of tables": lambda at: archive(at / "t.zip", tables(delimiter=";", mark="\ufeff")),
    "zip with a manifest": lambda at: archive(at / "t.zip", tables() | {"README.md": b"hello"}),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_directory_in_every_shape(here: Path, shape: str) -> None:
    path = SHAPES[shape](here)

    tried = run(str(path), "--dry-run")
    assert (tried.exit_code, kept()) == (0, [one["resource"]["name"] for one in BEFORE["entry"]])
    assert tried.stdout.endswith("7 services would be imported. Nothing was changed.\n")

    done = run(str(path))
    assert (done.exit_code, kept()) == (0, NAMES)
    assert done.stdout.endswith("\n7 services imported.\n")
    assert "a refuge has an address here; it is not stored. (dropped)" in done.stdout


def test_what_cannot_be_taken_is_left_out_and_said_with_its_row(here: Path) -> None:
    made = rows()
    made["services"][3]["status"] = "defunct"
    folder(here / "t", tables(made))

    done = run("t")

    assert done.exit_code == 0
    assert "services.csv, row 5: Advocates: its status is 'defunct', not 'active'. (left out)" in done.stdout
    assert done.stdout.endswith("6 services imported, 1 left out.\n")
    assert "Advocates" not in kept()


def _all_closed() -> dict[str, bytes]:
    body = page()
    for one in body["contents"]:
        one["status"] = "inactive"
    return {"d.json": json.dumps(body).encode()}


BROKEN: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no services": (
        lambda at: folder(at / "x", {"phones.csv": b"id,number\n"}),
        "services.csv: is not there",
    ),
    "none can be taken": (lambda at: folder(at / "x", _all_closed()), "no service can be taken"),
    "an empty folder": (
        lambda at: folder(at / "x", {}),
        "holds neither tables (services.csv and others) nor",
    ),
    "two of json": (lambda at: folder(at / "x", {"a.json": b"{}", "b.json": b"{}"}), "holds neither tables"),
    "not json": (lambda at: folder(at / "x", {"a.json": b"{"}), "a.json: is not JSON: line 1, column 2"),
    "too deep": (lambda at: folder(at / "x", {"a.json": b"[" * 100_000}), "nested more than 64 levels deep"),
    "no bundle": (
        lambda at: folder(at / "x", {"a.json": b'{"resourceType": "HealthcareService"}'}),
        "a.json: is not a Bundle",
    ),
    "10 MB": (lambda at: folder(at / "x", {"services.csv": b"i" * 10_000_000}), "is larger than 8 MiB"),
    "a bomb": (
        lambda at: archive(at / "x.zip", {"services.csv": b"\0" * 50_000_000}),
        "services.csv: is larger than 8 MiB",
    ),
    "many files": (
        lambda at: folder(at / "x", {f"{n}.csv": b"" for n in range(MOST_FILES + 1)}),
        "holds more than 100 files",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_broken_as_a_whole_changes_nothing(here: Path, broken: str) -> None:
    make, sentence = BROKEN[broken]
    path = make(here)

    refused = run(str(path))

    assert refused.exit_code == 1
    assert sentence in refused.stderr
    assert refused.stderr.endswith(". The directory was left as it was.\n")
    assert "Traceback" not in refused.stderr
    assert kept() == [one["resource"]["name"] for one in BEFORE["entry"]]


def test_an_archive_that_is_damaged_or_has_a_name_twice(here: Path) -> None:
    good = archive(here / "good.zip", tables()).read_bytes()
    spoilt = bytearray(good)
    spoilt[60:200] = b"x" * 140
    (here / "bad.zip").write_bytes(bytes(spoilt))
    with zipfile.ZipFile(here / "twice.zip", "w") as made:
        for place in ("a", "b"):
            made.writestr(f"{place}/services.csv", "id")

    assert "bad.zip: cannot be unpacked: it is damaged or locked." in run("bad.zip").stderr
    assert "services.csv: is in the archive twice." in run("twice.zip").stderr


CANARY = {"address_1": "77 Hidden Terrace", "address_2": "Quiet Quarter", "postal_code": "QZ9 8XY"}


def stored(at: Path) -> bytes:
    """Every byte of the store's files, and every resource in it once more as it opens."""

    async def opened() -> list[dict[str, Any]]:
        settings = Settings()
        store = await open_store(settings.database, ring_of(settings))
        try:
            return await store.services.all()
        finally:
            await store.close()

    text = json.dumps(asyncio.run(opened()), ensure_ascii=False)
    return b"".join(one.read_bytes() for one in sorted(at.glob("store.db*"))) + text.encode()


@pytest.mark.parametrize("shape", ["json", "folder of tables"])
def test_no_byte_of_a_refuges_address_reaches_the_store(here: Path, shape: str) -> None:
    path = SHAPES[shape](here)
    raw = b"".join(one.read_bytes() for one in (path.glob("*") if path.is_dir() else [path]))
    assert run(str(path)).exit_code == 0

    found = stored(here)

    for canary in (*CANARY.values(), "51.1234", "Library Walk", "12 Mill Lane"):
        assert canary.encode() in raw, "it was in the file"
        for form in (canary, canary.upper(), canary.replace(" ", "")):
            assert form.encode() not in found
            assert base64.b64encode(form.encode()).rstrip(b"=")[:-1] not in found
    assert b"House for women" in found, "the refuge itself is there, without its place"
    with sqlite3.connect(here / "store.db") as store:
        assert store.execute("select count(*) from services").fetchone() == (7,)


def test_a_refuge_in_a_bundle_loses_its_place_as_well(here: Path) -> None:
    body = services_bundle("https://service.example.org/fhir")
    parts = body["entry"][2]["resource"]["extension"][0]["extension"]
    next(one for one in parts if one["url"] == "kind")["valueCode"] = "refuge"
    body["entry"][2]["resource"] |= {
        "location": [{"reference": "Location/1", "display": "77 Hidden Terrace"}]
    }
    (here / "b.json").write_text(json.dumps(body))

    done = run("b.json")

    assert (
        "entry[2].resource.location: Harbour Domestic Abuse Service: may say where a refuge is" in done.stdout
    )
    assert done.stdout.endswith("\n6 services imported.\n")
    assert b"Hidden" not in stored(here)


def test_the_report_never_prints_the_address(here: Path) -> None:
    body = page()
    body["contents"][2]["eligibility_description"] = "At 77 Hidden Terrace"
    (here / "d.json").write_text(json.dumps(body))

    said = run("d.json").stdout

    assert "a text of this refuge may hold its address. (left out)" in said
    assert "Hidden" not in said


@pytest.mark.usefixtures("here")
def test_what_was_missing_is_printed_by_month() -> None:
    assert CliRunner().invoke(main, ["services", "gaps"]).output == "Nothing was missing so far.\n"
    with closing(sqlite3.connect("store.db")) as store, store:
        store.executemany(
            "INSERT INTO gaps VALUES (?, ?, ?, ?, '', ?)",
            [("2026-04", 0, "", "sex", 1), ("2026-03", 1, "children", "age places", 12)],
        )
    assert CliRunner().invoke(main, ["services", "gaps"]).output.splitlines() == [
        "2026-03: for a child, area not known; wanted: children; in the way: age, places; 12",
        "2026-04: for an adult, area not known; wanted: any service; in the way: sex; fewer than 5",
    ]
