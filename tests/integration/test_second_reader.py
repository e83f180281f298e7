"""What visits leave, read by an implementation that no one here wrote: fhirclient, strict, of R4 4.0.1.

It also launches against the sandbox by itself, over real sockets, and finds there what a visit has written.
"""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.capabilitystatement import CapabilityStatement
from fhirclient.models.fhirabstractbase import FHIRValidationError
from fhirclient.models.fhirelementfactory import FHIRElementFactory
from fhirclient.models.observation import Observation
from fhirclient.models.operationoutcome import OperationOutcome
from fhirclient.models.questionnaireresponse import QuestionnaireResponse
from fhirclient.server import FHIRPermissionDeniedException

from ipvscreen.cli.demo import open_demo

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
POSITIVE = dict.fromkeys(HARK, NO) | {"76501-6": YES}
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
QUICK = {"safe-today": "yes", "neck": "no", "children-or-pregnant": "children", "flag": "yes"}
CONTACT = {"way": "phone", "number": "07700 900123"}
AGREED = {"out": "yes", "back": "yes"}
DECIDED = {"decided_by": "Dr Osei, GP", "basis": "child", "told": "yes"}
PSYCHIATRIST = "dr-lindqvist"
SCREEN = {"QuestionnaireResponse", "Observation", "Provenance"}
REFERRAL = {"ServiceRequest", "Task"}
KINDS = (*SCREEN, *REFERRAL, "Consent", "Flag", "Procedure")
EVERY_KIND = (*KINDS, "Condition")


async def asked(visitor: Any, answers: dict[str, str], patient: str) -> None:
    await visitor.launch(patient)
    await visitor.post({"door": "ask"})
    await visitor.post(answers)


async def sent(visitor: Any, page: str, fields: dict[str, str]) -> None:
    """Send to the first service that is offered."""
    await visitor.get(page)
    service = visitor.page.text.partition('name="service" value="')[2].partition('"')[0]
    await visitor.post({"service": service} | CONTACT | fields)
    assert visitor.step == "sent", visitor.text


async def positive(visitor: Any) -> None:
    await asked(visitor, POSITIVE, "anna-woman")
    await visitor.post(QUICK)
    await sent(visitor, "refer", AGREED)


async def declined(visitor: Any) -> None:
    await asked(visitor, {"other": "declined"}, "anna-woman")
    assert visitor.step == "done"


async def negative(visitor: Any) -> None:
    await asked(visitor, NEGATIVE, "anna-woman")
    assert visitor.step == "done"


async def incomplete(visitor: Any) -> None:
    await asked(visitor, {HARK[0]: NO, HARK[1]: "pass"}, "anna-woman")
    assert visitor.step == "done"


async def told(visitor: Any) -> None:
    await visitor.launch("anna-woman")
    await visitor.post({"door": "told"})
    await visitor.post(QUICK)
    await sent(visitor, "share", DECIDED)


async def conversation(visitor: Any) -> None:
    await visitor.launch("anna-woman")
    await visitor.post({"door": "worried"})
    await visitor.post({"recording": "conversation"})


async def not_done(visitor: Any) -> None:
    await visitor.launch("anna-woman")
    await visitor.post({"door": "not-now"})
    await visitor.post({"action": "not-done", "reason": "no-professional-interpreter"})


async def past(visitor: Any) -> None:
    """The man under the psychiatrist, with past abuse in the notes."""
    await visitor.launch("david-man", PSYCHIATRIST)
    await visitor.post({"door": "from-record"})
    await visitor.post({"recording": "full", "contact": "no", "help-now": "someone-who-has-been-there"})
    await sent(visitor, "refer", AGREED)


async def antenatal(visitor: Any) -> None:
    answers = {"aas-1": "yes", "aas-2": "yes", "aas-2-whom": "ex-partner", "aas-2-times": "2"}
    await asked(visitor, answers | {"aas-3": "pass", "aas-5": "no"}, "maya-maternity")
    await visitor.post(QUICK | {"safe-today": "yes"})


async def concerned(visitor: Any) -> None:
    """Where the record system is one for which `health_concern` is set."""
    await asked(visitor, POSITIVE, "anna-woman")
    await visitor.post(QUICK | {"concern": "yes"})


