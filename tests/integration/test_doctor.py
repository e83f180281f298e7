"""The doctor against the sandbox: green where it is good, and each fault named, with nothing left behind."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from ipvscreen.library import read_forms
from ipvscreen.parts import data_folder
from ipvscreen.pathway.check_ehr import Session, Subject, Tools, check_ehr
from ipvscreen.resources.finding import Finding, Level, finding_to_json, worst
from ipvscreen.resources.scopes import requested
from ipvscreen.sandbox.ehr import create_ehr
from ipvscreen.sandbox.flaws import FLAWS
from ipvscreen.sandbox.people import GP, ORDINARY, PATIENTS
from ipvscreen.sandbox.switches import Refuse
from ipvscreen.smart.client import TokenAuth
from ipvscreen.smart.survey import Registration

EHR = "https://ehr.test"
FORM = read_forms(data_folder("questionnaires")).forms["hark"]
KINDS = (
    "QuestionnaireResponse",
    "Observation",
    "Flag",
    "Procedure",
    "ServiceRequest",
    "Task",
    "Consent",
    "Provenance",
)
REMOVAL = " ".join(f"patient/{kind}.ud" for kind in KINDS)
SCOPE = f"{requested(purpose='standalone')} {REMOVAL}"
SUBJECT = Subject(
    iss=f"{EHR}/fhir",
    registration=Registration(TokenAuth.NONE, "ES384", "v2"),
    lists="kept",
    jwks_url="https://app.test/jwks.json",
    kid=None,
    scope=SCOPE,
)


@dataclass
class Clinic:
    """A sandbox, and the doctor's visit to it."""

    ehr: Any
    http: httpx.AsyncClient
    clock: Callable[[], datetime]
    found: list[Finding] = field(default_factory=list)
    token: str = ""

    @property
    def switches(self) -> Any:
        return self.ehr.state.sandbox.switches

    def snapshot(self) -> dict[str, Any]:
        """All that the record system holds now."""
        return {f"{b['resourceType']}/{b['id']}": b for b in self.ehr.state.sandbox.memory.everything()}

    async def examined(
        self,
        *,
        subject: Subject = SUBJECT,
        scope: str = SCOPE,
        patient: str | None = ORDINARY.id,
        **session: Any,
    ) -> dict[str, Any]:
        """Run it; what it has left behind."""
        before = self.snapshot()
        self.token = self.token or self.ehr.state.sandbox.token(
            patient=ORDINARY.id, clinician=GP.id, scope=scope
        )
        given = Session(self.token, scope, ORDINARY.id, f"Practitioner/{GP.id}")

        async def sign_in(_: Any) -> Session:
            return replace(given, **session)

        tools = Tools(self.http, self.clock, FORM, "run-1", seconds=0.3, lag=0.01)
        await check_ehr(subject, tools, sign_in, patient, self.found)
        after = self.snapshot()
        return {key: body for key, body in after.items() if key not in before}

    def of(self, level: Level) -> dict[str, Finding]:
        """By title, the last of this level."""
        return {one.title: one for one in self.found if one.level is level}

    @property
    def text(self) -> str:
        return json.dumps([finding_to_json(one) for one in self.found], ensure_ascii=False)


@pytest.fixture
async def clinic() -> AsyncIterator[Clinic]:
    def clock() -> datetime:
        return datetime.now(UTC)

    ehr = create_ehr(
        base_url=EHR,
        app_launch_url="https://app.test/launch",
        client_id="health-questionnaire",
        redirect_uris=("https://app.test/callback/sandbox",),
        token="reads-everything-here",
        clock=clock,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(ehr)) as http:
        yield Clinic(ehr, http, clock)


@pytest.mark.parametrize(
    ("scope", "offered", "level"),
    [
        (f"{SCOPE} patient/AuditEvent.c", None, Level.GOOD),
        (SCOPE, None, Level.BAD),
        (f"{SCOPE} patient/AuditEvent.c", {"Patient": "r", "Observation": "crs"}, Level.WARNING),
    ],
)
async def test_its_log_is_looked_at_only_where_it_is_to_be_told(
    clinic: Clinic, scope: str, offered: dict[str, str] | None, level: Level
) -> None:
    clinic.switches.offered = offered
    await clinic.examined(scope=scope, patient=None)
    assert "Its log" not in {one.title for one in clinic.found}

    await clinic.examined(subject=replace(SUBJECT, audit_events=True), scope=scope, patient=None)

    assert "Its log" in clinic.of(level)


