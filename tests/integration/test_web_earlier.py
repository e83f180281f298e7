"""Earlier forms over their routes: listed, opened, corrected, taken back, hidden, their referrals stopped."""

from collections.abc import Callable
from typing import Any

import pytest

from ipvscreen.ehr.amend import amend, say_who
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.hearing import Cause
from ipvscreen.ipv.visit import VisitState

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
POSITIVE = dict(zip(HARK, (NO, YES, NO, NO), strict=True))
QUICK = {"safe-today": "yes", "neck": "no", "suicide": "no", "help-now": ["someone-to-talk-to"]}
SHEET = {"service": "mentor-mothers", "way": "phone", "number": "07700 900123", "out": "true", "back": "true"}
KINDS = ("QuestionnaireResponse", "Observation", "Flag", "Provenance", "ServiceRequest", "Task", "Consent")
SCREEN = {"R", "SDV", "NOPAT"}
Visitors = Callable[[], Any]


async def held(house: Any, patient: str = "anna-woman") -> dict[str, list[dict[str, Any]]]:
    """Everything about the patient as it stands now, by type."""
    found = {}
    async with house.reader() as reader:
        for kind in KINDS:
            bundle = (await reader.get(f"/{kind}", params={"patient": patient})).json()
            found[kind] = [entry["resource"] for entry in bundle.get("entry", [])]
    return found


