"""Batches: sent in waves, each entry judged by its own answer, and nothing written twice."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from ipvscreen.ehr import ways, writer
from ipvscreen.ehr.client import FhirClient
from ipvscreen.resources.draft import Labelled, business_key, entry
from ipvscreen.resources.labels import About
from ipvscreen.resources.plan import Bundling, plan_writes
from ipvscreen.resources.scopes import REQUESTED, Scopes
from ipvscreen.resources.written import Check, Written
from ipvscreen.sandbox.ehr import create_ehr
from ipvscreen.sandbox.people import GP, ORDINARY
from ipvscreen.sandbox.switches import Refuse

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SUBJECT = {"reference": f"Patient/{ORDINARY.id}"}
CODE = {"text": "x"}


def made() -> tuple[Labelled, ...]:
    """A form, two results that rest on it, a flag, and who recorded them; the last first."""

    def one(name: str, kind: str, about: About, **body: Any) -> Labelled:
        return entry(business_key("visit-1", name), kind, {"subject": SUBJECT} | body, about)

    form = one("form", "QuestionnaireResponse", About.SCREEN, status="completed")
    rests = {"status": "final", "code": CODE, "derivedFrom": [form.reference]}
    results = [one(name, "Observation", About.SCREEN, **rests, valueInteger=1) for name in ("one", "two")]
    flag = one("flag", "Flag", About.FLAG, status="active", code=CODE)
    about = (form, *results, flag)
    who = {
        "target": [item.reference for item in about],
        "recorded": "2026-03-02T10:00:00Z",
        "agent": [{"who": {"display": "Clinician"}}],
    }
    return (entry(business_key("visit-1", "who"), "Provenance", who, About.PROVENANCE), *reversed(about))


ALL = Counter({"QuestionnaireResponse": 1, "Observation": 2, "Flag": 1, "Provenance": 1})


class Ehr:
    """The sandbox with batches and no transactions, a client of it, and what passed between them."""

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
        self.switches.no_transaction = self.switches.batch = True
        self.before = self.counted()
        self.posts: list[str] = []
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), event_hooks={"request": [self._note]}
        )
        token = self.sandbox.token(patient=ORDINARY.id, clinician=GP.id, scope=REQUESTED)

        async def given() -> str:
            return str(token)

        self.client = FhirClient(self.http, "https://ehr.test/fhir", given, seconds=0.5)

    async def _note(self, request: httpx.Request) -> None:
        if request.method == "POST":
            self.posts.append(request.url.path.removeprefix("/fhir"))

    async def write(self, before: Written | None = None) -> dict[str, Check]:
        plan = plan_writes(await self.client.capability(), Scopes.parse(REQUESTED))
        assert plan.bundling is Bundling.BATCH
        self.posts.clear()
        self.written = await writer.write(self.client, plan, made(), before=before, lag=0.0)
        return {one.kind: one.check for one in self.written.items}

    def counted(self) -> Counter[str]:
        return Counter(body["resourceType"] for kind in ALL for body in self.sandbox.memory.all(kind))

    def stored(self) -> Counter[str]:
        return self.counted() - self.before


@pytest.fixture(autouse=True)
def _all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first entry goes alone, and is read back before the rest: `test_label_loss` is about that."""

    async def none(_client: Any, _items: Any, there: Any, *_: Any, **__: Any) -> dict[str, Any]:
        return dict(there)

    monkeypatch.setattr(ways, "first_alone", none)


@pytest.fixture
def ehr() -> Ehr:
    return Ehr()


async def test_what_refers_to_others_goes_after_them(ehr: Ehr) -> None:
    checks = await ehr.write()

    assert set(checks.values()) == {Check.VERIFIED}
    assert ehr.posts == ["", "", "/Provenance"]
    assert ehr.stored() == ALL
    (form,) = [one for one in ehr.written.items if one.kind == "QuestionnaireResponse"]
    for body in ehr.sandbox.memory.all("Observation"):
        if body.get("valueInteger") == 1:
            assert body["derivedFrom"] == [{"reference": form.reference}]


