"""The record system or the service fails: the page says what stands and what to do; nothing lost or twice."""

import asyncio
import html
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx
import pytest

from ipvscreen.delivery import dispatcher
from ipvscreen.delivery.fhir_push import push
from ipvscreen.ehr.client import FhirClient
from ipvscreen.ehr.writer import write
from ipvscreen.ipv.visit import VisitState
from ipvscreen.resources.scopes import requested
from ipvscreen.sandbox.switches import Refuse, Switches
from ipvscreen.smart.fetch import fetch

WITHDRAWAL = requested(withdraw=True)
SECONDS = 0.3  # what is waited for an answer where there will be none
YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
POSITIVE = dict.fromkeys(HARK, NO) | {"76501-6": YES}
QUICK = {
    "safe-today": "yes",
    "neck": "no",
    "suicide": "no",
    "children-or-pregnant": "children",
    "flag": "yes",
}
SHEET = {"service": "mentor-mothers", "way": "phone", "number": "07700 900123", "out": "yes", "back": "yes"}
SCREEN = {"QuestionnaireResponse": 3, "Observation": 7, "Flag": 1, "Provenance": 1}
REFERRAL = {"ServiceRequest": 1, "Task": 1, "Consent": 1}
STATUSES = (401, 403, 404, 409, 412, 422, 429, 500)
# Its own words for each, which the page repeats.
SAID = {
    401: "Your sign-in is no longer accepted",
    403: "Your role may not do this",
    404: "does not know what was asked for",
    409: "Someone else is changing the same record",
    412: "not as your request expected it",
    422: "A rule of this practice does not allow this entry",
    429: "Too many requests: wait seven seconds",
    500: "failed on its own account",
}
INSIDE = re.compile(
    r"Traceback|\.py\b|ipvscreen|httpx|pydantic|<class|object at 0x|\w+(?:Error|Refused)\b|urn:uuid"
)


