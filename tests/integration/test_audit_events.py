"""The record system's own log is told of ours: beside the visit, once, neutrally, and never in its way."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.shared import SHARED, TRIES, Fate
from ipvscreen.pathway import share_audit as share_audit_module
from ipvscreen.pathway.share_audit import share_audit
from ipvscreen.resources.neutral import topic_word
from ipvscreen.sandbox.switches import Refuse
from ipvscreen.store import unshared as unshared_module

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
POSITIVE = dict.fromkeys(HARK, NO) | {"76501-6": YES}
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
QUIET = {"safe-today": "yes", "neck": "no", "suicide": "no"}
SHEET = {"service": "mentor-mothers", "way": "phone", "number": "07700 900123", "out": "yes", "back": "yes"}
OWN = {"use-told": "yes", "then": "first-page"}
KEY = ("POST", "AuditEvent")

Houses = Callable[..., Awaitable[Any]]


def log_of(house: Any) -> list[dict[str, Any]]:
    """What stands in the record system's log, in the order in which it came."""
    return [*house.ehr.state.sandbox.memory.all("AuditEvent")]


def acts_of(house: Any) -> list[str]:
    return [body["subtype"][0]["code"] for body in log_of(house)]


async def idle(house: Any) -> None:
    await house.app.state.rooms.sharing.idle()


async def counts(house: Any) -> dict[Fate, int]:
    found: dict[Fate, int] = await house.app.state.rooms.store.unshared.counts()
    return found


async def go(house: Any, *moves: dict[str, Any], patient: str = "anna-woman") -> Any:
    """A visit with these forms posted, each once the log has been told of what was before."""
    visitor = house.visitor()
    await visitor.launch(patient)
    await idle(house)
    for fields in moves:
        newest = visitor.page.text.partition('name="earlier" value="')[2].partition('"')[0]
        await visitor.post({name: value or newest for name, value in fields.items()})
        await idle(house)
    await visitor.browser.aclose()
    return visitor


async def told(houses: Houses, *moves: dict[str, Any], **given: Any) -> tuple[Any, Any]:
    house = await houses(audit_events=True)
    return house, await go(house, *moves, **given)


# What it is told


async def test_it_is_told_who_opened_and_saved_and_nothing_else(houses: Houses) -> None:
    house, visitor = await told(houses, {"door": "ask"}, NEGATIVE, {"action": "close"})
    rows = [row async for row in house.app.state.rooms.store.audit.entries()]

    assert acts_of(house) == [Act.OPENED, Act.SAVED]
    assert [row.act for row in rows] == [Act.OPENED, Act.BEGUN, Act.SAVED, Act.CLOSED]
    for body, row in zip(log_of(house), [rows[0], rows[2]], strict=True):
        assert body["agent"][0]["who"]["reference"] == row.subject.user == "Practitioner/dr-osei"
        patient, *_, named = body["entity"]
        assert patient["what"] == {"reference": "Patient/anna-woman"}
        assert named["what"]["identifier"]["value"] == row.mac, "found in our log by it"
        assert not topic_word(str(body))
        assert visitor.visit not in str(body)
        codes = {label["code"] for label in body["meta"]["security"]}
        assert codes == {"R", "NOPAT"}
    assert await counts(house) == {}


VISITS: dict[str, tuple[dict[str, Any], ...]] = {
    "negative": ({"door": "ask"}, NEGATIVE),
    "positive": ({"door": "ask"}, POSITIVE, QUIET),
    "positive, sent": ({"door": "ask"}, POSITIVE, QUIET, SHEET),
    "told": ({"door": "told"}, QUIET),
    "own, then negative": ({"account": "yes"}, OWN, {"door": "ask"}, NEGATIVE),
}


def alike(house: Any) -> list[dict[str, Any]]:
    """The log but for what is random."""
    bare = []
    for body in log_of(house):
        kept = {name: value for name, value in body.items() if name not in ("id", "meta", "entity")}
        seen = [one["what"].get("reference", "").partition("/")[0] for one in body["entity"]]
        bare.append(kept | {"entity": seen})
    return bare


async def logs(houses: Houses, *visits: str) -> dict[str, list[dict[str, Any]]]:
    return {name: alike((await told(houses, *VISITS[name]))[0]) for name in visits}


async def test_it_is_told_the_same_whatever_was_said(houses: Houses) -> None:
    found = await logs(houses, *VISITS)

    assert [body["subtype"][0]["code"] for body in found["negative"]] == [Act.OPENED, Act.SAVED]
    assert {name: log == found["negative"] for name, log in found.items()} == dict.fromkeys(VISITS, True)


@pytest.mark.parametrize(("act", "visit"), [(Act.SENT, "positive, sent"), (Act.KEPT, "own, then negative")])
async def test_an_act_that_tells_would_be_seen(
    houses: Houses, monkeypatch: pytest.MonkeyPatch, act: Act, visit: str
) -> None:
    """The control."""
    monkeypatch.setattr(unshared_module, "SHARED", SHARED | {act})

    found = await logs(houses, "negative", visit)

    assert found[visit] != found["negative"]


