"""Tokens that live shorter than a consultation: made new in time, one request at a time, and never lost."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from ipvscreen.app import create_app
from ipvscreen.errors import EhrUnreachable, VisitOver
from ipvscreen.pathway import sign_in
from ipvscreen.pathway.sign_in import access_token
from ipvscreen.sandbox.switches import Refuse
from ipvscreen.store.visits import REFRESH_LEASE, Visits

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
POSITIVE = dict.fromkeys(HARK, NO) | {HARK[1]: YES}
QUICK = {"safe-today": "yes", "neck": "no", "children-or-pregnant": "children", "flag": "yes"}
SHEET = {"service": "mentor-mothers", "way": "phone", "number": "07700 900123", "out": "yes", "back": "yes"}
SHORT = 90  # seconds that the record system's tokens live; from 30 on they are made new


@pytest.fixture
async def brief(houses: Any) -> Any:
    """A record system with short tokens, whose refresh tokens count once."""
    house = await houses(refresh="online_access")
    house.ehr.state.sandbox.switches.expires_in = SHORT
    return house


def refreshes(sent: list[httpx.Request]) -> list[str]:
    """The refresh tokens that were handed in, in their order."""
    forms = [parse_qs(one.content.decode()) for one in sent if one.url.path == "/auth/token"]
    return [form["refresh_token"][0] for form in forms if form["grant_type"] == ["refresh_token"]]


def asking(house: Any, visit_id: str, app: Any = None) -> Callable[[], Awaitable[str]]:
    """Asks for the token of that visit as a page does."""
    rooms = (app or house.app).state.rooms
    entry = rooms.ehrs["sandbox"]

    async def ask() -> str:
        return await access_token(
            rooms.store, entry.http, visit_id, lambda: rooms.client_of(entry), house.clock()
        )

    return ask


async def is_good(house: Any, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    async with house.browser() as browser:
        answer = await browser.get("https://ehr.test/fhir/Patient/anna-woman", headers=headers)
        return answer.status_code == 200


async def test_a_whole_visit_outlives_its_tokens(brief: Any) -> None:
    sent, visitor = brief.watch(), brief.visitor()
    began = brief.clock()
    await visitor.launch()
    for fields, step in (
        ({"door": "ask"}, "questions"),
        (POSITIVE, "respond"),
        (QUICK, "refer"),
        (SHEET, "sent"),
    ):
        brief.clock.forward(seconds=SHORT + 5)
        await visitor.post(fields)
        assert visitor.step == step, visitor.text
    assert "could not" not in visitor.text
    handed_in = refreshes(sent)
    assert len(handed_in) >= 2
    assert len(set(handed_in)) == len(handed_in), "a refresh token was used twice"
    stored = await brief.app.state.rooms.store.visits.get(visitor.visit)
    assert stored.expires_at == began + timedelta(minutes=60)
    written = brief.ehr.state.sandbox.memory.everything()
    assert {"QuestionnaireResponse", "ServiceRequest"} <= {body["resourceType"] for body in written}


async def test_without_a_refresh_token_the_visit_ends_with_its_token(houses: Any) -> None:
    house = await houses()
    house.ehr.state.sandbox.switches.expires_in = SHORT
    visitor = await house.visitor().launch()
    ask = asking(house, visitor.visit)
    assert await is_good(house, await ask())
    house.clock.forward(seconds=SHORT)
    assert (await visitor.get("start")).status_code == 410
    with pytest.raises(VisitOver):
        await ask()


async def test_a_token_with_time_left_is_left_alone(brief: Any) -> None:
    visitor, sent = await brief.visitor().launch(), brief.watch()
    ask = asking(brief, visitor.visit)
    first = await ask()
    brief.clock.forward(seconds=SHORT - 61)
    assert await ask() == first
    assert refreshes(sent) == []
    brief.clock.forward(seconds=1)
    assert await ask() != first
    assert len(refreshes(sent)) == 1


@pytest.mark.parametrize("late", [SHORT - 30, SHORT + 300], ids=["ending", "ended"])
async def test_twenty_at_once_in_two_processes_refresh_once(brief: Any, late: int) -> None:
    """The two processes share nothing but the store."""
    visitor, sent = await brief.visitor().launch(), brief.watch()
    outgoing = httpx.AsyncClient(mounts=brief.transports)
    other = create_app(brief.settings, http=outgoing, clock=brief.clock)
    async with other.router.lifespan_context(other):
        other.state.rooms.http.event_hooks["request"] = brief.app.state.rooms.http.event_hooks["request"]
        brief.clock.forward(seconds=late)
        asks = [asking(brief, visitor.visit, app) for app in (brief.app, other) for _ in range(10)]
        tokens = await asyncio.gather(*(ask() for ask in asks))
    assert len(refreshes(sent)) == 1
    assert len(set(tokens)) == 1
    assert await is_good(brief, tokens[0])


async def test_renewed_between_the_look_and_the_lease(brief: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes to the lease just after the other ended it uses what that one got, and gives it back."""
    visitor, sent = await brief.visitor().launch(), brief.watch()
    brief.clock.forward(seconds=SHORT - 30)
    visits, visit, now = brief.app.state.rooms.store.visits, visitor.visit, brief.clock()
    old = await visits.grant(visit)
    new = dataclasses.replace(old, access="renewed", expires_at=now + timedelta(minutes=5))
    assert await visits.take_refresh(visit, now)
    take, calls = Visits.take_refresh, 0

    async def late(self: Visits, visit_id: str, at: datetime) -> bool:
        nonlocal calls
        calls += 1
        if calls == 2:
            await self.refreshed(visit_id, old, new)
        return await take(self, visit_id, at)

    monkeypatch.setattr(Visits, "take_refresh", late)
    assert await asking(brief, visit)() == "renewed"
    assert refreshes(sent) == []
    assert await take(visits, visit, now)