async def test_a_good_record_system_is_all_green_and_left_as_it_was(clinic: Clinic) -> None:
    left = await clinic.examined()

    assert left == {}
    assert worst(clinic.found) is Level.GOOD, clinic.text
    titles = [one.title for one in clinic.found]
    assert set(KINDS) <= set(titles)
    for kind in KINDS:
        (one,) = [one for one in clinic.found if one.title == kind]
        assert one.words == (
            "Taken and read back by id, search, version, history; every label is on it. "
            "A second reader (fhirclient, R4) agrees."
        )
    assert clinic.of(Level.GOOD)["Removal"].words == "All 8 entries of the probe are gone again."


class Bent(httpx.AsyncBaseTransport):
    """A record system whose answers change on their way; `bend` gives another, or None to let it pass."""

    def __init__(self, inner: httpx.AsyncBaseTransport, bend: Callable[..., Any]) -> None:
        self._inner, self._bend = inner, bend

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        raw = await response.aread()
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        other = self._bend(request, response, body)
        other = await other if asyncio.iscoroutine(other) else other
        return response if other is None else other


def bend(clinic: Clinic, how: Callable[..., Any]) -> None:
    clinic.http = httpx.AsyncClient(transport=Bent(httpx.ASGITransport(clinic.ehr), how))


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


def without_labels(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "meta": {name: value for name, value in body["meta"].items() if name != "security"}}


def flawed(clinic: Clinic, name: str) -> None:
    FLAWS[name](clinic.switches)


async def test_no_s256_is_named(clinic: Clinic) -> None:
    flawed(clinic, "no-s256")

    assert await clinic.examined() == {}
    assert list(clinic.of(Level.BAD)) == ["PKCE"]
    assert "does not say that it checks PKCE with S256" in clinic.of(Level.BAD)["PKCE"].words
    assert "code_challenge_methods_supported" in clinic.of(Level.BAD)["PKCE"].do


async def test_dropped_labels_are_named_for_each_type_with_each_label(clinic: Clinic) -> None:
    flawed(clinic, "drops-labels")

    assert await clinic.examined() == {}
    assert set(clinic.of(Level.BAD)) == set(KINDS)
    flag = clinic.of(Level.BAD)["Flag"]
    assert flag.words == "It was taken, and has lost its labels: V, SDV, NOPAT, NORDSCLCDS (dropped)."
    assert flag.do.startswith("Do not use the app with this record system")


async def test_labels_that_only_one_type_loses_are_named_there_alone(clinic: Clinic) -> None:
    clinic.switches.drop_labels = {"Flag"}

    assert await clinic.examined() == {}
    assert list(clinic.of(Level.BAD)) == ["Flag"]


async def test_a_type_that_is_not_taken_is_a_warning_because_the_app_works_without(clinic: Clinic) -> None:
    flawed(clinic, "no-flag-create")

    assert await clinic.examined() == {}
    assert worst(clinic.found) is Level.WARNING
    said = clinic.of(Level.WARNING)["Recording Flag"]
    assert said.words == "The record system does not accept new Flags."
    assert "says so before the first question" in said.do
    assert "Flag" not in clinic.of(Level.GOOD)


async def test_labels_missing_in_bundles_only_ask_for_a_choice_and_say_what_it_means(clinic: Clinic) -> None:
    flawed(clinic, "labels-missing-in-bundles")

    assert await clinic.examined() == {}
    assert list(clinic.of(Level.BAD)) == ["Labels in lists"]
    said = clinic.of(Level.BAD)["Labels in lists"]
    assert "although reading by id shows them" in said.words
    assert '"warn": the app records, and tells the clinician' in said.do
    assert '"stop": the app records nothing' in said.do
    assert set(KINDS) <= set(clinic.of(Level.GOOD))


