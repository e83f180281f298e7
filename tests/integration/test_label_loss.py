"""Eight ways in which a record system loses labels, of every type that we write, and what follows."""

import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from ipvscreen.ehr import writer
from ipvscreen.ehr.after_loss import _GONE as GONE
from ipvscreen.ehr.after_loss import WITHHELD
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.sending import NOT_SENT
from ipvscreen.errors import EhrError, EhrRefused, EhrUnreachable
from ipvscreen.library import read_forms
from ipvscreen.parts import data_folder
from ipvscreen.resources.context import Context
from ipvscreen.resources.draft import Labelled, order
from ipvscreen.resources.fallback import FURTHER
from ipvscreen.resources.fitting import document, note
from ipvscreen.resources.labels import lost
from ipvscreen.resources.loss import Loss
from ipvscreen.resources.plan import plan_writes
from ipvscreen.resources.probe import probe
from ipvscreen.resources.scopes import Scopes, requested, written_kinds
from ipvscreen.resources.written import Check, Written, WrittenOne
from ipvscreen.sandbox.ehr import create_ehr
from ipvscreen.sandbox.people import GP, ORDINARY
from ipvscreen.sandbox.switches import Switches

EHR = "https://ehr.test"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
KINDS = sorted(written_kinds(FURTHER))
FORM = read_forms(data_folder("questionnaires")).forms["hark"]
# What the record system then shows without its labels, and what is made of it.
SHOWS: dict[Loss, tuple[set[str], Check]] = {
    Loss.DROPPED: ({"read", "search", "history"}, Check.LABEL_LOST),
    Loss.DOWNGRADED: ({"read", "search", "history"}, Check.LABEL_LOST),
    Loss.ON_UPDATE: ({"read", "search", "history"}, Check.LABEL_LOST),
    Loss.OTHER_SYSTEM: ({"read", "search", "history"}, Check.LABEL_LOST),
    Loss.IN_SEARCH: ({"search"}, Check.UNCONFIRMED),
    Loss.IN_HISTORY: ({"history"}, Check.UNCONFIRMED),
    Loss.NOT_SAVED: (set(), Check.FAILED),
    Loss.LATE: (set(), Check.VERIFIED),
}
WITHDRAWN = [loss for loss, (_, check) in SHOWS.items() if check is Check.LABEL_LOST]


class Clinic:
    """The sandbox, a client of it, and a recorder between the two."""

    def __init__(self, recorder: Any, scope: str) -> None:
        app = create_ehr(
            base_url=EHR,
            app_launch_url="https://app.test/launch",
            client_id="health-questionnaire",
            redirect_uris=("https://app.test/callback",),
            token="reads-everything-here",
            clock=lambda: NOW,
        )
        self.sandbox = app.state.sandbox
        self.switches: Switches = self.sandbox.switches
        self.recorder = recorder(httpx.ASGITransport(app))
        self.on_update: Callable[[], None] = lambda: None
        self.searched: list[str] = []
        self.http = httpx.AsyncClient(transport=self.recorder, event_hooks={"request": [self._note]})
        self.scope = scope
        token = self.sandbox.token(patient=ORDINARY.id, clinician=GP.id, scope=scope)

        async def given() -> str:
            return str(token)

        self.client = FhirClient(self.http, f"{EHR}/fhir", given)
        ctx = Context("run-1", ORDINARY.id, None, None, None, NOW)
        one_each = {item.kind: item for item in probe(ctx, FORM)}
        carried = (document(one_each["QuestionnaireResponse"]), note(one_each["ServiceRequest"]))
        self.items = (*one_each.values(), *carried)
        self._before = self.held()

    async def _note(self, request: httpx.Request) -> None:
        if request.method == "PUT":
            self.on_update()
        if request.method == "GET" and request.url.query:
            self.searched.append(request.url.path)

    async def write(
        self, before: Written | None = None, lists: Any = "kept", **more: Any
    ) -> dict[str, WrittenOne]:
        """By type, what became of one entry of each."""
        plan = plan_writes(await self.client.capability(), Scopes.parse(self.scope), lists=lists)
        # What carries others is written where those are not taken; here all of it is, to be lost one by one.
        able = replace(plan.abilities[0], allowed=True, conditional=not self.switches.no_conditional_create)
        plan = replace(plan, abilities=(*plan.abilities, *(replace(able, kind=kind) for kind in FURTHER)))
        written = await writer.write(self.client, plan, self.items, before=before, lag=0.0, **more)
        self.written = written
        return {one.kind: one for one in written.items}

    def item(self, kind: str) -> Labelled:
        return next(item for item in self.items if item.kind == kind)

    async def bare(self, kind: str, reference: str | None) -> set[str]:
        """The ways in which the record system shows that entry without its labels."""
        shown = await self.shown(kind, reference)
        return {way for way, bodies in shown.items() if any(lost(self.item(kind).body, b) for b in bodies)}

    async def shown(self, kind: str, reference: str | None) -> dict[str, list[dict[str, Any]]]:
        assert reference is not None
        ident = reference.partition("/")[2]
        if not self.sandbox.memory.history(kind, ident):
            return {}
        return {
            "read": [await self.client.read(kind, ident)],
            "search": await self.client.search(kind, {"_id": ident}),
            "history": await self.client.history(kind, ident),
        }

    def held(self) -> set[str]:
        return {f"{b['resourceType']}/{b['id']}" for kind in KINDS for b in self.sandbox.memory.all(kind)}

    def left(self) -> set[str]:
        """What of ours it still holds."""
        return self.held() - self._before


