"""The sandbox charity takes each message once, and only a whole one."""

import asyncio
from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from ipvscreen.sandbox.charity import Charity, create_charity
from ipvscreen.sandbox.switches import Refuse

BASE = "https://service.test"
HEADER, PATIENT, REQUEST, TASK = (f"urn:uuid:0000000{n}-0000-4000-8000-000000000000" for n in range(1, 5))
IDS = {"X-Request-ID": "request-1", "X-Correlation-ID": "referral-1"}
READER = {"Authorization": "Bearer all"}


@pytest.fixture
def app() -> Any:
    return create_charity(base_url=BASE, token="all", clock=lambda: datetime(2026, 3, 2, 10, 0, tzinfo=UTC))


@pytest.fixture
def charity(app: Any) -> Charity:
    return app.state.sandbox


@pytest.fixture
async def client(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Content-Type": "application/fhir+json", **IDS}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers) as client:
        yield client


def message(identifier: str = "m-1") -> dict[str, Any]:
    header = {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": "https://a.example/events", "code": "referral-new"},
        "destination": [{"name": "Millbrook mothers", "endpoint": f"{BASE}/fhir"}],
        "source": {"name": "Health questionnaire", "endpoint": "https://app.test"},
        "focus": [{"reference": TASK}],
    }
    patient = {
        "resourceType": "Patient",
        "name": [{"text": "Anna Whitfield"}],
        "telecom": [{"system": "phone", "value": "01632 960123"}],
        "extension": [{"url": "https://a.example/rules", "valueString": "Times: after six. No voicemail."}],
    }
    request = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "subject": {"reference": PATIENT},
        "requester": {"display": "Dr Grace Osei"},
        "note": [{"text": "Rings <b>back</b>"}],
    }
    task = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "focus": {"reference": REQUEST},
        "for": {"reference": PATIENT},
        "input": [
            {"type": {"text": "Help wanted"}, "valueCodeableConcept": {"coding": [{"display": "Housing"}]}}
        ],
    }
    entries = {HEADER: header, PATIENT: patient, REQUEST: request, TASK: task}
    return {
        "resourceType": "Bundle",
        "identifier": {"system": "https://a.example/ids", "value": identifier},
        "type": "message",
        "timestamp": "2026-03-02T10:00:00Z",
        "entry": [{"fullUrl": url, "resource": body} for url, body in entries.items()],
    }


@pytest.mark.parametrize("address", ["/fhir/$process-message", "/fhir", "/fhir/"])
async def test_a_message_is_taken_and_answered(
    client: httpx.AsyncClient, charity: Charity, address: str
) -> None:
    answer = await client.post(address, json=message())
    assert answer.status_code == 200
    assert answer.headers["x-request-id"] == "request-1"
    assert answer.headers["x-correlation-id"] == "referral-1"
    [stored] = charity.received()
    assert answer.headers["location"] == f"{BASE}/fhir/Bundle/{stored['id']}"
    assert stored["entry"] == message()["entry"]
    header = answer.json()["entry"][0]["resource"]
    assert header["response"] == {"identifier": HEADER.removeprefix("urn:uuid:"), "code": "ok"}
    assert header["eventCoding"]["code"] == "referral-new"


@pytest.mark.parametrize(
    ("identifier", "request_id"), [("m-1", "request-2"), ("m-2", "request-1"), ("m-1", "request-1")]
)
async def test_what_is_here_is_a_duplicate(
    client: httpx.AsyncClient, charity: Charity, identifier: str, request_id: str
) -> None:
    first = await client.post("/fhir/$process-message", json=message())
    again = await client.post(
        "/fhir/$process-message", json=message(identifier), headers={"X-Request-ID": request_id}
    )
    assert again.status_code == 409
    assert again.json()["issue"][0]["code"] == "duplicate"
    assert again.headers["location"] == first.headers["location"]
    assert len(charity.received()) == 1


@pytest.mark.parametrize("missing", ["X-Request-ID", "X-Correlation-ID"])
async def test_both_ids_are_needed(app: Any, charity: Charity, missing: str) -> None:
    headers = {"Content-Type": "application/fhir+json", **IDS}
    del headers[missing]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        answer = await client.post("/fhir/$process-message", json=message(), headers=headers)
    assert answer.status_code == 400
    assert charity.received() == []


def broken(**changes: Any) -> dict[str, Any]:
    """A message whose first, second or fourth resource (header, patient, task) is changed."""
    bad = deepcopy(message())
    for name, value in changes.items():
        place = {"header": 0, "patient": 1, "task": 3}[name]
        bad["entry"][place]["resource"].update(value)
    return bad