Visit = Callable[[Any], Awaitable[None]]
# The types that each adds to the record.
VISITS: dict[Visit, set[str]] = {
    positive: SCREEN | REFERRAL | {"Consent", "Flag"},
    declined: SCREEN,
    negative: SCREEN,
    incomplete: SCREEN,
    told: SCREEN | REFERRAL | {"Flag"},
    conversation: {"Procedure", "Provenance"},
    not_done: {"Observation", "Provenance"},
    past: SCREEN | REFERRAL | {"Consent"},
    antenatal: SCREEN | {"Flag"},
}


CONCERNED = SCREEN | {"Flag", "Condition"}


def reread(body: dict[str, Any]) -> dict[str, Any]:
    """What the second reader makes of it: strict, an unknown or missing element raises."""
    read: dict[str, Any] = FHIRElementFactory.instantiate(body["resourceType"], body).as_json()
    return read


async def everything(house: Any) -> dict[str, dict[str, Any]]:
    """All that the record system serves of our types, by `Type/id`."""
    found = {}
    async with house.reader() as reader:
        for kind in EVERY_KIND:
            answer = (await reader.get(f"/{kind}")).json()
            assert reread(answer) == answer
            for entry in answer.get("entry", []):
                body = entry["resource"]
                found[f"{kind}/{body['id']}"] = (await reader.get(f"/{kind}/{body['id']}")).json()
    return found


@pytest.mark.parametrize("visit", VISITS, ids=lambda visit: visit.__name__)
async def test_what_a_visit_leaves_in_the_record_is_read_and_given_back_the_same(
    house: Any, visitor: Any, visit: Visit
) -> None:
    before = await everything(house)

    await visit(visitor)

    new = {key: body for key, body in (await everything(house)).items() if key not in before}
    assert {body["resourceType"] for body in new.values()} == VISITS[visit]
    for body in new.values():
        assert reread(body) == body
        assert body["meta"]["security"]


@pytest.mark.parametrize("visit", [positive, told, past], ids=lambda visit: visit.__name__)
async def test_what_the_service_got_is_read_and_given_back_the_same(
    house: Any, visitor: Any, visit: Visit
) -> None:
    await visit(visitor)
    held = house.charity.state.sandbox
    for _ in range(200):
        await house.app.state.rooms.dispatcher.run_once()
        if held.received():
            break
        await asyncio.sleep(0.01)

    async with house.reader("https://service.test") as reader:
        found = (await reader.get("/Bundle")).json()
    (bundle,) = [entry["resource"] for entry in found["entry"]]
    assert reread(bundle) == bundle
    parsed = Bundle(bundle, strict=True)
    kinds = [entry.resource.resource_type for entry in parsed.entry]
    assert kinds[:2] == ["MessageHeader", "Patient"]
    assert {"ServiceRequest", "Task"} <= set(kinds)


async def test_what_the_second_reader_does_not_know_it_refuses(house: Any, visitor: Any) -> None:
    """The control: it would tell."""
    await negative(visitor)
    body = next(body for body in (await everything(house)).values() if body["resourceType"] == "Observation")
    for change in ({"valueNumber": 3}, {"status": None}, {"subject": "Patient/anna-woman"}):
        with pytest.raises(FHIRValidationError):
            reread({**body, **change} if None not in change.values() else _without(body, "status"))


def _without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


# --- its own launch ----------------------------------------------------------------------------------------


