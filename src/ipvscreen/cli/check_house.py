"""What a Questionnaire file that is dropped in would stand beside: our forms, studies, words and packs."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from ipvscreen.errors import FormRefused
from ipvscreen.ipv.validity import Row, rows_of
from ipvscreen.ipv.wording import Pin, pins_of
from ipvscreen.resources.finding import Finding, bad
from ipvscreen.sdc.file import parse
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.load import load_form

_Part = TypeVar("_Part")
_Found = tuple[Finding, ...]
_VALIDITY, _WORDING = "validity.json", "wording.json"


@dataclass(frozen=True, slots=True)
class House:
    """What a new form would stand beside: shipped forms and their files, studies, pinned words, packs."""

    forms: Mapping[str, Form]
    files: Mapping[str, Mapping[str, Any]]
    rows: Sequence[Row]
    pins: Sequence[Pin]
    packs: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()  # about files beside the one that is looked at


def house_of(folder: Path) -> House:
    """The folder `questionnaires` of this installation."""
    bodies = {path.name: parse(path.read_bytes()) for path in sorted(folder.glob("*.json"))}
    files = [body for body in bodies.values() if body.get("resourceType") == "Questionnaire"]
    forms = {form.name: form for form in map(load_form, files)}
    return House(
        forms=forms,
        files=dict(zip(forms, files, strict=True)),
        rows=rows_of(bodies[_VALIDITY]),
        pins=pins_of(bodies[_WORDING]),
        packs=tomllib.loads((folder / "packs.toml").read_text("utf-8")),
    )


def with_own(house: House, folder: Path) -> House:
    """The house with the studies and pinned words of a deployer's own folder, where it has such files."""
    rows, wrong_rows = _own(folder / _VALIDITY, rows_of)
    pins, wrong_pins = _own(folder / _WORDING, pins_of)
    return replace(
        house,
        rows=(*house.rows, *(row for row in rows if row not in house.rows)),
        pins=(*house.pins, *(pin for pin in pins if pin not in house.pins)),
        findings=(*wrong_rows, *wrong_pins),
    )


def _own(path: Path, read: Callable[[dict[str, Any]], tuple[_Part, ...]]) -> tuple[tuple[_Part, ...], _Found]:
    if not path.is_file():
        return (), ()
    try:
        return read(parse(path.read_bytes())), ()
    except (FormRefused, KeyError, TypeError, ValueError) as error:
        return (), (bad(path.name, f"cannot be used: {error}", "Compare it with the file that ships."),)
