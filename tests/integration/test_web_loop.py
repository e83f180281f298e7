"""What a service did, at the referrer's next launch: on the first page, and once in the record, labelled."""

import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete
from structlog.testing import capture_logs

from ipvscreen.errors import OutOfOrder
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.case import CaseEvent, CaseRole, CaseState
from ipvscreen.ipv.case_codes import Decline, Outcome, Tried
from ipvscreen.ipv.case_step import Release, Step
from ipvscreen.ipv.conflict import Answer, Facts
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact
from ipvscreen.store.case_tables import case_events
from ipvscreen.store.engine import writing

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
POSITIVE = dict(zip(HARK, (NO, YES, NO, NO), strict=True))
QUICK = {"safe-today": "yes", "neck": "no", "suicide": "no", "help-now": ["someone-to-talk-to"]}
SHEET = {"service": "mentor-mothers", "way": "phone", "number": "07700 900123", "out": "true", "back": "true"}
SERVICE = "mentor-mothers"
CONTACT = SafeContact(ContactWay.PHONE, "07700 900123")
ANNA = "anna-woman"
Visitors = Callable[[], Any]


def step(event: str, **said: Any) -> Step:
    return Step(CaseEvent(event), CaseRole.COORDINATOR, "c", **said)


TAKEN_ON = (step("open"), step("check", facts=Facts(Answer.NO)), step("accept"))
MET = (*TAKEN_ON, step("contact", way=ContactWay.PHONE, tried=Tried.REACHED), step("engage"))
ENDED = (*MET, step("complete", outcome=Outcome.AS_PLANNED))
DECLINED = (step("open"), step("decline", reason=Decline.NO_CAPACITY))


class Loop:
    """A referral that a service has, and what it does with it."""

    def __init__(self, house: Any, visitors: Visitors) -> None:
        self.house, self.visitors = house, visitors
        self.store = house.app.state.rooms.store
        self.ehr = house.ehr.state.sandbox

    async def begin(
        self, *, back: bool = True, until: date = date(2026, 9, 2), sheet: dict[str, str] = SHEET
    ) -> "Loop":
        one = await self.visitors().launch(ANNA)
        for fields in ({"door": "ask"}, POSITIVE, QUICK | {"flag": "true"}, sheet):
            if fields is sheet and one.step == "done":
                await one.get("refer")
            await one.post(fields)
        return await self.taken_in(one, back=back, until=until)

    async def taken_in(self, one: Any, *, back: bool = True, until: date = date(2026, 9, 2)) -> "Loop":
        await one.until("Received by")
        (referral,) = await self.store.referrals.of_visit(one.visit)
        self.key = referral.id
        agreement = Agreement(out=True, back=back, until=until)
        request = ReferralRequest(SERVICE, CONTACT, agreement=agreement)
        await self.store.cases.take_in(self.key, request, "Anna", self.house.clock())
        return self

    async def does(self, *steps: Step) -> None:
        kept = await self.store.cases.get(self.key, SERVICE)
        for number, one in enumerate(steps, kept.case.steps):
            self.house.clock.forward(minutes=1)
            await self.store.cases.move(self.key, SERVICE, one, seen=number, now=self.house.clock())

    async def launch(self, clinician: str | None = None) -> Any:
        self.house.clock.forward(hours=1)
        one = await self.visitors().launch(ANNA, clinician)
        assert one.step == "start", one.text
        return one

    async def mirrored(self) -> int:
        return (await self.store.cases.of_referrals([self.key]))[self.key].mirrored

    def held(self, kind: str) -> list[dict[str, Any]]:
        return [body for body in self.ehr.memory.all(kind) if body.get("identifier")]

    @property
    def task(self) -> dict[str, Any]:
        (body,) = self.held("Task")
        return body

    @property
    def versions(self) -> int:
        return len(self.ehr.memory.history("Task", self.task["id"]))

    def told(self) -> list[dict[str, Any]]:
        """The Provenances that say that a service has told it."""
        return [
            one
            for one in self.ehr.memory.all("Provenance")
            if one.get("reason", [{}])[0].get("coding", [{}])[0].get("code") == "told-by-service"
        ]


@pytest.fixture
async def loop(house: Any, visitors: Visitors) -> Loop:
    return await Loop(house, visitors).begin()


