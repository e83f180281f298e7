"""Around a referral: nothing fits, a release, grounds of a nation, she changes her mind, a decline."""

import re
from dataclasses import replace
from typing import Any

import pytest

from ipvscreen.ipv.case import CaseEvent, CaseRole, CaseState
from ipvscreen.ipv.case_codes import Decline
from ipvscreen.ipv.case_step import Step
from ipvscreen.ipv.draft import Left
from ipvscreen.ipv.person import Sex
from ipvscreen.ipv.referral import ContactWay, ReferralRequest, ReferralState, SafeContact
from ipvscreen.ipv.services import Kind, Rule
from ipvscreen.resources.bundle import read_bundle
from ipvscreen.resources.directory import resource_of
from ipvscreen.sandbox.directory import services_bundle
from ipvscreen.store.plan_tables import gaps

ANNA = "anna-woman"
POSITIVE = {"76500-8": "LA33-6"}
QUIET = {"safe-today": "yes", "neck": "no", "suicide": "no", "help-now": ["housing"]}
SHEET = {"service": "specialist", "way": "she-calls", "out": "yes", "back": "yes"}
SHARED = {
    "service": "specialist",
    "way": "she-calls",
    "decided_by": "Dr Osei, GP",
    "told": "no",
    "why_not_told": "not safe",
}
KEEP = {"action": "keep", "who": "Sister Ward, nurse", "due": "2026-03-09"}


class Desk:
    """A clinician, and what the house keeps."""

    def __init__(self, house: Any) -> None:
        self.house, self.store = house, house.app.state.rooms.store

    async def directory(self, *kinds: Kind, **changes: Any) -> None:
        """Only services of these kinds, with what is to be different in them."""
        day = self.house.clock().date()
        services = read_bundle(services_bundle("https://service.test/fhir", day)).services
        chosen = [resource_of(replace(one, **changes)) for one in services if one.kind in kinds]
        await self.store.services.replace(chosen)

    async def at_the_sheet(self, door: str = "ask") -> Any:
        one = self.house.visitor()
        await one.launch(ANNA)
        for fields in ({"door": door}, POSITIVE, QUIET) if door == "ask" else ({"door": door}, QUIET):
            await one.post(fields)
        if one.step != "refer":
            await one.get("refer")
        return one

    async def visit(self, one: Any) -> Any:
        return await self.store.visits.get(one.visit)

    async def referral(self, one: Any) -> Any:
        (found,) = await self.store.referrals.of_visit(one.visit)
        return found

    async def taken_in(self, key: str, *, back: bool = True) -> None:
        referral = await self.store.referrals.get(key)
        agreement = replace(referral.agreement, back=back)
        contact = SafeContact(ContactWay.SHE_CALLS)
        request = ReferralRequest(
            referral.service_id, contact, referral.need.wishes, agreement=agreement, urgent=False
        )
        await self.store.cases.take_in(key, request, "Anna", self.house.clock())

    async def declines(self, key: str, reason: Decline) -> None:
        referral = await self.store.referrals.get(key)
        for seen, (event, why) in enumerate(((CaseEvent.OPEN, None), (CaseEvent.DECLINE, reason))):
            self.house.clock.forward(minutes=1)
            step = Step(event, CaseRole.COORDINATOR, "c", reason=why)
            await self.store.cases.move(key, referral.service_id, step, seen=seen, now=self.house.clock())

    async def next_launch(self) -> Any:
        self.house.clock.forward(hours=1)
        one = self.house.visitor()
        await one.launch(ANNA)
        assert one.step == "start", one.text
        return one


@pytest.fixture
def desk(house: Any) -> Desk:
    return Desk(house)


