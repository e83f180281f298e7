"""What a record was and is no more: vread, history, delete (FHIR R4, http.html)."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fhirclient.models.bundle import Bundle

from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.switches import Switches

BASE = "https://ehr.test"
IDENTIFIER = "https://health-questionnaire.example/fhir/identifier"
LABELS = [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]


def observation(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "meta": {"security": LABELS},
        "identifier": [{"system": IDENTIFIER, "value": "a"}],
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": "Patient/anna-woman"},
        **more,
    }


@pytest.fixture
async def ident(anna: httpx.AsyncClient, clock: Any) -> str:
    """An Observation with three versions: made at 10:00, changed at 10:01 and at 10:02."""
    ident = str((await anna.post("/Observation", json=observation())).json()["id"])
    for number, status in ((1, "amended"), (2, "corrected")):
        clock.forward(minutes=1)
        changed = observation(id=ident, status=status)
        answer = await anna.put(f"/Observation/{ident}", json=changed, headers={"If-Match": f'W/"{number}"'})
        assert answer.status_code == 200
    return ident


async def history(anna: httpx.AsyncClient, ident: str, **params: str) -> dict[str, Any]:
    answer = await anna.get(f"/Observation/{ident}/_history", params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_every_version_is_read_by_its_number(anna: httpx.AsyncClient, ident: str) -> None:
    found = [await anna.get(f"/Observation/{ident}/_history/{number}") for number in (1, 2, 3)]
    assert [one.json()["status"] for one in found] == ["final", "amended", "corrected"]
    assert [one.headers["etag"] for one in found] == ['W/"1"', 'W/"2"', 'W/"3"']
    assert [one.headers["last-modified"][-12:] for one in found] == [
        "10:00:00 GMT",
        "10:01:00 GMT",
        "10:02:00 GMT",
    ]
    assert (await anna.get(f"/Observation/{ident}")).json() == found[2].json()
    for number in ("0", "4", "01", "x"):
        assert (await anna.get(f"/Observation/{ident}/_history/{number}")).status_code == 404


async def test_the_history_is_whole_and_newest_first(anna: httpx.AsyncClient, ident: str) -> None:
    await anna.delete(f"/Observation/{ident}")
    found = await history(anna, ident)
    assert (found["type"], found["total"]) == ("history", 4)
    assert [entry["request"] for entry in found["entry"]] == [
        {"method": "DELETE", "url": f"Observation/{ident}"},
        {"method": "PUT", "url": f"Observation/{ident}"},
        {"method": "PUT", "url": f"Observation/{ident}"},
        {"method": "POST", "url": "Observation"},
    ]
    assert [entry["response"]["status"] for entry in found["entry"]] == ["204", "200", "200", "201"]
    assert [entry["response"]["etag"] for entry in found["entry"]] == [f'W/"{n}"' for n in (4, 3, 2, 1)]
    assert [entry["response"]["lastModified"][11:16] for entry in found["entry"]] == [
        "10:02",
        "10:02",
        "10:01",
        "10:00",
    ]
    assert {entry["fullUrl"] for entry in found["entry"]} == {f"{BASE}/fhir/Observation/{ident}"}
    assert "resource" not in found["entry"][0]
    for entry in found["entry"][1:]:
        number = entry["resource"]["meta"]["versionId"]
        assert entry["response"]["etag"] == f'W/"{number}"'
        assert entry["resource"]["meta"]["security"] == LABELS
    assert Bundle(found, strict=True).as_json() == found


async def test_the_history_comes_in_pages(anna: httpx.AsyncClient, ident: str) -> None:
    seen, address = [], f"/Observation/{ident}/_history?_count=2"
    while address:
        page = (await anna.get(address)).json()
        assert page["total"] == 3
        seen += [entry["resource"]["meta"]["versionId"] for entry in page["entry"]]
        address = {link["relation"]: link["url"] for link in page["link"]}.get("next", "")
    assert seen == ["3", "2", "1"]


@pytest.mark.parametrize(
    ("since", "numbers"),
    [
        ("2026-03-02T10:01:00Z", ["3", "2"]),
        ("2026-03-02T11:01:00.500+01:00", ["3"]),
        ("2026-03-02T10:03:00Z", []),
    ],
)
async def test_the_history_since_an_instant(
    anna: httpx.AsyncClient, ident: str, since: str, numbers: list[str]
) -> None:
    found = await history(anna, ident, _since=since)
    assert [entry["resource"]["meta"]["versionId"] for entry in found.get("entry", [])] == numbers
    assert found["total"] == len(numbers)


@pytest.mark.parametrize(
    "query",
    [
        "_since=2026-03-02",
        "_since=2026-03-02T10:01:00",
        "_since=2026-13-02T10:01:00Z",
        "_since=",
        "_since=2026-03-02T10:01:00Z&_since=2026-03-02T10:01:00Z",
        "_at=2026",
        "_count=x",
    ],
)
async def test_what_cannot_be_asked_of_a_history(anna: httpx.AsyncClient, ident: str, query: str) -> None:
    answer = await anna.get(f"/Observation/{ident}/_history?{query}")
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_what_was_deleted_is_gone_and_its_versions_stay(anna: httpx.AsyncClient, ident: str) -> None:
    answer = await anna.delete(f"/Observation/{ident}")
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (204, b"", 'W/"4"')
    for address in (f"/Observation/{ident}", f"/Observation/{ident}/_history/4"):
        gone = await anna.get(address)
        assert (gone.status_code, gone.headers["etag"]) == (410, 'W/"4"')
        assert gone.json()["issue"][0]["code"] == "deleted"
    assert (await anna.get(f"/Observation/{ident}/_history/3")).json()["status"] == "corrected"
    for query in ({"_id": ident}, {"patient": "anna-woman"}, {"identifier": f"{IDENTIFIER}|a"}):
        assert (await anna.get("/Observation", params=query)).json()["total"] == 0


@pytest.mark.parametrize("again", ["deleted", "unheard-of"])
async def test_deleting_what_is_not_there_changes_nothing(
    anna: httpx.AsyncClient, ident: str, again: str
) -> None:
    await anna.delete(f"/Observation/{ident}")
    answer = await anna.delete(f"/Observation/{ident if again == 'deleted' else again}")
    assert answer.status_code == 204
    assert (await history(anna, ident))["total"] == 4


async def test_what_was_deleted_is_not_changed_and_not_referred_to(
    anna: httpx.AsyncClient, ident: str
) -> None:
    await anna.delete(f"/Observation/{ident}")
    body = observation(id=ident)
    answer = await anna.put(f"/Observation/{ident}", json=body, headers={"If-Match": 'W/"4"'})
    assert answer.status_code == 410
    member = observation(hasMember=[{"reference": f"Observation/{ident}"}])
    assert (await anna.post("/Observation", json=member)).status_code == 422


async def test_a_condition_does_not_find_what_was_deleted(anna: httpx.AsyncClient, ident: str) -> None:
    await anna.delete(f"/Observation/{ident}")
    condition = {"If-None-Exist": f"identifier={IDENTIFIER}|a"}
    answer = await anna.post("/Observation", json=observation(), headers=condition)
    assert answer.status_code == 201
    assert answer.json()["id"] != ident


async def test_a_delete_can_name_the_version_that_was_seen(anna: httpx.AsyncClient, ident: str) -> None:
    late = await anna.delete(f"/Observation/{ident}", headers={"If-Match": 'W/"2"'})
    assert late.status_code == 412
    assert (await anna.delete(f"/Observation/{ident}", headers={"If-Match": 'W/"3"'})).status_code == 204


async def test_what_others_refer_to_stays_until_they_are_gone(anna: httpx.AsyncClient, ident: str) -> None:
    provenance = {
        "resourceType": "Provenance",
        "target": [{"reference": f"{BASE}/fhir/Observation/{ident}"}],
        "recorded": "2026-03-02T10:00:00Z",
        "agent": [{"who": {"reference": "Practitioner/dr-osei"}}],
    }
    other = (await anna.post("/Provenance", json=provenance)).json()["id"]
    refused = await anna.delete(f"/Observation/{ident}")
    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (409, "conflict")
    assert "Provenance" in refused.json()["issue"][0]["diagnostics"]

    assert (await anna.delete(f"/Provenance/{other}")).status_code == 204
    assert (await anna.delete(f"/Observation/{ident}")).status_code == 204
    # All that it was about is gone, and it still belongs to the same patient.
    assert (await anna.get(f"/Provenance/{other}")).status_code == 410


async def test_the_versions_of_another_patient_stay_theirs(
    app: Any, sandbox: Sandbox, joined: Callable[..., httpx.AsyncClient], anna: httpx.AsyncClient, ident: str
) -> None:
    token = sandbox.token(patient="peter-man", clinician="dr-osei", scope="patient/*.cruds")
    peter = joined(app, f"{BASE}/fhir", Authorization=f"Bearer {token}")
    for round_ in ("there", "deleted"):
        for address in ("", "/_history", "/_history/1", "/_history/4"):
            answer = await peter.get(f"/Observation/{ident}{address}")
            assert answer.status_code == 403, (round_, address)
        await anna.delete(f"/Observation/{ident}")


async def test_a_record_system_without_deletes_or_history(
    anna: httpx.AsyncClient, ident: str, switches: Switches
) -> None:
    switches.no_delete = switches.no_history = True
    assert (await anna.delete(f"/Observation/{ident}")).status_code == 405
    assert (await anna.get(f"/Observation/{ident}/_history")).status_code == 405
    assert (await anna.get(f"/Observation/{ident}/_history/1")).status_code == 200
    [rest] = (await anna.get("/metadata")).json()["rest"]
    for told in rest["resource"]:
        assert not {"delete", "history-instance"} & {one["code"] for one in told["interaction"]}
        assert told["readHistory"] is False


async def test_a_lost_answer_to_a_delete(anna: httpx.AsyncClient, ident: str, switches: Switches) -> None:
    switches.lose_answer = True
    assert (await anna.delete(f"/Observation/{ident}")).status_code == 500
    assert (await anna.get(f"/Observation/{ident}")).status_code == 410