class Served:
    """The demonstration on loopback, in a thread of its own."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self._server: uvicorn.Server
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))
        self._thread.start()
        for _ in range(3000):
            if self.addresses and self._server.started:
                break
            time.sleep(0.01)
        assert self._server.started, "it did not start"

    async def _serve(self) -> None:
        async with open_demo((0, 0, 0)) as demo:
            self._server = uvicorn.Server(uvicorn.Config(demo, access_log=False, log_level="warning"))
            self.addresses = dict(demo.addresses)
            await self._server.serve(sockets=list(demo.sockets))

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    """Where the demonstration is."""
    served = Served()
    yield served.addresses
    served.stop()


def clicked(addresses: dict[str, str], patient: str, clinician: str = "dr-osei") -> str:
    """The launch value of a click in the clinic list."""
    query = {"patient": patient, "clinician": clinician}
    return httpx.get(addresses["launch"], params=query).next_request.url.params["launch"]  # type: ignore[union-attr]  # a redirect


@pytest.fixture
def launched(addresses: dict[str, str]) -> Iterator[Callable[[str, str], FHIRClient]]:
    """Makes clients that have launched themselves: for a patient, with a scope."""
    clients: list[FHIRClient] = []

    def launch(patient: str, scope: str) -> FHIRClient:
        settings = {
            "app_id": "health-questionnaire",
            "api_base": addresses["ehr_fhir"],
            "redirect_uri": f"{addresses['app']}/callback",
            "scope": f"openid fhirUser {scope}",
            "launch_token": clicked(addresses, patient),
        }
        client = FHIRClient(settings=settings, save_func=lambda state: None)
        client.server.session.trust_env = False  # a proxy of this machine has no business on loopback
        clients.append(client)
        assert not client.ready
        client.prepare()
        answered = httpx.get(client.authorize_url)
        assert answered.status_code == 302
        client.handle_callback(answered.headers["location"])
        return client

    yield launch
    for client in clients:
        client.server.session.close()


def test_it_launches_by_itself_and_reads_the_patient(
    addresses: dict[str, str], launched: Callable[[str, str], FHIRClient]
) -> None:
    client = launched("rosa-mother", "patient/*.read")

    assert client.ready
    assert client.patient_id == "rosa-mother"
    assert client.human_name(client.patient.name[0]) == "Rosa Delgado"
    assert client.launch_context["token_type"] == "Bearer"
    assert isinstance(client.server.capabilityStatement, CapabilityStatement)
    with pytest.raises(FHIRPermissionDeniedException):
        next(Observation.where({"patient": "anna-woman"}).perform_resources_iter(client.server))


def trust_loopback(browser: httpx.Client) -> None:
    """Send Secure cookies to 127.0.0.1 over http too, as browsers do: loopback counts as secure."""

    def add(request: httpx.Request) -> None:
        if request.url.host == "127.0.0.1":
            pairs = (f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
            request.headers["Cookie"] = "; ".join(pairs)

    browser.event_hooks = {"request": [add]}


def test_it_finds_what_a_visit_has_written_over_real_sockets(
    addresses: dict[str, str], launched: Callable[[str, str], FHIRClient]
) -> None:
    with httpx.Client(follow_redirects=True, headers={"Sec-Fetch-Site": "same-origin"}) as browser:
        trust_loopback(browser)
        page = browser.get(addresses["launch"], params={"patient": "helen-woman"})
        for fields in ({"door": "ask"}, NEGATIVE):
            token = page.text.partition('name="token" value="')[2].partition('"')[0]
            page = browser.post(page.url, data=fields | {"token": token})
        assert "Recorded and checked" in page.text

    server = launched("helen-woman", "patient/*.rs").server

    found = QuestionnaireResponse.where({"patient": "helen-woman"}).perform_resources_iter(server)
    responses = list(found)
    assert len(responses) == 3
    observations = list(Observation.where({"patient": "helen-woman"}).perform_resources_iter(server))
    items = {one.code.coding[0].code: one for one in observations if one.code.coding}
    assert {items[code].valueCodeableConcept.coding[0].code for code in HARK} == {NO}
    assert items["76504-0"].valueQuantity.value == 0
    for one in (*responses, *observations):
        assert {"SDV", "NOPAT"} <= {label.code for label in one.meta.security}
        assert one.meta.versionId == "1"


def test_who_reads_the_json_line_can_ask_at_once(tmp_path: Path) -> None:
    """A client is started by that line: the first request may be slow, and is not refused."""
    ports = [word for name in ("app", "ehr", "service") for word in (f"--port-{name}", "0")]
    command = [sys.executable, "-m", "ipvscreen", "sandbox", "--json", *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path) as server:  # noqa: S603  our own program
        assert server.stdout is not None
        try:
            line = json.loads(server.stdout.readline())
            assert httpx.get(f"{line['ehr_fhir']}/metadata", timeout=30).status_code == 200
        finally:
            server.terminate()


def test_a_refusal_of_the_sandbox_is_an_outcome_that_it_reads(addresses: dict[str, str]) -> None:
    answer = httpx.get(f"{addresses['ehr_fhir']}/Observation")

    assert answer.status_code == 401
    assert OperationOutcome(answer.json(), strict=True).issue[0].code == "login"
