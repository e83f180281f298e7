"""Each switch of the sandbox record system makes it fail in its own way, and can be taken back."""

import asyncio
from typing import Any

import httpx
import pytest

from ipvscreen.sandbox.state import Sandbox
from ipvscreen.sandbox.switches import Refuse, Switches

BASE = "https://ehr.test"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
LABELS = [{"system": CONFIDENTIALITY, "code": "R"}]


@pytest.fixture
def client(anna: httpx.AsyncClient) -> httpx.AsyncClient:
    return anna


def flag() -> dict[str, Any]:
    return {
        "resourceType": "Flag",
        "meta": {"security": LABELS},
        "status": "active",
        "code": {"text": "See restricted note"},
        "subject": {"reference": "Patient/anna-woman"},
    }


def transaction(*bodies: dict[str, Any]) -> dict[str, Any]:
    entries = [
        {"resource": body, "request": {"method": "POST", "url": body["resourceType"]}} for body in bodies
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def flags(sandbox: Sandbox) -> int:
    return len(list(sandbox.memory.all("Flag")))


async def capability(client: httpx.AsyncClient) -> dict[str, Any]:
    [rest] = (await client.get("/metadata")).json()["rest"]
    return {**rest, "resource": {one["type"]: one for one in rest["resource"]}}


async def test_without_transactions(client: httpx.AsyncClient, switches: Switches) -> None:
    switches.no_transaction = True
    assert "interaction" not in await capability(client)
    answer = await client.post("", json=transaction(flag()))
    assert answer.status_code == 405
    assert "not taken" in answer.json()["issue"][0]["diagnostics"]
    switches.no_transaction = False
    assert (await client.post("", json=transaction(flag()))).status_code == 200


async def test_without_conditional_create(client: httpx.AsyncClient, switches: Switches) -> None:
    switches.no_conditional_create = True
    told = (await capability(client))["resource"]
    assert not any(one["conditionalCreate"] for one in told.values())
    condition = {"If-None-Exist": "identifier=a|b"}
    assert (await client.post("/Flag", json=flag(), headers=condition)).status_code == 412
    bundle = transaction(flag())
    bundle["entry"][0]["request"]["ifNoneExist"] = "identifier=a|b"
    assert (await client.post("", json=bundle)).status_code == 412


async def test_without_flags(client: httpx.AsyncClient, switches: Switches, sandbox: Sandbox) -> None:
    switches.flag_create = False
    told = (await capability(client))["resource"]
    assert {"code": "create"} not in told["Flag"]["interaction"]
    assert {"code": "create"} in told["Observation"]["interaction"]
    for address, body in (("/Flag", flag()), ("", transaction(flag()))):
        answer = await client.post(address, json=body)
        assert answer.status_code == 405
        assert "takes no new Flag" in answer.json()["issue"][0]["diagnostics"]
    assert flags(sandbox) == 0


async def test_labels_are_dropped_on_storing(client: httpx.AsyncClient, switches: Switches) -> None:
    switches.drop_labels = {"Flag"}
    single = (await client.post("/Flag", json=flag())).json()
    await client.post("", json=transaction(flag()))
    found = (await client.get("/Flag?patient=anna-woman")).json()["entry"]
    assert len(found) == 2
    assert all("security" not in entry["resource"]["meta"] for entry in found)
    assert "security" not in (await client.get(f"/Flag/{single['id']}")).json()["meta"]


async def test_labels_are_missing_in_search_alone(client: httpx.AsyncClient, switches: Switches) -> None:
    ident = (await client.post("/Flag", json=flag())).json()["id"]
    switches.labels_missing_in_search = True
    found = (await client.get(f"/Flag?_security={CONFIDENTIALITY}%7CR")).json()
    assert "security" not in found["entry"][0]["resource"]["meta"]
    assert (await client.get(f"/Flag/{ident}")).json()["meta"]["security"] == LABELS


@pytest.mark.parametrize("status", [401, 403, 404, 409, 412, 422, 429, 500, 503])
@pytest.mark.parametrize("key", [("POST", "Flag"), ("POST", "*"), ("*", "Flag"), ("*", "*")])
async def test_refusals(
    client: httpx.AsyncClient, switches: Switches, sandbox: Sandbox, status: int, key: tuple[str, str]
) -> None:
    switches.refuse[key] = status
    for address, body in (("/Flag", flag()), ("", transaction(flag()))):
        answer = await client.post(address, json=body)
        assert answer.status_code == status
        assert answer.json()["issue"][0]["diagnostics"]
        assert ("retry-after" in answer.headers) == (status == 429)
        assert ("www-authenticate" in answer.headers) == (status == 401)
    assert flags(sandbox) == 0
    switches.refuse.clear()
    assert (await client.post("/Flag", json=flag())).status_code == 201


async def test_each_status_has_words_of_its_own(client: httpx.AsyncClient, switches: Switches) -> None:
    words = set()
    for status in (401, 403, 404, 409, 412, 422, 429, 500):
        switches.refuse["GET", "Patient"] = status
        answer = await client.get("/Patient/anna-woman")
        words.add(answer.json()["issue"][0]["diagnostics"])
    assert len(words) == 8


async def test_refused_halfway_and_then_no_more(
    client: httpx.AsyncClient, switches: Switches, sandbox: Sandbox
) -> None:
    switches.refuse["POST", "*"] = Refuse(403, after=2, times=1)
    statuses = [(await client.post("/Flag", json=flag())).status_code for _ in range(4)]
    assert statuses == [201, 201, 403, 201]
    assert flags(sandbox) == 3


@pytest.mark.parametrize("what", ["metadata", "smart-configuration"])
async def test_documents_are_refused_by_name_only(
    client: httpx.AsyncClient, switches: Switches, what: str
) -> None:
    address = {"metadata": "/metadata"}.get(what, "/.well-known/smart-configuration")
    switches.refuse["*", "*"] = 500
    assert (await client.get(address)).status_code == 200
    switches.refuse["GET", what] = 404
    assert (await client.get(address)).status_code == 404


async def test_a_search_is_a_get_however_it_is_sent(client: httpx.AsyncClient, switches: Switches) -> None:
    switches.refuse["POST", "Flag"] = 500
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await client.post("/Flag/_search", content="", headers=form)).status_code == 200


