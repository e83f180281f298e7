"""The same form sent fifty times at once, to one process of ours or to two: one set of entries, one referral.

IPVSCREEN_SOAK above 1 asks for two hundred rounds instead of ten.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ipvscreen.app import create_app
from ipvscreen.pathway.keep import to_keep

AT_ONCE = 50
ROUNDS = 200 if int(os.environ.get("IPVSCREEN_SOAK") or 1) > 1 else 10
YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
POSITIVE = dict.fromkeys(HARK, NO) | {HARK[1]: YES}
QUIET = {"safe-today": "yes", "neck": "no", "suicide": "no", "flag": "yes"}
SHEET = {"service": "specialist", "way": "phone", "number": "07700 900123", "out": "yes", "back": "no"}
ONE_SET = {"QuestionnaireResponse": 3, "Observation": 7, "Flag": 1, "Provenance": 1}
ONE_REFERRAL = {"ServiceRequest": 1, "Task": 1, "Consent": 1}
FORM = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Sec-Fetch-Site": "same-origin",
    "Origin": "https://app.test",
}


def arrived(house: Any) -> Callable[[], Counter[str]]:
    """Counts what has been stored in the record system since: each create, whatever became of it."""
    memory, seen = house.ehr.state.sandbox.memory, Counter[str]()
    put = memory.put

    def watched(body: dict[str, Any], at: Any) -> Any:
        seen[body["resourceType"]] += 1
        return put(body, at)

    memory.put = watched

    def taken() -> Counter[str]:
        counted = Counter(seen)
        seen.clear()
        return counted

    return taken


async def at_once(visitor: Any, fields: dict[str, Any], apps: list[Any], *pages: str) -> None:
    """Fifty times the form on the page, filled in, in turn to each of these apps; each leads to `pages`."""
    form = next(one for one in visitor.forms.forms if set(fields) <= one["names"])
    kept = [(name, value) for name, value in form["fields"] if name not in fields]
    body = str(httpx.QueryParams([*kept, *fields.items()]))
    jar = visitor.browser.cookies
    clients = [httpx.AsyncClient(transport=httpx.ASGITransport(app), cookies=jar) for app in apps]
    answers = await asyncio.gather(
        *(
            clients[number % len(apps)].post(
                f"https://app.test{form['action']}", content=body, headers=FORM, follow_redirects=False
            )
            for number in range(AT_ONCE)
        )
    )
    for client in clients:
        await client.aclose()
    assert {answer.status_code for answer in answers} == {303}
    assert {answer.headers["location"].rpartition("/")[2] for answer in answers} <= set(pages)
    visitor.page = await visitor.browser.get(answers[0].headers["location"])


async def rounds(house: Any, visitors: Callable[[], Any], apps: list[Any]) -> None:
    taken, dispatcher = arrived(house), house.app.state.rooms.dispatcher
    for number in range(ROUNDS):
        visitor = visitors()
        await visitor.launch("anna-woman")
        await visitor.post({"door": "ask"})
        await visitor.post(POSITIVE)
        taken()
        await at_once(visitor, QUIET, apps, "refer", "done")
        assert taken() == ONE_SET, f"round {number}"
        visitor.page = await visitor.browser.get(f"/v/{visitor.visit}/refer")
        await at_once(visitor, SHEET, apps, "sent")
        assert taken() == ONE_REFERRAL, f"round {number}"
        assert visitor.step == "sent"
        assert len(await house.app.state.rooms.store.referrals.of_visit(visitor.visit)) == 1
    while await dispatcher.run_once():
        pass
    assert len(list(house.charity.state.sandbox.received())) == ROUNDS


async def test_sent_to_one_process(house: Any, visitors: Callable[[], Any]) -> None:
    await rounds(house, visitors, [house.app])


async def test_sent_to_two_processes_on_one_store(house: Any, visitors: Callable[[], Any]) -> None:
    """Two apps share nothing but the database, as two processes do."""
    outgoing = httpx.AsyncClient(
        mounts={base: one for base, one in house.transports.items() if base != "https://app.test"}
    )
    second = create_app(house.settings, http=outgoing, clock=house.clock)
    async with second.router.lifespan_context(second):
        assert second.state.rooms.locks is not house.app.state.rooms.locks
        await rounds(house, visitors, [house.app, second])


async def test_without_the_store_deciding_it_would_show(
    house: Any, visitors: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control: with nothing held against a used form, the second of two answers is another one."""
    monkeypatch.setattr("ipvscreen.web.writing.to_keep", _unclaimed)
    visitor = visitors()
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)
    with pytest.raises(AssertionError):
        await at_once(visitor, QUIET, [house.app], "refer", "done")


def _unclaimed(visit: Any, draft: Any, *, pack: Any, form: str) -> Any:
    return to_keep(visit, draft, pack=pack)