@pytest.fixture(autouse=True)
def _no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second is waited before the second look at what a search does not show."""
    assert "lag" in write.__kwdefaults__
    monkeypatch.setitem(write.__kwdefaults__, "lag", 0.01)


@contextmanager
def patience(fault: object, seconds: float = SECONDS) -> Iterator[None]:
    """While something hangs: as in earnest, only that less time is waited for an answer."""
    with pytest.MonkeyPatch.context() as patch:
        for function in (FhirClient.__init__, fetch) if fault in ("hangs", "hanging") else ():
            assert "seconds" in function.__kwdefaults__
            patch.setitem(function.__kwdefaults__, "seconds", seconds)
            patch.setattr(dispatcher, "push", partial(_pushed, push, seconds))
        yield


async def _pushed(real: Callable[..., Any], at_most: float, *given: Any, **named: Any) -> Any:
    """The push itself, with less time."""
    assert "seconds" in named, "the pace says how long"
    return await real(*given, **(named | {"seconds": at_most}))


@pytest.fixture
def switches(house: Any) -> Switches:
    """What makes the record system fail."""
    found: Switches = house.ehr.state.sandbox.switches
    return found


def well_again(switches: Switches) -> None:
    """Every failure off; the way of writing stays."""
    fresh = Switches()
    for name in ("refuse", "hang", "hang_up", "lose_answer", "at", "drop_labels", "labels_missing_in_search"):
        setattr(switches, name, getattr(fresh, name))


def holds(house: Any) -> dict[str, int]:
    """What of ours the record system holds about her, each business identifier once."""
    bodies = [
        body
        for body in house.ehr.state.sandbox.memory.everything()
        if body["resourceType"] in SCREEN | REFERRAL and "clara" not in body["id"]
    ]
    identifiers = Counter(str(body["identifier"]) for body in bodies if "identifier" in body)
    assert all(count == 1 for count in identifiers.values()), "written twice"
    return dict(Counter(body["resourceType"] for body in bodies))


def received(house: Any) -> int:
    """How many messages the service holds."""
    return len(house.charity.state.sandbox.received())


def words(page: httpx.Response, *statuses: int) -> str:
    """The plain words of a page, which tells nothing of the inside."""
    assert page.status_code in (statuses or (200,)), page.text[:1500]
    text = html.unescape(re.sub(r"<[^>]+>", " ", page.text.partition("</head>")[2]))
    assert not INSIDE.search(text), INSIDE.search(text)
    assert page.headers["cache-control"] == "no-store"
    return " ".join(text.split())


async def visit_of(house: Any, visitor: Any) -> Any:
    return await house.app.state.rooms.store.visits.get(visitor.visit)


async def to_respond(visitor: Any) -> None:
    await visitor.launch("anna-woman")
    await visitor.post({"door": "ask"})
    await visitor.post(POSITIVE)
    assert visitor.step == "respond"


async def to_refer(visitor: Any) -> None:
    await to_respond(visitor)
    await visitor.post(QUICK)
    await visitor.get("refer")
    assert visitor.step == "refer"


async def kept_and_unrecorded(house: Any, visitor: Any) -> str:
    """The page says that it is not in the record; everything entered is kept and on the list."""
    visit = await visit_of(house, visitor)
    assert visit.state is VisitState.UNRECORDED
    assert visit.held
    assert visit.draft.entered["hark"] == {item: (value,) for item, value in POSITIVE.items()}
    assert visit.draft.entered["quick"]["safe-today"] == ("yes",)
    said = words(await visitor.get("done"))
    assert "Not yet recorded" in said
    assert 'value="retry"' in visitor.page.text
    assert 'value="by-hand"' in visitor.page.text
    return said


async def retried(house: Any, visitor: Any) -> None:
    """Another try completes what was begun, and the page says so."""
    await visitor.get("done")
    await visitor.post({"action": "retry"})
    said = words(visitor.page)
    assert (await visit_of(house, visitor)).state in (VisitState.RECORDED, VisitState.REFERRED)
    assert "Recorded and checked" in words(await visitor.get("done"))
    assert "NOT recorded" not in said
    assert {kind: holds(house).get(kind) for kind in SCREEN} == SCREEN


# --- the record --------------------------------------------------------------------------------------------

WAYS = {"transaction": ("POST", "*"), "one by one": ("POST", "*"), "whatever it is": ("*", "*")}
REFUSALS = [
    *((status, "transaction") for status in STATUSES),
    *((status, "one by one") for status in (422, 500)),
    *((status, "whatever it is") for status in (401, 500)),
]


@pytest.mark.parametrize(("status", "way"), REFUSALS)
async def test_a_record_that_is_refused_is_kept_said_and_completed_later(
    house: Any, visitor: Any, switches: Switches, status: int, way: str
) -> None:
    switches.no_transaction = way == "one by one"
    await to_respond(visitor)
    switches.refuse[WAYS[way]] = status

    await visitor.post(QUICK)

    said = await kept_and_unrecorded(house, visitor)
    assert "NOT recorded: the answers, the results, a flag, who recorded it." in said
    assert SAID[status] in said
    assert "Try again." in said
    assert "enter it in the record by hand" in said
    assert holds(house) == {}

    well_again(switches)
    await retried(house, visitor)


@pytest.mark.parametrize(("status", "after"), [(403, 1), (422, 3), (422, 6), (500, 1), (500, 6), (403, 10)])
async def test_a_record_that_is_refused_halfway_says_what_is_there_and_what_is_not(
    house: Any, visitor: Any, switches: Switches, status: int, after: int
) -> None:
    switches.no_transaction = True
    await to_respond(visitor)
    switches.refuse[("POST", "*")] = Refuse(status, after=after)

    await visitor.post(QUICK)

    said = await kept_and_unrecorded(house, visitor)
    assert sum(holds(house).values()) == after
    assert "Recorded and checked: the answers" in said
    assert "NOT recorded: " in said
    assert "who recorded it" in said.partition("Recorded and checked")[0]
    assert SAID[status] in said

    well_again(switches)
    await retried(house, visitor)


@pytest.mark.parametrize("kind", SCREEN)
@pytest.mark.parametrize("status", [422, 409])
async def test_one_refused_entry_refuses_a_whole_transaction_and_is_named_where_it_can_be(
    house: Any, visitor: Any, switches: Switches, kind: str, status: int
) -> None:
    """Where it is sure that nothing was done, each goes on its own, up to the one that is not taken."""
    await to_respond(visitor)
    switches.refuse[("POST", kind)] = status

    await visitor.post(QUICK)

    assert SAID[status] in await kept_and_unrecorded(house, visitor)
    held = holds(house)
    assert kind not in held
    assert bool(held) is (status == 422 and kind != "QuestionnaireResponse")
    well_again(switches)
    await retried(house, visitor)


@pytest.mark.parametrize("way", ["transaction", "one by one"])
@pytest.mark.parametrize("fault", ["hangs", "hangs up"])
async def test_a_record_that_gets_no_answer_is_open_until_it_is_looked_at(
    house: Any, visitor: Any, switches: Switches, fault: str, way: str
) -> None:
    switches.no_transaction = way == "one by one"
    await to_respond(visitor)
    switches.at = ("POST", "*")
    switches.hang, switches.hang_up = (30.0, False) if fault == "hangs" else (0.0, True)

    with patience(fault):
        await visitor.post(QUICK)

    said = await kept_and_unrecorded(house, visitor)
    assert "No answer came: it may be there or not: the answers" in said
    assert (
        "Look in the record first. Then try again here: what is already there is not entered twice." in said
    )
    well_again(switches)
    await retried(house, visitor)


@pytest.mark.parametrize("fault", ["hangs", "hangs up"])
async def test_a_dead_record_system_is_told_and_nothing_was_sent(
    house: Any, visitor: Any, switches: Switches, fault: str
) -> None:
    await to_respond(visitor)
    switches.hang, switches.hang_up = (30.0, False) if fault == "hangs" else (0.0, True)

    with patience(fault):
        await visitor.post(QUICK)

    assert "Nothing was sent." in await kept_and_unrecorded(house, visitor)
    assert holds(house) == {}
    well_again(switches)
    await retried(house, visitor)


@pytest.mark.parametrize("way", ["transaction", "one by one"])
@pytest.mark.parametrize("lost", [True, "hang-up"])
@pytest.mark.parametrize("conditional", [True, False])
async def test_an_answer_that_is_lost_after_storing_is_looked_up(
    house: Any, visitor: Any, switches: Switches, lost: Any, way: str, conditional: bool
) -> None:
    switches.no_transaction, switches.no_conditional_create = way == "one by one", not conditional
    await to_respond(visitor)
    switches.lose_answer = lost

    await visitor.post(QUICK)
    await visitor.get("done")

    assert (await visit_of(house, visitor)).state is VisitState.RECORDED
    assert "Recorded and checked: the answers, the results, a flag, who recorded it." in words(visitor.page)
    assert holds(house) == SCREEN


def _hanging_once_it_is_stored(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Switches.before

    async def hanging(self: Switches, method: str, what: str) -> None:
        if method == "GET" and holds(house):
            await asyncio.sleep(30)
        await before(self, method, what)

    monkeypatch.setattr(Switches, "before", hanging)


async def test_a_record_system_that_hangs_at_the_reading_back_is_told_as_open_in_time(
    house: Any, visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In time: of the ten seconds that one request gets, a clinician can wait for three, not for ten."""
    one_request = 0.5  # long beside what all else takes, on a busy machine too
    await to_respond(visitor)
    with monkeypatch.context() as hanging:
        _hanging_once_it_is_stored(house, hanging)
        started = asyncio.get_running_loop().time()
        with patience("hangs", one_request):
            await visitor.post(QUICK)
        took = asyncio.get_running_loop().time() - started

    said = await kept_and_unrecorded(house, visitor)
    assert "it could not be read back" in said
    assert holds(house) == SCREEN
    await retried(house, visitor)
    assert took < 3 * one_request + 1.0, f"{took / one_request:.0f} times what one request may take"