@pytest.mark.parametrize(
    ("bad", "status", "said"),
    [
        ({**message(), "type": "transaction"}, 400, "type message"),
        (message()["entry"][1]["resource"], 400, "type message"),
        ({**message(), "colour": "blue"}, 422, "Bundle.colour"),
        ({**message(), "entry": message()["entry"][1:]}, 422, "MessageHeader"),
        ({"resourceType": "Bundle", "type": "message"}, 422, "MessageHeader"),
        (broken(task={"for": {"reference": "Patient/anna-woman"}}), 422, "is not in the message"),
        (broken(task={"for": {"reference": "https://ehr.test/fhir/Patient/1"}}), 422, "not in the message"),
        (broken(header={"focus": [{"reference": f"{TASK[:-1]}9"}]}), 422, "is not in the message"),
        (broken(task={"status": "done"}), 422, "'done' is not one of"),
        (broken(patient={"gender": "W"}), 422, "'W' is not one of"),
        (
            broken(header={"destination": [{"endpoint": "https://other.test/fhir"}]}),
            422,
            "addressed to someone else",
        ),
    ],
)
async def test_a_message_that_is_not_whole_is_refused(
    client: httpx.AsyncClient, charity: Charity, bad: dict[str, Any], status: int, said: str
) -> None:
    answer = await client.post("/fhir/$process-message", json=bad)
    assert answer.status_code == status
    assert said in answer.json()["issue"][0]["diagnostics"]
    assert charity.received() == []
    # A refused message is not remembered: mended, it may come under the same ids.
    assert (await client.post("/fhir/$process-message", json=message())).status_code == 200


async def test_references_by_type_and_id_resolve_inside(client: httpx.AsyncClient) -> None:
    whole = message()
    whole["entry"][1]["resource"]["id"] = "p1"
    whole["entry"][3]["resource"]["for"] = {"reference": "Patient/p1"}
    assert (await client.post("/fhir/$process-message", json=whole)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"), [({"Content-Type": "application/json"}, 415), ({"Accept": "text/html"}, 406)]
)
async def test_messages_are_fhir_json(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    answer = await client.post("/fhir/$process-message", json=message(), headers=headers)
    assert answer.status_code == status


async def test_what_was_received_is_read_with_the_token_only(
    client: httpx.AsyncClient, charity: Charity
) -> None:
    await client.post("/fhir/$process-message", json=message())
    ident = charity.received()[0]["id"]
    for address in ("/fhir/Bundle", f"/fhir/Bundle/{ident}"):
        assert (await client.get(address)).status_code == 401
        wrong = await client.get(address, headers={"Authorization": "Bearer other"})
        assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, "Bearer")
    assert (await client.get(f"/fhir/Bundle/{ident}", headers=READER)).json()["id"] == ident
    assert (await client.get("/fhir/Bundle/other", headers=READER)).status_code == 404


@pytest.mark.parametrize(
    ("query", "total"),
    [("", 1), ("?identifier=https://a.example/ids%7Cm-1", 1), ("?identifier=other", 0), ("?_id=other", 0)],
)
async def test_what_was_received_is_found(client: httpx.AsyncClient, query: str, total: int) -> None:
    await client.post("/fhir/$process-message", json=message())
    found = (await client.get(f"/fhir/Bundle{query}", headers=READER)).json()
    assert (found["type"], found["total"], len(found.get("entry", []))) == ("searchset", total, total)


async def test_messages_are_searched_by_nothing_else(client: httpx.AsyncClient) -> None:
    assert (await client.get("/fhir/Bundle?type=message", headers=READER)).status_code == 400


async def test_the_page_shows_who_how_and_what(client: httpx.AsyncClient) -> None:
    empty = await client.get("/")
    assert "Nothing has been received yet." in empty.text
    await client.post("/fhir/$process-message", json=message())
    page = (await client.get("/")).text
    assert '<main data-step="received">' in page
    assert "<title>Messages received</title>" in page
    for shown in (
        "Anna Whitfield",
        "02 March 2026 10:00",
        "phone: 01632 960123",
        "Times: after six. No voicemail.",
        "<dd>Housing</dd>",
        "Rings &lt;b&gt;back&lt;/b&gt;",
    ):
        assert shown in page
    assert "<dd></dd>" not in page


async def test_a_message_with_no_name_and_no_contact_is_shown_too(client: httpx.AsyncClient) -> None:
    bare = message()
    bare["entry"] = bare["entry"][:1]
    del bare["entry"][0]["resource"]["focus"]
    await client.post("/fhir/$process-message", json=bare)
    page = (await client.get("/")).text
    assert "No name given" in page
    assert "None given" in page
    assert "Not said" in page


async def test_it_refuses_and_then_takes(client: httpx.AsyncClient, charity: Charity) -> None:
    charity.switches.refuse = Refuse(503, times=1)
    assert (await client.post("/fhir/$process-message", json=message())).status_code == 503
    charity.switches.refuse = 422
    assert (await client.post("/fhir/$process-message", json=message())).status_code == 422
    charity.switches.refuse = None
    assert (await client.post("/fhir/$process-message", json=message())).status_code == 200
    assert len(charity.received()) == 1


@pytest.mark.parametrize("how", [True, "hang-up"])
async def test_it_stores_and_loses_the_answer(client: httpx.AsyncClient, charity: Charity, how: Any) -> None:
    charity.switches.lose_answer = how
    if how is True:
        assert (await client.post("/fhir/$process-message", json=message())).status_code == 500
    else:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/fhir/$process-message", json=message())
    charity.switches.lose_answer = False
    assert len(charity.received()) == 1
    assert (await client.post("/fhir/$process-message", json=message())).status_code == 409


async def test_it_hangs_and_hangs_up(client: httpx.AsyncClient, charity: Charity) -> None:
    charity.switches.hang = 30
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.post("/fhir/$process-message", json=message()), 0.05)
    charity.switches.hang, charity.switches.hang_up = 0, True
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post("/fhir/$process-message", json=message())
    assert charity.received() == []