async def test_nothing_fits_somebody_is_named_and_the_gap_is_counted_once(desk: Desk) -> None:
    await desk.directory(Kind.SPECIALIST, sexes=frozenset({Sex.MALE}))
    one = await desk.at_the_sheet()
    assert "Nothing listed fits: For men; this patient is a woman." in one.text
    assert "The gap is counted without a name." in one.text
    assert 'href="' + one.page.url.path.replace("refer", "finish") not in one.page.text
    assert (await desk.visit(one)).draft.left is Left.OPEN
    assert await desk.store.gaps.counts() == []

    await one.get("finish")
    await one.post({"action": "close"})
    assert (one.step, (await desk.visit(one)).state.value) == ("refer", "recorded"), "not left like that"
    assert "name the person who keeps contact" in one.text

    for wrong, said in (
        (KEEP | {"who": ""}, "Name the person who keeps contact."),
        (KEEP | {"who": "the domestic abuse nurse"}, "without 'domestic'"),
        (KEEP | {"due": "2026-03-02"}, "Give a day from tomorrow on"),
    ):
        await one.post(wrong)
        assert said in one.text
    assert await desk.store.gaps.counts() == []

    for fields in (KEEP, None):
        if fields:
            await one.post(fields)
        assert "Follow-up noted for 9 March 2026." in one.text
    (counted,) = await desk.store.gaps.counts()
    assert (counted.count, counted.gap.month, counted.gap.area) == (1, "2026-03", None)
    assert counted.gap.kinds == {Kind.SPECIALIST, Kind.REFUGE}
    assert Rule.SEX in counted.gap.excluded_by
    (entry,) = await desk.store.followups.of_clinician("sandbox", (await desk.visit(one)).user_key)
    assert entry.text == "Routine follow-up, one to one, with Sister Ward, nurse"

    await one.get("finish")
    await one.post({"action": "close"})
    assert (await desk.visit(one)).state.value == "closed"


async def test_a_gap_leads_to_no_visit(desk: Desk) -> None:
    """The table has no column for one; and two of the same are one row."""
    await desk.directory(Kind.USES_VIOLENCE)
    for _ in range(2):
        one = await desk.at_the_sheet()
        await one.post(KEEP)
        await one.get("finish")
        await one.post({"action": "close"})
    (counted,) = await desk.store.gaps.counts()
    assert counted.count == 2
    assert {column.name for column in gaps.columns} == {
        *("month", "child", "kinds", "excluded_by", "area", "count")
    }