@pytest.mark.parametrize("kind", ["Observation", "QuestionnaireResponse", "Flag"])
async def test_a_label_that_is_lost_is_an_alarm(
    house: Any, visitor: Any, switches: Switches, kind: str
) -> None:
    """The sign-in has no right to take it out again."""
    switches.narrow_scopes = {scope for scope in WITHDRAWAL.split() if scope.endswith(".ud")}
    await to_respond(visitor)
    switches.drop_labels = {kind}

    await visitor.post(QUICK)

    said = await kept_and_unrecorded(house, visitor)
    assert "ALARM: stored without protection" in said
    assert 'role="alert"' in visitor.page.text
    assert "Open the record now, hide these entries from online access or remove them" in said
    assert "Recorded and checked" in said, "the others are"

    await visitor.post({"action": "retry"})
    await kept_and_unrecorded(house, visitor)
    assert holds(house) == SCREEN
    await visitor.post({"action": "by-hand"})
    assert (await visit_of(house, visitor)).state is VisitState.CLOSED


async def test_labels_that_only_lists_lack_are_unconfirmed(
    house: Any, visitor: Any, switches: Switches
) -> None:
    await to_respond(visitor)
    switches.labels_missing_in_search = True

    await visitor.post(QUICK)
    await visitor.get("done")

    assert (await visit_of(house, visitor)).state is VisitState.RECORDED
    said = words(visitor.page)
    assert "lists in the record system may show it without its protection" in said
    assert "Recorded and checked" not in said
    assert "Look in the record at the end of the visit." in said