@pytest.mark.parametrize(
    ("policy", "follows"),
    [("warn", "tells the clinician before the first question"), ("stop", "records nothing there")],
)
async def test_a_choice_that_was_made_is_known_and_no_longer_bad(
    clinic: Clinic, policy: Any, follows: str
) -> None:
    flawed(clinic, "labels-missing-in-bundles")

    assert await clinic.examined(subject=replace(SUBJECT, lists=policy)) == {}
    assert worst(clinic.found) is Level.WARNING
    assert follows in clinic.of(Level.WARNING)["Labels in lists"].words


async def test_a_choice_that_is_not_needed_is_told(clinic: Clinic) -> None:
    assert await clinic.examined(subject=replace(SUBJECT, lists="stop")) == {}
    assert clinic.of(Level.WARNING)["Labels in lists"].do == 'Set labels_in_lists = "kept".'


async def test_labels_missing_in_an_old_version_are_bad(clinic: Clinic) -> None:
    def how(request: httpx.Request, _: Any, body: Any) -> Any:
        version = "/_history/" in request.url.path
        return answer(without_labels(body)) if version and body["resourceType"] == "Task" else None

    bend(clinic, how)

    assert await clinic.examined() == {}
    assert "first version has no such labels" in clinic.of(Level.BAD)["Task"].words


async def test_without_transactions_it_goes_one_by_one_and_says_so(clinic: Clinic) -> None:
    clinic.switches.no_transaction = clinic.switches.no_conditional_create = True

    assert await clinic.examined() == {}
    assert list(clinic.of(Level.WARNING)) == ["All at once"]
    assert worst(clinic.found) is Level.WARNING
    assert set(KINDS) <= set(clinic.of(Level.GOOD))


async def test_a_transaction_that_is_offered_and_refused_is_bad_and_each_type_is_tried(
    clinic: Clinic,
) -> None:
    clinic.switches.refuse = {("POST", "transaction"): 422}

    assert await clinic.examined() == {}
    assert list(clinic.of(Level.BAD)) == ["All at once"]
    assert clinic.of(Level.BAD)["All at once"].said == "A rule of this practice does not allow this entry."
    assert set(KINDS) <= set(clinic.of(Level.GOOD))


async def test_a_type_that_is_offered_and_refused_is_bad_and_the_others_are_tried(clinic: Clinic) -> None:
    clinic.switches.refuse = {("POST", "Consent"): 422}

    assert await clinic.examined() == {}
    assert set(clinic.of(Level.BAD)) == {"All at once", "Consent"}
    assert set(KINDS) - {"Consent"} <= set(clinic.of(Level.GOOD))


@pytest.mark.parametrize("declared", [False, True], ids=["not offered", "offered and refused"])
async def test_where_nothing_is_deleted_it_is_marked_as_an_error_with_its_labels(
    clinic: Clinic, declared: bool
) -> None:
    if declared:
        clinic.switches.refuse = {("DELETE", "*"): 403}
    else:
        clinic.switches.no_delete = True

    left = await clinic.examined()

    assert {body["status"] for body in left.values()} == {"entered-in-error"}
    assert all(len(body["meta"]["security"]) > 1 for body in left.values())
    assert not any(key.startswith("Provenance/") for key in left)
    said = clinic.of(Level.WARNING)
    assert "marked as entered in error" in said["Removal"].words
    assert all(key in " ".join(one.words for one in clinic.found) for key in left)
    assert "cannot be marked as entered in error" in said["Provenance"].words
    assert worst(clinic.found) is Level.WARNING


async def test_where_nothing_can_be_removed_one_entry_is_left_and_named(clinic: Clinic) -> None:
    clinic.switches.refuse = {("DELETE", "*"): 403, ("PUT", "*"): 403}

    left = await clinic.examined()

    assert len(left) == 1
    (reference,) = left
    bad = [one for one in clinic.found if one.level is Level.BAD]
    assert f"{reference} is still there." in [one.words for one in bad]
    assert any(one.do.startswith("Remove it by hand") for one in bad)
    assert "Nothing more was written" in clinic.of(Level.BAD)["Probe"].words