async def test_where_a_release_is_asked_for_it_is_dated_ends_and_goes_with_the_referral(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = type(desk.house.app.state.rooms)
    plain = rooms.pack
    monkeypatch.setattr(rooms, "pack", lambda *one: replace(plain(*one), release_required=True))
    one = await desk.at_the_sheet()
    assert "without a release that is signed, dated and ends" in one.text
    signed = {"signed_on": "2026-03-02", "release_until": "2026-06-02"}
    for wrong in ({}, signed | {"signed_on": "2026-03-03"}, signed | {"release_until": "2026-03-02"}):
        await one.post(SHEET | wrong)
        assert one.step == "refer"
    assert await desk.store.referrals.of_visit(one.visit) == []

    await one.post(SHEET | signed)
    assert one.step == "sent"
    (consent,) = [body for body in desk.house.ehr.state.sandbox.memory.all("Consent")]
    back = consent["provision"]["provision"][1]
    assert back["period"] == {"start": "2026-03-02", "end": "2026-06-02"}

    another = await desk.at_the_sheet("told")
    await another.post(SHEET | {"back": "no"})
    assert another.step == "sent", "without one the service is asked, and tells nothing"


async def test_a_nation_has_its_grounds_and_what_is_chosen_is_kept_here(houses: Any) -> None:
    desk = Desk(await houses(nation="northern-ireland"))
    one = await desk.at_the_sheet()
    await one.get("share")
    assert "Criminal Law Act (Northern Ireland) 1967, section 5" in one.text
    values = re.findall(r'name="basis" value="([^"]+)"', one.page.text)
    code = "northern-ireland-crime"
    assert {code, "serious-harm", "other"} <= set(values), "with what is always there"
    assert len(values) == len(set(values))

    await one.post(SHARED | {"basis": "of-nowhere"})
    assert "Say on what basis." in one.text
    await one.post(SHARED | {"basis": code})
    assert one.step == "sent"
    referral = await desk.referral(one)
    assert (referral.sharing.ground, referral.sharing.why_not_told) == (code, "not safe")
    (request,) = desk.house.ehr.state.sandbox.memory.all("ServiceRequest")
    assert "Act" not in request["note"][0]["text"], "the law and its reason stay with us"


@pytest.mark.parametrize("stopped", [True, False])
async def test_she_changes_her_mind_while_it_waits(desk: Desk, *, stopped: bool) -> None:
    """And its control: without the button it goes out."""
    switches = desk.house.charity.state.sandbox.switches
    switches.refuse = 503
    one = await desk.at_the_sheet()
    await one.post(SHEET)
    key = (await desk.referral(one)).id
    if stopped:
        await one.post({"stop": key})
        assert (one.step, (await desk.referral(one)).state) == ("sent", ReferralState.CANCELLED)
    switches.refuse = None
    desk.house.clock.forward(hours=2)
    await desk.house.app.state.rooms.dispatcher.run_once()
    assert len(desk.house.charity.state.sandbox.received()) == (0 if stopped else 1)
    (task,) = desk.house.ehr.state.sandbox.memory.all("Task")
    assert (task["status"] == "cancelled") is stopped
    assert ("The patient does not want it any more" in one.text) is not stopped


async def test_she_changes_her_mind_after_a_service_here_has_it(desk: Desk) -> None:
    one = await desk.at_the_sheet()
    await one.post(SHEET)
    await one.until("Received by")
    key = (await desk.referral(one)).id
    assert key in one.page.text, "a system of its own can be told, too"
    await desk.taken_in(key)
    await one.get("sent")
    await one.post({"stop": key})

    assert "sees now that it is not wanted any more" in one.text
    (kept,) = (await desk.store.cases.of_referrals([key])).values()
    assert kept.case.state is CaseState.CANCELLED
    assert (await desk.store.cases.of_service("specialist")) == []
    await one.get("sent")
    assert key not in one.page.text
    assert "Whether anybody has looked is not known" in one.text
    assert len(desk.house.charity.state.sandbox.received()) == 1, "it is told where it reads"


async def declined(desk: Desk, reason: Decline, *, back: bool = True) -> Any:
    """At the next launch after the specialist service has declined."""
    one = await desk.at_the_sheet()
    await one.post(SHEET | {"back": "yes" if back else "no"})
    await one.until("Received by")
    key = (await desk.referral(one)).id
    await one.get("finish")
    await one.post({"action": "close"})
    await desk.taken_in(key, back=back)
    await desk.declines(key, reason)
    return await desk.next_launch()


async def test_a_decline_proposes_the_next_best_and_sends_nothing_by_itself(desk: Desk) -> None:
    await desk.directory(Kind.SPECIALIST, Kind.REFUGE, Kind.MENTOR_MOTHER)
    one = await declined(desk, Decline.NO_CAPACITY)
    assert "An answer has come." in one.text
    assert "Next: " in one.text
    assert "Answers what the person asked for." in one.text
    assert len(desk.house.charity.state.sandbox.received()) == 1

    (key,) = re.findall(r'name="again" value="([^"]+)"', one.page.text)
    await one.post({"again": key})
    assert one.step == "refer"
    assert "Instead of " in one.text
    offered = re.findall(r'name="service" value="([^"]+)"( checked)?', one.page.text)
    assert "specialist" not in [ident for ident, _ in offered]
    assert [bool(checked) for _, checked in offered].count(True) == 1
    assert not re.search(r'name="(?:way|out|back)" value="[^"]+" checked', one.page.text), "asked anew"
    assert re.search(r'name="help" value="housing" checked', one.page.text)
    assert (await desk.visit(one)).held

    chosen = next(ident for ident, checked in offered if checked)
    await one.post({"way": "she-calls", "out": "yes", "back": "yes"})
    assert one.step == "sent", one.text
    assert (await desk.referral(one)).service_id == chosen
    await one.until("Received by")
    await one.get("finish")
    await one.post({"action": "close"})
    assert 'name="again"' not in (await desk.next_launch()).page.text, "it was seen to"


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        (Decline.PERSON_DECLINED, ""),
        (Decline.INSUFFICIENT_INFO, "needs to know more before it can say yes"),
        (Decline.NO_WAY_TO_CONTACT, "needs another safe way to make contact"),
    ],
)
async def test_what_a_reason_leads_to(desk: Desk, reason: Decline, says: str) -> None:
    one = await declined(desk, reason)
    if not says:
        assert 'name="again"' not in one.page.text
        assert "An answer has come." not in one.text
        return
    assert says in one.text
    (key,) = re.findall(r'name="again" value="([^"]+)"', one.page.text)
    await one.post({"again": key})
    assert re.search(r'name="service" value="specialist" checked', one.page.text), "the same one, once more"