async def versions(house: Any, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The first and the current version."""
    async with house.reader() as reader:
        path = f"/{body['resourceType']}/{body['id']}"
        return [(await reader.get(f"{path}/_history/1")).json(), (await reader.get(path)).json()]


def labels(body: dict[str, Any]) -> set[str]:
    return {label["code"] for label in body.get("meta", {}).get("security", [])}


def hark(found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return next(b for b in found["QuestionnaireResponse"] if "/h4" in b["questionnaire"])


def coded(found: dict[str, list[dict[str, Any]]], code: str) -> dict[str, Any]:
    each = found["Observation"]
    return next(b for b in each if any(c.get("code") == code for c in b["code"].get("coding", [])))


async def screened(
    visitors: Visitors, answers: dict[str, str] = NEGATIVE, patient: str = "anna-woman"
) -> Any:
    one = await visitors().launch(patient)
    await one.post({"door": "ask"})
    await one.post(answers)
    if one.step == "respond":
        await one.post(QUICK | {"flag": "true"})
    return one


async def referred(visitors: Visitors) -> Any:
    one = await screened(visitors, POSITIVE)
    await one.post(SHEET)
    assert one.step == "sent", one.text
    return one


def key(visitor: Any) -> str:
    return str(visitor.page.text.partition('name="earlier" value="')[2].partition('"')[0])


async def opened(visitors: Visitors, patient: str = "anna-woman", **who: str) -> Any:
    """A new launch, and the newest earlier form open."""
    one = await visitors().launch(patient, **who)
    await one.post({"earlier": key(one)})
    assert one.step == "earlier", one.text
    return one


async def correcting(visitors: Visitors, house: Any) -> Any:
    """With the answers of the four questions in the form."""
    one = await opened(visitors)
    await one.post({"correct": f"QuestionnaireResponse/{hark(await held(house))['id']}"})
    assert f'name="{HARK[0]}"' in one.page.text, one.text
    return one


# On the first page


async def test_the_first_page_says_that_and_when_and_no_more(house: Any, visitors: Visitors) -> None:
    empty = await visitors().launch("anna-woman")
    assert "None is known here." in empty.text
    await screened(visitors, POSITIVE)

    for clinician in ("dr-osei", "dr-lindqvist"):
        one = await visitors().launch("anna-woman", clinician)
        listed = one.text.partition("Earlier forms")[2]
        assert "An earlier form, 2 March 2026, by Dr Grace Osei" in listed, listed
        assert one.page.text.count('name="earlier"') == 1, "three responses are one form"
        assert "QuestionnaireResponse/" in key(one)
        assert not any(word in one.text.lower() for word in ("hark", "positive", "afraid", "humiliated"))
    other = await visitors().launch("freya-woman")
    assert "None is known here." in other.text


async def test_where_the_record_may_not_be_searched_it_is_not_known(house: Any, visitors: Visitors) -> None:
    await screened(visitors)
    house.ehr.state.sandbox.switches.refuse[("GET", "QuestionnaireResponse")] = 403

    mine = await visitors().launch("anna-woman")
    other = await visitors().launch("anna-woman", clinician="dr-lindqvist")

    assert "Not known: the record system does not let us look" in mine.text
    assert mine.page.text.count('name="earlier"') == 1, "from the clinician's own visit"
    assert "Not known: the record system does not let us look" in other.text
    assert 'name="earlier"' not in other.page.text


async def test_a_record_that_hangs_does_not_keep_the_first_page(
    house: Any, visitors: Visitors, monkeypatch: Any
) -> None:
    monkeypatch.setattr("ipvscreen.ehr.earlier._LIST_SECONDS", 0.05)
    switches = house.ehr.state.sandbox.switches
    switches.hang, switches.at = 1.0, ("GET", "QuestionnaireResponse")

    one = await visitors().launch("anna-woman")

    assert (one.step, "Not known" in one.text) == ("start", True)


# Opened


async def test_what_is_open_is_read_from_the_record(house: Any, visitors: Visitors) -> None:
    await screened(visitors, POSITIVE)
    colleague = await opened(visitors, clinician="dr-lindqvist")

    assert "Yes" in colleague.text
    assert "the answers: as it was recorded, protected" in colleague.text
    assert "not known here: look in the record, and ring the service" in colleague.text
    await colleague.post({"action": "first-page"})
    assert colleague.step == "start"
    visit = await house.app.state.rooms.store.visits.get(colleague.visit)
    assert (visit.state, visit.draft.earlier, visit.draft.entered) == (VisitState.OPENED, None, {})


async def test_another_patients_form_is_not_opened(house: Any, visitors: Visitors) -> None:
    await screened(visitors, POSITIVE)
    theirs = f"QuestionnaireResponse/{hark(await held(house))['id']}"
    await screened(visitors, NEGATIVE, "freya-woman")

    one = await visitors().launch("freya-woman")
    own = key(one)
    await one.post({"earlier": theirs})

    assert one.page.status_code == 409
    assert own != theirs
    assert (await house.app.state.rooms.store.visits.get(one.visit)).state is VisitState.OPENED


async def test_an_entry_that_came_to_another_patient_is_left_alone(house: Any, visitors: Visitors) -> None:
    """What we kept may point at what stands in another record by now: told, and not touched."""
    await screened(visitors)
    sandbox = house.ehr.state.sandbox
    moved = coded(await held(house), HARK[0])
    sandbox.memory.put({**moved, "subject": {"reference": "Patient/freya-woman"}}, house.clock())

    one = await opened(visitors)
    assert "It stands in the record of another patient" in one.text or "Could not be read" in one.text
    await one.post({"action": "error", "why": "other"})

    (standing,) = (b for b in (await held(house, "freya-woman"))["Observation"] if b["id"] == moved["id"])
    assert standing["status"] == "final"
    found = await held(house)
    assert (hark(found)["status"], coded(found, HARK[1])["status"]) == (
        "entered-in-error",
        "entered-in-error",
    )
    assert "NOT changed: the results." in one.text, (
        "those that name it, which the record system does not take"
    )


async def test_danger_from_there_takes_nothing_of_it_along(house: Any, visitors: Visitors) -> None:
    await screened(visitors, POSITIVE)
    one = await correcting(visitors, house)
    await one.get("danger")
    await one.post({"call": "made"})

    visit = await house.app.state.rooms.store.visits.get(one.visit)
    assert (visit.state, visit.draft.earlier, visit.draft.entered) == (VisitState.DISCLOSED, None, {})


# Corrected


async def test_a_corrected_answer_is_amended_with_its_results_and_both_versions_are_labelled(
    house: Any, visitors: Visitors
) -> None:
    await screened(visitors)
    one = await correcting(visitors, house)
    assert dict(one.forms.forms[0]["fields"]).items() >= dict.fromkeys(HARK, NO).items(), "as it was answered"
    await one.post({HARK[1]: YES, "action": "save"})

    assert one.step == "earlier"
    assert "NOT changed" not in one.text
    found = await held(house)
    response = hark(found)
    answers = {i["linkId"]: i["answer"][0]["valueCoding"]["code"] for i in response["item"]}
    assert (response["status"], answers) == ("amended", dict.fromkeys(HARK, NO) | {HARK[1]: YES})
    item, total, panel = (coded(found, code) for code in (HARK[1], "76504-0", "76499-3"))
    assert item["valueCodeableConcept"]["coding"][0]["code"] == YES
    assert total["valueQuantity"]["value"] == 1
    assert {b["status"] for b in (item, total, panel)} == {"corrected"}
    assert coded(found, HARK[0])["status"] == "final", "what did not change stays as it is"
    for body in (response, item, total, panel):
        assert [labels(v) for v in await versions(house, body)] == [SCREEN, SCREEN]
    (who,) = (b for b in found["Provenance"] if "activity" in b)
    assert who["reason"][0]["coding"][0]["code"] == "answer-corrected"
    assert len(who["target"]) == 4
    assert {"V", "SDV", "NOPAT"} <= labels(who)
    assert "the answers: corrected, protected" in one.text

    again = await correcting(visitors, house)
    await again.post({HARK[1]: NO, "action": "save"})
    assert coded(await held(house), "76504-0")["valueQuantity"]["value"] == 0
    assert (
        house.ehr.state.sandbox.memory.current("QuestionnaireResponse", response["id"]).body["status"]
        == "amended"
    )


async def test_nothing_changed_writes_nothing(house: Any, visitors: Visitors) -> None:
    await screened(visitors)
    before = await held(house)
    one = await correcting(visitors, house)
    await one.post({"action": "save"})

    assert await held(house) == before


async def test_a_response_that_was_changed_meanwhile_is_not_written_over(
    house: Any, visitors: Visitors
) -> None:
    await screened(visitors)
    one = await correcting(visitors, house)
    sandbox, response = house.ehr.state.sandbox, hark(await held(house))
    sandbox.memory.put({**response, "language": "en-GB"}, house.clock())

    await one.post({HARK[1]: YES, "action": "save"})

    assert "It was changed in the record meanwhile" in one.text
    found = await held(house)
    assert (hark(found)["status"], coded(found, "76504-0")["status"]) == ("completed", "final")
    again = await correcting(visitors, house)
    await again.post({HARK[1]: YES, "action": "save"})
    assert hark(await held(house))["status"] == "amended"


async def test_labels_that_an_update_drops_are_an_alarm(house: Any, visitors: Visitors) -> None:
    await screened(visitors)
    one = await correcting(visitors, house)
    house.ehr.state.sandbox.switches.drop_labels = {"QuestionnaireResponse"}
    await one.post({HARK[1]: YES, "action": "save"})

    assert "ALARM: stored without protection: the answers" in one.text
    assert "NOT protected" in one.text
    log = [entry.act async for entry in house.app.state.rooms.store.audit.entries(visit=one.visit)]
    assert log[-2:] == [Act.CHANGED, Act.PROTECTION_LOST]
    assert coded(await held(house), "76504-0")["status"] == "final", "nothing follows what is not protected"

    house.ehr.state.sandbox.switches.drop_labels = set()
    await one.post({"action": "hide"})
    assert "NOT protected" not in one.text
    assert {"V", "SDV", "NOPAT"} <= labels(hark(await held(house)))


async def test_a_result_that_fails_is_told_and_done_at_the_next_try(house: Any, visitors: Visitors) -> None:
    await screened(visitors)
    one = await correcting(visitors, house)
    switches = house.ehr.state.sandbox.switches
    switches.refuse[("PUT", "Observation")] = 422
    await one.post({HARK[1]: YES, "action": "save"})
    assert "NOT changed: the results." in one.text
    assert hark(await held(house))["status"] == "amended"

    switches.refuse.clear()
    once = len(house.ehr.state.sandbox.memory.history("QuestionnaireResponse", hark(await held(house))["id"]))
    await one.post({"correct": f"QuestionnaireResponse/{hark(await held(house))['id']}"})
    await one.post({"action": "save"})
    found = await held(house)
    assert [coded(found, c)["status"] for c in (HARK[1], "76504-0")] == ["corrected"] * 2
    assert len(house.ehr.state.sandbox.memory.history("QuestionnaireResponse", hark(found)["id"])) == once


@pytest.mark.parametrize("why", ["not told", "not granted"])
async def test_without_updates_the_words_for_doing_it_by_hand(
    house: Any, visitors: Visitors, why: str
) -> None:
    switches = house.ehr.state.sandbox.switches
    if why == "not granted":
        switches.narrow_scope = "launch openid fhirUser patient/Patient.r patient/*.crs"
    await screened(visitors)
    before = await held(house)

    one = await visitors().launch("anna-woman")
    if why == "not told":  # what it takes: then nothing is tried
        switches.refuse[("GET", "metadata")] = 503
    await one.post({"earlier": key(one)})
    assert "It cannot be corrected from here" in one.text
    assert 'name="correct"' not in one.page.text
    await one.post({"action": "error", "why": "entered-twice"})

    assert "NOT changed: the answers." in one.text
    assert "mark it as entered in error, and keep it hidden from online access" in one.text
    assert await held(house) == before


async def test_a_form_that_is_not_ours_now_is_shown_and_not_corrected(house: Any, visitors: Visitors) -> None:
    await screened(visitors)
    sandbox, response = house.ehr.state.sandbox, hark(await held(house))
    older = f"{response['questionnaire'].partition('|')[0]}|0.1"
    sandbox.memory.put({**response, "questionnaire": older}, house.clock())

    one = await opened(visitors)

    assert "it was made with another form, or another version of it" in one.text
    form = one.forms
    form.forms[0]["names"].add("correct")
    await one.post({"correct": f"QuestionnaireResponse/{response['id']}"}, form=form)
    assert one.page.status_code == 409


async def test_what_another_app_wrote_is_neither_shown_nor_changed(house: Any, visitors: Visitors) -> None:
    await screened(visitors)
    sandbox, response = house.ehr.state.sandbox, hark(await held(house))
    sandbox.memory.put({**response, "identifier": {"system": "urn:other", "value": "1"}}, house.clock())

    one = await opened(visitors)
    assert "It was not written by this app" in one.text
    await one.post({"action": "error", "why": "other"})

    assert hark(await held(house))["status"] == "completed"


# Taken back, hidden


async def test_a_whole_form_in_error_keeps_its_labels_and_says_why(house: Any, visitors: Visitors) -> None:
    await referred(visitors)
    one = await opened(visitors)
    await one.post({"action": "error"})
    assert "Choose the reason first." in one.text
    await one.post({"action": "error", "why": "patient-says-wrong"})

    found = await held(house)
    for kind in ("QuestionnaireResponse", "Observation", "Flag"):
        assert {b["status"] for b in found[kind]} == {"entered-in-error"}, kind
        assert all("NOPAT" in labels(b) for b in found[kind]), kind
    (who,) = (b for b in found["Provenance"] if "activity" in b)
    assert who["activity"]["coding"][0]["code"] == "NULLIFY"
    assert who["reason"][0]["coding"][0]["code"] == "patient-says-wrong"
    assert who["agent"][0]["who"]["reference"].startswith("Practitioner/")
    assert [b["status"] for b in found["ServiceRequest"]] == ["active"], "what was agreed to still is"
    assert "taken back as an error, protected" in one.text

    count = len(found["Provenance"])
    await one.post({"action": "error", "why": "patient-says-wrong"})
    assert len((await held(house))["Provenance"]) == count, "what is so already is not changed again"


async def test_the_wrong_patient_stops_the_referral_too(house: Any, visitors: Visitors) -> None:
    house.charity.state.sandbox.switches.refuse = 503
    await referred(visitors)
    one = await opened(visitors)
    await one.post({"action": "error", "why": "wrong-patient"})

    found = await held(house)
    assert {b["status"] for kind in ("ServiceRequest", "Task", "Consent") for b in found[kind]} == {
        "entered-in-error"
    }


async def test_hidden_raises_every_label_and_changes_no_word(house: Any, visitors: Visitors) -> None:
    await screened(visitors)
    one = await opened(visitors)
    await one.post({"action": "hide"})

    found = await held(house)
    for kind in ("QuestionnaireResponse", "Observation"):
        assert all({"V", "SDV", "NOPAT", "NORDSCLCDS"} == labels(b) for b in found[kind])
        assert {b["status"] for b in found[kind]} <= {"completed", "final"}


async def test_withdrawn_is_an_error_that_the_patient_wished(house: Any, visitors: Visitors) -> None:
    await screened(visitors)
    one = await opened(visitors)
    await one.post({"action": "withdraw"})

    found = await held(house)
    assert {b["status"] for b in found["Observation"]} == {"entered-in-error"}
    reasons = [b["reason"][0]["coding"][0]["code"] for b in found["Provenance"] if "activity" in b]
    assert reasons == ["withdrawn-by-patient"]
    assert 'name="correct"' not in one.page.text


# The referral


async def messages(house: Any) -> int:
    async with house.reader("https://service.test") as reader:
        return len((await reader.get("/Bundle")).json().get("entry", []))


@pytest.mark.parametrize("stopped", [True, False])
async def test_a_referral_that_waits_is_stopped_and_nothing_is_delivered(
    house: Any, visitors: Visitors, *, stopped: bool
) -> None:
    """And its control: without the button it goes out."""
    switches = house.charity.state.sandbox.switches
    switches.refuse = 503
    await referred(visitors)
    one = await opened(visitors)
    assert "waiting to be sent" in one.text
    if stopped:
        await one.post({"action": "stop"})
        assert "stopped, nothing more is sent" in one.text

    switches.refuse = None
    house.clock.forward(hours=2)
    await house.app.state.rooms.dispatcher.run_once()
    assert await messages(house) == (0 if stopped else 1)
    found = await held(house)
    statuses = {kind: [b["status"] for b in found[kind]] for kind in ("ServiceRequest", "Task", "Consent")}
    ended = {"ServiceRequest": ["revoked"], "Task": ["cancelled"], "Consent": ["inactive"]}
    assert (statuses == ended) is stopped
    assert {b["status"] for b in found["Observation"]} == {"final"}, "what was recorded stays"


async def test_a_service_that_has_a_referral_is_told_once_that_it_is_stopped(
    house: Any, visitors: Visitors
) -> None:
    """Its answer is lost on the way: the page and the practice's list say so until it has heard."""
    sent = await referred(visitors)
    await sent.until("Received by")
    switches, rooms = house.charity.state.sandbox.switches, house.app.state.rooms
    assert "Cancelled" not in (await at_the_charity(house))
    switches.lose_answer = True
    one = await opened(visitors)
    await one.post({"action": "stop"})

    assert "had it, and is being told that it is not wanted any more." in one.text
    await rooms.dispatcher.run_once()
    await one.get("earlier")
    assert "has not heard that yet. Ring" in one.text
    assert [b["status"] for b in (await held(house))["Task"]] == ["cancelled"]
    (waiting,) = await waits(house, minutes=16)
    assert (waiting.cause, waiting.visit_id) == (Cause.STOPPING, sent.visit)

    switches.lose_answer = False
    await one.post({"action": "stop"})  # asked once more
    await rooms.dispatcher.run_once()
    assert await messages(house) == 2, "the referral, and that it is stopped"
    first, second = house.charity.state.sandbox.received()
    stopped = {body["resourceType"]: body for body in (each["resource"] for each in second["entry"])}
    asked = {body["resourceType"]: body for body in (each["resource"] for each in first["entry"])}
    assert stopped["Task"]["status"] == "cancelled"
    assert stopped["Task"]["identifier"] == asked["Task"]["identifier"]
    assert "Cancelled" in (await at_the_charity(house))
    await one.get("earlier")
    assert "Its system has heard that" in one.text
    assert await waits(house, minutes=16) == []


async def test_a_service_that_cannot_be_told_by_a_message_is_to_be_rung(
    house: Any, visitors: Visitors
) -> None:
    """It refuses the message; that somebody has to ring stands on the page and on the practice's list."""
    sent = await referred(visitors)
    await sent.until("Received by")
    house.charity.state.sandbox.switches.refuse = 422
    one = await opened(visitors)
    await one.post({"action": "stop"})
    await house.app.state.rooms.dispatcher.run_once()

    await one.get("earlier")
    assert "cannot be told from here: ring" in one.text
    (waiting,) = await waits(house)
    assert waiting.cause is Cause.UNTOLD
    await one.post({"action": "stop"})
    assert "no message from here reaches it: ring" in one.text


async def at_the_charity(house: Any) -> str:
    async with house.reader("https://service.test") as reader:
        return str((await reader.get(str(reader.base_url).removesuffix("/fhir/"))).text)


async def waits(house: Any, minutes: int = 0) -> list[Any]:
    house.clock.forward(minutes=minutes)
    rooms = house.app.state.rooms
    (name,) = rooms.ehrs
    return list(await rooms.store.waiting.referrals(name, house.clock()))


async def noted(houses: Any, **settings: Any) -> Any:
    """A house whose record system takes no request, so that a note stands for it."""
    house = await houses(carriers=("Communication",), **settings)
    house.ehr.state.sandbox.switches.offered = dict.fromkeys(
        ("Patient", "Practitioner", "QuestionnaireResponse", "Observation", "Flag", "Provenance", "Consent"),
        "crus",
    ) | {"Communication": "crus"}
    return house


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize(("action", "status"), [("stop", "stopped"), ("", "completed")])
async def test_the_note_that_stands_for_a_referral_is_ended_with_it(
    houses: Any, action: str, status: str, *, kept: bool
) -> None:
    """By what we know of it and, for one that we do not, by its identifier; the control stops nothing."""
    house = await noted(houses)
    first, second = house.visitor(), house.visitor()
    async with first.browser, second.browser:
        sent = await referred(lambda: first)
        if not kept:
            store = house.app.state.rooms.store.visits
            await store.change(await store.get(sent.visit), referred_in_record=None)
        one = await opened(lambda: second)
        assert "a note of the referral: as it was recorded" in one.text
        if action:
            await one.post({"action": action})
            assert "a note of the referral: ended" in one.text
        async with house.reader() as reader:
            found = (await reader.get("/Communication", params={"patient": "anna-woman"})).json()["entry"]
    assert [entry["resource"]["status"] for entry in found] == [status]
    assert labels(found[0]["resource"]) == {"R", "SDV", "NOPAT", "NORDSCLCDS"}


@pytest.mark.parametrize("told", [True, False])
async def test_lists_that_are_known_to_be_bare_are_not_looked_at_twice_after_a_change(
    houses: Any, monkeypatch: Any, *, told: bool
) -> None:
    monkeypatch.setitem(amend.__kwdefaults__, "lag", 0.01)
    monkeypatch.setitem(say_who.__kwdefaults__, "lag", 0.01)
    house = await houses(labels_in_lists="warn" if told else "kept")
    first, second = house.visitor(), house.visitor()
    async with first.browser, second.browser:
        await screened(lambda: first)
        house.ehr.state.sandbox.switches.labels_missing_in_search = True
        one = await opened(lambda: second)
        sent = house.watch()
        await one.post({"action": "error", "why": "entered-twice"})
    searches = [str(r.url) for r in sent if r.method == "GET" and "identifier=" in str(r.url)]
    assert searches
    assert (len(searches) == len(set(searches))) is told


@pytest.mark.parametrize(("cut", "most"), [(True, 3), (False, 4)])
async def test_a_list_that_may_be_cut_says_so(
    house: Any, visitors: Visitors, monkeypatch: Any, *, cut: bool, most: int
) -> None:
    """One visit leaves three responses; the control has room for one more."""
    await screened(visitors)
    monkeypatch.setattr("ipvscreen.ehr.earlier.MOST", most)
    monkeypatch.setattr("ipvscreen.pathway.open_earlier.MOST", most)

    one = await visitors().launch("anna-woman")

    assert ("There may be more than are listed here." in one.text) is cut
    assert one.page.text.count('name="earlier"') == 1
    other = await visitors().launch("freya-woman")
    assert "There may be more" not in other.text


async def test_of_two_referrals_the_page_tells_what_became_of_both_in_the_record(
    house: Any, visitors: Visitors
) -> None:
    one = await screened(visitors, POSITIVE)
    switches = house.ehr.state.sandbox.switches
    switches.refuse[("POST", "*")] = 409
    await one.post(SHEET)
    assert "NOT recorded: the referral" in one.text
    switches.refuse.clear()
    await one.get("refer")
    await one.post(SHEET | {"service": "specialist"})

    assert "NOT recorded: the referral" in one.text, "the first"
    assert "Recorded and checked: the referral" in one.text, "the second"
    visit = await house.app.state.rooms.store.visits.get(one.visit)
    assert len(visit.referred_in_record.items) == 6
