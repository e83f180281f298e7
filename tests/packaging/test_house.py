"""The house rules that no linter has: sizes, and a lock that is whole and names no host."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "src").rglob("*.py"))
FILE_LINES, FUNCTION_LINES = 250, 40
SCRIPT_BYTES, KEY_SCRIPT_BYTES, STYLE_BYTES = 3_000, 2_000, 10_000  # as they are, not compressed
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Every function's name and number of lines, decorators included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield node.name, (node.end_lineno or first) - first + 1


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_and_no_function_is_too_long(module: Path) -> None:
    source = module.read_text(encoding="utf-8")

    assert len(source.splitlines()) <= FILE_LINES
    assert {name: lines for name, lines in functions(source) if lines > FUNCTION_LINES} == {}


def locked() -> dict[str, Version]:
    pins = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", LOCK, re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in pins}


def declared() -> list[Requirement]:
    project = PROJECT["project"]
    lines = (
        project["dependencies"]
        + project["optional-dependencies"]["dev"]
        + PROJECT["build-system"]["requires"]
    )
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_the_lock_has_what_pyproject_declares(requirement: Requirement) -> None:
    assert locked()[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_lock_names_no_host() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^\s*-", LOCK.replace("    --hash=sha256:", ""), re.MULTILINE), (
        "no pip options but hashes"
    )


def test_every_entry_of_the_lock_is_pinned_and_hashed() -> None:
    entries = re.split(r"^(?=[^\s#])", LOCK, flags=re.MULTILINE)[1:]

    assert len(entries) == len(locked()) > 0
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_of_the_bench_names_no_host_that_is_fetched_from() -> None:
    lock = (ROOT / "bench" / "package-lock.json").read_text(encoding="utf-8")

    assert '"resolved"' not in lock
    assert '"integrity": "sha512-' in lock


def test_the_app_has_one_small_script_and_one_small_stylesheet() -> None:
    """On every page; where a key is asked for there is one script more."""
    sizes = {path.name: path.stat().st_size for path in (ROOT / "smart_app" / "static").iterdir()}

    assert sorted(sizes) == ["icon.svg", "key.js", "page.css", "page.js"]
    assert sizes["key.js"] <= KEY_SCRIPT_BYTES
    assert sizes["page.js"] <= SCRIPT_BYTES
    assert sizes["page.css"] <= STYLE_BYTES