async def test_what_is_done_to_an_earlier_entry_is_told(houses: Houses) -> None:
    house, _ = await told(houses, {"earlier": ""}, {"action": "withdraw"}, patient="clara-woman")

    assert acts_of(house) == [Act.OPENED, Act.EARLIER_READ, Act.TAKEN_BACK]


async def test_who_reads_online_does_not_see_it(houses: Houses) -> None:
    house, _ = await told(houses, {"door": "ask"}, NEGATIVE)
    found = {}
    for who in ("reads-everything-here~portal~anna-woman", "reads-everything-here"):
        headers = {"Authorization": f"Bearer {who}"}
        async with httpx.AsyncClient(mounts=house.transports, headers=headers) as reader:
            answer = await reader.get("https://ehr.test/fhir/AuditEvent?patient=anna-woman")
            found[who] = answer.json()["total"]

    assert [*found.values()] == [0, 2]


# Whether it is told


async def test_it_is_not_told_unless_the_deployer_says_so(house: Any) -> None:
    visitor = await go(house, {"door": "ask"}, NEGATIVE)

    grant = await house.app.state.rooms.store.visits.grant(visitor.visit)
    assert "AuditEvent" not in grant.scope
    assert log_of(house) == []
    assert await counts(house) == {}


async def test_no_more_than_the_right_to_add_is_asked_for(houses: Houses) -> None:
    house, visitor = await told(houses)

    grant = await house.app.state.rooms.store.visits.grant(visitor.visit)
    assert [scope for scope in grant.scope.split() if "AuditEvent" in scope] == ["patient/AuditEvent.c"]


@pytest.mark.parametrize("why", ["not offered", "not granted", "lists are bare"])
async def test_where_it_takes_none_nothing_is_sent_and_that_is_counted(houses: Houses, why: str) -> None:
    house = await houses(audit_events=True, labels_in_lists="stop" if why == "lists are bare" else "kept")
    switches = house.ehr.state.sandbox.switches
    if why == "not offered":
        switches.offered = {"Patient": "rs", "Encounter": "rs", "QuestionnaireResponse": "crs"}
    if why == "not granted":
        switches.narrow_scopes = {"patient/AuditEvent.c"}

    await go(house, {"door": "ask"}, NEGATIVE)

    assert "AuditEvent" not in house.recorders["https://ehr.test"].seen
    assert await counts(house) == {Fate.DUE: 2}


# Never in the way


async def visited(house: Any, moves: tuple[dict[str, Any], ...]) -> list[tuple[str | None, str]]:
    """What the pages of a visit say; nobody waits for the log."""
    visitor = house.visitor()
    async with visitor.browser:
        await visitor.launch("anna-woman")
        pages = [(visitor.step, visitor.text)]
        for fields in moves:
            await visitor.post(fields)
            pages.append((visitor.step, visitor.text))
    return pages


@pytest.mark.parametrize("status", [403, 429, 500, 503, "hang", "hang-up"])
async def test_a_log_that_fails_changes_no_page(houses: Houses, status: int | str) -> None:
    usual = await visited(await houses(), VISITS["positive"])
    house = await houses(audit_events=True)
    switches = house.ehr.state.sandbox.switches
    if isinstance(status, int):
        switches.refuse[KEY] = status
    else:
        switches.at, switches.hang_up, switches.hang = KEY, status == "hang-up", 3600 * (status == "hang")

    pages = await visited(house, VISITS["positive"])

    assert pages == usual
    assert pages[-1][0] == "refer"
    assert log_of(house) == []
    if status == "hang":
        assert house.app.state.rooms.sharing._tasks, "still under way, and the visit went on"


async def test_the_record_is_not_left_alone_because_its_log_fails(houses: Houses) -> None:
    house = await houses(audit_events=True)
    entry = house.app.state.rooms.ehrs["sandbox"]
    house.ehr.state.sandbox.switches.refuse[KEY] = 503
    for _ in range(5):
        await entry.log.post("https://ehr.test/fhir/AuditEvent")
    with pytest.raises(httpx.ConnectError):
        await entry.log.post("https://ehr.test/fhir/AuditEvent")

    visitor = await go(house, {"door": "ask"}, NEGATIVE)

    assert visitor.step == "done"
    assert await counts(house) == {Fate.REFUSED: 1, Fate.DUE: 1}, "nothing was sent"
    for _ in range(5):  # the control: by the record's own client it would be
        await entry.http.post("https://ehr.test/fhir/AuditEvent")
    assert (await go(house)).step == "problem"


# Once


async def test_what_was_refused_is_tried_again_at_the_next_requests_and_then_is_there_once(
    houses: Houses,
) -> None:
    house = await houses(audit_events=True)
    house.ehr.state.sandbox.switches.refuse[KEY] = Refuse(429, times=TRIES - 1)

    await go(house, {"door": "ask"}, NEGATIVE)

    assert acts_of(house) == [Act.OPENED, Act.SAVED]
    assert await counts(house) == {}