def fold(one: Any) -> str:
    return str(one.text.partition("Earlier forms")[2])


def labels(body: dict[str, Any]) -> set[str]:
    return {label["code"] for label in body["meta"]["security"]}


async def test_what_a_service_did_stands_on_the_first_page_and_once_in_the_record(loop: Loop) -> None:
    before = await loop.launch()
    assert "it has arrived" in fold(before)
    assert loop.versions == 1, "nothing was told yet"

    await loop.does(*MET)
    one = await loop.launch()

    shown = fold(one)
    for words in ("Sent on to", "it has arrived", "taken on", "they have tried to get in touch", "in touch"):
        assert words in shown
    assert "<details>\n<summary>Sent on to" in one.page.text, "the details only when opened"
    assert "<details open>\n<summary>Earlier forms" not in one.page.text
    assert (loop.task["status"], loop.task["businessStatus"]["coding"][0]["code"]) == (
        "in-progress",
        "engaged",
    )
    assert labels(loop.task) == {"R", "SDV", "NOPAT", "NORDSCLCDS"}
    assert loop.versions == 2
    assert len(loop.told()) == 1
    assert await loop.mirrored() == len(MET)
    await loop.launch()
    await one.get("start")
    assert (loop.versions, len(loop.told())) == (2, 1), "each step is told once"
    acts = [row.act async for row in loop.store.audit.entries()]
    assert acts.count(Act.ANSWER_RECORDED) == 1


async def test_an_outcome_is_a_procedure_that_the_task_names(loop: Loop) -> None:
    await loop.does(*ENDED)
    one = await loop.launch()

    assert "ended: ended as planned" in fold(one)
    (procedure,) = loop.held("Procedure")
    assert procedure["outcome"]["coding"][0]["code"] == "as-planned"
    assert labels(procedure) == {"R", "SDV", "NOPAT", "NORDSCLCDS"}
    assert procedure["basedOn"] == [loop.task["focus"]]
    assert loop.task["status"] == "completed"
    assert loop.task["output"][0]["valueReference"]["reference"] == f"Procedure/{procedure['id']}"
    (told,) = loop.told()
    assert {target["reference"] for target in told["target"]} == {
        f"Task/{loop.task['id']}",
        f"Procedure/{procedure['id']}",
    }
    assert "author" in told["agent"][0]["type"]["coding"][0]["code"]
    assert "reference" not in told["agent"][0]["who"], "the service, not the clinician"


async def test_a_decline_is_told_with_its_reason(loop: Loop) -> None:
    await loop.does(*DECLINED)
    one = await loop.launch()

    assert "not taken on: no place is free" in fold(one)
    assert loop.task["status"] == "rejected"
    assert loop.task["statusReason"]["coding"][0]["code"] == "no-capacity"
    assert loop.task["statusReason"]["text"] == "no place is free"
    assert loop.held("Procedure") == []


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("not agreed", "It was not agreed that the service tells anything back."),
        ("ended", "What was agreed has ended"),
        ("taken back", "It was taken back that anything is told."),
    ],
)
async def test_what_was_not_agreed_comes_neither_to_the_page_nor_into_the_record(
    house: Any, visitors: Visitors, what: str, sentence: str
) -> None:
    until = house.clock().date() if what == "ended" else date(2026, 9, 2)
    loop = await Loop(house, visitors).begin(back=what != "not agreed", until=until)
    await loop.does(*ENDED[:-1], *([step("tell-nothing")] if what == "taken back" else []))
    if what == "ended":
        house.clock.forward(days=1)
    one = await loop.launch()

    shown = fold(one)
    assert sentence in shown
    assert "it has arrived" in shown
    for words in ("opened", "taken on", "in touch", "ended as planned"):
        assert words not in shown
    assert (loop.versions, loop.task["status"], await loop.mirrored()) == (1, "requested", 0)


async def test_without_agreement_a_decline_is_told_without_its_reason_and_not_recorded(
    house: Any, visitors: Visitors
) -> None:
    loop = await Loop(house, visitors).begin(back=False)
    await loop.does(*DECLINED)
    one = await loop.launch()

    assert "not taken on" in fold(one)
    assert "no place is free" not in fold(one)
    assert loop.versions == 1


