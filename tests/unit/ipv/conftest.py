"""The shipped forms, and short ways to answer them."""

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.ipv.packs import Pack
from ipvscreen.ipv.packs_file import Shelf, packs_of
from ipvscreen.sdc.answers import Answers, read_answers
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.load import load_form

QUESTIONNAIRES = Path(__file__).parents[3] / "questionnaires"


@pytest.fixture(scope="session")
def documents() -> dict[str, dict[str, Any]]:
    """Every file of the folder, by the first part of its name."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in QUESTIONNAIRES.glob("*.json")}


@pytest.fixture(scope="session")
def forms(documents: dict[str, dict[str, Any]]) -> dict[str, Form]:
    """Every form that is shipped, by its name."""
    shipped = [load_form(body) for body in documents.values() if body.get("resourceType") == "Questionnaire"]
    return {form.name: form for form in shipped}


@pytest.fixture(scope="session")
def packs(forms: dict[str, Form]) -> Mapping[str, Pack]:
    """The shipped packs by name."""
    document = tomllib.loads((QUESTIONNAIRES / "packs.toml").read_text("utf-8"))
    return packs_of(document, Shelf(forms)).by_name


@pytest.fixture(scope="session")
def answer(forms: dict[str, Form]) -> Callable[..., dict[str, Answers]]:
    """`answer("quick", {"suicide": "yes"}, …)`: answers by form; a value may be one code or several."""

    def build(name: str, entered: Mapping[str, str | list[str]]) -> dict[str, Answers]:
        listed = {item: [value] if isinstance(value, str) else value for item, value in entered.items()}
        return {name: read_answers(forms[name], listed)}

    return build
