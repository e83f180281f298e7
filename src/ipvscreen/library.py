"""Read everything that is asked from disk, once, at start: forms, their validity, the packs."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ipvscreen.ipv.instruments import FORMS
from ipvscreen.ipv.packs import Packs
from ipvscreen.ipv.packs_file import Shelf, packs_of
from ipvscreen.ipv.validity import Row, rows_of
from ipvscreen.ipv.wording import Pin, digest, pins_of, reviewed
from ipvscreen.resources.labels import Labels
from ipvscreen.resources.policy_file import policies_of
from ipvscreen.sdc.file import parse
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.load import load_form

# Files of the folder that are no forms, by the beginning of their names.
NOT_FORMS = ("validity.json", "wording.json", "codesystem-", "valueset-")
Files = tuple[tuple[str, bytes], ...]  # of one folder: each name and what is in it
_VALIDITY, _WORDING, _PACKS, _LABELS = "validity.json", "wording.json", "packs.toml", "labels.toml"


@dataclass(frozen=True, slots=True)
class Library:
    """Every form by its name, what is known of its validity, the packs of visits, the policies of labels."""

    forms: Mapping[str, Form]
    validity: tuple[Row, ...]
    packs: Packs
    labels: Mapping[str, Labels]


def read_forms(folder: Path, own: Path | None = None) -> Library:
    """The library of our `folder`, and of a deployer's `own`: forms, rows and packs of both.

    A pack, nation or policy of your own takes the place of ours with its name. FormRefused or ValueError for
    what cannot be used; FileNotFoundError at start, not in a visit, for a form that visits need.
    """
    return _library(*(_files(one) for one in (folder, *((own,) if own else ()))))


@lru_cache(maxsize=4)  # by content: who makes several apps, or makes one and then serves it, reads them once
def _library(*folders: Files) -> Library:
    found = [_documents(dict(one)) for one in folders]
    if twice := sorted(set(found[0]) & set(found[1])) if found[1:] else []:
        raise ValueError(f"there are two forms named {', '.join(twice)}")
    documents = {name: body for one in found for name, body in one.items()}
    forms = {name: load_form(body) for name, body in documents.items()}
    if missing := set(FORMS) - forms.keys():
        raise FileNotFoundError(f"questionnaires are missing: {', '.join(sorted(missing))}")
    pins = [pin for one in folders for pin in pins_of(_json(one, _WORDING, {"pins": []}))]
    shelf = Shelf(
        forms=forms,
        reviewed=reviewed(pin for pin in pins if _holds(pin, documents)),
        own=tuple(*found[1:]),
    )
    packs = {name: pack for one in folders for name, pack in _packs(one, "pack").items()}
    nations = {name: nation for one in folders for name, nation in _packs(one, "nation").items()}
    labels = {name: one for each in folders for name, one in policies_of(_toml(each, _LABELS)).items()}
    rows = [row for one in folders for row in rows_of(_json(one, _VALIDITY, {"rows": []}))]
    return Library(
        forms=MappingProxyType(forms),
        validity=tuple(rows),
        packs=packs_of({"pack": packs, "nation": nations}, shelf),
        labels=MappingProxyType(labels),
    )


def name_of(questionnaire: Mapping[str, Any]) -> str:
    """The name by which a form is known: Questionnaire.name in lower case, `_` written as `-`."""
    return str(questionnaire.get("name", "")).lower().replace("_", "-")


def _files(folder: Path) -> Files:
    return tuple(
        (path.name, path.read_bytes())
        for path in sorted(folder.glob("*"))
        if path.suffix in (".json", ".toml") and path.is_file()
    )


def _documents(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    forms = (
        parse(raw) for name, raw in files.items() if name.endswith(".json") and not name.startswith(NOT_FORMS)
    )
    return {name_of(body): body for body in forms}


def _holds(pin: Pin, documents: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether these are still the words that were reviewed."""
    body = documents.get(pin.form)
    if body is None:
        return False
    own = pin.language == body.get("language", "en")
    return pin.sha256 == digest(body, None if own else pin.language)


def _packs(files: Files, kind: str) -> dict[str, Any]:
    document = _toml(files, _PACKS)
    if unknown := sorted(set(document) - {"pack", "nation"}):
        raise ValueError(f"{_PACKS}: '{unknown[0]}' is not known; packs are tables [pack.…].")
    return dict(document.get(kind, {}))


def _toml(files: Files, name: str) -> dict[str, Any]:
    return tomllib.loads(dict(files).get(name, b"").decode())


def _json(files: Files, name: str, without: Mapping[str, Any]) -> Any:
    """A file of ours as JSON, or `without` where there is none."""
    raw = dict(files).get(name)
    return without if raw is None else json.loads(raw.decode())
