"""The real forms, a visit, a service and a request, for the tests of what is written."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.ipv.assessment import assess
from ipvscreen.ipv.draft import Recording
from ipvscreen.ipv.packs import Reason
from ipvscreen.ipv.person import Person, Sex
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact
from ipvscreen.ipv.services import Kind, Service
from ipvscreen.ipv.visit import Door
from ipvscreen.resources.draft import Labelled
from ipvscreen.resources.screening import Context, screening
from ipvscreen.sdc.answers import read_answers
from ipvscreen.sdc.form import Form
from ipvscreen.sdc.load import load_form

_FOLDER = Path(__file__).parents[3] / "questionnaires"

Entered = Mapping[str, Mapping[str, tuple[str, ...]]]
Screen = Callable[..., tuple[Labelled, ...]]


@pytest.fixture(scope="session")
def forms() -> dict[str, Form]:
    files = ("hark.json", "aas-1.json", "aas.json", "quick.json", "past.json")
    return {form.name: form for form in (load_form(json.loads((_FOLDER / f).read_text())) for f in files)}


@pytest.fixture(scope="session")
def ctx() -> Context:
    return Context(
        visit_id="visit-77",
        patient_id="patient-88",
        encounter_id="encounter-99",
        author="Practitioner/66",
        author_name="Dr Amina Clark",
        at=datetime(2026, 3, 2, 10, 0, 5, tzinfo=UTC),
    )


@pytest.fixture(scope="session")
def screen(forms: dict[str, Form], ctx: Context) -> Screen:
    """Record what was entered, by form; every form named is handed in."""

    def recorded(
        entered: Entered,
        *,
        recording: Recording = Recording.FULL,
        flag: bool = False,
        door: Door | None = Door.ASK,
        declined: bool = False,
        context: Context = ctx,
        reason: Reason | None = None,
        concern: bool = False,
    ) -> tuple[Labelled, ...]:
        answers = {name: read_answers(forms[name], given) for name, given in entered.items()}
        assessment = assess(answers, door=door, declined=declined)
        return screening(context, answers, assessment, recording, flag, door, reason, concern=concern)

    return recorded


@pytest.fixture(scope="session")
def person() -> Person:
    return Person(name="Sam Doe", birth_date=date(1990, 5, 17), sex=Sex.FEMALE)


@pytest.fixture(scope="session")
def service() -> Service:
    return Service(
        id="s-1",
        kind=Kind.MENTOR_MOTHER,
        name="Mentor mothers against domestic violence",
        short_name="The Willow group",
        for_whom="Women who are pregnant or have children and are afraid of a partner.",
        hours="weekdays 9 to 17",
        phone="01632 960123",
        reply_hours=48,
        endpoint="https://willow.example/fhir",
    )


@pytest.fixture(scope="session")
def agreed() -> ReferralRequest:
    return ReferralRequest(
        service_id="s-1",
        contact=SafeContact(ContactWay.PHONE, number="07700 900123", times="weekdays 10 to 12"),
        help_wanted=frozenset({"someone-who-has-been-there", "housing"}),
        agreement=Agreement(out=True, back=True, until=date(2026, 6, 2)),
    )


@pytest.fixture(scope="session")
def strings() -> Callable[[Any], Iterator[str]]:
    """Every string value inside a resource, keys left out."""

    def inside(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for part in parts:
            yield from inside(part)

    return inside
