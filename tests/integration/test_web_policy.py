"""The policy of a record system, through the routes: what is written there is what its table says."""

import json
from pathlib import Path
from typing import Any

import pytest

OURS = ("QuestionnaireResponse", "Observation", "Flag", "Provenance", "ServiceRequest", "Task", "Consent")
YES, NO = "LA33-6", "LA32-8"
POSITIVE = {"76500-8": NO, "76501-6": YES, "76502-4": NO, "76503-2": NO}
QUICK = {
    "safe-today": "yes",
    "neck": "no",
    "suicide": "no",
    "children-or-pregnant": ["children"],
    "help-now": ["someone-who-has-been-there"],
}
SHEET = {"service": "mentor-mothers", "way": "phone", "number": "07700 900123", "out": "true", "back": "true"}
STU3 = "http://hl7.org/fhir/v3/ActCode"


async def received(house: Any) -> list[dict[str, Any]]:
    """The Bundles that the charity holds."""
    async with house.reader("https://service.test") as reader:
        bundle = (await reader.get("/Bundle")).json()
    return [entry["resource"] for entry in bundle.get("entry", [])]


async def recorded(house: Any, *kinds: str) -> dict[str, list[dict[str, Any]]]:
    """Everything of these kinds about the patient."""
    found = {}
    async with house.reader() as reader:
        for kind in kinds or OURS:
            bundle = (await reader.get(f"/{kind}", params={"patient": "anna-woman"})).json()
            found[kind] = [entry["resource"] for entry in bundle.get("entry", [])]
    return found


async def positive(visitor: Any) -> None:
    """From the launch to the page that says it was sent."""
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)
    await visitor.post(QUICK | {"flag": "true"})
    await visitor.post(SHEET)
    assert visitor.step == "sent", visitor.text


async def test_every_entry_has_the_labels_of_the_policy_and_the_spelling_of_the_system(houses: Any) -> None:
    house = await houses(labels="us", nopat="both", categories="survey")
    visitor = house.visitor()
    await positive(visitor)
    await visitor.until("Received by")
    found = await recorded(house)
    bodies = [body for kind in found.values() for body in kind]
    assert len(bodies) > 12
    for body in bodies:
        labels = [(one["system"].split("/")[2], one["code"]) for one in body["meta"]["security"]]
        assert [code for _, code in labels].count("NOPAT") == 2
        assert (STU3.split("/")[2], "NOPAT") in labels
        assert "PRS" in [code for _, code in labels]
    assert {len(body["category"]) for body in found["Observation"]} == {1}
    await visitor.browser.aclose()


async def test_the_flag_says_what_was_agreed_with_the_deployer(houses: Any) -> None:
    house = await houses(
        flag_text="Before contact read the note of {date}.", flag_contact="Out of hours ring the duty doctor."
    )
    visitor = house.visitor()
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)
    said = "Before contact read the note of 2 March 2026. Out of hours ring the duty doctor."
    assert said in visitor.text
    await visitor.post(QUICK | {"flag": "true"})
    (flag,) = (await recorded(house, "Flag"))["Flag"]
    assert flag["code"]["text"] == said
    await visitor.browser.aclose()


async def test_the_number_is_marked_itself_for_the_service_and_never_in_the_record(
    houses: Any, tmp_path: Path
) -> None:
    shipped = Path(__file__).parents[2] / "questionnaires" / "labels.toml"
    own = shipped.read_text("utf-8").replace(
        "[policy.default.record]", "[policy.default]\ninline = true\n\n[policy.default.record]"
    )
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "labels.toml").write_text(own, "utf-8")
    house = await houses(questionnaires=folder)
    visitor = house.visitor()
    await positive(visitor)
    await visitor.until("Received by")
    (bundle,) = await received(house)
    (patient,) = (one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Patient")
    assert patient["telecom"][0]["value"] == SHEET["number"]
    assert len(patient["telecom"][0]["extension"]) == 2
    assert "PROCESSINLINELABEL" in json.dumps(patient["meta"])
    assert "PROCESSINLINELABEL" not in json.dumps(await recorded(house))


@pytest.mark.parametrize(
    ("own", "named", "words"),
    [
        ("", "trust", "'trust' names no policy of labels; there are default, uk, us"),
        ("[policy.trust.record]\nscreen = { confidentiality = 'N' }", "trust", "no row for quick"),
        ("[policy.trust]\nweaker = 1", "trust", "a reason in words"),
    ],
)
async def test_a_policy_that_cannot_be_used_is_told_before_anything_is_served(
    houses: Any, tmp_path: Path, own: str, named: str, words: str
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "labels.toml").write_text(own)
    with pytest.raises(ValueError, match=words):
        await houses(labels=named, questionnaires=folder)


async def test_a_policy_of_your_own_is_read_beside_ours(houses: Any, tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "questionnaires" / "labels.toml"
    own = tmp_path / "own"
    own.mkdir()
    (own / "labels.toml").write_text(shipped.read_text("utf-8").replace("[policy.uk.", "[policy.uk-trust."))
    house = await houses(labels="uk-trust", questionnaires=own, two=True, other={"labels": "us"})
    named = house.app.state.rooms.ehrs
    assert [one.labels for one in named.values()] == ["uk-trust", "us"]
    assert [one.uk for one in named.values()] == [True, False]
