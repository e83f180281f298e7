"""A visit that is changed by name, the shipped forms, and a frame to put pages in."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.packs import Packs
from ipvscreen.ipv.packs_file import Shelf, packs_of
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.validity import Row, rows_of
from ipvscreen.ipv.visit import Step, VisitState
from ipvscreen.resources.plan import Ability, WritePlan
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.load import load_form
from ipvscreen.store.visits import Visit
from ipvscreen.web.presenters.frame import Frame, frame

FOLDER = Path(__file__).parents[3] / "questionnaires"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def forms() -> dict[str, Form]:
    """Every shipped form by its name."""
    bodies = [json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")]
    made = [load_form(body) for body in bodies if body.get("resourceType") == "Questionnaire"]
    return {form.name: form for form in made}


@pytest.fixture(scope="session")
def packs(forms: dict[str, Form]) -> Packs:
    """The shipped packs."""
    return packs_of(tomllib.loads((FOLDER / "packs.toml").read_text("utf-8")), Shelf(forms))


@pytest.fixture(scope="session")
def rows() -> tuple[Row, ...]:
    """What is known of the forms' validity."""
    return rows_of(json.loads((FOLDER / "validity.json").read_text("utf-8")))


@pytest.fixture
def visit() -> Callable[..., Visit]:
    """`visit(state=…, draft=…)`: an ordinary visit with these changes."""
    kinds = ("QuestionnaireResponse", "Observation", "Flag", "Procedure", "Provenance")
    plan = WritePlan(True, True, tuple(Ability(kind, True) for kind in kinds))
    ordinary = Visit(
        id="v1",
        ehr="sandbox",
        iss="https://ehr.test/fhir",
        patient_id="p1",
        encounter_id="e1",
        user="Practitioner/c1",
        user_key="c1",
        user_name="Dr Osei",
        state=VisitState.OPENED,
        setting=Setting.GP,
        opened_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        person=Person("Rosa Delgado", date(1994, 5, 1), Sex.FEMALE),
        plan=plan,
        draft=Draft(),
        written=None,
        last_form=None,
        cookie_hash="",
        age_confirmed=False,
    )

    def made(**changes: Any) -> Visit:
        return replace(ordinary, **changes)

    return made


@pytest.fixture
def framed() -> Callable[[Visit, Step], Frame]:
    """The frame of a visit's page."""

    def made(visit: Visit, step: Step) -> Frame:
        return frame(visit, step, "token", NOW)

    return made