@pytest.fixture
async def clinic(recorder: Any) -> AsyncIterator[Clinic]:
    one = Clinic(recorder, requested(withdraw=True, carriers=FURTHER))
    yield one
    assert one.recorder.bare == [], "no version was ever sent without its labels"
    await one.http.aclose()


def test_each_type_that_we_write_is_among_them(clinic: Clinic) -> None:
    assert sorted(item.kind for item in clinic.items) == KINDS
    assert set(SHOWS) == set(Loss)


@pytest.mark.parametrize("turn", range(len(Loss)))
async def test_each_way_is_told_from_the_others_for_each_type(clinic: Clinic, turn: int) -> None:
    """All eight at once, of other types at each turn: 8 x 10, each looked at by read, search and history."""
    ways = dict(zip(KINDS, islice(cycle(Loss), turn, None), strict=False))
    clinic.switches.label_loss = {kind: loss.value for kind, loss in ways.items()}

    told = await clinic.write(on_loss="leave")

    assert sorted(ways) == KINDS
    for kind, loss in ways.items():
        bare, check = SHOWS[loss]
        assert (kind, told[kind].loss, told[kind].check) == (kind, loss, check)
        assert await clinic.bare(kind, told[kind].reference) == bare
        assert told[kind].words
    assert set(clinic.recorder.seen) == {"Bundle", *KINDS}


@pytest.mark.parametrize("way", ["transaction", "one by one"])
async def test_without_any_of_it_all_is_verified(clinic: Clinic, way: str) -> None:
    """The control."""
    clinic.switches.no_transaction = way == "one by one"

    told = await clinic.write()

    assert {(one.loss, one.check, one.words) for one in told.values()} == {(None, Check.VERIFIED, "")}


FIRST = order(probe(Context("run-1", ORDINARY.id, None, None, None, NOW), FORM))[0].kind


@pytest.mark.parametrize("loss", Loss)
async def test_one_by_one_each_way_is_told_of_the_first_entry_and_what_was_not_kept_ends_it(
    clinic: Clinic, loss: Loss
) -> None:
    clinic.switches.no_transaction = True
    clinic.switches.label_loss = {FIRST: loss.value}

    told = await clinic.write(on_loss="leave")

    assert (told[FIRST].loss, told[FIRST].check) == (loss, SHOWS[loss][1])
    rest = [told[kind] for kind in KINDS if kind != FIRST]
    if SHOWS[loss][1] is Check.LABEL_LOST:
        assert clinic.recorder.seen == [FIRST], "nothing else was sent"
        assert {(one.check, one.words) for one in rest} == {(Check.FAILED, WITHHELD)}
    elif loss is not Loss.NOT_SAVED:
        assert sorted(clinic.recorder.seen) == KINDS
        assert {one.check for one in rest} == {Check.VERIFIED}


