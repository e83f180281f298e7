"""The sandbox's FHIR side: read, search, create, update; and its own words for each refusal."""

import json
from typing import Any

import httpx
import pytest

from ipvscreen.sandbox.kinds import SEARCH, WRITABLE
from ipvscreen.sandbox.state import Sandbox

BASE = "https://ehr.test"
FHIR_JSON = "application/fhir+json"
IDENTIFIER = "https://health-questionnaire.example/fhir/identifier"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


@pytest.fixture
def client(anna: httpx.AsyncClient) -> httpx.AsyncClient:
    return anna


def observation(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "76500-8"}]},
        "subject": {"reference": "Patient/anna-woman"},
        **more,
    }


def identified(value: str) -> dict[str, Any]:
    return {"identifier": [{"system": IDENTIFIER, "value": value}]}


def words(answer: httpx.Response) -> str:
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    assert answer.headers["content-type"] == FHIR_JSON
    assert set(body["issue"][0]) == {"severity", "code", "diagnostics"}
    return str(body["issue"][0]["diagnostics"])


async def test_a_created_resource_has_id_version_time_and_its_labels(client: httpx.AsyncClient) -> None:
    labels = [{"system": CONFIDENTIALITY, "code": "R"}, {"system": ACT, "code": "NOPAT"}]
    sent = observation(meta={"security": labels, "versionId": "77"}, id="mine")
    answer = await client.post("/Observation", json=sent)
    body = answer.json()
    assert answer.status_code == 201
    assert body["id"] != "mine"
    assert body["meta"] == {
        "security": labels,
        "versionId": "1",
        "lastUpdated": "2026-03-02T10:00:00.000Z",
    }
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["location"] == f"{BASE}/fhir/Observation/{body['id']}/_history/1"
    assert answer.headers["last-modified"] == "Mon, 02 Mar 2026 10:00:00 GMT"
    assert (await client.get(f"/Observation/{body['id']}")).json() == body


@pytest.mark.parametrize(
    ("prefer", "kind"),
    [
        ("return=representation", "Observation"),
        ("return=OperationOutcome", "OperationOutcome"),
        ("return=minimal", None),
    ],
)
async def test_the_answer_to_a_write_is_as_preferred(
    client: httpx.AsyncClient, prefer: str, kind: str | None
) -> None:
    answer = await client.post("/Observation", json=observation(), headers={"Prefer": prefer})
    assert answer.status_code == 201
    assert (answer.json()["resourceType"] if answer.content else None) == kind


async def test_an_update_needs_the_version_that_was_seen(client: httpx.AsyncClient) -> None:
    ident = (await client.post("/Observation", json=observation())).json()["id"]
    changed = observation(id=ident, status="amended")
    address = f"/Observation/{ident}"

    blind = await client.put(address, json=changed)
    assert (blind.status_code, words(blind)) == (
        428,
        "Say with If-Match which version of this Observation you have seen.",
    )
    first = await client.put(address, json=changed, headers={"If-Match": 'W/"1"'})
    assert (first.status_code, first.headers["etag"], first.json()["meta"]["versionId"]) == (
        200,
        'W/"2"',
        "2",
    )
    late = await client.put(address, json=changed, headers={"If-Match": 'W/"1"'})
    assert (late.status_code, words(late)) == (
        412,
        "This Observation has been changed since the version that you have seen.",
    )


@pytest.mark.parametrize(
    ("address", "ident", "status"),
    [("/Observation/unheard-of", "unheard-of", 404), ("/Observation/one", "another", 400)],
)
async def test_an_update_makes_nothing_new_and_moves_nothing(
    client: httpx.AsyncClient, address: str, ident: str, status: int
) -> None:
    answer = await client.put(address, json=observation(id=ident), headers={"If-Match": 'W/"1"'})
    assert answer.status_code == status
    words(answer)