async def test_it_is_tried_a_few_times_and_no_more(houses: Houses) -> None:
    house = await houses(audit_events=True)
    house.ehr.state.sandbox.switches.refuse[KEY] = rule = Refuse(403)

    await go(house, {"door": "ask"}, *[{"open": "children"}, {"leave": "yes"}] * 4)

    assert rule.seen == 2 * TRIES, "of the two rows that there are to tell"
    assert await counts(house) == {Fate.REFUSED: 2}


@pytest.mark.parametrize("lost", [True, "hang-up"])
async def test_what_may_be_there_is_not_sent_again(houses: Houses, lost: bool | str) -> None:
    house = await houses(audit_events=True)
    switches = house.ehr.state.sandbox.switches
    switches.lose_answer, switches.at = lost, KEY

    await go(house, {"door": "ask"}, NEGATIVE, {"action": "follow-up", "due": "2026-03-09"})

    assert acts_of(house) == [Act.OPENED, Act.SAVED]
    assert await counts(house) == {Fate.BEGUN: 2}


async def test_what_was_broken_off_is_not_sent_again(houses: Houses) -> None:
    house = await houses(audit_events=True)
    switches, rooms = house.ehr.state.sandbox.switches, house.app.state.rooms
    switches.at, switches.hang = KEY, 3600
    visitor = house.visitor()
    await visitor.launch("anna-woman")
    for _ in range(500):
        if await counts(house) == {Fate.BEGUN: 1}:
            break
        await asyncio.sleep(0.01)
    await rooms.sharing.close()
    switches.hang = 0

    await visitor.post({"door": "ask"})
    await visitor.post(NEGATIVE)
    await idle(house)
    await visitor.browser.aclose()

    assert acts_of(house) == [Act.SAVED]
    assert await counts(house) == {Fate.BEGUN: 1}


async def test_several_processes_send_each_row_once(houses: Houses) -> None:
    house = await houses(audit_events=True)
    rooms, now = house.app.state.rooms, house.clock()
    house.ehr.state.sandbox.switches.refuse[KEY] = rule = Refuse(429, times=1)
    visitor = await go(house)
    http = rooms.ehrs["sandbox"].log

    await asyncio.gather(*(share_audit(rooms.store, http, visitor.visit, now) for _ in range(10)))

    assert acts_of(house) == [Act.OPENED]
    assert rule.seen == 2


async def test_without_the_note_before_it_would_be_there_twice(
    houses: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the two tests above."""

    async def always(*_: Any) -> bool:
        return True

    monkeypatch.setattr(unshared_module.Unshared, "begin", always)
    house = await houses(audit_events=True)
    switches = house.ehr.state.sandbox.switches
    switches.lose_answer, switches.at = True, KEY

    await go(house, {"door": "ask"})

    assert acts_of(house) == [Act.OPENED, Act.OPENED]


# With the token of the visit, and the labels


async def test_a_token_that_has_ended_is_not_used(houses: Houses) -> None:
    house = await houses(audit_events=True)
    house.ehr.state.sandbox.switches.refuse[KEY] = Refuse(429, times=1)
    visitor = await go(house)
    rooms = house.app.state.rooms
    grant = await rooms.store.visits.grant(visitor.visit)

    await share_audit(rooms.store, rooms.ehrs["sandbox"].log, visitor.visit, grant.expires_at)

    assert log_of(house) == []
    assert await counts(house) == {Fate.REFUSED: 1}


async def test_after_the_end_nothing_is_sent(houses: Houses) -> None:
    house = await houses(audit_events=True)
    house.ehr.state.sandbox.switches.refuse[KEY] = Refuse(429, times=3)

    await go(house, {"door": "ask"}, NEGATIVE, {"action": "close"})

    assert log_of(house) == []
    assert await counts(house) == {Fate.REFUSED: 1, Fate.DUE: 1}


async def test_a_log_that_drops_labels_is_told_nothing_more(houses: Houses) -> None:
    house = await houses(audit_events=True)
    house.ehr.state.sandbox.switches.drop_labels = {"AuditEvent"}

    visitor = await go(house, {"door": "ask"}, NEGATIVE)

    assert visitor.step == "done"
    assert acts_of(house) == [Act.OPENED]
    assert await counts(house) == {Fate.BARE: 1, Fate.DUE: 1}


async def test_a_record_that_has_lost_a_label_is_told_nothing_more(houses: Houses) -> None:
    house = await houses(audit_events=True)
    house.ehr.state.sandbox.switches.drop_labels = {"QuestionnaireResponse"}

    await go(house, {"door": "ask"}, NEGATIVE)

    assert acts_of(house) == [Act.OPENED]


async def test_a_fault_of_ours_is_logged_and_changes_nothing(
    houses: Houses, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("Whitfield")

    monkeypatch.setattr(share_audit_module, "audit_event", broken)

    house, visitor = await told(houses, {"door": "ask"}, NEGATIVE)

    assert visitor.step == "done"
    assert await counts(house) == {Fate.BEGUN: 2}
    out = capsys.readouterr()
    assert "sharing.fault" in out.out + out.err
    assert "Whitfield" not in out.out + out.err