async def test_a_colleague_sees_nothing_of_it(loop: Loop) -> None:
    await loop.does(*MET)
    one = await loop.launch("dr-lindqvist")

    assert "An earlier form" in fold(one)
    assert "Sent on to" not in fold(one)
    assert loop.versions == 1


@pytest.mark.parametrize("how", ["refused", "no conditional create", "no versions match", "no right"])
async def test_a_failure_is_told_and_the_same_is_tried_at_the_next_launch(loop: Loop, how: str) -> None:
    await loop.does(*ENDED)
    switches = loop.ehr.switches
    switches.no_conditional_create = how == "no conditional create"
    if how in ("refused", "no conditional create"):
        switches.refuse[("PUT", "Task")] = 422
    elif how == "no versions match":
        switches.refuse[("PUT", "Task")] = 412
    else:
        switches.narrow_scope = "launch openid fhirUser patient/Patient.r patient/*.crs"
    one = await loop.launch()

    assert "NOT in the record: what" in fold(one)
    assert "<details open>\n<summary>Earlier forms" in one.page.text, "it is seen without opening anything"
    assert "ended: ended as planned" in fold(one), "here it is known all the same"
    assert (loop.task["status"], await loop.mirrored()) == ("requested", 0)

    switches.refuse.clear()
    switches.narrow_scope = None
    again = await loop.launch()
    assert "NOT in the record" not in again.text
    assert (loop.task["status"], await loop.mirrored()) == ("completed", len(ENDED))
    assert len(loop.held("Procedure")) == 1, "what stood there already was not made twice"


async def test_a_label_that_the_update_loses_is_an_alarm_until_it_is_put_right(loop: Loop) -> None:
    await loop.does(*MET)
    loop.ehr.switches.drop_labels = {"Task"}
    with capture_logs() as logs:
        one = await loop.launch()

    assert "ALARM: stored without protection: what" in fold(one)
    assert "<details open>\n<summary>Earlier forms" in one.page.text
    assert (loop.told(), await loop.mirrored()) == ([], 0), "nothing follows what is not protected"
    assert [one["kind"] for one in logs if one["event"] == "labels lost"] == ["on-update"]

    loop.ehr.switches.drop_labels = set()
    again = await loop.launch()
    assert "ALARM" not in again.text
    assert labels(loop.task) == {"V", "SDV", "NOPAT", "NORDSCLCDS"}, "nobody can tell which it was"
    assert await loop.mirrored() == len(MET)


async def test_a_label_that_the_outcome_loses_is_an_alarm_and_the_task_is_left(loop: Loop) -> None:
    await loop.does(*ENDED)
    loop.ehr.switches.drop_labels = {"Procedure"}
    one = await loop.launch()

    assert "ALARM: stored without protection" in fold(one)
    assert (loop.task["status"], await loop.mirrored()) == ("requested", 0)


async def test_nothing_goes_into_a_record_that_has_lost_a_label_of_that_visit(houses: Any) -> None:
    house = await houses(on_label_loss="leave")
    house.ehr.state.sandbox.switches.drop_labels = {"Consent"}
    async with AsyncExitStack() as stack:

        def visitor() -> Any:
            one = house.visitor()
            stack.push_async_callback(one.browser.aclose)
            return one

        loop = await Loop(house, visitor).begin()
        house.ehr.state.sandbox.switches.drop_labels = set()
        await loop.does(*MET)
        one = await loop.launch()

        assert "in touch" in fold(one)
        assert (loop.task["status"], loop.versions) == ("requested", 1)


async def test_what_was_stopped_here_stays_stopped(loop: Loop) -> None:
    one = await loop.launch()
    await one.post({"earlier": one.page.text.partition('name="earlier" value="')[2].partition('"')[0]})
    await one.post({"action": "stop"})
    assert loop.task["status"] == "cancelled"
    assert "sees now that it is not wanted any more" in one.text
    kept = await loop.store.cases.get(loop.key, SERVICE)
    assert (kept.case.state, kept.done[-1].step.role) == (CaseState.CANCELLED, CaseRole.REFERRER)
    with pytest.raises(OutOfOrder):
        await loop.does(step("open"))

    again = await loop.launch()
    assert loop.task["status"] == "cancelled"
    assert "NOT in the record" not in again.text


