"""Scopes of both versions, and the patient's compartment: enforced on every call and every entry."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ipvscreen.sandbox.scopes import grantable, parse, supported
from ipvscreen.sandbox.state import Sandbox

BASE = "https://ehr.test"
SURVEY = "http://terminology.hl7.org/CodeSystem/observation-category|survey"


@pytest.fixture
def client(app: Any, joined: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    return joined(app, f"{BASE}/fhir")


def bearer(sandbox: Sandbox, scope: str, patient: str = "anna-woman") -> dict[str, str]:
    token = sandbox.token(patient=patient, clinician="dr-osei", scope=scope)
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def observation(patient: str = "anna-woman", category: str | None = None, **more: Any) -> dict[str, Any]:
    body = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": f"Patient/{patient}"},
        **more,
    }
    if category:
        system, code = category.split("|")
        body["category"] = [{"coding": [{"system": system, "code": code}]}]
    return body


async def stored(client: httpx.AsyncClient, sandbox: Sandbox, body: dict[str, Any]) -> str:
    patient = body["subject"]["reference"].removeprefix("Patient/")
    headers = bearer(sandbox, "patient/Observation.c", patient)
    answer = await client.post("/Observation", json=body, headers=headers)
    assert answer.status_code == 201
    return str(answer.json()["id"])


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("patient/Observation.read", "rs"),
        ("patient/Observation.write", "cdu"),
        ("patient/Observation.*", "cdrsu"),
        ("patient/*.read", "rs"),
        ("patient/*.*", "cdrsu"),
        ("user/Observation.read", "rs"),
        ("user/*.write", "cdu"),
        ("patient/Observation.cruds", "cdrsu"),
        ("patient/Observation.rs", "rs"),
        ("patient/Observation.r", "r"),
        ("patient/Observation.s", "s"),
        ("patient/Observation.c", "c"),
        ("patient/Observation.u", "u"),
        ("patient/Observation.cu", "cu"),
        ("patient/Observation.d", "d"),
        ("user/Observation.cud", "cdu"),
        ("patient/Observation.c patient/Observation.r", "cr"),
        ("patient/Flag.cruds", ""),
        ("launch openid fhirUser", ""),
        ("", ""),
    ],
)
async def test_what_each_scope_allows(
    client: httpx.AsyncClient, sandbox: Sandbox, scope: str, allowed: str
) -> None:
    ident = await stored(client, sandbox, observation())
    headers = bearer(sandbox, scope)
    update = observation(id=ident)
    answers = {
        "c": await client.post("/Observation", json=observation(), headers=headers),
        "r": await client.get(f"/Observation/{ident}", headers=headers),
        "s": await client.get("/Observation", params={"patient": "anna-woman"}, headers=headers),
        "u": await client.put(f"/Observation/{ident}", json=update, headers={**headers, "If-Match": 'W/"1"'}),
        "d": await client.delete(f"/Observation/{ident}", headers=headers),
    }
    assert "".join(letter for letter in sorted(answers) if answers[letter].is_success) == allowed
    for letter, answer in answers.items():
        if letter not in allowed:
            assert answer.status_code == 403
            assert "scope" in answer.json()["issue"][0]["diagnostics"]
            assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "text",
    [
        "patient/Observation.",
        "patient/Observation.sr",
        "patient/Observation.rr",
        "patient/Observation.Read",
        "patient/Unheard.rs",
        "patient/observation.rs",
        "system/Observation.rs",
        "patient/Observation.read?code=x",
        "patient/*.rs?code=x",
        "patient/Flag.rs?code=x",
        "openid",
        "",
    ],
)
def test_what_is_no_clinical_scope(text: str) -> None:
    assert parse(text) is None


def test_the_grant_keeps_order_and_drops_what_is_not_offered() -> None:
    asked = "openid patient/Flag.c launch/encounter patient/Flag.c launch online_access system/*.rs"
    assert grantable(asked) == "openid patient/Flag.c launch online_access"


def test_every_scope_that_is_announced_is_granted() -> None:
    announced = " ".join(supported())
    assert grantable(announced) == announced


async def test_a_scope_with_a_query_covers_only_what_the_query_finds(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    survey = await stored(client, sandbox, observation(category=SURVEY))
    other = await stored(client, sandbox, observation())
    headers = bearer(sandbox, f"patient/Observation.crs?category={SURVEY}")
    assert (await client.get(f"/Observation/{survey}", headers=headers)).status_code == 200
    assert (await client.get(f"/Observation/{other}", headers=headers)).status_code == 403
    found = (await client.get("/Observation", headers=headers)).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == [survey]
    refused = await client.post("/Observation", json=observation(), headers=headers)
    assert refused.status_code == 403
    taken = await client.post("/Observation", json=observation(category=SURVEY), headers=headers)
    assert taken.status_code == 201


@pytest.mark.parametrize("scope", ["patient/*.cruds", "user/*.cruds"])
async def test_nothing_is_written_for_another_patient_than_the_one_of_the_launch(
    client: httpx.AsyncClient, sandbox: Sandbox, scope: str
) -> None:
    theirs = await stored(client, sandbox, observation("peter-man"))
    headers = bearer(sandbox, scope)
    encounter = sandbox.open_encounter("peter-man", "dr-osei")
    before = len(list(sandbox.memory.all("Observation")))
    for body in (
        observation("peter-man"),
        observation(performer=[{"reference": "Patient/peter-man"}]),
        observation(encounter={"reference": f"Encounter/{encounter}"}),
        observation(hasMember=[{"reference": f"Observation/{theirs}"}]),
    ):
        assert (await client.post("/Observation", json=body, headers=headers)).status_code == 403
    stolen = observation(id=theirs)
    answer = await client.put(f"/Observation/{theirs}", json=stolen, headers={**headers, "If-Match": 'W/"1"'})
    assert answer.status_code == 403
    assert (await client.delete(f"/Observation/{theirs}", headers=headers)).status_code == 403
    assert len(list(sandbox.memory.all("Observation"))) == before
    assert len(sandbox.memory.history("Observation", theirs)) == 1


async def test_patient_scopes_read_only_the_compartment(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    mine = await stored(client, sandbox, observation())
    theirs = await stored(client, sandbox, observation("peter-man"))
    headers = bearer(sandbox, "patient/*.cruds")
    for address in (f"/Observation/{theirs}", "/Patient/peter-man", f"/Observation/{theirs}/_history"):
        assert (await client.get(address, headers=headers)).status_code == 403
    assert (await client.get("/Practitioner/dr-osei", headers=headers)).status_code == 200
    found = (await client.get("/Observation", headers=headers)).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == [mine]
    people = (await client.get("/Patient", headers=headers)).json()
    assert [entry["resource"]["id"] for entry in people["entry"]] == ["anna-woman"]
    for other in ("peter-man", "Patient/peter-man", "anna-woman,peter-man", "nobody"):
        named = await client.get("/Observation", params={"patient": other}, headers=headers)
        assert named.status_code == 403
    as_user = bearer(sandbox, "user/*.rs")
    named = await client.get("/Observation", params={"patient": "peter-man"}, headers=as_user)
    assert named.json()["total"] == 1


async def test_a_provenance_belongs_to_the_patient_of_its_targets(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    mine, theirs = [await stored(client, sandbox, observation(who)) for who in ("anna-woman", "peter-man")]

    def provenance(*targets: str) -> dict[str, Any]:
        return {
            "resourceType": "Provenance",
            "target": [{"reference": f"Observation/{target}"} for target in targets],
            "recorded": "2026-03-02T10:00:00Z",
            "agent": [{"who": {"reference": "Practitioner/dr-osei"}}],
        }

    headers = bearer(sandbox, "patient/*.cruds")
    answer = await client.post("/Provenance", json=provenance(mine), headers=headers)
    assert answer.status_code == 201
    for targets in ((theirs,), (mine, theirs)):
        refused = await client.post("/Provenance", json=provenance(*targets), headers=headers)
        assert refused.status_code == 403
    there = f"/Provenance/{answer.json()['id']}"
    assert (await client.get(there, headers=headers)).status_code == 200
    assert (await client.get(there, headers=bearer(sandbox, "patient/*.rs", "peter-man"))).status_code == 403


async def test_an_audit_event_belongs_to_the_patient_among_its_entities(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    def event(*entities: str) -> dict[str, Any]:
        return {
            "resourceType": "AuditEvent",
            "type": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110110"},
            "recorded": "2026-03-02T10:00:00Z",
            "agent": [{"requestor": True}],
            "source": {"observer": {"display": "x"}},
            "entity": [{"what": {"reference": entity}} for entity in entities],
        }

    headers = bearer(sandbox, "patient/AuditEvent.cs")
    mine = await client.post("/AuditEvent", json=event("Patient/anna-woman"), headers=headers)
    found = [
        (await client.get(f"/AuditEvent?{query}", headers=headers)).json()["total"]
        for query in ("patient=anna-woman", "type=110110", "type=x")
    ]

    assert mine.status_code == 201
    assert found == [1, 1, 0]
    for status, entities in ((403, ["Patient/peter-man"]), (422, ["Practitioner/dr-osei"]), (422, [])):
        body = {name: value for name, value in event(*entities).items() if value}
        assert (await client.post("/AuditEvent", json=body, headers=headers)).status_code == status
    there = f"/AuditEvent/{mine.json()['id']}"
    other = bearer(sandbox, "patient/*.rs", "peter-man")
    assert (await client.get(there, headers=other)).status_code == 403


async def test_without_a_launch_patient_patient_scopes_open_nothing(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    token = sandbox.tokens.issue(
        scope="patient/*.cruds", user="Practitioner/dr-osei", patient=None, expires_in=60
    )
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    assert (await client.get("/Patient/anna-woman", headers=headers)).status_code == 403
    assert (await client.post("/Observation", json=observation(), headers=headers)).status_code == 403


async def test_the_token_of_the_sandbox_reads_everything_and_writes_nothing(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    headers = {"Authorization": "Bearer all", "Content-Type": "application/fhir+json"}
    found = (await client.get("/Patient", headers=headers)).json()
    assert found["total"] == 16
    assert (await client.get("/Observation/clara-76499-3", headers=headers)).status_code == 200
    ident = await stored(client, sandbox, observation())
    assert (await client.post("/Observation", json=observation(), headers=headers)).status_code == 403
    changed = await client.put(
        f"/Observation/{ident}", json=observation(id=ident), headers={**headers, "If-Match": 'W/"1"'}
    )
    assert changed.status_code == 403
    assert (await client.delete(f"/Observation/{ident}", headers=headers)).status_code == 403
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": observation(), "request": {"method": "POST", "url": "Observation"}}],
    }
    assert (await client.post("", json=bundle, headers=headers)).status_code == 403
