"""docs/reference/states.md shows the tables that the code runs on; run as a program, it writes the page."""

from pathlib import Path

from ipvscreen.ipv import referral, visit
from ipvscreen.ipv.diagram import mermaid

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "states.md"


def generated() -> str:
    pages = "\n".join(
        f"| {state} | {', '.join(steps) or 'none: the visit is over'} |"
        for state, steps in visit.PAGES.items()
    )
    return f"""# States of a visit and of a referral

Generated from the tables in `src/ipvscreen/ipv` by `scripts/diagrams`; a test compares.

## Visit

```mermaid
{mermaid(visit.TRANSITIONS)}```

A step that the state does not allow is answered with 409 and writes nothing.

| state | pages, the first is where a visit in that state is at home |
|---|---|
{pages}

## Referral

```mermaid
{mermaid(referral.TRANSITIONS)}```
"""


def test_the_page_shows_the_tables_as_they_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == generated()


if __name__ == "__main__":
    PAGE.write_text(generated(), encoding="utf-8")
