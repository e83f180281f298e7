"""Interrupted after the first yes: a sealed draft waits for the same clinician and patient, and no other."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from ipvscreen.app import create_app
from ipvscreen.ipv.visit import VisitState

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
SO_FAR = {"76500-8": NO, "76501-6": YES}  # the script keeps a draft while the clinician is still asking
QUICK = {"safe-today": "yes", "children-or-pregnant": "children", "flag": "yes"}
LISTED = "Begun and not finished"
PSYCHIATRIST = "dr-lindqvist"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}

Visitors = Callable[[], Any]


async def keep(visitor: Any, answers: dict[str, str]) -> None:
    """What the script does at every change from the first yes on."""
    token = dict(visitor.forms.forms[0]["fields"])["token"]
    body = str(httpx.QueryParams({"token": token} | answers))
    kept = await visitor.browser.post(f"/v/{visitor.visit}/draft", content=body, headers=FORM)
    assert kept.status_code == 204
    assert kept.content == b""


async def begun(visitor: Any, answers: dict[str, str] | None = None) -> None:
    """A visit in which the first yes has been kept, and nothing has been saved."""
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    assert visitor.step == "questions"
    await keep(visitor, SO_FAR if answers is None else answers)


async def window_closed(house: Any, visitor: Any) -> None:
    visitor.browser.cookies.clear()


async def exited(house: Any, visitor: Any) -> None:
    answer = await visitor.browser.get(f"/v/{visitor.visit}/exit", follow_redirects=False)
    assert answer.headers["location"] == "https://ehr.test/"
    assert not list(visitor.browser.cookies.jar), "the visit's cookie is gone"


async def someone_came_in(house: Any, visitor: Any) -> None:
    shown = await visitor.browser.get(f"/v/{visitor.visit}/cover")
    assert "How many hours do you usually sleep?" in shown.text
    assert not list(visitor.browser.cookies.jar), "the visit's cookie is gone"


async def time_ran_out(house: Any, visitor: Any) -> None:
    house.clock.forward(minutes=60)
    ended = await visitor.get("questions")
    assert ended.status_code == 410
    assert "What you entered is kept." in visitor.text


INTERRUPTIONS = (window_closed, exited, someone_came_in, time_ran_out)
Interrupt = Callable[[Any, Any], Awaitable[None]]


async def resumed(visitor: Any, old: str) -> None:
    """Take it up from the list."""
    assert LISTED in visitor.text
    assert f'name="resume" value="{old}"' in visitor.page.text
    await visitor.post({"resume": old})
    visitor.visit = old


def answers_on(visitor: Any) -> dict[str, str]:
    """What is chosen on the page of questions."""
    return {name: value for name, value in visitor.forms.forms[0]["fields"] if name in (*HARK, "aas-1")}


@pytest.mark.parametrize("interrupt", INTERRUPTIONS, ids=lambda fn: fn.__name__)
async def test_the_same_clinician_and_patient_find_it_on_the_list_and_go_on(
    house: Any, visitors: Visitors, interrupt: Interrupt
) -> None:
    first, later = visitors(), visitors()
    await begun(first)
    await interrupt(house, first)

    await later.launch("anna-woman")
    assert "This patient, begun Monday 2 March, 10:00" in later.text
    await resumed(later, first.visit)

    assert later.step == "questions"
    assert answers_on(later) == SO_FAR
    await later.post(dict.fromkeys(HARK, NO) | SO_FAR)
    assert later.step == "respond"
    await later.post(QUICK)
    assert "Recorded and checked" in (await later.get("done")).text
    await later.launch("anna-woman")
    assert LISTED in later.text, "recorded, and neither sent on nor finished"
    await resumed(later, first.visit)
    await later.get("finish")
    await later.post({"action": "close"})
    await later.launch("anna-woman")
    assert LISTED not in later.text, "what is finished is not on the list"


@pytest.mark.parametrize("interrupt", INTERRUPTIONS, ids=lambda fn: fn.__name__)
async def test_on_the_page_that_responds_it_is_the_same(
    house: Any, visitors: Visitors, interrupt: Interrupt
) -> None:
    first, later = visitors(), visitors()
    await begun(first)
    await first.get("questions")
    await first.post(dict.fromkeys(HARK, NO) | SO_FAR)
    await keep(first, dict.fromkeys(HARK, NO) | SO_FAR | {"neck": "yes-recent", "recording": "conversation"})
    await interrupt(house, first)

    await later.launch("anna-woman")
    await resumed(later, first.visit)

    assert later.step == "respond"
    chosen = dict(later.forms.forms[0]["fields"])
    assert chosen["neck"] == "yes-recent"
    assert chosen["recording"] == "conversation"
    assert chosen["76501-6"] == YES


@pytest.mark.parametrize("expires_in", [60, 600])
async def test_a_token_that_ends_sooner_ends_the_visit_with_it(
    house: Any, visitors: Visitors, expires_in: int
) -> None:
    first, later = visitors(), visitors()
    house.ehr.state.sandbox.switches.expires_in = expires_in
    await begun(first)
    house.clock.forward(seconds=expires_in)

    assert (await first.get("questions")).status_code == 410
    await later.launch("anna-woman")
    await resumed(later, first.visit)
    assert answers_on(later) == SO_FAR


async def test_no_yes_is_no_draft_on_the_list(house: Any, visitors: Visitors) -> None:
    first, later = visitors(), visitors()
    await begun(first, dict.fromkeys(HARK[:3], NO))
    await window_closed(house, first)

    await later.launch("anna-woman")

    assert LISTED not in later.text


@pytest.mark.parametrize("interrupt", INTERRUPTIONS, ids=lambda fn: fn.__name__)
async def test_another_clinician_neither_sees_it_nor_gets_it(
    house: Any, visitors: Visitors, interrupt: Interrupt
) -> None:
    first, other = visitors(), visitors()
    await begun(first)
    await interrupt(house, first)
    before = await stored(house, first)

    await other.launch("anna-woman", PSYCHIATRIST)

    assert LISTED not in other.text
    assert first.visit not in other.page.text
    await refused(other, first.visit)
    assert await stored(house, first) == before


async def test_a_clinician_whom_the_record_system_does_not_name_neither_sees_it_nor_gets_it(
    house: Any, visitors: Visitors
) -> None:
    first, unnamed = visitors(), visitors()
    await begun(first)
    house.ehr.state.sandbox.switches.omit_id_token = True

    await unnamed.launch("anna-woman")

    assert LISTED not in unnamed.text
    await refused(unnamed, first.visit)


@pytest.mark.parametrize("interrupt", INTERRUPTIONS, ids=lambda fn: fn.__name__)
async def test_with_another_patient_the_same_clinician_sees_only_that_something_is_unfinished(
    house: Any, visitors: Visitors, interrupt: Interrupt
) -> None:
    first, other = visitors(), visitors()
    await begun(first)
    await interrupt(house, first)
    before = await stored(house, first)

    await other.launch("helen-woman")

    assert "Another patient, begun Monday 2 March, 10:00. To go on, open it from that patient's" in other.text
    assert 'name="resume"' not in other.page.text
    assert first.visit not in other.page.text
    for told in ("Whitfield", "Anna", "34 years", YES):
        assert told not in other.text
    await refused(other, first.visit)
    assert await stored(house, first) == replace(before, stopped=True)


async def refused(visitor: Any, old: str) -> None:
    """A resume that is not offered is out of order, and opens nothing."""
    assert visitor.step == "start"
    token = dict(visitor.forms.forms[0]["fields"])["token"]
    body = str(httpx.QueryParams({"token": token, "resume": old}))
    answer = await visitor.browser.post(visitor.page.url, content=body, headers=FORM)
    assert answer.status_code == 409
    assert (await visitor.browser.get(f"/v/{old}/questions")).status_code == 404
    assert (await visitor.get("start")).status_code == 200, "its own visit goes on"


async def stored(house: Any, visitor: Any) -> Any:
    return await house.app.state.rooms.store.visits.get(visitor.visit)


async def test_the_browser_that_had_it_can_no_longer_open_it(house: Any, visitors: Visitors) -> None:
    first, later = visitors(), visitors()
    await begun(first)
    old_form = first.forms
    await later.launch("anna-woman")
    new_visit = later.visit
    await resumed(later, first.visit)
    before = await stored(house, first)

    for step in ("questions", "respond", "danger", "not-now", "start"):
        assert (await first.browser.get(f"/v/{first.visit}/{step}")).status_code == 404
    await first.get("questions")
    assert "Whitfield" not in first.page.text
    assert (await first.post(SO_FAR, form=old_form)).status_code == 404
    assert await stored(house, first) == before
    assert (await later.get("questions")).status_code == 200
    later.visit = new_visit
    assert (await later.get("start")).status_code == 404, "the launch that resumed it has become it"


async def test_of_two_that_resume_at_once_one_has_it(house: Any, visitors: Visitors) -> None:
    first, one, other = visitors(), visitors(), visitors()
    await begun(first)
    await window_closed(house, first)
    await one.launch("anna-woman")
    await other.launch("anna-woman")

    await asyncio.gather(*(each.post({"resume": first.visit}) for each in (one, other)))

    opened = [await each.browser.get(f"/v/{first.visit}/questions") for each in (one, other)]
    assert sorted(answer.status_code for answer in opened) == [200, 404]
    assert (await stored(house, first)).state is VisitState.ASKING
    assert (await stored(house, first)).draft.entered["hark"]["76501-6"] == (YES,)


@asynccontextmanager
async def restarted_house(house: Any) -> AsyncIterator[None]:
    """Another process on the same file, for everybody who comes from now on."""
    app = create_app(house.settings, http=httpx.AsyncClient(mounts=dict(house.transports)), clock=house.clock)
    async with app.router.lifespan_context(app):
        house.transports["https://app.test"] = httpx.ASGITransport(app)
        yield


async def test_a_restart_loses_nothing_that_was_kept_and_the_file_shows_nothing(
    house: Any, visitors: Visitors
) -> None:
    first = visitors()
    await begun(first)
    file = Path(house.settings.database.partition("///")[2])
    for part in file.parent.glob(f"{file.name}*"):
        for told in (b"LA33-6", b"76501-6", b"Whitfield", b"anna-woman"):
            assert told not in part.read_bytes()

    async with restarted_house(house):
        later = visitors()
        await later.launch("anna-woman")
        await resumed(later, first.visit)
        assert answers_on(later) == SO_FAR


async def test_a_yes_that_was_put_off_stays_on_the_list_and_is_resumed(visitors: Visitors) -> None:
    first, later = visitors(), visitors()
    await begun(first)
    await first.get("not-now")
    await first.post({"action": "close"})

    await later.launch("anna-woman")
    assert LISTED in later.text
    await resumed(later, first.visit)

    assert later.step == "questions"
    assert answers_on(later) == SO_FAR


async def test_not_now_without_a_yes_leaves_nothing_on_the_list(visitors: Visitors) -> None:
    first, later = visitors(), visitors()
    await first.launch("anna-woman")
    await first.post({"door": "not-now"})
    await first.post({"action": "close"})

    await later.launch("anna-woman")
    assert LISTED not in later.text
