"""What takes two stewards, and what happens to whoever has lost a device."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from authenticator import Key

from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.proposals import Destination, Kind, Stage, destination, held
from ipvscreen.resources.directory import service_of
from ipvscreen.store.outbox import Cancelled

SHEET = {"way": "phone", "number": "07700 900123", "out": "yes", "back": "yes"}
NEW = "https://new.test/fhir"


async def service(town: Any) -> Any:
    return next(service_of(one) for one in await town.store.services.all() if one["id"] == "mentor-mothers")


async def proposed(town: Any, who: str = "Sam", **fields: str) -> Any:
    town.house.clock.forward(seconds=1)  # so that it is the newest
    await town.people[who].go("/i/services", "/i/services", service="mentor-mothers", **fields)
    return (await town.store.proposals.all())[0]


async def act(town: Any, who: str, what: str, proposal: str) -> int:
    answer = await town.people[who].go("/i/proposals", f"/i/proposals/{what}", proposal=proposal)
    return int(answer.status_code)


async def test_an_endpoint_changes_by_two_and_after_72_hours(town: Any) -> None:
    mothers = await service(town)
    before = mothers.endpoint
    proposal = await proposed(town, endpoint=NEW)
    assert await act(town, "Sam", "agree", proposal.id) == 409, "not by the one who proposed it"
    assert await act(town, "Sol", "agree", proposal.id) == 200

    async def state() -> tuple[bool, str | None]:
        all_ = await town.store.proposals.all()
        return held(all_, mothers, town.now) is not None, destination(all_, mothers, town.now).endpoint

    assert await state() == (True, before)
    page = await town.people["Sol"].get("/i/services")
    assert f"Ring {mothers.phone}, the number known before" in page.text
    assert "Thursday 5 March, 10:00" in page.text
    town.house.clock.forward(hours=71, minutes=59)
    assert await state() == (True, before)
    town.house.clock.forward(minutes=1)
    assert await state() == (False, NEW)
    await town.people["Sam"].sign_in()
    assert NEW in (await town.people["Sam"].get("/i/services")).text
    assert await act(town, "Sam", "stop", proposal.id) == 409, "too late: propose the way back"
    rows = [row async for row in town.store.audit.entries(visit=proposal.id)]
    assert [(row.act, row.subject.user_name) for row in rows] == [(Act.PROPOSED, "Sam"), (Act.AGREED, "Sol")]


async def test_a_clinician_is_told_whom_to_ring_until_it_is_in_force_and_then_it_goes_there(
    open_town: Any,
) -> None:
    town = await open_town()
    new = "http://127.0.0.1:9/fhir"  # nobody answers there: it is enough to see who is asked
    sheet = {
        "service": "mentor-mothers",
        "way": "phone",
        "number": "07700 900123",
        "out": "yes",
        "back": "yes",
    }
    sent: list[str] = []

    async def refers(patient: str) -> str:
        visitor = town.house.visitor()
        await visitor.launch(patient)
        await visitor.post({"door": "told"})
        await visitor.post({"safe-today": "yes", "neck": "no", "suicide": "no"})
        watch = town.house.watch()
        await visitor.post(sheet)
        for _ in range(200 if visitor.step == "sent" else 1):  # the dispatcher runs beside the test
            sent[:] = [str(one.url) for one in watch if one.url.host in ("service.test", "127.0.0.1")]
            if sent:
                break
            await asyncio.sleep(0.02)
        await visitor.browser.aclose()
        return str(visitor.text)

    await refers("anna-woman")
    assert [one.partition("/fhir")[0] for one in sent] == ["https://service.test"], "the control"
    mothers = await service(town)
    proposal = await proposed(town, endpoint=new)
    told = await refers("freya-woman")
    assert f"wait: where they go is being changed. Ring {mothers.phone}." in told
    assert sent == []
    assert await act(town, "Sol", "agree", proposal.id) == 200
    assert "wait: where they go" in await refers("freya-woman")
    town.house.clock.forward(hours=72)
    await refers("freya-woman")
    assert {one.partition("/fhir")[0] for one in sent} == {"http://127.0.0.1:9"}
    await town.people["Sam"].sign_in()
    harbour = await proposed(town, organisation=town.organisations["Harbour"].id)
    await town.people["Sol"].sign_in()
    assert await act(town, "Sol", "agree", harbour.id) == 200
    town.house.clock.forward(hours=72)
    await refers("clara-woman")
    await town.people["Cora"].sign_in()
    for _ in range(200):  # as above
        listed = await town.people["Cora"].get("/i/cases")
        if mothers.short_name in listed.text:
            break
        await asyncio.sleep(0.02)
    assert mothers.short_name in listed.text
    assert {one.partition("/fhir")[0] for one in sent} <= {"http://127.0.0.1:9"}, "the one before, again"


async def test_any_steward_stops_it_until_then(town: Any) -> None:
    mothers = await service(town)
    for after, who in ((0, "Sol"), (71, "Sam")):
        proposal = await proposed(town, endpoint=NEW)
        if after:
            assert await act(town, "Sol", "agree", proposal.id) == 200
            town.house.clock.forward(hours=after)
            await town.people[who].sign_in()
        assert await act(town, who, "stop", proposal.id) == 200
        stored = await town.store.proposals.get(proposal.id)
        assert stored.stage(town.now + timedelta(days=9)) is Stage.STOPPED
        all_ = await town.store.proposals.all()
        assert held(all_, mothers, town.now) is None
        assert destination(all_, mothers, town.now + timedelta(days=9)) == Destination(mothers.endpoint)


async def test_an_organisation_takes_referrals_only_by_two(town: Any) -> None:
    mothers, harbour = await service(town), town.organisations["Harbour"]
    proposal = await proposed(town, organisation=harbour.id)
    assert proposal.kind is Kind.INBOX
    assert await act(town, "Sol", "agree", proposal.id) == 200
    town.house.clock.forward(hours=72)
    all_ = await town.store.proposals.all()
    assert destination(all_, mothers, town.now) == Destination(organisation=harbour.id)
    await town.people["Sol"].sign_in()
    assert "the inbox of Harbour" in (await town.people["Sol"].get("/i/services")).text


async def test_what_cannot_be_proposed_is_not(town: Any) -> None:
    sam, harbour = town.people["Sam"], town.organisations["Harbour"].id
    for fields in (
        {"service": "nothing", "endpoint": NEW},
        {"service": "mentor-mothers"},
        {"service": "mentor-mothers", "endpoint": NEW, "organisation": harbour},
        {"service": "mentor-mothers", "organisation": "0" * 32},
        {"service": "mentor-mothers", "endpoint": "http://new.test/fhir"},
        {"service": "mentor-mothers", "endpoint": "javascript:alert(1)"},
        {"service": "mentor-mothers", "endpoint": "https://user:pass@new.test/fhir"},
    ):
        assert (await sam.go("/i/services", "/i/services", **fields)).status_code == 422, fields
    for fields in (
        {"kind": "again", "who": town.members["Wim"].id},
        {"kind": "end", "who": town.members["Sam"].id},
        {"kind": "end", "who": "0" * 32},
        {"kind": "steward"},
    ):
        assert (await sam.go("/i/proposals", "/i/proposals", **fields)).status_code == 422, fields
    assert await town.store.proposals.all() == []
    await proposed(town, endpoint=NEW)
    again = await sam.go("/i/services", "/i/services", service="mentor-mothers", endpoint=NEW)
    assert again.status_code == 422, "one at a time"
    assert "Stop that first" in sam.text


async def test_a_worker_who_lost_a_device_is_let_in_anew_by_the_coordinator(town: Any) -> None:
    cora, wim, old = town.people["Cora"], town.people["Wim"], town.people["Wim"].key
    await cora.go("/i/team", "/i/team/again", who=town.members["Wim"].id)
    assert (await wim.get("/i/home")).status_code == 403, "the old session is over"
    assert (await town.newcomer().sign_in(old)).status_code == 403, "the old key is shut"
    (code,) = re.findall(r"/i/join/([\w-]+)", cora.page.text)
    back = await town.joins("Wim", code)
    assert (await back.get("/i/home")).status_code == 200
    assert (await town.newcomer().sign_in(back.key)).status_code == 200


async def test_a_coordinator_is_let_in_anew_by_two_stewards_none_of_whom_could_alone(town: Any) -> None:
    cora, sam, sol = town.people["Cora"], town.people["Sam"], town.people["Sol"]
    await sam.go("/i/proposals", "/i/proposals", kind="again", who=town.members["Cora"].id)
    (proposal,) = await town.store.proposals.all()
    assert (await cora.get("/i/home")).status_code == 200, "nothing is done by one alone"
    assert await act(town, "Sol", "agree", proposal.id) == 200
    assert (await cora.get("/i/home")).status_code == 403
    member = town.members["Cora"]
    whole = (await town.store.members.invitations([member], town.now))[member.id].code
    for person in (sam, sol):
        await person.get("/i/proposals")
        assert whole not in person.page.text
    first = re.findall(r"/i/join/([\w-]+)", sam.page.text)[0]
    assert whole.startswith(first)
    second = whole.removeprefix(first)
    assert second in sol.page.text
    assert second not in sam.page.text
    assert first not in sol.page.text
    for half in (first, second):
        assert (await town.newcomer().get(f"/i/join/{half}")).status_code == 404
    await town.joins("Cora", first + second)


async def test_a_steward_more_and_one_less_by_two(town: Any) -> None:
    sam, sol = town.people["Sam"], town.people["Sol"]
    await sam.go("/i/proposals", "/i/proposals", kind="steward", name="Sid")
    (proposal,) = await town.store.proposals.all()
    assert await act(town, "Sol", "agree", proposal.id) == 200
    halves = []
    for person in (sam, sol):
        await person.get("/i/proposals")
        halves.append(re.findall(r'<span class="value">(?:.*/i/join/)?([\w-]+)</span>', person.page.text)[0])
    sid = await town.joins("Sid", "".join(halves))
    (member,) = [one for one in await town.store.members.of(None) if one.name == "Sid"]
    assert (await sid.get("/i/proposals")).status_code == 200

    town.house.clock.forward(seconds=1)
    await sam.go("/i/proposals", "/i/proposals", kind="end", who=member.id)
    proposal = (await town.store.proposals.all())[0]
    assert await act(town, "Sol", "agree", proposal.id) == 200
    assert (await sid.get("/i/home")).status_code == 403
    assert (await town.newcomer().sign_in(sid.key)).status_code == 403


async def test_whoever_has_left_is_out(town: Any) -> None:
    cora, wim = town.people["Cora"], town.people["Wim"]
    await cora.go("/i/team", "/i/team/end", who=town.members["Wim"].id)
    assert "Wim" not in cora.page.text
    assert (await wim.get("/i/home")).status_code == 403
    assert (await wim.sign_in()).status_code == 403


async def test_an_organisation_comes_once_and_by_the_pages(open_town: Any) -> None:
    """From the first steward's link to a worker's second key, by links and forms alone."""
    town = await open_town(empty=True)
    sam = await town.joins("Sam", await town.invited_steward("Sam"))
    given = {"name": "Harbour", "phone": "020 7946 0123", "coordinator": "Cora"}
    await sam.go("/i/organisations", "/i/organisations", **given)
    (code,) = re.findall(r"/i/join/([\w-]+)", sam.page.text)
    twice = await sam.go("/i/organisations", "/i/organisations", **given | {"name": "HARBOUR"})
    assert twice.status_code == 422
    cora = await town.joins("Cora", code)
    await cora.go("/i/team", "/i/team", name="Wim", role="worker")
    (code,) = re.findall(r"/i/join/([\w-]+)", cora.page.text)
    wim, second = await town.joins("Wim", code), Key("inbox.test")
    await wim.get("/i/keys")
    await wim.post("/i/keys", answer=second.make(wim.options, "https://inbox.test"), label="laptop")
    assert (await town.newcomer().sign_in(second)).status_code == 200
    assert "Your team" not in wim.text


@pytest.mark.parametrize("end", ["stopped", "in force"])
async def test_what_waits_when_a_change_is_proposed_goes_nowhere_unseen(open_town: Any, end: str) -> None:
    """Held with the telephone on page and list; where stewards stop the change it goes where it was to go."""
    town = await open_town()
    house, rooms, mothers = town.house, town.house.app.state.rooms, await service(town)
    house.charity.state.sandbox.switches.refuse = 503
    visitor = house.visitor()
    await visitor.launch("anna-woman")
    for fields in ({"door": "told"}, {"safe-today": "yes", "neck": "no", "suicide": "no"}):
        await visitor.post(fields)
    await visitor.post(SHEET | {"service": "mentor-mothers"})
    (one,) = await rooms.store.referrals.of_visit(visitor.visit)
    proposal = await proposed(town, endpoint=NEW)
    house.charity.state.sandbox.switches.refuse = None
    house.clock.forward(minutes=16)
    sent = house.watch()
    for _ in range(2):
        house.clock.forward(minutes=2)
        await rooms.dispatcher.run_once()

    assert [each.url.host for each in sent if each.url.host in ("service.test", "new.test")] == []
    await visitor.get("sent")
    assert f"Held, and NOT sent: where {mothers.short_name} is reached is being changed" in visitor.text
    assert f"ring {mothers.phone} now" in visitor.text
    assert await on_the_list(house) == [f"Held, and not sent: where {mothers.short_name} is reached"]

    await town.people["Sol"].sign_in()
    if end == "stopped":
        assert await act(town, "Sol", "stop", proposal.id) == 200
        house.clock.forward(minutes=2)
        await rooms.dispatcher.run_once()
        await visitor.until("Received by")
        assert "Held" not in visitor.text
        assert await on_the_list(house) == []
    else:
        assert await act(town, "Sol", "agree", proposal.id) == 200
        house.clock.forward(hours=73)
        await rooms.dispatcher.run_once()
        assert await on_the_list(house) == [f"Held, and not sent: where {mothers.short_name} is reached"]
        assert await rooms.store.outbox.held([one.id], town.now) == {one.id}
        assert [each.url.host for each in sent if each.url.host in ("service.test", "new.test")] == []
        assert await rooms.store.outbox.cancel(one.id, town.now) is Cancelled.TRIED, (
            "once it was, before that"
        )
    await visitor.browser.aclose()


async def on_the_list(house: Any) -> list[str]:
    """How each entry of the practice's list begins, for somebody of its role."""
    async with house.browser() as browser:
        answer = await browser.get("https://ehr.test/launch/list", params={"clinician": "dr-marsh"})
    assert answer.status_code == 200
    found = re.findall(r'<h2 id="e\d+">.*?</h2>\n<p>(.*?)</p>', answer.text, re.DOTALL)
    return [words.partition(" is being")[0] for words in found]