async def test_a_sign_in_that_has_ended_says_to_open_the_page_anew_and_that_completes_it(
    house: Any, visitors: Callable[[], Any], switches: Switches
) -> None:
    """To try again here can never help: the visit has one token."""
    visitor, later = visitors(), visitors()
    await to_respond(visitor)
    switches.refuse[("*", "*")] = 401
    await visitor.post(QUICK)
    said = await kept_and_unrecorded(house, visitor)
    well_again(switches)

    await later.launch("anna-woman")
    await later.post({"resume": visitor.visit})
    later.visit = visitor.visit
    assert later.step == "done"
    await retried(house, later)
    assert "from the patient's record" in said, "it says what helps"


# --- the referral ------------------------------------------------------------------------------------------


async def received_one(house: Any, visitor: Any) -> None:
    """The service has it, and the page says so."""
    await attempted(house, visitor)
    assert received(house) == 1
    assert "Received by Millbrook mothers" in words(await visitor.get("sent"))


async def attempted(house: Any, visitor: Any) -> Any:
    """The referral once its first delivery has been tried, by whomever."""
    for _ in range(200):
        await house.app.state.rooms.dispatcher.run_once()
        (referral,) = await house.app.state.rooms.store.referrals.of_visit(visitor.visit)
        if referral.state != "queued" or referral.words:
            return referral
        await asyncio.sleep(0.01)
    raise AssertionError("nobody has tried to deliver it")


@pytest.mark.parametrize(("status", "way"), REFUSALS)
async def test_a_referral_that_the_record_refuses_reaches_the_service_all_the_same(
    house: Any, visitor: Any, switches: Switches, status: int, way: str
) -> None:
    switches.no_transaction = way == "one by one"
    await to_refer(visitor)
    switches.refuse[WAYS[way]] = status

    await visitor.post(SHEET)

    assert visitor.step == "sent"
    said = words(visitor.page)
    assert "NOT recorded: the referral, the task that follows it, what was agreed." in said
    assert SAID[status] in said
    assert "by hand" in said
    assert holds(house) == SCREEN
    await received_one(house, visitor)

    well_again(switches)
    await visitor.get("refer")
    await visitor.post(SHEET)
    assert "NOT recorded" not in words(visitor.page)
    assert holds(house) == SCREEN | REFERRAL
    await received_one(house, visitor)


