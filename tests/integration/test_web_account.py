"""What a patient says of own conduct: a page and a store of its own, and nothing of it anywhere else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.ipv.visit import VisitState

Visitors = Callable[[], Any]
TOLD = {"use-told": "yes", "use-what": ["threat", "control"], "use-again": "yes", "use-children": "yes"}
HARK_ALL_NO = dict.fromkeys(("76500-8", "76501-6", "76502-4", "76503-2"), "LA32-8") | {"aas-1": "no"}


async def opened(visitor: Any, patient: str = "owen-man", **who: str) -> Any:
    await visitor.launch(patient, **who)
    await visitor.post({"account": "yes"})
    assert visitor.step == "own", visitor.text
    return visitor


async def of(house: Any, visitor: Any) -> Any:
    return await house.app.state.rooms.store.visits.get(visitor.visit)


async def test_it_is_kept_apart_and_nothing_is_written(house: Any, visitor: Any):
    sent = house.watch()
    await opened(visitor)
    assert any("/fhir/Patient" in str(one.url) for one in sent), "the watch sees what goes to the record"
    before = len(sent)
    await visitor.post(TOLD)

    assert visitor.step == "own"
    assert "Kept " in visitor.text
    assert "safeguarding lead (01632 960 001)" in visitor.text
    visit = await of(house, visitor)
    assert visit.state is VisitState.ACCOUNT
    assert visit.draft.entered == {}
    assert not visit.held
    assert visit.written is None
    kept = await house.app.state.rooms.store.accounts.latest(visit)
    assert kept.entered["use-what"] == ("threat", "control")
    assert len(sent) == before


async def test_who_wants_help_is_told_of_a_programme_and_of_who_supports_the_other(house: Any, visitor: Any):
    """And of nobody who helps people that were hurt; whoever wants none is told of nobody."""
    await opened(visitor)
    await visitor.post(TOLD)
    assert "Turning Round" not in visitor.text
    await visitor.post(TOLD | {"use-help": "yes"})

    assert "Turning Round: ring 01632 960026" in visitor.text
    assert "The other person is supported by the Harbour service." in visitor.text
    for service in ("Millbrook", "Peer mentoring", "01632 960021", "01632 960023"):
        assert service not in visitor.text
    store = house.app.state.rooms.store
    await store.services.replace([])
    await visitor.post(TOLD | {"use-help": "yes"})
    assert "Nobody who helps with this is listed here" in visitor.text


async def test_it_does_not_reach_the_assessment_or_the_next_page(house: Any, visitor: Any):
    await opened(visitor)
    await visitor.post(TOLD | {"then": "first-page"})

    assert visitor.step == "start"
    await visitor.post({"door": "ask", "setting": "gp"})
    assert visitor.step == "questions"
    await visitor.post(HARK_ALL_NO)
    assert visitor.step == "done"
    assert "threat" not in visitor.page.text
    async with house.reader() as reader:
        for kind in ("QuestionnaireResponse", "Observation", "Provenance", "Flag"):
            found = (await reader.get(f"/{kind}", params={"patient": "owen-man"})).text
            assert "use-told" not in found
            assert "threat" not in found


async def test_the_same_clinician_finds_it_at_the_next_launch(house: Any, visitors: Visitors):
    await (await opened(visitors())).post(TOLD | {"then": "close"})
    again = await opened(visitors())

    assert "Kept " in again.text
    chosen = dict(again.forms.forms[0]["fields"])
    assert chosen["use-told"] == "yes"
    assert "leave" not in chosen
    assert "safeguarding lead" not in again.text, "what it calls for is of the visit in which it was said"


async def test_another_clinician_and_another_patient_find_nothing(house: Any, visitors: Visitors):
    await (await opened(visitors())).post(TOLD)

    for patient, clinician in (("owen-man", "dr-lindqvist"), ("helen-woman", None)):
        other = await opened(visitors(), patient, **({"clinician": clinician} if clinician else {}))
        assert "Kept " not in other.text
        assert "use-told" not in dict(other.forms.forms[0]["fields"])


async def test_what_the_script_keeps_survives(house: Any, visitors: Visitors):
    one = await opened(visitors())
    body = dict(one.forms.forms[0]["fields"]) | {"use-told": "yes"}
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "https://app.test"}
    answer = await one.browser.post(f"/v/{one.visit}/draft", data=body, headers=headers)
    assert answer.status_code == 204

    again = await opened(visitors())
    assert dict(again.forms.forms[0]["fields"])["use-told"] == "yes"


async def test_nothing_entered_keeps_nothing(house: Any, visitor: Any):
    await opened(visitor)
    await visitor.post({"then": "first-page"})

    assert await house.app.state.rooms.store.accounts.latest(await of(house, visitor)) is None


async def test_it_can_be_emptied_again(house: Any, visitor: Any):
    await opened(visitor)
    await visitor.post(TOLD)
    form = visitor.forms
    form.forms[0]["fields"] = [(n, v) for n, v in form.forms[0]["fields"] if n == "token"]
    await visitor.post({"then": "stay"}, form=form)

    assert (await house.app.state.rooms.store.accounts.latest(await of(house, visitor))).entered == {}


async def test_the_telephone_is_one_link_away_and_leads_back(house: Any, visitor: Any):
    await opened(visitor)
    await visitor.get("danger")
    await visitor.post({"call": "made"})

    assert visitor.step == "own"
    assert not (await of(house, visitor)).held


async def test_an_older_version_of_the_form_is_not_mixed_with_this_one(house: Any, visitors: Visitors):
    one = await opened(visitors())
    visit = await of(house, one)
    accounts = house.app.state.rooms.store.accounts
    await accounts.keep(visit, "https://clinic.test/Questionnaire/older|0", {"gone": ("1",)}, house.clock())

    again = await opened(visitors())
    assert "another version of this form" in again.text
    assert "use-told" not in dict(again.forms.forms[0]["fields"])


@pytest.mark.parametrize("wrong", [{"use-told": "perhaps"}, {"then": "record"}, {"more": "1"}])
async def test_what_the_page_does_not_offer_is_refused(house: Any, visitor: Any, wrong: dict[str, str]):
    await opened(visitor)
    form = visitor.forms
    form.forms[0]["names"] |= set(wrong)
    await visitor.post(wrong, form=form)

    assert visitor.page.status_code in (400, 422)
    assert await house.app.state.rooms.store.accounts.latest(await of(house, visitor)) is None


async def test_it_lies_sealed(house: Any, visitor: Any, tmp_path: Path):
    await opened(visitor)
    await visitor.post({"use-told": "yes", "use-what": ["control"]})

    stored = b"".join((tmp_path / f"store.db{part}").read_bytes() for part in ("", "-wal"))
    assert b"accounts" in stored
    assert not any(word in stored for word in (b"use-told", b"use-what", b"control"))


@pytest.mark.parametrize(("locale", "words"), [("nl-NL", "pijn gedaan"), ("fr-CA", "blessé")])
async def test_it_is_in_the_language_of_the_pages(houses: Any, locale: str, words: str):
    house = await houses(
        locale=locale, numbers={"emergency": "112", "silent": "112", "lead": "020 000", "helpline": "0800"}
    )
    visitor = house.visitor()
    await opened(visitor)
    await visitor.post(TOLD)

    assert words in visitor.text
    assert "020 000" in visitor.text
    await visitor.browser.aclose()
