"""How one record system wants things written: labels, categories, and the text of the flag."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from ipvscreen.resources.labels import DEFAULT, FLOOR, About, Labels, Row, Spelling

CONCERN_TEXT = "Health concern, unconfirmed: read the restricted entry of {date}. Ask alone."
FLAG_TEXT = "Read the restricted entry of {date} before contact. Ask alone."


class Categories(StrEnum):
    """Which categories an Observation gets."""

    SDOH = "sdoh"  # `survey` and those of HL7 SDOH Clinical Care
    SURVEY = "survey"  # that of R4 alone, where a list shows the others by their names


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """Of one record system; `flag_text` may hold {date}, `flag_contact` is a sentence that follows it."""

    labels: Labels = DEFAULT
    categories: Categories = Categories.SDOH
    flag_text: str = FLAG_TEXT
    flag_contact: str = ""

    def flag(self, day: date) -> str:
        """What the flag says: whoever opens it finds what to do, and not why."""
        return f"{_dated(self.flag_text, day)} {self.flag_contact}".strip()

    def concern(self, day: date) -> str:
        """What a health concern says, by the same rule."""
        return _dated(CONCERN_TEXT, day)


def _dated(text: str, day: date) -> str:
    return text.replace("{date}", f"{day.day} {day:%B %Y}")


def policy_to_json(policy: WritePolicy) -> dict[str, Any]:
    """As plain JSON, to be sealed with the visit that it holds for."""
    rows = {
        about.value: [row.confidentiality, [list(code) for code in row.codes]]
        for about, row in policy.labels.rows.items()
    }
    return {
        "rows": rows,
        "inline": policy.labels.inline,
        "nopat": policy.labels.nopat,
        "categories": policy.categories,
        "flag_text": policy.flag_text,
        "flag_contact": policy.flag_contact,
    }


def policy_from_json(stored: Mapping[str, Any]) -> WritePolicy:
    """What `policy_to_json` stored; KeyError or ValueError where it is not that.

    A row that an earlier version did not know is the least.
    """
    rows = dict(FLOOR) | {
        About(about): Row(level, tuple((system, code) for system, code in codes))
        for about, (level, codes) in stored["rows"].items()
    }
    return WritePolicy(
        labels=Labels(rows, stored["inline"], Spelling(stored["nopat"])),
        categories=Categories(stored["categories"]),
        flag_text=stored["flag_text"],
        flag_contact=stored["flag_contact"],
    )