async def test_the_page_offers_the_other_try_that_it_asks_for(
    house: Any, visitor: Any, switches: Switches
) -> None:
    await to_refer(visitor)
    switches.refuse[("POST", "*")] = 422

    await visitor.post(SHEET)

    asks, offers = "Try again" in words(visitor.page), 'value="retry"' in visitor.page.text
    assert offers or not asks, "it says to try again, and there is no way to do so"


@pytest.mark.parametrize("way", ["transaction", "one by one"])
@pytest.mark.parametrize("fault", ["hangs", "hangs up", "loses the answer", "loses the answer and hangs up"])
async def test_a_referral_that_gets_no_answer_is_there_once(
    house: Any, visitor: Any, switches: Switches, fault: str, way: str
) -> None:
    switches.no_transaction = way == "one by one"
    await to_refer(visitor)
    switches.at = ("POST", "*")
    switches.hang, switches.hang_up = 30.0 * (fault == "hangs"), fault == "hangs up"
    switches.lose_answer = "hang-up" if fault.endswith("and hangs up") else fault.startswith("loses")

    with patience(fault):
        await visitor.post(SHEET)

    said = words(visitor.page)
    if switches.lose_answer:
        assert "Recorded and checked: the referral, the task that follows it, what was agreed." in said
    else:
        assert "No answer came: it may be there or not" in said
    await received_one(house, visitor)
    well_again(switches)
    await visitor.get("refer")
    await visitor.post(SHEET)
    assert holds(house) == SCREEN | REFERRAL
    await received_one(house, visitor)


async def test_a_referral_whose_label_is_lost_is_an_alarm(
    house: Any, visitor: Any, switches: Switches
) -> None:
    await to_refer(visitor)
    switches.drop_labels = {"ServiceRequest"}

    await visitor.post(SHEET)

    said = words(visitor.page)
    assert "ALARM: its protection was not kept, so it was taken back: the referral, the task" in said
    assert holds(house) == SCREEN, "what was recorded before stands there with its labels"
    await received_one(house, visitor)


async def test_a_record_that_fails_keeps_nobody_from_help_and_the_receipt_stays_in_sight(
    house: Any, visitor: Any, switches: Switches
) -> None:
    await to_respond(visitor)
    switches.refuse[("*", "*")] = 500
    await visitor.post(QUICK)
    await kept_and_unrecorded(house, visitor)

    await visitor.get("refer")
    await visitor.post(SHEET)
    assert visitor.step == "sent"
    await received_one(house, visitor)
    await kept_and_unrecorded(house, visitor)

    well_again(switches)
    await retried(house, visitor)
    assert "Received by Millbrook mothers" in words(await visitor.get("sent"))


# --- the launch --------------------------------------------------------------------------------------------

AT_LAUNCH = {"token": ("POST", "token"), "patient": ("GET", "Patient"), "metadata": ("GET", "metadata")}


@pytest.mark.parametrize("what", AT_LAUNCH)
async def test_a_launch_that_the_record_system_does_not_serve_is_a_plain_page(
    house: Any, visitors: Callable[[], Any], switches: Switches, what: str
) -> None:
    for fault in (*STATUSES, "hangs", "hangs up"):
        visitor = visitors()
        if isinstance(fault, int):
            switches.refuse[AT_LAUNCH[what]] = fault
        else:
            switches.at = AT_LAUNCH[what]
            switches.hang, switches.hang_up = 30.0 * (fault == "hangs"), fault == "hangs up"

        with patience(fault):
            await visitor.launch("anna-woman")

        said = words(visitor.page, 502, 504)
        assert 'data-step="problem"' in visitor.page.text
        assert "Whitfield" not in said
        assert re.search(r"from the patient's record|system manager", said), (fault, said)
        assert not visitor.visit
        well_again(switches)
        await visitor.launch("anna-woman")
        assert visitor.step == "start", f"after {fault} the next launch works"


