"""What is read online, by the patient or by a proxy, and by whoever is on duty out of hours."""

import re
from typing import Any

import httpx
import pytest

from ipvscreen.sandbox.kinds import SEARCH

YES, NO = "LA33-6", "LA32-8"
NEGATIVE = dict.fromkeys(("76500-8", "76501-6", "76502-4", "76503-2"), NO) | {"aas-1": "no"}
QUICK = {"safe-today": "yes", "neck": "no", "suicide": "no", "help-now": ["someone-who-has-been-there"]}
SHEET = {"service": "mentor-mothers", "way": "phone", "number": "07700 900123", "out": "true", "back": "true"}
FIXED = "reads-everything-here"
OURS = ("health-questionnaire", "urn:uuid:")  # our systems, and our business identifiers


def online(house: Any, patient: str) -> httpx.AsyncClient:
    """The patient's online access, whoever uses it."""
    return reader(house, f"portal~{patient}")


def reader(house: Any, who: str) -> httpx.AsyncClient:
    token = f"reads-everything-here~{who}"
    return httpx.AsyncClient(
        mounts=house.transports,
        base_url="https://ehr.test/fhir",
        headers={"Authorization": f"Bearer {token}"},
    )


async def everything(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """All that its token finds, of every type."""
    found = []
    for kind in sorted(SEARCH):
        answer = await client.get(f"/{kind}")
        assert answer.status_code == 200, answer.text
        found += [entry["resource"] for entry in answer.json().get("entry", [])]
    return found


async def of_the_visit(house: Any, visitor: Any) -> list[str]:
    """`Type/id` of each entry that the visit has written."""
    visit = await house.app.state.rooms.store.visits.get(visitor.visit)
    items = [one for written in (visit.written, visit.referred_in_record) if written for one in written.items]
    return [one.reference for one in items if one.reference]


async def told(visitor: Any, patient: str) -> None:
    await visitor.launch(patient)
    await visitor.post({"door": "told"})
    await visitor.post(QUICK)
    assert visitor.step == "refer", visitor.text


async def conversation(visitor: Any, patient: str) -> None:
    await visitor.launch(patient)
    await visitor.post({"door": "ask"})
    await visitor.post(NEGATIVE | {"recording": "conversation"})


async def declined(visitor: Any, patient: str) -> None:
    await visitor.launch(patient)
    await visitor.post({"door": "not-now"})
    await visitor.post({"action": "not-done", "reason": "declined"})


async def positive(visitor: Any, patient: str) -> None:
    await visitor.launch(patient)
    await visitor.post({"door": "ask"})
    await visitor.post(NEGATIVE | {"76501-6": YES})
    await visitor.post(QUICK | {"flag": "true"})
    await visitor.post(SHEET)
    assert visitor.step == "sent", visitor.text


async def negative(visitor: Any, patient: str) -> None:
    await visitor.launch(patient)
    await visitor.post({"door": "ask"})
    await visitor.post(NEGATIVE)
    assert visitor.step == "done", visitor.text


# Who reads online: the patient herself, a son who reads for his mother, a father who reads for his child.
VISITS = [
    (positive, "rosa-mother"),
    (negative, "rosa-mother"),
    (conversation, "irene-proxy"),
    (positive, "irene-proxy"),
    (declined, "irene-proxy"),
    (told, "kim-15"),
]


@pytest.mark.parametrize(("visit", "patient"), VISITS, ids=lambda one: getattr(one, "__name__", one))
async def test_nothing_of_ours_is_read_online(house: Any, visitor: Any, visit: Any, patient: str):
    await visit(visitor, patient)
    written = await of_the_visit(house, visitor)
    assert written

    async with online(house, patient) as portal:
        shown = await everything(portal)
        assert {f"{one['resourceType']}/{one['id']}" for one in shown}.isdisjoint(written)
        assert not any(word in str(one) for one in shown for word in OURS)
        for reference in written:
            for path in (reference, f"{reference}/_history", f"{reference}/_history/1"):
                answer = await portal.get(f"/{path}")
                assert answer.status_code == 404, (path, answer.text)
                assert "has no" in answer.text, "it is not said that something is kept back"
    async with house.reader() as whole:
        for reference in written:
            assert (await whole.get(f"/{reference}")).status_code == 200


@pytest.mark.parametrize("kept", [True, False])
async def test_a_health_concern_is_not_read_online_as_long_as_its_labels_are_kept(houses: Any, *, kept: bool):
    """Its control: without its labels the problem list shows it."""
    house = await houses(health_concern=True, on_label_loss="leave")
    if not kept:
        house.ehr.state.sandbox.switches.drop_labels = {"Condition"}
    visitor = house.visitor()
    async with visitor.browser:
        await visitor.launch("rosa-mother")
        await visitor.post({"door": "ask"})
        await visitor.post(NEGATIVE | {"76501-6": YES})
        await visitor.post(QUICK | {"concern": "yes"})
        written = [one for one in await of_the_visit(house, visitor) if one.startswith("Condition/")]
    assert len(written) == 1

    async with online(house, "rosa-mother") as portal:
        shown = {f"{one['resourceType']}/{one['id']}" for one in await everything(portal)}
        assert (await portal.get(f"/{written[0]}")).status_code == (404 if kept else 200)
    assert shown.isdisjoint(written) is kept


async def test_the_portal_does_show_what_is_the_patients(house: Any):
    async with online(house, "maya-maternity") as portal:
        shown = await everything(portal)

    assert {"Patient/maya-maternity", "Condition/maya-pregnancy"} <= {
        f"{one['resourceType']}/{one['id']}" for one in shown
    }


async def test_a_record_system_that_drops_labels_shows_it_all_online(houses: Any):
    """The control of the first test: what has lost its labels is left there."""
    house = await houses(on_label_loss="leave")
    visitor = house.visitor()
    house.ehr.state.sandbox.switches.drop_labels = set(SEARCH)
    await negative(visitor, "irene-proxy")
    written = await of_the_visit(house, visitor)

    async with online(house, "irene-proxy") as portal:
        shown = {f"{one['resourceType']}/{one['id']}" for one in await everything(portal)}
    assert set(written) <= shown
    await visitor.browser.aclose()


async def test_a_mothers_visit_leaves_nothing_in_a_childs_record(house: Any, visitor: Any):
    async with house.reader() as whole:
        before = {one["id"] for one in await everything(whole) if "kim-15" in str(one)}
        await positive(visitor, "rosa-mother")
        after = {one["id"] for one in await everything(whole) if "kim-15" in str(one)}

    assert before == after


async def test_on_duty_out_of_hours_one_search_finds_what_to_do(house: Any, visitor: Any):
    await positive(visitor, "anna-woman")

    async with reader(house, "night") as night:
        found = (await night.get("/Flag", params={"patient": "anna-woman"})).json()
        assert (await night.get("/Observation", params={"patient": "anna-woman"})).status_code == 403
    (flag,) = [entry["resource"] for entry in found["entry"]]
    assert re.search(r"Read the restricted entry of 2 March 2026 before contact\. Ask alone\.", str(flag))


async def test_without_a_flag_it_finds_nothing(house: Any, visitor: Any):
    await negative(visitor, "anna-woman")

    async with reader(house, "night") as night:
        found = (await night.get("/Flag", params={"patient": "anna-woman"})).json()
    assert found.get("entry", []) == []


@pytest.mark.parametrize("token", ["~portal~anna-woman", "x~portal~anna-woman", f"{FIXED}~portal~"])
async def test_a_token_that_nobody_gave_out_reads_nothing(house: Any, token: str):
    async with house.reader() as client:
        answer = await client.get("/Patient/anna-woman", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