async def test_the_same_twenty_without_the_lease_spoil_the_sign_in(
    brief: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control: the sandbox takes a refresh token that comes twice for stolen, and revokes them all."""
    visitor, sent = await brief.visitor().launch(), brief.watch()

    async def always(*_: object) -> bool:
        return True

    monkeypatch.setattr(Visits, "take_refresh", always)
    brief.clock.forward(seconds=SHORT + 300)
    ask = asking(brief, visitor.visit)
    got = await asyncio.gather(*(ask() for _ in range(20)), return_exceptions=True)
    assert len(refreshes(sent)) > 1
    assert [one for one in got if isinstance(one, VisitOver)]


async def test_a_token_that_is_not_renewed_just_now_serves_until_it_ends(brief: Any) -> None:
    visitor, sent = await brief.visitor().launch(), brief.watch()
    ask = asking(brief, visitor.visit)
    first = await ask()
    brief.ehr.state.sandbox.switches.refuse[("POST", "token")] = Refuse(503, times=2)
    brief.clock.forward(seconds=SHORT - 10)
    assert await ask() == first
    brief.clock.forward(seconds=10)
    with pytest.raises(EhrUnreachable):
        await ask()
    assert await is_good(brief, await ask())
    assert len(refreshes(sent)) == 3


async def test_a_refused_refresh_is_not_tried_again_and_the_visit_ends_with_its_token(brief: Any) -> None:
    visitor, sent = await brief.visitor().launch(), brief.watch()
    ask = asking(brief, visitor.visit)
    first = await ask()
    brief.ehr.state.sandbox.switches.refuse[("POST", "token")] = Refuse(400, times=1)
    brief.clock.forward(seconds=SHORT - 10)
    assert [await ask(), await ask()] == [first, first]
    assert len(refreshes(sent)) == 1
    brief.clock.forward(seconds=10)
    with pytest.raises(VisitOver):
        await ask()


async def test_those_who_wait_for_one_that_fails_use_the_old_token(
    brief: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails only once all others have found the lease taken: who asks later may try again."""
    visitor, sent = await brief.visitor().launch(), brief.watch()
    brief.ehr.state.sandbox.switches.refuse[("POST", "token")] = 503
    brief.clock.forward(seconds=SHORT - 10)
    take, waiting, all_wait = Visits.take_refresh, set[asyncio.Task[Any] | None](), asyncio.Event()

    async def seen(self: Visits, visit_id: str, at: datetime) -> bool:
        taken = await take(self, visit_id, at)
        if not taken:
            waiting.add(asyncio.current_task())
        if len(waiting) == 19:
            all_wait.set()
        return taken

    async def held(request: httpx.Request) -> None:
        await all_wait.wait()

    monkeypatch.setattr(Visits, "take_refresh", seen)
    brief.app.state.rooms.http.event_hooks["request"].append(held)
    ask = asking(brief, visitor.visit)
    tokens = await asyncio.gather(*(ask() for _ in range(20)))
    assert len(set(tokens)) == 1
    assert len(refreshes(sent)) == 1


async def test_a_process_that_died_with_the_lease_keeps_nobody_for_long(
    brief: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = await brief.visitor().launch()
    ask, visits = asking(brief, visitor.visit), brief.app.state.rooms.store.visits
    monkeypatch.setattr(sign_in, "_WAIT_SECONDS", 0.2)
    brief.clock.forward(seconds=SHORT)
    assert await visits.take_refresh(visitor.visit, brief.clock())
    with pytest.raises(EhrUnreachable):
        await ask()
    brief.clock.at += REFRESH_LEASE
    assert await is_good(brief, await ask())


async def test_a_request_that_is_given_up_does_not_lose_the_new_token(brief: Any) -> None:
    """The old refresh token is spent by then: were its successor lost, the sign-in would be, too."""
    visitor, sent = await brief.visitor().launch(), brief.watch()
    switches = brief.ehr.state.sandbox.switches
    switches.hang, switches.at = 0.2, ("POST", "token")
    brief.clock.forward(seconds=SHORT)
    ask = asking(brief, visitor.visit)
    task = asyncio.create_task(ask())  # type: ignore[arg-type]
    await asyncio.sleep(0.1)
    assert len(refreshes(sent)) == 1, "it is on its way"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await is_good(brief, await ask())
    assert len(refreshes(sent)) == 1


async def test_a_visit_that_was_finished_meanwhile_stays_finished(brief: Any) -> None:
    visitor = await brief.visitor().launch()
    switches, visits = brief.ehr.state.sandbox.switches, brief.app.state.rooms.store.visits
    switches.hang, switches.at = 0.2, ("POST", "token")
    brief.clock.forward(seconds=SHORT)
    task = asyncio.create_task(asking(brief, visitor.visit)())  # type: ignore[arg-type]
    await asyncio.sleep(0.1)
    await visits.change(await visits.get(visitor.visit), grant=None)
    await task
    with pytest.raises(VisitOver):
        await visits.grant(visitor.visit)