async def test_what_another_app_changes_meanwhile_is_not_written_over(loop: Loop) -> None:
    """Between our reading and our writing: the version that was read is not the current one any more."""
    noted = {**loop.task, "description": "A note of another app"}
    http = loop.house.app.state.rooms.ehrs["sandbox"].http

    async def meanwhile(request: httpx.Request) -> None:
        if request.method == "PUT" and loop.versions == 1:
            loop.ehr.memory.put(noted, loop.house.clock())

    http.event_hooks["request"].append(meanwhile)
    await loop.does(*MET)
    one = await loop.launch()

    assert "It was changed in the record meanwhile" in fold(one)
    assert (loop.task["description"], loop.task["status"]) == ("A note of another app", "requested")
    again = await loop.launch()
    assert (loop.task["description"], loop.task["status"]) == ("A note of another app", "in-progress")
    assert "NOT in the record" not in again.text


async def test_a_referral_of_the_wrong_patient_takes_its_outcome_along(loop: Loop) -> None:
    await loop.does(*ENDED)
    one = await loop.launch()
    await one.post({"earlier": one.page.text.partition('name="earlier" value="')[2].partition('"')[0]})
    assert "what the service has told: as it was recorded, protected" in one.text
    await one.post({"action": "error", "why": "wrong-patient"})

    assert [body["status"] for body in loop.held("Procedure")] == ["entered-in-error"]
    assert loop.task["status"] == "entered-in-error"


async def test_a_referral_that_is_not_wanted_any_more_leaves_what_came_of_it(loop: Loop) -> None:
    await loop.does(*ENDED)
    one = await loop.launch()
    await one.post({"earlier": one.page.text.partition('name="earlier" value="')[2].partition('"')[0]})
    await one.post({"action": "stop"})

    assert [body["status"] for body in loop.held("Procedure")] == ["completed"]
    assert "NOT changed" not in one.text


STATES = Path(__file__).parents[1] / "united_states"


@pytest.mark.parametrize("signed", [True, False])
async def test_where_a_release_is_required_nothing_is_told_without_one_or_once_it_has_ended(
    houses: Any, signed: bool
) -> None:
    house = await houses(questionnaires=STATES, pack="us", nation="united-states")
    loop = Loop(house, house.visitor)
    one = await house.visitor().launch(ANNA)
    await one.post({"door": "told"})
    await one.post(QUICK)
    await one.get("refer")
    await one.post(SHEET | {"back": "false"})
    await loop.taken_in(one)
    release = Release(date(2026, 3, 2), date(2026, 3, 3))
    await loop.does(*TAKEN_ON, *([step("release", release=release)] if signed else []))
    one = await loop.launch()

    assert ("taken on" in fold(one)) is signed
    assert ("only with a signed release" in fold(one)) is not signed
    assert loop.task["status"] == ("accepted" if signed else "requested")

    house.clock.forward(days=2)
    await loop.does(*MET[3:])
    one = await loop.launch()
    for words in ("taken on", "they have tried to get in touch", "they are in touch"):
        assert words not in fold(one)
    assert "only with a signed release" in fold(one)
    assert loop.task["status"] == ("accepted" if signed else "requested"), "what stood there by then stays"


async def test_without_a_release_stopping_tells_nothing_of_what_the_service_has_done(houses: Any) -> None:
    """The same button and the same words, whether the case is open there or over."""
    seen = set()
    for steps in ((), DECLINED):
        house = await houses(questionnaires=STATES, pack="us", nation="united-states")
        loop = Loop(house, house.visitor)
        one = await house.visitor().launch(ANNA)
        for fields in ({"door": "told"}, QUICK):
            await one.post(fields)
        await one.get("refer")
        await one.post(SHEET | {"back": "false"})
        await loop.taken_in(one)
        await loop.does(*steps)
        await one.get("sent")
        assert f'name="stop" value="{loop.key}"' in one.page.text
        await one.post({"stop": loop.key})
        assert "Whether it is seen there in time" in one.text
        seen.add(re.sub(r"\d\d:\d\d", "", one.text))
    assert len(seen) == 1


async def test_a_case_that_was_tampered_with_does_not_keep_the_first_page(loop: Loop) -> None:
    await loop.does(*MET)
    async with writing(loop.store._engine) as connection:
        await connection.execute(delete(case_events).where(case_events.c.number == 1))
    one = await loop.launch()

    assert "it has arrived" in fold(one)
    assert loop.versions == 1
