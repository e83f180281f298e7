"""A store of its own for each test, once in a file and once on Postgres, and a visit to put into it."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from postgres import Server

from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.referral import ReferralState
from ipvscreen.ipv.visit import VisitState
from ipvscreen.resources.plan import Ability, WritePlan
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.grant import Grant
from ipvscreen.store.outbox import NewJob
from ipvscreen.store.referrals import Referral
from ipvscreen.store.sealed import Ring
from ipvscreen.store.visits import Visit

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

NewVisit = Callable[..., Visit]
NewGrant = Callable[..., Grant]
NewReferral = Callable[..., tuple[Referral, NewJob]]


@pytest.fixture
def at() -> datetime:
    return AT


@pytest.fixture
def ring() -> Ring:
    return Ring({"k1": bytes(range(32))}, current="k1")


# What these look at is SQLite's file.
ON_A_FILE = (
    "at_rest",
    "backup",
    "persons",
    "threads",
    "schema.test_each_connection",
    "schema.test_the_stores_connections",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.module.__name__.endswith("test_store_postgres"):
        return
    if "database" in metafunc.fixturenames:
        name = f"{metafunc.module.__name__.rpartition('test_store_')[2]}.{metafunc.function.__name__}"
        asked = {"file", "tmp_path", "tampering"} & inspect.signature(metafunc.function).parameters.keys()
        files = name.startswith(ON_A_FILE) or bool(asked)
        metafunc.parametrize("database", ["sqlite"] if files else ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(request: pytest.FixtureRequest, database: str) -> Iterator[str]:
    if database == "sqlite":
        yield f"sqlite+aiosqlite:///{request.getfixturevalue('file')}"
        return
    server: Server = request.getfixturevalue("postgres")
    name = server.new()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
async def store(url: str, ring: Ring) -> AsyncIterator[Store]:
    opened = await open_store(url, ring)
    yield opened
    await opened.close()


@pytest.fixture
def new_visit() -> NewVisit:
    visit = Visit(
        id="visit-1",
        ehr="practice",
        iss="https://ehr.test/fhir",
        patient_id="patient-1",
        encounter_id="encounter-1",
        user="Practitioner/1",
        user_key="https://ehr.test/fhir Practitioner/1",
        user_name="Dr Example",
        state=VisitState.ASKING,
        setting=Setting.GP,
        opened_at=AT,
        expires_at=AT + timedelta(minutes=60),
        person=Person("Anna Example", date(1990, 5, 17), Sex.FEMALE, interpreter="Polish"),
        plan=WritePlan(True, True, (Ability("Observation", True), Ability("Flag", False, "no", "by hand"))),
        draft=Draft(),
        written=None,
        last_form=None,
        cookie_hash="c" * 64,
        age_confirmed=False,
    )

    def make(**changes: Any) -> Visit:
        return replace(visit, **changes)

    return make


@pytest.fixture
def new_referral() -> NewReferral:
    def make(key: str = "key-1", *, visit_id: str = "visit-1", at: datetime = AT) -> tuple[Referral, NewJob]:
        referral = Referral(
            id=key,
            visit_id=visit_id,
            service_id="mentors",
            service_name="Mentors",
            phone="020 7946 0000",
            state=ReferralState.QUEUED,
            queued_at=at,
            reply_by=at + timedelta(hours=48),
            urgent=True,
        )
        body = {"resourceType": "Bundle", "type": "message"}
        return referral, NewJob(key, f"about-{key}", "https://service.test/fhir", body)

    return make


@pytest.fixture
def new_grant() -> NewGrant:
    """A grant with that access token, and a refresh token where one is named."""

    def make(access: str = "token", refresh: str | None = None) -> Grant:
        ends = AT + timedelta(minutes=5)
        return Grant(access, ends, refresh, "https://ehr.test/token", "launch patient/Patient.r")

    return make
