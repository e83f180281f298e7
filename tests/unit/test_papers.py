"""The papers for a security team say what is there: tests, documents, totals, and settings that load."""

import ast
import base64
import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from ipvscreen.settings import Settings

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
HOW_TO = ROOT / "docs" / "how-to"
PAPERS = ("asvs.md", "smart-conformance.md")
VENDORS = ("epic.md", "oracle-health.md", "medplum.md", "smart-launcher.md")
KINDS = ("a test", "a document", "not applicable", "not yet")

# How many requirements of level 1 and 2 each section of ASVS 5.0.0 has, numbered without a gap.
ASVS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3, "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5,
    "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2, "8.1": 2,
    "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11,
    "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4,
    "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
    "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip

# The ids of Inferno's list whose actor is the client; see the page for its place.
SMART = {
    *range(1, 14), *range(20, 24), 29, *range(32, 38), *range(39, 48), *range(50, 53), *range(60, 73), 90, 93,
    97, 98, *range(105, 109), 117, 120, 121, 122, 124, 125, 131, 132, 133, 135, 137, 141, 143, 146, 147, 148,
    *range(150, 154), *range(155, 159), 161, 162, 166, 191, 193, 195, 196, 201, 202, 211, 215, 216,
    *range(218, 221), 225, 226, 227, 229, 230, *range(232, 240), 242, 263, 264, 267, 268, 270,
    *range(290, 296), *range(298, 305), 307, 308, 309, *range(312, 316), *range(317, 326),
    *range(327, 335), 343, 345, 375, 379, *range(413, 417), 420, 425, 426, 435,
}  # fmt: skip

_TEST = re.compile(r"\[([\w/]+\.py)::(test_\w+)\]\(\.\./\.\./tests/([\w/]+\.py)\)")
_DOCUMENT = re.compile(r"\]\((?!https?://|\.\./\.\./tests/)([^)#]+)")


def lines(page: str) -> list[list[str]]:
    """The cells of every row that answers a requirement."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if re.match(r"\| V?\d", line)]
    return [[cell.strip() for cell in row] for row in rows]


def kind(answer: str) -> str:
    """Which of the four kinds of answer this is; ValueError for any other."""
    for words in ("not applicable", "not yet"):
        if answer.startswith(f"{words}: "):
            return words
    if _TEST.match(answer):
        return "a test"
    if answer.startswith("[") and _DOCUMENT.search(answer):
        return "a document"
    raise ValueError(answer)


@cache
def functions(file: Path) -> frozenset[str]:
    found = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return frozenset(one.name for one in found if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("page", PAPERS)
def test_every_test_that_is_named_is_there(page: str) -> None:
    named = _TEST.findall((REFERENCE / page).read_text(encoding="utf-8"))
    missing = [
        f"{shown}::{name}"
        for shown, name, file in named
        if shown != file or name not in functions(ROOT / "tests" / file)
    ]

    assert len(named) > 50
    assert missing == []


@pytest.mark.parametrize("page", PAPERS)
def test_no_test_is_named_in_another_way(page: str) -> None:
    """So that none escapes the test above."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    assert len(re.findall(r"::test_", text)) == len(_TEST.findall(text))


@pytest.mark.parametrize("page", PAPERS)
def test_every_document_that_is_named_is_there(page: str) -> None:
    targets = {target for row in lines(page) for target in _DOCUMENT.findall(row[-1])}

    assert targets
    assert [target for target in sorted(targets) if not (REFERENCE / target).is_file()] == []


def test_every_asvs_number_is_there_once() -> None:
    wanted = [f"V{section}.{n}" for section, most in ASVS.items() for n in range(1, most + 1)]

    assert len(wanted) == 253
    assert [row[0] for row in lines("asvs.md")] == wanted


def test_every_requirement_of_the_client_is_there_once() -> None:
    ids = [int(one) for row in lines("smart-conformance.md") for one in re.findall(r"\d+", row[3])]

    assert sorted(ids) == sorted(SMART)


@pytest.mark.parametrize("page", PAPERS)
def test_every_line_has_its_own_number_and_words(page: str) -> None:
    rows = lines(page)

    assert len({len(row) for row in rows}) == 1
    assert len({row[0] for row in rows}) == len(rows)
    assert all(all(row) for row in rows)


@pytest.mark.parametrize("page", PAPERS)
def test_the_totals_are_counted(page: str) -> None:
    counted = Counter(kind(row[-1]) for row in lines(page))
    text = (REFERENCE / page).read_text(encoding="utf-8")
    told = dict(re.findall(rf"^\| ({'|'.join(KINDS)}|all) \| (\d+) \|$", text, flags=re.MULTILINE))

    assert {name: int(n) for name, n in told.items()} == {
        **{name: counted[name] for name in KINDS},
        "all": counted.total(),
    }


@pytest.mark.parametrize("page", PAPERS)
def test_what_is_not_there_is_said_in_words(page: str) -> None:
    for row in lines(page):
        if kind(row[-1]) in ("not applicable", "not yet"):
            words = row[-1].partition(": ")[2]
            assert len(re.findall(r"\w+", words)) > 1, row


@pytest.mark.parametrize(
    "answer", ["", "not yet", "not yet:", "yes", "see the code", "[x](https://example.org)"]
)
def test_an_answer_of_no_kind_is_noticed(answer: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(answer)}$"):
        kind(answer)


# Settings in the how-to pages


def blocks() -> list[tuple[str, str]]:
    return [
        (page.name, block)
        for page in sorted(HOW_TO.glob("*.md"))
        for block in re.findall(
            r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
    ]


def loaded(block: str) -> Settings:
    """The settings of a block, with what every installation needs besides."""
    needed = {
        "public_url": "https://forms.example.org",
        "key": "now",
        "keys": {"now": SecretStr(base64.b64encode(bytes(32)).decode())},
    }
    return Settings(**(needed | tomllib.loads(block)))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of the working directory is read."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("page", "block"), blocks(), ids=[name for name, _ in blocks()])
def test_an_example_of_settings_is_accepted(page: str, block: str) -> None:
    given = loaded(block)
    assert given.ehr or "retention" in given.model_fields_set, page


@pytest.mark.parametrize("page", VENDORS)
def test_each_vendors_page_has_one_whole_entry_and_names_what_to_register(page: str) -> None:
    text = (HOW_TO / page).read_text(encoding="utf-8")
    (entry,) = [one for name, block in blocks() if name == page for one in loaded(block).ehr]

    assert {"/launch", "/list", "/jwks.json", f"/callback/{entry.name}"} <= set(
        re.findall(r"/launch|/list|/jwks\.json|/callback/[a-z0-9-]+", text)
    )
    assert f"ipvscreen doctor {entry.name}" in text


def test_a_mistake_in_an_example_is_noticed() -> None:
    _, block = blocks()[0]
    with pytest.raises(ValidationError, match="iss_url"):
        loaded(block.replace("iss =", "iss_url ="))