async def test_it_hangs(client: httpx.AsyncClient, switches: Switches, sandbox: Sandbox) -> None:
    switches.hang, switches.at = 30.0, ("POST", "Flag")
    assert (await client.get("/Patient/anna-woman")).status_code == 200
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.post("/Flag", json=flag()), 0.05)
    assert flags(sandbox) == 0


async def test_it_hangs_up(client: httpx.AsyncClient, switches: Switches, sandbox: Sandbox) -> None:
    switches.hang_up = True
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post("/Flag", json=flag())
    assert flags(sandbox) == 0
    switches.at = ("GET", "Patient")
    assert (await client.post("/Flag", json=flag())).status_code == 201


async def test_it_hangs_up_on_a_socket_without_a_whole_answer(app: Any, switches: Switches) -> None:
    switches.hang_up = True
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/fhir/Patient",
        "headers": [],
        "query_string": b"",
        "app": app,
    }
    with pytest.raises(httpx.RemoteProtocolError):
        await app(scope, receive, send)
    # Begun, with a length that never comes: the server can only close the connection.
    assert [message["type"] for message in sent] == ["http.response.start"]


@pytest.mark.parametrize("how", [True, "hang-up"])
async def test_it_stores_and_loses_the_answer(
    client: httpx.AsyncClient, switches: Switches, sandbox: Sandbox, how: Any
) -> None:
    switches.lose_answer = how
    for count, (address, body) in enumerate((("/Flag", flag()), ("", transaction(flag()))), 1):
        if how is True:
            assert (await client.post(address, json=body)).status_code == 500
        else:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.post(address, json=body)
        assert flags(sandbox) == count
    assert (await client.get("/Flag")).json()["total"] == 2
    switches.at = ("POST", "Observation")
    assert (await client.post("/Flag", json=flag())).status_code == 201


async def test_a_201_without_a_body(client: httpx.AsyncClient, switches: Switches) -> None:
    switches.empty_201 = True
    answer = await client.post("/Flag", json=flag())
    assert (answer.status_code, answer.content) == (201, b"")
    assert (await client.get(answer.headers["location"])).json()["resourceType"] == "Flag"