async def test_a_conditional_create_makes_one_and_finds_it_again(client: httpx.AsyncClient) -> None:
    condition = {"If-None-Exist": f"identifier={IDENTIFIER}|a"}
    first = await client.post("/Observation", json=observation(**identified("a")), headers=condition)
    again = await client.post("/Observation", json=observation(**identified("a")), headers=condition)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]

    await client.post("/Observation", json=observation(**identified("a")))
    several = await client.post("/Observation", json=observation(**identified("a")), headers=condition)
    assert (several.status_code, words(several)) == (412, "More than one Observation matches the condition.")


@pytest.mark.parametrize(
    ("reference", "status"),
    [
        ("#a", 201),
        ("https://elsewhere.test/fhir/Device/1", 201),
        (f"{BASE}/fhir/Device/nowhere", 422),
        ("Device/nowhere", 422),
        ("Device", 422),
    ],
)
async def test_references_are_followed_inside_this_server_only(
    client: httpx.AsyncClient, reference: str, status: int
) -> None:
    device = {"contained": [{"resourceType": "Device", "id": "a"}], "device": {"reference": reference}}
    answer = await client.post("/Observation", json=observation(**device))
    assert answer.status_code == status


@pytest.mark.parametrize("condition", ["", "nonsense", "favourite=blue", "identifier="])
async def test_a_condition_that_is_no_search_is_refused(client: httpx.AsyncClient, condition: str) -> None:
    answer = await client.post("/Observation", json=observation(), headers={"If-None-Exist": condition})
    assert answer.status_code == 400
    words(answer)