@pytest.mark.parametrize("fault", [404, 500, "hangs", "hangs up"])
async def test_a_record_system_that_does_not_say_where_to_sign_in(
    house: Any, visitor: Any, switches: Switches, fault: Any
) -> None:
    for what in ("smart-configuration", "metadata"):
        if isinstance(fault, int):
            switches.refuse[("GET", what)] = fault
    if not isinstance(fault, int):
        switches.at = ("GET", "smart-configuration")
        switches.hang, switches.hang_up = 30.0 * (fault == "hangs"), fault == "hangs up"

    with patience(fault):
        await visitor.launch("anna-woman")

    assert re.search(r"from the patient's record|system manager", words(visitor.page, 502, 504))
    well_again(switches)
    await visitor.launch("anna-woman")
    assert visitor.step == "start"


async def test_without_smart_configuration_the_older_place_is_read(visitor: Any, switches: Switches) -> None:
    switches.refuse[("GET", "smart-configuration")] = 404

    await visitor.launch("anna-woman")

    assert visitor.step == "start"


# --- the service -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 404, 410, 422])
async def test_a_service_that_refuses_is_told_as_refused(house: Any, visitor: Any, status: int) -> None:
    house.charity.state.sandbox.switches.refuse = status
    await to_refer(visitor)

    await visitor.post(SHEET)
    referral = await attempted(house, visitor)

    assert referral.state == "refused"
    said = words(await visitor.get("sent"))
    assert "Millbrook mothers did not take it. Nothing was lost: ring 01632 960021 now." in said
    assert "Received" not in said
    assert received(house) == 0


LATER: dict[str, dict[str, Any]] = {
    "busy": {"refuse": 429},
    "failing": {"refuse": 500},
    "away": {"refuse": 503},
    "hanging": {"hang": 30.0},
    "hanging up": {"hang_up": True},
    "losing the answer": {"lose_answer": True},
    "losing the answer and hanging up": {"lose_answer": "hang-up"},
}


@pytest.mark.parametrize("fault", LATER)
async def test_a_service_that_cannot_take_it_now_gets_it_once_later(
    house: Any, visitor: Any, fault: str
) -> None:
    switches = house.charity.state.sandbox.switches
    for name, value in LATER[fault].items():
        setattr(switches, name, value)
    await to_refer(visitor)

    with patience(fault):
        await visitor.post(SHEET)
        assert "Kept safely, not yet received by Millbrook mothers" in words(visitor.page)
        referral = await attempted(house, visitor)
    assert referral.state == "queued"
    assert "Kept safely, not yet received" in words(await visitor.get("sent")), "until it is known"
    stored = received(house)
    assert stored == (1 if "losing" in fault else 0)

    for name in LATER[fault]:
        setattr(switches, name, getattr(type(switches)(), name))
    house.clock.forward(minutes=20)
    await house.app.state.rooms.dispatcher.run_once()

    assert received(house) == 1
    assert "Received by Millbrook mothers" in words(await visitor.get("sent"))


async def test_a_service_that_is_away_for_days_is_told_as_not_reached(
    house: Any, visitors: Callable[[], Any]
) -> None:
    visitor = visitors()
    house.charity.state.sandbox.switches.refuse = 503
    await to_refer(visitor)
    await visitor.post(SHEET)
    await attempted(house, visitor)

    async def goes_on(**by: float) -> Any:
        """Time passes, and what is due meanwhile is tried."""
        for _ in range(6):
            house.clock.forward(**{unit: number / 6 for unit, number in by.items()})
            await house.app.state.rooms.dispatcher.run_once()
        (referral,) = await house.app.state.rooms.store.referrals.of_visit(visitor.visit)
        return referral

    for _ in range(13):
        assert (await goes_on(days=1)).state == "queued"
    referral = await goes_on(days=2)
    assert referral.state == "refused"
    assert "could not be delivered for two weeks" in str(referral.words)
    assert received(house) == 0
