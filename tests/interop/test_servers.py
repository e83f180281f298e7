"""Whole visits against HAPI's JPA server and Medplum's router: all is there, labelled in version 1."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Before, shared
from servers import medplum_command, running

from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.removal import Fate, remove
from ipvscreen.pathway.check_ehr import Session, Tools, check_ehr
from ipvscreen.resources.draft import Labelled, entry
from ipvscreen.resources.finding import Finding
from ipvscreen.resources.labels import About, lost

doctors = shared("test_doctor")
reader = shared("test_second_reader")
SERVERS = ("hapi", "medplum")
# Every kind that is written; what the other visits write, the same kinds, goes to HAPI's validator alone.
VISITS = (reader.positive, reader.negative, reader.told, reader.conversation, reader.not_done)
Opener = Callable[..., Awaitable[Before]]


def base_of(request: pytest.FixtureRequest, server: str) -> str:
    """Starts the server at its first use."""
    base: str = request.getfixturevalue(server)
    return base


async def left_by(visit: Any, there: Before) -> dict[str, dict[str, Any]]:
    """What a visit adds to the record, by `Type/id`."""
    old = await there.held()
    visitor = there.house.visitor()
    async with visitor.browser:
        await visit(visitor)
    return {place: body for place, body in (await there.held()).items() if place not in old}


@pytest.mark.parametrize("visit", VISITS, ids=lambda visit: visit.__name__)
@pytest.mark.parametrize("server", SERVERS)
async def test_a_visit_leaves_all_of_it_labelled_from_the_first_version_on(
    server: str, visit: Any, before: Opener, request: pytest.FixtureRequest
) -> None:
    there = await before(base_of(request, server))

    new = await left_by(visit, there)

    assert {body["resourceType"] for body in new.values()} == reader.VISITS[visit]
    for place, body in new.items():
        first = await there.first_version(place)
        assert len({"R", "V"} & codes(first)) == 1, place
        assert codes(body) == codes(first)
        assert reader.reread(body) == body


@pytest.mark.parametrize("server", SERVERS)
async def test_a_health_concern_stands_there_labelled(
    server: str, before: Opener, request: pytest.FixtureRequest
) -> None:
    there = await before(base_of(request, server), health_concern=True)

    new = await left_by(reader.concerned, there)

    assert {body["resourceType"] for body in new.values()} == reader.CONCERNED
    (place,) = [place for place in new if place.startswith("Condition/")]
    assert codes(await there.first_version(place)) == {"V", "SDV", "NOPAT", "NORDSCLCDS"}
    assert reader.reread(new[place]) == new[place]


def codes(body: dict[str, Any]) -> set[str]:
    """The labels, whatever their order: HAPI keeps them as a set."""
    return {label["code"] for label in body["meta"].get("security", [])}


async def examined(there: Before, lists: str) -> list[Finding]:
    """What the doctor finds, with `labels_in_lists` set so."""
    scope = f"{doctors.SCOPE} patient/Condition.cruds"
    token = there.sandbox.token(patient="anna-woman", clinician="dr-osei", scope=scope)
    session = Session(token, scope, "anna-woman", "Practitioner/dr-osei")

    async def sign_in(_: Any) -> Session:
        return session

    found: list[Finding] = []
    subject = replace(doctors.SUBJECT, lists=lists, carriers=("Condition",))
    async with httpx.AsyncClient(mounts=there.house.transports) as http:
        tools = Tools(http, lambda: datetime.now(UTC), doctors.FORM, "run-1", seconds=60, lag=0.01)
        await check_ehr(subject, tools, sign_in, "anna-woman", found)
    return found


@pytest.mark.parametrize("server", SERVERS)
async def test_the_doctor_finds_every_kind_kept(
    server: str, before: Opener, request: pytest.FixtureRequest
) -> None:
    there = await before(base_of(request, server))

    found = await examined(there, "kept")

    assert [one for one in found if one.level == "bad"] == []
    assert {one.title for one in found if one.level == "good"} >= {*reader.EVERY_KIND, "Labels in lists"}


async def test_this_hapi_keeps_labels_in_its_lists(before: Opener, hapi: str) -> None:
    """Measured, so that a version with the fault (hapifhir/hapi-fhir#8362) is noticed when it comes."""
    there = await before(hapi)
    new = await left_by(reader.conversation, there)
    assert new
    for place, body in new.items():
        kind, _, ident = place.partition("/")
        for path in (f"/{kind}?_id={ident}", f"/{place}/_history"):
            (one,) = (await there.server.get(path)).json()["entry"]
            assert codes(one["resource"]) == codes(body) != set()


async def test_where_lists_lose_labels_the_doctor_says_so_and_the_visit_finishes(
    before: Opener, hapi: str
) -> None:
    """The fault of hapi-fhir#8362 on HAPI's answers: made by the front, because 8.8 has not got it."""
    there = await before(hapi, bare_lists=True, labels_in_lists="warn")

    (bad,) = [one for one in await examined(there, "kept") if one.level == "bad"]
    assert bad.title == "Labels in lists"
    there.front.stripped = 0
    new = await left_by(reader.positive, there)

    assert there.front.stripped > 0, "the fault was met"
    assert {body["resourceType"] for body in new.values()} == reader.VISITS[reader.positive]
    assert all(codes(body) for body in new.values())


async def test_where_lists_must_keep_labels_nothing_is_written(before: Opener, hapi: str) -> None:
    """The control: "stop" stops."""
    there = await before(hapi, bare_lists=True, labels_in_lists="stop")
    assert await left_by(unrecorded, there) == {}


async def unrecorded(visitor: Any) -> None:
    await reader.asked(visitor, reader.NEGATIVE, "anna-woman")


FLAG = {
    "status": "active",
    "code": {"text": "See the record"},
    "subject": {"reference": "Patient/anna-woman"},
}


async def flag(client: FhirClient, key: str) -> tuple[Labelled, dict[str, Any]]:
    item = entry(key, "Flag", FLAG, About.FLAG)
    created = await client.create(item.body)
    assert created.body is not None
    assert lost(item.body, created.body) == ()
    return item, created.body


async def test_medplum_drops_labels_at_an_update_that_has_none_and_ours_sends_them(
    before: Opener, medplum: str
) -> None:
    """medplum/medplum#2596. Who may not delete marks as entered in error: the one update that we make."""
    there = await before(medplum)
    scope = "patient/*.crus"
    token = there.sandbox.token(patient="anna-woman", clinician="dr-osei", scope=scope)

    async def bearer() -> str:
        return str(token)

    async with httpx.AsyncClient(mounts=there.house.transports) as http:
        client = FhirClient(http, there.sandbox.fhir_base, bearer, seconds=60)
        item, stored = await flag(client, "0b3a1a52-6c1c-4c8e-9a51-2c1b9f0a0001")
        await client.update({name: value for name, value in stored.items() if name != "meta"})
        assert lost(item.body, await client.read("Flag", stored["id"])) != (), "the fault is there"

        item, stored = await flag(client, "0b3a1a52-6c1c-4c8e-9a51-2c1b9f0a0002")
        removed = await remove(client, item, f"Flag/{stored['id']}")
        after = await client.read("Flag", stored["id"])
    assert removed.fate is Fate.MARKED
    assert after["status"] == "entered-in-error"
    assert lost(item.body, after) == ()


@pytest.fixture
def atomic_medplum(tmp_path: Path) -> Iterator[str]:
    """Medplum's router as it is for a project that has atomic transactions."""
    with running([*medplum_command(), "--transactions"], tmp_path / "log") as base:
        yield base


@pytest.mark.parametrize("visit", [reader.positive, reader.told], ids=lambda visit: visit.__name__)
async def test_where_medplum_refuses_a_transaction_for_its_length_the_next_best_way_records_it(
    atomic_medplum: str, before: Opener, visit: Any
) -> None:
    """More than 8 conditional creates in one are refused there: without conditions it takes them in one."""
    there = await before(atomic_medplum)
    said = []

    async def done(visitor: Any) -> None:
        await visit(visitor)
        said.append((await visitor.get("done")).text)

    new = await left_by(done, there)

    assert {body["resourceType"] for body in new.values()} == reader.VISITS[visit]
    assert all(codes(body) for body in new.values())
    assert "NOT recorded" not in said[0]
    assert "Recorded and checked" in said[0]
