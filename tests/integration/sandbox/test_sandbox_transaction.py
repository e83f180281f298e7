"""A transaction stores everything or nothing, and says which entry stood in the way."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from ipvscreen.sandbox.state import Sandbox

BASE = "https://ehr.test"
IDENTIFIER = "https://health-questionnaire.example/fhir/identifier"
Entry = dict[str, Any]


@pytest.fixture
def client(anna: httpx.AsyncClient) -> httpx.AsyncClient:
    return anna


def entry(kind: str, *, url: str | None = None, condition: str | None = None, **body: Any) -> Entry:
    """A POST of one resource about Anna, under a new urn:uuid unless `url` says otherwise."""
    request = {"method": "POST", "url": kind, **({"ifNoneExist": condition} if condition else {})}
    return {
        "fullUrl": url or f"urn:uuid:{uuid4()}",
        "resource": {"resourceType": kind, **body},
        "request": request,
    }


def form(**more: Any) -> Entry:
    return entry(
        "QuestionnaireResponse", status="completed", subject={"reference": "Patient/anna-woman"}, **more
    )


def observation(**more: Any) -> Entry:
    body = {
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": "Patient/anna-woman"},
    }
    return entry("Observation", **{**body, **more})


def provenance(*targets: str) -> Entry:
    return entry(
        "Provenance",
        target=[{"reference": target} for target in targets],
        recorded="2026-03-02T10:00:00Z",
        agent=[{"who": {"reference": "Practitioner/dr-osei"}}],
    )


def bundle(*entries: Entry, kind: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def contents(sandbox: Sandbox) -> list[str]:
    return sorted(f"{body['resourceType']}/{body['id']}" for body in sandbox.memory.everything())


async def test_all_entries_are_stored_and_their_references_resolved(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    answered = form()
    seen = observation(derivedFrom=[{"reference": answered["fullUrl"]}])
    who = provenance(seen["fullUrl"], answered["fullUrl"])
    # The order of entries does not matter: the first refers to the last.
    answer = await client.post("", json=bundle(who, seen, answered))
    assert answer.status_code == 200
    body = answer.json()
    assert body["type"] == "transaction-response"
    responses = [one["response"] for one in body["entry"]]
    assert {one["status"] for one in responses} == {"201 Created"}
    assert {one["etag"] for one in responses} == {'W/"1"'}
    ids = [one["location"].split("/")[1] for one in responses]
    assert [one["location"] for one in responses] == [
        f"{kind}/{ident}/_history/1"
        for kind, ident in zip(("Provenance", "Observation", "QuestionnaireResponse"), ids, strict=True)
    ]
    stored = sandbox.memory.find("Observation", ids[1])
    assert stored is not None
    assert stored["derivedFrom"] == [{"reference": f"QuestionnaireResponse/{ids[2]}"}]
    provided = sandbox.memory.find("Provenance", ids[0])
    assert provided is not None
    assert [target["reference"] for target in provided["target"]] == [
        f"Observation/{ids[1]}",
        f"QuestionnaireResponse/{ids[2]}",
    ]


async def test_the_resources_come_back_where_they_are_preferred(client: httpx.AsyncClient) -> None:
    headers = {"Prefer": "return=representation"}
    whole = (await client.post("/", json=bundle(form()), headers=headers)).json()
    assert whole["entry"][0]["resource"]["meta"]["versionId"] == "1"
    bare = (await client.post("", json=bundle(form()))).json()
    assert "resource" not in bare["entry"][0]


async def test_an_update_and_a_create_go_together(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    first = (await client.post("", json=bundle(observation()))).json()
    ident = first["entry"][0]["response"]["location"].split("/")[1]
    changed = observation(id=ident, status="amended")
    changed["request"] = {"method": "PUT", "url": f"Observation/{ident}", "ifMatch": 'W/"1"'}
    del changed["fullUrl"]
    answer = await client.post("", json=bundle(changed, provenance(f"Observation/{ident}")))
    statuses = [one["response"]["status"] for one in answer.json()["entry"]]
    assert statuses == ["200 OK", "201 Created"]
    assert len(sandbox.memory.history("Observation", ident)) == 2


async def test_sent_again_a_conditional_transaction_stores_nothing_new(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    def identified(name: str) -> dict[str, Any]:
        return {
            "identifier": [{"system": IDENTIFIER, "value": name}],
            "condition": f"identifier={IDENTIFIER}|{name}",
        }

    sent = bundle(observation(**identified("a")), observation(**identified("b")))
    first = (await client.post("", json=sent)).json()
    before = contents(sandbox)
    again = (await client.post("", json=sent)).json()
    assert contents(sandbox) == before
    assert {one["response"]["status"] for one in again["entry"]} == {"200 OK"}
    assert [one["response"]["location"] for one in again["entry"]] == [
        one["response"]["location"] for one in first["entry"]
    ]

    # What was found is what new entries then refer to.
    found = again["entry"][0]["response"]["location"].removesuffix("/_history/1")
    third = provenance(sent["entry"][0]["fullUrl"])
    await client.post("", json=bundle(sent["entry"][0], third))
    [provided] = sandbox.memory.all("Provenance")
    assert provided["target"] == [{"reference": found}]


def without(name: str) -> Entry:
    whole = observation()
    whole["resource"].pop(name)
    return whole


def request(**changes: Any) -> Entry:
    whole = observation()
    whole["request"].update(changes)
    return whole


TWIN = f"urn:uuid:{uuid4()}"

BROKEN = [
    (without("status"), 422, "is not valid FHIR R4"),
    (without("subject"), 422, "does not say which patient"),
    (observation(status="splendid"), 422, "'splendid' is not one of"),
    (observation(subject={"reference": "Patient/peter-man"}), 403, "another patient"),
    (observation(subject={"reference": "Patient/nobody"}), 422, "leads nowhere"),
    (observation(hasMember=[{"reference": f"urn:uuid:{uuid4()}"}]), 422, "leads nowhere"),
    (observation(hasMember=[{"reference": "Observation?identifier=x"}]), 422, "leads nowhere"),
    (request(method="DELETE", url="Observation/x"), 400, "is a POST to a type or a PUT"),
    (request(method="GET"), 400, "is a POST to a type or a PUT"),
    (request(method="PUT"), 400, "is a POST to a type or a PUT"),
    (request(url="Observation/x"), 400, "is a POST to a type or a PUT"),
    (request(method="PUT", url="Observation/x"), 400, "The id in the body"),
    (request(url="Flag"), 400, "is not a Flag"),
    (request(url="Medication"), 404, "no resources called 'Medication'"),
    (request(url="Patient"), 405, "takes no new Patient"),
    (request(ifNoneExist="favourite=blue"), 400, "cannot be searched by"),
    (entry("Flag", url="urn:uuid:NOT-A-UUID"), 400, "lower-case UUID"),
    (entry("Flag", url=f"{BASE}/fhir/Flag/1"), 400, "lower-case UUID"),
]


@pytest.mark.parametrize(("broken", "status", "said"), BROKEN)
async def test_one_bad_entry_keeps_all_of_them_out(
    client: httpx.AsyncClient, sandbox: Sandbox, broken: Entry, status: int, said: str
) -> None:
    before = contents(sandbox)
    answer = await client.post("", json=bundle(form(), broken, observation()))
    assert answer.status_code == status
    words = answer.json()["issue"][0]["diagnostics"]
    assert said in words
    assert words.startswith("Entry 1: ")
    assert contents(sandbox) == before


async def test_entries_must_not_be_twins(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    before = contents(sandbox)
    one, other = observation(), observation()
    other["fullUrl"] = one["fullUrl"]
    same_condition = [observation(condition="code=x"), observation(condition="code=x")]
    for twins in ((one, other), same_condition):
        answer = await client.post("", json=bundle(*twins))
        assert answer.status_code == 400
        assert "the same" in answer.json()["issue"][0]["diagnostics"]
    assert contents(sandbox) == before


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (bundle(form(), kind="batch"), 400),
        (bundle(form(), kind="collection"), 400),
        (bundle(), 400),
        ({"resourceType": "Bundle", "type": "transaction", "entry": ["x"]}, 400),
        ({"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "POST"}}]}, 422),
        ({**bundle(form()), "colour": "blue"}, 422),
        (form()["resource"], 400),
    ],
)
async def test_only_a_well_formed_transaction_is_taken(
    client: httpx.AsyncClient, sent: dict[str, Any], status: int
) -> None:
    answer = await client.post("", json=sent)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_the_scopes_hold_for_every_entry(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    scope = "patient/QuestionnaireResponse.cruds patient/Observation.rs"
    token = sandbox.token(patient="anna-woman", clinician="dr-osei", scope=scope)
    headers = {"Authorization": f"Bearer {token}"}
    before = contents(sandbox)
    refused = await client.post("", json=bundle(form(), observation()), headers=headers)
    assert refused.status_code == 403
    assert refused.json()["issue"][0]["diagnostics"].startswith("Entry 1: The granted scopes")
    assert contents(sandbox) == before
    assert (await client.post("", json=bundle(form()), headers=headers)).status_code == 200


async def test_provenances_that_aim_at_each_other_are_about_nobody(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    one, other = provenance(TWIN), provenance(TWIN)
    other["fullUrl"] = TWIN
    answer = await client.post("", json=bundle(one, other))
    assert answer.status_code == 422