async def test_a_condition_finds_nothing_of_another_patient(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    theirs = {"resourceType": "Observation", "id": "theirs", **observation(**identified("a"))}
    theirs["subject"] = {"reference": "Patient/peter-man"}
    sandbox.memory.put(theirs, sandbox.clock())
    answer = await client.post(
        "/Observation", json=observation(), headers={"If-None-Exist": f"identifier={IDENTIFIER}|a"}
    )
    assert answer.status_code == 403


SEARCHES = [
    ("Observation", "_id={id}", True),
    ("Observation", "_id=other", False),
    ("Observation", "_id=other,{id}", True),
    ("Observation", f"identifier={IDENTIFIER}|a", True),
    ("Observation", f"identifier={IDENTIFIER}|b,{IDENTIFIER}|a", True),
    ("Observation", f"identifier={IDENTIFIER}|", True),
    ("Observation", "identifier=a", True),
    ("Observation", "identifier=|a", False),
    ("Observation", "identifier=other|a", False),
    ("Observation", "patient=anna-woman", True),
    ("Observation", "patient=Patient/anna-woman", True),
    ("Observation", f"subject={BASE}/fhir/Patient/anna-woman", True),
    ("Observation", "subject=Practitioner/anna-woman", False),
    ("Observation", f"_security={CONFIDENTIALITY}|R", True),
    ("Observation", f"_security={CONFIDENTIALITY}|V", False),
    ("Observation", f"_security={ACT}|NOPAT&_security={CONFIDENTIALITY}|R", True),
    ("Observation", f"_security={ACT}|NOPAT&_security={CONFIDENTIALITY}|V", False),
    ("Observation", "status=final", True),
    ("Observation", "status=amended", False),
    ("Observation", "code=http://loinc.org|76500-8", True),
    ("Observation", "code=76501-6", False),
    ("Observation", "category=survey", True),
    ("Observation", "focus=Patient/anna-woman", True),
    ("Observation", "based-on=ServiceRequest/{request}", True),
    ("Observation", "encounter={encounter}", True),
    ("Observation", "encounter=Encounter/other", False),
    ("Task", "focus=ServiceRequest/{request}&based-on={request}", True),
    ("Task", "patient=anna-woman&code=fulfill", True),
    ("Provenance", "target=Observation/{id}", True),
    ("Provenance", "target=Observation/other", False),
    ("Provenance", "patient=anna-woman", True),
    ("Provenance", "patient=Patient/anna-woman&target=Observation/{id}", True),
]


@pytest.mark.parametrize("by_post", [False, True])
@pytest.mark.parametrize(("kind", "query", "found"), SEARCHES)
async def test_search(
    client: httpx.AsyncClient, sandbox: Sandbox, kind: str, query: str, found: bool, by_post: bool
) -> None:
    encounter = sandbox.open_encounter("anna-woman", "dr-osei")
    places = {"encounter": encounter, **await chart(client, encounter)}
    query = query.format(**places).replace("|", "%7C")
    if by_post:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.post(f"/{kind}/_search", content=query, headers=headers)
    else:
        answer = await client.get(f"/{kind}?{query}")
    bundle = answer.json()
    assert (bundle["type"], bundle["total"]) == ("searchset", int(found))
    assert [entry["resource"]["id"] for entry in bundle.get("entry", [])] == [places[kind]] * found
    for entry in bundle.get("entry", []):
        assert entry["fullUrl"] == f"{BASE}/fhir/{kind}/{places[kind]}"
        assert entry["search"] == {"mode": "match"}


async def chart(client: httpx.AsyncClient, encounter: str) -> dict[str, str]:
    """A request, an observation made for it, a task and a provenance; ids by type."""
    anna = {"reference": "Patient/anna-woman"}
    request = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "subject": anna,
    }
    request_id = (await client.post("/ServiceRequest", json=request)).json()["id"]
    based_on = [{"reference": f"ServiceRequest/{request_id}"}]
    seen = observation(
        **identified("a"),
        meta={"security": [{"system": CONFIDENTIALITY, "code": "R"}, {"system": ACT, "code": "NOPAT"}]},
        category=[{"coding": [{"system": "http://x.example", "code": "survey"}]}],
        encounter={"reference": f"Encounter/{encounter}"},
        focus=[anna],
        basedOn=based_on,
    )
    seen_id = (await client.post("/Observation", json=seen)).json()["id"]
    task = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
        "focus": based_on[0],
        "basedOn": based_on,
        "for": anna,
    }
    task_id = (await client.post("/Task", json=task)).json()["id"]
    provenance = {
        "resourceType": "Provenance",
        "target": [{"reference": f"Observation/{seen_id}"}],
        "recorded": "2026-03-02T10:00:00Z",
        "agent": [{"who": {"reference": "Practitioner/dr-osei"}}],
    }
    provenance_id = (await client.post("/Provenance", json=provenance)).json()["id"]
    return {
        "id": seen_id,
        "request": request_id,
        "Observation": seen_id,
        "Task": task_id,
        "Provenance": provenance_id,
    }


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/Observation?favourite=blue", "Observation cannot be searched by 'favourite' here."),
        ("/Observation?code:text=x", "Observation cannot be searched by 'code:text' here."),
        ("/Observation?_sort=date", "Observation cannot be searched by '_sort' here."),
        ("/Flag?status=active", "Flag cannot be searched by 'status' here."),
        ("/Observation?code=", "The search parameter 'code' has no value."),
        ("/Observation?_count=many", "_count and _offset are whole numbers."),
    ],
)
async def test_a_search_that_is_not_offered_is_refused(
    client: httpx.AsyncClient, address: str, said: str
) -> None:
    answer = await client.get(address)
    assert (answer.status_code, words(answer)) == (400, said)


