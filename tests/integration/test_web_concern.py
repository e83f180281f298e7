"""A health concern over its routes: offered where it is wanted, written where it is chosen, taken back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ipvscreen.ehr.writer import write
from ipvscreen.sandbox.profiles import PROFILES, SETTINGS

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
POSITIVE = dict(zip(HARK, (NO, YES, NO, NO), strict=True))
QUICK = {"safe-today": "yes", "neck": "no", "suicide": "no", "help-now": ["someone-to-talk-to"]}
SAYS = "Health concern, unconfirmed: read the restricted entry of 2 March 2026. Ask alone."
WHO = "Problem lists are seen by everybody who opens this record"
LABELS = {"V", "SDV", "NOPAT", "NORDSCLCDS"}
PATIENT = "anna-woman"


@pytest.fixture(autouse=True)
def _no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(write.__kwdefaults__, "lag", 0.01)


@asynccontextmanager
async def at_respond(house: Any) -> AsyncIterator[Any]:
    visitor = house.visitor()
    async with visitor.browser:
        await visitor.launch(PATIENT)
        await visitor.post({"door": "ask"})
        await visitor.post(POSITIVE)
        assert visitor.step == "respond", visitor.text
        yield visitor


async def concerns(house: Any) -> list[dict[str, Any]]:
    """Ours in the record, as they stand now."""
    async with house.reader() as reader:
        accept = {"Accept": "application/fhir+json"}
        found = (await reader.get("/Condition", params={"patient": PATIENT}, headers=accept)).json()
    return [e["resource"] for e in found.get("entry", []) if "identifier" in e["resource"]]


def labels(body: dict[str, Any]) -> set[str]:
    return {label["code"] for label in body["meta"]["security"]}


@pytest.mark.parametrize("chosen", ["yes", "no", None])
async def test_it_is_written_only_where_the_clinician_chooses_it(houses: Any, chosen: str | None) -> None:
    """Who presses Save and nothing else has chosen No."""
    house = await houses(health_concern=True)
    async with at_respond(house) as visitor:
        assert WHO in visitor.text
        assert f"It will say: {SAYS}" in visitor.text
        assert '<input type="radio" name="concern" value="no" checked>' in visitor.page.text
        await visitor.post(QUICK | ({"concern": chosen} if chosen else {}))
        await visitor.get("done")
        assert "NOT recorded" not in visitor.text
        assert ("a health concern" in visitor.text) is (chosen == "yes")

    found = await concerns(house)
    assert len(found) == (chosen == "yes")
    for body in found:
        assert labels(body) == LABELS
        assert body["verificationStatus"]["coding"][0]["code"] == "unconfirmed"
        assert body["code"]["text"] == SAYS
        async with house.reader() as reader:
            for params in (
                {"evidence-detail": body["evidence"][0]["detail"][0]["reference"]},
                {"verification-status": "unconfirmed"},
                {"clinical-status": "active", "category": "health-concern"},
            ):
                entries = (await reader.get("/Condition", params=params)).json()["entry"]
                assert body["id"] in {entry["resource"]["id"] for entry in entries}, params
            none = (await reader.get("/Condition", params={"evidence-detail": "Observation/none"})).json()
            assert none.get("entry", []) == []


async def test_where_nobody_wants_it_it_is_neither_asked_for_nor_offered_nor_taken(houses: Any) -> None:
    house = await houses()
    entry = house.app.state.rooms.ehrs["sandbox"]
    assert "Condition" not in entry.asks_for("visit", standalone=False)
    async with at_respond(house) as visitor:
        assert WHO not in visitor.text
        assert 'name="concern"' not in visitor.page.text
        form = {**QUICK, "token": visitor.page.text.partition('name="token" value="')[2].partition('"')[0]}
        await visitor.browser.post(str(visitor.page.url), data={**form, "concern": "yes"})
    assert await concerns(house) == []


async def test_a_choice_is_kept_with_the_draft_and_shown_again(houses: Any) -> None:
    house = await houses(health_concern=True)
    async with at_respond(house) as visitor:
        form = visitor.page.text.partition('name="open" value="')[2].partition('"')[0]
        await visitor.post(QUICK | {"concern": "yes", "open": form})
        assert visitor.step == "form", visitor.text
        await visitor.get("respond")
        assert '<input type="radio" name="concern" value="yes" checked>' in visitor.page.text
    assert await concerns(house) == []


@pytest.mark.parametrize(("name", "taken"), [("epic", True), ("oracle-health", True), ("minimal", False)])
async def test_record_systems_that_take_it_get_it_and_the_others_words(
    houses: Any, name: str, taken: bool
) -> None:
    house = await houses(**(SETTINGS[name] | {"health_concern": True}))
    PROFILES[name](house.ehr.state.sandbox.switches)
    async with at_respond(house) as visitor:
        said = visitor.text
        assert ('name="concern"' in visitor.page.text) is taken
        await visitor.post(QUICK | ({"concern": "yes"} if taken else {}))
        await visitor.get("done")
        assert ("a health concern" in visitor.text.partition("Recorded and checked")[2]) is taken
    by_hand = f"Enter exactly these words: “{SAYS}”"
    assert (by_hand in said) is not taken
    assert len(await concerns(house)) == taken


async def test_one_that_is_refused_keeps_nothing_else_from_the_record(houses: Any) -> None:
    house = await houses(health_concern=True)
    async with at_respond(house) as visitor:
        house.ehr.state.sandbox.switches.refuse[("POST", "Condition")] = 422
        await visitor.post(QUICK | {"concern": "yes"})
        await visitor.get("done")
        assert "NOT recorded: a health concern, who recorded it." in visitor.text
        assert "Recorded and checked: the answers, the results." in visitor.text
    assert await concerns(house) == []


@pytest.mark.parametrize(("action", "status"), [("error", "entered-in-error"), ("hide", "unconfirmed")])
async def test_it_is_taken_back_with_its_form_and_keeps_its_labels(
    houses: Any, action: str, status: str
) -> None:
    house = await houses(health_concern=True)
    async with at_respond(house) as visitor:
        await visitor.post(QUICK | {"concern": "yes"})
        again = house.visitor()
        async with again.browser:
            await again.launch(PATIENT)
            key = again.page.text.partition('name="earlier" value="')[2].partition('"')[0]
            await again.post({"earlier": key})
            assert "a health concern: as it was recorded, protected" in again.text
            await again.post({"action": action, "why": "entered-twice"})
            assert ("a health concern: taken back as an error, protected" in again.text) is (
                action == "error"
            )
    (body,) = await concerns(house)
    assert body["verificationStatus"]["coding"][0]["code"] == status
    assert ("clinicalStatus" in body) is (action == "hide")
    assert labels(body) == LABELS


async def test_a_lost_label_takes_it_out_again(houses: Any) -> None:
    """With its mark where it may not be deleted."""
    house = await houses(health_concern=True)
    switches = house.ehr.state.sandbox.switches
    switches.label_loss, switches.no_delete = {"Condition": "late"}, False
    async with at_respond(house) as visitor:
        await visitor.post(QUICK | {"concern": "yes"})
        await visitor.get("done")
        assert "ALARM" not in visitor.text
    assert len(await concerns(house)) == 1


async def test_its_mark_is_believed_where_it_cannot_be_deleted(houses: Any) -> None:
    house = await houses(health_concern=True)
    switches = house.ehr.state.sandbox.switches
    switches.label_loss, switches.no_delete = {"Condition": "on-update"}, True
    async with at_respond(house) as visitor:
        await visitor.post(QUICK | {"concern": "yes"})
        await visitor.get("done")
        assert "ALARM" in visitor.text
    (body,) = await concerns(house)
    assert body["verificationStatus"]["coding"][0]["code"] == "entered-in-error"


async def test_the_page_is_of_one_size_whatever_is_chosen(houses: Any) -> None:
    house = await houses(health_concern=True)
    sizes = set()
    for chosen in ("yes", "no"):
        async with at_respond(house) as visitor:
            sizes.add(len(visitor.page.content))
            await visitor.post(QUICK | {"concern": chosen})
            await visitor.get("done")
            sizes.add(len(visitor.page.content))
    assert len(sizes) == 1
