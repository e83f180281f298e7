"""Record systems as they describe themselves: `start` is right, what can be is recorded, the rest is told."""

import base64
import json
from typing import Any

import pytest

from ipvscreen.sandbox.profiles import PROFILES, SETTINGS

PATIENT = "anna-woman"
YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
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
NAMES = {
    "QuestionnaireResponse": "Questionnaire responses",
    "Observation": "Observations",
    "Flag": "Flags",
    "Procedure": "Procedures",
    "Provenance": "Provenance entries",
    "ServiceRequest": "Service requests",
    "Task": "Tasks",
    "Consent": "Consents",
}
OURS = (*NAMES, "DocumentReference", "Communication")
WHOLE = {"QuestionnaireResponse": 3, "Observation": 7, "Provenance": 1}
REFERRED = {"Flag": 1, "ServiceRequest": 1, "Task": 1, "Consent": 1}
TALK = {"Procedure": 1, "Provenance": 1}
PANEL = {"Observation": 1, "Provenance": 1}
EVERYTHING = {
    "negative": WHOLE,
    "positive": WHOLE | REFERRED,
    "conversation": TALK,
    "not done": PANEL,
}

# By hand, from the captured documents: what each offers no way to create, and what then is there.
CANNOT: dict[str, set[str]] = {
    "epic": {"Flag", "Provenance", "Task", "Consent"},
    "oracle-health": {"QuestionnaireResponse", "Flag", "ServiceRequest", "Task", "Consent"},
    "medplum": set(),
    "hapi": set(),
    "minimal": {"Observation", "Flag", "Procedure", "Provenance", "ServiceRequest", "Consent"},
}
THERE: dict[str, dict[str, dict[str, int]]] = {
    "epic": {
        "negative": {"QuestionnaireResponse": 3, "Observation": 7},
        "positive": {"QuestionnaireResponse": 3, "Observation": 7, "ServiceRequest": 1},
        "conversation": {"Procedure": 1},
        "not done": {"Observation": 1},
    },
    "oracle-health": {
        "negative": {"DocumentReference": 3, "Observation": 7, "Provenance": 1},
        "positive": {"DocumentReference": 3, "Observation": 7, "Provenance": 1},
        "conversation": TALK,
        "not done": PANEL,
    },
    "medplum": EVERYTHING,
    "hapi": EVERYTHING,
    "minimal": {
        "negative": {"QuestionnaireResponse": 3},
        "positive": {"QuestionnaireResponse": 3, "Task": 1},
        "conversation": {},
        "not done": {},
    },
}
FLAG_WORDS = "Read the restricted entry of 2 March 2026 before contact. Ask alone."
REFERRAL_WORDS = "Referral to support group (procedure): "
AGREED = "An answer may come back: yes."
AUDIT = "Who recorded what is kept in this app's own audit."
TOLD: dict[tuple[str, str], tuple[str, ...]] = {
    ("epic", "negative"): (AUDIT,),
    ("epic", "positive"): (FLAG_WORDS, AGREED, "follow it on this app's page"),
    ("epic", "conversation"): (AUDIT,),
    ("epic", "not done"): (AUDIT,),
    ("oracle-health", "positive"): (FLAG_WORDS, REFERRAL_WORDS, AGREED),
    ("minimal", "negative"): (AUDIT,),
    ("minimal", "positive"): (FLAG_WORDS, AGREED),
    ("minimal", "conversation"): ("Health questionnaire, 2 March 2026", AUDIT),
    ("minimal", "not done"): ("Health questionnaire: Declined, 2 March 2026", AUDIT),
}
WORDS = ("NOT recorded", "Not in the record", "Enter exactly these words", "by hand")


async def negative(visitor: Any) -> str:
    await visitor.post({"door": "ask"})
    await visitor.post(NEGATIVE)
    assert visitor.step == "done", visitor.text
    return str(visitor.text)


async def positive(visitor: Any) -> str:
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)
    await visitor.post(QUICK | {"flag": "true"})
    await visitor.post(SHEET)
    assert visitor.step == "sent", visitor.text
    sent = str(visitor.text)
    await visitor.get("done")
    return f"{sent} {visitor.text}"


async def conversation(visitor: Any) -> str:
    await visitor.post({"door": "ask"})
    await visitor.post(NEGATIVE | {"recording": "conversation"})
    assert visitor.step == "done", visitor.text
    return str(visitor.text)


async def not_done(visitor: Any) -> str:
    await visitor.post({"door": "not-now"})
    await visitor.post({"reason": "declined", "action": "not-done"})
    assert visitor.step == "not-now", visitor.text
    return str(visitor.text)


STORIES = {"negative": negative, "positive": positive, "conversation": conversation, "not done": not_done}