async def test_pages_are_followed_by_their_links(client: httpx.AsyncClient) -> None:
    made = [(await client.post("/Observation", json=observation())).json()["id"] for _ in range(5)]
    seen, address = [], "/Observation?patient=anna-woman&_count=2"
    while address:
        bundle = (await client.get(address)).json()
        assert bundle["total"] == 5
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
        address = {link["relation"]: link["url"] for link in bundle["link"]}.get("next", "")
    assert seen == made
    none = (await client.get("/Observation?_count=0")).json()
    assert (none["total"], "entry" in none, len(none["link"])) == (5, False, 1)


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/Observation/unheard-of", 404),
        ("GET", "/Medication", 404),
        ("POST", "/Medication", 404),
        ("GET", "/Observation/x/y", 404),
        ("GET", "/Observation/x/_history/1/more", 404),
        ("DELETE", "/Observation", 405),
        ("DELETE", "/Patient/anna-woman", 405),
        ("DELETE", "/Observation/x/_history/1", 405),
        ("PATCH", "/Observation/x", 405),
        ("PUT", "/Observation", 405),
        ("GET", "/Observation/_search", 405),
        ("GET", "", 405),
        ("POST", "/Patient", 405),
        ("PUT", "/Patient/anna-woman", 405),
    ],
)
async def test_what_is_not_there_or_not_offered(
    client: httpx.AsyncClient, method: str, address: str, status: int
) -> None:
    answer = await client.request(method, address, content=json.dumps({"resourceType": "Patient"}))
    assert answer.status_code == status
    assert words(answer)
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Accept": "application/xml"}, 406),
        ({"Accept": "application/json"}, 406),
        ({"Accept": "text/html, application/fhir+json;q=0.5"}, 201),
        ({"Accept": "*/*"}, 201),
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "application/fhir+json; charset=latin-1"}, 415),
        ({"Content-Type": "application/fhir+json; charset=UTF-8"}, 201),
    ],
)
async def test_only_fhir_json_goes_in_and_out(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    answer = await client.post("/Observation", json=observation(), headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("", 400),
        ("{", 400),
        ("[]", 400),
        ("{}", 400),
        ('{"resourceType": 1}', 400),
        ('{"resourceType": "Observation", "resourceType": "Flag"}', 400),
        ('{"resourceType": "Observation", "valueInteger": NaN}', 400),
        ('{"resourceType": "Flag", "a": ' + "[" * 100 + "]" * 100 + "}", 400),
        ("[" * 500_000, 400),
        ('{"resourceType": "Flag"}', 400),
        ('{"resourceType": "Observation", "meta": []}', 422),
        ("x" * 1_048_577, 413),
    ],
)
async def test_a_body_that_cannot_be_read(client: httpx.AsyncClient, content: str, status: int) -> None:
    answer = await client.post("/Observation", content=content)
    assert answer.status_code == status
    assert words(answer)


async def test_a_search_form_must_be_a_form(client: httpx.AsyncClient) -> None:
    answer = await client.post("/Observation/_search", json={"patient": "anna-woman"})
    assert answer.status_code == 415


async def test_a_request_id_comes_back_or_is_made(client: httpx.AsyncClient) -> None:
    given = await client.get("/metadata", headers={"X-Request-Id": "abc-1"})
    assert given.headers["x-request-id"] == "abc-1"
    made = [
        (await client.get("/metadata", headers=headers)).headers["x-request-id"]
        for headers in ({}, {"X-Request-Id": "a b\tc"}, {"X-Request-Id": "x" * 65})
    ]
    assert len(set(made)) == 3
    assert all(len(one) == 36 for one in made)


async def test_the_capability_statement_tells_the_truth(client: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(transport=client._transport, base_url=f"{BASE}/fhir") as stranger:
        statement = (await stranger.get("/metadata")).json()
    [rest] = statement["rest"]
    assert [one["code"] for one in rest["interaction"]] == ["transaction"]
    by_type = {one["type"]: one for one in rest["resource"]}
    assert by_type.keys() == SEARCH.keys()
    for kind, told in by_type.items():
        offered = {one["code"] for one in told["interaction"]}
        assert {"read", "vread", "history-instance", "search-type"} <= offered
        assert ("create" in offered) == ("update" in offered) == (kind in WRITABLE)
        assert ("delete" in offered) == (kind in WRITABLE)
        assert told["conditionalCreate"] == (kind in WRITABLE)
        created = await client.post(f"/{kind}", json={"resourceType": kind})
        assert (created.status_code == 405) == ("create" not in offered)
        deleted = await client.delete(f"/{kind}/unheard-of")
        assert deleted.status_code == (204 if "delete" in offered else 405)
        for parameter in told["searchParam"]:
            answer = await client.get(f"/{kind}", params={parameter["name"]: "Patient/x"})
            assert answer.status_code in (200, 403)
