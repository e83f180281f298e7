"""The verified writer against the strict sandbox, and every switch by which that can fail."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from ipvscreen.ehr import writer
from ipvscreen.ehr.client import Created, FhirClient
from ipvscreen.errors import EhrRefused, EhrUnreachable
from ipvscreen.resources.draft import business_key, entry
from ipvscreen.resources.labels import About, lost
from ipvscreen.resources.plan import Ability, WritePlan, plan_writes
from ipvscreen.resources.scopes import REQUESTED, Scopes, requested
from ipvscreen.resources.written import Check, Written
from ipvscreen.sandbox.ehr import create_ehr
from ipvscreen.sandbox.people import GP, ORDINARY
from ipvscreen.sandbox.switches import Refuse

KINDS = ("QuestionnaireResponse", "Observation", "Flag", "Provenance")
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SUBJECT = {"reference": f"Patient/{ORDINARY.id}"}
CODE = {"coding": [{"system": "https://codes.example", "code": "x"}]}


def observation(name, **more):
    return entry(
        business_key("visit-1", name),
        "Observation",
        {"status": "final", "code": CODE, "subject": SUBJECT, "valueInteger": 1} | more,
        About.SCREEN,
    )


def made():
    """Five entries that refer to one another, the last first."""
    response = entry(
        business_key("visit-1", "response"),
        "QuestionnaireResponse",
        {"status": "completed", "subject": SUBJECT, "questionnaire": "https://forms.example/q|1"},
        About.SCREEN,
    )
    item = observation("item", derivedFrom=[response.reference])
    panel = observation("panel", hasMember=[item.reference])
    flag = entry(
        business_key("visit-1", "flag"),
        "Flag",
        {"status": "active", "code": {"text": "See note"}, "subject": SUBJECT},
        About.FLAG,
    )
    provenance = entry(
        business_key("visit-1", "provenance"),
        "Provenance",
        {
            "target": [one.reference for one in (response, item, panel, flag)],
            "recorded": "2026-03-02T10:00:00Z",
            "agent": [{"who": {"display": "Clinician"}}],
        },
        About.PROVENANCE,
    )
    return provenance, panel, item, flag, response


def all_verified(written: Written) -> bool:
    """Whether every entry was; nothing written is nothing verified."""
    return {one.check for one in written.items} == {Check.VERIFIED}


class Ehr:
    """The sandbox, a client of it, and what passed between them."""

    def __init__(self):
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
        self._seeded = self._counted()
        self.requests = []
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), event_hooks={"request": [self._note]}
        )
        token = self.sandbox.token(patient=ORDINARY.id, clinician=GP.id, scope=requested(withdraw=True))

        async def given():
            return token

        self.client = FhirClient(self.http, "https://ehr.test/fhir", given, seconds=0.5)

    async def _note(self, request):
        self.requests.append(request)

    async def plan(self):
        return plan_writes(await self.client.capability(), Scopes.parse(REQUESTED))

    async def write(self, items=None, before=None, **more):
        plan = await self.plan()
        self.requests.clear()
        return await writer.write(
            self.client, plan, made() if items is None else items, before=before, lag=0.0, **more
        )

    def posts(self):
        return [
            request.url.path.removeprefix("/fhir") for request in self.requests if request.method == "POST"
        ]

    def stored(self):
        """How many of each kind were added to what the sandbox holds from the start."""
        return self._counted() - self._seeded

    def _counted(self):
        return Counter(body["resourceType"] for kind in KINDS for body in self.sandbox.memory.all(kind))


ALL = Counter({"QuestionnaireResponse": 1, "Observation": 2, "Flag": 1, "Provenance": 1})


@pytest.fixture
async def ehr():
    ehr = Ehr()
    yield ehr
    await ehr.http.aclose()


@pytest.fixture(
    params=["transaction", "one-by-one", "one-by-one-unconditionally", "transaction-unconditionally"]
)
def any_ehr(ehr, request):
    ehr.switches.no_transaction = request.param.startswith("one-by-one")
    ehr.switches.no_conditional_create = request.param.endswith("unconditionally")
    return ehr


def checks(written):
    return [one.check for one in written.items]


async def test_everything_is_written_once_labelled_and_verified(any_ehr):
    items = made()

    written = await any_ehr.write(items)

    assert all_verified(written)
    assert [one.key for one in written.items] == [item.key for item in items]
    assert any_ehr.stored() == ALL
    for one, item in zip(written.items, items, strict=True):
        kind, ident = one.reference.split("/")
        first = any_ehr.sandbox.memory.history(kind, ident)[0].body
        assert lost(item.body, first) == ()
        assert "urn:uuid" not in str({k: v for k, v in first.items() if k != "identifier"})


async def test_a_transaction_is_one_request_after_one_look(ehr):
    await ehr.write()

    assert ehr.posts() == [""]
    assert [request.method for request in ehr.requests[:2]] == ["GET", "POST"]
    assert len(ehr.requests) == 1 + 1 + len(made()) + 2 * len(KINDS), "each by id, each type twice more"


async def test_one_by_one_what_is_referred_to_comes_first(ehr):
    ehr.switches.no_transaction = True

    await ehr.write()

    posts = ehr.posts()
    assert posts.index("/QuestionnaireResponse") < posts.index("/Observation")
    assert posts[-1] == "/Provenance"
    assert len(posts) == 5
    assert all(
        "If-None-Exist" in r.headers
        for r in ehr.requests
        if r.method == "POST" and r.url.path != "/fhir/Provenance"
    )


async def test_writing_again_writes_nothing_twice(any_ehr):
    first = await any_ehr.write()
    second = await any_ehr.write()

    assert second == first
    assert any_ehr.posts() == []
    assert any_ehr.stored() == ALL


async def test_addresses_hold_ids_only(any_ehr):
    await any_ehr.write()

    for request in any_ehr.requests:
        assert set(request.url.params) <= {"identifier", "patient", "_id", "_count", "target"}
        assert request.url.host == "ehr.test"


async def test_nothing_to_write_is_no_request(ehr):
    assert (await ehr.write(())).items == ()
    assert ehr.requests == []


@pytest.mark.parametrize("lose", [True, "hang-up"])
async def test_a_lost_answer_is_looked_up_and_nothing_is_sent_twice(any_ehr, lose):
    any_ehr.switches.lose_answer = lose

    written = await any_ehr.write()

    assert all_verified(written)
    assert any_ehr.stored() == ALL
    assert len(any_ehr.posts()) in (1, 5)


@pytest.mark.parametrize("status", [401, 403, 409, 412, 429])
async def test_a_refused_transaction_leaves_nothing_and_says_why(ehr, status):
    ehr.switches.refuse[("POST", "transaction")] = status

    written = await ehr.write()

    assert set(checks(written)) == {Check.FAILED}
    assert ehr.stored() == Counter()
    assert ehr.posts() == [""]
    assert len({one.words for one in written.items}) == 1
    assert all(one.words and one.reference is None for one in written.items)


NOT_UNDERSTOOD = (400, 404, 405, 413, 415, 422, 501)


def conditions(ehr):
    """Of each transaction that was sent, whether it named a condition."""
    return [b"ifNoneExist" in r.content for r in ehr.requests if r.method == "POST" and r.url.path == "/fhir"]


@pytest.mark.parametrize("status", NOT_UNDERSTOOD)
async def test_a_transaction_that_is_not_understood_is_followed_by_the_next_best_way(ehr, status):
    ehr.switches.refuse[("POST", "transaction")] = status

    written = await ehr.write()

    assert all_verified(written)
    assert ehr.stored() == ALL
    assert conditions(ehr) == [True, False]
    assert ehr.posts()[2] == "/QuestionnaireResponse"
    assert len(ehr.posts()) == 2 + 5
    second = max(i for i, one in enumerate(ehr.requests) if one.method == "POST" and one.url.path == "/fhir")
    alone = [f"{one.method} {one.url.path.split('/')[2]}" for one in ehr.requests[second + 1 : second + 3]]
    assert alone == ["POST QuestionnaireResponse", "GET QuestionnaireResponse"], (
        "the first is read back alone"
    )


async def test_a_transaction_that_is_understood_without_conditions_stays_one(ehr):
    ehr.switches.refuse[("POST", "transaction")] = Refuse(400, times=1)

    assert all_verified(await ehr.write())
    assert ehr.stored() == ALL
    assert conditions(ehr) == [True, False]
    assert ehr.posts() == ["", ""]


async def test_without_conditions_it_is_not_sent_a_second_time_as_it_was(ehr):
    ehr.switches.no_conditional_create = True
    ehr.switches.refuse[("POST", "transaction")] = 400

    assert all_verified(await ehr.write())
    assert conditions(ehr) == [False]


@pytest.mark.parametrize(
    ("first", "check"),
    [
        (EhrUnreachable("Late.", may_have_happened=True), Check.UNKNOWN),
        (EhrRefused(502, "Gateway."), Check.FAILED),
    ],
)
async def test_where_the_first_may_still_be_at_work_no_other_way_is_taken(ehr, monkeypatch, first, check):
    """A lost answer, nothing found, and only then "not understood"."""
    faults = iter([first, EhrRefused(400, "What?")])

    async def failing(bundle):
        raise next(faults)

    monkeypatch.setattr(ehr.client, "transaction", failing)

    assert set(checks(await ehr.write())) == {check}
    assert ehr.posts() == []
    assert next(faults, None) is None


@pytest.mark.parametrize("status", [429, 500, 400])
async def test_where_the_second_look_does_not_say_that_nothing_is_there_no_other_way_is_taken(ehr, status):
    """Neither where nobody can be asked just now, nor where no search tells."""
    ehr.switches.refuse[("POST", "transaction")] = 400
    ehr.switches.refuse[("GET", "*")] = Refuse(status, after=1)

    assert set(checks(await ehr.write())) == {Check.FAILED}
    assert ehr.posts() == [""]
    assert ehr.stored() == Counter()


async def test_what_the_second_look_finds_is_not_sent_once_more(ehr, monkeypatch):
    """A transaction that says no and has taken the answers all the same: a repetition completes it."""
    whole = ehr.client.transaction

    async def half(bundle):
        body = next(
            e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "QuestionnaireResponse"
        )
        await FhirClient.create(ehr.client, body)
        raise EhrRefused(400, "No.")

    monkeypatch.setattr(ehr.client, "transaction", half)
    written = await ehr.write()

    assert set(checks(written)) == {Check.FAILED}
    assert ehr.stored() == Counter({"QuestionnaireResponse": 1})
    monkeypatch.setattr(ehr.client, "transaction", whole)
    assert all_verified(await ehr.write(before=written))
    assert ehr.stored() == ALL


async def test_in_the_next_best_way_a_lost_label_still_withholds_the_rest(ehr):
    ehr.switches.refuse[("POST", "transaction")] = 422
    ehr.switches.drop_labels = {"QuestionnaireResponse"}

    written = await ehr.write(on_loss="leave")

    assert ehr.posts() == ["", "", "/QuestionnaireResponse"]
    assert only(written, "QuestionnaireResponse").check is Check.LABEL_LOST
    assert ehr.stored() == Counter({"QuestionnaireResponse": 1})


async def test_an_entry_that_is_the_reason_is_named_in_the_next_best_way(ehr):
    ehr.switches.refuse[("POST", "Flag")] = 422

    written = await ehr.write()

    flag = only(written, "Flag")
    assert flag.check is Check.FAILED
    assert not flag.words.startswith("Not sent")
    assert only(written, "QuestionnaireResponse").check is Check.VERIFIED
    assert only(written, "Provenance").words.startswith("Not sent")
    ehr.switches.refuse.clear()
    assert all_verified(await ehr.write(before=written))
    assert ehr.stored() == ALL


@pytest.mark.parametrize("status", [401, 403, 404, 409, 412, 422, 429])
async def test_a_refused_entry_stops_the_rest_and_a_repetition_completes_it(ehr, status):
    ehr.switches.no_transaction = True
    ehr.switches.refuse[("POST", "Observation")] = status

    written = await ehr.write()

    by_kind = {one.kind: one for one in written.items}
    assert by_kind["QuestionnaireResponse"].check is Check.VERIFIED
    assert by_kind["Provenance"].check is Check.FAILED
    assert by_kind["Provenance"].words.startswith("Not sent")
    failed = [one for one in written.items if one.kind == "Observation"]
    assert {one.check for one in failed} == {Check.FAILED}
    assert sum(one.words.startswith("Not sent") for one in failed) == 1

    ehr.switches.refuse.clear()
    again = await ehr.write()

    assert all_verified(again)
    assert ehr.stored() == ALL


async def test_a_server_error_is_tried_once_more_and_then_told_as_failed(any_ehr):
    any_ehr.switches.refuse[("POST", "*")] = 500

    written = await any_ehr.write()

    assert set(checks(written)) == {Check.FAILED}
    assert any_ehr.stored() == Counter()
    assert len(any_ehr.posts()) == 2
    assert "failed on its own account" in written.items[-1].words


async def test_a_server_error_that_passes_is_overcome(any_ehr):
    any_ehr.switches.refuse[("POST", "*")] = Refuse(500, times=1)

    assert all_verified(await any_ehr.write())
    assert any_ehr.stored() == ALL


async def test_a_server_that_hangs_up_on_every_write_leaves_it_open(any_ehr):
    any_ehr.switches.at = ("POST", "*")
    any_ehr.switches.hang_up = True

    written = await any_ehr.write()

    assert Check.UNKNOWN in checks(written)
    assert Check.VERIFIED not in checks(written)
    assert len(any_ehr.posts()) == 2
    assert written.failed


async def test_a_server_that_hangs_on_writes_is_left_in_time(ehr):
    ehr.switches.at = ("POST", "transaction")
    ehr.switches.hang = 5.0

    written = await ehr.write()

    assert set(checks(written)) == {Check.UNKNOWN}
    assert "in time" in written.items[0].words


async def test_a_dead_server_is_told_at_once_and_nothing_is_sent(any_ehr):
    plan = await any_ehr.plan()
    any_ehr.switches.hang_up = True
    any_ehr.requests.clear()

    written = await writer.write(any_ehr.client, plan, made(), lag=0.0)

    assert set(checks(written)) == {Check.FAILED}
    assert all("Nothing was sent" in one.words for one in written.items)
    assert any_ehr.posts() == []


async def test_a_lost_answer_that_cannot_be_looked_up_is_unknown(any_ehr):
    """The record system stores, answers 500, and then refuses every search."""
    any_ehr.switches.lose_answer = True
    any_ehr.switches.refuse[("GET", "*")] = Refuse(500, after=3 if any_ehr.switches.no_transaction else 1)

    written = await any_ehr.write()

    assert Check.UNKNOWN in checks(written)
    assert Check.VERIFIED not in checks(written)
    assert len(any_ehr.posts()) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_dropped_label_is_found_out(any_ehr, kind):
    any_ehr.switches.drop_labels = {kind}

    written = await any_ehr.write(on_loss="leave")

    first = any_ehr.switches.no_transaction and kind == "QuestionnaireResponse"  # then the rest is withheld
    for one in written.items:
        assert one.check is (
            Check.LABEL_LOST if one.kind == kind else Check.FAILED if first else Check.VERIFIED
        )
        assert bool(one.reference) is (one.check is not Check.FAILED)
    assert written.failed
    assert any_ehr.stored() == (Counter({kind: 1}) if first else ALL)


async def test_labels_that_only_search_results_lack_are_unconfirmed(any_ehr):
    any_ehr.switches.labels_missing_in_search = True

    written = await any_ehr.write()

    assert set(checks(written)) == {Check.UNCONFIRMED}
    assert all("lists" in one.words for one in written.items)


async def test_an_empty_201_is_found_by_its_location(ehr):
    ehr.switches.no_transaction = True
    ehr.switches.empty_201 = True

    assert all_verified(await ehr.write())


async def test_what_is_not_offered_is_left_out_together_with_references_to_it(any_ehr):
    any_ehr.switches.flag_create = False

    written = await any_ehr.write()

    for one in written.items:
        assert one.check is (Check.NOT_OFFERED if one.kind == "Flag" else Check.VERIFIED)
    flag = next(one for one in written.items if one.kind == "Flag")
    assert flag.words.endswith("Enter exactly these words: “See note”")
    assert flag.reference is None
    assert any_ehr.stored() == ALL - Counter({"Flag": 1})


async def test_a_provenance_of_nothing_is_not_sent(ehr):
    plan = WritePlan(
        transaction=True,
        conditional=True,
        abilities=(Ability("Provenance", True), Ability("Observation", False, "No.", "By hand.")),
    )

    written = await writer.write(ehr.client, plan, made(), lag=0.0)

    assert set(checks(written)) == {Check.NOT_OFFERED}
    assert all(one.words for one in written.items)
    assert ehr.requests == []


def only(written, kind):
    (one,) = (one for one in written.items if one.kind == kind)
    return one


@pytest.mark.parametrize("hang_up", [False, True])
async def test_what_cannot_be_read_back_is_unknown_and_keeps_its_id(any_ehr, monkeypatch, hang_up):
    async def unreadable(kind, ident):
        if kind == "Flag":
            raise (
                EhrUnreachable("No answer.", may_have_happened=True)
                if hang_up
                else EhrRefused(403, "Not you.")
            )
        return await FhirClient.read(any_ehr.client, kind, ident)

    monkeypatch.setattr(any_ehr.client, "read", unreadable)

    written = await any_ehr.write()

    flag = only(written, "Flag")
    assert flag.check is Check.UNKNOWN
    assert flag.reference
    assert flag.words.endswith("No answer." if hang_up else "Not you.")
    assert checks(written).count(Check.VERIFIED) == 4


async def changed_when_read(ehr, monkeypatch, change):
    async def read(kind, ident):
        return change(await FhirClient.read(ehr.client, kind, ident))

    monkeypatch.setattr(ehr.client, "read", read)
    return await ehr.write()


async def test_what_stands_in_another_patients_record_is_told(any_ehr, monkeypatch):
    def moved(body):
        return body | {"subject": {"reference": "Patient/other"}} if body["resourceType"] == "Flag" else body

    written = await changed_when_read(any_ehr, monkeypatch, moved)

    assert only(written, "Flag").check is Check.FAILED
    assert "another patient" in only(written, "Flag").words
    assert only(written, "Provenance").check is Check.VERIFIED


async def test_an_absolute_or_versioned_reference_to_the_patient_is_the_same_patient(any_ehr, monkeypatch):
    def absolute(body):
        reference = f"https://ehr.test/fhir/Patient/{ORDINARY.id}/_history/3"
        return body | {"subject": {"reference": reference}} if "subject" in body else body

    assert all_verified(await changed_when_read(any_ehr, monkeypatch, absolute))


@pytest.mark.parametrize("status", [404, 410])
async def test_what_was_taken_and_is_not_there_has_failed(any_ehr, monkeypatch, status):
    async def gone(kind, ident):
        raise EhrRefused(status, "Gone.")

    async def nothing(kind, params):
        return []

    any_ehr.switches.no_transaction = False
    monkeypatch.setattr(any_ehr.client, "read", gone)
    monkeypatch.setattr(any_ehr.client, "search", nothing)

    written = await any_ehr.write()

    assert set(checks(written)) == {Check.FAILED}
    assert all("does not hold it" in one.words for one in written.items)


async def test_what_cannot_be_read_but_is_listed_is_unknown(any_ehr, monkeypatch):
    async def gone(kind, ident):
        raise EhrRefused(404, "Gone.")

    monkeypatch.setattr(any_ehr.client, "read", gone)

    assert set(checks(await any_ehr.write())) == {Check.UNKNOWN}


async def test_a_provenance_of_the_record_systems_own_is_not_taken_for_ours(ehr):
    ehr.switches.no_transaction = True
    ehr.switches.refuse[("POST", "Provenance")] = Refuse(409, times=1)
    first = await ehr.write()
    target = {"reference": min(one.reference for one in first.items if one.reference)}
    ehr.sandbox.memory.put({"resourceType": "Provenance", "id": "its-own", "target": [target]}, NOW)

    second = await ehr.write()

    assert all_verified(second)
    assert only(second, "Provenance").reference != "Provenance/its-own"
    assert ehr.stored() == ALL + Counter({"Provenance": 1})


async def test_a_search_that_lags_is_asked_once_more(any_ehr, monkeypatch):
    asked = Counter()

    async def lagging(kind, params):
        asked[kind, str(params)] += 1
        if asked[kind, str(params)] % 3 == 2:  # the look before; then not yet; then there
            return []
        return await FhirClient.search(any_ehr.client, kind, params)

    any_ehr.switches.no_transaction = True
    monkeypatch.setattr(any_ehr.client, "search", lagging)

    assert all_verified(await any_ehr.write())


async def test_what_a_lagging_search_hides_is_not_written_twice(any_ehr, monkeypatch):
    async def nothing(kind, params):
        return []

    monkeypatch.setattr(any_ehr.client, "search", nothing)
    first = await any_ehr.write()

    second = await any_ehr.write(before=first)

    assert second == first
    assert set(checks(first)) == {Check.UNCONFIRMED}
    assert any_ehr.posts() == []
    assert any_ehr.stored() == ALL


async def test_a_conditional_create_that_finds_what_the_search_hid_leads_to_its_provenance(ehr, monkeypatch):
    ehr.switches.no_transaction = True
    await ehr.write()
    hidden = ["Flag", "Flag"]  # is there anything at all? and then, what?

    async def lagging(kind, params):
        if kind in hidden:
            hidden.remove(kind)
            return []
        return await FhirClient.search(ehr.client, kind, params)

    monkeypatch.setattr(ehr.client, "search", lagging)

    assert all_verified(await ehr.write())
    assert ehr.posts() == ["/Flag"]
    assert ehr.stored() == ALL


async def test_what_had_vanished_is_written_again(ehr):
    first = await Ehr().write()
    before = tuple(replace(one, check=Check.FAILED) if one.kind == "Flag" else one for one in first.items)
    ehr.switches.no_transaction = True

    second = await ehr.write(before=Written(before))

    assert ehr.stored() == Counter({"Flag": 1})
    assert only(second, "Flag").check is Check.VERIFIED
    assert only(second, "Flag").reference != only(first, "Flag").reference


async def test_what_searches_do_not_show_is_unconfirmed(any_ehr, monkeypatch):
    async def nothing(kind, params):
        return []

    monkeypatch.setattr(any_ehr.client, "search", nothing)

    written = await any_ehr.write()

    assert set(checks(written)) == {Check.UNCONFIRMED}
    assert all("do not show" in one.words for one in written.items)


async def test_a_server_that_ignores_the_search_parameter_does_not_mislead(any_ehr, monkeypatch):
    """It answers with everything of the type: none of that is taken for ours."""

    async def everything(kind, params):
        return [body for body in any_ehr.sandbox.memory.all(kind)] + [{"resourceType": kind}]

    monkeypatch.setattr(any_ehr.client, "search", everything)

    first = await any_ehr.write()
    second = await any_ehr.write()

    assert all_verified(first)
    assert second == first
    assert any_ehr.stored() == ALL


class NoSearch:
    """A record system that lets nobody search."""

    def __init__(self, ehr, monkeypatch):
        async def refused(kind, params):
            raise EhrRefused(403, "No searching.")

        monkeypatch.setattr(ehr.client, "search", refused)


async def test_without_search_all_is_written_and_unconfirmed(any_ehr, monkeypatch):
    NoSearch(any_ehr, monkeypatch)

    written = await any_ehr.write()

    assert set(checks(written)) == {Check.UNCONFIRMED}
    assert any_ehr.stored() == ALL


async def test_without_search_a_repetition_goes_by_what_was_told_before(any_ehr, monkeypatch):
    NoSearch(any_ehr, monkeypatch)
    any_ehr.switches.no_transaction = True
    any_ehr.switches.refuse[("POST", "Flag")] = 409
    first = await any_ehr.write()
    any_ehr.switches.refuse.clear()

    second = await any_ehr.write(before=first)

    assert Check.FAILED in checks(first)
    assert set(checks(second)) == {Check.UNCONFIRMED}
    assert any_ehr.stored() == ALL


async def test_without_search_what_is_unknown_is_not_risked_twice(ehr, monkeypatch):
    NoSearch(ehr, monkeypatch)
    ehr.switches.no_transaction = ehr.switches.no_conditional_create = True
    ehr.switches.lose_answer = "hang-up"
    first = await ehr.write()
    ehr.switches.lose_answer = False

    second = await ehr.write(before=first)

    assert Check.UNKNOWN in checks(first)
    assert Check.UNKNOWN in checks(second)
    assert ehr.stored() == Counter({"QuestionnaireResponse": 1})
    assert "let us look" in "".join(one.words for one in second.items)


async def test_without_search_a_condition_that_the_server_checks_is_enough(ehr, monkeypatch):
    NoSearch(ehr, monkeypatch)
    ehr.switches.lose_answer = "hang-up"
    first = await ehr.write()
    ehr.switches.lose_answer = False

    second = await ehr.write(before=first)

    assert set(checks(first)) == {Check.UNKNOWN}
    assert only(second, "Provenance").check is Check.UNKNOWN  # it has no identifier to make a condition of
    assert ehr.stored() == ALL


async def test_an_answer_that_names_no_id_is_looked_up(any_ehr, monkeypatch):
    async def silent(body, unless=None):
        created = await FhirClient.create(any_ehr.client, body, unless)
        return Created(None, created.body)

    any_ehr.switches.no_transaction = True
    monkeypatch.setattr(any_ehr.client, "create", silent)

    assert all_verified(await any_ehr.write())
    assert any_ehr.stored() == ALL


async def test_an_answer_that_names_no_id_of_what_cannot_be_found_is_unknown(any_ehr, monkeypatch):
    async def swallowed(body, unless=None):
        return Created(None, None)

    any_ehr.switches.no_transaction = True
    monkeypatch.setattr(any_ehr.client, "create", swallowed)

    written = await any_ehr.write()

    assert checks(written).count(Check.UNKNOWN) == 1
    assert "could not find it" in only(written, "QuestionnaireResponse").words
    assert only(written, "Provenance").words.startswith("Not sent")


async def test_a_later_refusal_does_not_settle_an_open_first_try(ehr, monkeypatch):
    """A time-out, nothing found, and then no connection: the first request may still be at work."""
    faults = iter(
        [EhrUnreachable("Late.", may_have_happened=True), EhrUnreachable("Off.", may_have_happened=False)]
    )

    async def failing(bundle):
        raise next(faults)

    monkeypatch.setattr(ehr.client, "transaction", failing)

    written = await ehr.write()

    assert set(checks(written)) == {Check.UNKNOWN}
    assert {one.words for one in written.items} == {"Late."}


async def test_no_connection_for_the_write_itself_is_not_tried_again(ehr, monkeypatch):
    calls = Counter()

    async def failing(bundle):
        calls["transaction"] += 1
        raise EhrUnreachable("Off.", may_have_happened=False)

    monkeypatch.setattr(ehr.client, "transaction", failing)

    assert set(checks(await ehr.write())) == {Check.FAILED}
    assert calls["transaction"] == 1


async def test_a_transaction_that_was_half_done_is_told_entry_by_entry(ehr, monkeypatch):
    """No transaction, whatever it calls itself: the first two entries are stored, then the server fails."""

    async def half(bundle):
        response = next(
            e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "QuestionnaireResponse"
        )
        await FhirClient.create(ehr.client, response)
        raise EhrRefused(500, "Half done.")

    monkeypatch.setattr(ehr.client, "transaction", half)

    written = await ehr.write()

    assert only(written, "QuestionnaireResponse").check is Check.VERIFIED
    assert only(written, "Flag").check is Check.FAILED

    assert all_verified(await ehr.write(before=written))
    assert ehr.stored() == ALL


async def test_a_provenance_that_cannot_be_looked_for_at_a_repetition_is_not_risked(ehr):
    ehr.switches.no_transaction = True
    await ehr.write()
    ehr.switches.refuse[("GET", "Provenance")] = Refuse(429, after=0)

    written = await ehr.write()

    assert set(checks(written)) == {Check.FAILED}
    assert ehr.stored() == ALL


async def test_a_provenance_is_looked_for_once_its_targets_are_there(ehr):
    """First try: the Flag is refused, so there is no Provenance; second try: the search for it fails."""
    ehr.switches.no_transaction = True
    ehr.switches.refuse[("POST", "Flag")] = Refuse(409, times=1)
    await ehr.write()
    ehr.switches.refuse[("GET", "Provenance")] = Refuse(429, after=1)

    written = await ehr.write()

    assert only(written, "Flag").check is Check.VERIFIED
    assert only(written, "Provenance").check is Check.UNKNOWN, "it may stand from the first try"


async def test_an_entry_that_is_refused_for_another_patient_says_so(ehr):
    other = entry(
        business_key("visit-1", "other"),
        "Observation",
        {"status": "final", "code": CODE, "subject": {"reference": "Patient/nobody"}},
        About.SCREEN,
    )

    written = await ehr.write((other,))

    assert checks(written) == [Check.FAILED]
    assert ehr.stored() == Counter()
