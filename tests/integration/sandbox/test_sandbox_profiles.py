"""The record systems by name: what each declares is what a client then meets; and batches."""

from typing import Any

import httpx
import pytest

from ipvscreen.sandbox.profiles import PROFILES, SETTINGS
from ipvscreen.sandbox.switches import Switches

FHIR = {"Accept": "application/fhir+json"}
LABELS = [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]


def flag(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Flag",
        "meta": {"security": LABELS},
        "status": "active",
        "code": {"text": "See restricted note"},
        "subject": {"reference": "Patient/anna-woman"},
    } | more


def batch(*resources: dict[str, Any], **request: str) -> dict[str, Any]:
    entries = [
        {"resource": one, "request": {"method": "POST", "url": one["resourceType"]} | request}
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": "batch", "entry": entries}


@pytest.mark.parametrize("name", PROFILES)
def test_each_has_words_and_settings(name: str) -> None:
    switched = Switches()
    PROFILES[name](switched)
    assert switched != Switches()
    assert PROFILES[name].__doc__
    assert name in SETTINGS


@pytest.mark.parametrize("name", PROFILES)
async def test_what_is_not_declared_is_refused(
    anna: httpx.AsyncClient, switches: Switches, name: str
) -> None:
    PROFILES[name](switches)
    told = (await anna.get("/metadata", headers=FHIR)).json()["rest"][0]
    offered = {one["type"]: {code["code"] for code in one["interaction"]} for one in told["resource"]}
    for kind in ("QuestionnaireResponse", "Flag", "Task", "Provenance", "Procedure", "Communication"):
        codes = offered.get(kind, set())
        searched = await anna.get(f"/{kind}", params={"patient": "anna-woman"}, headers=FHIR)
        assert (searched.status_code == 200) == ("search-type" in codes), kind
        posted = await anna.post(f"/{kind}", json={"resourceType": kind}, headers=FHIR)
        assert (posted.status_code == 405) == ("create" not in codes), kind
        if not codes:
            assert searched.status_code == 404
    system = {one["code"] for one in told.get("interaction", ())}
    answered = await anna.post("", json=batch(flag()), headers=FHIR)
    assert (answered.status_code == 200) == ("batch" in system)


async def test_oracle_health_wants_fhir_json_by_its_name(anna: httpx.AsyncClient, switches: Switches) -> None:
    assert (await anna.get("/metadata", headers={"Accept": "*/*"})).status_code == 200
    PROFILES["oracle-health"](switches)
    assert (await anna.get("/metadata", headers={"Accept": "*/*"})).status_code == 406
    assert (await anna.get("/metadata", headers=FHIR)).status_code == 200


async def test_an_issuer_that_is_not_the_address(client: httpx.AsyncClient, switches: Switches) -> None:
    PROFILES["epic"](switches)
    told = (await client.get("/fhir/.well-known/smart-configuration")).json()
    assert switches.issuer
    assert told["issuer"] == switches.issuer
    assert not [scope for scope in told["scopes_supported"] if "/" in scope]


async def test_medplum_tells_an_id_in_the_body_alone(anna: httpx.AsyncClient, switches: Switches) -> None:
    PROFILES["medplum"](switches)
    made = await anna.post("/Flag", json=flag())
    assert made.status_code == 201
    assert "Location" not in made.headers
    assert made.json()["id"]


async def test_no_versions_where_none_are_told_of(anna: httpx.AsyncClient, switches: Switches) -> None:
    ident = (await anna.post("/Flag", json=flag())).json()["id"]
    assert (await anna.get(f"/Flag/{ident}/_history/1")).status_code == 200
    switches.unversioned = True
    for path in ("_history", "_history/1"):
        assert (await anna.get(f"/Flag/{ident}/{path}")).status_code == 405


async def test_a_batch_answers_each_entry_by_itself(anna: httpx.AsyncClient, switches: Switches) -> None:
    switches.batch = True
    wrong = flag(status="never")
    answer = await anna.post("", json=batch(flag(), wrong, flag()))
    assert answer.status_code == 200
    body = answer.json()
    assert body["type"] == "batch-response"
    assert [one["response"]["status"][:3] for one in body["entry"]] == ["201", "422", "201"]
    assert "never" in body["entry"][1]["response"]["outcome"]["issue"][0]["diagnostics"]
    places = [one["response"].get("location") for one in body["entry"]]
    assert places[1] is None
    assert places[0] != places[2]


async def test_in_a_batch_one_entry_cannot_refer_to_another(
    anna: httpx.AsyncClient, switches: Switches
) -> None:
    switches.batch = True
    urn = "urn:uuid:00000000-0000-4000-8000-000000000001"
    who = {
        "resourceType": "Provenance",
        "meta": {"security": LABELS},
        "target": [{"reference": urn}],
        "recorded": "2026-03-02T10:00:00Z",
        "agent": [{"who": {"display": "Clinician"}}],
    }
    together = batch(flag(), who)
    together["entry"][0]["fullUrl"] = urn
    statuses = [one["response"]["status"][:3] for one in (await anna.post("", json=together)).json()["entry"]]
    assert statuses == ["201", "422"]


async def test_batches_are_refused_unless_switched_on(anna: httpx.AsyncClient) -> None:
    assert (await anna.post("", json=batch(flag()))).status_code == 400