async def test_a_reason_that_may_not_be_told_is_not_told_by_what_is_proposed(desk: Desk) -> None:
    one = await declined(desk, Decline.PERSON_DECLINED, back=False)
    assert "Next: " in one.text
    assert "it is not wanted" not in one.text


async def test_the_referral_of_another_patient_leads_nowhere(desk: Desk) -> None:
    one = await declined(desk, Decline.NO_CAPACITY)
    (key,) = re.findall(r'name="again" value="([^"]+)"', one.page.text)
    theirs = desk.house.visitor()
    await theirs.launch("rosa-mother")
    assert key not in theirs.page.text
    form = theirs.forms
    form.forms[0]["names"].add("again")
    await theirs.post({"again": key}, form=form)
    assert theirs.page.status_code == 409


PLAN = {
    "child_age": "7",
    "child_sex": "male",
    "exposure": "ongoing",
    "owner": "Ms Reed, health visitor",
    "interim": "school knows whom to ring",
    "review": "2026-03-09",
    "action": "plan",
}


async def with_children(desk: Desk) -> Any:
    one = desk.house.visitor()
    await one.launch("rosa-mother")
    for fields in ({"door": "ask"}, POSITIVE, QUIET | {"children-or-pregnant": ["children"]}):
        await one.post(fields)
    return one


async def test_mother_and_child_to_two_services_each_by_its_own_need(desk: Desk) -> None:
    one = await with_children(desk)
    assert "A plan for each child" in one.text
    await one.post(SHEET)
    await one.get("finish")
    for wrong, said in (
        ({"owner": ""}, "Name the person who keeps the child."),
        ({"interim": ""}, "Say what is done meanwhile."),
        ({"review": "2026-03-02"}, "Give a day from tomorrow on."),
        ({"child_age": "seven"}, "Give the age in whole years"),
    ):
        await one.post(PLAN | wrong)
        assert said in one.text
    assert await desk.store.child_plans.of_visit(one.visit) == []

    await one.post(PLAN)
    (kept,) = await desk.store.child_plans.of_visit(one.visit)
    assert (kept.need.age, kept.plan.owner, kept.plan.sequence) == (7, "Ms Reed, health visitor", None)
    assert "A child aged 7" in one.text
    assert "Ms Reed, health visitor keeps the child." in one.text

    await one.post({"child": kept.id})
    assert one.step == "refer"
    assert "For a child aged 7" in one.text
    assert re.findall(r'name="service" value="([^"]+)"', one.page.text) == ["children"]
    assert re.search(r'name="help" value="children" checked', one.page.text)
    await one.post(SHEET | {"service": "children"})
    assert one.step == "sent"

    referrals = await desk.store.referrals.of_visit(one.visit)
    assert sorted(each.service_id for each in referrals) == ["children", "specialist"]
    assert {each.service_id: each.need.child for each in referrals} == {"children": True, "specialist": False}
    await desk.house.app.state.rooms.dispatcher.run_once()
    for message in desk.house.charity.state.sandbox.received():
        assert "Ms Reed" not in str(message)
        assert "school knows" not in str(message)
    assert (await desk.visit(one)).draft.child == "", "what comes next is the patient's own"