async def test_what_stands_in_another_patients_record_ends_it_too(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.switches.no_transaction = True

    async def moved(kind: str, ident: str) -> dict[str, Any]:
        body = await FhirClient.read(clinic.client, kind, ident)
        return body | {"subject": {"reference": "Patient/other"}}

    monkeypatch.setattr(clinic.client, "read", moved)

    told = await clinic.write()

    assert clinic.recorder.seen == [FIRST]
    assert "another patient" in told[FIRST].words
    assert {told[kind].words for kind in KINDS if kind != FIRST} == {NOT_SENT}


@pytest.mark.parametrize(
    ("loss", "kind", "way"),
    [
        *((Loss.DROPPED, kind, "transaction") for kind in KINDS),
        *((loss, "Observation", "transaction") for loss in WITHDRAWN[1:]),
        *((Loss.DROPPED, kind, "one by one") for kind in (FIRST, "Provenance")),
    ],
)
async def test_what_was_written_is_taken_out_again(clinic: Clinic, loss: Loss, kind: str, way: str) -> None:
    clinic.switches.no_transaction = way == "one by one"
    clinic.switches.label_loss = {kind: loss.value}

    with capture_logs() as logged:
        told = await clinic.write()

    assert clinic.left() == set()
    assert (told[kind].loss, told[kind].check) == (loss, Check.WITHDRAWN)
    assert told[kind].words.endswith("no longer there.")
    assert {one.check for one in told.values()} <= {Check.WITHDRAWN, Check.FAILED}
    assert {one.words for one in told.values() if one.check is Check.FAILED} <= {WITHHELD}
    assert logged == [{"event": "labels lost", "kind": loss.value, "log_level": "error"}]


@pytest.mark.parametrize("loss", [loss for loss in Loss if loss not in WITHDRAWN])
async def test_nothing_is_taken_out_where_no_label_was_lost_for_good(clinic: Clinic, loss: Loss) -> None:
    clinic.switches.label_loss = {"Flag": loss.value}

    with capture_logs() as logged:
        told = await clinic.write()

    assert told["Flag"].check is SHOWS[loss][1]
    assert len(clinic.left()) == len(KINDS) - (loss is Loss.NOT_SAVED)
    assert logged == []


async def test_where_it_cannot_be_deleted_it_is_marked_with_its_labels_and_the_others_stay(
    clinic: Clinic,
) -> None:
    """A server that loses them when it creates, and keeps what an update brings."""
    clinic.switches.no_delete = True
    clinic.switches.label_loss = {"Observation": "dropped"}
    clinic.on_update = clinic.switches.label_loss.clear

    told = await clinic.write()

    assert (told["Observation"].check, told["Observation"].loss) == (Check.WITHDRAWN, Loss.DROPPED)
    assert "marked as entered in error" in told["Observation"].words
    assert {told[kind].check for kind in KINDS if kind != "Observation"} == {Check.VERIFIED}
    (stored,) = (await clinic.shown("Observation", told["Observation"].reference))["read"]
    assert stored["status"] == "entered-in-error"
    assert not lost(clinic.item("Observation").body, stored)


@pytest.mark.parametrize("loss", [Loss.DROPPED, Loss.ON_UPDATE])
async def test_a_mark_that_loses_its_labels_is_not_called_taken_out(clinic: Clinic, loss: Loss) -> None:
    clinic.switches.no_delete = True
    clinic.switches.label_loss = {"Observation": loss.value}

    told = await clinic.write()

    assert (told["Observation"].check, told["Observation"].loss) == (Check.LABEL_LOST, loss)
    assert "could not be taken out" in told["Observation"].words
    assert "This record system deletes no Observation." in told["Observation"].words


async def test_without_the_right_to_delete_it_is_left_and_said(recorder: Any) -> None:
    clinic = Clinic(recorder, requested(carriers=FURTHER))
    clinic.switches.label_loss = {"Flag": "dropped"}

    told = await clinic.write()

    assert told["Flag"].check is Check.LABEL_LOST
    assert "could not be taken out of the record again" in told["Flag"].words
    assert len(clinic.left()) == len(KINDS)
    await clinic.http.aclose()


async def test_a_record_system_that_stops_answering_is_not_asked_about_every_entry(clinic: Clinic) -> None:
    clinic.switches.label_loss = {"Flag": "dropped"}
    asked: list[str] = []

    async def silent(kind: str, ident: str) -> None:
        asked.append(kind)
        clinic.switches.hang_up = True

    clinic.client.delete = silent  # type: ignore[method-assign]  # what the sandbox cannot: hang up from here on

    told = await clinic.write()

    assert asked == ["Provenance"]
    assert told["Flag"].check is Check.LABEL_LOST
    assert "could not be taken out" in told["Flag"].words


async def test_the_policy_to_leave_it_is_followed_and_said(clinic: Clinic) -> None:
    clinic.switches.label_loss = {"Flag": "dropped"}

    told = await clinic.write(on_loss="leave")

    assert told["Flag"].words.endswith("It was left there, as your organisation has set.")
    assert len(clinic.left()) == len(KINDS)


@pytest.mark.parametrize("way", ["transaction", "one by one"])
async def test_called_again_it_sends_nothing_and_takes_out_what_still_stands(
    clinic: Clinic, way: str
) -> None:
    clinic.switches.no_transaction = way == "one by one"
    clinic.switches.label_loss = {FIRST: "dropped"}
    clinic.switches.no_delete = True
    first = await clinic.write()
    assert first[FIRST].check is Check.LABEL_LOST
    clinic.recorder.seen.clear()
    clinic.switches.no_delete = False
    clinic.switches.label_loss.clear()

    again = await clinic.write(before=clinic.written)
    thrice = await clinic.write(before=clinic.written)

    assert clinic.recorder.seen == []
    assert clinic.left() == set()
    assert again[FIRST].check is Check.WITHDRAWN
    assert again[FIRST].words == "It was saved without its protection. " + GONE
    assert thrice == again


async def test_what_is_marked_as_an_error_is_not_taken_for_ours_that_stands(clinic: Clinic) -> None:
    """We were cut off after the mark, and before it was on disk that there is one."""
    await clinic.write()
    (flag,) = [
        b
        for b in clinic.sandbox.memory.all("Flag")
        if "meta" in b and lost(clinic.item("Flag").body, b) == ()
    ]
    clinic.sandbox.memory.put(flag | {"status": "entered-in-error"}, NOW)

    told = await clinic.write()

    assert told["Flag"].check is Check.WITHDRAWN
    assert clinic.written.label_lost


@pytest.mark.parametrize("loss", Loss)
async def test_without_a_history_its_first_version_tells_the_same(clinic: Clinic, loss: Loss) -> None:
    clinic.switches.no_history = True
    clinic.switches.label_loss = {"Flag": loss.value}

    told = await clinic.write(on_loss="leave")

    assert (told["Flag"].loss, told["Flag"].check) == (loss, SHOWS[loss][1])


async def test_where_neither_is_offered_it_is_asked_for_once_a_type_and_the_rest_is_still_told(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def refused(kind: str, *_: str) -> None:
        asked.append(kind)
        raise EhrRefused(405, "No.")

    monkeypatch.setattr(clinic.client, "history", refused)
    monkeypatch.setattr(clinic.client, "vread", refused)
    clinic.switches.label_loss = {"Flag": "on-update", "Task": "downgraded", "Consent": "in-history"}

    told = await clinic.write(on_loss="leave")

    assert [told[kind].loss for kind in ("Flag", "Task", "Consent")] == [Loss.DROPPED, Loss.DOWNGRADED, None]
    assert sorted(asked) == sorted(KINDS * 2)


@pytest.mark.parametrize("trouble", [EhrRefused(500, "No."), EhrUnreachable("No.", may_have_happened=True)])
async def test_versions_that_cannot_be_read_just_now_say_nothing(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, trouble: EhrError
) -> None:
    async def failing(kind: str, ident: str) -> None:
        if kind == "Flag":
            raise trouble
        return await FhirClient.history(clinic.client, kind, ident)

    monkeypatch.setattr(clinic.client, "history", failing)

    assert {one.check for one in (await clinic.write()).values()} == {Check.VERIFIED}


@pytest.mark.parametrize(("lists", "times"), [("kept", 2), ("warn", 1)])
async def test_lists_that_are_known_to_be_bare_are_not_looked_at_twice(
    clinic: Clinic, lists: str, times: int
) -> None:
    clinic.switches.label_loss = dict.fromkeys(KINDS, "in-search")

    told = await clinic.write(lists=lists)

    assert {one.loss for one in told.values()} == {Loss.IN_SEARCH}
    assert len(clinic.searched) == 1 + times * len(KINDS), "one is looked for before anything is sent"


async def test_a_request_without_a_label_is_seen_by_the_recorder(recorder: Any) -> None:
    """The control: alone, in a Bundle, and with only some of them."""
    clinic = Clinic(recorder, requested(withdraw=True))
    clinic.items = tuple(stripped(item) if item.kind == "Flag" else item for item in clinic.items)
    await clinic.write()
    assert clinic.recorder.bare == ["Flag"]

    clinic.switches.no_transaction = True
    weak = replace(clinic.item("Task"), key=str(uuid.uuid4()))
    weak.body["meta"]["security"] = weak.body["meta"]["security"][1:]
    clinic.items = (weak,)
    await clinic.write()
    assert clinic.recorder.bare == ["Flag", "Task"]
    await clinic.http.aclose()


def stripped(item: Labelled) -> Labelled:
    return replace(item, body={name: value for name, value in item.body.items() if name != "meta"})