async def opened(houses: Any, name: str, **more: Any) -> Any:
    house = await houses(**(SETTINGS[name] | more))
    PROFILES[name](house.ehr.state.sandbox.switches)
    return house


async def there(house: Any) -> dict[str, list[dict[str, Any]]]:
    """What is there about the patient, as the token that reads everything finds it; each in version 1."""
    found = {}
    memory = house.ehr.state.sandbox.memory
    async with house.reader() as reader:
        for kind in OURS:
            answer = await reader.get(
                f"/{kind}", params={"patient": PATIENT}, headers={"Accept": "application/fhir+json"}
            )
            entries = answer.json().get("entry", []) if answer.status_code == 200 else []
            bodies = [memory.history(kind, entry["resource"]["id"])[0].body for entry in entries]
            if bodies:
                found[kind] = bodies
    return found


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("name", PROFILES)
async def test_what_can_be_recorded_is_and_the_rest_is_told(houses: Any, name: str, story: str) -> None:
    house = await opened(houses, name)
    visitor = house.visitor()
    async with visitor.browser:
        await visitor.launch(PATIENT)
        assert visitor.step == "start", visitor.text
        said = {kind for kind, words in NAMES.items() if f"does not accept new {words}." in visitor.text}
        assert said == CANNOT[name]
        assert ("<details open>" in visitor.page.text) == bool(CANNOT[name])

        page = await STORIES[story](visitor)

    found = await there(house)
    assert {kind: len(bodies) for kind, bodies in found.items()} == THERE[name][story]
    for kind, bodies in found.items():
        for body in bodies:
            codes = {label["code"] for label in body["meta"]["security"]}
            assert len(codes & {"R", "V"}) == 1, kind
            assert "NOPAT" in codes, kind
    for words in TOLD.get((name, story), ()):
        assert words in page
    if not CANNOT[name]:
        assert not [words for words in WORDS if words in page]


async def test_a_document_holds_the_whole_form_and_the_results_refer_to_it(houses: Any) -> None:
    house = await opened(houses, "oracle-health")
    visitor = house.visitor()
    async with visitor.browser:
        await visitor.launch(PATIENT)
        await negative(visitor)

    found = await there(house)
    documents = {f"DocumentReference/{body['id']}": body for body in found["DocumentReference"]}
    forms = []
    for body in documents.values():
        (content,) = body["content"]
        form = json.loads(base64.b64decode(content["attachment"]["data"]))
        assert form["resourceType"] == "QuestionnaireResponse"
        assert form["meta"]["security"] == body["meta"]["security"]
        assert [one["coding"][0] for one in body["securityLabel"]] == body["meta"]["security"]
        assert (content["attachment"]["title"], body["type"]["text"]) == ("Health questionnaire",) * 2
        forms.append(form)
    assert len({form["questionnaire"] for form in forms}) == 3
    refers = [one["reference"] for body in found["Observation"] for one in body.get("derivedFrom", ())]
    assert {one for one in refers if one.startswith("DocumentReference/")} <= documents.keys()
    assert len([one for one in refers if one in documents]) == 6  # five items and the panel
    targets = {one["reference"] for one in found["Provenance"][0]["target"]}
    assert documents.keys() <= targets


async def test_without_a_carrier_the_form_is_written_by_hand(houses: Any) -> None:
    """The control: a document is made only where the deployer has said so, and asked for only then."""
    house = await opened(houses, "oracle-health", carriers=())
    visitor = house.visitor()
    async with visitor.browser:
        await visitor.launch(PATIENT)
        assert "the answers about today are not" in visitor.text
        page = await negative(visitor)

    assert "DocumentReference" not in await there(house)
    assert "NOT recorded: the record system does not take it: the answers." in page


async def test_a_task_alone_says_what_is_asked_for(houses: Any) -> None:
    house = await opened(houses, "minimal")
    visitor = house.visitor()
    async with visitor.browser:
        await visitor.launch(PATIENT)
        page = await positive(visitor)

    (task,) = (await there(house))["Task"]
    assert "focus" not in task
    assert task["code"]["coding"][0]["code"] == "711281004"
    assert "Recorded and checked: the referral, as a task." in page


async def test_a_note_of_the_referral_only_where_the_deployer_allows_it(houses: Any) -> None:
    house = await opened(houses, "oracle-health", carriers=("DocumentReference", "Communication"))
    visitor = house.visitor()
    async with visitor.browser:
        await visitor.launch(PATIENT)
        await positive(visitor)

    (note,) = (await there(house))["Communication"]
    assert note["status"] == "completed"
    assert "recipient" not in note
    assert "07700 900123" not in json.dumps(note)
