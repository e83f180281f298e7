"""What the documents list is what there is."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from ipvscreen.delivery.mail_server import MailServer
from ipvscreen.ipv.staffed import Staffed
from ipvscreen.resources.service_parts import PARTS, TAXONOMY
from ipvscreen.settings import Ehr, Inbox, Numbers, Settings

ROOT = Path(__file__).parents[2]


def listed(page: str, heading: str | None = None) -> set[str]:
    """The code words in the first column of the tables (below a heading)."""
    text = (ROOT / page).read_text(encoding="utf-8")
    if heading:
        text = re.split(r"^## ", text, flags=re.MULTILINE)[
            [part.split("\n")[0] for part in re.split(r"^## ", text, flags=re.MULTILINE)].index(heading)
        ]
    else:
        text = re.split(r"^## ", text, flags=re.MULTILINE)[0]
    cells = re.findall(r"^\| (`[^|]+) \|", text, flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        (None, Settings),
        ("`[[ehr]]`", Ehr),
        ("`[inbox]`", Inbox),
        ("`[numbers]`", Numbers),
        ("`[mail]`", MailServer),
    ],
    ids=str,
)
def test_every_setting_is_documented_and_no_other(heading: str | None, model: type) -> None:
    assert listed("docs/reference/configuration.md", heading) == set(model.model_fields)


def test_every_setting_of_the_staffed_role_is_documented_and_no_other() -> None:
    named = {field.name for field in fields(Staffed)}
    assert listed("docs/reference/configuration.md", "`[ehr.staffed]`") == named


def test_every_part_of_the_service_profile_is_documented() -> None:
    assert listed("docs/reference/directory.md", "What a service says of itself") == set(PARTS)


def test_every_part_has_its_place_in_hsds_documented() -> None:
    text = (ROOT / "docs/reference/directory.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    shown = {row[1].strip("`"): (row[3], row[4]) for row in rows}
    assert shown == {
        part.name: (
            "yes" if part.needed else "no",
            f"attribute `{part.term}`" if part.term else f"`{part.element}`",
        )
        for part in PARTS.values()
    }
    assert f"`{TAXONOMY}`" in text


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")), ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", text)

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_page_of_label_policies_is_their_table() -> None:
    page = (ROOT / "docs/reference/labels-policy.md").read_text(encoding="utf-8")
    policies = tomllib.loads((ROOT / "questionnaires/labels.toml").read_text(encoding="utf-8"))["policy"]
    lines = [
        f"| `{name}` | {to} | `{about}` | `{row['confidentiality']}` | {_codes(row)} |"
        for name, policy in policies.items()
        for to in ("record", "service")
        for about, row in policy[to].items()
    ]
    shown = [line for line in page.splitlines() if re.match(r"\| `\w+` \| (record|service) ", line)]
    assert shown == lines
    assert listed("docs/reference/labels-policy.md", "The rows") == set(policies["default"]["record"]) | set(
        policies["default"]["service"]
    )


def _codes(row: dict[str, list[str]]) -> str:
    return ", ".join(f"`{code}`" for code in row.get("codes", ())) or "none"
