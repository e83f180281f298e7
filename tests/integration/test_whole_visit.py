"""Whole visits over the routes, and what they leave in the record and with the service."""

import json
from collections import Counter
from typing import Any

import pytest

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
OURS = ("QuestionnaireResponse", "Observation", "Flag", "Provenance", "ServiceRequest", "Task", "Consent")
POSITIVE = dict(zip(HARK, (NO, YES, NO, NO), strict=True))
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
QUICK = {
    "safe-today": "yes",
    "neck": "no",
    "suicide": "no",
    "children-or-pregnant": ["children"],
    "help-now": ["someone-who-has-been-there"],
}
SHEET = {"service": "mentor-mothers", "way": "phone", "number": "07700 900123", "out": "true", "back": "true"}


async def recorded(house: Any, patient: str, *kinds: str) -> dict[str, list[dict[str, Any]]]:
    """Everything of these kinds about the patient, each with its first version."""
    found = {}
    async with house.reader() as reader:
        for kind in kinds or OURS:
            bundle = (await reader.get(f"/{kind}", params={"patient": patient})).json()
            bodies = [entry["resource"] for entry in bundle.get("entry", [])]
            first = [(await reader.get(f"/{kind}/{b['id']}/_history/1")).json() for b in bodies]
            found[kind] = first
    return found


async def received(house: Any) -> list[dict[str, Any]]:
    """The Bundles that the charity holds."""
    async with house.reader("https://service.test") as reader:
        bundle = (await reader.get("/Bundle")).json()
    return [entry["resource"] for entry in bundle.get("entry", [])]


def labels(body: dict[str, Any]) -> str:
    return json.dumps(body["meta"]["security"], sort_keys=True)


async def positive(visitor: Any, patient: str = "anna-woman", **sheet: Any) -> None:
    """From the launch to the page that says it was sent."""
    await visitor.launch(patient)
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)
    assert visitor.step == "respond"
    await visitor.post(QUICK | {"flag": "true"})
    assert visitor.step == "refer", visitor.text
    await visitor.post(SHEET | sheet)
    assert visitor.step == "sent", visitor.text


async def negative(visitor: Any, patient: str = "anna-woman") -> None:
    """From the launch to the page that says it was recorded."""
    await visitor.launch(patient)
    await visitor.post({"door": "ask"})
    await visitor.post(NEGATIVE)
    assert visitor.step == "done", visitor.text


async def test_a_positive_leaves_everything_labelled_and_one_message(house: Any, visitor: Any) -> None:
    await positive(visitor)
    await visitor.until("Received by")

    found = await recorded(house, "anna-woman")
    counts = {kind: len(bodies) for kind, bodies in found.items()}
    assert counts["QuestionnaireResponse"] == 3  # HARK, the item about any time in the past, the quick items
    assert counts["Observation"] >= 6
    assert {counts[kind] for kind in ("Flag", "ServiceRequest", "Task", "Consent")} == {1}
    assert counts["Provenance"] >= 1
    for kind, bodies in found.items():
        for body in bodies:
            codes = [label["code"] for label in body["meta"]["security"]]
            assert len({"R", "V"} & set(codes)) == 1, (kind, codes)

    (bundle,) = await received(house)
    text = json.dumps(bundle)
    for word in (
        *HARK,
        "76499-3",
        "76504-0",
        "aas-1",
        YES,
        NO,
        "QuestionnaireResponse",
        "Observation",
        "score",
    ):
        assert word not in text
    assert "07700 900123" in text
    assert "07700 900123" not in json.dumps(found)


async def test_a_negative_leaves_the_same_less_flag_and_referral(house: Any, visitors: Any) -> None:
    await positive(visitors(), "anna-woman")
    await negative(visitors(), "freya-woman")

    yes = await recorded(house, "anna-woman", "QuestionnaireResponse", "Observation", "Provenance")
    no = await recorded(house, "freya-woman")
    for kind in ("QuestionnaireResponse", "Observation"):
        assert len(yes[kind]) == len(no[kind])
        assert Counter(map(labels, yes[kind])) == Counter(map(labels, no[kind]))
    assert [no[kind] for kind in ("Flag", "ServiceRequest", "Task", "Consent")] == [[], [], [], []]
    assert [b for b in await received(house) if "Freya" in json.dumps(b)] == []


@pytest.mark.parametrize("way", ["transaction", "one by one", "one by one, unconditional"])
async def test_the_record_is_the_same_however_the_server_takes_it(house: Any, visitor: Any, way: str) -> None:
    switches = house.ehr.state.sandbox.switches
    switches.no_transaction = way != "transaction"
    switches.no_conditional_create = way.endswith("unconditional")

    await positive(visitor)

    counts = {kind: len(bodies) for kind, bodies in (await recorded(house, "anna-woman")).items()}
    assert counts == {
        "QuestionnaireResponse": 3,
        "Observation": 7,
        "Flag": 1,
        "Provenance": 1,
        "ServiceRequest": 1,
        "Task": 1,
        "Consent": 1,
    }


async def test_the_same_form_twice_writes_once(house: Any, visitor: Any) -> None:
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    questions = visitor.forms
    url = visitor.page.url
    await visitor.post(NEGATIVE)
    before = {kind: len(b) for kind, b in (await recorded(house, "anna-woman")).items()}

    visitor.page.request.url = url
    answer = await visitor.post(NEGATIVE, form=questions)

    assert answer.status_code in (200, 409)
    assert {kind: len(b) for kind, b in (await recorded(house, "anna-woman")).items()} == before


async def test_a_step_out_of_order_is_409_and_writes_nothing(house: Any, visitor: Any) -> None:
    await visitor.launch("anna-woman")

    for step in ("questions", "respond", "refer", "share", "sent", "done", "finish"):
        answer = await visitor.get(step)
        assert answer.status_code == 409, step
        assert visitor.visit in answer.text, "a link to the right step"
    assert not any((await recorded(house, "anna-woman")).values())
