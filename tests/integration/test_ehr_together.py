"""One search for all of a type: what it shows counts, and what it does not show is looked for alone."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from ipvscreen.ehr import gate, verify, writer
from ipvscreen.ehr.asking import ask_first
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.lookup import Found, look
from ipvscreen.ehr.reader import person_of
from ipvscreen.errors import EhrRefused, EhrUnreachable, PatientChanged
from ipvscreen.resources.draft import Labelled, business_key, entry, order
from ipvscreen.resources.labels import About
from ipvscreen.resources.loss import Loss
from ipvscreen.resources.plan import WritePlan, plan_writes
from ipvscreen.resources.scopes import Scopes, requested
from ipvscreen.resources.written import Check, Written, WrittenOne
from ipvscreen.sandbox.ehr import create_ehr
from ipvscreen.sandbox.people import GP, ORDINARY

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SUBJECT = {"reference": f"Patient/{ORDINARY.id}"}
CODE = {"coding": [{"system": "https://codes.example", "code": "x"}]}
OBSERVATIONS = 5
SCOPE = requested(withdraw=True)

Search = Callable[..., Any]


def _entry(name: str, kind: str, body: dict[str, Any], about: About = About.SCREEN) -> Labelled:
    return entry(business_key("visit-1", name), kind, body, about)


def _entries() -> tuple[Labelled, ...]:
    """Five Observations, one that all refer to, and who entered them."""
    form = {"status": "completed", "subject": SUBJECT, "questionnaire": "https://forms.example/q|1"}
    response = _entry("response", "QuestionnaireResponse", form)
    value = {"status": "final", "code": CODE, "subject": SUBJECT, "derivedFrom": [response.reference]}
    each = [_entry(f"value-{n}", "Observation", value | {"valueInteger": n}) for n in range(OBSERVATIONS)]
    said = {
        "target": [one.reference for one in (response, *each)],
        "recorded": "2026-03-02T10:00:00Z",
        "agent": [{"who": {"display": "Clinician"}}],
    }
    return (response, *each, _entry("provenance", "Provenance", said, About.PROVENANCE))


class System:
    """The sandbox, a client of it, and what passed between them."""

    def __init__(self) -> None:
        app = create_ehr(
            base_url="https://ehr.test",
            app_launch_url="https://app.test/launch",
            client_id="health-questionnaire",
            redirect_uris=("https://app.test/callback",),
            token="reads-everything-here",
            clock=lambda: NOW,
        )
        self.sandbox = app.state.sandbox
        self.switches = self.sandbox.switches
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app))
        self.items = _entries()
        self.asked: list[Mapping[str, str]] = []  # the searches for Observations
        token = self.sandbox.token(patient=ORDINARY.id, clinician=GP.id, scope=SCOPE)

        async def given() -> str:
            return str(token)

        self.client = FhirClient(self.http, "https://ehr.test/fhir", given)
        self.search: Search = self.client.search
        self.client.search = self._search  # type: ignore[method-assign]  # it notes, and asks the sandbox

    async def plan(self) -> WritePlan:
        return plan_writes(await self.client.capability(), Scopes.parse(SCOPE))

    async def write(self, lag: float = 0.0) -> dict[str, WrittenOne]:
        """By key, what became of each."""
        written = await writer.write(self.client, await self.plan(), self.items, lag=lag, on_loss="leave")
        return {one.key: one for one in written.items}

    async def _search(self, kind: str, params: Mapping[str, str], **more: Any) -> list[dict[str, Any]]:
        if kind == "Observation":
            self.asked.append(params)
        found: list[dict[str, Any]] = await self.search(kind, params, **more)
        return found

    @property
    def observations(self) -> list[Labelled]:
        return [item for item in self.items if item.kind == "Observation"]

    def joined(self) -> list[bool]:
        """Of each search for Observations, whether it was for several."""
        return ["," in params.get("identifier", "") for params in self.asked]

    def stored(self) -> int:
        keys = {item.identifier for item in self.observations}
        bodies = self.sandbox.memory.all("Observation")
        tokens = [f"{i['system']}|{i['value']}" for body in bodies for i in body.get("identifier", ())]
        return sum(token in keys for token in tokens)


@pytest.fixture
async def system() -> AsyncIterator[System]:
    one = System()
    yield one
    await one.http.aclose()


async def test_all_of_a_type_are_confirmed_by_one_search(system: System) -> None:
    told = await system.write()

    assert {one.check for one in told.values()} == {Check.VERIFIED}
    assert system.joined() == [True]
    assert system.asked[0]["_count"] == str(OBSERVATIONS)


async def refused(system: System, kind: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
    if "," in params.get("identifier", ""):
        raise EhrRefused(422, "No lists of values.")
    if kind == "Observation" and "identifier" not in params:
        return []  # the first page of the patient's holds others
    return await FhirClient.search(system.client, kind, params)


async def refused_in_any_other_way(
    system: System, kind: str, params: Mapping[str, str]
) -> list[dict[str, Any]]:
    if kind == "Observation" and params.get("identifier", ",").count(","):
        raise EhrRefused(422, "One identifier, please.")
    return await FhirClient.search(system.client, kind, params)


async def not_understood(system: System, kind: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
    found = await FhirClient.search(system.client, kind, params)
    return [] if "," in params.get("identifier", "") else found


async def short_page(system: System, kind: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
    found = await FhirClient.search(system.client, kind, params)
    return found[:2] if "," in params.get("identifier", "") else found


async def others(system: System, kind: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
    """As many as were asked for, and none of ours."""
    found = await FhirClient.search(system.client, kind, params)
    if "," not in params.get("identifier", ""):
        return found
    return [{**body, "id": f"x{n}", "identifier": []} for n, body in enumerate(found)]


# How many are asked for alone then.
SHORT: dict[Any, int] = {
    refused: 5,
    refused_in_any_other_way: 5,
    not_understood: 5,
    short_page: 3,
    others: 5,
}  # asked for alone then


@pytest.mark.parametrize("answer", SHORT)
async def test_what_it_does_not_show_is_searched_alone_at_once(
    system: System, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(verify, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep}))
    system.search = lambda kind, params, **_: answer(system, kind, params)

    told = await system.write(lag=1.0)

    assert waited == [], "and not at a second look"
    assert {one.check for one in told.values()} == {Check.VERIFIED}
    alone = [params for params in system.asked if "identifier" in params and "," not in params["identifier"]]
    assert len(alone) == SHORT[answer]
    assert system.joined().count(True) == 1


@pytest.mark.parametrize("answer", SHORT)
async def test_the_same_before_it_is_sent_again(system: System, answer: Any) -> None:
    first = await system.write()
    system.search = lambda kind, params, **_: answer(system, kind, params)

    again = await look(system.client, system.items)

    assert again == {key: Found(one.reference) for key, one in first.items()}


async def test_no_answer_to_it_is_not_asked_for_one_by_one(system: System) -> None:
    async def silent(kind: str, params: Mapping[str, str], **_: Any) -> list[dict[str, Any]]:
        if "," in params.get("identifier", ""):
            raise EhrUnreachable("No answer.", may_have_happened=True)
        return await FhirClient.search(system.client, kind, params)

    await system.write()
    system.asked.clear()
    system.search = silent

    with pytest.raises(EhrUnreachable):
        await look(system.client, system.items)

    assert system.joined() == [True]


# Before the first try


@pytest.mark.parametrize("left", ["the first", "another"])
async def test_one_by_one_whatever_an_earlier_try_has_left_is_found(system: System, left: str) -> None:
    system.switches.no_transaction = system.switches.no_conditional_create = True
    first = order(system.items)[0]
    kept = first if left == "the first" else system.observations[-1]
    body = {**kept.body, "id": "left"} if kept is first else {**kept.body, "id": "left", "derivedFrom": []}
    system.sandbox.memory.put({k: v for k, v in body.items() if v}, NOW)

    told = await system.write()

    assert told[kept.key].reference == f"{kept.kind}/left"
    assert {one.check for one in told.values()} == {Check.VERIFIED}
    assert system.stored() == OBSERVATIONS, "nothing twice"


async def test_one_by_one_nothing_there_is_seen_in_one_search_a_type(system: System) -> None:
    system.switches.no_transaction = True

    await system.write()

    assert system.joined() == [True, True], "before, and when it is read back"


class Held:
    """A transport that answers nothing before so many requests are with it."""

    def __init__(self, inner: httpx.AsyncBaseTransport, many: int) -> None:
        self._inner, self._many, self._all = inner, many, asyncio.Event()
        self.seen: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if len(self.seen) == self._many:
            self._all.set()
        await asyncio.wait_for(self._all.wait(), 5.0)
        return await self._inner.handle_async_request(request)


async def asked_first(system: System, many: int) -> tuple[Any, Held]:
    person = person_of(await system.client.read("Patient", ORDINARY.id))
    plan = await system.plan()
    held = Held(system.http._transport, many)
    async with httpx.AsyncClient(transport=httpx.MockTransport(held)) as http:
        client = FhirClient(http, "https://ehr.test/fhir", system.client._token)
        return await ask_first(client, ORDINARY.id, person, plan, system.items), held


async def test_the_patient_and_what_is_there_are_asked_for_side_by_side(system: System) -> None:
    asked, held = await asked_first(system, many=2)

    assert asked.silent is None
    assert asked.found == {}
    assert {request.method for request in held.seen} == {"GET"}
    assert Counter(request.url.path.split("/")[2] for request in held.seen) == Counter(
        Patient=1, QuestionnaireResponse=1
    )


async def test_nothing_to_write_asks_nothing(system: System) -> None:
    system.items = ()

    asked, held = await asked_first(system, many=1)

    assert (asked.silent, asked.found, held.seen) == (None, None, [])


async def test_another_patient_counts_whatever_was_found(system: System) -> None:
    person = person_of(await system.client.read("Patient", ORDINARY.id))
    patient = system.sandbox.memory.find("Patient", ORDINARY.id)
    system.sandbox.memory.put({**patient, "birthDate": "1901-01-01"}, NOW)
    system.switches.refuse[("GET", "QuestionnaireResponse")] = 500

    with pytest.raises(PatientChanged):
        await ask_first(system.client, ORDINARY.id, person, await system.plan(), system.items)


@pytest.mark.parametrize("kind", ["Patient", "QuestionnaireResponse"])
async def test_either_that_cannot_be_asked_about_sends_nothing(system: System, kind: str) -> None:
    person, plan = person_of(await system.client.read("Patient", ORDINARY.id)), await system.plan()
    system.switches.refuse[("GET", kind)] = 500

    asked = await ask_first(system.client, ORDINARY.id, person, plan, system.items)
    written = await writer.write(
        system.client, plan, system.items, silent=asked.silent, found=asked.found, lag=0.0
    )

    assert isinstance(asked.silent, EhrRefused)
    assert {one.check for one in written.items} == {Check.FAILED}
    assert all("Nothing was sent." in one.words for one in written.items)
    assert system.stored() == 0


async def test_what_was_found_before_is_not_believed_once_more_is_known(system: System) -> None:
    """An entry of an earlier result: what is there is looked for again, and not taken from another time."""
    system.switches.no_conditional_create = True
    told = await system.write()
    one = system.observations[2].key
    told[one] = replace(told[one], reference=None, check=Check.UNKNOWN)

    before = Written(tuple(told.values()))
    written = await writer.write(
        system.client, await system.plan(), system.items, before=before, found={}, lag=0.0
    )

    assert {one.check for one in written.items} == {Check.VERIFIED}
    assert system.stored() == OBSERVATIONS


# The versions of one of a type


def lose(system: System, monkeypatch: pytest.MonkeyPatch, which: int, where: str) -> str:
    """One Observation alone shows no labels, by id as well (`now`) or in its first version; its key."""
    item = system.observations[which]
    read, history = FhirClient.read, FhirClient.history

    def bare(body: dict[str, Any]) -> dict[str, Any]:
        mine = any(i["value"] == item.full_url for i in body.get("identifier", ()))
        return {**body, "meta": {"versionId": "2"}} if mine else body

    async def read_bare(kind: str, ident: str) -> dict[str, Any]:
        body = await read(system.client, kind, ident)
        return bare(body) if where == "now" and kind == "Observation" else body

    async def bare_history(kind: str, ident: str) -> list[dict[str, Any]]:
        bodies = await history(system.client, kind, ident)
        return [*map(bare, bodies)] if where == "earlier" and kind == "Observation" else bodies

    monkeypatch.setattr(system.client, "read", read_bare)
    monkeypatch.setattr(system.client, "history", bare_history)
    return item.key


@pytest.mark.parametrize("which", range(OBSERVATIONS))
async def test_whichever_has_lost_its_labels_its_own_versions_tell_how(
    system: System, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    key = lose(system, monkeypatch, which, "now")

    told = await system.write()

    assert (told[key].check, told[key].loss) == (Check.LABEL_LOST, Loss.ON_UPDATE)
    assert [one.loss for one in told.values()].count(None) == len(told) - 1


@pytest.mark.parametrize(("which", "loss"), [(0, Loss.IN_HISTORY), (1, None)])
async def test_bare_versions_are_seen_of_the_one_that_stands_for_its_type(
    system: System, monkeypatch: pytest.MonkeyPatch, which: int, loss: Loss | None
) -> None:
    """What is given up: the bare versions of another entry of that type."""
    key = lose(system, monkeypatch, which, "earlier")

    assert (await system.write())[key].loss is loss


# A record system that stops answering


@pytest.mark.parametrize("most", [gate.AT_ONCE, 3])
async def test_once_some_got_no_answer_no_look_is_begun(
    system: System, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    asked: list[str] = []

    async def silent(kind: str, ident: str) -> dict[str, Any]:
        asked.append(kind)
        await asyncio.sleep(0.05)
        raise EhrUnreachable("No answer.", may_have_happened=True)

    async def silent_search(kind: str, params: Mapping[str, str], **_: Any) -> list[dict[str, Any]]:
        if "Observation" not in asked:
            return []
        await silent(kind, "")
        return []

    monkeypatch.setattr(gate, "AT_ONCE", most)
    monkeypatch.setattr(system.client, "read", silent)
    monkeypatch.setattr(system.client, "history", silent)
    system.search = silent_search

    told = await system.write()

    assert {one.check for one in told.values()} == {Check.UNKNOWN}
    assert len(asked) < gate.SILENCES + most, "what was under way together, and no more"