async def test_two_children_to_one_service_are_two_referrals_each_of_its_own(desk: Desk) -> None:
    """The same form twice is one; a form that was shown for a child is none for the patient later."""
    one = await with_children(desk)
    await one.get("finish")
    for age in ("7", "4"):
        await one.post(PLAN | {"child_age": age})
    plans = await desk.store.child_plans.of_visit(one.visit)
    shown = []
    for kept in plans:
        await one.get("finish")
        await one.post({"child": kept.id})
        shown.append(one.forms)
        await one.post(SHEET | {"service": "children"})
        assert one.step == "sent", one.text
    sent = one.page
    for form, status in zip(shown, (409, 200), strict=True):  # the last one again is the same again
        one.page = sent
        await one.post(SHEET | {"service": "children"}, form=form)
        assert one.page.status_code == status

    referrals = await desk.store.referrals.of_visit(one.visit)
    assert {each.service_id for each in referrals} == {"children"}
    assert sorted(each.need.age for each in referrals) == [4, 7]
    await one.get("sent")
    assert "For a child aged 7 · " in one.text
    assert "For a child aged 4 · " in one.text
    await desk.house.app.state.rooms.dispatcher.run_once()
    first, second = (bodies(each) for each in desk.house.charity.state.sandbox.received())
    told = sorted(each["Task"]["input"][0]["valueCodeableConcept"]["text"] for each in (first, second))
    assert told == ["For a child aged 4", "For a child aged 7"]
    for kind in ("Task", "ServiceRequest", "Consent"):
        assert first[kind]["identifier"] != second[kind]["identifier"]
        assert len(list(desk.house.ehr.state.sandbox.memory.all(kind))) == 2
    assert "child" not in str(list(desk.house.ehr.state.sandbox.memory.all("Task"))).casefold()


def bodies(message: dict[str, Any]) -> dict[str, Any]:
    return {entry["resource"]["resourceType"]: entry["resource"] for entry in message["entry"]}


async def test_nothing_fits_a_child_the_plan_holds_and_the_gap_is_a_childs(desk: Desk) -> None:
    await desk.directory(Kind.SPECIALIST)
    one = await with_children(desk)
    await one.get("finish")
    await one.post(PLAN | {"child_age": "", "child_sex": "", "exposure": ""})
    assert "Nothing listed fits this child: Not for children." in one.text
    assert 'name="child"' not in one.page.text
    (counted,) = await desk.store.gaps.counts()
    assert (counted.gap.child, counted.gap.kinds) == (True, {Kind.CHILDREN, Kind.CHILDREN_MENTAL_HEALTH})
    (kept,) = await desk.store.child_plans.of_visit(one.visit)
    assert (kept.need.age, kept.need.sex, kept.need.exposure) == (None, Sex.UNKNOWN, None), "never inferred"


async def test_where_no_child_was_spoken_of_there_is_no_plan(desk: Desk) -> None:
    one = await desk.at_the_sheet()
    await one.get("finish")
    assert "A plan for each child" not in one.text
    form = one.forms
    form.forms[0]["names"].update(PLAN)
    await one.post(PLAN, form=form)
    assert one.page.status_code == 422
    assert await desk.store.child_plans.of_visit(one.visit) == []


async def test_what_may_be_told_back_is_taken_back_alone(desk: Desk) -> None:
    one = await desk.at_the_sheet()
    await one.post(SHEET)
    await one.until("Received by")
    key = (await desk.referral(one)).id
    await desk.taken_in(key)
    await one.get("finish")
    await one.post({"action": "close"})
    later = await desk.next_launch()
    await later.post({"earlier": re.findall(r'name="earlier" value="([^"]+)"', later.page.text)[0]})
    await later.post({"action": "tell-nothing"})
    (kept,) = (await desk.store.cases.of_referrals([key])).values()
    assert (kept.case.told_nothing, kept.case.state) == (True, CaseState.DELIVERED)
