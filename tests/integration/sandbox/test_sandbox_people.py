"""The sandbox's people, pages and services: valid by two implementations, and neutral where they show."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from fhirclient.models import fhirelementfactory
from fhirclient.models.fhirabstractbase import FHIRValidationError

from ipvscreen.resources.directory import service_of
from ipvscreen.sandbox.directory import services, services_bundle
from ipvscreen.sandbox.people import CLINICIANS, PATIENTS
from ipvscreen.sandbox.seed import birth_date
from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.validate import validate

BASE = "https://ehr.test"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
TOPIC = re.compile(
    r"abus|violen|domestic|partner|victim|stalk|proxy|psychiatric|HARK|IPV|assault|screen", re.IGNORECASE
)


@pytest.fixture
def client(app: Any, joined: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    return joined(app, Authorization="Bearer all")


def parsed(body: dict[str, Any]) -> Any:
    """Read by fhirclient's R4 4.0.1 models, which raise for anything they do not know."""
    return fhirelementfactory.FHIRElementFactory.instantiate(body["resourceType"], body)


async def test_a_second_implementation_reads_all_that_the_sandbox_serves(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.new_launch("anna-woman", "dr-osei")
    everything = list(sandbox.memory.everything())
    assert len(everything) > 35
    for body in everything:
        validate(body)
        served = await client.get(f"/fhir/{body['resourceType']}/{body['id']}")
        assert parsed(served.json()).as_json()["id"] == body["id"]
    statement = parsed((await client.get("/fhir/metadata")).json())
    assert statement.fhirVersion == "4.0.1"
    assert parsed((await client.get("/fhir/Patient")).json()).total == len(PATIENTS)
    assert parsed(services_bundle("http://localhost:8030/fhir")).type == "collection"


async def test_it_starts_and_stops_as_a_server_asks(app: Any) -> None:
    asked = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    answered: list[str] = []

    async def receive() -> dict[str, Any]:
        return next(asked)

    async def send(message: Any) -> None:
        answered.append(message["type"])

    await app({"type": "lifespan", "app": app, "state": {}}, receive, send)
    assert answered == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_that_reader_is_strict() -> None:
    with pytest.raises(FHIRValidationError):
        parsed({"resourceType": "Patient", "colour": "blue"})


def test_every_seeded_reference_leads_somewhere(sandbox: Sandbox) -> None:
    text = json.dumps(list(sandbox.memory.everything()))
    references = set(re.findall(r'"reference": "([A-Za-z]+)/([^"]+)"', text))
    assert len(references) > 10
    assert [one for one in references if sandbox.memory.find(*one) is None] == []


@pytest.mark.parametrize("today", [date(2026, 3, 2), date(2024, 2, 29), date(2026, 12, 31), date(2027, 1, 1)])
def test_ages_are_right_on_any_day(today: date) -> None:
    for age in (15, 16, 81):
        born = date.fromisoformat(birth_date(age, today))
        assert today.year - born.year - ((today.month, today.day) < (born.month, born.day)) == age


def test_the_people_who_matter_are_there(sandbox: Sandbox) -> None:
    def find(kind: str, ident: str) -> dict[str, Any]:
        body = sandbox.memory.find(kind, ident)
        assert body is not None
        return body

    assert find("Condition", "maya-pregnancy")["code"]["coding"][0]["code"] == "77386006"
    children = [find("RelatedPerson", f"rosa-child-{age}")["birthDate"] for age in (3, 7)]
    assert children == ["2023-01-01", "2019-01-01"]
    assert find("RelatedPerson", "freya-partner")["gender"] == "female"
    assert "past" not in find("Condition", "david-past")["code"]
    his = find("Patient", "owen-man")["identifier"][0]
    assert find("RelatedPerson", "helen-partner")["identifier"] == [his]
    spoken = find("Patient", "leyla-interpreter")["communication"][0]
    assert (spoken["preferred"], spoken["language"]["coding"][0]["code"]) == (True, "tr")
    unknown = find("Patient", "unknown-person")
    assert (unknown["gender"], unknown.keys() & {"name", "birthDate"}) == ("unknown", set())
    codes = {one["code"] for one in find("QuestionnaireResponse", "clara-form")["meta"]["security"]}
    assert codes == {"R", "SDV", "NOPAT"}
    assert find("QuestionnaireResponse", "clara-form")["authored"].startswith("2026-01-31")


async def test_notes_about_the_topic_are_labelled(sandbox: Sandbox) -> None:
    kinds = ("Condition", "Observation", "QuestionnaireResponse")
    bodies = [body for kind in kinds for body in sandbox.memory.all(kind)]
    open_to_all = [body["id"] for body in bodies if "security" not in body["meta"]]
    assert open_to_all == ["maya-pregnancy"]


async def test_the_clinic_list_offers_everyone_and_tells_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    page = answer.text
    assert "<title>Clinic list</title>" in page
    assert '<main data-step="clinic">' in page
    for person in (*PATIENTS.values(), *CLINICIANS.values()):
        assert f'value="{person.id}"' in page
        assert f'<label for="{person.id}">' in page
    assert page.count(" checked>") == 2
    assert 'Leyla Demir <span class="remark">(33, woman, interpreter)' in page
    assert 'Kim Larsen <span class="remark">(15, girl)' in page
    assert 'No name recorded <span class="remark">(age and sex not recorded)' in page
    assert TOPIC.findall(page.replace("irene-proxy", "")) == []
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_the_six_services_can_be_imported() -> None:
    found = [service_of(body) for body in services("http://localhost:8030/fhir")]
    assert sorted(service.kind for service in found) == [
        "children",
        "high-risk",
        "mentor-mother",
        "peer-mentor",
        "specialist",
        "uses-violence",
    ]
    for service in found:
        assert service.endpoint == "http://localhost:8030/fhir"
        assert not TOPIC.search(service.short_name)
        # Numbers that Ofcom keeps for drama: nobody answers.
        assert re.fullmatch(r"(01632 960|020 7946 0|0808 157 0)\d{3}", service.phone)


def test_asking_twice_gives_two_lists_of_services() -> None:
    services("https://one.test")[0]["extension"].clear()
    assert service_of(services("https://two.test")[0]).endpoint == "https://two.test"