async def test_one_refused_entry_keeps_none_of_its_neighbours_back(ehr: Ehr) -> None:
    ehr.switches.refuse[("POST", "Flag")] = 422

    checks = await ehr.write()

    assert checks == {
        "QuestionnaireResponse": Check.VERIFIED,
        "Observation": Check.VERIFIED,
        "Flag": Check.FAILED,
        "Provenance": Check.FAILED,
    }
    (flag,) = [one for one in ehr.written.items if one.kind == "Flag"]
    assert flag.words == "A rule of this practice does not allow this entry."
    assert ehr.stored() == ALL - Counter({"Flag": 1, "Provenance": 1})

    ehr.switches.refuse.clear()
    again = await ehr.write(before=ehr.written)
    assert set(again.values()) == {Check.VERIFIED}
    assert ehr.stored() == ALL, "and nothing twice"


async def test_what_rests_on_a_refused_entry_is_not_sent(ehr: Ehr) -> None:
    ehr.switches.refuse[("POST", "QuestionnaireResponse")] = 422

    checks = await ehr.write()

    assert checks["Flag"] is Check.VERIFIED
    assert checks["Observation"] is checks["Provenance"] is Check.FAILED
    assert ehr.stored() == Counter({"Flag": 1})


@pytest.mark.parametrize("status", [500, 502])
async def test_an_entry_whose_answer_is_open_is_looked_for_and_sent_once_more(ehr: Ehr, status: int) -> None:
    ehr.switches.refuse[("POST", "Flag")] = Refuse(status, times=1)

    checks = await ehr.write()

    assert set(checks.values()) == {Check.VERIFIED}
    assert ehr.posts == ["", "/Flag", "", "/Provenance"]
    assert ehr.stored() == ALL


@pytest.mark.parametrize("lost", [True, "hang-up"])
async def test_a_lost_answer_to_a_whole_batch_writes_nothing_twice(ehr: Ehr, lost: Any) -> None:
    ehr.switches.lose_answer, ehr.switches.at = lost, ("POST", "transaction")

    checks = await ehr.write()

    assert set(checks.values()) == {Check.VERIFIED}
    assert ehr.posts == ["", "", "/Provenance"]
    assert ehr.stored() == ALL


async def test_batches_that_are_declared_and_not_understood(ehr: Ehr) -> None:
    ehr.switches.refuse[("POST", "transaction")] = 422

    checks = await ehr.write()

    assert set(checks.values()) == {Check.VERIFIED}
    assert ehr.posts == [
        "",
        "/Flag",
        "/QuestionnaireResponse",
        "",
        "/Observation",
        "/Observation",
        "/Provenance",
    ]
    assert ehr.stored() == ALL


@pytest.mark.parametrize(("status", "check"), [(401, Check.FAILED), (503, Check.FAILED)])
async def test_a_batch_that_is_not_taken_now_is_not_taken_apart(ehr: Ehr, status: int, check: Check) -> None:
    ehr.switches.refuse[("POST", "transaction")] = status

    checks = await ehr.write()

    assert set(checks.values()) == {check}
    assert ehr.posts == [""]
    assert not ehr.stored()


async def test_mixed_conditions_are_sent_entry_by_entry(ehr: Ehr) -> None:
    """A type that knows no condition is refused one here: all or nothing would lose it, or the guard."""
    ehr.switches.unconditional = {"Flag"}
    sent: list[dict[str, Any]] = []
    batch = ehr.client.batch

    async def noted(bundle: Any) -> Any:
        sent.extend(bundle["entry"])
        return await batch(bundle)

    ehr.client.batch = noted  # type: ignore[method-assign]
    checks = await ehr.write()

    assert set(checks.values()) == {Check.VERIFIED}
    on_condition = {one["resource"]["resourceType"]: "ifNoneExist" in one["request"] for one in sent}
    assert on_condition == {"QuestionnaireResponse": True, "Observation": True, "Flag": False}


async def test_without_a_search_by_identifier_a_repetition_still_finds_what_is_there(ehr: Ehr) -> None:
    ehr.switches.unfindable = set(ALL)
    checks = await ehr.write()
    assert set(checks.values()) == {Check.VERIFIED}

    again = await ehr.write(before=None)

    assert set(again.values()) == {Check.VERIFIED}
    assert ehr.posts == []
    assert ehr.stored() == ALL
