"""One HSDS table (CSV) → its rows; ValueError for a table that cannot be read as a whole."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO

from ipvscreen.resources.hsds.limits import MOST_ROWS, decoded
from ipvscreen.resources.hsds.node import Node

_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Table:
    """Its rows in order; the head is row 1, as a spreadsheet counts."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Node, ...]


def table(name: str, raw: bytes, needed: Iterable[str]) -> Table:
    """The table of a file that has these columns at least."""
    text = decoded(name, raw)
    rows = _records(name, text)
    columns = tuple(column.strip().lower() for column in next(rows, []))
    if missing := [column for column in needed if column not in columns]:
        raise ValueError(f"{name}, row 1: has no column '{missing[0]}'.")
    if len(set(columns)) < len(columns):
        raise ValueError(f"{name}, row 1: has a column twice.")
    nodes = tuple(
        _row(f"{name}, row {number}", columns, cells) for number, cells in enumerate(rows, 2) if any(cells)
    )
    return Table(name, columns, nodes)


def _records(name: str, text: str) -> Iterator[list[str]]:
    head = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)  # a European spreadsheet writes semicolons
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            if number > MOST_ROWS:
                raise ValueError(f"{name}: has more than {MOST_ROWS} rows.")
            yield cells
    except csv.Error:
        said = "is not CSV: a quotation mark is open or astray, or a cell is very long."
        raise ValueError(f"{name}, row {number + 1}: {said}") from None


def _row(place: str, columns: tuple[str, ...], cells: list[str]) -> Node:
    texts = {column: cell.strip() for column, cell in zip(columns, cells, strict=False)}
    if len(cells) == len(columns):
        return Node(place, texts)
    return Node(place, texts, odd=f"has {len(cells)} of {len(columns)} cells.")