async def test_a_deletion_that_is_only_said_to_have_happened_is_not_believed(clinic: Clinic) -> None:
    inner = httpx.ASGITransport(clinic.ehr)

    class Pretender(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "DELETE":
                return httpx.Response(204)
            return await inner.handle_async_request(request)

    clinic.http = httpx.AsyncClient(transport=Pretender())

    left = await clinic.examined()

    assert {body["status"] for body in left.values()} == {"entered-in-error"}


async def test_a_refused_history_is_a_warning_for_the_app_does_not_need_it(clinic: Clinic) -> None:
    def how(request: httpx.Request, *_: Any) -> Any:
        return answer({}, 403) if "/_history" in request.url.path else None

    bend(clinic, how)

    assert await clinic.examined() == {}
    assert worst(clinic.found) is Level.WARNING
    assert "does not need it" in clinic.of(Level.WARNING)["Histories"].words


async def test_a_history_that_is_not_offered_is_not_asked_for(clinic: Clinic) -> None:
    clinic.switches.no_history = True
    asked = []
    bend(clinic, lambda request, *_: asked.append(request.url.path))

    assert await clinic.examined() == {}
    assert worst(clinic.found) is Level.GOOD
    assert not any(path.endswith("/_history") for path in asked)
    assert clinic.of(Level.GOOD)["Task"].words.startswith("Taken and read back by id, search, version;")


@pytest.mark.parametrize(
    ("at", "title"),
    [
        (("GET", "smart-configuration"), "Discovery"),
        (("GET", "metadata"), "CapabilityStatement"),
        (("GET", "Patient"), "Probe"),
    ],
)
async def test_a_record_system_that_hangs_is_named_and_nothing_is_written(
    clinic: Clinic, at: tuple[str, str], title: str
) -> None:
    clinic.switches.hang, clinic.switches.at = 30.0, at

    assert await clinic.examined() == {}
    assert list(clinic.of(Level.BAD)) == [title]
    assert "did not answer" in clinic.text


@pytest.mark.parametrize("at", [("POST", "transaction"), ("POST", "Procedure")])
@pytest.mark.parametrize("fault", ["hang", "lose_answer"])
async def test_an_answer_that_is_lost_is_named_and_what_it_was_about_is_found_and_removed(
    clinic: Clinic, at: tuple[str, str], fault: str
) -> None:
    clinic.switches.no_transaction = at[1] != "transaction"
    clinic.switches.at = at
    setattr(clinic.switches, fault, 30.0 if fault == "hang" else True)

    assert await clinic.examined() == {}
    assert "No usable answer came" in clinic.of(Level.BAD)["Answers"].words
    assert ("Removal" in clinic.of(Level.BAD)) is (fault == "hang")


async def test_where_the_search_cannot_tell_after_a_lost_answer_a_person_is_sent_to_look(
    clinic: Clinic,
) -> None:
    def how(request: httpx.Request, *_: Any) -> Any:
        return answer({}, 500) if "identifier" in str(request.url.params) else None

    clinic.switches.hang, clinic.switches.at = 30.0, ("POST", "transaction")
    bend(clinic, how)

    await clinic.examined()

    assert "a search could not tell" in clinic.of(Level.BAD)["Removal"].words


HTML = "<!doctype html><title>Welcome</title><p>Please sign in"


async def test_pages_instead_of_fhir_are_named(clinic: Clinic) -> None:
    bend(clinic, lambda *_: httpx.Response(200, html=HTML))

    assert await clinic.examined() == {}
    (one,) = clinic.found
    assert (one.level, one.title) == (Level.BAD, "Discovery")
    assert "answers 200 with no JSON object" in one.words
    assert "set it as iss" in one.do


async def test_pages_instead_of_resources_are_named_and_nothing_is_written(clinic: Clinic) -> None:
    def how(request: httpx.Request, *_: Any) -> Any:
        return httpx.Response(200, html=HTML) if "/Patient/" in request.url.path else None

    bend(clinic, how)

    assert await clinic.examined() == {}
    assert list(clinic.of(Level.BAD)) == ["Probe"]


async def test_a_token_that_is_not_accepted_is_named_and_nothing_is_written(clinic: Clinic) -> None:
    clinic.token = "stale"

    assert await clinic.examined() == {}
    assert list(clinic.of(Level.BAD)) == ["Probe"]
    assert "does not accept the token" in clinic.of(Level.BAD)["Probe"].words
    assert "fresh" in clinic.of(Level.BAD)["Probe"].do


@pytest.mark.parametrize(
    ("given", "level", "words"),
    [
        ({"patient": None}, Level.WARNING, "no test patient was named"),
        ({"patient": "freya-woman"}, Level.BAD, "another patient than --patient names"),
    ],
)
async def test_nothing_is_written_but_on_the_patient_who_was_typed_and_signed_in_for(
    clinic: Clinic, given: dict[str, Any], level: Level, words: str
) -> None:
    writes = []
    bend(clinic, lambda request, *_: None if request.method == "GET" else writes.append(request.url.path))

    assert await clinic.examined(**given) == {}
    assert writes == []
    assert words in clinic.of(level)["Probe"].words


async def test_rights_that_were_not_granted_are_for_the_registration(clinic: Clinic) -> None:
    scope = SCOPE.replace("patient/Flag.crs ", "patient/Flag.rs ").replace("patient/Encounter.r ", "")
    scope = scope.replace("patient/Task.crs", "patient/Task.cr")

    assert await clinic.examined(scope=scope) == {}
    assert clinic.of(Level.BAD)["Recording Flag"].do == "Allow Flag in the app's registration there."
    rights = [one.words for one in clinic.found if one.title == "Rights"]
    assert len(rights) == 2
    assert "encounter" in rights[0]
    assert "Task" in rights[1]
    assert "Task cannot be searched" in clinic.of(Level.WARNING)["Searches"].words


async def test_without_anything_to_record_it_says_so_and_writes_nothing(clinic: Clinic) -> None:
    assert await clinic.examined(scope="launch/patient patient/Patient.r patient/Encounter.r") == {}
    assert "No questionnaire can be recorded" in clinic.of(Level.BAD)["Recording"].words


async def test_what_the_record_system_says_is_shown_without_name_or_token(clinic: Clinic) -> None:
    given, family = PATIENTS[ORDINARY.id].given, PATIENTS[ORDINARY.id].family

    def how(request: httpx.Request, *_: Any) -> Any:
        if request.method != "POST":
            return None
        words = f"No consents for {given} {family.upper()} with {request.headers['authorization']}, sorry."
        outcome = {"severity": "error", "code": "processing", "details": {"text": words}}
        return answer({"resourceType": "OperationOutcome", "issue": [outcome]}, 422)

    bend(clinic, how)

    await clinic.examined()

    assert clinic.of(Level.BAD)["Consent"].said == "No consents for … … with Bearer …, sorry."
    assert clinic.token not in clinic.text
    assert family not in clinic.text


@pytest.mark.parametrize(
    ("seconds", "level"),
    [(0, Level.GOOD), (30, Level.WARNING), (-30, Level.WARNING), (-90, Level.BAD), (90, Level.BAD)],
)
async def test_the_clocks_are_compared(clinic: Clinic, seconds: int, level: Level) -> None:
    def how(request: httpx.Request, response: httpx.Response, body: Any) -> Any:
        if not request.url.path.endswith("/metadata"):
            return None
        at = datetime.fromtimestamp(datetime.now(UTC).timestamp() + seconds, UTC)
        return answer(body, headers={"Date": at.strftime("%a, %d %b %Y %H:%M:%S GMT")})

    bend(clinic, how)

    await clinic.examined(patient=None)

    assert [one.level for one in clinic.found if one.title == "Clock"] == [level]


async def test_an_entry_that_a_second_reader_cannot_read_is_a_warning(clinic: Clinic) -> None:
    def how(request: httpx.Request, _: Any, body: Any) -> Any:
        if request.method == "GET" and request.url.path.startswith("/fhir/Flag/") and body:
            return answer({**body, "surprise": 1, "code": {"text": 7}}) if "code" in body else None
        return None

    bend(clinic, how)

    assert await clinic.examined() == {}
    assert "it cannot read code.text, surprise" in clinic.of(Level.WARNING)["Flag"].words


async def test_an_element_that_is_not_kept_is_a_warning(clinic: Clinic) -> None:
    def how(request: httpx.Request, _: Any, body: Any) -> Any:
        if request.method == "GET" and request.url.path.startswith("/fhir/Task/") and body:
            return answer({name: value for name, value in body.items() if name != "focus"})
        return None

    bend(clinic, how)

    assert await clinic.examined() == {}
    assert clinic.of(Level.WARNING)["Task"].words == "The record system does not keep focus."


async def test_an_entry_in_another_patients_record_is_bad_and_removed(clinic: Clinic) -> None:
    def how(request: httpx.Request, _: Any, body: Any) -> Any:
        if request.method == "GET" and request.url.path.startswith("/fhir/Procedure/") and body:
            return (
                answer(body | {"subject": {"reference": "Patient/freya-woman"}})
                if "subject" in body
                else None
            )
        return None

    bend(clinic, how)

    assert await clinic.examined() == {}
    assert "stands in the record of another patient" in clinic.of(Level.BAD)["Procedure"].words


async def test_what_searches_do_not_show_is_a_warning(clinic: Clinic) -> None:
    def how(request: httpx.Request, _: Any, body: Any) -> Any:
        hidden = request.method == "GET" and request.url.path == "/fhir/Flag"
        return answer({name: value for name, value in body.items() if name != "entry"}) if hidden else None

    bend(clinic, how)

    assert await clinic.examined() == {}
    assert "did not show Flag" in clinic.of(Level.WARNING)["Searches"].words


async def test_what_is_broken_off_is_removed_all_the_same(clinic: Clinic) -> None:
    looked = asyncio.Event()

    async def wait(*_: Any) -> Any:
        looked.set()
        await asyncio.sleep(30)

    bend(clinic, lambda request, *_: wait() if request.url.path.endswith("/_history") else None)
    before = clinic.snapshot()
    running = asyncio.create_task(clinic.examined())
    await looked.wait()
    assert len(clinic.snapshot()) == len(before) + len(KINDS)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert clinic.snapshot().keys() == before.keys()


async def test_a_busy_moment_at_the_end_is_told_and_not_hidden(clinic: Clinic) -> None:
    """Deletion fails halfway: what is left is named, one by one."""
    clinic.switches.refuse = {("DELETE", "*"): Refuse(429, after=3), ("PUT", "*"): 429}

    left = await clinic.examined()

    assert left
    words = " ".join(one.words for one in clinic.found if one.level is Level.BAD)
    assert all(f"{key} is still there." in words for key in left)


async def test_what_is_taken_and_cannot_be_read_back_is_bad_and_said_to_be_there_perhaps(
    clinic: Clinic,
) -> None:
    def how(request: httpx.Request, *_: Any) -> Any:
        blind = request.method == "GET" and request.url.path.startswith("/fhir/Flag/")
        return answer({}, 403) if blind else None

    bend(clinic, how)

    assert await clinic.examined() == {}
    bad = [one for one in clinic.found if one.level is Level.BAD]
    assert {one.title for one in bad} == {"Flag", "Removal"}
    assert "cannot be read back by its id" in bad[0].words
    assert "may still be there: a read could not tell" in bad[1].words


async def test_a_record_system_that_tells_no_time_is_not_blamed(clinic: Clinic) -> None:
    await clinic.examined(patient=None)  # no Date header without a server

    assert "tells no time" in clinic.of(Level.GOOD)["Clock"].words
    assert clinic.of(Level.WARNING)["Probe"].do.startswith("Name one with --patient")


async def test_a_patient_who_is_not_there_is_told_by_status_and_not_by_the_record_systems_words(
    clinic: Clinic,
) -> None:
    clinic.switches.refuse = {("GET", "Patient"): 404}

    assert await clinic.examined() == {}
    probe = clinic.of(Level.BAD)["Probe"]
    assert "answered with status 404" in probe.words
    assert probe.said == ""
