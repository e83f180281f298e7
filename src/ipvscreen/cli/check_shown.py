"""The report on a Questionnaire file, as tables or as JSON."""

import json

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ipvscreen.cli.check_form import Report, notes, pages
from ipvscreen.resources.finding import Level, finding_to_json, worst

_STYLES = {Level.GOOD: "green", Level.WARNING: "yellow", Level.BAD: "bold red"}
_WIDTH = 120  # characters, where the output is no terminal


def exit_code(report: Report) -> int:
    """0: it would be asked; 1: something is refused or taken."""
    return 1 if worst(report.findings) is Level.BAD else 0


def show_json(name: str, report: Report) -> None:
    """One line."""
    form = report.form
    shown = form and {
        "name": form.name,
        "canonical": form.canonical,
        "title": form.title,
        "language": form.language,
        "pages": pages(form),
        "items": [
            {"linkId": item.link_id, "type": item.type, "text": item.text, "notes": notes(item)}
            for item in form.walk()
        ],
    }
    findings = [finding_to_json(finding) for finding in report.findings]
    typer.echo(json.dumps({"file": name, "exit": exit_code(report), "form": shown, "findings": findings}))


def show(report: Report) -> None:
    """The items that would be shown, then what was found."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH)
    if report.form:
        items = _table("linkId", "Type", "Text", "Notes")
        for item in report.form.walk():
            items.add_row(*(_plain(part) for part in (item.link_id, item.type, item.text, notes(item))))
        console.print(items)
    found = _table("", "What", "Found", "To do")
    for finding in report.findings:
        level = Text(finding.level, style=_STYLES[finding.level])
        found.add_row(level, *(_plain(part) for part in (finding.title, finding.words, finding.do)))
    console.print(found)


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _plain(text: str) -> Text:
    """The file's own words without what would steer a terminal."""
    return Text("".join(sign if sign.isprintable() else " " for sign in text))
